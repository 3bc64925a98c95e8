"""A run that breaks starts once more, with the next seed and half its rates, where time is left for it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.guard import Broken
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Budget

T = TypeVar("T")
WORTHWHILE = 0.5
"""A second start needs at least this share of the time the first one took."""


def start_twice(start: Callable[[int, tuple[str, ...]], T], *, name: str, seed: int, slower: str, budget: Budget, watch: Stopwatch) -> T:
    """What the first start gives or, where it breaks, the second.

    Args:
        start: given the number of the start (0, then 1) and what a reader should know of it.
        name: of the candidate.
        seed: of the first start.
        slower: what the second start has, in words: ``"half the rate"``.
        budget: wall clock.
        watch: adds up what the starts take.

    Raises:
        RunRefused: the second broke as well.
        BudgetError: there was no time for the second: it may be another story with more.
    """
    try:
        return start(0, ())
    except Broken as error:
        first = error
        traceback.clear_frames(error.__traceback__)  # what it was raised in holds a whole model, and two need not fit
    if budget.remaining() < sum(watch.seconds.values()) * WORTHWHILE:
        raise BudgetError(f"{name} is not ranked: {first}, and no time was left to start again. Give it more time.") from first
    try:
        return start(1, (f"It was started again with seed {seed + 1} and {slower} because {first}.",))
    except Broken as error:
        raise RunRefused(f"{name} is not ranked: {error}, and starting again with {slower} did not mend it.") from error
