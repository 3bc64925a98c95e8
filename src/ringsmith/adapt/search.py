"""Choosing a linear head on the validation rows: settings are tried in a fixed order, the likeliest first, while time lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ringsmith.adapt.choose import Judge, Mark
from ringsmith.records import Budget, Floats

M = TypeVar("M")
Setting = Mapping[str, Any]
RESERVE = 1.2
"""A trial is begun only if this many times the longest trial so far still fits."""


@dataclass(frozen=True, eq=False)
class Trial(Generic[M]):
    """One setting tried.

    Attributes:
        setting: the hyper-parameters.
        model: what was fitted with them.
        proba: its probabilities of the rows that judge (n, K).
        mark: how they judged it.
    """

    setting: Setting
    model: M
    proba: Floats
    mark: Mark


class Search(Generic[M]):
    """Fits and judges settings; the very first is always fitted, however little time there is.

    Args:
        fit: setting -> the model and its probabilities of the rows that judge.
        judge: marks these probabilities.
        budget: wall clock.
        better: whether the first of two trials is taken in place of the second; None for: where its mark is higher.

    Attributes:
        best: the trial to take so far; of equals the first.
        tried: number of trials.
        cut_off: whether time ran out before the search was over.
    """

    def __init__(self, fit: Callable[[Setting], tuple[M, Floats]], judge: Judge, budget: Budget, better: Callable[[Trial[M], Trial[M]], bool] | None = None) -> None:
        self.fit = fit
        self.better = better or (lambda one, other: one.mark > other.mark)
        self.judge = judge
        self.budget = budget
        self.best: Trial[M] | None = None
        self.tried = 0
        self.cut_off = False
        self._longest = 0.0

    def each(self, settings: Iterable[Setting]) -> None:
        """Try all of them."""
        for setting in settings:
            self._try(setting)

    def climb(self, settings: Iterable[Setting], above: Mark | None = None) -> None:
        """Try them one after the other until one is no better than the one before (the first: than `above`)."""
        for setting in settings:
            trial = self._try(setting)
            if trial is None or (above is not None and trial.mark <= above):
                return
            above = trial.mark

    @property
    def winner(self) -> Trial[M]:
        """The best trial."""
        assert self.best is not None, "at least one setting was tried"
        return self.best

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence where time ran out."""
        taken = "1 setting, which was taken" if self.tried == 1 else f"{self.tried} settings; the best of these was taken"
        return (f"The budget ended the search after {taken}.",) if self.cut_off else ()

    def _try(self, setting: Setting) -> Trial[M] | None:
        if self.best is not None and self.budget.remaining() < RESERVE * self._longest:
            self.cut_off = True
            return None
        start = time.perf_counter()
        model, proba = self.fit(setting)
        trial = Trial(setting, model, proba, self.judge(proba))
        self.tried += 1
        self._longest = max(self._longest, time.perf_counter() - start)
        if self.best is None or self.better(trial, self.best):
            self.best = trial
        return trial
