"""The front: every row accounted for, every fault one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from data_tables import Write

from ringsmith.data import ReadFindings, as_frame, read_like, read_table
from ringsmith.errors import ColumnError, InputError, LabelError, ReadError

GOOD = "".join(f"a fine text number {i},{'good' if i % 2 else 'bad'}\n" for i in range(10))


def test_every_row_has_one_fate(write: Write) -> None:
    """Empty texts, missing labels and both (counted once); row numbers are those of the source."""
    table = read_table(write("t.csv", "text,label\none text,a\n,b\nno label,\n,\n   ,a\nlast text, b \n"))
    assert (table.texts.texts, table.texts.labels, table.texts.rows.tolist()) == (["one text", "last text"], ["a", "b"], [0, 5])
    found = table.findings
    assert (found.rows_read, found.rows_used) == (6, 2)
    assert found.dropped == {"empty text": 3, "no label": 1}
    assert found.examples == {"empty text": ["line 3", "line 5", "line 6"], "no label": ["line 4"]}
    assert found.notes == ["1 label had blanks around, which were taken off."]


def test_findings_survive_json(write: Write) -> None:
    """They are a record."""
    found = read_table(write("t.csv", "text,label\n" + GOOD)).findings
    assert ReadFindings.from_json(found.to_json()) == found
    assert (found.format, found.encoding, found.delimiter, found.header, found.columns) == ("delimited", "utf-8", ",", True, ["text", "label"])


def test_texts_keep_their_blanks_and_line_ends(write: Write) -> None:
    """Only labels are stripped: what a text means is the text steps' business."""
    assert read_table(write("t.tsv", "text\tlabel\n  two blanks  \t1\nother\t0\n")).texts.texts == ["  two blanks  ", "other"]


def test_groups_pairs_and_times_come_along(write: Write) -> None:
    """Row by row, in the rows that are used."""
    path = write("t.csv", "premise,hypothesis,label,author,day\na b c,d e f,1,ann,2024-01-02\n,x,1,bob,2024-01-01\ng h i,,0,cid,2024-01-01\nj k l,m n o,0,,2023-12-31\n")
    table = read_table(path, group="author", time="day")
    assert (table.texts.texts, table.texts.pairs, table.texts.groups) == (["a b c", "j k l"], ["d e f", "m n o"], ["ann", ""])
    assert table.findings.dropped == {"empty text": 1, "empty second text": 1}
    assert table.times is not None
    assert np.diff(table.times).tolist() == [-2 * 86_400]


@pytest.mark.parametrize("asked", [None, "split"])
def test_rows_whose_split_is_blank_are_left_out(write: Write, asked: str | None) -> None:
    """A column that was found and followed was refused for them; those of a second table test all the same."""
    path = write("t.csv", "text,label,split\na b,1,train\nc d,0, \ne f,1,test\ng h,0,train\ni j,0,\n")
    table = read_table(path, split=asked)
    assert (table.split_names, table.findings.dropped) == (["train", "test", "train"], {"no split": 2})
    assert table.findings.examples == {"no split": ["line 3", "line 6"]}
    assert len(read_like(path, table.findings).texts) == 5


def test_blanks_around_the_name_of_a_group_make_no_other_group(write: Write) -> None:
    """It would stand on both sides of a split; a name of blanks only is none."""
    table = read_table(write("t.csv", "text;label;author\na b;1;ann\nc d;0;ann \ne f;1;  \n"), group="author")
    assert table.texts.groups == ["ann", "ann", ""]


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["2024-01-01", "2024-01-02"], 86_400),
        (["2024-01-01 10:00", "2024-01-01 10:01"], 60),
        (["2024-01-01T10:00:00Z", "2024-01-01T10:00:01Z"], 1),
        (["31.12.2023", "01.01.2024"], 86_400),
        (["12/31/2023", "01/01/2024"], 86_400),
        (["1704067200", "1704067260.5"], 60.5),
        (["2023", "2024"], 1),
        (["31/12/2023 18:00", "1/1/2024 8:00"], 50_400),
        (["12/31/2023 11:59 PM", "1/1/2024 12:01 AM"], 120),
        (["31.12.2023 18:00:05", "31.12.2023 18:00:09"], 4),
        (['"Mon, 3 Feb 2025 10:00:00 +0000"', '"Mon, 03 Feb 2025 10:00:00 -0100"'], 3_600),
        (["Wed Aug 27 13:08:45 +0000 2008", "Wed Aug 27 13:08:46 +0000 2008"], 1),
        (["Mon Apr 06 22:19:45 PDT 2009", "Mon Apr 06 22:19:49 PDT 2009"], 4),
        (['"Jan 5, 2024"', '"January 06, 2024"'], 86_400),
        (["5 Jan 2024", "6 January 2024"], 86_400),
        (["05-Jan-2024", "06-Jan-2024"], 86_400),
        (["31-12-2023", "01-01-2024"], 86_400),
    ],
)
def test_times_in_many_spellings(write: Write, cells: list[str], seconds: float) -> None:
    """Dates, times and numbers; only their order matters."""
    table = read_table(write("t.csv", f"text,label,when\nsome text,1,{cells[0]}\nother text,0,{cells[1]}\n"), time="when")
    assert table.times is not None
    assert float(np.diff(table.times)[0]) == seconds


