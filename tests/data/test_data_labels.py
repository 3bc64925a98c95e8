"""Labels of every kind."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from data_tables import Write

from ringsmith.data.classes import class_counts, compare_labels, keep_classes, require_classes, strata
from ringsmith.data.formats.memory import read_memory
from ringsmith.data.labels import Labels, read_labels
from ringsmith.data.read import read_like, read_table
from ringsmith.data.split import make_splits
from ringsmith.errors import ColumnError, LabelError
from ringsmith.records import TextSet


def labels_of(cells: list[Any] | pl.Series, separator: str | None = None, several: bool | None = None) -> Labels:
    """Labels read from one column."""
    return read_labels(read_memory(pl.DataFrame({"label": cells})), "label", separator=separator, several=several)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        ([1, 0], ["1", "0"]),
        ([True, False], ["true", "false"]),
        ([1.0, 0.0, None], ["1", "0", ""]),
        (["1.0", "0.0"], ["1", "0"]),
        (["1.0", "0.5"], ["1.0", "0.5"]),
        (["none", "NA", "some"], ["none", "NA", "some"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
    ],
)
def test_single_labels_become_strings(cells: Any, expected: list[str]) -> None:
    """Whole floats lose their point; ``none`` and ``NA`` are names like others."""
    found = labels_of(cells)
    assert (found.values, found.multilabel) == (expected, False)


def test_missing_labels_in_every_spelling() -> None:
    """NaN, null, empty, blank."""
    assert labels_of(["a", "", "  ", "nan", "NaN", "null", "<NA>", "#N/A", None]).missing.tolist() == [False] + [True] * 8
    assert labels_of([1.0, float("nan")]).missing.tolist() == [False, True]


def test_what_may_mean_no_label_is_a_class_and_it_is_said() -> None:
    """Once for each spelling."""
    found = labels_of(["a", "NA", "NA", "None", None])
    assert (found.values, found.missing.tolist()) == (["a", "NA", "NA", "None", ""], [False] * 4 + [True])
    assert found.notes == ("'NA' and 'None' are taken for classes; rows without a label are those whose cell is empty, nan, null or N/A.",)


def test_blanks_around_labels_are_taken_off_and_it_is_said() -> None:
    """``spam`` and ``spam `` are one class."""
    found = labels_of(["spam ", "spam", " ham\t"])
    assert (found.values, found.notes) == (["spam", "spam", "ham"], ("2 labels had blanks around, which were taken off.",))


@pytest.mark.parametrize(
    "cells",
    [
        [["x", "y"], ["x"], []],
        ['["x", "y"]', '["x"]', "[]"],
        ["['x', 'y']", "['x']", "[]"],
        ["[y, x]", "[x]", "[]"],
        ["('x', 'y')", "('x',)", "()"],
        ["{'x', 'y'}", "{'x'}", "set()"],
        ["frozenset({'x', 'y'})", "frozenset({'x'})", "frozenset()"],
        ["['x' 'y']", "['x']", "[]"],
        ["{y,x}", "{x}", "{}"],
        ['["y", "x", null]', "x", "[]"],
        [["y", "x", "x"], ["x "], [""]],
    ],
)
def test_lists_are_multi_label(cells: list[Any]) -> None:
    """Typed, JSON, Python's of every kind, NumPy's, bare; sorted, each once; an empty list is a row without any of the labels."""
    found = labels_of(cells)
    assert (found.values, found.multilabel, found.missing.any()) == ([("x", "y"), ("x",), ()], True, False)


@pytest.mark.parametrize("cells", [[["x"], ["y"], []], ['["x"]', '["y"]', "[]"]])
def test_lists_of_one_label_each_are_classes_where_one_is_asked_for(cells: list[Any]) -> None:
    """Else they are multi-label, and what may be meant is said; a list of two, then, is no class, and an empty one no label."""
    assert labels_of(cells[:2]).notes[0].endswith("a row may have several (multi-label); none has, so --task classification may be meant.")
    found = labels_of(cells, several=False)
    assert (found.values, found.multilabel, found.missing.tolist()) == (["x", "y", ""], False, [False, False, True])
    two = ["x", "y"] if isinstance(cells[0], list) else '["x", "y"]'
    with pytest.raises(LabelError, match=r"row 4: classification needs one label for each row; the list in 'label' has 2: 'x', 'y'\. Say --task multilabel"):
        labels_of([*cells, two], several=False)


@pytest.mark.parametrize("write_list", [json.dumps, repr, lambda names: repr(set(names)) if names else "set()", lambda names: str(np.array(names))])
def test_lists_in_the_cells_of_a_table_that_is_text(write: Write, write_list: Callable[[list[str]], str]) -> None:
    """What pandas writes of a column of lists: with commas between, brackets and quotes were left on the labels, four of which became sixteen."""
    names = ["sport", "don't care", "a, b", 'say "x"']
    rows = [[name for at, name in enumerate(names) if number >> at & 1] for number in range(16)] * 3
    out = io.StringIO()
    csv.writer(out).writerows([["text", "tags"], *([f"the text number {number}", write_list(row)] for number, row in enumerate(rows))])
    assert read_table(write("t.csv", out.getvalue())).texts.labels == [tuple(sorted(row)) for row in rows]


def test_names_in_brackets_are_names(write: Write) -> None:
    """Round ones without a comma, and square ones beside names without."""
    for names in (["(good)", "(bad)"], ["[spam]", "[spam]", "ham"], ["a (b)", "d"]):
        path = write("t.csv", "text,label\n" + "".join(f"the text number {number},{name}\n" for number, name in enumerate(names)))
        assert read_table(path).texts.labels == names


def test_nothing_separates_labels_where_each_row_has_one() -> None:
    """``--task classification``: what would be parted by itself is one name."""
    cells = ["bug|docs", "bug", "docs|bug|ui", "ui", "docs"]
    assert labels_of(cells).multilabel
    assert labels_of(cells, several=False).values == cells
    assert read_table([(f"text {cell}", cell) for cell in cells], multilabel=False).texts.labels == cells


@pytest.mark.parametrize("mark", ["|", ";", ","])
def test_separated_labels_are_recognised_where_there_is_no_doubt(mark: str) -> None:
    """The parts are labels elsewhere, and their number varies."""
    found = labels_of([f"bug{mark}docs", "bug", f"docs{mark}bug{mark}ui", "ui", "docs"])
    assert found.values == [("bug", "docs"), ("bug",), ("bug", "docs", "ui"), ("ui",), ("docs",)]
    assert found.notes == (f"The labels are separated by '{mark}': a row may have several (multi-label).",)


def test_an_empty_cell_is_no_label_and_brackets_are_none_of_them() -> None:
    """A row without any of the labels looked like one that nobody has labelled; how to tell them apart is said where there are such rows."""
    found = labels_of(["bug|docs", "bug", "", "docs|bug|ui", "[]", None, "ui", "docs"])
    assert found.values == [("bug", "docs"), ("bug",), (), ("bug", "docs", "ui"), (), (), ("ui",), ("docs",)]
    assert np.flatnonzero(found.missing).tolist() == [2, 5]
    assert found.notes[0] == ("2 cells of 'label' are empty: taken for rows that nobody has labelled, and left out. Write [] into cells that mean none of the labels.")
    assert len(labels_of(["bug|docs", "bug", "docs|bug|ui", "[]", "ui", "docs"]).notes) == 1


def test_names_with_a_bar_inside_are_one_label() -> None:
    """Paths of a shop's catalogue have parts, but are classes."""
    assert not labels_of(["Toys|Cars", "Toys|Dolls", "Books|Crime"]).multilabel
    assert labels_of(["Toys|Cars", "Toys|Dolls"], separator="|").values == [("Cars", "Toys"), ("Dolls", "Toys")]
    assert labels_of(["a,b", "a"], separator=",").values == [("a", "b"), ("a",)]


