"""CSV, TSV and relatives: the traps in which rows get lost."""

from __future__ import annotations

import numpy as np
import pytest
from data_tables import Write

from ringsmith.data.formats import delimited
from ringsmith.data.raw import RawTable
from ringsmith.data.read import read_raw, read_table
from ringsmith.data.scan import Dialect, parse, scan
from ringsmith.errors import ColumnError, OptionError, ReadError


def rows(table: RawTable) -> list[tuple[object, ...]]:
    """All rows as tuples."""
    return table.frame.rows()


def test_stray_quotes_in_a_tab_file_lose_no_row(write: Write) -> None:
    """A quote at the beginning of a cell opens nothing where the file has no quoting (the SMS spam trap)."""
    lines = [f'ham\t"message {i} has a stray quote' if i in (3, 17) else f'spam\tmessage {i} says "hi" to you' for i in range(30)]
    table = read_raw(write("sms.txt", "\n".join(lines) + "\n"))
    assert table.quote is None
    assert rows(table) == [tuple(line.split("\t")) for line in lines]


def test_a_stray_quote_far_behind_the_sample_loses_no_row(write: Write) -> None:
    """The sample knows no quotes; the rest of the file does."""
    lines = [f"text number {i}\t{i % 2}" for i in range(9_000)] + ['"oops, never closed\t1', "after\t0"]
    table = read_raw(write("long.tsv", "text\tlabel\n" + "\n".join(lines) + "\n"))
    assert len(table.frame) == 9_002
    assert rows(table)[-2:] == [('"oops, never closed', "1"), ("after", "0")]


def test_a_csv_that_turns_to_quotes_behind_the_sample_is_read_with_them(write: Write) -> None:
    """Commas and line ends inside quotes far down the file stay inside their cells."""
    lines = [f"text number {i},{i % 2}" for i in range(9_000)] + ['"one, two\nthree",1']
    table = read_raw(write("long.csv", "text,label\n" + "\n".join(lines) + "\n"))
    assert (len(table.frame), table.quote) == (9_001, '"')
    assert rows(table)[-1] == ("one, two\nthree", "1")


def test_multi_line_cells_and_doubled_quotes(write: Write) -> None:
    """A cell may hold line ends, delimiters and quotes."""
    table = read_raw(write("t.csv", 'text,label\n"He said ""no"",\nand left",bad\nfine,good\n'))
    assert rows(table) == [('He said "no",\nand left', "bad"), ("fine", "good")]
    assert table.lines is not None
    assert table.lines.tolist() == [2, 4]


def test_a_quote_in_the_middle_of_a_cell_is_text(write: Write) -> None:
    """A 5-inch screen does not swallow the following rows, even where other cells are quoted."""
    table = read_raw(write("t.csv", 'text,label\na 5" screen,good\n"big, bright",good\nan 8" one,bad\n'))
    assert rows(table) == [('a 5" screen', "good"), ("big, bright", "good"), ('an 8" one', "bad")]


def test_quotes_escaped_by_backslashes(write: Write) -> None:
    """Some databases write them so; a backslash elsewhere is a backslash."""
    table = read_raw(write("t.csv", 'text,label\n"he said \\"hi, you\\" to me",a\n"fine, ok",b\nC:\\new,c\n'))
    assert rows(table) == [('he said "hi, you" to me', "a"), ("fine, ok", "b"), ("C:\\new", "c")]
    assert table.notes == ['Quotes inside cells are written with a backslash (\\").']


def test_semicolons_with_single_quotes(write: Write) -> None:
    """The other European dialect."""
    table = read_raw(write("t.csv", "text;label\n'good; cheap';1\n'it''s bad';0\n'so, so';0\n"))
    assert (table.delimiter, table.quote) == (";", "'")
    assert rows(table) == [("good; cheap", "1"), ("it's bad", "0"), ("so, so", "0")]


@pytest.mark.parametrize(
    ("delimiter", "asked"), [("^", "^"), ("~", "~"), ("#", "#"), (":", ":"), ("\x1f", "\x1f"), ("\t", "tab"), ("\t", "\\t"), ("|", "PIPE"), (";", "semicolon")]
)
def test_an_odd_delimiter_is_named(write: Write, delimiter: str, asked: str) -> None:
    """What it stands between is found as ever: quotes, header, columns; also where the sample knows nothing of what comes."""
    cells = [("text", "label"), *((f'good, {i}; "so" it is' if i % 2 else f"a{delimiter} b", str(i % 2)) for i in range(8_000))]
    quoted = [(f'"{text.replace(chr(34), chr(34) * 2)}"' if delimiter in text or '"' in text else text, label) for text, label in cells]
    table = read_raw(write("t.csv", "".join(f"{delimiter.join(row)}\n" for row in quoted)), delimiter=asked)
    assert (table.delimiter, table.quote, table.frame.columns) == (delimiter, '"', ["text", "label"])
    assert rows(table) == cells[1:]


