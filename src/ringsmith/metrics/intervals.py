"""How sure a figure is: 95 % bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from ringsmith.metrics.inputs import Array, Floats
from ringsmith.metrics.resample import affordable, draws, merge
from ringsmith.metrics.scores import Metric, metric_of
from ringsmith.records import Score

LEVEL = 0.95
RESAMPLES = 2000
Z = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""


def interval(metric: str | Metric, y: Array, p: Array, *, groups: Sequence[str] | Array | None = None, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a metric.

    Args:
        metric: a name in `METRICS`, or what `parse_metric` gave.
        y: targets (n,) or (n, K), as for `score`.
        p: probabilities (n, K).
        groups: (n,) the group of each row where rows come in groups (one author, one document): groups are drawn, not rows, because
            rows of a group are alike and n rows say less than n independent ones. None where rows are independent.
        seed: of the resampling; the same seed gives the same interval.
        resamples: how many are drawn; fewer (at least 200) where rows cannot be merged and n is beyond 25,000.

    Returns:
        The lower and the upper end; the metric itself lies between them.

    Examples:
        >>> y, p = np.repeat([0, 1], 100), np.eye(2)[np.r_[np.zeros(90, int), np.ones(110, int)]]
        >>> interval("accuracy", y, p)
        (0.915, 0.98)
    """
    result = evaluate(metric, y, p, groups=groups, seed=seed, resamples=resamples)
    assert result.low is not None
    assert result.high is not None
    return result.low, result.high


def evaluate(metric: str | Metric, y: Array, p: Array, *, groups: Sequence[str] | Array | None = None, seed: int = 0, resamples: int = RESAMPLES) -> Score:
    """A metric with its 95 % interval; arguments as for `interval`.

    Examples:
        >>> evaluate("accuracy", np.array([0, 1, 1, 0]), np.eye(2)[[0, 1, 0, 0]]).value
        0.75
    """
    chosen = metric_of(metric)
    prepared = chosen.ready(y, p)
    cells = merge([prepared.codes], groups)
    statistic = prepared.pick(cells.rows)
    value = chosen.settled(float(statistic(cells.counts[None].astype(np.float64))[0]))
    drawn = np.concatenate([statistic(weights) for weights in draws(cells, seed=seed, resamples=affordable(cells, resamples, prepared.cost))])
    low, high = percentiles(drawn)
    return Score(chosen.name, value, min(low, value), max(high, value), len(y))


def percentiles(drawn: Floats) -> tuple[float, float]:
    """The middle 95 % of resampled figures; resamples in which the figure is undefined are left out."""
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return float("inf"), float("-inf")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927), right for shares near 0 and 1 and for few rows.

    Examples:
        >>> wilson(10, 10)
        (0.7224672001371107, 1.0)
    """
    share, z2 = right / rows, Z * Z
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = Z / (1 + z2 / rows) * sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows))
    return (0.0 if right == 0 else middle - half), (1.0 if right == rows else middle + half)
