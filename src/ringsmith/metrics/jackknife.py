"""A metric of labels and its standard error, by leaving out one row, or one group, at a time (Quenouille, 1956; Tukey, 1958).

The jackknife errs on the careful side: its variance is too large in the mean, never too small (Efron and Stein, 1981). The bootstrap of macro F1
over many classes with few rows each is neither: a resample lacks a third of the rows of every class, which pulls its figure down by several times
what the figure itself is off, and whoever corrects for that is left with the narrow tip of what was drawn (LOG.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from ringsmith.metrics.inputs import Array, Scored
from ringsmith.metrics.resample import merge
from ringsmith.metrics.scores import Metric
from ringsmith.metrics.smooth import add_versions

MOST = 4_000_000
"""Weights at once, 32 MB: as many as there are kinds of rows, times those or groups."""


def jackknife(metric: Metric, scored: Scored, groups: Sequence[str] | Array | None = None) -> tuple[float, float, int] | None:
    """The metric, its standard error, and the number of rows or groups that it is told by; None where there are too many rows that do not count alike, or too few to leave one out.

    Args:
        metric: one of labels.
        scored: the rows; unless they come in groups, right and wrong versions of some are added (see `smooth`), so that the metric is theirs, too.
        groups: (n,) the group of each row: whole groups are left out; None where rows are independent.

    Examples:
        By hand: of 8 right and 2 wrong rows, with the one right and the one wrong row that are added, 9 of 12 are right, and a share has
        the error sqrt(p (1 - p) / (n - 1)).

        >>> from ringsmith.metrics import parse_metric
        >>> y, p = np.zeros(10, dtype=int), np.eye(2)[[0] * 8 + [1] * 2]
        >>> value, error, units = jackknife(parse_metric("micro_f1", ["a", "b"]), Scored(y, p))
        >>> round(value, 3), round(error**2, 5) == round(0.75 * 0.25 / 11, 5), units
        (0.75, True, 10)
    """
    rows, versions = add_versions([scored]) if groups is None else ([scored], 0)
    prepared = metric.prepare(rows[0])
    cells = merge([prepared.codes], groups, versions=versions)
    count = len(cells.rows) if cells.unit is None else cells.units
    if not 2 <= count <= MOST // len(cells.rows):
        return None
    if cells.unit is None:  # a row of each cell, or all of one that weighs less, as many times as there are such rows
        left_out, times = np.diag(np.minimum(1.0, cells.counts)), cells.counts
        share = left_out.sum(axis=1)
    else:
        left_out, times, share = np.where(cells.unit == np.arange(count)[:, None], cells.counts, 0.0), np.ones(count), np.ones(count)
    figures = prepared.pick(cells.rows)(np.concatenate([cells.counts[None], cells.counts - left_out]))
    change, whole = (figures[0] - figures[1:]) / share, times.sum()
    variance = (whole - 1) / whole * (times * (change - np.average(change, weights=times)) ** 2).sum()
    return None if np.isnan(variance) else (float(figures[0]), sqrt(variance), cells.units)
