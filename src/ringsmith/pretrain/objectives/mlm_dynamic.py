"""The objective `mlm-dynamic`: masked language modelling as in RoBERTa (Liu et al., 2019).

As BERT's (`mlm.py`), but masks are drawn anew at every visit, sequences are full and may cross from one document into the next
(FULL-SENTENCES), nothing is asked about next sentences, and the vocabulary is made of bytes.
"""

from __future__ import annotations

from typing import ClassVar

import transformers

from ringsmith.pretrain.objective import VocabularyKind
from ringsmith.pretrain.objectives.masked import DrawnAnew, DrawnAnewOptions


class MaskedAnew(DrawnAnew):
    """RoBERTa's."""

    name = "mlm-dynamic"
    architecture = "roberta"
    vocabulary: ClassVar[VocabularyKind] = "bytes"
    options_kind = DrawnAnewOptions
    makes = transformers.RobertaForMaskedLM
