"""What objectives ask of transformers' models: made from random weights, adopted from a folder, and their heads run on picked positions only.

The layer that predicts is as wide as the vocabulary: for a small model it costs more than all others together. Objectives that predict some
positions run the body on the whole sequence and the head on those positions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch.nn import functional

from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.load import read_weights
from ringsmith.catalogue import LocalModel, read_config
from ringsmith.errors import ModelError

BEFORE_OUTPUT: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "bert": lambda module, states: module.cls.predictions.transform(states),
    "camembert": lambda module, states: _roberta(module.lm_head, states),
    "distilbert": lambda module, states: module.vocab_layer_norm(module.activation(module.vocab_transform(states))),
    "electra": lambda module, states: module.generator_predictions(states),
    "gpt2": lambda _, states: states,
    "modernbert": lambda module, states: module.head(states),
    "roberta": lambda module, states: _roberta(module.lm_head, states),
    "xlm-roberta": lambda module, states: _roberta(module.lm_head, states),
    "xlnet": lambda _, states: states,
}
"""Model type -> from the body's last vectors (k, hidden) to what the output layer sees (k, hidden)."""
WHOLE = "whole"
"""transformers' fused attention without a mask, which sequences without padding do not need."""
MASKED = ("bert", "camembert", "distilbert", "modernbert", "roberta", "xlm-roberta")
"""Model types that predict hidden pieces, and whose head stands above."""


def create(make: Callable[[Any], Any], config: Any, seed: int) -> Any:
    """The model with random weights, in training mode; the global generator is left as it was."""
    with own_chance(seed):
        return without_masks(make(config)).train()


def adopt(auto: Any, model: LocalModel, *, objective: str, kinds: Collection[str], vocabulary: int) -> Any:
    """The folder's model under transformers' class `auto`, in training mode; a head that it lacks starts at random, always the same.

    Args:
        auto: a class with ``from_pretrained``.
        model: the folder.
        objective: who asks, for the sentence.
        kinds: the model types that learn this way.
        vocabulary: pieces of the tokenizer.

    Raises:
        ModelError: the folder holds another architecture, weights that do not fit, or fewer vectors than the vocabulary has pieces.
    """
    kind = read_config(Path(model.folder))["model_type"]
    if kind not in kinds:
        known = ", ".join(sorted(kinds)) if len(kinds) < 10 else "models that read from left to right"
        raise ModelError(f"{model.folder}: the objective {objective!r} trains {known}; got {kind}. Choose another objective, or another model.")
    with own_chance(0):
        module = read_weights(auto, model, {})
    rows = module.get_input_embeddings().weight.shape[0]
    if rows < vocabulary:
        raise ModelError(f"{model.folder}: the model must have a vector for every piece; got {rows} vectors for {vocabulary} pieces. Use the model's own vocabulary.")
    return without_masks(module).train()


def without_masks(module: Any) -> Any:
    """The model, a GPT-2 without masks from now on.

    Transformers looks at its positions for where one text of a sequence ends and the next begins. While a GPU's step is recorded it cannot look, and makes a
    mask to be sure, with which attention takes longer, and what was compiled without one is compiled again, in the midst of the recording.
    """
    if module.config.model_type == "gpt2":
        transformers.AttentionInterface.register(WHOLE, transformers.AttentionInterface()["sdpa"])  # type: ignore[no-untyped-call]
        module.set_attn_implementation(WHOLE)
    return module


def predict(module: Any, states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Scores (n * k, pieces), float32, at `places` (n, k) of the body's last vectors (n, length, hidden)."""
    return cast(torch.Tensor, module.get_output_embeddings()(before_output(module, pick(states, places))).float())


def before_output(module: Any, states: torch.Tensor) -> torch.Tensor:
    """What the output layer sees (k, hidden), given the body's last vectors (k, hidden)."""
    return BEFORE_OUTPUT[module.config.model_type](module, states)


def _roberta(head: Any, states: torch.Tensor) -> torch.Tensor:
    return cast(torch.Tensor, head.layer_norm(functional.gelu(head.dense(states))))


def pick(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The vectors (n * k, hidden) at `places` (n, k) of (n, length, hidden)."""
    return states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1])).flatten(0, 1)
