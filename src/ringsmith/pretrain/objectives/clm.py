"""The objective `clm`: causal language modelling as in GPT-2 (Radford et al., 2019): each piece from all before it.

Every piece of a sequence but the first is predicted, the end of a document and the first piece of the next included.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch.nn import functional
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from ringsmith.backbones.causal import NOT_LEFT_TO_RIGHT
from ringsmith.catalogue import LocalModel
from ringsmith.pretrain.objective import Batch, Objective, VocabularyKind
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.masks import Ids
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.shapes import Shape, make_config

KINDS = frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) - frozenset(MODEL_FOR_MASKED_LM_MAPPING_NAMES) - NOT_LEFT_TO_RIGHT
PLAIN = {"gpt2", "gpt_neox", "llama", "mistral", "opt", "qwen2", "qwen3"}
"""Model types whose scores are the output layer on the body's last vectors and nothing else; others scale or bound them (Gemma, Cohere, Granite)."""


class Causal(Objective):
    """GPT-2's."""

    name = "clm"
    architecture = "gpt2"
    vocabulary: ClassVar[VocabularyKind] = "bytes"
    predicts_all: ClassVar[bool] = True

    def create(self, shape: Shape, *, seed: int) -> Any:
        return models.create(transformers.GPT2LMHeadModel, make_config(self.architecture, shape, self.pieces), seed)

    def adopt(self, model: LocalModel) -> Any:
        return models.adopt(transformers.AutoModelForCausalLM, model, objective=self.name, kinds=KINDS, vocabulary=self.pieces.size)

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        whole = torch.from_numpy(rows.copy())
        return {"input_ids": whole[:, :-1].contiguous(), "labels": whole[:, 1:].contiguous()}

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        if module.config.model_type not in PLAIN:
            scores = module(input_ids=batch["input_ids"], use_cache=False).logits
            return functional.cross_entropy(scores.flatten(0, 1).float(), batch["labels"].flatten())
        states = module.base_model(input_ids=batch["input_ids"], use_cache=False)[0]
        return predicted_loss(states.flatten(0, 1), module.get_output_embeddings(), batch["labels"].flatten())

    def predicted(self, length: int) -> float:
        return length - 1
