"""The metrics by name: `METRICS`, `parse_metric`, `score`.

Rules where a figure is not defined, all as in scikit-learn:
- macro averages and balanced accuracy are over the classes that occur (in targets or predictions; for balanced accuracy and AUROC in
  targets); a class that does not occur neither helps nor harms;
- a class that is never predicted has precision 0, one that is neither there nor predicted F1 0; MCC of a constant prediction is 0;
- AUROC without both sides is refused;
- a target of -1 (a class that training never saw) is wrong in every metric: it counts as one further class that is never predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

import ringsmith.metrics.counted as counted
import ringsmith.metrics.losses as losses
import ringsmith.metrics.ranked as ranked
from ringsmith.errors import LabelError, OptionError, UnknownName
from ringsmith.metrics.inputs import Array, Kind, Scored, checked
from ringsmith.metrics.resample import Prepared

BOTH: tuple[Kind, ...] = ("classification", "multilabel")
ONE: tuple[Kind, ...] = ("classification",)
MANY: tuple[Kind, ...] = ("multilabel",)


@dataclass(frozen=True)
class Metric:
    """One figure of how good predictions are.

    Attributes:
        name: as the user writes it; ``"f1:spam"`` where it is about one class.
        summary: what it says, in a few words.
        greater_is_better: False for losses.
        tasks: kinds of task it is defined for.
        uses: ``"labels"`` where only the predicted labels count, ``"order"`` where only the order of the rows by their probabilities does, ``"scores"`` where
            the probabilities themselves do.
        prepare: the metric on given rows, ready for resampling.
        undefined: its value where it is 0/0, or None where that is refused.
        lowest: the least value that one of labels can have; the highest is 1.
        judges: whether a better figure means a better model; False where answering by the shares of the classes, whatever the text, has a good one, too.
        leans: whether it pays to say a rare class more often than it is likely, because classes count alike whatever their rows, or one of them alone does.
    """

    name: str
    summary: str
    greater_is_better: bool
    tasks: tuple[Kind, ...]
    uses: Literal["labels", "order", "scores"]
    prepare: Callable[[Scored], Prepared]
    undefined: float | None = 0.0
    lowest: float = 0.0
    judges: bool = True
    leans: bool = False

    def ready(self, y: Array, p: Array) -> Prepared:
        """The metric on these rows, after checking them.

        Raises:
            InputError: targets and probabilities that do not fit (see `checked`).
            OptionError: the metric is not defined for this task.
        """
        scored = checked(y, p)
        if scored.kind not in self.tasks:
            others = ", ".join(name for name in suited(scored.kind) if METRICS[name].judges)
            raise OptionError(f"'{self.name}' is a metric of {' and '.join(self.tasks)}; these rows are {scored.kind}. Choose one of: {others}.")
        return self.prepare(scored)

    def function(self, y: Array, p: Array) -> float:
        """The figure itself, on all rows."""
        prepared = self.ready(y, p)
        return self.settled(float(prepared.pick(np.arange(len(y)))(np.ones((1, len(y))))[0]))

    def settled(self, value: float) -> float:
        """`value`, or the agreed figure where it is 0/0.

        Raises:
            LabelError: there is no agreed figure.
        """
        if not np.isnan(value):
            return value
        if self.undefined is None:
            raise LabelError(f"'{self.name}' needs rows of a class and rows that are not of it; got one side only. Choose another metric, or more rows.")
        return self.undefined


def _counts(
    name: str, summary: str, formula: counted.Formula, *, tasks: tuple[Kind, ...] = BOTH, greater_is_better: bool = True, lowest: float = 0.0, leans: bool = False
) -> Metric:
    return Metric(name, summary, greater_is_better, tasks, "labels", partial(counted.prepare, formula), lowest=lowest, leans=leans)


def _of_class(name: str, summary: str, *, leans: bool) -> Metric:
    return Metric(name, summary, True, BOTH, "labels", partial(counted.prepare_of_class, name, None), leans=leans)


_AP = partial(ranked.prepare_average_precision, None)
_ALL = (
    Metric("accuracy", "share of rows that are right (multi-label: in every label)", True, BOTH, "labels", counted.prepare_accuracy),
    Metric("balanced_accuracy", "mean recall of the classes", True, ONE, "labels", partial(counted.prepare_mean_recall, counted.balanced_accuracy), leans=True),
    _counts("macro_f1", "mean F1 of the classes: rare ones count as much as frequent ones", counted.macro_f1, leans=True),
    _counts("micro_f1", "F1 over all decisions together", counted.micro_f1),
    _counts("weighted_f1", "mean F1 of the classes, weighted by their rows", counted.weighted_f1),
    _counts("macro_precision", "mean precision of the classes", counted.macro_precision),
    Metric("macro_recall", "mean recall of the classes", True, BOTH, "labels", partial(counted.prepare_mean_recall, counted.macro_recall), leans=True),
    _of_class("f1", "F1 of one class: f1:CLASS, or the rarer of two", leans=True),
    _of_class("precision", "share of the rows predicted as one class that are of it: precision:CLASS, or the rarer of two", leans=False),
    _of_class("recall", "share of the rows of one class that are found: recall:CLASS, or the rarer of two", leans=True),
    _counts("mcc", "Matthews' correlation: 1 perfect, 0 chance", counted.mcc, tasks=ONE, lowest=-1.0, leans=True),
    Metric("subset_accuracy", "share of rows that are right in every label", True, MANY, "labels", counted.prepare_accuracy),
    _counts("hamming_loss", "share of label decisions that are wrong", counted.hamming_loss, tasks=MANY, greater_is_better=False),
    Metric("log_loss", "mean negative log-probability of the truth", False, BOTH, "scores", losses.prepare_log_loss),
    Metric("brier", "mean squared error of the probabilities, 0 to 1", False, BOTH, "scores", losses.prepare_brier),
    Metric("ece", "gap between confidence and accuracy, mean over 15 bins", False, BOTH, "scores", losses.prepare_ece, judges=False),
    Metric("auroc", "chance that a row of the class scores above one of the rest (mean over classes)", True, BOTH, "order", partial(ranked.prepare_auroc, None), None),
    Metric("average_precision", "area under the precision-recall curve (of the rarer of two classes, else mean)", True, BOTH, "order", _AP, None),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""Name -> metric. A new metric is one formula, one test and one line here."""

