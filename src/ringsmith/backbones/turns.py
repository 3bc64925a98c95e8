"""Ways of doing the same work, timed in turns, so that a busy machine slows all alike; and whether it was so busy that the figures say little."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_ROUNDS, MOST_ROUNDS = 3, 16
ENOUGH_SECONDS = 0.6
CALM = 1.5
"""By how much the usual round may be slower than the best: on a machine with nothing else to do it is a few per cent."""


@dataclass(frozen=True)
class Timed:
    """What the rounds took.

    Attributes:
        seconds: way -> of each round.
    """

    seconds: Mapping[str, Sequence[float]]

    def gain(self, slow: str, quick: str) -> float:
        """How many times as fast the second way is as the first, each in its best round."""
        return min(self.seconds[slow]) / min(self.seconds[quick])

    @property
    def calm(self) -> bool:
        """Whether the machine had time for it: with much else to do the best of a few rounds may be none of its own speed, and is better found out again.

        Examples:
            >>> Timed({"a": [1.0, 1.1, 1.0]}).calm, Timed({"a": [1.0, 1.1, 1.0], "b": [2.0, 5.0, 4.0]}).calm
            (True, False)
        """
        return all(median(rounds) <= CALM * min(rounds) for rounds in self.seconds.values())


def in_turns(ways: Mapping[str, Callable[[], float]]) -> Timed:
    """Time each way in turns: a few rounds at least, and more where they are short.

    Args:
        ways: way -> does the work once and returns the seconds that it took.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    start = time.perf_counter()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() - start > ENOUGH_SECONDS:
            break
        for name, way in ways.items():
            found[name].append(way())
    return Timed(found)
