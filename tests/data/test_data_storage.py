"""Rows on disk, predictions on disk."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from data_tables import Write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringsmith.data import fingerprint, read_table, read_texts, restore, store, write_predictions
from ringsmith.errors import ColumnError, MachineError, OptionError, ReadError
from ringsmith.records import TextSet

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_stored_is_restored(tmp_path: Path, data: st.DataObject) -> None:
    """Texts, labels of both kinds, pairs, groups and row numbers; any positions in any order; in a folder whose name would be a pattern elsewhere."""
    size = data.draw(st.integers(1, 8))

    def column(of: st.SearchStrategy[object]) -> list[object]:
        return data.draw(st.lists(of, min_size=size, max_size=size))

    labels = data.draw(st.sampled_from([None, column(TEXT), column(st.lists(TEXT, max_size=3).map(tuple))]))
    texts = TextSet(column(TEXT), labels, data.draw(st.sampled_from([None, column(TEXT)])), data.draw(st.sampled_from([None, column(TEXT)])), np.array(column(st.integers(0, 99))))  # type: ignore[arg-type]
    path = tmp_path / "runs [old]" / "rows.arrow"
    store(path, texts)
    chosen = data.draw(st.lists(st.integers(0, size - 1), max_size=6))
    for got, wanted in ((restore(path), texts), (restore(path, np.array(chosen, dtype=np.int64)), texts.take(chosen))):
        for name in ("texts", "labels", "pairs", "groups"):
            assert getattr(got, name) == getattr(wanted, name)
        assert got.rows.tolist() == wanted.rows.tolist()
    assert [file.name for file in path.parent.iterdir()] == ["rows.arrow"]


def test_fingerprints_tell_contents_apart_and_nothing_else() -> None:
    """Row numbers and containers do not matter; order, cells and their borders do."""
    one = TextSet(["ab", "c"], ["x", "y"])
    assert fingerprint(one) == fingerprint(TextSet(("ab", "c"), ("x", "y"), rows=np.array([7, 9])))
    others = [
        TextSet(["a", "bc"], ["x", "y"]),
        TextSet(["c", "ab"], ["y", "x"]),
        TextSet(["ab", "c"]),
        TextSet(["ab", "c"], pairs=["x", "y"]),
        TextSet(["ab", "c"], [("x",), ("y", "z")]),
    ]
    assert len({fingerprint(texts) for texts in [one, *others]}) == 6


def test_faults_of_the_disk_are_told(tmp_path: Path) -> None:
    """A folder that is a file; a file that is no Arrow file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(MachineError, match="the rows cannot be written"):
        store(tmp_path / "file" / "rows.arrow", TextSet(["a"]))
    with pytest.raises(ReadError, match=r"the stored rows cannot be read .* Delete the folder and run again"):
        restore(tmp_path / "file")


def test_a_table_to_predict_keeps_its_columns_and_all_its_rows(write: Write, tmp_path: Path) -> None:
    """Rows without a text have no prediction; old predictions are replaced."""
    inputs = read_texts(write("in.csv", "id,text,prediction\n1,good one,old\n2,,old\n3,bad one,old\n"))
    assert inputs.texts.texts == ["good one", "bad one"]
    notes = write_predictions(tmp_path / "out.csv", inputs, ["pos", "neg"], [0.9, 0.75])
    assert pl.read_csv(tmp_path / "out.csv").rows() == [(1, "good one", "pos", 0.9), (2, None, None, None), (3, "bad one", "neg", 0.75)]
    assert notes == ["The input's own column 'prediction' was replaced.", "1 row has no text and no prediction."]


def test_what_is_read_to_predict_is_told_as_what_is_read_to_learn(write: Write, tmp_path: Path) -> None:
    """A guessed encoding, blank lines, short rows, and rows with cells too many, which have a text and no answer; of a file of lines, too."""
    inputs = read_texts(write("in.csv", "id,text\n1,caf\xe9 au lait\n\n" + "2,good one\n" * 100 + "3,bad,one\n4\n", "cp1252"))
    notes = write_predictions(tmp_path / "out.csv", inputs, ["pos"] * 101, [0.9] * 101)
    assert notes == [
        "Read as cp1252; name another with --encoding if letters look wrong.",
        "1 blank line was skipped.",
        "1 row has fewer than 2 cells (first: line 105); the missing cells are empty.",
        "1 row has too many cells and no prediction (e.g. line 104).",
        "1 row has no text and no prediction.",
    ]
    assert write_predictions(tmp_path / "lines.csv", read_texts(write("in.txt", "good one\n\nbad one\n")), ["a", "b"], [0.9, 0.8]) == ["1 blank line was skipped."]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow"])
