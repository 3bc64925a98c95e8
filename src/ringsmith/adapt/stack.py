"""The layers of a body, found whatever its family: the list they stand in, and what stands before them."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from ringsmith.adapt.dropout import set_dropout
from ringsmith.errors import RunRefused


def layers_of(module: Any) -> nn.ModuleList:
    """The list of a classifier's layers, lowest first.

    Raises:
        RunRefused: they do not stand in one list (ALBERT's layers are one layer used over and over).
    """
    wanted = module.config.num_hidden_layers
    for part in module.base_model.modules():
        if isinstance(part, nn.ModuleList) and len(part) == wanted:
            return part
    raise RunRefused(f"The layers of {type(module).__name__} must stand in one list of {wanted} to be told apart; they do not. Take the recipe full.")


def embeddings_of(module: Any) -> list[nn.Parameter]:
    """The weights that stand before the first layer: of words, positions and types, and their norm.

    Examples:
        >>> from transformers import GPT2Config, GPT2ForSequenceClassification
        >>> module = GPT2ForSequenceClassification(GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0))
        >>> embeddings_of(module) == [module.transformer.wte.weight, module.transformer.wpe.weight]
        True
    """
    named = module.base_model.named_parameters()
    return [weight for name, weight in named if re.search(r"embed|\bw[tp]e\.", name) and not re.search(r"\b\d+\.", name)]


def quieten(module: Any, count: int) -> None:
    """No dropout in the lowest `count` layers and in whatever else of the body does not move."""
    still = [*list(layers_of(module))[:count], *(part for part in module.base_model.children() if not any(weight.requires_grad for weight in part.parameters()))]
    for part in still:
        set_dropout(part, 0.0)
