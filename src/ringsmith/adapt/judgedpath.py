"""The heads of a probe along a path of strengths, calibrated on the rows that judge."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ringsmith.adapt.jury import Jury, calibrated
from ringsmith.adapt.linear import Linear
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.records import Budget, Floats


class JudgedPath:
    """One kind of vectors along a path of strengths, each head calibrated on the rows that judge.

    Args:
        rows: (n, d) of the training rows.
        valid: (m, d) of the validation rows.
        targets: of the training rows, as `Task.targets` gives them.
        jury: who judges.
    """

    def __init__(self, rows: Floats, valid: Floats, targets: npt.NDArray[Any], jury: Jury) -> None:
        self.valid, self.jury = valid, jury
        classes, self.activation = len(jury.task.labels), jury.task.activation
        self.path = LogisticPath(rows, targets, classes, self.activation)
        self.rows = self.path.rows.numpy()  # centred, and where they are few in the space they span: the scores of a turn are the same there
        self.turns = jury.turns
        self.others = [LogisticPath(self.rows[~turn], targets[~turn], classes, self.activation) for turn in self.turns]

    def solve(self, strength: float, budget: Budget) -> tuple[Linear, Floats]:
        """The head learnt from all training rows, and the probabilities of the rows that judge."""
        head = self.path.solve(strength, budget)
        crossed = [(turn, path.solve(strength, budget).scores(self.rows[turn])) for turn, path in zip(self.turns, self.others, strict=True)]
        return calibrated(head, crossed, head.scores(self.valid), self.jury.judge, self.activation)
