"""Metrics of the probabilities themselves: log loss, Brier score, calibration error.

A row of an unknown class (-1) counts as one whose class got probability 0.
"""

from __future__ import annotations

import numpy as np

from ringsmith.metrics.counted import divide
from ringsmith.metrics.inputs import Array, Floats, Ints, Scored, check_probabilities
from ringsmith.metrics.resample import Prepared, Statistic

SMALLEST = float(np.finfo(np.float32).eps)
"""Probabilities are raised to this (1.2e-7) before the logarithm: one certain error costs 15.9, not infinity."""
BINS = 15
"""Bins of the calibration error, as in Guo et al. (2017)."""


def log_losses(scored: Scored) -> Floats:
    """Each row's loss (n,): minus the logarithm of its class's probability; in multi-label tasks the mean over labels."""
    if scored.kind == "multilabel":
        each: Floats = -np.log(np.maximum(np.where(scored.y, scored.p, 1 - scored.p), SMALLEST))
        return np.asarray(each.mean(axis=1))
    given: Floats = scored.p[np.arange(scored.rows), np.maximum(scored.y, 0)]
    return np.maximum(0.0, -np.log(np.maximum(np.where(scored.y >= 0, given, 0.0), SMALLEST)), dtype=np.float64)


def brier_losses(scored: Scored) -> Floats:
    """Each row's squared error (n,) between 0 and 1: half the sum over classes (Brier, 1950), the mean over labels in multi-label tasks."""
    squared: Floats = (scored.p - scored.actual) ** 2
    if scored.kind == "multilabel":
        return np.asarray(squared.mean(axis=1))
    return np.asarray((squared.sum(axis=1) + (scored.y < 0)) / 2)


def prepare_log_loss(scored: Scored) -> Prepared:
    """Mean log loss."""
    check_probabilities(scored, "log_loss")
    return _prepare_mean(log_losses(scored))


def prepare_brier(scored: Scored) -> Prepared:
    """Mean Brier score."""
    check_probabilities(scored, "brier")
    return _prepare_mean(brier_losses(scored))


def _prepare_mean(losses: Floats) -> Prepared:
    return Prepared(np.arange(len(losses)), lambda rows: lambda weights: divide(weights @ losses[rows], weights.sum(axis=1)))


def judged(scored: Scored) -> tuple[Floats, Array]:
    """Confidence and outcome of each decision: the predicted class of each row (n,), every label of each row (n, K) in multi-label tasks."""
    if scored.kind == "multilabel":
        return scored.p, scored.y
    return scored.p.max(axis=1), scored.predicted == scored.y


def equal_width(confidence: Floats, bins: int) -> Ints:
    """Bin of each confidence, of `bins` bins of equal width, each closed above: (0, 1/bins], (1/bins, 2/bins] ..."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def prepare_ece(scored: Scored) -> Prepared:
    """Expected calibration error over 15 bins of equal width."""
    check_probabilities(scored, "ece")
    confidence, outcome = judged(scored)
    gaps = np.zeros((scored.rows, BINS))
    row = np.broadcast_to(np.arange(scored.rows)[:, None] if confidence.ndim == 2 else np.arange(scored.rows), confidence.shape)
    np.add.at(gaps, (row, equal_width(confidence, BINS)), outcome - confidence)
    gaps /= confidence[0].size

    def pick(rows: Ints) -> Statistic:
        return lambda weights: divide(np.abs(weights @ gaps[rows]).sum(axis=1), weights.sum(axis=1))

    return Prepared(np.arange(scored.rows), pick)
