"""One label for each text: binary and multi-class classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from ringsmith.records import Floats, Label
from ringsmith.tasks.task import Task, code

BALANCED = 0.6
"""Up to this share of the largest class plain accuracy says enough; above it macro F1 judges."""


class Classification(Task):
    """Targets are int64 (n,): the column of the label, -1 for a label that training never saw.

    Examples:
        >>> task = Classification(["no", "yes"])
        >>> task.targets(["yes", "no", "perhaps"]).tolist()
        [1, 0, -1]
        >>> task.shares(np.array([1, 0, -1, 1, 1])).tolist()
        [0.25, 0.75]
        >>> task.decode(np.array([[0.2, 0.8]]))
        ['yes']
    """

    kind: ClassVar[str] = "classification"
    activation: ClassVar[Literal["softmax", "sigmoid"]] = "softmax"

    def targets(self, labels: Sequence[Label]) -> npt.NDArray[np.int64]:
        return code(cast(Sequence[str], labels), self.labels)

    def shares(self, targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        counts = np.bincount(targets[targets >= 0], minlength=len(self.labels))
        return np.asarray(counts / max(counts.sum(), 1), dtype=np.float32)

    def decode(self, probabilities: Floats) -> list[Label]:
        return [self.labels[column] for column in probabilities.argmax(axis=1)]

    def default_metric(self, targets: npt.NDArray[np.int64]) -> str:
        known = targets[targets >= 0]
        largest = np.bincount(known).max() / max(len(known), 1) if len(known) else 0.0
        return "macro_f1" if largest > BALANCED else "accuracy"
