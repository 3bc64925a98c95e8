"""Which rows judge the settings of a head: the validation rows and, where these are few, the training rows by cross-validation.

Forty rows tell hardly which of twenty settings is best. Where there are so few, every training row judges as well, each by a head that learnt from the
other parts alone (Stone, 1974): with 4 to 100 rows a class of four sets the head that was taken was right as often, within chance, or more often (LOG.md).
The head itself learns from the training rows as before, so that the validation rows go on to say how good it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import Judge, metric_for
from ringsmith.adapt.linear import Activation, Linear, calibration, to_proba
from ringsmith.adapt.recipe import Scores
from ringsmith.errors import ColumnError
from ringsmith.records import Floats, Rows, TextSet
from ringsmith.tasks import Task

ENOUGH = 200
"""Validation rows that choose alone."""
PARTS = 4
MOST_ROWS, MOST_EACH, MOST_CELLS = 400, 10, 70_000
"""So many training rows judge at most, or so many of a class on average, and rows times classes: with more, validation rows alone choose as well (LOG.md), and five
fits would make the cheapest recipe dear."""


@dataclass(frozen=True, eq=False)
class Jury:
    """The rows that judge.

    Attributes:
        task: what the labels mean.
        alone: marks the probabilities of the validation rows.
        judge: marks those of the training rows, if these judge, and of all validation rows after them.
        parts: (n,) part of each training row, None where they do not judge.
    """

    task: Task
    alone: Judge
    judge: Judge
    parts: Rows | None

    @classmethod
    def of(cls, task: Task, train: TextSet, valid: TextSet, metric: str | None, *, seed: int = 0) -> Jury:
        """Who judges by log loss, then by the metric of this name or the one that fits.

        Rows of a group stay in one part, and a row whose class the other parts do not know judges nothing.
        """
        alone = Judge.of(task, valid, metric, by_loss=True)
        classes = len(task.labels)
        many = len(train) > max(MOST_ROWS, MOST_EACH * classes) or len(train) * classes > MOST_CELLS
        parts = None if len(alone.known) >= ENOUGH or many else parts_of(train, seed)
        if parts is None:
            return cls(task, alone, alone, None)
        targets, given = task.targets(train.labels or []), task.targets(valid.labels or [])
        mine = np.flatnonzero(known_elsewhere(targets, parts)) if targets.ndim == 1 else np.arange(len(targets))
        joined, known = np.concatenate([targets, given]), np.concatenate([mine, len(targets) + alone.known])
        return cls(task, alone, replace(alone, metric=metric_for(task, joined[known], metric), targets=joined[known], known=known), parts)

    @property
    def turns(self) -> list[npt.NDArray[np.bool_]]:
        """Which training rows are in each part (n,); nothing where they do not judge."""
        return [] if self.parts is None else [self.parts == part for part in range(PARTS)]


def calibrated(head: Linear, crossed: Sequence[tuple[npt.NDArray[np.bool_], Scores]], valid: Scores, judge: Judge, activation: Activation) -> tuple[Linear, Floats]:
    """A head whose probabilities fit the rows that judge best, and these probabilities.

    Args:
        head: learnt from all training rows.
        crossed: of each part of the training rows which they are and their scores by the head that learnt from the others; nothing where they do not judge.
        valid: scores of the validation rows by `head`.
        judge: the rows that judge: the training rows, if they do, and the validation rows after them.
        activation: what turns scores into probabilities.
    """
    scores = valid
    if crossed:
        mine = np.empty((len(crossed[0][0]), valid.shape[1]), np.float32)
        for turn, found in crossed:
            mine[turn] = found
        scores = np.concatenate([mine, valid])
    if len(judge.known):
        scale, shift = calibration(scores[judge.known], judge.targets, activation)
        head, scores = head.rescaled(scale, shift), scores * scale + shift
    return head, to_proba(scores, activation)


def parts_of(train: TextSet, seed: int) -> Rows | None:
    """The part of each row, that of its copies, too; None where rows or groups are too few to be divided."""
    from ringsmith.data.duplicates import normalised, wholes  # here: predicting needs none of it
    from ringsmith.data.split import even_parts

    if len(train) < 2 * PARTS:
        return None
    if train.groups is None and (same := normalised(wholes(train))).n_unique() < len(train):
        train = replace(train, groups=same.to_list())
    try:
        return even_parts(train, PARTS, seed)
    except ColumnError:
        return None


def known_elsewhere(targets: npt.NDArray[np.int64], parts: Rows) -> npt.NDArray[np.bool_]:
    """Whether each row's class has rows in other parts, too.

    Examples:
        >>> known_elsewhere(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])).tolist()
        [True, True, False, False]
    """
    cells = np.zeros((targets.max(initial=0) + 1, PARTS), dtype=bool)
    cells[targets, parts] = True
    return np.asarray(cells.sum(axis=1)[targets] > 1)
