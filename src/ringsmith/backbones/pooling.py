"""A row's token vectors into one vector: mean, first or last token, padding left out."""

from __future__ import annotations

from typing import Literal

import torch

Pooling = Literal["mean", "cls", "last"]
"""``mean`` of all tokens, the ``cls`` token (first; last for XLNet and others that put it there), or the ``last`` token."""
CLS_AT_END = {"xlnet"}


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling, *, cls_at_end: bool = False) -> torch.Tensor:
    """One float32 vector a row.

    Args:
        states: (rows, tokens, hidden), any floating dtype.
        mask: (rows, tokens), 1 where there is a token; padding on the right; no empty row.
        pooling: see `Pooling`.
        cls_at_end: whether the tokenizer puts its class token last.

    Returns:
        float32 (rows, hidden).
    """
    if pooling == "mean":
        weights = mask / mask.sum(dim=1, keepdim=True)
        return torch.bmm(weights.to(torch.float32).unsqueeze(1), states.to(torch.float32)).squeeze(1)
    if pooling == "cls" and not cls_at_end:
        return states[:, 0].to(torch.float32)
    return states[torch.arange(len(states), device=states.device), mask.sum(dim=1) - 1].to(torch.float32)
