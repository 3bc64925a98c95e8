"""What the objectives that hide pieces share: from hidden pieces to a batch, the body run once, the head on the hidden positions only."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import transformers

from ringsmith._rules import hold
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError
from ringsmith.pretrain.objective import Batch, Objective
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.masks import Hidden, Ids, MaskRules, draw_anew, hide
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape, make_config


class HidingObjective(Objective):
    """Hides pieces and predicts them from what stands on both sides.

    Raises:
        ModelError: the vocabulary has no piece that hides another one.
    """

    makes: ClassVar[Any]
    """The class of transformers that `create` makes."""

    def __init__(self, pieces: Pieces, options: Any = None) -> None:
        super().__init__(pieces, options)
        if pieces.mask is None:
            raise ModelError(f"The objective {self.name!r} needs a vocabulary with a piece that hides others (a mask token); got one without. Use 'clm', or another vocabulary.")

    @abstractmethod
    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        """Pieces hidden, and which."""

    @property
    @abstractmethod
    def rules(self) -> MaskRules:
        """How much is hidden, and how."""

    def create(self, shape: Shape, *, seed: int) -> Any:
        return models.create(self.makes, make_config(self.architecture, shape, self.pieces), seed)

    def adopt(self, model: LocalModel) -> Any:
        return models.adopt(transformers.AutoModelForMaskedLM, model, objective=self.name, kinds=models.MASKED, vocabulary=self.pieces.size)

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        return as_batch(self.hide(rows, generator))

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        states = module.base_model(input_ids=batch["input_ids"])[0]
        return masked_loss(module, states, batch)

    def predicted(self, length: int) -> float:
        return self.rules.share * (length - len(self.pieces.before) - len(self.pieces.after))


@dataclass(frozen=True)
class DrawnAnewOptions:
    """What can be chosen where masks are drawn anew at every visit.

    Attributes:
        share: of the pieces, how many are predicted.
        whole_words: whether a word is hidden with all its pieces or not at all.
    """

    share: float = 0.15
    whole_words: bool = False

    def __post_init__(self) -> None:
        hold(self, (("share", lambda share: 0 < share < 1, "above 0 and below 1"),))


class DrawnAnew(HidingObjective):
    """Hides other pieces at every visit of a sequence."""

    options: DrawnAnewOptions

    @property
    def rules(self) -> MaskRules:
        return MaskRules(share=self.options.share, whole_words=self.options.whole_words)

    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        return hide(rows, self.pieces, self.rules, draw_anew(rows, generator))


def as_batch(hidden: Hidden) -> Batch:
    """The tensors that the loss takes."""
    return {"input_ids": torch.from_numpy(hidden.inputs), "places": torch.from_numpy(hidden.places), "labels": torch.from_numpy(hidden.labels)}


def masked_loss(module: Any, states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean negative log likelihood of the hidden pieces, given the body's last vectors (n, length, hidden)."""
    seen = models.before_output(module, models.pick(states, batch["places"]))
    return predicted_loss(seen, module.get_output_embeddings(), batch["labels"].flatten())
