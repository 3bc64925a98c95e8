"""Linear classifiers over sparse rows, calibrated on validation rows.

One support vector machine per class (squared hinge, liblinear), classes weighted by their rarity; its margins become
probabilities by a scale and a shift (Platt, 1999; one shared scale for several classes, Guo et al., 2017), both fitted on the
validation rows. Measured against logistic regression on the same n-grams it was never worse and better on spam and on Korean
(see LOG.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy  # loads scipy.optimize when it is first used: predicting needs none of it
from scipy.special import expit, logsumexp, softmax

from ringsmith.adapt.sparse import Matrix
from ringsmith.records import Floats

Activation = Literal["softmax", "sigmoid"]
ITERATIONS = 2000
LARGEST_LOG = 8.0
"""Scores are scaled by at most e to this power, either way."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Scores of d features: ``rows @ weights.T + bias``.

    Attributes:
        weights: float32 (K, d); (1, d) for two classes, the score of the second against the first.
        bias: float32 (K,) or (1,).
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def scores(self, rows: Matrix | Floats) -> npt.NDArray[np.float32]:
        """Scores (n, K) or (n, 1)."""
        return np.asarray(rows @ self.weights.T, dtype=np.float32) + self.bias

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """What a file of it holds."""
        return {"weights": self.weights, "bias": self.bias}

    def rescaled(self, scale: npt.NDArray[np.float32], shift: npt.NDArray[np.float32]) -> Linear:
        """The same with every score times `scale` plus `shift` (each (K,) or (1,))."""
        return Linear(self.weights * scale[:, None], self.bias * scale + shift)

    def moved(self, shift: Floats) -> Linear:
        """The same, each class's score (K,) the greater by so much; the one score of two classes by the second's less the first's."""
        return Linear(self.weights, np.asarray(self.bias + (shift if len(self.bias) == len(shift) else shift[1:] - shift[:1]), dtype=np.float32))


def to_proba(scores: npt.NDArray[np.float32], activation: Activation) -> npt.NDArray[np.float32]:
    """Probabilities (n, K) of scores (n, K), or of (n, 1) where it stands for two classes."""
    if activation == "sigmoid":
        return np.asarray(expit(scores), dtype=np.float32)
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    return np.asarray(softmax(scores, axis=1), dtype=np.float32)


def fit_svm(rows: Matrix, targets: npt.NDArray[Any], classes: int, *, strength: float, seed: int) -> Linear:
    """Margins of one support vector machine per class, each fitted in turn.

    Args:
        rows: (n, d).
        targets: columns (n,), or bool (n, K) for several labels a row.
        classes: K.
        strength: C of the machine: large follows the training rows, small shrinks the weights.
        seed: of the order in which liblinear visits the rows.
    """
    from sklearn.svm import LinearSVC  # here: every transformer's process imports this file, and none of them fits a machine

    wanted = [targets == 1] if targets.ndim == 1 and classes == 2 else [targets == k if targets.ndim == 1 else targets[:, k] for k in range(classes)]
    weights, bias = np.zeros((len(wanted), rows.shape[1]), np.float32), np.full(len(wanted), -1, np.float32)
    for k, positive in enumerate(wanted):
        if positive.all() or not positive.any():
            bias[k] = 1 if positive.all() else -1
            continue
        machine = LinearSVC(C=strength, class_weight="balanced", random_state=seed, max_iter=ITERATIONS).fit(rows, positive)
        weights[k], bias[k] = machine.coef_[0], machine.intercept_[0]
    return Linear(weights, bias)


def calibrate(linear: Linear, scores: npt.NDArray[np.float32], targets: npt.NDArray[Any], activation: Activation) -> Linear:
    """The classifier whose probabilities fit `targets` best, its scores scaled and (two classes, labels) shifted.

    Args:
        linear: what gave `scores`.
        scores: of the validation rows.
        targets: of the validation rows, none unknown.
        activation: what turns scores into probabilities.
    """
    return linear.rescaled(*calibration(scores, targets, activation))


def calibration(scores: npt.NDArray[np.float32], targets: npt.NDArray[Any], activation: Activation) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The scales and the shifts (each (K,) or (1,)) that `calibrate` applies."""
    if activation == "softmax" and scores.shape[1] > 1:
        return np.full(scores.shape[1], best_scale(scores, targets, activation), np.float32), np.zeros(scores.shape[1], np.float32)
    columns = targets[:, None] == 1 if targets.ndim == 1 else targets
    fits = [platt(scores[:, k], columns[:, k]) for k in range(scores.shape[1])]
    return np.array([a for a, _ in fits], np.float32), np.array([b for _, b in fits], np.float32)


def best_scale(scores: npt.NDArray[np.float32], targets: npt.NDArray[Any], activation: Activation) -> float:
    """The one factor for all scores that gives the least log loss (Guo et al., 2017: temperature scaling, the factor being 1 / T).

    Its logarithm has a normal prior of width 1, worth one row: a few rows without a mistake would ask for an infinite one.
    """
    z = scores.astype(np.float64)

    def loss(log_scale: float) -> float:
        scaled = z * np.exp(log_scale)
        losses = logsumexp(scaled, axis=1) - scaled[np.arange(len(z)), targets] if activation == "softmax" else np.logaddexp(0, scaled) - targets * scaled
        return float(losses.sum() + log_scale**2 / 2)

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(-LARGEST_LOG, LARGEST_LOG), method="bounded").x))


def platt(scores: npt.NDArray[np.float32], positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift that make ``expit(scale * score + shift)`` the probability of `positive`.

    Platt's own softened targets (his equation 15, after Lin, Lin and Weng, 2007) keep a few separable rows from giving 0 and 1.
    """
    z, n_yes, n_no = scores.astype(np.float64), int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))

    def loss(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logit = x[0] * z + x[1]
        error = expit(logit) - target
        return float(np.mean(np.logaddexp(0, logit) - target * logit)), np.array([np.mean(error * z), np.mean(error)])

    limit = np.exp(LARGEST_LOG)
    scale, shift = scipy.optimize.minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1 / limit, limit), (-limit, limit)]).x
    return float(scale), float(shift)