def test_columns_of_flags_make_rows_with_several_labels() -> None:
    """``--label toxic,threat``; one flag of several is never picked silently."""
    columns = {"comment": [f"some comment {i}" for i in range(4)], "toxic": [1, 0, 1, 0], "threat": [0, 0, 1, 1], "insult": ["0", "1", "0", "0"]}
    table = read_table(columns, label="toxic, threat")
    assert table.texts.labels == [("toxic",), (), ("threat", "toxic"), ("threat",)]
    assert read_like(columns, table.findings).texts.labels == table.texts.labels
    with pytest.raises(
        ColumnError, match=r"'toxic', 'threat', 'insult' all hold 0 and 1\. Name one with --label, or several, for rows with several labels: --label toxic,threat,insult"
    ):
        read_table(columns)
    with pytest.raises(LabelError, match="columns joined to labels must hold 0 and 1; 'comment' holds 'some comment 0'"):
        read_table(columns, label="toxic,comment")


def test_two_columns_of_flags_may_be_one_label_or_several() -> None:
    """As spaCy has them: a number for each class; the sentence offers both."""
    columns = {"text": [f"some comment {i}" for i in range(4)], "cats.pos": [1, 0, 1, 0], "cats.neg": [0, 1, 0, 1]}
    with pytest.raises(ColumnError, match=r"could both be it\. Name it with --label, or several, for rows with several labels \(--label cats\.pos,cats\.neg\); the columns are"):
        read_table(columns)


