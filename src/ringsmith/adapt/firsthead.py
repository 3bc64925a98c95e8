"""The head first: a linear head fitted on what the pre-trained body gives, before anything of the body moves.

With a head of random numbers the first steps push the body about for nothing, and what it had learnt is lost in part; fine-tuning from a fitted head
keeps it (LP-FT; Kumar, Raghunathan, Jones, Ma and Liang, 2022). It also starts where the recipe `probe` with the last layer stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.classifier import Feed, set_last_layer, vectors_of
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.linear import Activation
from ringsmith.records import Budget

ROWS, AT_ONCE = 8_192, 512
"""A head learns little from more rows than this; so many are encoded between two looks at the clock."""
ROWS_A_CLASS = 2
"""With fewer there is nothing to fit."""
SHARE = 0.1
"""Of the time that is left, at most, for encoding and for fitting each."""
STRENGTH = 1.0


def fit_first_head(module: Any, feed: Feed, targets: npt.NDArray[Any], activation: Activation, *, seed: int, budget: Budget) -> bool:
    """Set the module's last layer to the logistic regression of `targets` on what it sees; whether there was time and rows enough.

    Args:
        module: a classifier; only its last layer changes.
        feed: the training rows; a part of them, drawn by chance, is enough.
        targets: their columns (n,), or bool (n, K).
        activation: of the scores.
        seed: of the draw.
        budget: wall clock.
    """
    rows = np.random.default_rng(seed).permutation(len(feed))[:ROWS]
    time, vectors = budget.part(SHARE * budget.remaining()), []
    for start in range(0, len(rows), AT_ONCE):
        vectors.append(vectors_of(module, feed, rows[start : start + AT_ONCE]))
        if time.remaining() <= 0:
            break
    known = np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)
    classes = module.config.num_labels
    if len(known) < ROWS_A_CLASS * classes:
        return False
    head = DensePath(known, targets[rows[: len(known)]], classes, activation).solve(STRENGTH, budget.part(SHARE * budget.remaining()))
    set_last_layer(module, head.weights, head.bias)
    return True
