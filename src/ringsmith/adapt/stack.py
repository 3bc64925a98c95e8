"""The layers of a body, found whatever its family: the list they stand in, and what stands before them."""

from __future__ import annotations

from typing import Any

from torch import nn

from ringsmith.adapt.dropout import set_dropout
from ringsmith.adapt.optimiser import layers_above
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
    """The weights that stand before the first layer: of words, positions and types, and their norm."""
    layers = module.config.num_hidden_layers
    return [weight for name, weight in module.base_model.named_parameters() if layers_above(name, layers) >= layers]


def quieten(module: Any, count: int) -> None:
    """No dropout in the lowest `count` layers and in whatever else of the body does not move."""
    still = [*list(layers_of(module))[:count], *(part for part in module.base_model.children() if not any(weight.requires_grad for weight in part.parameters()))]
    for part in still:
        set_dropout(part, 0.0)