@pytest.mark.parametrize("named", [True, False])
def test_the_option_that_joins_flags_names_all_of_them(named: bool) -> None:
    """As a shell takes it; the fourth was lost where it was copied. Of very many it cannot be copied without being completed."""
    names = [f"{'label ' if named else 'on time '}{number}" for number in range(13)]
    columns = {"text": [f"some comment {i}" for i in range(16)], **{name: [i >> number % 4 & 1 for i in range(16)] for number, name in enumerate(names)}}
    with pytest.raises(ColumnError, match=re.escape(f"--label '{','.join(names[:4])}'")):
        read_table({name: columns[name] for name in ["text", *names[:4]]})
    with pytest.raises(ColumnError, match=re.escape(f"--label {','.join(names[:3])},... with all 13")):
        read_table(columns)


def test_lists_of_objects_are_no_labels() -> None:
    """As Label Studio writes its annotations; also where the lists are text."""
    cells = [f'[{{"result": "{"ab"[i % 2]}"}}]' for i in range(4)]
    with pytest.raises(LabelError, match=r"row 1: labels must be names or lists of names; the column 'label' holds lists of objects"):
        labels_of(cells)


def test_names_with_commas_and_blanks_are_one_label() -> None:
    """Places and titles."""
    assert not labels_of(["Paris, France", "France", "Lyon, France", "Lyon", "Paris"]).multilabel


def test_a_comma_with_a_blank_parts_labels_that_come_together_in_many_ways() -> None:
    """The way people write lists; where the evidence is thin the label stays whole, and it is said, unless several labels were asked for."""
    pets = ["cat", "dog, cat", "cat, dog", "dog", "bird, big dog, cat", "bird"]
    found = labels_of(pets)
    assert found.values == [("cat",), ("cat", "dog"), ("cat", "dog"), ("dog",), ("big dog", "bird", "cat"), ("bird",)]
    assert found.notes == ("The labels are separated by ',': a row may have several (multi-label).",)
    assert labels_of(["a", "b", "c", "a, b", "a, c", "b, c"]).multilabel  # three parts, six combinations
    few = labels_of(["cat", "dog", "cat, dog"])
    assert (few.values, few.multilabel) == (["cat", "dog", "cat, dog"], False)
    assert few.notes == ("'cat, dog' is taken for the name of one class; if these are several labels of one row, say --task multilabel.",)
    assert labels_of(["Toys, games", "Books", "Arts, crafts"]).notes == ()


def test_where_several_labels_are_asked_for_the_commonest_mark_parts_them() -> None:
    """Also in a table with too few rows to tell; without any mark each label is one."""
    rows = [("one text", "cat"), ("another text", "cat, dog"), ("a third", "dog")]
    assert read_table(rows, multilabel=True).texts.labels == [("cat",), ("cat", "dog"), ("dog",)]
    assert read_table([("one text", "cat"), ("another text", "dog")], multilabel=True).texts.labels == [("cat",), ("dog",)]
    first = read_table([(f"text {i}", ["cat", "dog", "cat|dog", "bird|dog", "bird"][i % 5]) for i in range(10)])
    assert read_like([("a text", "cat|dog"), ("more text", "cat|dog")], first.findings).texts.labels == [("cat", "dog")] * 2


