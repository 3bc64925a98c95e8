"""From the options to the rows of a comparison: reading, splitting, checking, targets and the floor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringsmith.compare import CompareOptions, run_comparison
from ringsmith.compare.dataset import Dataset, Table, describe, first_test_row, load_table, store_table
from ringsmith.compare.events import Cut, Event, Read, silent
from ringsmith.errors import LabelError, OptionError, ReadError, UnknownName
from ringsmith.records import Split, TextSet

WORDS = ["red", "green", "blue", "black", "white", "grey", "brown", "pink", "gold", "plum"]


def write(path: Path, rows: int, *, labels: str = "ab", extra: str = "") -> Path:
    """A CSV of different texts, labels in turn, perhaps with a column ``extra`` that changes every two rows."""
    lines = [f"text,label{',' + extra if extra else ''}"]
    for i in range(rows):
        words = " ".join(WORDS[i // 10**place % 10] + WORDS[(i * 7 + place) % 10] for place in range(4))
        lines.append(f"{words} {i},{labels[i % len(labels)]}{f',x{i // 2}' if extra else ''}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(path: Path, **options: Any) -> tuple[Table, Dataset]:
    """The table and what is kept of it."""
    asked = CompareOptions(data=str(path), **options)
    table = load_table(asked, silent)
    return table, describe(table, asked)


def test_a_thousand_rows_make_one_split(tmp_path: Path) -> None:
    """15 % to choose and 15 % to report, and one split is asked for although rows are few."""
    for rows, options in ((1000, {}), (200, {"folds": 0})):
        table, dataset = load(write(tmp_path / "t.csv", rows), **options)
        (split,) = dataset.splits
        assert [len(split.valid), len(split.test)] == [0.15 * rows] * 2
        assert table.how == "stratified, seed 0"
        assert dataset.metric.name == "accuracy"
        assert dataset.shares == pytest.approx(np.array([[0.5, 0.5]]), abs=0.02)


def test_few_rows_are_folded(tmp_path: Path) -> None:
    """Five folds, every row tested once."""
    _, dataset = load(write(tmp_path / "t.csv", 200))
    assert [split.name for split in dataset.splits] == [f"fold-{i}" for i in range(1, 6)]
    assert sorted(dataset.order.tolist()) == list(range(200))


def test_a_first_row_that_may_hold_the_names_is_told_first(tmp_path: Path) -> None:
    """Where its label is the only one of its kind: to leave that class out would lose the row, and the names."""
    path = write(tmp_path / "t.csv", 12, labels="aab")
    path.write_text(path.read_text().replace("text,label", "What did you think of it all?,Type of your message"))
    with pytest.raises(
        LabelError,
        match=r"the first row was taken for a row like the others; if 'Type of your message' is the name of the column, say --label 'Type of your message'\. Else every class",
    ):
        load(path)
    with pytest.raises(LabelError, match=r"labels in 'label': every class needs at least 5 rows"):
        load(write(tmp_path / "t.csv", 12, labels="aab"))
    path.write_text(path.read_text().replace("text,label", "What did you think of it all?,Type of your message"))
    with pytest.raises(LabelError, match=r"labels in 'Type of your message': every class needs at least 5 rows"):
        load(path, label="Type of your message")


def test_a_second_table_is_reported_on(tmp_path: Path) -> None:
    """Its rows come after those of the first; a label that only it has counts as wrong."""
    write(tmp_path / "train.csv", 300)
    (tmp_path / "test.csv").write_text("text,label\nquite new words,a\nnever seen before,c\n", encoding="utf-8")
    events: list[Event] = []
    asked = CompareOptions(data=str(tmp_path / "train.csv"), test=str(tmp_path / "test.csv"))
    table = load_table(asked, events.append)
    dataset = describe(table, asked)
    assert [split.test.tolist() for split in dataset.splits] == [[300, 301], [], [], [], []]
    assert dataset.order.tolist() == [300, 301]
    assert dataset.y[300:].tolist() == [0, -1]
    assert dataset.task.labels == ("a", "b")
    assert isinstance(events[0], Read)
    assert events[0].test_findings is not None
    assert table.notes
    assert first_test_row(table) == 300
    assert first_test_row(load_table(replace(asked, test=None), events.append)) is None


def test_groups_are_numbered(tmp_path: Path) -> None:
    """Two rows to a group; no group is cut apart."""
    _, dataset = load(write(tmp_path / "t.csv", 1200, extra="author"), group="author")
    assert dataset.groups is not None
    assert np.bincount(dataset.groups).tolist() == [2] * 600
    (split,) = dataset.splits
    assert not set(dataset.groups[split.train]) & set(dataset.groups[split.test])


def test_test_rows_without_the_group_column_stand_alone(tmp_path: Path) -> None:
    """No group is told that is none, and the bootstrap draws such rows one by one."""
    write(tmp_path / "train.csv", 1200, extra="author")
    write(tmp_path / "test.csv", 40)
    table, dataset = load(tmp_path / "train.csv", test=str(tmp_path / "test.csv"), group="author")
    assert table.checked.groups == 600
    assert dataset.groups is not None
    assert len(np.unique(dataset.groups[dataset.splits[0].test])) == 40


def test_rare_classes_are_left_out_on_request(tmp_path: Path) -> None:
    """Without --min-rows the class is named, with it the others go on."""
    path = write(tmp_path / "t.csv", 300)
    with path.open("a", encoding="utf-8") as file:
        file.write("one of a kind,rare\n")
    with pytest.raises(LabelError, match=r"'rare' has 1"):
        load(path)
    assert load(path, min_rows=5)[1].task.labels == ("a", "b")


def test_several_labels_for_each_row(tmp_path: Path) -> None:
    """Targets are a table of yes and no, the floor is the share of each label, micro F1 judges."""
    rows = [{"text": f"{WORDS[i % 10]} {WORDS[i // 10 % 10]} {i}", "labels": ["a", "b"] if i % 2 else ["a"]} for i in range(200)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _, dataset = load(tmp_path / "t.jsonl")
    assert dataset.y.shape == (200, 2)
    assert dataset.metric.name == "micro_f1"
    assert dataset.shares[0] == pytest.approx([1.0, 0.5], abs=0.05)
    found = run_comparison(CompareOptions(data=str(tmp_path / "t.jsonl"), recipes=("majority",), out=tmp_path / "out", on="inline"))
    assert found.recommended == "majority"


def test_the_first_fault_of_the_data_is_said(tmp_path: Path) -> None:
    """The reader's own sentence."""
    with pytest.raises(ReadError, match=r"none\.csv"):
        load(tmp_path / "none.csv")


