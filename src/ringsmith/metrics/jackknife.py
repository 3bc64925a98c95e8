"""A metric of labels and its standard error, by leaving out one row, or one group, at a time (Quenouille, 1956; Tukey, 1958).

The jackknife errs on the careful side: its variance is too large in the mean, never too small (Efron and Stein, 1981). The bootstrap of macro F1
over many classes with few rows each is neither: a resample lacks a third of the rows of every class, which pulls its figure down by several times
what the figure itself is off, and whoever corrects for that is left with the narrow tip of what was drawn (LOG.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from ringsmith.metrics.inputs import Array, Floats, Ints, Scored
from ringsmith.metrics.resample import CHUNK, Cells, merge
from ringsmith.metrics.scores import Metric
from ringsmith.metrics.smooth import add_versions, single_rows

MOST = 50_000_000
"""Weights in all: as many as there are kinds of rows, for each kind or group that is left out."""


def jackknife(metric: Metric, scored: Scored, groups: Sequence[str] | Array | None = None) -> tuple[float, float, int] | None:
    """The metric, its standard error, and the number of rows or groups that it is told by.

    None where there are too many rows that do not count alike, or too few to leave one out.

    Args:
        metric: one of labels.
        scored: the rows; unless they come in groups of several rows, right and wrong versions of some are added (see `smooth`), so that the metric is theirs, too.
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
    unit = None if groups is None else single_rows(groups, scored.y)
    rows, of_unit, versions = ([scored], groups, 0) if groups is not None and unit is None else add_versions([scored], unit)
    prepared = metric.prepare(rows[0])
    cells = merge([prepared.codes], of_unit, versions=versions)
    count = len(cells.rows) if cells.unit is None else int(cells.unit.max()) + 1
    if cells.units < 2 or not 2 <= count <= MOST // len(cells.rows):
        return None
    statistic, step = prepared.pick(cells.rows), max(1, CHUNK // len(cells.rows))
    value = float(statistic(cells.counts[None])[0])
    without = np.concatenate([statistic(cells.counts - _left_out(cells, np.arange(begin, min(begin + step, count)))) for begin in range(0, count, step)])
    times = cells.counts
    if cells.unit is not None:
        times = np.empty(count)
        times[cells.unit] = cells.counts / cells.held
    change, whole = (value - without) / np.minimum(1.0, times), times.sum()
    variance = (whole - 1) / whole * (times * (change - np.average(change, weights=times)) ** 2).sum()
    return None if np.isnan(variance) else (value, sqrt(variance), cells.units)


def _left_out(cells: Cells, numbers: Ints) -> Floats:
    """What is taken from the cells (b, U): a row of each of these cells, or all of one that weighs less; or each of these groups."""
    if cells.unit is not None:
        return np.where(cells.unit == numbers[:, None], cells.counts, 0.0)
    return np.where(np.arange(len(cells.rows)) == numbers[:, None], np.minimum(1.0, cells.counts), 0.0)