def test_a_delimiter_that_is_named_is_taken_against_all_evidence(write: Write) -> None:
    """Each line has one comma and one bar; who knows which is which says so."""
    lines = "".join(f"na,ja{i}|{i % 2}\n" for i in range(30))
    assert rows(read_raw(write("t.csv", lines)))[0] == ("na", "ja0|0")
    assert rows(read_raw(write("t.csv", lines), delimiter="|"))[0] == ("na,ja0", "0")


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_a_comma_with_a_blank_behind_it_is_prose(write: Write, delimiter: str) -> None:
    """One in every line, no header: as even as the delimiter."""
    lines = [(f"well, number {i}", "ab"[i % 2]) for i in range(30)]
    assert rows(read_raw(write("t.csv", "".join(f"{text}{delimiter}{label}\n" for text, label in lines)))) == lines


@pytest.mark.parametrize("asked", ["", "||", ", ", "a", "7", '"', "'", " ", "\n", "\x01", "é", "；", "nonsense"])
def test_nonsense_for_a_delimiter_is_refused(write: Write, asked: str) -> None:
    """Before the file is opened; two bars are one that is there twice."""
    with pytest.raises(OptionError, match=r"'delimiter' must be one character that words and quotes do not need: .* got ") as caught:
        read_raw("nowhere.csv", delimiter=asked)
    assert ("Name one of them ('|')" in str(caught.value)) is (asked == "||")


def test_a_delimiter_that_stands_nowhere_is_refused(write: Write) -> None:
    """The beginning of the file shows what does."""
    with pytest.raises(ReadError, match=r"t\.csv: the delimiter must stand between the cells; '\^' \(--delimiter\) stands nowhere in the file, which begins with 'text,label'"):
        read_raw(write("t.csv", "text,label\na b,1\n"), delimiter="^")


def test_a_delimiter_is_not_for_other_formats(write: Write) -> None:
    """It is said, not refused: a test table may be of another format than the table it belongs to."""
    table = read_raw(write("t.jsonl", '{"text": "a b", "label": "x"}\n{"text": "c d", "label": "y"}\n'), delimiter=";")
    assert table.notes[-1] == "The file is jsonl, which has no delimiter: --delimiter was not needed."
    with pytest.raises(ReadError, match=r"with commas or, in \.tsv, tabs; got --delimiter ;\. Download the file"):
        read_raw("hf://datasets/a/b/c.csv", delimiter=";")


def test_a_text_in_apostrophes_keeps_them(write: Write) -> None:
    """One cell of many that begins and ends with an apostrophe is no proof of quoting; a doubled one is."""
    lines = "".join(f"text number {i},{i % 2}\n" for i in range(20))
    assert rows(read_raw(write("t.csv", f"text,label\n{lines}'what a film',1\n")))[-1] == ("'what a film'", "1")
    assert rows(read_raw(write("t.csv", f"text,label\n{lines}'what''s on',1\n")))[-1] == ("what's on", "1")