def test_an_unknown_metric_is_said_after_reading(tmp_path: Path) -> None:
    """The class must be one of the table's."""
    path = write(tmp_path / "t.csv", 200)
    with pytest.raises(UnknownName, match=r"There is no class 'c'\. .*Known: a, b\."):
        load(path, metric="f1:c")
    with pytest.raises(OptionError, match=r"'hamming_loss' is a metric of multilabel"):
        run_comparison(CompareOptions(data=str(path), metric="hamming_loss", recipes=("majority",), out=tmp_path / "out", on="inline"))


def test_a_metric_that_guesses_do_well_in_cannot_judge(tmp_path: Path) -> None:
    """The shares of the classes are well calibrated: by ``ece`` every model that is worth having was refused."""
    with pytest.raises(OptionError, match=r"'metric' must tell models from guesses; got 'ece', in which the shares of the classes do well, too\. Take log_loss or brier\."):
        load(write(tmp_path / "t.csv", 200), metric="ece")


@pytest.mark.parametrize(("options", "sentence"), [({"recipes": ("tent",)}, "There is no recipe 'tent'"), ({"on": "moon"}, r"There is no place to run \(--on\) 'moon'")])
def test_a_wrong_name_is_said_before_anything_is_read_or_written(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    """Even the folder is gone again."""
    with pytest.raises(UnknownName, match=sentence):
        run_comparison(CompareOptions(data=str(tmp_path / "no such file.csv"), out=tmp_path / "out", **options))
    assert not (tmp_path / "out").exists()


def test_what_is_stored_can_be_read_by_a_run(tmp_path: Path) -> None:
    """Positions, row numbers and texts belong together; long texts are cut in what the report shows."""
    texts = TextSet(["x" * 3000, "two", "three", "four"], ["a", "b", "a", "b"], pairs=["p1", "p2", "p3", "p4"], rows=np.array([10, 20, 30, 40]))
    table = Table(texts, (Split("holdout", np.array([1]), np.array([2]), np.array([3, 0])),), "by hand", None, (), None)  # type: ignore[arg-type]
    store_table(table, tmp_path, tmp_path / "work")
    lines = [json.loads(line) for line in (tmp_path / "predictions" / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["row"], line["label"], line["pair"]) for line in lines] == [(40, "b", "p4"), (10, "a", "p1")]
    assert len(lines[1]["text"]) == 2000
    assert json.loads((tmp_path / "splits" / "holdout.json").read_text(encoding="utf-8"))["test"] == [40, 10]


def test_the_cut_is_told(tmp_path: Path) -> None:
    """Sizes, findings, task, metric and manner."""
    events: list[Event] = []
    run_comparison(CompareOptions(data=str(write(tmp_path / "t.csv", 1000)), recipes=("majority",), out=tmp_path / "out", on="inline"), events.append)
    (cut,) = [event for event in events if isinstance(event, Cut)]
    assert cut.splits == [{"name": "holdout", "train": 700, "valid": 150, "test": 150}]
    assert (cut.metric, cut.how, cut.task["labels"]) == ("accuracy", "stratified, seed 0", ["a", "b"])
    assert cut.findings.rows == 1000
