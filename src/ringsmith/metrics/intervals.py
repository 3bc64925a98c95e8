"""How sure a figure is: its 95 % interval.

- A share of independent rows (accuracy; precision, recall and F1 of one class): Wilson's interval, in closed form.
- A mean of such shares (balanced accuracy, macro recall): Price and Bonett's, which sees how few rows a class has.
- Any other metric of labels: Student's interval with the standard error of the jackknife of the rows and a little of their right and wrong versions
  (see `jackknife`, `smooth`).
- Metrics of an order (AUROC, average precision): bias-corrected bootstrap of the rows and these versions. Metrics of probabilities: of the rows alone.
- The calibration error (ECE) of few rows is above the truth, because bins of few rows are off by chance, and its interval is above it as well: hold it against
  what chance alone makes of so many rows (`Calibration.by_chance`), or take the Brier score.
- Rows in groups: groups are left out or drawn, and the interval is never shorter than that of independent rows. A group that is but one row, answered once
  or several times, counts as a row.

How often they hold the truth in samples of 30 to 770 rows, of 2 to 77 classes, stands in LOG.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from ringsmith.metrics.bootstrap import bootstrap
from ringsmith.metrics.inputs import Array, Floats, Scored, checked
from ringsmith.metrics.jackknife import jackknife
from ringsmith.metrics.scores import Metric, metric_of
from ringsmith.metrics.shares import student
from ringsmith.metrics.smooth import single_rows
from ringsmith.records import Score

TAIL = 0.025
"""Chance left out at each end of a 95 % interval."""
RESAMPLES = 2000


def interval(metric: str | Metric, y: Array, p: Array, *, groups: Sequence[str] | Array | None = None, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % interval of a metric (how it is found: head of this module).

    Args:
        metric: a name in `METRICS`, or what `parse_metric` gave.
        y: targets (n,) or (n, K), as for `score`.
        p: probabilities (n, K).
        groups: (n,) the group of each row where rows come in groups (one author, one document): groups are drawn, not rows, because
            rows of a group are alike and n rows say less than n independent ones. None where rows are independent.
        seed: of the resampling; the same seed gives the same interval.
        resamples: how many are drawn; fewer (at least 200) where that would take long.

    Returns:
        The lower and the upper end; the metric itself lies between them.

    Examples:
        >>> y, p = np.repeat([0, 1], 100), np.eye(2)[np.r_[np.zeros(90, int), np.ones(110, int)]]
        >>> [round(end, 3) for end in interval("accuracy", y, p)]
        [0.91, 0.973]
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
    chosen, scored = metric_of(metric), checked(y, p)
    prepared = chosen.ready(y, p)
    value = chosen.function(y, p)
    unit = None if groups is None else single_rows(groups, scored.y)
    if prepared.closed:
        low, high = prepared.closed(1.0 if unit is None else len(y) / (int(unit.max()) + 1))
    else:
        low, high = _ends(chosen, scored, None, seed=seed, resamples=resamples)
    if groups is not None:
        ends = _ends(chosen, scored, groups, seed=seed, resamples=resamples)
        low, high = min(low, ends[0]), max(high, ends[1])
    return Score(chosen.name, value, min(low, value), max(high, value), len(y))


def _ends(metric: Metric, scored: Scored, groups: Sequence[str] | Array | None, *, seed: int, resamples: int) -> tuple[float, float]:
    """By the jackknife where it applies, else by the bootstrap."""
    if metric.uses == "labels" and (found := jackknife(metric, scored, groups)) is not None:
        value, error, units = found
        half = student(units - 1) * error
        return max(metric.lowest, value - half), min(1.0, value + half)
    drawn = bootstrap(metric, [scored], groups, seed=seed, resamples=resamples)
    return corrected(drawn.values, drawn.value)


def percentiles(drawn: Floats, levels: tuple[float, float] = (TAIL, 1 - TAIL)) -> tuple[float, float]:
    """The middle 95 % of resampled figures; resamples in which the figure is undefined are left out."""
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return float("inf"), float("-inf")
    low, high = np.quantile(defined, levels)
    return float(low), float(high)


def corrected(drawn: Floats, value: float) -> tuple[float, float]:
    """The bias-corrected percentile interval (Efron, 1981) of resampled figures around the figure itself.

    Where more than half of the resamples lie below the figure, resampling pulls it down (as it does macro F1 of many small classes),
    and both percentiles move up; ECE, which it pushes up, has them moved down.

    Examples:
        >>> low, high = corrected(np.arange(1001.0), 500.0)
        >>> round(low), round(high)
        (25, 975)
    """
    normal, defined = NormalDist(), drawn[~np.isnan(drawn)]
    if not len(defined) or np.isnan(value):
        return percentiles(drawn)
    near = 1e-12 * max(1.0, abs(value))  # equal figures may differ in the last bits
    below = ((defined < value - near).mean() + (defined <= value + near).mean()) / 2
    shift = 2 * normal.inv_cdf(float(np.clip(below, 1 / len(defined), 1 - 1 / len(defined)))) if len(defined) > 1 else 0.0
    return percentiles(drawn, (normal.cdf(shift + normal.inv_cdf(TAIL)), normal.cdf(shift + normal.inv_cdf(1 - TAIL))))
