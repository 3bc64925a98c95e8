"""Play-offs of fakes: `tenth` is wrong in each tenth row, `slow` never; 20 validation rows cannot tell them apart, 160 can."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_tables import table, table_with_turns

from ringsmith.compare import choose, contestants, playoff
from ringsmith.compare import race as races
from ringsmith.compare.events import Event, PlayOff, RunStarted
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.metrics import compare_paired


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Comparison]:
    """Compare fakes on a table with turns; half a second of theirs stands for what nobody would spend for nothing."""
    monkeypatch.setattr(choose, "SMALL_CHANGE", 0.0)
    monkeypatch.setattr(contestants, "UNFELT_TRAINING", 0.0)

    def run(*recipes: str, events: list[Event] | None = None, rows: Any = None, **options: Any) -> Comparison:
        asked = CompareOptions(**({"data": "made.csv", "recipes": recipes or ("tenth", "slow", "majority"), "out": tmp_path / "out", "on": "inline"} | options))
        return compare_table(table_with_turns() if rows is None else rows, asked, (lambda event: None) if events is None else events.append)

    return run


def runs(folder: Path) -> list[tuple[str, str]]:
    """Candidate and split of every line of the ledger."""
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(line["candidate"]["recipe"], line["split"]) for line in lines]


def test_more_rows_show_the_best_to_be_better(compare: Callable[..., Comparison]) -> None:
    """All rows but the 40 of the test choose between the two that were tied; `majority`, which had lost, is not trained again."""
    events: list[Event] = []
    result = compare("tenth", "slow", "majority", events=events)
    assert result.recommended == "slow"
    assert "better on 160 validation rows than all others: accuracy 1.000 against 0.900 of tenth" in result.reason
    assert [event for event in events if isinstance(event, PlayOff)] == [PlayOff(("tenth", "slow"), 20, 140, 4)]
    assert runs(result.folder)[3:] == [(name, f"turn-{number}") for number in (2, 3, 4, 5) for name in ("tenth", "slow")]
    assert [event.which for event in events if isinstance(event, RunStarted)] == [""] * 3 + [f"turn-{number}" for number in (2, 2, 3, 3, 4, 4, 5, 5)]
    assert [(row.candidate, row.tie_group, row.valid) for row in result.rows] == [("slow", "A", 1.0), ("tenth", "B", 0.9), ("majority", "C", 0.5)]
    assert result.playoff == {"candidates": ("tenth", "slow"), "rows": 20, "further": 140, "turns": 4, "planned": 4, "all_rows": 160, "budget": None}
    assert json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["playoff"]["turns"] == 4


def test_p_is_that_of_all_rows_doubled(compare: Callable[..., Comparison]) -> None:
    """Against the paired bootstrap on rows 40 to 199, with answers written by hand."""
    result = compare()
    numbers = np.r_[np.arange(40, 60), np.arange(60, 200)]
    y = numbers % 2
    answers = {name: np.where((numbers % 10 == 0) & (name == "tenth"), 1 - y, y) for name in ("slow", "tenth")}
    slow, tenth = (np.where(np.eye(2)[answers[name]] > 0, np.float32(0.9), np.float32(0.1)) for name in ("slow", "tenth"))
    tie = next(tie for tie in result.ties if tie.candidate == "tenth")
    assert (tie.against, tie.difference) == ("slow", pytest.approx(-0.1))
    assert tie.p_value == pytest.approx(compare_paired("accuracy", y, tenth, slow).p_value)
    assert tie.p_adjusted == pytest.approx(2 * tie.p_value)
    majority = next(tie for tie in result.ties if tie.candidate == "majority")
    assert (majority.group, majority.difference) == ("C", pytest.approx(-0.5))


def test_test_rows_and_the_model_are_those_of_the_only_split(compare: Callable[..., Comparison]) -> None:
    """40 test rows, 4 of which `tenth` has wrong; the model learnt from 140 rows, as without a play-off."""
    result = compare()
    assert [row.test for row in result.rows[:2]] == [1.0, 0.9]
    study = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))
    assert study["best"] | {"run": ""} == {"candidate": "slow", "run": "", "split": "holdout", "seed": 0, "trained_on": "the training rows"}
    assert "fitted on 140 rows" in result.rows[0].why


@pytest.mark.parametrize(
    ("recipes", "options"),
    [
        pytest.param(("slow", "majority"), {}, id="told apart already"),
        pytest.param(("tunable",), {"search": 2}, id="a search has the time"),
        pytest.param(("tenth", "slow"), {"rows": table(200)}, id="no turns"),
    ],
)
def test_nothing_is_played_for_nothing(compare: Callable[..., Comparison], recipes: tuple[str, ...], options: dict[str, Any]) -> None:
    """No run of a turn, and no advice either."""
    result = compare(*recipes, **options)
    assert result.playoff is None
    assert not any(split.startswith("turn") for _, split in runs(result.folder))


def test_differences_below_a_point_are_not_played_for(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """`slow` is at most .25 better than `tenth` by 20 rows; `slowtenth`, which is equal to it, may be better too, so all three play."""
    with monkeypatch.context() as patch:
        patch.setattr(playoff, "POINT", 0.3)
        patch.setattr(choose, "POINT", 0.3)
        assert compare("tenth", "slow", "slowtenth").playoff is None
    result = compare("tenth", "slow", "slowtenth")
    assert result.playoff is not None
    assert set(result.playoff["candidates"]) == {"tenth", "slow", "slowtenth"}
    assert result.recommended == "slow"


def test_what_is_cheaper_and_may_be_as_good_is_played_for(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """`tenth` is five points or more behind by 20 rows and tied; that it is better nobody would believe, but if it were as good it would be taken."""
    monkeypatch.setattr(choose.Judge, "at_most", lambda judge, one, other: 0.0)
    assert compare("tenth", "slow").playoff is not None
    monkeypatch.setattr(choose.Judge, "at_most", lambda judge, one, other: -0.02)
    assert compare("tenth", "slow").playoff is None


def test_without_time_it_is_said_what_time_would_do(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget that is named lets the same command go on to the table with all rows."""
    with monkeypatch.context() as patch:
        patch.setattr(playoff, "SURE", 1e5)
        result = compare(budget=600.0)
    assert result.recommended == "slow"
    assert "tenth, tied with it" in result.reason
    assert result.playoff is not None
    assert (result.playoff["turns"], result.playoff["all_rows"]) == (0, 160)
    assert "better on 160 validation rows than all others" in compare(budget=600.0).reason


