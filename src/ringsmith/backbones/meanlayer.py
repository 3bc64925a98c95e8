"""One more layer, which puts the mean of a text's tokens where a classification head looks.

Sentence encoders are trained to be read by the mean of their tokens; the classification models of transformers read the first token, of which
nothing was ever asked. A layer of the usual kind can do that: with queries and keys of zero every token attends to all tokens alike, with the
identity as values the attention is their mean, and a norm behind it keeps the direction. So the model starts from what the body was trained to give,
stays a plain model of its family with one layer more, and may learn a better way of reading than the mean.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

FAMILIES = ("bert", "roberta", "xlm-roberta")
"""Those whose layers are made of the same parts, with a head that reads the first token."""
WEIGHT = 8.0
"""How much more the mean counts than the first token, which the layer adds to it: the norm behind it keeps the direction of their sum."""
LINEAR = 0.5
"""What the head's tanh is given: small enough to leave most numbers as they are."""


def is_read_by_mean(folder: str | Path) -> bool:
    """Whether the folder says that its vectors are the mean of the tokens, as sentence-transformers writes it.

    Examples:
        >>> is_read_by_mean("no/such/folder")
        False
    """
    try:
        about = json.loads((Path(folder) / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and (about.get("pooling_mode_mean_tokens") is True or about.get("pooling_mode") == "mean")


def takes_mean_layer(module: Any) -> bool:
    """Whether a classifier's family has such layers."""
    return module.config.model_type in FAMILIES and not getattr(module.config, "is_decoder", False)


def read_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What a head's last layer would see through the layer (rows, width), given the body's last vectors (rows, tokens, width) and which tokens there are (rows, tokens)."""
    there = mask.unsqueeze(-1).to(states.dtype)
    mean = (states * there).sum(1) / there.sum(1).clamp_min(1)
    return torch.tanh(LINEAR * functional.layer_norm(WEIGHT * mean + states[:, 0], states.shape[-1:]))


def add_mean_layer(module: Any) -> bool:
    """Add the layer to a classifier, in place; whether its family has such layers."""
    if not takes_mean_layer(module):
        return False
    layers = module.base_model.encoder.layer
    layer = copy.deepcopy(layers[-1])
    for part in layer.modules():
        if getattr(part, "layer_idx", None) is not None:
            part.layer_idx = len(layers)
    one = torch.eye(module.config.hidden_size)
    with torch.no_grad():
        for product, weight in ((layer.attention.self.query, 0 * one), (layer.attention.self.key, 0 * one), (layer.attention.self.value, one)):
            _become(product, weight)
        _become(layer.attention.output.dense, WEIGHT * one)
        _become(layer.output.dense, torch.zeros_like(layer.output.dense.weight))
        for norm in (layer.attention.output.LayerNorm, layer.output.LayerNorm):
            norm.weight.fill_(1.0)
            norm.bias.zero_()
        _become(module.base_model.pooler.dense if module.config.model_type == "bert" else module.classifier.dense, LINEAR * one)
    layers.append(layer)
    module.config.num_hidden_layers = len(layers)
    return True


def _become(product: Any, weight: torch.Tensor) -> None:
    product.weight.copy_(weight)
    product.bias.zero_()
