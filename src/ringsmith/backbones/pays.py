"""Whether training in bfloat16 pays on this machine: measured once, remembered, so that the same machine always decides alike."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.precision import WORTH, Choice, has_bfloat16, remembered
from ringsmith.backbones.turns import in_turns

TOKENS = 1_024
"""Tokens of the batch it is tried on: a training batch of the recipe `full`."""


def training_precision(asked: str, hidden: int) -> Choice:
    """What to train a body of this width in: as asked, or for ``"auto"`` what is faster here."""
    return bfloat16_pays(hidden) if asked == "auto" else Choice(asked, f"{asked} (asked for)")  # type: ignore[arg-type]


def bfloat16_pays(hidden: int) -> Choice:
    """The precision to train a body of this width in, told by a feed-forward block of it.

    Args:
        hidden: width of a token's vector.
    """
    with own_chance():  # random numbers of the caller are left alone
        block = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden))
        rows = torch.randn(TOKENS, hidden)
    return faster_precision(f"{hidden} wide", lambda: functional.mse_loss(block(rows).float(), rows).backward())  # type: ignore[no-untyped-call]


def faster_precision(name: str, step: Callable[[], object]) -> Choice:
    """The precision in which a training step is faster here; measured for each `name`, and remembered, see `precision.remembered`.

    Forwards and backwards, in both precisions in turns. The flag of the processor does not tell: with the same flag bfloat16 is twice as fast on one
    CPU and half as fast on another.

    Args:
        name: tells this step from others.
        step: forward and backward; within autocast when it is tried in bfloat16.
    """
    if torch.cuda.is_available():
        supported = torch.cuda.is_bf16_supported()
        return Choice("bfloat16" if supported else "float32", "the GPU multiplies in bfloat16" if supported else "the GPU has no bfloat16")
    if not has_bfloat16():
        return Choice("float32", "this CPU has no bfloat16")

    def measure() -> Choice:
        seconds = in_turns({"float32": lambda: _seconds(step, low=False), "bfloat16": lambda: _seconds(step, low=True)})
        gain = seconds["float32"] / seconds["bfloat16"]
        kept = "bfloat16" if gain >= WORTH else "float32"
        return Choice(kept, f"{kept} (measured: a training step in bfloat16 is {gain:.1f} x as fast)")  # type: ignore[arg-type]

    return remembered(f"training, {name}", measure)


def _seconds(step: Callable[[], object], *, low: bool) -> float:
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        step()
    return time.perf_counter() - start
