"""Scores of labels into probabilities: a model's inclination is taken away, and how sure it may be is learnt from the validation rows.

A pre-trained model prefers some labels whatever it reads. Two estimates of this inclination: the answer to texts that say nothing
(contextual calibration; Zhao, Wallace, Feng, Klein and Singh, 2021) and the mean answer to real texts, no labels needed (batch
calibration; Zhou, Wan, Proleev et al., 2024). Dividing by it is subtracting its logarithm. Both are taken at the temperature that fits
the scores, not at 1 as the papers have it: a cosine has no natural temperature, and with 77 labels this is worth 0.016 in accuracy (LOG.md).
What is left is an answer as if all labels were equally frequent; the shares of the classes among the training rows may be put in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

from ringsmith.adapt.linear import LARGEST_LOG, Activation, platt, to_proba
from ringsmith.records import Floats

FILE = "calibration.safetensors"


@dataclass(frozen=True, eq=False)
class Calibration:
    """From scores to probabilities: ``activation(scores * scale - shift)``.

    Attributes:
        scale: float32 (K,).
        shift: float32 (K,).
    """

    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]

    def __call__(self, scores: Floats, activation: Activation) -> Floats:
        """Probabilities (n, K) of scores (n, K)."""
        return to_proba(np.asarray(scores * self.scale - self.shift, dtype=np.float32), activation)

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        save_file({"scale": self.scale, "shift": self.shift}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """What `save` wrote."""
        arrays = load_file(folder / FILE)
        return cls(arrays["scale"], arrays["shift"])


def inclination(scores: Floats) -> Floats:
    """The logarithm of the mean probabilities (K,) that these scores (n, K) give: over texts that say nothing, or over real ones.

    Examples:
        >>> np.exp(inclination(np.log([[0.9, 0.1], [0.7, 0.3]]))).round(3).tolist()
        [0.8, 0.2]
    """
    logs = log_softmax(np.asarray(scores, dtype=np.float64), axis=1)
    return np.asarray(logsumexp(logs, axis=0) - np.log(len(logs)))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known when a calibration is fitted.

    Attributes:
        scores: (n, K), of the validation rows.
        targets: their columns (n,), or bool (n, K) for several labels a row; n may be 0.
        blank: scores of texts that say nothing (m, K), None where they would tell nothing.
        shares: of the classes among the training rows (K,).
    """

    scores: Floats
    targets: npt.NDArray[Any]
    blank: Floats | None
    shares: Floats


def calibrations(evidence: Evidence, activation: Activation) -> Iterator[tuple[str, Calibration]]:
    """All that may be tried, each with its name; the first takes nothing away."""
    if activation == "sigmoid":
        yield "platt", _each_label(evidence)
        return
    scores, nothing = evidence.scores, np.zeros(evidence.scores.shape[1])
    scale = temperature(scores, evidence.targets, nothing)
    yield "none", _calibration(scale, nothing)
    if evidence.blank is None or not len(scores):
        return
    shares = np.log(evidence.shares + 1e-6)
    for name, estimate in (("contextual", inclination(evidence.blank * scale) / scale), ("batch", inclination(scores * scale) / scale)):
        yield name, _calibration(temperature(scores - estimate, evidence.targets, nothing), estimate)
        scale_too = temperature(scores - estimate, evidence.targets, shares)
        yield f"{name}, shares of the classes", _calibration(scale_too, estimate - shares / scale_too)


def temperature(scores: Floats, targets: npt.NDArray[Any], offset: Floats) -> float:
    """The factor under which ``softmax(scores * factor + offset)`` gives `targets` the least log loss (Guo et al., 2017); 1 without rows.

    As in `linear.best_scale` its logarithm has a normal prior of width 1, worth one row.
    """
    if not len(scores):
        return 1.0
    z = np.asarray(scores, dtype=np.float64)

    def loss(log_scale: float) -> float:
        logits = z * np.exp(log_scale) + offset
        return float((logsumexp(logits, axis=1) - logits[np.arange(len(z)), targets]).sum() + log_scale**2 / 2)

    return float(np.exp(minimize_scalar(loss, bounds=(-LARGEST_LOG, LARGEST_LOG), method="bounded").x))


def _calibration(scale: float, taken: Floats) -> Calibration:
    return Calibration(np.full(len(taken), scale, np.float32), np.asarray(scale * taken, np.float32))


def _each_label(evidence: Evidence) -> Calibration:
    """A scale and a shift for each label by itself."""
    fits = [platt(np.asarray(evidence.scores[:, k], np.float32), evidence.targets[:, k]) for k in range(evidence.scores.shape[1])]
    return Calibration(np.array([a for a, _ in fits], np.float32), np.array([-b for _, b in fits], np.float32))
