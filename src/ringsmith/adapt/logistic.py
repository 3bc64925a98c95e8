"""Multinomial (and multi-label) logistic regression on dense vectors, by L-BFGS in float32 torch.

Columns are centred first: the bias is not regularised, so the solution is the same, but L-BFGS needs several times fewer steps on
the vectors of transformers, whose mean is most of their length. Rows that are fewer than columns are told by their coordinates in the space they
span, where that pays: the penalty does not see a rotation, so the solution is the same there, too, and every step is as many times cheaper. A path of
strengths is walked from weak to strong, each start taken from the last solution.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ringsmith.adapt.linear import Activation, Linear
from ringsmith.records import Budget, Floats

STEPS = 200
MEMORY = 10
"""Pairs of steps L-BFGS remembers."""
TOLERANCE = 1e-5
EVALUATIONS, TURNING = 100, 10
"""Of the loss along a path, about, each two products of rows, columns and classes; and operations, in cubes of the rows, to find the space they span."""
FLAT = 1e-10
"""A direction in which the rows vary by less than this share of the longest one's variance is none."""


class _OutOfTimeError(Exception):
    """The way out of torch's optimiser."""


class LogisticPath:
    """One data set, solved for one strength after the other.

    Args:
        rows: (n, d).
        targets: columns (n,), or bool (n, K) for several labels a row.
        classes: K.
        activation: softmax for one class a row, sigmoid for several labels.
    """

    def __init__(self, rows: Floats, targets: npt.NDArray[Any], classes: int, activation: Activation) -> None:
        self.mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = np.asarray(rows, dtype=np.float32) - self.mean
        self.basis = span(centred) if pays(len(centred), centred.shape[1], classes) else None
        self.rows = torch.from_numpy(centred if self.basis is None else centred @ self.basis)
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.int64 if activation == "softmax" else np.float32))
        self.activation = activation
        self.weights = torch.zeros(classes, self.rows.shape[1], requires_grad=True)
        self.bias = torch.zeros(classes, requires_grad=True)

    def solve(self, strength: float, budget: Budget) -> Linear:
        """The minimum of ``mean loss + |weights|^2 / (2 strength n)``; strength is scikit-learn's C. Stops where it stands when the budget ends."""
        decay = 1 / (2 * strength * len(self.rows))
        optimiser = torch.optim.LBFGS(
            [self.weights, self.bias], max_iter=STEPS, max_eval=2 * STEPS, history_size=MEMORY, tolerance_grad=TOLERANCE, tolerance_change=1e-9, line_search_fn="strong_wolfe"
        )

        def loss() -> torch.Tensor:
            if budget.remaining() <= 0:
                raise _OutOfTimeError
            optimiser.zero_grad()
            value = self._loss(self.rows @ self.weights.T + self.bias) + decay * (self.weights**2).sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        with contextlib.suppress(_OutOfTimeError):
            optimiser.step(loss)  # type: ignore[no-untyped-call]
        weights = self.weights.detach().numpy().copy()
        weights = weights if self.basis is None else weights @ self.basis.T
        return Linear(weights, self.bias.detach().numpy() - weights @ self.mean)

    def _loss(self, scores: torch.Tensor) -> torch.Tensor:
        if self.activation == "softmax":
            return functional.cross_entropy(scores, self.targets)
        return functional.binary_cross_entropy_with_logits(scores, self.targets, reduction="none").sum(dim=1).mean()


def pays(rows: int, columns: int, classes: int) -> bool:
    """Whether a path is quicker in the space that the rows span, finding it included.

    Examples:
        >>> pays(231, 2688, 77), pays(600, 2688, 2), pays(1000, 1536, 77), pays(3000, 384, 77)
        (True, False, False, False)
    """
    return rows < columns and 2 * EVALUATIONS * classes * (columns - rows) > TURNING * rows * rows + rows * columns


def span(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Columns (d, r), each of length 1 and at right angles to the others, that span the rows (n, d), of which there are fewer than d.

    Examples:
        >>> basis = span(np.array([[3, 4, 0], [6, 8, 0]], dtype=np.float32))
        >>> bool(np.allclose(np.abs(basis[:, 0]), [0.6, 0.8, 0])), basis.shape
        (True, (3, 1))
    """
    exact = rows.astype(np.float64)
    values, vectors = np.linalg.eigh(exact @ exact.T)
    kept = values > FLAT * max(values[-1], np.finfo(np.float32).tiny)
    return np.asarray(exact.T @ (vectors[:, kept] / np.sqrt(values[kept])), dtype=np.float32)
