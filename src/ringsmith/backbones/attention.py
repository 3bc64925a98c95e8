"""Attention for short rows on the CPU: torch's fused kernel is made for long ones and is half as fast below about 48 tokens."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "ringsmith_short"
LONGEST = 48
"""Tokens up to which three plain products beat the fused kernel (MiniLM, two cores)."""


def short_attention(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None, scaling: float | None = None, **settings: Any
) -> tuple[torch.Tensor, None]:
    """softmax(Q K' / scale + mask) V, for one forward without gradients; long rows and anything special go to torch's kernel.

    Args:
        module: the attention layer that calls.
        query: (rows, heads, tokens, width); `key` and `value` alike.
        key: see `query`.
        value: see `query`.
        attention_mask: bool (rows, 1, tokens, tokens), True where a token may be looked at; or None.
        scaling: of the products; None for 1 / sqrt(width).
        **settings: transformers' own, passed on untouched.

    Returns:
        (rows, tokens, heads, width), and None for the weights.
    """
    plain = query.shape == key.shape and query.shape[2] <= LONGEST and not getattr(module, "is_causal", True) and settings.get("position_bias") is None
    if not plain or torch.is_grad_enabled() or (attention_mask is not None and attention_mask.dtype != torch.bool):
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **settings)
    scores = torch.matmul(query * (query.shape[-1] ** -0.5 if scaling is None else scaling), key.transpose(2, 3))
    if attention_mask is not None:
        scores.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    return torch.matmul(torch.softmax(scores, dim=-1), value).transpose(1, 2), None


def use_short_attention(module: Any) -> None:
    """Let `module` use it, where its architecture lets attention be chosen and would use torch's kernel otherwise."""
    AttentionInterface.register(NAME, short_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    if module.config._attn_implementation == "sdpa":
        module.set_attn_implementation(NAME)
