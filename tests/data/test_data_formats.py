"""JSON, JSON Lines, Parquet, Arrow, workbooks, folders, memory."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from data_tables import Write

from ringsmith.data.columns import Asked
from ringsmith.data.read import read_raw, read_table
from ringsmith.data.shape import shaped
from ringsmith.errors import ColumnError, ReadError

TEXTS, LABELS = ["good, really", "bad\nindeed", 'so "so"'], ["1", "0", "1"]
ROWS = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
SHAPES: dict[str, Any] = {
    "rows": ROWS,
    "columns": {"text": TEXTS, "label": LABELS},
    "pandas": {"text": dict(zip("012", TEXTS, strict=True)), "label": dict(zip("012", LABELS, strict=True))},
    "wrapped": {"version": 1, "data": ROWS},
    "cells": [[text, label] for text, label in zip(TEXTS, LABELS, strict=True)],
}


def read_pairs(source: Any) -> tuple[Any, Any]:
    """Texts and labels of a source whose columns need no naming."""
    table = read_table(source)
    return list(table.texts.texts), list(table.texts.labels or [])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_usual_shapes_of_json(write: Write, shape: str) -> None:
    """All give the same three rows."""
    table = read_raw(write("t.json", json.dumps(SHAPES[shape])))
    assert table.format == "json"
    assert [row[:2] for row in table.frame.rows()] == list(zip(TEXTS, LABELS, strict=True))


def test_the_one_list_of_objects_in_a_json_is_its_table(write: Write) -> None:
    """Beside what belongs to it, however deep; rows by their names with a list in one of them stay rows."""
    rows = [{"text": f"some text {i}", "label": "ab"[i % 2]} for i in range(6)]
    for content, place in (
        ({"meta": {"n": 6}, "items": rows}, "items"),
        ({"meta": {"n": 6, "tags": ["x"]}, "result": {"page": 1, "items": rows}}, "result.items"),
        ({"schema": [1], "result": {"data": {"rows": rows}}}, "result.data.rows"),
        ({"results": {"items": rows}}, "results.items"),
        ({"response": {"page": 1, "data": {"rows": rows}}}, "response.data.rows"),
    ):
        table = read_table(write("t.json", json.dumps(content)))
        assert (len(table.texts), table.texts.labels) == (6, list("ababab"))
        assert f"The rows were found in '{place}'." in table.findings.notes
    named = {f"row {i}": {**row, "spans": [{"at": k} for k in range(9)] if i == 2 else []} for i, row in enumerate(rows)}
    for content in (named, {"data": named}):
        assert len(read_raw(write("t.json", json.dumps(content))).frame) == 6


def test_splits_inside_json_become_the_users_split(write: Write) -> None:
    """CLINC's form: {split: [[text, label], ...]}."""
    content = {"train": [["play some music", "music"], ["stop it now", "stop"]], "oos_val": [["who am i to you", "oos"]], "test": [["louder please now", "music"]]}
    table = read_table(write("t.json", json.dumps(content)))
    assert table.split_names == ["train", "train", "oos_val", "test"]
    assert table.findings.split_column == "split"


def test_lists_of_texts_by_label(write: Write) -> None:
    """{label: [texts]}."""
    table = read_raw(write("t.json", json.dumps({"good": ["I like it", "so nice"], "bad": ["not for me"]})))
    assert table.frame.rows() == [("I like it", "good"), ("so nice", "good"), ("not for me", "bad")]


@pytest.mark.parametrize("content", ['{"a": 1}', "[1, 2]", '[{"a": {"b": 1}}, 3]'])
def test_json_that_is_no_table_is_refused(write: Write, content: str) -> None:
    """With the shapes that are tables."""
    with pytest.raises((ReadError, ColumnError), match=r"the JSON must hold a table: one object for each row|the text column must hold texts"):
        read_table(write("t.json", content))


def test_json_lines_with_missing_columns_and_mixed_kinds(write: Write) -> None:
    """A column that a line lacks is empty there, and it is said."""
    path = write("t.jsonl", '{"text": "a b", "label": 1}\n\n{"label": 0, "text": "c d", "extra": [1]}\n{"text": "e f"}\n{"text": "g h", "label": "x"}\n')
    table = read_table(path)
    assert (table.texts.texts, table.texts.labels) == (["a b", "c d", "g h"], ["1", "0", "x"])
    assert table.findings.dropped == {"no label": 1}
    assert table.findings.examples == {"no label": ["line 4"]}
    assert "The column 'label' is missing in 1 line; it is empty there." in table.findings.notes


