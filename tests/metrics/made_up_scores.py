"""Made-up predictions for the tests of the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[npt.NDArray[Any], npt.NDArray[np.float64]]


def made_up(seed: int, *, rows: int = 120, classes: int = 4, unknown: float = 0.0, skill: float = 1.0) -> Pair:
    """Targets and probabilities with many tied scores; a share of the targets unknown."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    p = rng.dirichlet(np.full(classes, 0.8), rows).round(1)
    p[np.arange(rows), y] += skill * rng.random(rows).round(1) + 0.01
    p /= p.sum(axis=1, keepdims=True)
    y[rng.random(rows) < unknown] = -1
    return y, p


def made_up_labels(seed: int, *, rows: int = 120, classes: int = 4) -> Pair:
    """Multi-label targets and probabilities."""
    rng = np.random.default_rng(seed)
    y = rng.random((rows, classes)) < 0.3
    return y, np.clip(0.35 * y + 0.65 * rng.random((rows, classes)), 0, 1).round(2)