def test_many_rows_are_played_on_only_within_a_budget(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who gave no budget waits five times as long on thousands of rows; the budget it takes is named."""
    monkeypatch.setattr("ringsmith.data.split.FEW_TO_CHOOSE", 160)
    result = compare()
    assert result.playoff is not None
    assert (result.playoff["turns"], result.playoff["budget"]) == (0, 60.0)
    assert compare(budget=60.0).recommended == "slow"


def test_as_many_turns_are_played_as_there_is_time_for(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of ten seconds each in 40."""
    monkeypatch.setattr(playoff.Playoff, "seconds_of", lambda self, some, turns: 5.0 * len(some) * turns)
    monkeypatch.setattr(races.Race, "left", lambda self: 40.0)
    result = compare(budget=600.0)
    assert {split for _, split in runs(result.folder)} == {"holdout", "turn-2", "turn-3", "turn-4"}
    assert result.playoff is not None
    assert (result.playoff["further"], result.playoff["turns"]) == (105, 3)
    assert "on 125 validation rows" in result.reason


def test_without_the_dearest_the_others_play(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """`third` is shown to be worse than `slowtenth`, so it is not taken for its price; whether `slower` is better still nobody knows, and how to find out is said.

    One row in 20 is five points; here they are no reason.
    """
    monkeypatch.setattr(choose, "POINT", 1.0)
    seconds_of = playoff.Playoff.seconds_of
    monkeypatch.setattr(playoff.Playoff, "seconds_of", lambda self, some, turns: 1e3 if len(some) > 2 else seconds_of(self, some, turns))
    result = compare("third", "slowtenth", "slower", budget=600.0)
    assert {name for name, split in runs(result.folder) if split != "holdout"} == {"third", "slowtenth"}
    assert [(row.candidate, row.tie_group) for row in result.rows] == [("slower", "A"), ("slowtenth", "A"), ("third", "B")]
    assert result.recommended == "slowtenth"
    assert re.search(r"tied with the best, slower \(p = 0\.32 on 20 validation rows; it may be up to \d+\.\d points better\)", result.reason)
    third = next(tie for tie in result.ties if tie.candidate == "third")
    assert (third.against, third.difference) == ("slowtenth", pytest.approx(-np.mean([n % 3 == 0 for n in range(40, 200)]) + 0.1))
    assert result.playoff is not None
    assert (result.playoff["candidates"], result.playoff["turns"], result.playoff["budget"]) == (("third", "slowtenth"), 4, 1200.0)


def test_those_behind_what_is_taken_do_not_play_without_it(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """The dearest is taken, as it is five points ahead; what the others have among themselves does not matter then."""
    seconds_of = playoff.Playoff.seconds_of
    monkeypatch.setattr(playoff.Playoff, "seconds_of", lambda self, some, turns: 1e3 if len(some) > 2 else seconds_of(self, some, turns))
    result = compare("third", "slowtenth", "slower", budget=600.0)
    assert result.recommended == "slower"
    assert result.playoff is not None
    assert (result.playoff["turns"], result.playoff["budget"]) == (0, 1200.0)


def test_seeds_answer_each_row_as_often(compare: Callable[..., Comparison]) -> None:
    """With two seeds every row of a turn is answered twice, and counts once."""
    result = compare("tenth", "slow", seeds=2)
    assert len(runs(result.folder)) == 2 * 2 * 5
    assert "better on 160 validation rows" in result.reason


def test_a_candidate_that_breaks_down_in_a_turn_loses_its_place(compare: Callable[..., Comparison]) -> None:
    """As in any fold; row 110 chooses in the third turn."""
    result = compare("tenth", "fragile")
    assert result.recommended == "tenth"
    assert [(row.candidate, row.status, row.why) for row in result.rows if row.status != "done"] == [("fragile", "refused", "collapsed twice (turn-3)")]
    assert [row.candidate for row in result.rows] == ["tenth", "fragile"]


@pytest.mark.parametrize("turn", [2, 3, 5])
def test_ctrl_c_loses_the_turn_it_is_in_and_the_same_command_goes_on(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    """Turns before it count; what was finished is not run again, and the end is that of a command that was not stopped, also where three turns tell already."""

    def stop(self: Any, run: Any, **arguments: Any) -> Any:
        if (run.entrant.candidate.name, run.split.name) == ("slow", f"turn-{turn}"):
            raise KeyboardInterrupt
        return perform(self, run, **arguments)

    perform = races.Race.perform
    with monkeypatch.context() as patch:
        patch.setattr(races.Race, "perform", stop)
        stopped = compare()
    assert stopped.stopped
    assert stopped.playoff is not None
    assert (stopped.playoff["turns"], stopped.best is not None) == (turn - 2, True)
    result = compare()
    assert not result.stopped
    assert sorted(runs(result.folder)) == sorted({*runs(result.folder)})
    lines = len(runs(result.folder))
    again = compare()
    assert (len(runs(again.folder)), again.reason, again.playoff) == (lines, result.reason, result.playoff)
    assert (result.recommended, result.playoff and result.playoff["turns"]) == ("slow", 4)


def test_nobody_pays_five_times_unasked(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model behind an endpoint is among the tied there is no play-off."""
    monkeypatch.setattr(playoff, "costs_money", lambda entrant: entrant.candidate.recipe == "slow")
    assert compare().playoff is None
