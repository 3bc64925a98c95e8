"""A student made of its teacher: the same width, fewer layers, every weight copied from where it stands in the teacher."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers

PARTS = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
"""What BERT's layers call their parts -> what DistilBERT's do."""


def spread_layers(teacher: int, student: int) -> list[int]:
    """Which of the teacher's layers the student takes over: the first, the last, and those evenly between.

    Examples:
        >>> spread_layers(12, 6)
        [0, 2, 4, 7, 9, 11]
        >>> spread_layers(4, 1)
        [0]
    """
    if student == 1:
        return [0]
    return [round(number * (teacher - 1) / (student - 1)) for number in range(student)]


def student_of(teacher: Any, layers: int) -> Any:
    """The student: of a BERT with its head a DistilBERT, of a GPT-2 a GPT-2."""
    return _of_bert(teacher, layers) if teacher.config.model_type == "bert" else _of_gpt2(teacher, layers)


@torch.no_grad()
def _of_bert(teacher: Any, layers: int) -> Any:
    config = teacher.config
    student: Any = transformers.DistilBertForMaskedLM(
        transformers.DistilBertConfig(
            vocab_size=config.vocab_size,
            max_position_embeddings=config.max_position_embeddings,
            n_layers=layers,
            n_heads=config.num_attention_heads,
            dim=config.hidden_size,
            hidden_dim=config.intermediate_size,
            dropout=config.hidden_dropout_prob,
            attention_dropout=config.attention_probs_dropout_prob,
            activation=config.hidden_act,
            pad_token_id=config.pad_token_id,
        )
    )
    theirs, ours = teacher.bert.embeddings, student.distilbert.embeddings
    ours.word_embeddings.weight.copy_(theirs.word_embeddings.weight)
    ours.position_embeddings.weight.copy_(theirs.position_embeddings.weight + theirs.token_type_embeddings.weight[0])
    ours.LayerNorm.load_state_dict(theirs.LayerNorm.state_dict())
    for layer, number in zip(student.distilbert.transformer.layer, spread_layers(config.num_hidden_layers, layers), strict=True):
        for name, part in PARTS.items():
            layer.get_submodule(part).load_state_dict(teacher.bert.encoder.layer[number].get_submodule(name).state_dict())
    head = teacher.cls.predictions
    student.vocab_transform.load_state_dict(head.transform.dense.state_dict())
    student.vocab_layer_norm.load_state_dict(head.transform.LayerNorm.state_dict())
    student.vocab_projector.bias.copy_(head.decoder.bias)
    return student


@torch.no_grad()
def _of_gpt2(teacher: Any, layers: int) -> Any:
    config = copy.deepcopy(teacher.config)
    config.n_layer = layers
    student: Any = transformers.GPT2LMHeadModel(config)
    for name in ("wte", "wpe", "ln_f"):
        student.transformer.get_submodule(name).load_state_dict(teacher.transformer.get_submodule(name).state_dict())
    for block, number in zip(student.transformer.h, spread_layers(teacher.config.n_layer, layers), strict=True):
        block.load_state_dict(teacher.transformer.h[number].state_dict())
    return student
