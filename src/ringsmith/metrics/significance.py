"""Is one candidate better than another, or was it luck: paired tests on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Literal

import numpy as np

from ringsmith.errors import InputError
from ringsmith.metrics.bootstrap import bootstrap
from ringsmith.metrics.inputs import Array, Floats, checked
from ringsmith.metrics.intervals import RESAMPLES, percentiles
from ringsmith.metrics.scores import Metric, metric_of
from ringsmith.metrics.shares import student
from ringsmith.metrics.smooth import single_rows
from ringsmith.records import Record


@dataclass(frozen=True)
class Paired(Record):
    """Two candidates on the same rows.

    Attributes:
        metric: name of the metric.
        difference: first minus second, in the metric's own unit.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: two-sided: how often a difference at least as large arises by chance where there is none.
        method: how the p value was found.
        resamples: how many resamples were drawn.
    """

    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    method: str
    resamples: int


def compare_paired(metric: str | Metric, y: Array, p_a: Array, p_b: Array, *, groups: Sequence[str] | Array | None = None, seed: int = 0, resamples: int = RESAMPLES) -> Paired:
    """The difference of a metric between two candidates, with interval and p value, by the paired bootstrap; where groups are drawn, Student's with its spread.

    Both are scored on the same resamples, so what makes rows hard for both cancels (Efron and Tibshirani, 1993, ch. 16; for text:
    Berg-Kirkpatrick et al., 2012).

    Args:
        metric: a name in `METRICS`, or what `parse_metric` gave.
        y: targets of n rows.
        p_a: the first candidate's probabilities (n, K).
        p_b: the second's, of the same rows.
        groups: (n,) as for `interval`.
        seed: of the resampling.
        resamples: how many are drawn.

    Examples:
        >>> y = np.zeros(100, dtype=int)
        >>> a, b = np.eye(2)[[0] * 90 + [1] * 10], np.eye(2)[[0] * 70 + [1] * 30]
        >>> result = compare_paired("accuracy", y, a, b)
        >>> round(result.difference, 3), result.p_value < 0.01
        (0.2, True)
    """
    chosen = metric_of(metric)
    difference = chosen.function(y, p_a) - chosen.function(y, p_b)
    drawn = bootstrap(chosen, [checked(y, p_a), checked(y, p_b)], groups, seed=seed, resamples=resamples)
    if groups is None or single_rows(groups, np.asarray(y)) is not None:
        (low, high), p_value = percentiles(drawn.values), bootstrap_p(drawn.values)
    else:
        low, high, p_value = of_groups(difference, drawn.values, drawn.units)
    return Paired(chosen.name, difference, min(low, difference), max(high, difference), max(p_value, smallest_p(drawn.units)), "paired bootstrap", len(drawn.values))


def of_groups(difference: float, resampled: Floats, groups: int) -> tuple[float, float, float]:
    """The 95 % interval and the two-sided p value of a difference between candidates on few groups: Student's, with the spread of the resampled differences.

    Percentiles of G resampled groups are too close together, by (G - 1) / G in their variance, and know nothing of how unsure the spread of few groups is: six
    groups would tell equals apart in one of ten cases.

    Examples:
        >>> low, high, p_value = of_groups(1.0, np.array([0.5, 1.5] * 100), 6)
        >>> round(low, 2), round(high, 2), round(p_value, 2)
        (-0.41, 2.41, 0.13)
    """
    from scipy.special import stdtr

    defined, freedom = resampled[~np.isnan(resampled)], max(groups - 1, 1)
    error = float(defined.std()) * sqrt(groups / freedom) if len(defined) else 0.0
    if error == 0:
        return difference, difference, bootstrap_p(resampled)
    half = student(freedom) * error
    return difference - half, difference + half, float(2 * stdtr(freedom, -abs(difference) / error))


def smallest_p(units: int) -> float:
    """The smallest two-sided p value that so few rows or groups can give: all of them for the one candidate, by the toss of a coin.

    The bootstrap does not know it: two rows that agree have no spread.

    Examples:
        >>> smallest_p(2), smallest_p(5)
        (0.5, 0.0625)
    """
    return 2.0 ** (1 - min(units, 1000))


def bootstrap_p(differences: Floats) -> float:
    """Two-sided p value of resampled differences: twice the share on the rarer side of 0, of 0 itself half on each side.

    Where fewer than 10 resamples lie there, the tail of the normal distribution with their mean and spread takes over, so that a p
    value is not bounded by the number of resamples (it must stand Holm's correction for many candidates).

    Examples:
        >>> bootstrap_p(np.array([-1.0, 1.0, 2.0, 3.0] * 10))
        0.5121951219512195
    """
    defined = differences[~np.isnan(differences)]
    level = float((defined == 0).sum()) / 2
    tail = min(float((defined < 0).sum()) + level, float((defined > 0).sum()) + level)
    counted = min(1.0, (2 * tail + 1) / (len(defined) + 1))
    spread = float(defined.std()) if len(defined) else 0.0
    if tail >= 10 or spread == 0:
        return counted
    return min(counted, erfc(abs(float(defined.mean())) / spread / sqrt(2)))


def mcnemar(correct_a: Array, correct_b: Array, *, method: Literal["exact", "mid-p"] = "exact") -> float:
    """Two-sided p value that two candidates are right equally often (McNemar, 1947), from the rows where just one is right.

    Args:
        correct_a: bool (n,), whether the first candidate is right.
        correct_b: bool (n,), of the same rows.
        method: ``"exact"`` never rejects too often and is cautious when few rows differ; ``"mid-p"`` is less cautious and in practice
            keeps to its level (Fagerland, Lydersen and Laake, 2013).

    Examples:
        >>> mcnemar(np.array([True] * 5 + [False]), np.array([False] * 5 + [True]))
        0.21875
    """
    from scipy.stats import binom

    a, b = np.asarray(correct_a, dtype=np.bool_), np.asarray(correct_b, dtype=np.bool_)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"McNemar's test needs two columns of the same rows; got shapes {a.shape} and {b.shape}.")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    differing, fewer = only_a + only_b, min(only_a, only_b)
    if method == "mid-p" and only_a != only_b:
        return float(2 * binom.cdf(fewer, differing, 0.5) - binom.pmf(fewer, differing, 0.5))
    return min(1.0, float(2 * binom.cdf(fewer, differing, 0.5)))


def holm(p_values: Sequence[float] | Floats) -> list[float]:
    """P values corrected for being several (Holm, 1979): below 0.05 they keep the chance of any false alarm below 5 %.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted.tolist()
