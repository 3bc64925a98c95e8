"""What a classification head reads of a text: one token (the first; GPT-2's last), or the mean of all (`backbones.meanlayer`), as the validation rows say.

A body that learnt to tell whole texts apart by that token keeps doing so; of one that was only asked for hidden words nobody ever asked what that
token holds, and where rows are few there is no time to teach it. Linear heads on either, before anything moves, tell which knows more of the classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.adapt.choose import Judge
from ringsmith.adapt.classifier import Feed, both_readings_of
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.firsthead import ROWS_A_CLASS, SHARE, STRENGTHS, vectors_in_time
from ringsmith.adapt.linear import Activation, to_proba
from ringsmith.backbones.load import best_device
from ringsmith.backbones.meanlayer import add_mean_layer, takes_mean_layer
from ringsmith.records import Budget, Floats

ROWS = 1_024
"""Training rows that are enough to tell."""


def choose_reading(
    module: Any, asked: str, feed: Feed, targets: npt.NDArray[Any], activation: Activation, valid: Feed, judge: Judge, *, low: bool, seed: int, budget: Budget
) -> tuple[str, ...]:
    """Let a classifier that reads one token read the mean, where that is asked for or a head on it has the lower log loss.

    Args:
        module: a classifier whose folder does not say what is read; changed in place where it shall read the mean.
        asked: as the option `reads`.
        feed: the training rows; a part of them, drawn by chance, is enough.
        targets: their columns (n,), or bool (n, K).
        activation: of the scores.
        valid: the validation rows, which choose.
        judge: marks them.
        low: whether it will be trained in bfloat16.
        seed: of the draw.
        budget: wall clock.

    Returns:
        What a reader should know of it, a sentence where the mean was chosen.
    """
    if asked == "token" or not takes_mean_layer(module):
        return ()
    if asked == "mean":
        add_mean_layer(module)
        return ()
    home = module.device
    with torch.autocast(module.to(best_device()).device.type, torch.bfloat16, enabled=low):
        losses = _losses(module, feed, targets, activation, valid, judge, seed=seed, budget=budget)
    module.to(home)
    if losses is None or losses[1] >= losses[0]:
        return ()
    add_mean_layer(module)
    token, mean = losses
    return (f"It reads the mean of a text's tokens, where a linear head has a log loss of {mean:.3f} on the validation rows; on the one token that its family reads: {token:.3f}.",)


def _losses(module: Any, feed: Feed, targets: npt.NDArray[Any], activation: Activation, valid: Feed, judge: Judge, *, seed: int, budget: Budget) -> tuple[float, float] | None:
    """Log losses of heads on the one token and on the mean; None where there are too few rows, or too little time, to tell."""
    rows = np.random.default_rng(seed).permutation(len(feed))[:ROWS]
    known = vectors_in_time(module, feed, rows, budget, both_readings_of)
    seen = vectors_in_time(module, valid, np.arange(len(valid)), budget, both_readings_of)
    if len(known) < ROWS_A_CLASS * module.config.num_labels or not len(judge.known) or len(seen) < len(valid):
        return None
    half, wanted = known.shape[1] // 2, targets[rows[: len(known)]]
    token, mean = (_loss(known[:, part], wanted, seen[:, part], activation, judge, module.config.num_labels, budget) for part in (slice(half), slice(half, None)))
    return token, mean


def _loss(known: Floats, wanted: npt.NDArray[Any], seen: Floats, activation: Activation, judge: Judge, classes: int, budget: Budget) -> float:
    """The lowest log loss of heads of all strengths."""
    path, time = DensePath(known, wanted, classes, activation), budget.part(SHARE * budget.remaining())
    marks = [judge(to_proba(path.solve(strength, time).scores(seen), activation)) for strength in STRENGTHS]
    return -max(mark[0 if judge.by_loss else 1] for mark in marks)
