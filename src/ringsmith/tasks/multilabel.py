"""Any number of labels for each text: multi-label classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ringsmith.records import Floats, Label
from ringsmith.tasks.task import Task, index_of

THRESHOLD = 0.5
"""A label is predicted when its probability is at least this."""


class MultiLabel(Task):
    """Targets are bool (n, K). A label that training never saw has no column; its rows keep their other labels.

    Examples:
        >>> task = MultiLabel(["bug", "docs"])
        >>> task.targets([("bug", "docs"), ()]).tolist()
        [[True, True], [False, False]]
        >>> task.shares(np.array([[True, True], [True, False]])).tolist()
        [1.0, 0.5]
        >>> task.decode(np.array([[0.7, 0.1]]))
        [('bug',)]
    """

    kind: ClassVar[str] = "multilabel"
    activation: ClassVar[Literal["softmax", "sigmoid"]] = "sigmoid"

    def targets(self, labels: Sequence[Label]) -> npt.NDArray[np.bool_]:
        index = index_of(self.labels)
        out = np.zeros((len(labels), len(self.labels)), dtype=np.bool_)
        for row, names in enumerate(labels):
            for name in names:
                if name in index:
                    out[row, index[name]] = True
        return out

    def shares(self, targets: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        return np.asarray(targets.sum(axis=0) / max(len(targets), 1), dtype=np.float32)

    def decode(self, probabilities: Floats) -> list[Label]:
        return [tuple(label for label, score in zip(self.labels, row, strict=True) if score >= THRESHOLD) for row in probabilities]

    def default_metric(self, targets: npt.NDArray[np.bool_]) -> str:
        return "micro_f1"
