"""What had too little time is done once more where there is enough, and what it left takes the place of the first."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_tables import table
from safetensors.numpy import load_file
from test_compare_mean import choosing

from ringsmith.adapt import search
from ringsmith.adapt.recipe import Setting
from ringsmith.adapt.registry import create_recipe
from ringsmith.catalogue import LocalModel
from ringsmith.compare import forecast, mending, plan
from ringsmith.compare import race as races
from ringsmith.compare.events import RunFinished
from ringsmith.compare.forecast import Forecast
from ringsmith.compare.learning import LearningCurves
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.race import Race
from ringsmith.compare.runner import REPORT_SECONDS, Comparison, compare_table, finishing_seconds
from ringsmith.records import Budget
from ringsmith.tasks import infer_task

SHORT = "Some rows were used: the budget allows no more."


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forecast next to nothing for every fake, so that small budgets are worth a try."""
    monkeypatch.setattr(forecast, "MEASURING_SECONDS", 0.05)
    for fake in ("tenth", "third", "rushed", "pressed", "hasty"):
        monkeypatch.setitem(forecast.COSTS, fake, forecast.Cost(start_seconds=0.1))


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., Comparison]:
    """Compare fakes on a table made here."""

    def run(*recipes: str, rows: Any = None, events: list[Any] | None = None, **options: Any) -> Comparison:
        asked = CompareOptions(data="made.csv", recipes=recipes, out=tmp_path / "out", on="inline", **options)
        return compare_table(table() if rows is None else rows, asked, (lambda event: None) if events is None else events.append)

    return run


def starve(monkeypatch: pytest.MonkeyPatch, *which: int) -> None:
    """Let the runs of these numbers have a second to learn."""
    numbers, perform, starved = count(1), Race.perform, list[int]()

    def seconds(*args: Any, **options: Any) -> float:
        return 1.0 if starved else plan.seconds_to_learn(*args, **options)

    def counted(race: Race, run: Any, **options: Any) -> Any:
        starved[:] = {next(numbers)} & {*which}
        try:
            return perform(race, run, **options)
        finally:
            starved.clear()

    monkeypatch.setattr(Race, "perform", counted)
    monkeypatch.setattr(races, "seconds_to_learn", seconds)


def best_of(result: Comparison) -> dict[str, Any]:
    """What `best/` says of itself."""
    return dict(json.loads((result.folder / "best" / "ringsmith.json").read_text(encoding="utf-8"))["options"])


def done(events: list[Any]) -> list[tuple[str, str, str]]:
    """Candidate, run and end of all runs."""
    return [(event.result.candidate["recipe"], event.result.split, event.result.status) for event in events if isinstance(event, RunFinished)]


