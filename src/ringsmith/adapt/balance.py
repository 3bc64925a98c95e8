"""Classes that have few rows: what a row counts in the loss, so that every class counts alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError
from ringsmith.records import Floats
from ringsmith.tasks import Task

if TYPE_CHECKING:  # the options are read without it
    from ringsmith.metrics import Metric

KINDS = ("auto", "balanced", "none")


def leans_to_rare(metric: Metric, task: Task, targets: npt.NDArray[Any]) -> bool:
    """Whether what is judged by this metric shall say rare classes more often than is likely: not where it is about one class, and that is a frequent one.

    Args:
        metric: what judges.
        task: what the labels mean.
        targets: of the training rows.
    """
    _, one, label = metric.name.partition(":")
    return metric.leans and (not one or bool(task.shares(targets)[task.labels.index(label)] <= 1 / len(task.labels)))


def class_weights(kind: str, task: Task, targets: npt.NDArray[Any], metric: Metric) -> Floats | None:
    """How much a row of each class counts, float32 (K,); None where all count alike.

    Args:
        kind: ``"balanced"``: ``n / (K n_k)``, so that the weights of all rows have a mean of 1 (King and Zeng, 2001); ``"none"``; or ``"auto"``:
            balanced where the metric leans to rare classes.
        task: what the labels mean.
        targets: of the training rows.
        metric: what the run is judged by.

    Raises:
        OptionError: balanced, where a row has several labels.
    """
    if task.activation == "sigmoid":
        if kind == "balanced":
            raise OptionError("'class_weights' must be 'none' or 'auto' where a row may have several labels; got 'balanced'. Leave it out.")
        return None
    if kind == "none" or (kind == "auto" and not leans_to_rare(metric, task, targets)):
        return None
    rows = np.bincount(targets[targets >= 0], minlength=len(task.labels))
    return np.asarray(rows.sum() / (np.count_nonzero(rows) * np.maximum(rows, 1)), dtype=np.float32)
