"""Rows into batches that are full of pairs: drawn as they are needed, so that memory grows with the rows and never with their pairs.

A batch of m rows holds m (m - 1) / 2 pairs, each text being encoded once. Every class has the same share of a batch, however rare it is, and
at least `EACH` of its rows meet, so that there are always pairs to pull together and pairs to push apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.records import Rows

EACH = 4
"""Rows of a class in a batch, at least; fewer classes meet where the batch is small."""


class Deck:
    """Endless draws without replacement: every card once a round, in an order drawn anew each time.

    Args:
        cards: what is drawn.
        generator: source of the orders.
    """

    def __init__(self, cards: Rows, generator: np.random.Generator) -> None:
        self.cards = cards
        self.generator = generator
        self.order = generator.permutation(cards)

    def draw(self, count: int) -> Rows:
        """So many different cards; all of them where there are no more."""
        if count >= len(self.cards):
            return self.cards
        drawn, self.order = self.order[:count], self.order[count:]
        if (missing := count - len(drawn)) > 0:  # the round ends within this draw: the next begins with cards that are not in it yet
            others = self.generator.permutation(np.setdiff1d(self.cards, drawn))
            self.order = self.generator.permutation(np.concatenate([others[missing:], drawn]))
            drawn = np.concatenate([drawn, others[:missing]])
        return drawn


def groups_of(targets: npt.NDArray[Any]) -> list[Rows]:
    """The rows of each class; of each label and of none, where a row may have several. Empty ones are left out.

    Args:
        targets: as `Task.targets` gives them.

    Examples:
        >>> [group.tolist() for group in groups_of(np.array([2, 0, 2]))]
        [[1], [0, 2]]
        >>> [group.tolist() for group in groups_of(np.array([[True, True], [False, False], [False, True]]))]
        [[0], [0, 2], [1]]
    """
    if targets.ndim == 1:
        groups = [np.flatnonzero(targets == number) for number in np.unique(targets[targets >= 0])]
    else:
        groups = [*map(np.flatnonzero, targets.T), np.flatnonzero(~targets.any(axis=1))]
    return [group for group in groups if len(group)]


def balanced_batches(groups: Sequence[Rows], max_rows: int, seed: int) -> Iterator[Rows]:
    """Batches without end, of at most `max_rows` different rows, the groups in turns."""
    generator = np.random.default_rng(seed)
    meeting, each = shares(len(groups), max_rows)
    decks = [Deck(group, generator) for group in groups]
    turns = Deck(np.arange(len(groups)), generator)
    while True:
        yield np.unique(np.concatenate([decks[number].draw(each) for number in turns.draw(meeting)]))


def shares(groups: int, max_rows: int) -> tuple[int, int]:
    """How many groups meet in a batch, and how many rows of each.

    Examples:
        >>> shares(2, 64), shares(77, 64), shares(10, 64)
        ((2, 32), (16, 4), (10, 6))
    """
    meeting = min(groups, max(1, max_rows // EACH))
    return meeting, max_rows // meeting


def rows_of_a_batch(groups: Sequence[Rows], max_rows: int) -> int:
    """Rows that a batch has on average, a row of several groups counted in each.

    Examples:
        >>> rows_of_a_batch([np.arange(8), np.arange(8, 16)], 64)
        16
    """
    meeting, each = shares(len(groups), max_rows)
    return max(1, round(meeting * float(np.mean([min(each, len(group)) for group in groups]))))