@pytest.mark.parametrize("name", ["one.jsonl", "one.json", "one.txt"])
def test_one_object_is_one_row(write: Write, name: str) -> None:
    """Whatever the file is called."""
    table = read_table(write(name, '{"text": "a b c", "label": "x"}\n'))
    assert (table.texts.texts, table.texts.labels) == (["a b c"], ["x"])


def test_a_broken_line_is_named(write: Write) -> None:
    """File and line; what was wrong by its column alone, not as "line 1" once more. The last one is where a file was cut off."""
    with pytest.raises(ReadError, match=r"t\.jsonl:2: valid JSON is needed here; Expecting value at column \d+\. Mend or remove the line, or write the file again\."):
        read_raw(write("t.jsonl", '{"text": "a"}\n{"text": \n{"text": "b"}\n'))
    with pytest.raises(ReadError, match=r"t\.jsonl:2: valid JSON is needed here; Unterminated string starting at column 15\."):
        read_raw(write("t.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "la'))
    with pytest.raises(ReadError, match=r"t\.jsonl:2: each line must be an object like .* got a list"):
        read_raw(write("t.jsonl", '{"text": "a"}\n["b"]\n'))


def test_objects_over_several_lines_that_follow_each_other(write: Write) -> None:
    """What `jq` prints."""
    table = read_table(write("t.jsonl", "\n".join(json.dumps(row, indent=1) for row in ROWS)))
    assert (table.texts.texts, table.texts.labels) == (TEXTS, LABELS)


def test_a_list_among_single_labels_makes_all_of_them_lists(write: Write) -> None:
    """Some tools write one label bare and two as a list."""
    table = read_table(write("t.jsonl", '{"text": "a b", "label": ["x", "y"]}\n{"text": "c d", "label": "y"}\n'))
    assert table.texts.labels == [("x", "y"), ("y",)]


def test_lines_of_json_may_keep_their_commas(write: Write) -> None:
    """As where the rows of a list were written down one by one; what else stands behind an object is still refused."""
    lines = [json.dumps({"text": f"a text {i},", "label": "ab"[i % 2]}) for i in range(4)]
    table = read_table(write("t.jsonl", ",\r\n".join(lines) + ",\n"))
    assert (table.texts.texts[1], table.texts.labels) == ("a text 1,", list("abab"))
    with pytest.raises(ReadError, match=r"t\.jsonl:1: valid JSON is needed here; Extra data"):
        read_table(write("t.jsonl", ";\n".join(lines)))


def test_broken_json_is_named(write: Write) -> None:
    """By its place."""
    with pytest.raises(ReadError, match=r"t\.json: valid JSON is needed here; .* at line 1, column \d+\. Mend it, or write"):
        read_raw(write("t.json", '[{"text": "a",}, 5'))


def test_half_a_surrogate_in_json_spoils_no_other_text(write: Write) -> None:
    """An escape that no encoding can hold becomes a question mark; whole emoji stay."""
    table = read_raw(write("t.jsonl", '{"text": "a \\ud83d\\ude00", "label": 1}\n{"text": "b \\ud83d", "label": 0}\n'))
    assert table.frame["text"].to_list() == ["a 😀", "b ?"]


@pytest.mark.parametrize("text", ["a b", "whole \\ud83d\\ude00", "half \\ud83d"])
def test_json_lines_are_read_alike_whichever_reader_reads(write: Write, text: str) -> None:
    """Half an emoji is read by our own reader: numbers stay numbers, an object that may be null is no column, and no column is called missing that is there."""
    lines = [f'{{"id": {i}, "score": {i}.5, "m\\u00E9ta": {{"text": "{text} {i}", "lang": null}}, "x": {{"y": {i}}}}}' for i in range(3)]
    table = shaped(read_raw(write("t.jsonl", "\n".join([*lines, '{"id": 3, "score": 0.5, "m\u00e9ta": {"text": "c d", "lang": "en"}, "x": null}\n']))), Asked())
    assert (table.frame.columns, table.frame["id"].to_list()) == (["id", "score", "méta.text", "méta.lang", "x.y"], [0, 1, 2, 3])
    assert (table.frame["score"].to_list(), table.frame["x.y"].to_list()) == ([0.5, 1.5, 2.5, 0.5], [0, 1, 2, None])
    assert not [note for note in table.notes if "missing" in note]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_parquet_and_arrow_keep_their_types(tmp_path: Path, kind: str) -> None:
    """Lists are labels, integers and booleans too."""
    frame = pl.DataFrame({"text": ["a b c", "d e f", "g h i"], "label": [["x", "y"], [], None], "flag": [True, False, True]})
    path = tmp_path / "t.bin"
    {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "stream": frame.write_ipc_stream}[kind](path)
    table = read_table(path)
    assert table.texts.labels == [("x", "y"), ()]
    assert table.findings.dropped == {"no label": 1}
    assert read_table(path, label="flag").texts.labels == ["true", "false", "true"]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_damaged_columnar_files_are_refused(tmp_path: Path, kind: str) -> None:
    """Cut in half."""
    path = tmp_path / "t.bin"
    frame = pl.DataFrame({"text": [f"text {i}" for i in range(1000)]})
    (frame.write_parquet if kind == "parquet" else frame.write_ipc)(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match=rf"the {kind.capitalize()} file is cut off or damaged"):
        read_raw(path)


def workbook(**sheets: list[list[Any]]) -> bytes:
    """An XLSX file in memory, written by an independent library."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name, cells in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(cells):
                sheet.write_row(number, 0, row)
    return out.getvalue()


def test_workbooks(write: Write) -> None:
    """Multi-line cells, numbers and booleans as labels, the first sheet with rows, and it is said."""
    path = write("t.xlsx", workbook(Empty=[], Data=[["Id", "Texto", "Categoría"], [1, "muy\nbueno", True], [2, "malo", False]], Other=[["x"], ["y"]]))
    table = read_table(path)
    assert (table.texts.texts, table.texts.labels) == (["muy\nbueno", "malo"], ["true", "false"])
    assert table.findings.notes[0] == "The workbook has the sheets Data, Other; the first, 'Data', was read."
    numbers = read_table(write("n.xlsx", workbook(A=[["text", "label"], ["one of them", 1], ["another one", 0]])))
    assert numbers.texts.labels == ["1", "0"]


def test_days_of_a_workbook_have_no_midnight(write: Write) -> None:
    """A cell with a day is a time at 0:00 in the file; a column with other times keeps its own."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        as_day, as_time = (book.add_format({"num_format": form}) for form in ("dd.mm.yyyy", "dd.mm.yyyy hh:mm"))
        sheet.write_row(0, 0, ["day", "time", "text"])
        for row in (1, 2):
            sheet.write_datetime(row, 0, datetime.datetime(2025, 3, row), as_day)
            sheet.write_datetime(row, 1, datetime.datetime(2025, 3, 1, 8 * (row - 1)), as_time)
            sheet.write_string(row, 2, f"text number {row}")
    frame = read_raw(write("t.xlsx", out.getvalue())).frame
    assert frame["day"].to_list() == ["2025-03-01", "2025-03-02"]
    assert frame["time"].to_list() == ["2025-03-01 00:00:00", "2025-03-01 08:00:00"]


def test_a_title_above_the_names_is_skipped(write: Write) -> None:
    """Also blanks, and names that go over several columns; in CSV as well, where lines keep their numbers."""
    rows = [["great phone", "a little heavy", "good"], ["broken", "after a week", "bad"]] * 5
    for above in ([["Reviews of 2024, all of them"]], [["Reviews"], [], ["by customer"]], [["Review", None, "Verdict"]]):
        cells = [*above, ["title", "body", "label"], *rows]
        csv = "".join(f"{','.join(cell or '' for cell in row)}\n" for row in cells)
        for path in (write("t.xlsx", workbook(A=cells)), write("t.csv", csv.replace("2024,", "2024"))):
            table = read_table(path, text="title,body")
            assert (table.texts.texts[0], table.texts.labels) == ("great phone\na little heavy", ["good", "bad"] * 5)
            assert any("above the names of the columns w" in note for note in table.findings.notes)
    assert read_raw(write("t.csv", "a title\n\ntext,label\n" + "x y,1\nz,0\n" * 4)).place(0) == "line 4"
    assert not read_raw(write("t.csv", "a title,\nsome text,1\nmore text,0\n")).notes


def test_the_sheet_that_is_a_table_is_read(write: Write) -> None:
    """Not the page before it that says what the workbook is."""
    rows = [["text", "label"], ["one of them", "a"], ["another one", "b"]]
    table = read_raw(write("t.xlsx", workbook(About=[["see the second sheet"]], Data=rows, More=rows)))
    assert table.frame.columns == ["text", "label"]
    assert table.notes == ["The workbook has the sheets About, Data, More; the first with several columns, 'Data', was read."]
    assert read_raw(write("t.xlsx", workbook(Texts=[["one text"], ["two"]], Notes=[["done"]]))).frame.height == 2


def test_workbooks_without_rows_or_damaged_are_refused(write: Write) -> None:
    """Each with its own sentence."""
    with pytest.raises(ReadError, match="the workbook has no rows in any of its 1 sheets"):
        read_raw(write("t.xlsx", workbook(A=[])))
    with pytest.raises(ReadError, match="the sheet has a header \\(text, label\\) and no rows under it"):
        read_raw(write("t.xlsx", workbook(A=[["text", "label"]])))
    with pytest.raises(ReadError, match="the workbook is damaged, protected or of an unknown kind"):
        read_raw(write("t.xlsx", workbook(A=[["text", "label"], ["a", "b"]])[:-200]))


def test_a_column_that_lines_lack_is_told_where_its_name_is_a_value_too(write: Write) -> None:
    """Each line that says "label" twice hid one that never does; blanks may stand before the colon."""
    lines = ['{"text": "a b c", "label" : "label"}', '{"text": "d e f"}', '{"text": "label", "label":"other"}', '{"text": "g h i"}']
    assert read_raw(write("t.jsonl", "\n".join(lines))).notes == ["The column 'label' is missing in 2 lines; it is empty there."]


def test_a_folder_with_one_folder_for_each_class(write: Write, tmp_path: Path) -> None:
    """Text files in their own encodings; hidden and loose files are left out, and it is said."""
    write("reviews/pos/1.txt", "très bon café à goûter", "latin-1")
    write("reviews/pos/2.txt", "superbe\n")
    write("reviews/neg/1.txt", "mauvais")
    write("reviews/neg/.hidden", "x")
    write("reviews/README.txt", "read me")
    table = read_table(tmp_path / "reviews")
    assert sorted(zip(table.texts.texts, table.texts.labels or [], strict=True)) == [("mauvais", "neg"), ("superbe", "pos"), ("très bon café à goûter", "pos")]
    assert table.findings.notes == ["1 file lies in no class folder and was left out."]


def test_a_folder_of_splits_of_classes(write: Write, tmp_path: Path) -> None:
    """train/pos/1.txt: the user's split is kept."""
    for split in ("train", "test"):
        for label in ("pos", "neg"):
            write(f"imdb/{split}/{label}/0.txt", f"{split} {label} text")
    table = read_table(tmp_path / "imdb")
    assert sorted(zip(table.split_names or [], table.texts.labels or [], strict=True)) == [("test", "neg"), ("test", "pos"), ("train", "neg"), ("train", "pos")]


def test_a_folder_of_a_class_may_be_a_link(write: Write, tmp_path: Path) -> None:
    """Its texts were missing without a word; links that lead back are not followed round and round."""
    write("reviews/pos/1.txt", "superbe")
    write("elsewhere/bad/1.txt", "mauvais")
    (tmp_path / "reviews" / "neg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "reviews")
    (tmp_path / "reviews" / "pos" / "up").symlink_to(tmp_path)
    frame = read_raw(tmp_path / "reviews").frame
    assert frame.rows() == [("mauvais", "neg", "neg/bad/1.txt"), ("superbe", "pos", "pos/1.txt")]


def test_folders_that_hold_no_texts_are_refused(write: Write, tmp_path: Path) -> None:
    """Nothing at all, loose files, or tables: each is named."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match=r"like 'empty/positive/1\.txt'; this one has no text files"):
        read_raw(tmp_path / "empty")
    write("loose/1.txt", "x")
    with pytest.raises(ReadError, match="this one has text files, but none in a sub-folder"):
        read_raw(tmp_path / "loose")
    for name in ("train.csv.gz", "u.ods", "v.tab"):
        write(f"tables/{name}", "x")
    with pytest.raises(ReadError, match=r"this one holds tables \(train\.csv\.gz, u\.ods, v\.tab\)\. Name one: '.*train\.csv\.gz'"):
        read_raw(tmp_path / "tables")


class OneColumn:
    """What matters of a pandas series: Arrow's interface, but no table behind it."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """No stream of tables."""
        raise TypeError("a column")


class Pandas:
    """What matters of a pandas data frame: columns and `to_dict`."""

    def __init__(self, content: dict[str, list[Any]]) -> None:
        self.content, self.columns = content, list(content)

    def to_dict(self, orient: str) -> dict[str, list[Any]]:
        """Columns as lists."""
        assert orient == "list"
        return self.content


@pytest.mark.parametrize(
    "data",
    [
        pl.DataFrame({"text": ["a b", "c d", "e f"], "label": [1, 0, None]}),
        pl.LazyFrame({"text": ["a b", "c d", "e f"], "label": [1, 0, None]}),
        Pandas({"text": ["a b", "c d", "e f"], "label": [np.float64(1), 0.0, float("nan")]}),
        {"text": ["a b", "c d", "e f"], "label": [1, 0, None]},
        [("a b", 1), ("c d", 0), ("e f", None)],
        [{"text": "a b", "label": "1"}, {"text": "c d", "label": "0"}, {"text": "e f"}],
        iter([("a b", np.int64(1)), ("c d", np.int64(0)), ("e f", float("nan"))]),
        np.array([["a b", 1], ["c d", 0], ["e f", None]], dtype=object),
    ],
    ids=["polars", "lazy", "pandas", "dict", "tuples", "dicts", "numpy", "array"],
)
def test_what_is_in_memory_already(data: Any) -> None:
    """Frames, columns and rows; NaN is a missing label."""
    table = read_table(data)
    assert (table.texts.texts, table.texts.labels, table.findings.dropped) == (["a b", "c d"], ["1", "0"], {"no label": 1})


def test_sets_and_tuples_as_labels_are_multi_label() -> None:
    """In memory a label may be any collection of strings."""
    table = read_table([("a b", {"y", "x"}), ("c d", ()), ("e f", ["x"])])
    assert table.texts.labels == [("x", "y"), (), ("x",)]


def test_times_and_bytes_in_memory_are_read_as_they_are_written() -> None:
    """A data frame's times split, its dates are labels without quotes; a time that is none is a missing cell; bytes are UTF-8."""
    days = [datetime.date(2024, 1, day) for day in (1, 2, 1)]
    rows = [{"text": text, "label": day, "when": datetime.datetime(2024, 5, 3 - at, 12)} for at, (text, day) in enumerate(zip(("é".encode(), "b c", "d e"), days, strict=True))]
    table = read_table(rows, time="when")
    assert (table.texts.texts, table.texts.labels) == (["é", "b c", "d e"], ["2024-01-01", "2024-01-02", "2024-01-01"])
    assert table.times is not None
    assert np.diff(table.times).tolist() == [-86400.0, -86400.0]
    assert read_table([("a b", 1), ("c d", type("NaTType", (), {})()), ("e f", 0)]).findings.dropped == {"no label": 1}


def test_stretches_of_time_are_no_stumbling_block() -> None:
    """Polars does not write them as text; they may stand in any column, and be what rows are put in order by."""
    frame = pl.DataFrame({"text": ["a b", "c d", "e f"], "label": [1, 0, 1], "took": [datetime.timedelta(hours=hours) for hours in (3, 1, 2)]})
    assert len(read_table(frame).texts) == 3
    assert len(read_table(frame.with_columns(pl.concat_list("took"))).texts) == 3
    times = read_table(frame, time="took").times
    assert times is not None
    assert np.argsort(times).tolist() == [1, 2, 0]


def test_bytes_that_are_no_text_may_stand_beside_the_text(tmp_path: Path) -> None:
    """A picture or a hash in a Parquet file; bytes that are text are read as text."""
    frame = pl.DataFrame({"text": ["a b", "c d"], "label": [b"good", b"b\xc3\xa4d"], "picture": [b"\x89PNG\xff", None], "hashes": [[b"\xff"], []]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").texts.labels == ["good", "bäd"]


def test_columns_of_one_name_are_refused() -> None:
    """`to_dict` would leave all but the last of them out, with a warning at most."""
    frame = Pandas({"text": ["a b"], "label": [1]})
    frame.columns = ["text", "label", "text"]
    with pytest.raises(ReadError, match="every column needs a name of its own; got 'text' more than once"):
        read_table(frame)


def test_a_tuple_of_words_is_a_text_in_their_order() -> None:
    """Tokens are often tuples: sorted they would be another text."""
    table = read_table([{"text": ("this", "film", "is", "a", "bore"), "label": "0"}, {"text": ("a", "good", "one"), "label": "1"}])
    assert table.texts.texts == ["this film is a bore", "a good one"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "a table needs rows; got 0 rows"),
        ({"text": ["a"], "label": []}, "columns must be of one length"),
        ([(b"\xff", "x")], r"bytes must be text in UTF-8; got b'\\xff'"),
        (OneColumn(), "a table with columns is needed; got a OneColumn, which is one column"),
        ({"text": ["a"], "label": 1}, r"a dict must hold columns, \{name: \[values\]\}; got 1 for 'label', a int"),
        ({"text": "a b", "label": ["x"]}, r"a dict must hold columns, .*; got 'a b' for 'text', a str"),
        (5, "got a int"),
        (b"text,label", "got a bytes"),
        ([("a", 1), 7], r"every row must be a text, \(text, label\) or .*got 7, a int"),
    ],
)
def test_what_is_no_table_in_memory_is_refused(data: Any, sentence: str) -> None:
    """Empty, uneven, a number."""
    with pytest.raises(ReadError, match=sentence):
        read_table(data)