def test_predictions_in_every_format_come_back_as_a_table(write: Write, tmp_path: Path, suffix: str) -> None:
    """Written by us, read by us: multi-label answers too."""
    out = tmp_path / f"out{suffix}"
    write_predictions(out, read_texts(write("in.csv", "text\none more\nanother one\n")), [("a", "b"), ("b",)], [0.9, 0.8])
    table = read_table(out, text="text", label="prediction", label_separator="|" if suffix in (".csv", ".tsv") else None)
    assert table.texts.labels == [("a", "b"), ("b",)]


def test_nested_cells_are_json_in_delimited_files(tmp_path: Path) -> None:
    """Objects and lists of them, letters of any alphabet; not the way Python writes them."""
    content = '{"text": "good one", "meta": {"ok": true, "who": "Élan"}, "turns": [{"n": 1}, null]}\n{"text": "bad one", "meta": null, "turns": null}\n'
    (tmp_path / "in.jsonl").write_text(content, encoding="utf-8")
    write_predictions(tmp_path / "out.csv", read_texts(tmp_path / "in.jsonl"), ["pos", "neg"], [0.9, 0.8])
    first, second = pl.read_csv(tmp_path / "out.csv").rows(named=True)
    assert (json.loads(first["meta"]), json.loads(first["turns"])) == ({"ok": True, "who": "Élan"}, [{"n": 1}, None])
    assert "Élan" in first["meta"]
    assert (second["meta"], second["turns"]) == (None, None)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_bytes_are_written_where_a_file_can_hold_them(tmp_path: Path, suffix: str) -> None:
    """A picture beside a text is left out of text files, with a sentence, instead of the predictions being lost; bytes that are text are text."""
    inputs = read_texts(pl.DataFrame({"text": ["good one", "bad one"], "name": [b"a", b"b"], "picture": [b"\xff", b"x"], "more": [[b"\xff"], []]}), text="text")
    notes = write_predictions(tmp_path / f"out{suffix}", inputs, ["pos", "neg"], [0.9, 0.8])
    if suffix == ".parquet":
        assert notes == []
        assert pl.read_parquet(tmp_path / "out.parquet")["picture"].to_list() == [b"\xff", b"x"]
        return
    assert notes == [f"A {suffix} file cannot hold bytes: 'picture', 'more' left out. A .parquet file keeps them."]
    table = read_table(tmp_path / f"out{suffix}", text="text", label="prediction")
    assert (table.findings.columns, table.texts.labels) == (["text", "name", "prediction", "score"], ["pos", "neg"])