def test_labels_of_a_second_table_are_parted_as_in_the_first() -> None:
    """A name with a comma stays whole in it, though none of its rows shows the bar; where nothing parts those of the first, nothing is guessed."""
    names = ["Toys, games", "Books", "Music", "Cars"]
    first = read_table([(f"some text {i}", "|".join(part)) for i in range(4) for count in (1, 2, 3) for part in combinations(names, count)])
    assert first.findings.label_separator == "|"
    assert read_like([(f"text {name}", name) for name in names], first.findings).texts.labels == [(name,) for name in names]
    lists = read_table([("some text", ["Toys, games"]), ("other text", ["Books", "Cars"])])
    assert read_like([("one text", "Toys, games"), ("a text", "Books")], lists.findings).texts.labels == [("Toys, games",), ("Books",)]
    alone = read_table([("one text", "cat"), ("another text", "dog")], multilabel=True)
    assert read_like([("a text", "cat"), ("more text", "dog")], alone.findings).texts.labels == [("cat",), ("dog",)]


def test_a_list_that_cannot_be_read_is_named() -> None:
    """File, row, content."""
    with pytest.raises(LabelError, match=r"memory: row 2: the labels in 'label' are written as lists, and this one cannot be read: '\[\"x\", \"y\]'"):
        labels_of(['["x"]', '["x", "y]'])


def test_scores_are_no_classes() -> None:
    """5.0, 3.8, 2.75 ... is a measurement."""
    with pytest.raises(LabelError, match=r"labels must be classes; the column 'label' holds 30 different numbers from 0 to 7\.25, a score"):
        labels_of([str(i / 4) for i in range(30)])


def test_no_labels_at_all() -> None:
    """The wrong column, most likely."""
    with pytest.raises(LabelError, match="labels are needed; the column 'label' is empty in all 2 rows"):
        labels_of(["", None])


def test_counting_and_numbering_classes() -> None:
    """Largest first, equals by name; numbers in the order of names; in multi-label data the rarest label of a row."""
    assert list(class_counts(["b", "a", "c", "b"]).items()) == [("b", 2), ("a", 1), ("c", 1)]
    assert class_counts([("x", "y"), ("x",), ()]) == {"x": 2, "y": 1}
    assert strata(["b", "a", "c", "b"]).tolist() == [1, 0, 2, 1]
    assert strata([("x", "y"), ("x",), ()]).tolist() == [2, 1, 0]


def test_one_class_only_and_classes_with_too_few_rows() -> None:
    """Which, how many, and the way on."""
    with pytest.raises(LabelError, match="Two classes or more are needed; got only 'a' in 3 rows"):
        require_classes(TextSet(["x"] * 3, ["a"] * 3))
    with pytest.raises(
        LabelError, match=r"at least 5 rows to be split into training, validation and test; 'b' has 2, 'c' has 1\. Add rows, or leave such classes out with --min-rows 5"
    ):
        require_classes(TextSet(["x"] * 23, ["a"] * 10 + ["b"] * 2 + ["c"] + ["d"] * 10))
    with pytest.raises(LabelError, match=r"'b' has 2, 'c' has 1\. Add rows, or name another column as the label \(--label\)"):
        require_classes(TextSet(["x"] * 13, ["a"] * 10 + ["b"] * 2 + ["c"]))
    with pytest.raises(LabelError, match=r"'a' has 3, 'b' has 3\. Add rows, or name another column .*, or keep all of them with --min-rows 3 and trust their scores little\."):
        require_classes(TextSet(["x"] * 6, ["a", "b"] * 3))
    with pytest.raises(LabelError, match=r"got only 'a' in 1 row\. Check"):
        require_classes(TextSet(["x"], ["a"]))


def test_a_slip_of_the_pen_is_told_where_a_class_is_rare() -> None:
    """A class that is another one in other capitals or with other blanks: to be written alike, not left out."""
    labels = ["Rechnung"] * 20 + ["rechnung"] + ["on time"] * 9 + ["on  time"] * 2 + ["other"]
    hint = r"Hardly different: 'rechnung' from 'Rechnung' \(20 rows\), 'on  time' from 'on time' \(9 rows\); write them alike if they mean the same\."
    with pytest.raises(LabelError, match=rf"'on  time' has 2, 'other' has 1, 'rechnung' has 1\. {hint} Add rows, or leave such classes out with --min-rows 5"):
        require_classes(TextSet(["x"] * len(labels), labels))
    table = read_table([(f"text {number}", label) for number, label in enumerate(labels)])
    assert re.search(rf"3 classes with fewer than 5 rows were left out: .*\. {hint}$", keep_classes(table, 5).findings.notes[-1])
    assert labels_of(["a", "k. A."]).notes[0].startswith("'k. A.' is taken for a class; rows without a label are those")


