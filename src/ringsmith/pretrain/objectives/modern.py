"""The objective `modern`: masked language modelling on the layout of ModernBERT (Warner et al., 2024).

What changed in encoders since 2019, in one model: positions by rotation (Su et al., 2021), normalisation before each part, gated feed-forward parts,
attention to a window in two layers of three, no offsets, and 30 % of the pieces hidden. Masks are drawn anew at every visit; nothing is asked about
next sentences. The classes are transformers' own.
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
class ModernOptions:
    """What can be chosen.

    Attributes:
        share: of the pieces, how many are predicted.
        whole_words: whether a word is hidden with all its pieces or not at all.
    """

    share: float = 0.3
    whole_words: bool = False

    def __post_init__(self) -> None:
        hold(self, (("share", lambda share: 0 < share < 1, "above 0 and below 1"),))


class Modern(HidingObjective):
    """ModernBERT's."""

    name = "modern"
    architecture = "modernbert"
    vocabulary: ClassVar[VocabularyKind] = "bytes"
    options_kind = ModernOptions
    makes = transformers.ModernBertForMaskedLM
    options: ModernOptions

    @property
    def rules(self) -> MaskRules:
        return MaskRules(share=self.options.share, whole_words=self.options.whole_words)

    def hide(self, rows: Ids, generator: np.random.Generator) -> Hidden:
        return hide(rows, self.pieces, self.rules, draw_anew(rows, generator))
