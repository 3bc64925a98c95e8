"""Multinomial (and multi-label) logistic regression on short dense vectors by SciPy's L-BFGS: the base install, without torch, can fit it.

The same minimum as `logistic.py`, which is faster for the thousands of columns of a transformer's layers but needs torch. Columns are
centred first and a path of strengths is walked from weak to strong, for the reasons told there.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax
from threadpoolctl import threadpool_limits

from ringsmith.adapt.linear import Activation, Linear
from ringsmith.records import Budget, Floats

STEPS = 200
TOLERANCE, LEAST_GAIN = 1e-5, 1e-7
"""A step is worth making where the slope is steeper, and gains more than this share of the loss. With 1e-4 the path of 77 classes stops at C = 10."""
ALONE = 1e9
"""Products of fewer operations are left to one thread: where another process holds a core, two that wait for each other took 30 times as long."""
Numbers = npt.NDArray[np.float64]


class _OutOfTimeError(Exception):
    """The way out of SciPy's optimiser."""


class DensePath:
    """One data set, solved for one strength after the other.

    Args:
        rows: (n, d).
        targets: columns (n,), or bool (n, K) for several labels a row.
        classes: K.
        activation: softmax for one class a row, sigmoid for several labels.
    """

    def __init__(self, rows: Floats, targets: npt.NDArray[Any], classes: int, activation: Activation) -> None:
        self.mean = rows.mean(axis=0, dtype=np.float64)
        self.rows = np.asarray(rows - self.mean, dtype=np.float32)
        self.wanted = np.asarray(targets[:, None] == np.arange(classes) if targets.ndim == 1 else targets, dtype=np.float32)
        self.activation = activation
        self.solution = np.zeros((classes, rows.shape[1] + 1))

    def solve(self, strength: float, budget: Budget) -> Linear:
        """The minimum of ``mean loss + |weights|^2 / (2 strength n)``; strength is scikit-learn's C. Stops where it stands when the budget ends."""
        decay = 1 / (2 * strength * max(1, len(self.rows)))

        def loss(x: Numbers) -> tuple[float, Numbers]:
            if budget.remaining() <= 0:
                raise _OutOfTimeError
            return self._loss(x, decay)

        def keep(intermediate_result: Any) -> None:
            self.solution = intermediate_result.x.reshape(self.solution.shape).copy()

        few = 2 * self.rows.size * len(self.solution) < ALONE
        with contextlib.suppress(_OutOfTimeError), threadpool_limits(limits=1 if few else None):
            minimize(loss, self.solution.ravel(), jac=True, method="L-BFGS-B", callback=keep, options={"maxiter": STEPS, "gtol": TOLERANCE, "ftol": LEAST_GAIN})
        weights, bias = self.solution[:, :-1], self.solution[:, -1]
        return Linear(weights.astype(np.float32), (bias - weights @ self.mean).astype(np.float32))

    def _loss(self, x: Numbers, decay: float) -> tuple[float, Numbers]:
        """The objective and its gradient (K (d + 1),): products in float32, sums in float64."""
        x = x.reshape(self.solution.shape)
        scores = self.rows @ x[:, :-1].T.astype(np.float32) + x[:, -1].astype(np.float32)
        if self.activation == "softmax":
            logs = log_softmax(scores, axis=1)
            value, proba = -float((logs * self.wanted).sum(dtype=np.float64)), np.exp(logs)
        else:
            value, proba = float((np.logaddexp(0, scores) - scores * self.wanted).sum(dtype=np.float64)), expit(scores)
        error = (proba - self.wanted) / np.float32(max(1, len(self.rows)))
        slope = np.column_stack([(error.T @ self.rows) + 2 * decay * x[:, :-1], error.sum(axis=0, dtype=np.float64)])
        return value / max(1, len(self.rows)) + decay * float((x[:, :-1] ** 2).sum()), slope.ravel()