def test_a_fold_that_was_starved_is_done_again_at_the_end(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """One of five folds had a second, and fifty are over: the table has its figure with time, and nothing to say."""
    starve(monkeypatch, 1)
    events: list[Any] = []
    row = compare("rushed", rows=table(folds=5), budget=60, events=events).rows[0]
    assert [split for _, split, _ in done(events)] == [*(f"fold-{i}" for i in range(1, 6)), "fold-1", "refit"]
    assert (row.valid, row.why) == (pytest.approx(0.9), "")


def test_without_the_time_for_it_the_table_says_which_fold_had_too_little(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """And what will mend it: the same command with a longer budget, which does that fold alone."""
    starve(monkeypatch, 1)
    with monkeypatch.context() as patch:
        patch.setattr(mending, "MORE", 100.0)
        row = compare("rushed", rows=table(folds=5), budget=60).rows[0]
    assert row.valid < 0.9  # type: ignore[operator]
    assert row.why == f"fold-1 of 5 had too little time, so that its figure may be too low: a longer --budget does that again. {SHORT}"
    events: list[Any] = []
    row = compare("rushed", rows=table(folds=5), budget=300, events=events).rows[0]
    assert done(events) == [("rushed", "fold-1", "done")]
    assert (row.valid, row.why) == (pytest.approx(0.9), "")
    events.clear()
    compare("rushed", rows=table(folds=5), budget=300, events=events)
    assert not done(events)


def test_a_larger_budget_mends_the_table_and_the_model(compare: Callable[..., Comparison]) -> None:
    """With four seconds it is wrong in every third row; the same four again would change nothing."""
    first = compare("rushed", budget=4)
    assert (best_of(first), first.rows[0].why) == ({"wrong": 3}, SHORT)
    events: list[Any] = []
    assert compare("rushed", budget=4, events=events).rows[0].why == SHORT
    assert not done(events)
    second = compare("rushed", budget=60, events=events)
    assert (best_of(second), second.rows[0].valid, second.rows[0].why) == ({"wrong": 10}, pytest.approx(0.9), "")
    assert done(events) == [("rushed", "holdout", "done")]


def test_without_a_budget_there_is_time_for_all(compare: Callable[..., Comparison]) -> None:
    """What an earlier one cut short."""
    compare("rushed", budget=4)
    assert best_of(compare("rushed")) == {"wrong": 10}


def test_a_second_try_that_breaks_leaves_what_there_was(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its figure and its model; the next command tries once more."""
    first = compare("rushed", budget=4)
    monkeypatch.setenv("RINGSMITH_TEST_BREAKS", "1")
    events: list[Any] = []
    second = compare("rushed", budget=60, events=events)
    assert done(events) == [("rushed", "holdout", "dropped")]
    assert (second.rows, best_of(second)) == (first.rows, {"wrong": 3})
    monkeypatch.delenv("RINGSMITH_TEST_BREAKS")
    assert best_of(compare("rushed", budget=60)) == {"wrong": 10}


def test_what_was_dropped_though_time_is_over_is_tried_once_more(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two, in one second; and it is in the table."""
    starve(monkeypatch, 2)
    events: list[Any] = []
    result = compare("third", "pressed", budget=60, events=events)
    assert done(events) == [("third", "holdout", "done"), ("pressed", "holdout", "dropped"), ("pressed", "holdout", "done")]
    assert [row.candidate for row in result.rows] == ["pressed", "third"]


def test_what_had_all_the_time_there_was_is_not_tried_again(compare: Callable[..., Comparison]) -> None:
    """It would be dropped once more."""
    events: list[Any] = []
    result = compare("third", "pressed", budget=5, events=events)
    assert Counter(done(events)) == {("third", "holdout", "done"): 1, ("pressed", "holdout", "dropped"): 1}
    assert result.rows[-1].why == "not one step fits"


@pytest.mark.parametrize("later", [False, True])
def test_a_fold_that_is_done_again_has_another_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: bool) -> None:
    """Of 10, 9, 10, 14 and 14 it was 11.4; of 3, 9, ... it is 10. A later command, where the folds' models are gone, does all folds again."""
    starve(monkeypatch, 1)

    def compared(events: list[Any]) -> Comparison:
        return compare_table(choosing(), CompareOptions(data="made.csv", recipes=("hasty",), out=tmp_path / "out", on="inline", budget=90), events.append)

    events: list[Any] = []
    if later:
        with monkeypatch.context() as patch:
            patch.setattr(mending, "MORE", 100.0)
            result = compared([])
        assert load_file(result.folder / "best" / "weights.safetensors")["wrong"] == pytest.approx(11.4)
    result = compared(events)
    folds = [f"fold-{i}" for i in range(1, 6)]
    assert [split for _, split, _ in done(events)] == [*folds, "mean"] if later else [*folds, "mean", "fold-1", "mean"]
    assert load_file(result.folder / "best" / "weights.safetensors")["wrong"].tolist() == [10.0]


def test_the_last_fit_is_mended_too(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five folds and the fit on all rows the last had a second only."""
    starve(monkeypatch, 6)
    assert best_of(compare("rushed", rows=table(folds=5), budget=80)) == {"wrong": 3}
    events: list[Any] = []
    assert best_of(compare("rushed", rows=table(folds=5), budget=80, events=events)) == {"wrong": 10}
    assert done(events) == [("rushed", "refit", "done")]


def test_the_first_of_several_runs_gets_what_the_others_do_not_need() -> None:
    """By hand: 41 seconds, five runs of 2.8 (and 1.2 to measure): 41 - 4 x 2.8 x 1.25 = 27 less 2.5 to predict, save and measure; a fifth would leave 5.7."""
    probe = Forecast(start=1.0, fit=0.5, rest=2.5, least=4.0, memory_mb=100.0)
    assert plan.seconds_to_learn(probe, left=41, share=5, sure=2.5, behind=4 * 2.8 * 1.25) == pytest.approx(plan.PUNCTUAL * 24.5)
    assert plan.seconds_to_learn(probe, left=41, share=5, sure=2.5) == pytest.approx(plan.PUNCTUAL * 5.7)


def test_what_is_made_at_the_end_gets_more_time_on_a_machine_that_others_use() -> None:
    """Where reading took eight times as long as the processor worked; but no more than twice the usual, nor less than it took before."""

    def arena(used: float, stages: dict[str, float] | None = None) -> Any:
        content = {} if stages is None else {"budget": {"stages": stages}}
        return SimpleNamespace(budget=SimpleNamespace(used=lambda: used), study=SimpleNamespace(content=content))

    worked = time.process_time()
    assert finishing_seconds(arena(0.0)) == REPORT_SECONDS
    assert finishing_seconds(arena(6 * worked)) == pytest.approx(9.0, rel=0.1)
    assert finishing_seconds(arena(1000 * worked)) == 2 * REPORT_SECONDS
    assert finishing_seconds(arena(0.0, {"report": 20.0})) == 20.0


def test_curves_leave_the_end_twice_its_time() -> None:
    """They can be done without; of 20 seconds that are left for runs beside the six of the report they may take 14."""
    arena = SimpleNamespace(budget=SimpleNamespace(seconds=60.0))
    race: Any = SimpleNamespace(arena=arena, left=lambda: 20.0, finishing_seconds=6.0)
    assert LearningCurves(race)._left(0.0) == 14.0


@pytest.mark.parametrize("recipe", ["tfidf", "word2vec+static"])
def test_a_search_that_the_budget_ends_is_short_of_time(monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    """It says so, and counts as a run that more time may mend."""
    monkeypatch.setattr(search, "RESERVE", 1e9)
    name, model = recipe.split("+")[-1], LocalModel("word2vec", "", None, None, "", 0.0, "word2vec", 0, 0, 0, None, kind="method") if "+" in recipe else None
    rows = table().texts
    facts = create_recipe(name, Setting(infer_task(["a", "b"]), model, threads=1)).fit(rows, rows, Budget(60)).facts
    assert facts.hurried
    assert "The budget ended the search after 1 setting, which was taken." in facts.notes