@pytest.mark.parametrize(("last", "told"), [("05/04/2024", True), ("13/04/2024", False), ("04/13/2024", False)])
def test_days_that_could_be_months_are_told(write: Write, last: str, *, told: bool) -> None:
    """Unless one row cannot be read both ways."""
    notes = read_table(write("t.csv", f"text,label,when\nsome text,1,03/04/2024\nother text,0,{last}\n"), time="when").findings.notes
    sentence = "Times in 'when' were read with the day first, '03/04/2024' as day/month/year: no row tells. If the month comes first, write them as year-month-day."
    assert (sentence in notes) == told
    clock = read_table(write("t.csv", f"text,label,when\nsome text,1,03/04/2024 10:00\nother text,0,{last} 8:00 \n"), time="when").findings.notes
    assert (sentence.replace("'03/04/2024'", "'03/04/2024 10:00'") in clock) == told


def test_a_time_that_is_none_is_named(write: Write) -> None:
    """With its line."""
    with pytest.raises(ColumnError, match=r"line 3: --time needs a time in every row .*; got 'soon' in 'when', and so in 1 row\."):
        read_table(write("t.csv", "text,label,when\nsome text,1,2024-01-01\nother text,0,soon\n"), time="when")


def test_a_second_table_is_read_with_the_columns_of_the_first(write: Write) -> None:
    """Even where other columns look better in it."""
    first = read_table(write("a.csv", "summary,review,stars\n" + "short one,the whole long review,5\nso so,another long review,1\n" * 2), text="summary", label="stars")
    second = read_like(write("b.csv", "stars,review,summary,label\n5,the long one,tiny,x\n1,other,small,y\n"), first.findings)
    assert (second.texts.texts, second.texts.labels) == (["tiny", "small"], ["5", "1"])
    with pytest.raises(ColumnError, match=r"columns of the first, .*a\.csv; there is none called 'summary'\. Its columns are: 'stars', 'review'\. Give them the same names"):
        read_like(write("c.csv", "stars,review\n5,x y z\n1,d e f\n"), first.findings)


def test_a_second_table_has_its_groups_and_times_within_objects_and_in_other_letters_too(write: Write) -> None:
    """Or each of its rows would be counted as a group of its own."""
    lines = [json.dumps({"text": f"some text {i}", "label": "ab"[i % 2], "by": {"author": f"a{i % 3}"}, "When": 2000 + i}) for i in range(6)]
    path = write("t.jsonl", "\n".join(lines))
    first = read_table(path, group="by.author", time="When")
    second = read_like(write("s.jsonl", path.read_text(encoding="utf-8").replace("When", "when")), first.findings)
    assert (second.texts.groups, second.findings.time_column) == (["a0", "a1", "a2"] * 2, "when")


def test_a_test_table_of_single_labels_joins_a_multi_label_one(write: Write) -> None:
    """One label is a list of one."""
    first = read_table([("a b", ["x", "y"]), ("c d", ["x"])])
    assert read_like([("e f", "x"), ("g h", "y")], first.findings).texts.labels == [("x",), ("y",)]


BAD = {
    "header only": ("text,label\n", ReadError, r"t\.csv: a table needs rows; the file has a header \(text, label\) and no rows under it"),
    "one column": ("text\na b c\nd e f\n", ColumnError, "the table has one column"),
    "all texts empty": ("text,label\n,a\n ,b\n", InputError, "rows with a text and a label are needed; of 2 rows 2 have empty text"),
    "no labels": ("text,label\na b,\nc d,nan\n", LabelError, "labels are needed; the column 'label' is empty in all 2 rows"),
    "numbers as text": ("text,label\n1,a\n2,b\n3,a\n4,b\n", ColumnError, "the text column must hold texts"),
    "duplicated names": ("text,label,label\na b,1,2\nc d,1,2\n", ColumnError, "every column needs a name of its own; 'label' is the name of columns 2 and 3"),
    "empty": ("", ReadError, "the file is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_get_one_sentence(write: Write, case: str) -> None:
    """What, where, what to do; never a traceback of another library."""
    content, kind, sentence = BAD[case]
    with pytest.raises(kind, match=sentence) as caught:
        read_table(write("t.csv", content))
    assert "\n" not in str(caught.value)


def test_a_ten_megabyte_cell_is_refused_with_its_line(write: Write) -> None:
    """Five megabytes pass."""
    rows = "text,label\nfirst one,1\n{},0\n"
    with pytest.raises(InputError, match=r"line 3: a text may have at most 5 MB; got 10\.0 MB in 'text'\. A quote that is never closed is the usual cause"):
        read_table(write("t.csv", rows.format("word " * 2_000_000)))
    assert read_table(write("t.csv", rows.format("word " * 1_000_000))).findings.rows_used == 2


def test_rows_as_a_frame() -> None:
    """A key that a row lacks is null there."""
    assert as_frame([{"a": 1}, {"a": 2, "b": "x"}]).rows() == [(1, None), (2, "x")]
