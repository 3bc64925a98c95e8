"""Metrics of the order of the scores: area under the ROC curve, average precision; sorted once, then weighted.

A class is set against the rest; the mean is over the classes that have both. A row of an unknown class belongs to every rest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ringsmith.metrics.counted import divide, positive
from ringsmith.metrics.inputs import Bools, Floats, Scored
from ringsmith.metrics.resample import Prepared, Statistic

OneClass = Callable[[Bools, Floats], Statistic]


def auroc_of_class(actual: Bools, scores: Floats) -> Statistic:
    """Weights -> the chance that a row of the class scores above one of the rest, ties counted half (Mann-Whitney)."""
    inside, outside = np.flatnonzero(actual), np.flatnonzero(~actual)
    outside = outside[np.argsort(scores[outside], kind="stable")]
    below = np.searchsorted(scores[outside], scores[inside], side="left")
    not_above = np.searchsorted(scores[outside], scores[inside], side="right")

    def statistic(weights: Floats) -> Floats:
        mine = weights[:, inside]
        cumulated = np.zeros((len(weights), len(outside) + 1))
        np.cumsum(weights[:, outside], axis=1, out=cumulated[:, 1:])
        won = np.einsum("bi,bi->b", mine, cumulated[:, below]) + np.einsum("bi,bi->b", mine, cumulated[:, not_above])
        return divide(won / 2, mine.sum(axis=1) * cumulated[:, -1])

    return statistic


def average_precision_of_class(actual: Bools, scores: Floats) -> Statistic:
    """Weights -> the sum over thresholds of precision times the recall gained; rows of equal score enter together."""
    order = np.argsort(-scores, kind="stable")
    falling, hit = scores[order], actual[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    hits = np.flatnonzero(hit)
    # Only thresholds that bring a row of the class add anything: `ends` is where the tie group of each such row ends.
    ends = last[np.searchsorted(last, hits)]
    mine_until = np.searchsorted(hits, ends, side="right")

    def statistic(weights: Floats) -> Floats:
        everything = np.cumsum(weights[:, order], axis=1)
        mine = weights[:, order[hits]]
        cumulated = np.zeros((len(weights), len(hits) + 1))
        np.cumsum(mine, axis=1, out=cumulated[:, 1:])
        precision = cumulated[:, mine_until] / np.maximum(everything[:, ends], 1e-12)
        return divide(np.einsum("bi,bi->b", mine, precision), cumulated[:, -1])

    return statistic


def prepare_auroc(column: int | None, scored: Scored) -> Prepared:
    """AUROC of one class against the rest, or the mean over all classes."""
    if column is None and scored.kind == "classification" and scored.classes == 2 and (scored.y >= 0).all():
        column = 1  # the other class's curve is the same one, mirrored
    return _prepare(auroc_of_class, column, scored)


def prepare_average_precision(column: int | None, scored: Scored) -> Prepared:
    """Average precision of one class; unnamed: of the rarer of two classes, or the mean over more."""
    if column is None and scored.kind == "classification" and scored.classes == 2:
        column = positive("average_precision", None, scored)
    return _prepare(average_precision_of_class, column, scored)


def _prepare(of_class: OneClass, column: int | None, scored: Scored) -> Prepared:
    columns = range(scored.classes) if column is None else [column]
    present = [c for c in columns if scored.actual[:, c].any()]
    return Prepared(np.arange(scored.rows), lambda rows: _mean(of_class, present, scored.take(rows)), cost=max(1, len(present)))


def _mean(of_class: OneClass, columns: list[int], scored: Scored) -> Statistic:
    each = [of_class(scored.actual[:, column], scored.p[:, column]) for column in columns]

    def statistic(weights: Floats) -> Floats:
        if not each:
            return np.full(len(weights), np.nan)
        values = np.stack([one(weights) for one in each])
        defined = ~np.isnan(values)
        return divide(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))

    return statistic
