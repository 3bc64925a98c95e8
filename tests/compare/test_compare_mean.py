"""Where folds only choose: the mean of their models stands for a candidate, on the test rows and in the hand-over."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_tables import table
from safetensors.numpy import load_file

from ringsmith.compare.dataset import Table
from ringsmith.compare.events import RunFinished
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.race import Race
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.records import Split


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., Comparison]:
    """Compare fakes on 200 rows that choose in five folds, and 40 that test."""

    def run(*recipes: str, **options: Any) -> Comparison:
        return compare_table(choosing(), CompareOptions(data="made.csv", recipes=recipes, out=tmp_path / "out", on="inline", **options), lambda event: None)

    return run


def choosing(rows: int = 200) -> Table:
    """So many rows choose, of two classes in turn; the first fold alone has the 40 test rows."""
    part = np.arange(rows) // 2 % 5
    splits = [Split(f"fold-{i + 1}", np.flatnonzero(part != i), np.flatnonzero(part == i), np.arange(rows, rows + 40 if i == 0 else rows)) for i in range(5)]
    return replace(table(rows + 40), splits=tuple(splits))


def counts(events: list[Any]) -> list[tuple[int, int]]:
    """Of each run its number and how many there are."""
    return [(event.index, event.total) for event in events if isinstance(event, RunFinished)]


def ledger(result: Comparison) -> list[dict[str, Any]]:
    """Its lines."""
    return [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]


def best(result: Comparison) -> dict[str, Any]:
    """What the study says of the model that was handed over."""
    return dict(json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["best"])


def right(every: int) -> float:
    """Share of the test rows that is right where every so manieth row of the table is wrong."""
    return float(np.mean(np.arange(200, 240) % every != 0))


def test_the_mean_answers_the_test_rows_and_is_handed_over(compare: Callable[..., Comparison]) -> None:
    """Of 3, 9, 10, 14 and 14 it is 10; the first fold's model would have another figure."""
    result = compare("averaged")
    row = result.rows[0]
    assert row.test == pytest.approx(right(10)) != right(3)
    part = np.arange(200) // 2 % 5
    assert row.valid == pytest.approx(np.mean([np.mean(np.flatnonzero(part == i) % every != 0) for i, every in enumerate((3, 9, 10, 14, 14))]))
    assert Counter(line["split"] for line in ledger(result)) == {**{f"fold-{i}": 1 for i in range(1, 6)}, "mean": 1}
    assert load_file(result.folder / "best" / "weights.safetensors")["wrong"].tolist() == [10.0]
    assert (best(result)["split"], best(result)["trained_on"]) == ("mean", "all rows but those that test: the mean of the weights of 5 models, each trained on a part of them")
    assert not row.why


def test_a_mean_that_is_worse_than_its_models_is_not_taken(compare: Callable[..., Comparison]) -> None:
    """It would be wrong in every row, its own training rows too."""
    result = compare("apart")
    assert result.rows[0].test == pytest.approx(1.0)
    assert best(result)["split"] == "fold-1"
    assert load_file(result.folder / "best" / "weights.safetensors")["wrong"].tolist() == [0.0]
    assert result.rows[0].why.startswith("Its figure on the test rows is its first fold's model's")


def test_a_mean_that_is_gone_is_made_again_from_all_of_its_folds(compare: Callable[..., Comparison]) -> None:
    """What was measured stays as it is."""
    before = compare("averaged")
    shutil.rmtree(before.folder / "best")
    after = compare("averaged")
    assert after.rows[0].test == before.rows[0].test
    assert [line["split"] for line in ledger(after)][6:] == [*(f"fold-{i}-again" for i in range(1, 6)), "mean-again"]
    assert best(after)["trained_on"].endswith("once more: the model that was measured is gone")
    assert load_file(after.folder / "best" / "weights.safetensors")["wrong"].tolist() == [10.0]
    assert len(ledger(compare("averaged"))) == 12  # it is there


@pytest.mark.parametrize("lost", ["fold-2", "mean"])
def test_answers_that_are_lost_do_not_cost_the_mean(compare: Callable[..., Comparison], lost: str) -> None:
    """The models of the folds are gone, so all folds are done again; another candidate's runs are not."""
    before = compare("averaged", "tenth")
    lines = len(ledger(before))
    (key,) = (line["run"] for line in ledger(before) if line["split"] == lost and line["candidate"]["recipe"] == "averaged")
    (before.folder / "predictions" / "runs" / f"{key}.npz").write_bytes(b"PK")
    after = compare("averaged", "tenth")
    assert after.rows[0].test == before.rows[0].test == pytest.approx(right(10))
    assert Counter(line["candidate"]["recipe"] for line in ledger(after)[lines:]) == {"averaged": 6}
    row = next(row for row in after.rows if row.candidate == "averaged")
    assert not row.why


def test_a_mean_is_held_to_rows_of_all_classes(tmp_path: Path) -> None:
    """Every second row of a file whose classes take turns has one class only, and no metric that needs two."""
    options = CompareOptions(data="made.csv", recipes=("averaged",), metric="auroc", out=tmp_path / "out", on="inline")
    result = compare_table(choosing(700), options, lambda event: None)
    (mean,) = (line["run"] for line in ledger(result) if line["split"] == "mean")
    assert Counter(np.load(result.folder / "predictions" / "runs" / f"{mean}.npz")["valid_position"] % 2) == {0: 210, 1: 210}
    assert result.rows[0].status == "done"


def test_several_seeds_have_no_mean(compare: Callable[..., Comparison]) -> None:
    """Each of them is a model of its own."""
    result = compare("averaged", seeds=2)
    assert "mean" not in {line["split"] for line in ledger(result)}
    assert best(result)["split"] == "fold-1"


def test_models_that_are_the_same_have_none_either(compare: Callable[..., Comparison]) -> None:
    """There is nothing to average, and another run would say the same."""
    assert "mean" not in {line["split"] for line in ledger(compare("tenth"))}


def test_without_the_time_for_it_the_first_fold_stands(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no mean can be taken."""
    monkeypatch.setattr(Race, "left", lambda race: 3.0 if len(race.arena.ledger.runs) == 5 else 60.0)
    monkeypatch.setattr(Race, "seconds_of_mean", lambda race, entrant: 10.0)
    result = compare("averaged", budget=100.0)
    assert result.rows[0].test == pytest.approx(right(3))
    assert best(result)["split"] == "fold-1"


def test_ctrl_c_while_it_is_taken_leaves_the_first_fold(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """All folds are done then: the candidate is in the table, and its model is handed over."""
    perform = Race.perform

    def stop(race: Race, run: Any, **given: Any) -> Any:
        if run.split.name == "mean":
            raise KeyboardInterrupt
        return perform(race, run, **given)

    monkeypatch.setattr(Race, "perform", stop)
    stopped = compare("averaged")
    assert (stopped.rows[0].status, stopped.rows[0].test, best(stopped)["split"]) == ("done", pytest.approx(right(3)), "fold-1")


def test_the_mean_is_counted_among_the_runs(tmp_path: Path) -> None:
    """Six each for two candidates; the one that has no mean has as many."""
    events: list[Any] = []
    compare_table(choosing(), CompareOptions(data="made.csv", recipes=("averaged", "tenth"), out=tmp_path / "out", on="inline"), events.append)
    found = counts(events)
    assert [total for _, total in found] == [12] * 11
    assert found[-1][0] in (11, 12)
    assert [number for number, _ in found] == sorted({number for number, _ in found})
