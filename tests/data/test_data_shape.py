"""Columns that are made: parts of objects, and texts of several columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from data_tables import Write

from ringsmith.data import read_like, read_table, read_texts, write_predictions
from ringsmith.errors import ColumnError, LabelError

NESTED = [
    {"id": number, "review": {"text": f"the battery of number {number} is fine", "lang": "en"}, "meta": {"user": {"name": f"u{number}"}, "sentiment": "ab"[number % 2]}}
    for number in range(30)
]
TICKETS = "id,title,body,queue\n1,No power,It is dead since monday,x\n2,,Only a body here,y\n3,Only a title,  ,x\n4,,,y\n"


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "memory", "odd.jsonl"])
def test_objects_are_opened_to_columns(form: str, tmp_path: Path) -> None:
    """In every format that has them the parts are found, by names with points; which they are is said where the format keeps objects."""
    path: Any = tmp_path / f"t.{form}"
    if form.endswith("jsonl"):
        odd = [{**NESTED[0], "meta": None, "extra": [1, "mixed", {"a": 1}]}] if form.startswith("odd") else []
        path.write_text("\n".join(map(json.dumps, [*NESTED, *odd])), encoding="utf-8")
    elif form == "json":
        path.write_text(json.dumps(NESTED), encoding="utf-8")
    elif form == "parquet":
        pl.DataFrame(NESTED).write_parquet(path)
    else:
        path = pl.DataFrame(NESTED)
    table = read_table(path)
    assert (table.findings.text_column, table.findings.label_column) == ("review.text", "meta.sentiment")
    assert table.texts.texts[1] == "the battery of number 1 is fine"
    assert {"id", "review.text", "review.lang", "meta.user.name", "meta.sentiment"} <= set(table.findings.columns)
    assert read_like(path, table.findings).texts.labels == table.texts.labels


def test_an_object_stays_where_the_name_of_its_part_is_taken() -> None:
    """No column is lost for another one."""
    frame = pl.DataFrame({"review.text": ["a longer text here", "another text here"] * 5, "review": [{"text": "x"}] * 10, "label": ["a", "b"] * 5})
    table = read_table(frame)
    assert table.findings.columns == ["review.text", "review", "label"]
    assert table.texts.texts[0] == "a longer text here"


def test_lists_become_texts(write: Write) -> None:
    """Words with blanks between, turns of a talk a line each: the whole of it is read, and no sign that nobody wrote."""
    talks = [{"talk": [{"who": "user", "said": f"number {i} is broken"}, {"who": "agent", "said": None}], "label": "ab"[i % 2]} for i in range(9)]
    assert read_table(write("t.jsonl", "\n".join(map(json.dumps, talks))), text="talk").texts.texts[1] == "user: number 1 is broken\nagent"
    with pytest.raises(LabelError, match=r"labels must be names or lists of names; the column 'talk' holds lists of objects"):
        read_table(write("t.jsonl", "\n".join(map(json.dumps, talks))), text="label", label="talk")
    words = [{"tokens": ["my", "phone", str(i)], "label": "ab"[i % 2]} for i in range(9)]
    assert read_table(write("w.jsonl", "\n".join(map(json.dumps, words))), text="tokens").texts.texts[1] == "my phone 1"


def test_predictions_keep_the_objects_of_the_input(write: Write, tmp_path: Path) -> None:
    """The columns of the input are written as they came."""
    inputs = read_texts(write("t.jsonl", "\n".join(map(json.dumps, NESTED[:2]))), text="review.text")
    write_predictions(tmp_path / "out.jsonl", inputs, ["a", "b"], [0.5, 0.75])
    first = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first == {**NESTED[0], "prediction": "a", "score": 0.5}


def test_texts_of_several_columns_are_joined(write: Write) -> None:
    """A line each; empty cells leave no line, and a row that is empty in all of them is left out. A second table is read alike."""
    path = write("t.csv", TICKETS)
    table = read_table(path, text="title, body", label="queue")
    assert table.texts.texts == ["No power\nIt is dead since monday", "Only a body here", "Only a title"]
    assert table.findings.dropped == {"empty text": 1}
    assert "The texts are the columns title, body, joined." in table.findings.notes
    assert read_like(path, table.findings).texts.texts == table.texts.texts
    assert read_texts(path, text="title,body").texts.texts == table.texts.texts


def test_a_column_that_is_to_be_joined_must_be_there(write: Write) -> None:
    """A name with a comma inside is a name first."""
    with pytest.raises(ColumnError, match=r"--text must name a column; there is none called 'boddy'\. Did you mean 'body'\?"):
        read_table(write("t.csv", TICKETS), text="title,boddy", label="queue")
    table = read_table(write("u.csv", '"text, long",label\na b c,x\nd e f,y\n'), text="text, long")
    assert table.texts.texts == ["a b c", "d e f"]


@pytest.mark.parametrize(
    ("named", "sentence"), [({"text": "text,label"}, "'label' would be --text and --label"), ({"text": "Text, other", "pair": "other"}, "'other' would be --text and --pair")]
)
def test_a_column_that_is_joined_has_no_other_role(write: Write, named: dict[str, str], sentence: str) -> None:
    """A label that is found within the texts would be told perfectly."""
    path = write("t.csv", "text,other,label\n" + "some words here,more of them,a\nother words there,and some more,b\n" * 5)
    with pytest.raises(ColumnError, match=f"a column can have one role; {sentence}"):
        read_table(path, **named)
