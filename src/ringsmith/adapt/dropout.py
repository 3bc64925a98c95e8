"""Dropout that costs nothing on a CPU.

Drawing one random number for each number of a batch takes an eighth of a training step on two cores, and dropout inside attention
keeps torch from its fused kernel, another eighth (LOG.md). Here masks are cut at random places out of one long pool of random numbers
that was drawn once, and attention has no dropout of its own: the dropout of the layer's output, right behind it, stays.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

POOL = 1 << 22
"""Numbers of the pool, 16 MB: a fresh cut of it is as good as drawn anew."""


def set_dropout(module: Any, share: float | None) -> None:
    """Make every dropout of the model leave out this share; None changes nothing."""
    for part in module.modules():
        if share is not None and isinstance(part, nn.Dropout):
            part.p = share


def ease_dropout(module: Any) -> None:
    """Replace what draws masks in a model that trains on a CPU; elsewhere drawing is cheap."""
    if module.device.type != "cpu":
        return
    pools: dict[float, torch.Tensor] = {}
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if type(part) is nn.Dropout and part.p > 0:
                setattr(parent, name, nn.Dropout(0.0) if _within_attention(parent, name) else PooledDropout(part.p, pools))


def pools_of(module: Any) -> list[torch.Tensor]:
    """The pools that the model's dropouts have drawn so far."""
    return [pool for part in module.modules() if isinstance(part, PooledDropout) for pool in part.pools.values()]


def _within_attention(parent: Any, name: str) -> bool:
    """Whether this dropout is for the weights of attention, not for a layer's output."""
    return "Attention" in type(parent).__name__ and not name.startswith("resid")


class PooledDropout(nn.Dropout):
    """Dropout whose masks are cut out of a pool.

    Args:
        p: share of numbers left out.
        pools: pool of each share, for all dropouts of a model; drawn when it is first needed. Kept as an attribute.
        dtype: of the pool: what is dropped out comes back in the wider of this and its own.
    """

    def __init__(self, p: float, pools: dict[float, torch.Tensor], dtype: torch.dtype = torch.float32) -> None:
        super().__init__(p)
        self.pools, self._dtype = pools, dtype

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 (torch's own name)
        size = input.numel()
        if not self.training or self.p == 0 or not size:
            return input
        if self.p not in self.pools:
            # A generator of its own: the pool is the same in a training that was put aside and goes on in another process.
            kept = torch.bernoulli(torch.full((POOL,), 1 - self.p), generator=torch.Generator().manual_seed(POOL)) / (1 - self.p)
            self.pools[self.p] = kept.to(self._dtype)
        pool = self.pools[self.p]
        if size > POOL:
            return super().forward(input)
        start = int(torch.randint(POOL - size + 1, ()))
        return input * pool[start : start + size].view(input.shape)
