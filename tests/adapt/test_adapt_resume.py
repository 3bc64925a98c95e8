"""A training that goes on is planned for the budget it has now, and one that the clock ended says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from contracts.recipes import WORDS, toy
from ringsmith.adapt import loop as loops
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.finetune import _notes
from ringsmith.adapt.finetune_options import FullOptions
from ringsmith.adapt.guard import Guard
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.recipe import Progress
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.records import Budget
from ringsmith.tasks import Classification

TASK = Classification(sorted(WORDS))


class Killed(Exception):
    """The process is gone."""


@dataclass(frozen=True)
class Until(Budget):
    """A budget that is over after a step."""

    done: list[int] = field(default_factory=list)
    last: int = 10**9

    def remaining(self) -> float:
        """An hour, or nothing."""
        return 0.0 if len(self.done) >= self.last else 3600.0


def train(model: LocalModel, path: Path | None = None, *, budget: Until | None = None, die_at: int | None = None) -> Course:
    """A training of 40 steps, a batch each; kept after every step where there is a path, and killed at a step."""
    torch.set_num_threads(1)
    tokeniser, module = load_classifier(model, TASK.labels, seed=3)
    budget = budget or Until()

    def report(progress: Progress) -> None:
        budget.done.append(progress.done)
        if progress.done == die_at:
            raise Killed

    pacing = FullOptions(epochs=40, max_rows=48, max_tokens=10_000, patience=10**6, precision="float32").pacing(0, 48, classes=3, width=32, low=False)
    rows = toy()
    feed, targets = Feed(tokeniser(rows.texts), tokeniser.pad_id), TASK.targets(rows.labels or [])
    pause = None if path is None else Pause(path, "run", every_seconds=0)
    return Loop(module, pacing, report, pause=pause).train(feed, targets, feed, Guard(TASK, targets, rows, None), seed=3, budget=budget)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Say how many steps the budget allows, whatever their pace."""

    def allow(steps: int) -> None:
        monkeypatch.setattr(loops, "replan", lambda course, *_, **__: min(steps, course.asked))

    return allow


def test_a_training_that_goes_on_with_less_time_makes_fewer_steps(tiny_bert: LocalModel, tmp_path: Path, allowed: Callable[[int], None]) -> None:
    """All 40 steps were planned when it was killed at the 25th; now there is time for 30, so that the rate has fallen at its end, and it is told."""
    with pytest.raises(Killed):
        train(tiny_bert, tmp_path / "state", die_at=25)
    allowed(30)
    course = train(tiny_bert, tmp_path / "state")
    assert (course.steps, course.planned, course.asked) == (30, 30, 40)
    assert _notes(course) == ("30.0 epochs instead of 40.0: the budget allows no more.",)


def test_a_training_that_goes_on_with_more_time_makes_all_steps(tiny_bert: LocalModel, tmp_path: Path, allowed: Callable[[int], None]) -> None:
    """20 of 40 steps were planned; what the old budget allowed is not told of the new one."""
    allowed(20)
    with pytest.raises(Killed):
        train(tiny_bert, tmp_path / "state", die_at=20)
    allowed(40)
    course = train(tiny_bert, tmp_path / "state")
    assert course.steps == course.planned == 40
    assert _notes(course) == ()


def test_a_training_that_the_clock_ends_before_its_plan_says_so(tiny_bert: LocalModel) -> None:
    """After the last plan the machine became slow: 25 of 40 steps passed for a whole training."""
    course = train(tiny_bert, budget=Until(last=25))
    assert (course.steps, course.planned) == (25, 25)
    assert _notes(course) == ("25.0 epochs instead of 40.0: the budget allows no more.",)
    assert course.curves["valid_share"][-1] == 25 / 40, "the last look came where it came"
