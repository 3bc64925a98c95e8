"""What the labels mean: the contract of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ringsmith.records import Floats, Label


class Task(ABC):
    """Turns labels into targets and scores into labels, and says which metric judges by default.

    Attributes:
        kind: name of the task, as in `TASKS` and on disk.
        activation: what turns a head's outputs into probabilities.
        labels: the K class names, in the order of the scores' columns.
    """

    kind: ClassVar[str]
    activation: ClassVar[Literal["softmax", "sigmoid"]]

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)

    @abstractmethod
    def targets(self, labels: Sequence[Label]) -> npt.NDArray[Any]:
        """Labels as numbers for training and scoring; a label the task does not know becomes one that is never right."""

    @abstractmethod
    def shares(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Share of the rows that are of each class (K,), from targets as `targets` gives them; rows of unknown classes are left out."""

    @abstractmethod
    def decode(self, probabilities: Floats) -> list[Label]:
        """The predicted label of each row of `probabilities` (n, K)."""

    @abstractmethod
    def default_metric(self, targets: npt.NDArray[Any]) -> str:
        """Name of the metric that judges these targets fairly, unless the user names one."""

    def to_json(self) -> dict[str, Any]:
        """Kind and labels, as saved with a model."""
        return {"kind": self.kind, "labels": list(self.labels)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.kind, self.labels))


def index_of(labels: Sequence[str]) -> dict[str, int]:
    """Label -> column."""
    return {label: column for column, label in enumerate(labels)}


def code(labels: Sequence[str], known: Sequence[str]) -> npt.NDArray[np.int64]:
    """Column of each label; -1 for one that is not known."""
    index = index_of(known)
    return np.fromiter((index.get(label, -1) for label in labels), dtype=np.int64, count=len(labels))
