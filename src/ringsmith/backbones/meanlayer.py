"""What puts the mean of a text's tokens where a classification head looks, within the plain model of a family.

Sentence encoders are trained to be read by the mean of their tokens; the classification models of transformers read one token (the first; GPT-2's
the last), of which nothing was ever asked in pre-training. One more layer of the usual kind can give that token the mean: with queries and keys of
zero every token attends to all tokens alike, with the identity as values the attention is their mean, and a norm behind it keeps the direction. So the
model starts from what the body was trained to give, stays a plain model of its family with one layer more, and may learn a better way of reading
than the mean. ModernBERT's own head can read the mean, and needs no layer.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.nn import functional
from transformers.activations import ACT2FN

WEIGHT = 8.0
"""How much more the mean counts than the token that is read, to which the layer adds it: the norm behind it keeps the direction of their sum."""
WEIGHT_IN_A_STREAM = 1_000.0
"""The same where layers add to a stream without a norm, whose numbers grow from layer to layer."""
LINEAR = 0.5
"""What the head's activation is given: small enough for a tanh to leave most numbers as they are. Where it cuts what is negative, that is lost: lifted above
zero, the numbers would lose more to dropout, which takes a share of what they are (LOG.md)."""


class MeanReading(Protocol):
    """How classifiers of a family are made to read the mean."""

    def fits(self, module: Any) -> bool:
        """Whether this classifier reads one token now."""

    def add(self, module: Any) -> None:
        """Let it read the mean, in place."""

    def read(self, module: Any, mean: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        """What its last layer would then see (rows, width), given the mean and the first of the body's last vectors (rows, width); it is not changed."""


@dataclass(frozen=True)
class NormBehind:
    """Families whose layers have a norm behind every sum, as BERT's: the parts of a layer by name, and the product before the last one.

    Attributes:
        layers: the list of them in the body.
        query, key, value: the products into attention.
        mixed: the product out of attention.
        out: the second product of the feed-forward network.
        norms: those of the two sums.
        head: the head's first product, in the classifier.
        activation: what follows it; None for what the config says (``pooler_hidden_act``).
    """

    layers: str = "encoder.layer"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    mixed: str = "attention.output.dense"
    out: str = "output.dense"
    norms: tuple[str, str] = ("attention.output.LayerNorm", "output.LayerNorm")
    head: str = "classifier.dense"
    activation: str | None = "tanh"

    def fits(self, module: Any) -> bool:
        return not getattr(module.config, "is_decoder", False)

    def add(self, module: Any) -> None:
        layers = module.base_model.get_submodule(self.layers)
        layer, one = _copy_of_last(layers), torch.eye(module.config.hidden_size)
        with torch.no_grad():
            for name, weight in ((self.query, 0 * one), (self.key, 0 * one), (self.value, one), (self.mixed, WEIGHT * one)):
                _become(layer.get_submodule(name), weight)
            _become(layer.get_submodule(self.out))
            for name in self.norms:
                _become_plain(layer.get_submodule(name))
            _become(module.get_submodule(self.head), LINEAR * one)
        _append(module, layers, layer)

    def read(self, module: Any, mean: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        normed = functional.layer_norm(WEIGHT * mean + first, mean.shape[-1:])
        read: torch.Tensor = ACT2FN[self.activation or module.config.pooler_hidden_act](LINEAR * normed)
        return read


class Stream:
    """GPT-2: layers add to a stream whose one norm comes last, and the last token, which sees all others, is read."""

    def fits(self, module: Any) -> bool:
        del module
        return True

    def add(self, module: Any) -> None:
        body, width = module.base_model, module.config.hidden_size
        block, one = _copy_of_last(body.h), torch.eye(width)
        with torch.no_grad():
            block.ln_1.load_state_dict(body.ln_f.state_dict())  # the mean of what the head has seen so far
            _become_plain(body.ln_f)
            _become(block.attn.c_attn, torch.cat([0 * one, 0 * one, one], dim=1))
            _become(block.attn.c_proj, WEIGHT_IN_A_STREAM * one)
            _become(block.mlp.c_proj)
        _append(module, body.h, block)

    def read(self, module: Any, mean: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        del module, first
        return functional.layer_norm(mean, mean.shape[-1:])


class OwnPooling:
    """ModernBERT: the config says what is read."""

    def fits(self, module: Any) -> bool:
        return bool(module.config.classifier_pooling == "cls")

    def add(self, module: Any) -> None:
        module.config.classifier_pooling = "mean"

    def read(self, module: Any, mean: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        del first
        read: torch.Tensor = module.head(mean)
        return read


READINGS: dict[str, MeanReading] = {
    "bert": NormBehind(head="bert.pooler.dense"),
    **dict.fromkeys(("roberta", "xlm-roberta", "camembert"), NormBehind()),
    "electra": NormBehind(activation="gelu"),
    "distilbert": NormBehind(
        layers="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        mixed="attention.out_lin",
        out="ffn.lin2",
        norms=("sa_layer_norm", "output_layer_norm"),
        head="pre_classifier",
        activation="relu",
    ),
    "deberta-v2": NormBehind(
        query="attention.self.query_proj",
        key="attention.self.key_proj",
        value="attention.self.value_proj",
        head="pooler.dense",
        activation=None,
    ),
    "gpt2": Stream(),
    "modernbert": OwnPooling(),
}
"""Families and how they read the mean. Others cannot in this way: MPNet and XLNet attend by distance, too, and ALBERT's layers are one."""


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
    """Whether a classifier reads one token now, and its family can read the mean."""
    reading = READINGS.get(module.config.model_type)
    return reading is not None and reading.fits(module)


def read_mean(module: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What the head's last layer would see of the mean (rows, width), given the body's last vectors (rows, tokens, width) and which tokens there are (rows, tokens)."""
    there = mask.unsqueeze(-1).to(states.dtype)
    mean = (states * there).sum(1) / there.sum(1).clamp_min(1)
    return READINGS[module.config.model_type].read(module, mean, states[:, 0])


def add_mean_layer(module: Any) -> bool:
    """Let a classifier read the mean, in place, by a layer more where its family needs one; whether it can."""
    if not takes_mean_layer(module):
        return False
    READINGS[module.config.model_type].add(module)
    return True


def _copy_of_last(layers: Any) -> Any:
    layer = copy.deepcopy(layers[-1])
    for part in layer.modules():
        if getattr(part, "layer_idx", None) is not None:
            part.layer_idx = len(layers)
    return layer


def _append(module: Any, layers: Any, layer: Any) -> None:
    layers.append(layer)
    module.config.num_hidden_layers = len(layers)


def _become(product: Any, weight: torch.Tensor | None = None) -> None:
    """Give a product these weights, zeros for None, and no bias."""
    product.weight.copy_(torch.zeros_like(product.weight) if weight is None else weight)
    product.bias.zero_()


def _become_plain(norm: Any) -> None:
    norm.weight.fill_(1.0)
    norm.bias.zero_()
