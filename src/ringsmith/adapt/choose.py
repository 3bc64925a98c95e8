"""How recipes choose by the validation rows: by the metric that judges the comparison (log loss breaks ties), or by log loss (the metric breaks ties).

Between strengths of a linear head, which differ by a handful of rows, log loss is the steadier judge (see LOG.md); between the epochs
of a fine-tuned model, whose confidence grows long after it is right, the metric is; one of probabilities sees them calibrated (`guard`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.metrics import Metric, parse_metric
from ringsmith.metrics.inputs import checked
from ringsmith.metrics.losses import log_losses
from ringsmith.records import Floats, TextSet
from ringsmith.tasks import Task

ENOUGH_MISSED = 20
"""Rows of other classes that one answer for all must have missed to show that a model is broken: one that finds a seventh of such rows misses all of 20 in one case
in twenty (6/7 to the power of 20 is 0.046). On fewer, as in a fold of 23 rows or with two rows of the rare class, a sound and cautious model answers so, too."""

Mark = tuple[float, float]
"""(metric, minus log loss), or the other way round: compared as tuples, greater is better; a metric that is a loss has its sign turned, too."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Marks probabilities of the validation rows.

    Attributes:
        metric: the metric, 0 where it is not defined.
        targets: as `Task.targets` gives them, rows of unknown classes left out.
        known: positions of the rows that are judged.
        by_loss: log loss first.
    """

    metric: Metric
    targets: npt.NDArray[Any]
    known: npt.NDArray[np.int64]
    by_loss: bool = False

    @classmethod
    def of(cls, task: Task, valid: TextSet, metric: str | None, *, by_loss: bool = False) -> Judge:
        """Judge of `valid` by the metric of this name; None for the one that fits its classes."""
        targets = task.targets(valid.labels or [])
        known = np.flatnonzero(targets >= 0) if targets.ndim == 1 else np.arange(len(targets))
        return cls(metric_for(task, targets, metric), targets[known], known, by_loss)

    @property
    def sign(self) -> int:
        """What the metric is multiplied by, so that greater is better."""
        return 1 if self.metric.greater_is_better else -1

    def __call__(self, proba: Floats) -> Mark:
        """The mark of probabilities (n, K) of all validation rows, unknown classes included; without rows all marks are equal."""
        if not len(self.known):
            return 0.0, 0.0
        judged: Floats = proba[self.known]
        metric, likelihood = self.sign * self.metric.function(self.targets, judged), -cross_entropy(self.targets, judged)
        return (likelihood, metric) if self.by_loss else (metric, likelihood)


def metric_for(task: Task, targets: npt.NDArray[Any], name: str | None) -> Metric:
    """The metric of this name over the task's classes, or the one that fits these targets.

    A few rows may hold one class only, where some metrics are not defined: there it is 0, whatever is answered, and log loss decides.

    Raises:
        UnknownName: there is no such metric, or no such class.
    """
    metric = parse_metric(name or task.default_metric(targets), task.labels)
    return replace(metric, undefined=0.0) if metric.undefined is None else metric


def cross_entropy(targets: npt.NDArray[Any], proba: Floats) -> float:
    """Mean log loss in nats: per row for classes, per label for multi-label targets; 0 for no rows."""
    return float(log_losses(checked(targets, proba)).mean()) if len(targets) else 0.0


def surely_better(judge: Judge, first: Floats, second: Floats) -> bool:
    """Whether the first probabilities have the lower log loss, by a standard error of the paired difference (the rule of Breiman et al., 1984, section 3.4.3).

    Examples:
        >>> judge = Judge(parse_metric("accuracy", "ab"), np.zeros(4, int), np.arange(4))
        >>> second, luck, gain = (np.array([[p, 1 - p] for p in some]) for some in ([0.5] * 4, [0.9, 0.4, 0.4, 0.4], [0.9, 0.7, 0.6, 0.8]))
        >>> surely_better(judge, luck, second), surely_better(judge, gain, second)
        (False, True)
    """
    if len(judge.known) < 2:
        return False
    gain = log_losses(checked(judge.targets, second[judge.known])) - log_losses(checked(judge.targets, first[judge.known]))
    return bool(gain.mean() > gain.std(ddof=1) / math.sqrt(len(gain)))


def missed_by_one_answer(decided: npt.NDArray[Any], targets: npt.NDArray[Any]) -> int:
    """How many rows the one decision misses that all of them are given; 0 where there are several decisions.

    Args:
        decided: columns (n,), or bool (n, K) for several labels a row.
        targets: alike.

    Examples:
        >>> missed_by_one_answer(np.array([1, 1, 1]), np.array([1, 0, 2])), missed_by_one_answer(np.array([1, 0, 1]), np.array([1, 0, 2]))
        (2, 0)
    """
    if not len(decided) or (decided != decided[0]).any():
        return 0
    return int((targets != decided).reshape(len(targets), -1).any(axis=1).sum())


def clearly_better(earlier: Mark, last: Mark, margin: float) -> bool:
    """Whether the weights of an earlier look are taken in place of the last one's.

    Few rows often call an earlier look the better one by chance, so the plan is trusted, and walked to its end, unless they are clear.

    Args:
        earlier: mark of the best look before the last.
        last: mark of the last look.
        margin: what the first figure of the one must have above that of the other, see `margin`; 0 where any gain counts.

    Examples:
        >>> clearly_better((0.93, -0.3), (0.90, -0.2), 0.02), clearly_better((0.91, -0.1), (0.90, -0.2), 0.02)
        (True, False)
    """
    return earlier > last and earlier[0] >= last[0] + margin


def margin(last: Mark, rows: int) -> float:
    """The margin of a look at so many validation rows: a standard error, and what one row is among them at least.

    Examples:
        >>> margin((0.8, -0.5), 100), margin((1.0, -0.1), 100)
        (0.04, 0.01)
    """
    return max(standard_error(last[0], rows), 1 / max(1, rows))


def standard_error(figure: float, rows: int) -> float:
    """Of a share of so many rows (Wald, 1943), or of their mean loss, its sign turned: losses of rows are taken to spread about as much as their mean.

    Examples:
        >>> standard_error(0.8, 100), standard_error(-0.3, 100)
        (0.04, 0.03)
    """
    variance = figure**2 if figure < 0 else max(0.0, figure * (1 - figure))
    return math.sqrt(variance / max(1, rows))