def test_apostrophes_are_no_quotes(write: Write) -> None:
    """``'tis`` and ``don't`` do not make single quotes the quote character."""
    table = read_raw(write("t.csv", "text,label\n'tis good,1\ndon't buy,0\nthe boys' toy,1\n'ello there,1\n"))
    assert rows(table) == [("'tis good", "1"), ("don't buy", "0"), ("the boys' toy", "1"), ("'ello there", "1")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(write: Write, end: str) -> None:
    """LF, CRLF and CR alone."""
    table = read_raw(write("t.csv", end.join(["text,label", "a b,1", "c d,0", ""])))
    assert rows(table) == [("a b", "1"), ("c d", "0")]


def test_unicode_line_ends_inside_cells_stay_there(write: Write) -> None:
    """NEL, U+2028, form feed and vertical tab end no row: only LF does."""
    cells = ["one\x85two", "three\u2028four", "five\x0csix", "seven\x0beight", "nine\x1cten"]
    table = read_raw(write("t.tsv", "text\tlabel\n" + "".join(f"{cell}\t1\n" for cell in cells)))
    assert [row[0] for row in rows(table)] == cells


def test_a_lone_carriage_return_inside_a_cell_stays_there(write: Write) -> None:
    """CR ends a line only before LF, or where there is no LF at all."""
    table = read_raw(write("t.csv", "text,label\na\rb,1\nc,0\n"))
    assert rows(table) == [("a\rb", "1"), ("c", "0")]


def test_empty_cells_blank_lines_and_short_rows_are_kept_and_told(write: Write) -> None:
    """Nothing disappears without a note; blank lines are no rows."""
    table = read_raw(write("t.csv", "text,label\n\na,1\n,0\nb\n\n"))
    assert rows(table) == [("a", "1"), (None, "0"), ("b", None)]
    assert table.notes == ["2 blank lines were skipped.", "1 row has fewer than 2 cells (first: line 5); the missing cells are empty."]


def test_one_row_with_too_many_cells_is_left_out_and_counted(write: Write) -> None:
    """An accident is dropped, with its line."""
    found = read_table(write("t.csv", "text,label\n" + "fine text here,1\nbad text here,0\n" * 5 + "one, two,1\n")).findings
    assert (found.rows_read, found.rows_used, found.dropped, found.examples) == (11, 10, {"too many cells": 1}, {"too many cells": ["line 12"]})


def test_many_rows_with_too_many_cells_are_refused(write: Write) -> None:
    """A file that is not what it seems is not half read."""
    path = write("t.csv", "text,label\n" + "yes, I like it,1\nno good,0\nwell, no, never,0\n" * 4)
    with pytest.raises(ReadError, match=r"t\.csv:2: every row must have 2 cells \(delimiter: comma, quote: none\); got 3 here, and more than 2 in 8 of 12 rows"):
        read_raw(path)


def test_duplicated_column_names_are_refused(write: Write) -> None:
    """Which of the two would be meant?"""
    with pytest.raises(ColumnError, match="every column needs a name of its own; 'text' is the name of columns 1 and 3"):
        read_raw(write("t.csv", "text,label,text\na b c,1,x\nd e f,0,y\n"))


def test_column_names_of_several_lines_are_put_on_one(write: Write) -> None:
    """Spreadsheets break long headings; a message must stay one line."""
    assert read_raw(write("t.csv", '"the\n text ",label\nso good,a\nso bad,b\n')).frame.columns == ["the text", "label"]
    with pytest.raises(ReadError, match=r"the file has a header \(the text, label\) and no rows"):
        read_raw(write("t.csv", '"the\ntext",label\n'))


def test_nameless_columns_that_hold_nothing_are_left_out(write: Write) -> None:
    """Spreadsheets leave trailing delimiters behind."""
    table = read_raw(write("t.csv", "v1,v2,,\nham,see you soon,,\nspam,win a prize now,,\nham,hello there,,\n"))
    assert table.frame.columns == ["v1", "v2"]
    assert table.notes == ["2 nameless empty columns were left out."]


def test_row_names_without_a_header_and_delimiters_too_many(write: Write) -> None:
    """R's tables have one name fewer than cells; some programs end every row with a delimiter."""
    r = read_raw(write("r.csv", 'text,label\n"1",so good,a\n"2",so bad,b\n'))
    assert (r.frame.columns, rows(r)[1]) == (["row", "text", "label"], ("2", "so bad", "b"))
    trailing = read_raw(write("t.csv", "text,label\nso good,a,\nso bad,b,\n"))
    assert rows(trailing) == [("so good", "a"), ("so bad", "b")]
    assert trailing.notes == ["Every row ends in a delimiter too many."]


def test_a_text_with_a_comma_in_every_row_is_no_name_of_it(write: Write) -> None:
    """Half of each text was taken for R's row names, and lost."""
    rows = "".join(f"I came here {i} times, never again,bad\n" for i in range(20))
    with pytest.raises(ReadError, match=r"t\.csv:2: every row must have 2 cells .*; got 3 here, .* Put cells that hold the delimiter in quotes"):
        read_raw(write("t.csv", "text,label\n" + rows))


def test_the_separator_line_of_spreadsheets_is_no_row(write: Write) -> None:
    """``sep=;`` before the header; line numbers still count it."""
    table = read_raw(write("t.csv", "sep=;\r\ntext;label\r\nso good;a\r\nso bad;b\r\n"))
    assert (rows(table), table.delimiter) == ([("so good", "a"), ("so bad", "b")], ";")
    assert table.lines is not None
    assert table.lines.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("text,label\ngood one,1\nbad one,0\n", True),
        ("ham\tsee you soon\nspam\twin a prize\nham\thello you\nham\tok\n", False),
        ("A plane is taking off.,An air plane is taking off.,5.0\nA man plays.,A man sings.,3.8\nTwo dogs run.,A cat sleeps.,0.5\n", False),
        ("v1,v2\nham,see you soon\nham,hello\nspam,win a prize\n", True),
        ("texto;categoría\nmuy bueno;a\nmuy malo;b\n", True),
        ("spam,text\nham,see you soon\nspam,win a prize\nham,hello you\nspam,free\n", True),
        ("q1,q2,same\nwhat is it,what was it,no\nhow so,why so,same\nwho,who is it,same\n", True),
        ("spam,win\nham,see you soon\nspam,win a prize\nham,hello you\nspam,free\n", False),
        ("1,text\n0,see you soon\n1,win a prize\n0,hello you\n1,free\n", False),
        ("9976970\t아 더빙\t0\n3819312\t흠 포스터\t1\n1026576\t너무 재밓었다\t0\n", False),
    ],
)
def test_headers_are_told_from_rows(write: Write, content: str, header: bool) -> None:
    """By known names, or by being unlike what stands below."""
    table = read_raw(write("t.txt", content))
    assert table.header is header
    assert len(table.frame) == content.count("\n") - header
    assert any("was taken for a row like the others" in note for note in table.notes) is not header


