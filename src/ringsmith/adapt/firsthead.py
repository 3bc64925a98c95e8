"""The head first: a linear head fitted on what the pre-trained body gives, before anything of the body moves.

With a head of random numbers the first steps push the body about for nothing, and what it had learnt is lost in part; fine-tuning from a fitted head
keeps it (LP-FT; Kumar, Raghunathan, Jones, Ma and Liang, 2022). It also starts where the recipe `probe` with the last layer stands.

The head is as weak as the validation rows let it be. A strong one tells almost all training rows apart with large weights: what is left to learn from
are the few that it cannot, those with wrong labels among them, and its weights carry their gradients enlarged into the body. Where none of them knows
more than the shares of the classes, the body has yet to put something there, and hears nothing through weights of nearly zero: then it is the strongest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import Judge, standard_error
from ringsmith.adapt.classifier import Feed, Vectors, set_last_layer, vectors_of
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.linear import Activation, Linear, to_proba
from ringsmith.records import Budget, Floats, Rows

ROWS, AT_ONCE = 8_192, 512
"""A head learns little from more rows than this; so many are encoded between two looks at the clock."""
ROWS_A_CLASS = 2
"""With fewer there is nothing to fit."""
SHARE = 0.1
"""Of the time that is left, at most, for encoding and for fitting each."""
STRENGTHS = (0.01, 0.1, 1.0)
"""Values of C, weak ones first."""
USUAL = 0.1
"""Where no validation rows tell."""


def fit_first_head(module: Any, feed: Feed, targets: npt.NDArray[Any], activation: Activation, valid: Feed, judge: Judge, *, seed: int, budget: Budget) -> bool:
    """Set the module's last layer to a logistic regression of `targets` on what it sees; whether there was time and rows enough.

    Args:
        module: a classifier; only its last layer changes.
        feed: the training rows; a part of them, drawn by chance, is enough.
        targets: their columns (n,), or bool (n, K).
        activation: of the scores.
        valid: the validation rows, which choose the strength.
        judge: marks them.
        seed: of the draw.
        budget: wall clock.
    """
    rows = np.random.default_rng(seed).permutation(len(feed))[:ROWS]
    known = vectors_in_time(module, feed, rows, budget)
    classes = module.config.num_labels
    if len(known) < ROWS_A_CLASS * classes:
        return False
    seen = vectors_in_time(module, valid, np.arange(len(valid) if len(judge.known) else 0), budget)
    path, time = DensePath(known, targets[rows[: len(known)]], classes, activation), budget.part(SHARE * budget.remaining())
    told = len(seen) > 0 and len(seen) == len(valid)
    shares = path.wanted.mean(axis=0)
    head = _weakest(path, seen, judge, activation, judge(np.tile(shares, (len(seen), 1)))[0], time) if told else path.solve(USUAL, time)
    set_last_layer(module, head.weights, head.bias)
    return True


def vectors_in_time(module: Any, feed: Feed, rows: Rows, budget: Budget, read: Callable[[Any, Feed, Rows], Vectors] = vectors_of) -> Vectors:
    """What the last layer sees of these rows, or of as many of them as there is time for.

    Args:
        module: a classifier.
        feed: all rows.
        rows: some of them.
        budget: a share of it is spent at most.
        read: what is seen of some rows, (n, d).
    """
    time, vectors = budget.part(SHARE * budget.remaining()), []
    for start in range(0, len(rows), AT_ONCE):
        vectors.append(read(module, feed, rows[start : start + AT_ONCE]))
        if time.remaining() <= 0:
            break
    return np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)


def _weakest(path: DensePath, seen: Floats, judge: Judge, activation: Activation, floor: float, time: Budget) -> Linear:
    """The weakest head that is not worse than the best one by more than a standard error, and better than `floor` by one; the strongest where there is none."""
    heads = [path.solve(strength, time) for strength in STRENGTHS]
    metrics = [judge(to_proba(head.scores(seen), activation))[0] for head in heads]
    rows = len(judge.known)
    least = max(max(metrics) - standard_error(max(metrics), rows), floor + standard_error(floor, rows))
    return next((head for head, metric in zip(heads, metrics, strict=True) if metric >= least), heads[-1])
