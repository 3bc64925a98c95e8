"""The objective `distil`: a student of fewer layers learns what its teacher says, as DistilBERT and DistilGPT-2 did (Sanh, Debut, Chaumond and Wolf, 2019).

    soft targets   5 x  T^2 KL(teacher / T || student / T) over the vocabulary, with a temperature T of 2 (Hinton, Vinyals and Dean, 2015)
    objective      2 x  the teacher's own: hidden pieces from a BERT (masks drawn anew, no next sentences), the next piece from a GPT-2
    cosine         1 x  1 - cos(teacher's, student's last vectors), at every piece

The weights are those of the released code. The student starts from the teacher's embeddings, head, and layers evenly spread from the first to the last (of
12 the layers 0, 2, 4, 7, 9, 11, as there). BERT's student has neither segments nor a pooler; the vector of the first segment, which its teacher adds to
every piece, is added to its positions. Departure: soft targets are asked for where the objective predicts, not at every piece: for a BERT a sixth of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch.nn import functional

from ringsmith._rules import hold
from ringsmith.backbones.load import read_weights
from ringsmith.catalogue import LocalModel, read_config, resolve
from ringsmith.errors import ModelError, OptionError
from ringsmith.pretrain.objective import Batch, Objective, VocabularyKind
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.clm import Causal
from ringsmith.pretrain.objectives.masks import Ids
from ringsmith.pretrain.objectives.mlm_dynamic import MaskedAnew
from ringsmith.pretrain.objectives.students import student_of
from ringsmith.pretrain.objectives.taught import Seen, taught_loss
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape

TEACHERS = {"bert": transformers.BertForMaskedLM, "gpt2": transformers.GPT2LMHeadModel}
STUDENTS = {"bert": ("distilbert", transformers.DistilBertForMaskedLM), "gpt2": ("gpt2", transformers.GPT2LMHeadModel)}


@dataclass(frozen=True)
class DistilOptions:
    """What can be chosen of distillation.

    Attributes:
        teacher: a BERT or a GPT-2 with its head, by short name or folder; its vocabulary is the student's.
        temperature: by which scores are divided before they are compared.
        soft: weight of the soft targets.
        objective: weight of the teacher's own objective.
        cosine: weight of the direction of the last vectors.
    """

    teacher: str = ""
    temperature: float = 2.0
    soft: float = 5.0
    objective: float = 2.0
    cosine: float = 1.0

    def __post_init__(self) -> None:
        if not self.teacher or not isinstance(self.teacher, str):
            got = f"got {self.teacher!r}" if self.teacher else "none is named"
            raise OptionError(f"'teacher' must be a BERT or a GPT-2 (a short name or a folder), whose student is made; {got}. Name it: --set teacher=MODEL.")
        rules = [("temperature", lambda t: t > 0, "above 0")]
        hold(self, (*rules, *((name, lambda weight: weight >= 0, "at least 0") for name in ("soft", "objective", "cosine"))))


class Distil(Objective):
    """DistilBERT's and DistilGPT-2's.

    Raises:
        OptionError: no teacher is named.
        ModelError: the teacher is neither a BERT nor a GPT-2, lacks its head, or has another vocabulary.
    """

    name = "distil"
    vocabulary: ClassVar[VocabularyKind] = "wordpiece"
    options_kind = DistilOptions
    options: DistilOptions
    inherits = True
    tells_likelihood = False

    def __init__(self, pieces: Pieces, options: DistilOptions | None = None) -> None:
        super().__init__(pieces, options)
        self.kind = str(self.teacher.config.model_type)
        self.architecture = {"bert": "distilbert", "gpt2": "distilgpt2"}[self.kind]
        self.own: Objective = MaskedAnew(pieces) if self.kind == "bert" else Causal(pieces)

    @classmethod
    def vocabulary_folder(cls, options: DistilOptions) -> str | None:
        return options.teacher

    @cached_property
    def teacher(self) -> Any:
        """The teacher, which does not learn; it is moved to where the student is."""
        model = resolve(self.options.teacher)
        kind = read_config(Path(model.folder))["model_type"]
        if kind not in TEACHERS:
            raise ModelError(f"{model.folder}: the teacher must be one of {', '.join(sorted(TEACHERS))}; got {kind}. Choose another teacher.")
        teacher = read_weights(TEACHERS[kind], model, {}, whole=True)
        if teacher.config.vocab_size < self.pieces.size:
            raise ModelError(
                f"{model.folder}: the teacher must know the vocabulary's {self.pieces.size} pieces; got {teacher.config.vocab_size}. Use the teacher's own vocabulary."
            )
        return models.without_masks(teacher).eval().requires_grad_(False)

    def natural_shape(self) -> Shape:
        config = self.teacher.config
        inner = config.intermediate_size if self.kind == "bert" else config.n_inner or 4 * config.n_embd
        return Shape(config.num_hidden_layers, config.hidden_size, config.num_attention_heads, inner, config.max_position_embeddings).half()

    def create(self, shape: Shape, *, seed: int) -> Any:
        _check_shape(shape, self.natural_shape(), self.teacher.config.num_hidden_layers)
        return models.create(lambda layers: student_of(self.teacher, layers), shape.layers, seed)

    def adopt(self, model: LocalModel) -> Any:
        kind, auto = STUDENTS[self.kind]
        student = models.adopt(auto, model, objective=self.name, kinds=(kind,), vocabulary=self.pieces.size)
        for name in ("hidden_size", "vocab_size"):
            theirs, ours = (getattr(module.config, name) for module in (self.teacher, student))
            if theirs != ours:
                raise ModelError(f"{model.folder}: a student must have its teacher's {name} ({theirs}); got {ours}. Choose another student, or another teacher.")
        return student

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        return self.own.batch(rows, generator)

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        states, student = _look(module, batch)
        with torch.no_grad():
            their_states, teacher = _look(self.teacher.to(states.device), batch)
        weights = self.options
        told = taught_loss(student, teacher, batch["labels"].flatten(), temperature=weights.temperature, soft=weights.soft, own=weights.objective)
        return told + weights.cosine * (1 - functional.cosine_similarity(states.float(), their_states.float(), dim=-1).mean())

    def predicted(self, length: int) -> float:
        return self.own.predicted(length)


def _look(module: Any, batch: Batch) -> tuple[torch.Tensor, Seen]:
    """The last vectors (n, length, hidden), and what the output layer sees at the places that are predicted."""
    states = module.base_model(input_ids=batch["input_ids"])[0]
    picked = models.pick(states, batch["places"]) if "places" in batch else states.flatten(0, 1)
    layer = module.get_output_embeddings()
    return states, Seen(models.before_output(module, picked), layer.weight, layer.bias)


def _check_shape(shape: Shape, natural: Shape, most: int) -> None:
    """A student is as wide as its teacher, and no deeper."""
    for name in ("hidden", "heads", "feed_forward"):
        if getattr(shape, name) != getattr(natural, name):
            raise OptionError(f"{name!r} must be the teacher's, {getattr(natural, name)}; got {getattr(shape, name)}. Leave it out.")
    if shape.layers > most:
        raise OptionError(f"'layers' must be at most the teacher's, {most}; got {shape.layers}. Use {natural.layers}, or leave it out.")
    if shape.length > natural.length:
        raise OptionError(f"'length' must be at most the teacher's, {natural.length}; got {shape.length}. Use {natural.length}.")