def test_a_header_by_its_looks_alone_is_said(write: Write) -> None:
    """It may as well be a row of short cells, which would be lost without a word; usual names, numbered ones and those above numbers are beyond doubt."""
    body = "".join(f"{'yn'[number % 2]}\tu{number}x\tthe text of row number {number}\n" for number in range(20))
    assert read_raw(write("t.tsv", "maybe\tu99x\tnice phone\n" + body)).notes == ["The first row ('maybe', 'u99x', 'nice phone') was taken for the names of the columns."]
    for first in ("maybe\tu99x\ttext", "answer\twho\twhat_text", "v1\tv2\tv3"):
        assert read_raw(write("t.tsv", f"{first}\n{body}")).notes == []
    assert read_raw(write("t.tsv", "maybe\tnice phone\n" + "".join(f"{number}\tthe text of it\n" for number in range(20)))).notes == []


def test_label_first_with_one_blank(write: Write) -> None:
    """``0 text`` and ``1 text``, sorted by label."""
    lines = [f"{int(i >= 40)} some text{',' * (i % 3)} number {i} ; {'.;'[i % 2]}" for i in range(80)]
    table = read_raw(write("custrev.all", "\n".join(lines)))
    assert table.delimiter == " "
    assert rows(table) == [tuple(line.split(" ", 1)) for line in lines]


def test_fasttext_lines(write: Write) -> None:
    """``__label__x text``, with one label or several."""
    one = read_table(write("one.txt", "__label__good I like it, really\n__label__bad not at all\n__label__good yes , yes\n"))
    assert (one.texts.texts, one.texts.labels) == (["I like it, really", "not at all", "yes , yes"], ["good", "bad", "good"])
    many = read_table(write("many.txt", "__label__a __label__b some text\n__label__b other text\n"))
    assert many.texts.labels == [("a", "b"), ("b",)]


def test_the_fast_reader_is_not_trusted_where_it_loses_a_row(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """If polars returns fewer records than were counted, our own parser reads the file."""
    real = delimited.pl.read_csv
    monkeypatch.setattr(delimited.pl, "read_csv", lambda *args, **kwargs: real(*args, **kwargs)[:-1])
    table = read_raw(write("t.csv", 'text,label\n"a, b",1\nc,0\n'))
    assert rows(table) == [("a, b", "1"), ("c", "0")]


def test_a_ten_megabyte_cell(write: Write) -> None:
    """Long cells are cells."""
    long = "word " * 2_000_000
    table = read_raw(write("t.csv", f'text,label\n"{long}",1\nshort,0\n'))
    assert rows(table) == [(long, "1"), ("short", "0")]


def test_a_million_stray_delimiters_make_no_million_columns(write: Write) -> None:
    """A row of commas only is a row with too many cells."""
    found = read_table(write("t.csv", "text,label\n" + "a good text,1\na bad text,0\n" * 80 + "," * 1_000_000 + "\n")).findings
    assert found.dropped == {"too many cells": 1}


def test_line_numbers_count_lines_of_the_file_not_records(write: Write) -> None:
    """With multi-line cells and letters of several bytes before them, on both readers."""
    content = 'é,"x\ny",1\nü,z,0\nö,"5" q",1\n'
    for dialect in (Dialect(",", '"'),):
        starts = [begin for begin, _ in parse(content, dialect)]
        bytes_before = np.array([len(content[:begin].encode()) for begin in starts])
        assert delimited._line_numbers(content.encode(), bytes_before).tolist() == [1, 3, 4]
        assert delimited._read_slow(content.encode(), dialect).starts.tolist() == bytes_before.tolist()


def test_chunks_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scanning in pieces of 7 bytes finds what scanning at once finds."""
    content = b'a,"b\nc",d\r\n"e ""f""",g\n\nh,i,"j"\n' * 20
    whole = scan(content, Dialect())
    monkeypatch.setattr("ringsmith.data.scan.CHUNK", 7)
    pieces = scan(content, Dialect())
    assert pieces.cells.tolist() == whole.cells.tolist() == [3, 2, 0, 3] * 20
    assert pieces.starts.tolist() == whole.starts.tolist()
    assert pieces.well_formed is whole.well_formed is True
