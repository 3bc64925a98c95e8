"""The objective `mlm`: masked language modelling as in BERT (Devlin, Chang, Lee and Toutanova, 2019).

15 % of the pieces are predicted; of these 80 % are hidden, 10 % replaced, 10 % kept. BERT's data were masked before training, every text ten times
over: here the masks of a sequence hang on its pieces and on which of its ten copies is visited, so that nothing need be stored.

With `next_sentence` a sequence is cut in two, and in every second one the rest is exchanged for another sequence's; the model tells whether the
parts belong together. Departure: BERT cuts between sentences and takes the other part from another document of the corpus; here the cut may fall
anywhere in the middle half, and the other part comes from the same batch, where sequences of one document hardly ever meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch.nn import functional

from ringsmith._rules import hold
from ringsmith.catalogue import LocalModel
from ringsmith.pretrain.objective import Batch, VocabularyKind
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.masked import HidingObjective, as_batch, masked_loss
from ringsmith.pretrain.objectives.masks import Hidden, Ids, MaskRules, draw_anew, draw_by_copy, hide
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape, make_config


@dataclass(frozen=True)
class MaskedOptions:
    """What can be chosen of BERT's objective.

    Attributes:
        share: of the pieces, how many are predicted.
        whole_words: whether a word is hidden with all its pieces or not at all.
        next_sentence: whether the model also tells if the second part of a sequence follows the first.
        copies: how many masks a sequence has; None for another one at every visit.
    """

    share: float = 0.15
    whole_words: bool = False
    next_sentence: bool = False
    copies: int | None = 10

    def __post_init__(self) -> None:
        hold(self, (("share", lambda share: 0 < share < 1, "above 0 and below 1"), ("copies", lambda n: n is None or n >= 1, "at least 1")))


class Masked(HidingObjective):
    """BERT's."""

    name = "mlm"
    architecture = "bert"
    vocabulary: ClassVar[VocabularyKind] = "wordpiece"
    options_kind = MaskedOptions
    makes = transformers.BertForMaskedLM
    options: MaskedOptions

    def __init__(self, pieces: Pieces, options: MaskedOptions | None = None) -> None:
        super().__init__(pieces, options)
        self.crosses_documents = self.tells_likelihood = not self.options.next_sentence

    @property
    def rules(self) -> MaskRules:
        return MaskRules(share=self.options.share, whole_words=self.options.whole_words)

    def create(self, shape: Shape, *, seed: int) -> Any:
        if not self.options.next_sentence:
            return super().create(shape, seed=seed)
        return models.create(transformers.BertForPreTraining, make_config(self.architecture, shape, self.pieces), seed)

    def adopt(self, model: LocalModel) -> Any:
        if not self.options.next_sentence:
            return super().adopt(model)
        return models.adopt(transformers.BertForPreTraining, model, objective="mlm with next_sentence", kinds=("bert",), vocabulary=self.pieces.size)

    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        copies = self.options.copies
        draws = draw_anew(rows, generator) if copies is None else draw_by_copy(rows, generator, copies)
        return hide(rows, self.pieces, self.rules, draws)

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        if not self.options.next_sentence:
            return super().batch(rows, generator)
        pairs, second, exchanged = pair_up(rows, self.pieces, generator)
        segments = {"token_type_ids": torch.from_numpy(second.astype(np.int64)), "next_sentence": torch.from_numpy(exchanged.astype(np.int64))}
        return as_batch(self.hide(pairs, generator)) | segments

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        if not self.options.next_sentence:
            return super().loss(module, batch)
        states, pooled = module.bert(input_ids=batch["input_ids"], token_type_ids=batch["token_type_ids"])[:2]
        follows = module.cls.seq_relationship(pooled).float()
        return masked_loss(module, states, batch) + functional.cross_entropy(follows, batch["next_sentence"])


def pair_up(rows: Ids, pieces: Pieces, generator: np.random.Generator) -> tuple[Ids, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Each row cut in two by another `end` in its middle half, half of the rows (in the mean) with the rest of another row.

    The rows keep their length: the piece where the cut falls gives way.

    Returns:
        The rows (n, length), which pieces belong to the second part (n, length), and whose second part was exchanged (n,), BERT's label 1.
    """
    n, length = rows.shape
    cut = generator.integers(length // 4, length - length // 4, size=n)
    exchanged = (generator.random(n) < 0.5) & (n > 1)
    other = (np.arange(n) + generator.integers(1, max(2, n), size=n)) % n
    second = np.arange(length)[None, :] > cut[:, None]
    pairs = np.where(second & exchanged[:, None], rows[other], rows)
    pairs[np.arange(n), cut] = pieces.end
    return pairs, second, exchanged
