"""Which row names the columns."""

from __future__ import annotations

import csv
import io

import pytest
from data_tables import Write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringsmith.data.predictions import read_texts
from ringsmith.data.raw import RawTable
from ringsmith.data.read import read_like, read_source, read_table
from ringsmith.data.source import Source
from ringsmith.errors import ColumnError

SOME = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
WORD = st.text(alphabet=st.sampled_from("abcdefghijklmnopqrstuvwxyzäöüß"), min_size=1, max_size=10)
NUMBERS = ("na", "nan", "inf", "null", "none", "infinity")
"""Words that are values."""
NAME = st.lists(WORD, min_size=1, max_size=7).map(" ".join).filter(lambda name: len(name) <= 64 and name not in NUMBERS)
CLASSES = st.lists(WORD, min_size=2, max_size=4, unique=True)
QUESTION, KIND = "What did you like most about it?", "Type of your latest ticket"


def table_of(rows: list[list[str]], *asked: str) -> RawTable:
    """These rows as a CSV file, read."""
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows(rows)
    return read_source(Source("t.csv", out.getvalue().encode(), columns=asked))


def body(rows: int, classes: list[str]) -> list[list[str]]:
    """Texts of several words, each with one of the classes in turn."""
    return [[f"the text that has the number {number} of all", classes[number % len(classes)]] for number in range(rows)]


@SOME
@given(NAME, NAME, CLASSES, st.integers(5, 12))
def test_any_names_are_told_above_values_that_recur(text: str, label: str, classes: list[str], each: int) -> None:
    """A label that no other row has, where all others have many rows, is the name of the column, however many words it has."""
    if text != label and label not in classes:
        table = table_of([[text, label], *body(each * 5 * len(classes), classes)])
        assert (table.header, table.frame.columns) == (True, [text, label])


@SOME
@given(CLASSES, st.integers(1, 40))
def test_a_table_without_names_keeps_its_first_row(classes: list[str], each: int) -> None:
    """Its label recurs, or none of them does much."""
    table = table_of(body(each * len(classes), classes))
    assert (table.header, table.frame.height) == (False, each * len(classes))


@SOME
@given(NAME, NAME, CLASSES, st.integers(0, 3), st.integers(0, 2), st.integers(2, 30))
def test_the_names_that_are_asked_for_are_the_names(text: str, label: str, classes: list[str], titles: int, empty: int, rows: int) -> None:
    """Below titles, with empty columns behind, above few rows; in other letter case."""
    if text.casefold() == label.casefold():
        return
    above = [["Export of all that came in", ""], ["", ""], ["as of today", ""]][:titles]
    cells = [row + [""] * empty for row in [*above, [text, label], *body(rows, classes)]]
    table = table_of(cells, text.upper() if text.upper().lower() == text else text, label)
    assert (table.header, table.frame.columns, table.frame.height) == (True, [text, label], rows)


@pytest.mark.parametrize("above", [["Export 2026;;;"], ["Export 2026"], ["Export 2026;;;", ";;;", "as of;28.11.;;"]])
@pytest.mark.parametrize("names", ["Lfd.Nr.;Kundentext;Kategorie/Typ;", "Lfd.Nr.; Was schreibt der Kunde? ;Art des Anliegens (Typ);", "id;text;label;"])
def test_titles_above_odd_names_and_a_column_that_holds_nothing(write: Write, above: list[str], names: str) -> None:
    """As spreadsheets write them: the names stand above numbers and values that recur, and the last cell of each row is empty."""
    rows = [f"{number};das ist die Anfrage Nummer {number};{('Geld', 'Paket', 'Gerät')[number % 3]};" for number in range(60)]
    table = read_table(write("t.csv", "\n".join([*above, names, *rows]) + "\n"))
    assert table.findings.columns == [name.strip() for name in names.split(";")[:3]]
    assert (table.findings.rows_read, table.findings.label_column) == (60, names.split(";")[2])
    assert sum("above the names of the columns w" in note for note in table.findings.notes) == 1


def test_rows_that_lack_a_label_are_no_titles(write: Write) -> None:
    """Nor is the first that has one the names."""
    rows = ["the very first text,", "another text that came,", *(f"the text of number {number},{'ab'[number % 2]}" for number in range(40))]
    table = read_table(write("t.csv", "\n".join(rows) + "\n"))
    assert (table.findings.header, table.findings.rows_read, table.findings.dropped) == (False, 42, {"no label": 2})


def test_one_name_that_is_asked_for_is_enough_in_the_first_row(write: Write) -> None:
    """The other may be mistyped: then the nearest is offered. A name that is not there at all brings the first row into the message."""
    path = write("t.csv", f"{QUESTION},{KIND}\nit is good and fast,a\nit is bad and slow,b\n")
    table = read_table(path, text=QUESTION, label=KIND)
    assert (table.findings.header, table.texts.labels, table.findings.notes) == (True, ["a", "b"], [])
    with pytest.raises(ColumnError, match=rf"--label must name a column; there is none called 'Type of ticket'. Did you mean '{KIND}'\?"):
        read_table(path, text=QUESTION, label="Type of ticket")
    with pytest.raises(ColumnError, match=r"The columns are: 'column_1', 'column_2'\. The first row \('What did you like m…', .*\) was taken for a row like the others"):
        read_table(path, text="message", label="kind")


def test_names_of_training_are_found_again(write: Write) -> None:
    """In a second table and in one to predict, which have too few rows to tell by."""
    train = read_table(write("train.csv", f"{QUESTION},{KIND}\n" + "".join(f"it is fast for the time number {number},{'ab'[number % 2]}\n" for number in range(40))))
    second = write("test.csv", f"{KIND},{QUESTION}\nb,one more text of it\n")
    assert read_like(second, train.findings).texts.texts == ["one more text of it"]
    asked = read_texts(write("new.csv", f"All of today,\n{QUESTION},shop in town\nso good a thing it is,Rome\nso bad a thing it is,Rome\n"), known=[QUESTION])
    assert (asked.texts.texts, asked.table.columns) == (["so good a thing it is", "so bad a thing it is"], [QUESTION, "shop in town"])
    assert not any("was taken for" in note for note in asked.notes)


def test_a_joined_text_and_numbers_of_columns_are_names_too(write: Write) -> None:
    """Each part of a name with commas, or all of it; a number means a place."""
    head = 'the title of it,what they wrote to us,"Overall, are you happy?"\n'
    path = write("t.csv", head + "so good,it is good and fast,a\nso bad,it is bad and slow,b\n")
    assert read_table(path, text="the title of it,what they wrote to us", label="3").texts.labels == ["a", "b"]
    assert read_table(path, text="2", label="Overall, are you happy?").texts.labels == ["a", "b"]
