"""The objective `rtd`: replaced token detection, as in ELECTRA (Clark, Luong, Le and Manning, 2020).

    generator       a small masked language model fills 15 % hidden pieces; what it draws goes into the sequence, without gradient
    discriminator   tells of every piece whether it is the original one; it is what is kept

What is lowered is L_MLM + 50 L_Disc (section 2): the generator's mean over the hidden pieces, the discriminator's over all. Both share their
embeddings, of pieces, positions and segments. A piece that the generator happens to guess counts as original. All hidden pieces become [MASK], as
in the paper (its code leaves some of them).

The draw is decided by numbers that come with the batch, one for each hidden piece, so that a step can be repeated. A model that is adopted comes
without its generator: it gets a fresh one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional

from ringsmith._rules import hold
from ringsmith.catalogue import LocalModel
from ringsmith.pretrain.objective import IGNORED, Batch, VocabularyKind
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.masked import HidingObjective
from ringsmith.pretrain.objectives.masks import Hidden, Ids, MaskRules, draw_anew, hide
from ringsmith.pretrain.shapes import Shape, make_config


@dataclass(frozen=True)
class ReplacedOptions:
    """What can be chosen of ELECTRA's objective.

    Attributes:
        share: of the pieces, how many are hidden from the generator.
        weight: of the discriminator's loss beside the generator's.
    """

    share: float = 0.15
    weight: float = 50.0

    def __post_init__(self) -> None:
        hold(self, (("share", lambda share: 0 < share < 1, "above 0 and below 1"), ("weight", lambda weight: weight > 0, "above 0")))


class GeneratorAndDiscriminator(nn.Module):
    """Both models, trained together.

    Args:
        generator: transformers' ``ElectraForMaskedLM``; its embeddings give way to the discriminator's.
        discriminator: transformers' ``ElectraForPreTraining``.
    """

    def __init__(self, generator: Any, discriminator: Any) -> None:
        super().__init__()
        generator.electra.embeddings = discriminator.electra.embeddings
        generator.generator_lm_head.weight = discriminator.electra.embeddings.word_embeddings.weight
        self.generator, self.discriminator = generator, discriminator

    @property
    def config(self) -> Any:
        """The discriminator's."""
        return self.discriminator.config

    @property
    def base_model(self) -> Any:
        """The discriminator's body."""
        return self.discriminator.base_model

    @property
    def device(self) -> torch.device:
        """Where both are."""
        return next(self.parameters()).device

    def get_input_embeddings(self) -> Any:
        """The table that both share."""
        return self.discriminator.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """The layer by which the generator guesses."""
        return self.generator.get_output_embeddings()


class Replaced(HidingObjective):
    """ELECTRA's."""

    name = "rtd"
    architecture = "electra"
    vocabulary: ClassVar[VocabularyKind] = "wordpiece"
    options_kind = ReplacedOptions
    options: ReplacedOptions
    tells_likelihood = False

    @property
    def rules(self) -> MaskRules:
        return MaskRules(share=self.options.share, masked=1.0, replaced=0.0)

    def create(self, shape: Shape, *, seed: int) -> Any:
        discriminator = models.create(transformers.ElectraForPreTraining, make_config("electra", shape, self.pieces), seed)
        return self._with_generator(discriminator, shape, seed)

    def adopt(self, model: LocalModel) -> Any:
        discriminator = models.adopt(transformers.ElectraForPreTraining, model, objective=self.name, kinds=("electra",), vocabulary=self.pieces.size)
        config = discriminator.config
        shape = Shape(config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size, config.max_position_embeddings)
        return self._with_generator(discriminator, shape, seed=0)

    def _with_generator(self, discriminator: Any, shape: Shape, seed: int) -> GeneratorAndDiscriminator:
        config = make_config("electra", shape.generator(), self.pieces)
        config.vocab_size, config.embedding_size = discriminator.config.vocab_size, discriminator.config.embedding_size
        return GeneratorAndDiscriminator(models.create(transformers.ElectraForMaskedLM, config, seed + 1), discriminator).train()

    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        return hide(rows, self.pieces, self.rules, draw_anew(rows, generator))

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        hidden = super().batch(rows, generator)
        chance = generator.random(hidden["places"].shape, dtype=np.float32)
        return hidden | {"original": torch.from_numpy(rows.copy()), "chance": torch.from_numpy(chance)}

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        states = module.generator.electra(input_ids=batch["input_ids"])[0]
        scores = models.predict(module.generator, states, batch["places"])
        labels = batch["labels"].flatten()
        guessing = functional.cross_entropy(scores, labels, reduction="sum") / (labels != IGNORED).sum().clamp_min(1)
        with torch.no_grad():
            filled = fill(batch, draw(scores, batch["chance"].flatten()))
            replaced = (filled != batch["original"]).float()
        telling = functional.binary_cross_entropy_with_logits(module.discriminator(input_ids=filled).logits.float(), replaced)
        return guessing + self.options.weight * telling

    def finish(self, module: Any) -> Any:
        return module.discriminator


def draw(scores: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """For each row of scores (m, pieces) the piece that `chance` (m,), from 0 to 1, draws from their softmax."""
    edges = functional.softmax(scores, dim=-1).cumsum(-1)
    drawn = torch.searchsorted(edges, chance.unsqueeze(-1) * edges[:, -1:], right=True).squeeze(-1)
    return drawn.clamp(max=scores.shape[-1] - 1)


def fill(batch: Batch, drawn: torch.Tensor) -> torch.Tensor:
    """The original sequences with the drawn pieces (m,) at the hidden places; where a row hides fewer than others nothing is put."""
    there, original = batch["labels"] >= 0, batch["original"]
    places = torch.where(there, batch["places"], original.shape[1])  # a column more takes what is not put anywhere
    return functional.pad(original, (0, 1)).scatter(1, places, drawn.view_as(there))[:, :-1]
