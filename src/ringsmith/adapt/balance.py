"""Classes that have few rows: what a row counts in the loss, so that every class counts alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError
from ringsmith.records import Floats
from ringsmith.tasks import Task

KINDS = ("auto", "balanced", "none")
BY_CLASS = "macro_f1"
"""The metric by which every class counts alike, whatever its rows: tasks name it where one class holds most of them."""


def class_weights(kind: str, task: Task, targets: npt.NDArray[Any], metric: str) -> Floats | None:
    """How much a row of each class counts, float32 (K,); None where all count alike.

    Args:
        kind: ``"balanced"``: ``n / (K n_k)``, so that the weights of all rows have a mean of 1 (King and Zeng, 2001); ``"none"``; or ``"auto"``:
            balanced where classes are compared alike.
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
    if kind == "none" or (kind == "auto" and metric != BY_CLASS):
        return None
    rows = np.bincount(targets[targets >= 0], minlength=len(task.labels))
    return np.asarray(rows.sum() / (np.count_nonzero(rows) * np.maximum(rows, 1)), dtype=np.float32)
