"""The objective `modern`: masked language modelling on the layout of ModernBERT (Warner et al., 2024).

What changed in encoders since 2019, in one model: positions by rotation (Su et al., 2021), normalisation before each part, gated feed-forward parts,
attention to a window in two layers of three, no offsets, and 30 % of the pieces hidden. Masks are drawn anew at every visit; nothing is asked about
next sentences. The classes are transformers' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import transformers

from ringsmith.pretrain.objective import VocabularyKind
from ringsmith.pretrain.objectives.masked import DrawnAnew, DrawnAnewOptions


@dataclass(frozen=True)
class ModernOptions(DrawnAnewOptions):
    """As of all that draw anew, with ModernBERT's share."""

    share: float = 0.3


class Modern(DrawnAnew):
    """ModernBERT's."""

    name = "modern"
    architecture = "modernbert"
    vocabulary: ClassVar[VocabularyKind] = "bytes"
    options_kind = ModernOptions
    makes = transformers.ModernBertForMaskedLM
