"""Scores of labels into probabilities: a model's inclination is taken away, and how sure it may be is learnt from the validation rows.

A pre-trained model prefers some labels whatever it reads. Two estimates of this inclination, both as the paper has them: the answer to
texts that say nothing (contextual calibration; Zhao, Wallace, Feng, Klein and Singh, 2021) and the mean answer to real texts, no labels
needed (batch calibration; Zhou, Wan, Proleev et al., 2024). Dividing by it is subtracting its logarithm. Then one temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax, logsumexp

from ringsmith.adapt.linear import Activation, best_scale, platt, to_proba
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


def fit_calibration(scores: Floats, targets: npt.NDArray[Any], inclined: Floats | None, activation: Activation) -> Calibration:
    """The calibration under which `targets` are likeliest.

    Args:
        scores: (n, K), of rows whose targets are known; n may be 0, which leaves the scores as they are.
        targets: columns (n,), or bool (n, K) for several labels a row: then each label has a scale and a shift of its own.
        inclined: what is taken away first, None for nothing.
        activation: what makes probabilities of the scores.
    """
    classes = scores.shape[1]
    taken = np.zeros(classes) if inclined is None else inclined
    if not len(scores):
        return Calibration(np.ones(classes, np.float32), np.asarray(taken, np.float32))
    if activation == "softmax":
        scale = best_scale(np.asarray(scores - taken, np.float32), targets, activation)
        return Calibration(np.full(classes, scale, np.float32), np.asarray(scale * taken, np.float32))
    fits = [platt(np.asarray(scores[:, k], np.float32), targets[:, k]) for k in range(classes)]
    return Calibration(np.array([a for a, _ in fits], np.float32), np.array([-b for _, b in fits], np.float32))
