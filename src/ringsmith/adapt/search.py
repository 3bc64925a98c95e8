"""Choosing a linear classifier on the validation rows: strengths and mixtures tried in order, the likeliest first, while time lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ringsmith.adapt.choose import Judge, Mark
from ringsmith.records import Budget, Floats

M = TypeVar("M")
RESERVE = 1.2
"""A trial is begun only if this many times the longest trial so far still fits."""


@dataclass(frozen=True, eq=False)
class Trial(Generic[M]):
    """One setting tried.

    Attributes:
        setting: the hyper-parameters.
        model: what was fitted with them.
        mark: how the validation rows judged it.
    """

    setting: Mapping[str, Any]
    model: M
    mark: Mark


@dataclass(frozen=True, eq=False)
class Found(Generic[M]):
    """The outcome of a search.

    Attributes:
        best: the trial with the highest mark; of equals the first.
        tried: number of trials.
        planned: number of settings there were.
    """

    best: Trial[M]
    tried: int
    planned: int

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence where time ran out before all settings were tried."""
        return () if self.tried == self.planned else (f"The budget ended after {self.tried} of {self.planned} settings; the best of these was taken.",)


def search(settings: Sequence[Mapping[str, Any]], fit: Callable[[Mapping[str, Any]], tuple[M, Floats]], judge: Judge, budget: Budget) -> Found[M]:
    """Fit every setting in turn, as far as the budget goes; the first is always fitted.

    Args:
        settings: hyper-parameters, the likeliest to win first.
        fit: hyper-parameters -> the model and its probabilities of the validation rows.
        judge: marks these probabilities.
        budget: wall clock.
    """
    best: Trial[M] | None = None
    longest = 0.0
    for number, setting in enumerate(settings):
        if best is not None and budget.remaining() < RESERVE * longest:
            return Found(best, number, len(settings))
        start = time.perf_counter()
        model, proba = fit(setting)
        trial = Trial(setting, model, judge(proba))
        longest = max(longest, time.perf_counter() - start)
        if best is None or trial.mark > best.mark:
            best = trial
    assert best is not None, "there is at least one setting"
    return Found(best, len(settings), len(settings))
