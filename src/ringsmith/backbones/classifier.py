"""A transformer with a fresh classification head, for fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers

from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.load import _quiet, read_tokeniser, read_weights
from ringsmith.backbones.meanlayer import add_mean_layer, is_read_by_mean
from ringsmith.backbones.padding import check_padding_by_scores
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel


def load_classifier(model: LocalModel, labels: Sequence[str], *, multilabel: bool = False, seed: int = 0) -> tuple[Tokeniser, Any]:
    """The model with a new head over `labels`, and its tokenizer; a body that is read by the mean of its tokens gets a layer that does so.

    Args:
        model: a folder as `catalogue.resolve` checked it; a head it already has is kept only if it has the same number of labels.
        labels: class names in the order of the outputs; they become ``id2label`` and ``label2id`` of the config.
        multilabel: whether a row may have several labels (sigmoid instead of softmax).
        seed: of the head's random start; the global generator is left as it was.

    Returns:
        The tokeniser, and an ``nn.Module`` (float32, CPU, training mode) whose forward gives ``.logits`` (rows, labels).

    Raises:
        ModelError: the architecture has no classification head in transformers, or the weights do not fit.
    """
    settings: dict[str, Any] = {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": "multi_label_classification" if multilabel else "single_label_classification",
        "ignore_mismatched_sizes": True,
    }
    with own_chance(seed):
        module = read_weights(transformers.AutoModelForSequenceClassification, model, settings)
    if is_read_by_mean(model.folder):
        add_mean_layer(module)
    tokeniser = read_tokeniser(model, module)
    module.config.pad_token_id = tokeniser.pad_id
    return check_padding_by_scores(tokeniser, module.eval()), module.train()


def save_classifier(tokeniser: Tokeniser, module: Any, folder: Path) -> None:
    """Write both into `folder` as a plain Hugging Face model: config, safetensors and tokenizer."""
    with _quiet():
        module.save_pretrained(folder)
        tokeniser.save(folder)
