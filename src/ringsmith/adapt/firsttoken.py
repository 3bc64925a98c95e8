"""The last layer for the first token alone, where a classification head reads nothing else of it.

Of a layer's twelve products with the width (query, key, value, way out, and eight of the feed-forward network) only keys and values are needed of
every token. The others are computed for one token a text: the same scores and the same gradients, and of six layers nearly one is saved, in
training and in prediction. The weights and the folder they are saved in know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from ringsmith.adapt.stack import layers_of

Layer = Callable[..., torch.Tensor]


def read_first_token(module: Any) -> bool:
    """Let the last layer of a classifier compute its first token only, in place; whether its family's head reads no other.

    Examples:
        >>> from transformers import BertConfig, BertForSequenceClassification
        >>> module = BertForSequenceClassification(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2)).eval()
        >>> batch = {"input_ids": torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])}
        >>> before = module(**batch).logits
        >>> read_first_token(module), torch.allclose(module(**batch).logits, before, atol=1e-6)
        (True, True)
    """
    layer = LAYERS.get(module.config.model_type)
    if layer is None or getattr(module.config, "is_decoder", False):
        return False
    last = layers_of(module)[-1]
    last.forward = partial(layer, last)
    return True


def _of_bert(layer: Any, states: torch.Tensor, mask: torch.Tensor | None = None, *_: Any, **__: Any) -> torch.Tensor:
    first, own = states[:, :1], layer.attention.self
    seen = _attended(own.query(first), own.key(states), own.value(states), mask, own.num_attention_heads, own.dropout.p if own.training else 0.0)
    attended = layer.attention.output(seen, first)
    out: torch.Tensor = layer.output(layer.intermediate(attended), attended)
    return out


def _of_distilbert(layer: Any, states: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
    first, own = states[:, :1], layer.attention
    seen = _attended(own.q_lin(first), own.k_lin(states), own.v_lin(states), attention_mask, own.n_heads, own.dropout.p if own.training else 0.0)
    attended = layer.sa_layer_norm(own.out_lin(seen) + first)
    out: torch.Tensor = layer.output_layer_norm(layer.ffn(attended) + attended)
    return out


def _attended(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, heads: int, dropout: float) -> torch.Tensor:
    """What the first token sees, (rows, 1, d): attention of Vaswani et al. (2017, eq. 1) with one query a text."""
    query, key, value = (part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in (query, key, value))
    seen = functional.scaled_dot_product_attention(query, key, value, None if mask is None else mask[..., :1, :], dropout_p=dropout)
    return seen.transpose(1, 2).flatten(2)


LAYERS: dict[str, Layer] = {**dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra"), _of_bert), "distilbert": _of_distilbert}
"""Families whose heads read the first token, and how a layer of theirs goes."""