_BY_CLASS: dict[str, Callable[[int], Callable[[Scored], Prepared]]] = {
    "f1": lambda column: partial(counted.prepare_of_class, "f1", column),
    "precision": lambda column: partial(counted.prepare_of_class, "precision", column),
    "recall": lambda column: partial(counted.prepare_of_class, "recall", column),
    "auroc": lambda column: partial(ranked.prepare_auroc, column),
    "average_precision": lambda column: partial(ranked.prepare_average_precision, column),
}
"""Metrics that can be asked of one class, as ``name:CLASS``."""


def suited(kind: str) -> list[str]:
    """Names of the metrics that are defined for this kind of task."""
    return [name for name, metric in METRICS.items() if kind in metric.tasks]


def parse_metric(name: str, labels: Sequence[str], *, targets: Array | None = None) -> Metric:
    """The metric a user named, over these classes.

    Args:
        name: a key of `METRICS`, or ``"f1:CLASS"`` (likewise precision, recall, auroc, average_precision).
        labels: the K class names, in the order of the probabilities' columns.
        targets: (n,) where given, a metric of one unnamed class (``"f1"``) is bound to the rarer of two classes in them, so that it
            means the same class on every split.

    Raises:
        UnknownName: there is no such metric, or no such class.
        OptionError: the metric cannot be asked of one class, or must be and no class is named.

    Examples:
        >>> parse_metric("f1:spam", ["ham", "spam"]).name
        'f1:spam'
        >>> parse_metric("f1", ["ham", "spam"], targets=np.array([0, 0, 1])).name
        'f1:spam'
    """
    stem, colon, label = name.partition(":")
    if stem not in METRICS:
        raise UnknownName.of("metric", stem, METRICS)
    if not colon:
        return METRICS[stem] if stem not in counted.OF_CLASS or targets is None else _bind_rarer(stem, labels, targets)
    if stem not in _BY_CLASS:
        raise OptionError(f"'{stem}' is about all classes; got '{name}'. Ask one class of: {', '.join(_BY_CLASS)}.")
    if label not in labels:
        raise UnknownName.of("class", label, labels)
    return replace(METRICS[stem], name=name, prepare=_BY_CLASS[stem](list(labels).index(label)))


def _bind_rarer(stem: str, labels: Sequence[str], targets: Array) -> Metric:
    if np.ndim(targets) != 1 or len(labels) != 2:
        raise OptionError(f"'{stem}' is about one class, and there are {len(labels)}; name it, for example '{stem}:{labels[0]}', or take the mean over all, 'macro_f1'.")
    return parse_metric(f"{stem}:{labels[counted.rarer(targets)]}", labels)


def metric_of(metric: str | Metric) -> Metric:
    """A metric as it is, or by its name in `METRICS`."""
    if isinstance(metric, Metric):
        return metric
    if metric not in METRICS:
        raise UnknownName.of("metric", metric, METRICS, hint="A metric of one class (f1:CLASS) goes through parse_metric first.")
    return METRICS[metric]


def score(metric: str | Metric, y: Array, p: Array) -> float:
    """One figure of how good these probabilities are.

    Args:
        metric: a name in `METRICS`, or what `parse_metric` gave.
        y: int (n,), the column of each row's class, -1 for an unknown one; or bool (n, K) in multi-label tasks.
        p: (n, K) probabilities.

    Raises:
        UnknownName: there is no such metric.
        InputError: `y` and `p` do not fit, there are no rows, or `p` holds NaN.
        OptionError: the metric is not defined for this task.
        LabelError: the metric is not defined on these targets.

    Examples:
        >>> score("accuracy", np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
        0.6666666666666666
    """
    return metric_of(metric).function(y, p)
