"""A run that breaks starts once more; what is said where that does not help, and where there is no time for it."""

from __future__ import annotations

import pytest

from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.restart import start_twice
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Budget


def start(*, mended: bool, hours: float = 9.0) -> str:
    """What a candidate gives that breaks in its first start, and in its second unless that mends it; an hour each."""

    def once(attempt: int, notes: tuple[str, ...]) -> str:
        watch.seconds["train"] = watch.seconds.get("train", 0.0) + 3600
        if attempt == 0 or not mended:
            raise Broken("it predicts one class only")
        return notes[0]

    watch = Stopwatch()
    return start_twice(once, name="minilm+full", seed=3, slower="half the rate", budget=Budget(hours * 3600), watch=watch)


def test_the_second_start_is_told_and_a_second_break_refuses() -> None:
    """There is time for both."""
    assert start(mended=True) == "It was started again with seed 4 and half the rate because it predicts one class only."
    with pytest.raises(RunRefused, match="minilm\\+full is not ranked: it predicts one class only, and starting again with half the rate did not mend it"):
        start(mended=False)


def test_where_no_time_is_left_for_a_second_start_it_is_the_time_that_lacks() -> None:
    """A quarter of an hour, where the first took an hour: with a longer budget the run is tried anew, which a refusal would forbid."""
    with pytest.raises(BudgetError, match="it predicts one class only, and no time was left to start again"):
        start(mended=True, hours=0.25)
