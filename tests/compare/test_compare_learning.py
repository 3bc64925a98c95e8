"""Learning curves of fakes: `learner` is wrong in every k-th row, k being a fifteenth of the rows it learnt from, so that every figure can be worked out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fake_tables import table
from rich.console import Console

import ringsmith as rs
from ringsmith.cli._watch import Watch
from ringsmith.compare import learning
from ringsmith.compare.dataset import Table
from ringsmith.compare.events import Event, FewerRows, RunStarted
from ringsmith.compare.forecast import Forecast, Forecaster
from ringsmith.compare.learning import LearningCurves
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.race import Race
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.data import with_fewer
from ringsmith.metrics import compare_paired, next_gain
from ringsmith.records import Split, TextSet


def with_curves(rows: int = 400, **options: Any) -> Table:
    """A table with the splits of its curves."""
    made = table(rows, **options)
    return replace(made, fewer=tuple(with_fewer(made.texts, split, 0) for split in made.splits))


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., Comparison]:
    """Compare fakes on a table with fewer rows beside it; there is time for all that is asked."""

    def run(*recipes: str, events: list[Event] | None = None, rows: Table | None = None, **options: Any) -> Comparison:
        asked = CompareOptions(**({"data": "made.csv", "recipes": recipes, "out": tmp_path / "out", "on": "inline", "budget": 60.0} | options))
        return compare_table(with_curves() if rows is None else rows, asked, (lambda event: None) if events is None else events.append)

    return run


def right(wrong: int) -> np.ndarray[Any, Any]:
    """Whether each of the 100 validation rows is answered rightly by one that is wrong in every so-manieth."""
    numbers = np.arange(400)[np.arange(400) // 2 % 4 == 2]
    return numbers % wrong != 0


def test_a_curve_by_hand(compare: Callable[..., Comparison]) -> None:
    """200, 100 and 50 rows: wrong in every thirteenth, sixth and third row; the gain is that of the paired comparison, the outlook that of the power law."""
    events: list[Event] = []
    result = compare("learner", "majority", events=events)
    (curve,) = result.learning
    quarter, half, whole = (float(right(wrong).mean()) for wrong in (3, 6, 13))
    assert (curve["candidate"], curve["rows"], curve["values"]) == ("learner", (50, 100, 200), pytest.approx((quarter, half, whole)))
    y = np.arange(400)[np.arange(400) // 2 % 4 == 2] % 2
    answers = [np.where(np.eye(2)[np.where(right(wrong), y, 1 - y)] > 0, np.float32(0.9), np.float32(0.1)) for wrong in (13, 6)]
    paired = compare_paired("accuracy", y, *answers)
    assert (curve["gain"], curve["low"], curve["high"]) == (pytest.approx(paired.difference), pytest.approx(paired.low), pytest.approx(paired.high))
    assert curve["next"] == pytest.approx(next_gain([50, 100, 200], [1 - quarter, 1 - half, 1 - whole]))
    assert f"200 training rows in place of 100 brought learner nothing that the validation rows show: {100 * (whole - half):.1f} points [" in curve["text"]
    assert [event for event in events if isinstance(event, FewerRows)] == [FewerRows(("learner",), 2)]
    assert [event.which for event in events if isinstance(event, RunStarted)] == ["", "", "holdout-half", "holdout-quarter"]
    assert json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["learning"][0]["rows"] == [50, 100, 200]


def test_curves_have_no_part_in_the_table_or_the_choice(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """With them and without, the table is the same but for its times, and so is the model that is handed over."""
    results = [compare("learner", "third", "majority", rows=rows, out=tmp_path / name) for name, rows in (("with", with_curves()), ("without", table(400)))]
    tables = [[(row.candidate, row.valid, row.test, row.tie_group, row.recommended) for row in result.rows] for result in results]
    assert tables[0] == tables[1]
    studies = [json.loads((result.folder / "study.json").read_text(encoding="utf-8")) for result in results]
    assert [study["best"]["split"] for study in studies] == ["holdout", "holdout"]
    assert [len(study["learning"]) for study in studies] == [2, 0]


def test_the_recommended_comes_first_and_then_as_many_as_there_is_time_for(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a budget the curves may take so many seconds: none, or enough for all."""
    assert [curve["candidate"] for curve in compare("learner", "third", "majority").learning] == ["learner", "third"]
    monkeypatch.setattr(learning, "MOST", 0.0)
    assert compare("learner", "third", budget=None, out=None, data="other.csv").learning == ()


