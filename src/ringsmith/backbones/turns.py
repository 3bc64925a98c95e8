"""Ways of doing the same work, timed in turns, so that a busy machine slows all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

LEAST_ROUNDS, MOST_ROUNDS = 3, 16
ENOUGH_SECONDS = 0.6


def in_turns(ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The seconds of each way in its best round: a few rounds at least, and more where they are short.

    Args:
        ways: way -> does the work once and returns the seconds that it took.

    Examples:
        >>> in_turns({"slow": iter(range(9, 99)).__next__, "quick": iter(range(1, 99)).__next__})
        {'slow': 9, 'quick': 1}
    """
    best = dict.fromkeys(ways, float("inf"))
    start = time.perf_counter()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() - start > ENOUGH_SECONDS:
            break
        best = {name: min(best[name], way()) for name, way in ways.items()}
    return best
