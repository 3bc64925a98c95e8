"""The objective `mlm-dynamic`: masked language modelling as in RoBERTa (Liu et al., 2019).

As BERT's (`mlm.py`), but masks are drawn anew at every visit, sequences are full and may cross from one document into the next
(FULL-SENTENCES), nothing is asked about next sentences, and the vocabulary is made of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import transformers

from ringsmith._rules import hold
from ringsmith.pretrain.objective import VocabularyKind
from ringsmith.pretrain.objectives.masked import HidingObjective
from ringsmith.pretrain.objectives.masks import Hidden, Ids, MaskRules, draw_anew, hide


@dataclass(frozen=True)
class MaskedAnewOptions:
    """What can be chosen of RoBERTa's objective.

    Attributes:
        share: of the pieces, how many are predicted.
        whole_words: whether a word is hidden with all its pieces or not at all.
    """

    share: float = 0.15
    whole_words: bool = False

    def __post_init__(self) -> None:
        hold(self, (("share", lambda share: 0 < share < 1, "above 0 and below 1"),))


class MaskedAnew(HidingObjective):
    """RoBERTa's."""

    name = "mlm-dynamic"
    architecture = "roberta"
    vocabulary: ClassVar[VocabularyKind] = "bytes"
    options_kind = MaskedAnewOptions
    makes = transformers.RobertaForMaskedLM
    options: MaskedAnewOptions

    @property
    def rules(self) -> MaskRules:
        return MaskRules(share=self.options.share, whole_words=self.options.whole_words)

    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        return hide(rows, self.pieces, self.rules, draw_anew(rows, generator))
