"""What is compared: the pooled answers of a candidate to validation and test rows, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith.records import Candidate, Floats, Rows

ANSWERS = 100_000
"""Rows that a model is taken to answer in its life, to weigh the cost of training against the cost of use."""
UNFELT_ANSWER, UNFELT_TRAINING = 1e-3, 10.0
"""Seconds for a row and for a training that nobody feels: a page shows an answer after ten times as long, and 100,000 rows are answered within two minutes."""


@dataclass(frozen=True, eq=False)
class Part:
    """Pooled predictions of one candidate on validation or on test rows.

    Attributes:
        positions: (n,) positions of the rows in the whole table.
        numbers: (n,) their row numbers in the source.
        split: (n,) number of the split each comes from.
        proba: (n, K).
    """

    positions: Rows
    numbers: Rows
    split: Rows
    proba: Floats

    def of_split(self, number: int) -> Part:
        """The rows of one split."""
        return self._those(self.split == number)

    def at(self, positions: Rows) -> Part:
        """The rows at these positions of the table."""
        return self._those(np.isin(self.positions, positions))

    def _those(self, mask: npt.NDArray[np.bool_]) -> Part:
        return Part(self.positions[mask], self.numbers[mask], self.split[mask], self.proba[mask])

    @property
    def repeated(self) -> Rows | None:
        """The position of each row where rows were answered several times (by several seeds); None where each was answered once."""
        return None if len(np.unique(self.positions)) == len(self.positions) else self.positions


def pool(parts: Sequence[Part]) -> Part:
    """All these rows, one part after the other."""
    return Part(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("positions", "numbers", "split", "proba")))


@dataclass(frozen=True, eq=False)
class Contestant:
    """A candidate all of whose runs are done.

    Attributes:
        candidate: what it is.
        valid: its answers on validation rows.
        test: its answers on test rows.
        train_seconds: to fit it once.
        answer_seconds: to predict 100,000 rows (`ANSWERS`).
        trial_of: name of the candidate whose search proposed it, None for what competes by itself.
        further: its answers on the rows of a play-off, None where it was in none.
    """

    candidate: Candidate
    valid: Part
    test: Part
    train_seconds: float
    answer_seconds: float
    trial_of: str | None = None
    further: Part | None = None

    @property
    def name(self) -> str:
        """Name of the candidate."""
        return self.candidate.name

    @property
    def cost(self) -> float:
        """Seconds to train it and to answer 100,000 rows."""
        return self.train_seconds + self.answer_seconds

    @property
    def unfelt(self) -> bool:
        """Whether nobody feels what it costs: then it is no reason to take a poorer one that is cheaper still."""
        return self.train_seconds <= UNFELT_TRAINING and self.answer_seconds <= UNFELT_ANSWER * ANSWERS

    @property
    def choosing(self) -> Part:
        """Its answers on all rows that choose: validation rows, and those of a play-off."""
        return self.valid if self.further is None else pool([self.valid, self.further])
