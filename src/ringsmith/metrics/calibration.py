"""Does a confidence of 0.8 mean right four times in five: reliability bins and calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from ringsmith.errors import OptionError
from ringsmith.metrics.inputs import Array, Floats, Ints, check_probabilities, checked
from ringsmith.metrics.losses import equal_width, judged
from ringsmith.records import Record


@dataclass(frozen=True)
class Bin(Record):
    """Decisions of similar confidence.

    Attributes:
        low: lower edge of the confidence.
        high: upper edge.
        count: how many decisions.
        confidence: their mean confidence.
        accuracy: share of them that is right (multi-label: share of them where the label is there).
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration(Record):
    """Reliability bins, empty ones left out, with the errors that follow from them.

    Attributes:
        ece: expected calibration error: mean of |accuracy - confidence| over the bins, weighted by their counts.
        by_chance: the error that a model with these confidences would have, at most, in 95 of 100 draws of rows, were it right exactly as often as it says
            (Broecker and Smith, 2007): bins of few rows are off by chance alone.
        mce: largest |accuracy - confidence| of a bin; noisy where a bin holds few decisions.
        overconfidence: mean confidence minus accuracy; above 0 the model is too sure of itself.
        bins: from low to high confidence.
    """

    ece: float
    by_chance: float
    mce: float
    overconfidence: float
    bins: Sequence[Bin]


def calibration(y: Array, p: Array, *, bins: int = 15, method: Literal["width", "mass"] = "width") -> Calibration:
    """Reliability of the confidences, in bins (Guo et al., 2017).

    Args:
        y: targets (n,), judged by the probability of the predicted class; or (n, K), judged by every label's probability.
        p: probabilities (n, K).
        bins: how many at most.
        method: ``"width"``: bins of equal width between 0 and 1, as in the paper and in the metric ``ece``; ``"mass"``: bins of equally
            many decisions (equal confidences stay together), better where most confidences are close to 1.

    Raises:
        OptionError: `bins` is below 1.
        InputError: `p` does not hold probabilities.

    Examples:
        >>> result = calibration(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.1, 0.9]]), bins=2)
        >>> round(result.ece, 3), len(result.bins)
        (0.025, 1)
    """
    if bins < 1:
        raise OptionError(f"'bins' must be at least 1; got {bins}. Use 15, the usual value, or leave it out.")
    scored = checked(y, p)
    check_probabilities(scored, "calibration")
    confidence, outcome = (values.ravel() for values in judged(scored))
    number, edges = _by_width(confidence, bins) if method == "width" else _by_mass(confidence, bins)
    found = [_bin(confidence[number == i], outcome[number == i], float(edges[i]), float(edges[i + 1])) for i in np.unique(number)]
    spread = np.sqrt(np.bincount(number, weights=confidence * (1 - confidence)))
    gaps = np.array([abs(b.accuracy - b.confidence) for b in found])
    ece = float(np.average(gaps, weights=[b.count for b in found]))
    return Calibration(ece, _by_chance(spread) / len(confidence), float(gaps.max()), float(confidence.mean() - outcome.mean()), found)


def _by_chance(spread: Floats) -> float:
    """What the distances of independent normal sums with mean 0 and this spread (bins,) add up to, at most, in 95 of 100 draws, nearly."""
    mean, variance = sqrt(2 / pi) * spread.sum(), (1 - 2 / pi) * (spread**2).sum()
    return float(mean + NormalDist().inv_cdf(0.95) * sqrt(variance))


def _bin(confidence: Floats, outcome: Array, low: float, high: float) -> Bin:
    return Bin(low, high, len(confidence), float(confidence.mean()), float(outcome.mean()))


def _by_width(confidence: Floats, bins: int) -> tuple[Ints, Floats]:
    return equal_width(confidence, bins), np.linspace(0, 1, bins + 1)


def _by_mass(confidence: Floats, bins: int) -> tuple[Ints, Floats]:
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, bins + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2), edges