@pytest.mark.parametrize("form", ["{:,.2f} €", "${:,.2f}", "{:.1f} %", "german"])
def test_amounts_are_scores_however_they_are_written(form: str) -> None:
    """With the signs of thousands and money; a few of them may still be classes."""
    amounts = [(number + 1) * 173.21 for number in range(30)]
    written = [f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) if form == "german" else form.format(amount) for amount in amounts]
    with pytest.raises(LabelError, match=rf"the column 'label' holds 30 different numbers such as '{re.escape(written[0])}' and '{re.escape(written[1])}', a score"):
        read_table([(f"text {number} and more", label) for number, label in enumerate(written)])
    few = read_table([(f"text {number} and more", written[number % 3]) for number in range(30)])
    assert len(set(few.texts.labels or [])) == 3


def test_the_same_labels_in_every_row_are_nothing_to_learn() -> None:
    """Of rows with several labels, too."""
    rows = read_table([{"text": f"text number {number}", "tags": ["a", "b"]} for number in range(40)], label="tags")
    with pytest.raises(LabelError, match=r"Rows must differ in their labels; all 40 carry a \+ b\. Check which column is the label \(--label\)\."):
        make_splits(rows.texts)


def test_min_rows_leaves_rare_classes_out_and_counts_their_rows() -> None:
    """Splits and times stay with their rows."""
    table = read_table([{"text": f"some text {i}", "label": "abcab"[i % 5], "split": "train" if i else "test", "when": i} for i in range(10)], time="when")
    kept = keep_classes(table, 4)
    assert kept.texts.rows.tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert kept.times is not None
    assert kept.times.tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert kept.split_names == ["test"] + ["train"] * 7
    assert (kept.findings.rows_used, kept.findings.dropped) == (8, {"class below 4 rows": 2})
    assert kept.findings.notes[-1] == "1 class with fewer than 4 rows was left out: 'c' (2)."
    assert keep_classes(table, 2) is table
    many = read_table([{"text": f"some text {i}", "label": "abcdefgh"[max(0, i - 5)]} for i in range(13)] + [{"text": "one more text", "label": "b"}] * 4)
    assert re.fullmatch(r"6 classes with fewer than 4 rows were left out: ('[c-h]' \(1\), ){4}'[c-h]' \(1\) and 1 more\.", keep_classes(many, 4).findings.notes[-1])


def test_min_rows_takes_rare_labels_off_multi_label_rows() -> None:
    """The row keeps its other labels."""
    kept = keep_classes(read_table([("a b", ["x", "y"]), ("c d", ["x", "z"]), ("e f", ["z"])]), 2)
    assert kept.texts.labels == [("x",), ("x", "z"), ("z",)]
    assert kept.findings.notes[-1] == "1 label with fewer than 2 rows was taken off its rows: 'y' (1)."


def test_labels_of_a_test_set() -> None:
    """None shared is an error; some that one side lacks are told."""
    train = TextSet(["x"] * 4, ["a", "b"] * 2)
    with pytest.raises(LabelError, match="they share none: training has 'a', 'b', the test rows have 'A', 'B'"):
        compare_labels(train, TextSet(["x"] * 2, ["A", "B"]))
    assert compare_labels(train, TextSet(["x"] * 3, ["a", "c", "c"])) == [
        "The test rows have labels that training never has ('c'): 2 of them cannot be right and count as wrong.",
        "Training has labels that no test row has ('b'): how well they are told is not measured.",
    ]
    assert compare_labels(train, TextSet(["x"] * 2, ["a", "b"])) == []


def test_missing_is_a_mask_over_all_rows() -> None:
    """As long as the table."""
    assert labels_of(["a", None, "b"]).missing.dtype == np.bool_
