"""What a person sees while a comparison runs."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from ringsmith.cli._watch import Watch
from ringsmith.compare.events import Cut, MachineSeen, Planned, PlayOff, Read, RunFinished, RunStarted
from ringsmith.compare.forecast import Forecast
from ringsmith.compare.machine import Machine
from ringsmith.compare.plan import Plan, Step
from ringsmith.compare.space import Entrant
from ringsmith.data import DataFindings, ReadFindings
from ringsmith.records import Budget, Candidate, RunResult

MACHINE = Machine(cores=2, memory_mb=8000.0, gflops=200.0, system="Test", python="3")


def seen(seconds_to_go: float | None, budget: Budget) -> str:
    """What stands beside the bar when the second of five runs has begun."""
    with Watch(Console(file=io.StringIO(), width=120)) as watch:
        watch(MachineSeen(MACHINE, budget))
        watch(RunStarted("tfidf", "fold-2", 0, "fold-2", 2, 5, 12.0, None, seconds_to_go))
        (task,) = watch._progress.tasks
        return task.description


@pytest.mark.parametrize(
    ("to_go", "budget", "told"),
    [
        (75.0, None, "1/5  0:00 used, about 1:15 to go · tfidf (fold-2), about 0:12"),
        (75.0, 60.0, "1/5  0:00 of 1:00 used, about 1:00 to go · tfidf (fold-2), about 0:12"),
        (None, None, "1/5  0:00 used · tfidf (fold-2), about 0:12"),
    ],
)
def test_the_bar_tells_how_long_all_of_it_still_takes(to_go: float | None, budget: float | None, told: str) -> None:
    """By the race's forecast, never more than the budget has left, and nothing where nobody knows."""
    assert told == seen(to_go, Budget(budget, started=time.monotonic()))


@pytest.mark.parametrize(("terminal", "lines"), [("dumb", 1), ("xterm", 0)])
def test_where_no_bar_can_be_drawn_a_line_tells_each_run(terminal: str, lines: int) -> None:
    """A dumb terminal (an editor's shell) has neither: a long comparison would be silent in it."""
    out = io.StringIO()
    with Watch(Console(file=out, width=120, force_terminal=True, _environ={"TERM": terminal})) as watch:
        watch(MachineSeen(MACHINE, Budget(None, started=time.monotonic())))
        watch(RunStarted("tfidf", "holdout", 0, "", 1, 2, 12.0, None, None))
        watch(RunFinished("tfidf", RunResult("run", {"name": "tfidf"}, "holdout", 0, "done", seconds={"total": 3.0}), "", 1, 2))
    assert out.getvalue().count("1/2 tfidf 0:03") == lines


def test_one_core_is_no_cores() -> None:
    """As it stands on small machines."""
    out = io.StringIO()
    with Watch(Console(file=out, width=120)) as watch:
        watch(MachineSeen(replace(MACHINE, cores=1), Budget(None, started=time.monotonic())))
    assert " ".join(out.getvalue().split()) == "Machine 1 core, 8 GB · no time limit"


def test_a_play_off_is_announced() -> None:
    """Between whom, why, and how much there is to come."""
    out = io.StringIO()
    with Watch(Console(file=out, width=140)) as watch:
        watch(PlayOff(("minilm+full", "minilm+probe"), 157, 1_368, 2))
    told = " ".join(out.getvalue().split())
    assert told == "Play-off minilm+full or minilm+probe: 157 rows cannot tell which is better, so 1,368 more choose, in 2 turns"


def test_models_of_another_language_are_told() -> None:
    """Else what an English model reaches on German texts passes for what transformers can do."""
    out = io.StringIO()
    step = Step(Entrant(Candidate("probe", "minilm"), "", None), Forecast(1, 1, 1, 1, 1), 1, 1, True, "")
    with Watch(Console(file=out, width=160)) as watch:
        watch(Read(ReadFindings("t.csv", "delimited", ["text"], "text", 9, 9), None, 0.1))
        watch(Cut([{"name": "holdout", "train": 7, "valid": 1, "test": 1}], DataFindings(rows=9, language="de"), {"labels": ["a", "b"]}, "accuracy", "stratified"))
        watch(Planned(Plan((step, replace(step, entrant=replace(step.entrant, candidate=Candidate("full", "minilm")))))))
    assert out.getvalue().count("minilm learnt from English texts, and these look German: a model that knows German may do better (--models e5-small)") == 1