def test_texts_one_a_line(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas and quotes are text; blank lines are none."""
    content = 'Great phone, awful battery\nSo "good", really\n\nFine, thanks\n'
    expected = ["Great phone, awful battery", 'So "good", really', "Fine, thanks"]
    assert read_texts(write("in.txt", content)).texts.texts == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert read_texts("-").texts.texts == expected


def test_tables_to_predict_are_still_tables(write: Write) -> None:
    """By a known column name, a tab, the suffix, or the name the model knows."""
    assert read_texts(write("in.txt", "id,review\n1,so good\n2,so bad\n")).texts.texts == ["so good", "so bad"]
    assert read_texts(write("in2.txt", "7\tso good indeed\n8\tso bad indeed\n")).texts.texts == ["so good indeed", "so bad indeed"]
    assert read_texts(write("in3.txt", "foo,bar\n1,so good\n2,so bad\n"), known=["bar"]).texts.texts == ["so good", "so bad"]
    assert read_texts(write("in4.jsonl", '{"body": "so good"}\n{"body": "so bad"}\n')).texts.texts == ["so good", "so bad"]


def test_one_text_in_quotes_and_paths_that_are_not_there() -> None:
    """A sentence is a text; ``reviws.csv`` is a path."""
    assert read_texts("Great phone").texts.texts == ["Great phone"]
    assert read_texts("Gut.").texts.texts == ["Gut."]
    with pytest.raises(ReadError, match=r"reviws\.csv: there is no such file"):
        read_texts("reviws.csv")


def test_a_pair_in_quotes() -> None:
    """The second text stands where the name of its column would stand."""
    found = read_texts("A man sleeps", pair="Nobody sleeps").texts
    assert (found.texts, found.pairs) == (["A man sleeps"], ["Nobody sleeps"])
    with pytest.raises(ReadError, match=r"The second text must be given where there is a --pair; got nothing but blanks\."):
        read_texts("A man sleeps", pair=" ")


@pytest.mark.parametrize(
    ("known", "header", "texts", "said"),
    [
        ("review", "Review,id", ["so good", "so bad"], None),
        ("review", "text", ["so good", "so bad"], None),
        ("review", "note,id", ["so good", "so bad"], r"The model learnt from the column 'review', which is not here; the column 'note' was read \(--text names another\)\."),
        ("title,body", "body,id", ["so good", "so bad"], r"from the columns 'title', 'body', joined; 'title' is not here, and the column 'body' was read"),
        ("title,body", "Body,TITLE", ["1\nso good", "2\nso bad"], None),
        ("title,body", "text", ["so good", "so bad"], r"joined; 'title' and 'body' are not here, and the column 'text' was read"),
    ],
)
def test_texts_from_other_columns_than_in_training_are_said(write: Write, known: str, header: str, texts: list[str], said: str | None) -> None:
    """Case makes no difference; of joined columns those that are here are read; a table's only column is what it is."""
    cells = [text if header == "text" else f"{text},{number}" for number, text in enumerate(("so good", "so bad"), start=1)]
    inputs = read_texts(write("in.csv", "\n".join([header, *cells]) + "\n"), known=[known])
    assert inputs.texts.texts == texts
    assert (said is None and not inputs.notes) or re.search(str(said), inputs.notes[0])
    assert read_texts(write("lines.txt", "so good\nso bad\n"), known=[known]).notes == []


def test_the_column_of_second_texts_is_found_as_in_training(write: Write) -> None:
    """In whatever letter case; another is named, and where it is missing there is none."""
    path = write("in.csv", "satz_b,Satz_A,other\nnobody sleeps,a man sleeps,x y\n")
    found = read_texts(path, known=["satz_a"], known_pair="satz_b").texts
    assert (found.texts, found.pairs) == (["a man sleeps"], ["nobody sleeps"])
    assert read_texts(path, known=["satz_a"], pair="other", known_pair="satz_b").texts.pairs == ["x y"]
    assert read_texts(path, text="satz_b", known=["satz_a"], known_pair="satz_b").texts.pairs is None
    assert read_texts(path, known=["satz_a"], known_pair="satz_c").texts.pairs is None
    assert read_texts("a man sleeps", known=["satz_a"], known_pair="satz_b").texts.pairs is None


def test_the_first_row_of_a_single_column_is_its_name_where_the_model_knows_it(write: Write) -> None:
    """A name that is no usual one was answered like a text; one that the model does not know may be a text, and it is said."""
    path = write("in.csv", "what they wrote\nso good it is\nso bad it is\n")
    inputs = read_texts(path, known=["What they wrote"])
    assert (inputs.texts.texts, inputs.notes, inputs.table.columns) == (["so good it is", "so bad it is"], [], ["what they wrote"])
    inputs = read_texts(write("other.csv", "other\nso good it is\nso bad it is\n"), known=["what they wrote"])
    assert inputs.texts.texts == ["other", "so good it is", "so bad it is"]
    assert inputs.notes == ["The first row ('other') was taken for a row like the others, not for the names of the columns; if it names them, say so with --text."]
    assert read_texts(path, known=["text"]).notes == []


def test_several_text_columns_are_asked_for(write: Write) -> None:
    """Prediction does not guess either."""
    with pytest.raises(ColumnError, match="which column is the text"):
        read_texts(write("in.csv", "a,b\nso good a thing,so bad a thing\nmore of it here,less of it there\n"))


def test_where_predictions_go(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output without a file; unknown endings and unwritable places are told."""
    inputs = read_texts(write("in.jsonl", '{"text": "a b", "more": {"x": 1}}\n'))
    write_predictions(None, inputs, ["pos"], [0.5])
    assert capsys.readouterr().out.splitlines()[0] == "text,more,prediction,score"
    with pytest.raises(OptionError, match=r"'out' must end in \.csv, .*; got 'out\.doc'\. Use \.csv\."):
        write_predictions(tmp_path / "out.doc", inputs, ["pos"], [0.5])
    (tmp_path / "file").write_text("x")
    with pytest.raises((MachineError, OptionError), match=r"the predictions cannot be written|'out' must be a file in a folder"):
        write_predictions(tmp_path / "file" / "out.csv", inputs, ["pos"], [0.5])
    write_predictions(tmp_path / "out.jsonl", inputs, ["pos"], [0.5])
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {"text": "a b", "more": {"x": 1}, "prediction": "pos", "score": 0.5}


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("s.txt", "the bank\n\n\na river\n", ["the bank", "", "", "a river"]),
        ("s.csv", 'id,text\n1,"the\nbank"\n\n2,a river\n', ["", "the\nbank", "", "", "a river"]),
        ("s.jsonl", '{"text": "the bank"}\n\n{"text": ""}\n{"text": "a river"}\n', ["the bank", "", "", "a river"]),
        ("s.json", '[{"text": "the bank"}, {"text": ""}, {"text": "a river"}]', ["the bank", "", "a river"]),
    ],
)
def test_texts_by_line_stand_where_they_begin_in_the_file(tmp_path: Path, name: str, content: str, lines: list[str]) -> None:
    """Headers, blank lines, cells of several lines and empty texts counted; rows where objects have no lines of their own."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_texts(tmp_path / name).by_line() == lines