def test_one_that_is_too_dear_stands_in_nobody_elses_way(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """The recommended one would take longer than there is; the other has its curve, and both are said."""
    monkeypatch.setattr(learning.LearningCurves, "_seconds", lambda self, entrant: 1e3 if entrant.candidate.name == "learner" else 0.1)
    result = compare("learner", "third")
    assert result.recommended == "learner"
    assert [curve["candidate"] for curve in result.learning] == ["third"]
    out = StringIO()
    with Watch(Console(file=out, width=200)) as watch:
        watch.conclude(result)
    assert f"Labels    {result.learning[0]['text']}\n          no curve of learner: no time was left" in out.getvalue()


def test_the_tied_and_the_best_of_each_recipe_have_curves() -> None:
    """Of eight candidates by model and recipe; neither the worse ones of a recipe, nor the floor, nor what costs money."""
    letters = {"a+full": "A", "b+full": "A", "c+probe": "B", "api+prompt": "B", "d+full": "C", "e+probe": "D", "tfidf": "D", "majority": "E"}
    seconds = {name: float(at) for at, name in enumerate(("majority", "tfidf", "c+probe", "e+probe", "b+full", "a+full", "d+full", "api+prompt"))}

    def known(name: str) -> SimpleNamespace:
        model, _, recipe = name.rpartition("+")
        return SimpleNamespace(name=name, candidate=SimpleNamespace(recipe=recipe), model=SimpleNamespace(kind="endpoint" if model == "api" else "encoder"))

    everyone = {name: known(name) for name in seconds}
    race = SimpleNamespace(
        arena=None,
        verdict=SimpleNamespace(letters=letters, recommended="b+full"),
        contestants=list(everyone.values()),
        known=everyone,
        forecast=lambda entrant: SimpleNamespace(seconds=seconds[entrant.name]),
    )
    assert [contestant.name for contestant in LearningCurves(cast(Race, race))._in_order()] == ["b+full", "tfidf", "c+probe", "a+full"]


def test_a_curve_that_was_drawn_is_there_the_next_time(compare: Callable[..., Comparison]) -> None:
    """The second command does nothing but fit the model again that it hands over."""
    first = compare("learner", "majority")
    events: list[Event] = []
    again = compare("learner", "majority", events=events)
    assert again.learning == first.learning
    assert not [event for event in events if isinstance(event, FewerRows)]


def test_a_candidate_that_breaks_down_on_few_rows_has_no_curve(compare: Callable[..., Comparison]) -> None:
    """The others have theirs."""
    assert [curve["candidate"] for curve in compare("stubborn", "third", "majority").learning] == ["third"]


def test_folds_are_pooled(compare: Callable[..., Comparison]) -> None:
    """Every row is judged once, as in the table: the last figure of the curve is the table's."""
    result = compare("learner", "majority", rows=with_curves(600, folds=5))
    (curve,) = result.learning
    assert curve["rows"] == (90, 180, 360)
    assert curve["values"][-1] == pytest.approx(result.rows[0].valid)


def test_ctrl_c_keeps_the_table_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Stopped in the first run on fewer rows: the recommendation stands, and the next time there is a curve."""
    asked = CompareOptions(data="made.csv", recipes=("learner", "majority"), out=tmp_path / "out", on="inline", budget=60.0)

    def stop(event: Event) -> None:
        if isinstance(event, RunStarted) and event.which == "holdout-half":
            raise KeyboardInterrupt

    stopped = compare_table(with_curves(), asked, stop)
    assert (stopped.stopped, stopped.recommended, stopped.learning) == (True, "learner", ())
    again = compare_table(with_curves(), replace(asked, started=time.monotonic()))
    assert (again.stopped, len(again.learning)) == (False, 1)


def test_ctrl_c_leaves_the_model_that_learnt_from_all_rows(tmp_path: Path) -> None:
    """Folds: it is handed over before the first curve begins."""
    asked = CompareOptions(data="made.csv", recipes=("learner", "majority"), out=tmp_path / "out", on="inline", budget=60.0)

    def stop(event: Event) -> None:
        if isinstance(event, FewerRows):
            raise KeyboardInterrupt

    assert compare_table(with_curves(600, folds=5), asked, stop).stopped
    study = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert study["best"]["trained_on"].startswith("all rows")


def test_of_a_loss_less_is_a_gain(compare: Callable[..., Comparison]) -> None:
    """Signs of gain and interval are turned round, and the loss itself falls as a power of the rows; two seeds are pooled."""
    (curve,) = compare("learner", "majority", metric="log_loss", seeds=2).learning
    assert curve["values"][0] > curve["values"][1] > curve["values"][2]
    assert curve["gain"] == pytest.approx(curve["values"][1] - curve["values"][2])
    assert curve["low"] <= curve["gain"] <= curve["high"]
    assert curve["next"] == pytest.approx(next_gain([50, 100, 200], curve["values"]))


def test_what_fine_tuning_needs_for_few_rows_is_foreseen(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """A forecaster by which a fit takes as long with a quarter of the rows: of 40 seconds each, two do not fit into 60."""
    forecast = Forecaster.forecast
    monkeypatch.setattr(Forecaster, "forecast", lambda self, entrant, workload: replace(forecast(self, entrant, workload), fit=40.0))
    monkeypatch.setattr(Race, "forecast", lambda self, entrant: Forecast(0.0, 40.0, 0.0, 0.0, 10.0))
    assert compare("learner", "majority").learning == ()


def test_a_search_draws_none(compare: Callable[..., Comparison]) -> None:
    """What it recommends may be a setting that nobody knows yet."""
    assert compare("tunable", search=2).learning == ()


def test_the_public_face(tmp_path: Path) -> None:
    """A table of the curves, and none where they were not asked for; the terminal says what it does and what came of it."""
    rows = [(f"{label} #{at}", label) for at, label in enumerate("ab" * 250)]
    asked = {"recipes": ["learner", "majority"], "folds": 0, "budget": 60.0}
    drawn = rs.compare(rows, out=tmp_path / "with", **asked).learning
    assert drawn["candidate"].to_list() == ["learner"] * 3
    assert drawn["rows"].to_list()[2] == 350
    assert rs.compare(rows, out=tmp_path / "without", curve=False, **asked).learning.is_empty()
    out = StringIO()
    with Watch(Console(file=out, width=100)) as watch:
        watch(FewerRows(("learner", "third"), 4))
    assert "Labels    learner and third on a half and a quarter of the rows, to see what more would bring" in out.getvalue()


def test_halves_are_stratified_and_lie_within_each_other() -> None:
    """60 % a, 40 % b in all of them; validation rows are the same, and nothing is tested."""
    rows = TextSet([f"text {number}" for number in range(500)], ["a" if number % 5 < 3 else "b" for number in range(500)])
    split = Split("holdout", np.arange(400), np.arange(400, 450), np.arange(450, 500))
    half, quarter = with_fewer(rows, split, 0)
    assert (half.name, quarter.name) == ("holdout-half", "holdout-quarter")
    for part, size in ((half, 200), (quarter, 100)):
        labels = [(rows.labels or [])[at] for at in part.train]
        assert (len(labels), labels.count("a")) == (size, size * 3 // 5)
        assert part.valid is split.valid
        assert not len(part.test)
    assert set(quarter.train) < set(half.train) < set(split.train)


def test_groups_are_not_cut_apart_and_few_rows_or_groups_draw_none() -> None:
    """Two rows to a group; 199 rows are too few, and so are nine groups of 40."""
    rows = table(400, groups=True)
    half, _ = with_fewer(rows.texts, rows.splits[0], 0)
    groups = np.array(rows.texts.groups)
    assert not set(groups[half.train]) & set(groups[np.setdiff1d(rows.splits[0].train, half.train)])
    none = np.zeros(0, dtype=np.int64)
    assert with_fewer(rows.texts, Split("holdout", np.arange(199), none, none), 0) == ()
    uneven = TextSet([str(number) for number in range(240)], ["a", "b"] * 120, groups=["large"] * 150 + [f"g{number}" for number in range(90)])
    assert with_fewer(uneven, Split("holdout", np.arange(240), none, none), 0) == ()
    few = TextSet([str(number) for number in range(360)], ["a", "b"] * 180, groups=[f"g{number % 9}" for number in range(360)])
    assert with_fewer(few, Split("holdout", np.arange(360), none, none), 0) == ()
