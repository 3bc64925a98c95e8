"""What every metric is given: targets and probabilities, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Kind = Literal["classification", "multilabel"]
THRESHOLD = 0.5
"""In multi-label tasks a label is predicted when its probability is at least this."""
UNKNOWN = -1
"""Target of a row whose label training never saw: it is never right."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Checked targets and probabilities of n rows over K classes.

    Attributes:
        y: int64 (n,), the class of each row or -1; or bool (n, K) in multi-label tasks.
        p: float64 (n, K).
    """

    y: Array
    p: Floats

    @property
    def kind(self) -> Kind:
        """Which task the targets belong to."""
        return "multilabel" if self.y.ndim == 2 else "classification"

    @property
    def rows(self) -> int:
        """Number of rows, n."""
        return len(self.y)

    @property
    def classes(self) -> int:
        """Number of classes, K."""
        return int(self.p.shape[1])

    @property
    def predicted(self) -> Array:
        """The class of highest probability (n,), the first of equal ones; or bool (n, K) in multi-label tasks."""
        return self.p >= THRESHOLD if self.kind == "multilabel" else self.p.argmax(axis=1)

    @property
    def actual(self) -> Bools:
        """Targets as bool (n, K); a row of an unknown class is False throughout."""
        return self.y if self.kind == "multilabel" else self.y[:, None] == np.arange(self.classes)

    @property
    def claimed(self) -> Bools:
        """Predictions as bool (n, K)."""
        return self.p >= THRESHOLD if self.kind == "multilabel" else self.predicted[:, None] == np.arange(self.classes)

    def take(self, rows: Ints) -> Scored:
        """These rows, in this order."""
        return Scored(self.y[rows], self.p[rows])


def checked(y: Array, p: Array) -> Scored:
    """Targets and probabilities, after checking that they belong together.

    Args:
        y: integers (n,), -1 for an unknown class; or bool (n, K).
        p: numbers (n, K), finite.

    Raises:
        InputError: no rows, shapes that do not fit, NaN or infinity in `p`, or a class outside 0 ... K-1.

    Examples:
        >>> checked(np.array([0, 1, -1]), np.eye(3)[:, :2]).predicted.tolist()
        [0, 1, 0]
    """
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    if p.ndim != 2 or y.ndim not in (1, 2) or len(y) != len(p) or (y.ndim == 2 and y.shape != p.shape):
        raise InputError(f"Metrics need targets (n,) or (n, K) and probabilities (n, K); got shapes {y.shape} and {p.shape}.")
    if not p.size:
        raise InputError(f"Metrics need at least one row and one class; got probabilities of shape {p.shape}.")
    if not np.isfinite(p).all():
        raise InputError(f"Probabilities must be finite; got {int((~np.isfinite(p)).any(axis=1).sum())} of {len(p)} rows with NaN or infinity: the model is broken.")
    return Scored(y.astype(np.bool_) if y.ndim == 2 else _checked_classes(y, p.shape[1]), p)


def _checked_classes(y: Array, classes: int) -> Ints:
    if y.dtype.kind not in "iub":
        raise InputError(f"Targets (n,) must be whole numbers: the column of each row's class, or -1; got {y.dtype}.")
    y = y.astype(np.int64)
    if y.min() < UNKNOWN or y.max() >= classes:
        raise InputError(f"Targets must lie between -1 and {classes - 1}, the last of {classes} columns; got {y.min()} to {y.max()}.")
    return y


def check_probabilities(scored: Scored, metric: str) -> None:
    """Refuse numbers that are no probabilities, for the metrics that read them as such.

    Raises:
        InputError: a number below 0 or above 1, or (one label for each row) rows that do not add up to 1 within 0.01.
    """
    if scored.p.min() < -1e-6 or scored.p.max() > 1 + 1e-6:
        raise InputError(f"{metric}: probabilities must lie between 0 and 1; got {scored.p.min():.4g} to {scored.p.max():.4g}. Pass them through a softmax or a sigmoid first.")
    sums = scored.p.sum(axis=1)
    if scored.kind == "classification" and np.abs(sums - 1).max() > 0.01:
        raise InputError(f"{metric}: the probabilities of a row must add up to 1; got {sums[np.abs(sums - 1).argmax()]:.4g}. Pass them through a softmax first.")
