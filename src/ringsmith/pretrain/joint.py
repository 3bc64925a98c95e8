"""One vocabulary for both languages of a translation, saved as a tokenizer folder that plain transformers loads.

Byte pairs merged as in the paper (Vaswani et al., 2017, section 5.1: "a shared source-target vocabulary"; Sennrich et al., 2016), with blanks kept
as part of the pieces as SentencePiece does, so that a translation is put together again without guessing where blanks belong. Punctuation is
never merged with words ("age." would be another word than "age"), but for apostrophes and hyphens: cut off everywhere, they made texts a sixth longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from ringsmith.errors import InputError, OptionError

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNKNOWN, START, END = range(len(SPECIAL))
APART = r"[\p{P}&&[^'’\-]]"
"""Punctuation that is never merged with words: all but what stands within them."""
CHARACTERS = 1_000
"""Characters that may be pieces of their own; rarer ones are unknown."""
SPARE = 64
"""Pieces beyond special ones and characters that a vocabulary must have room for."""


def train_joint_vocabulary(texts: Iterable[str], size: int, *, length: int) -> Any:
    """A tokenizer of transformers with at most `size` pieces, learnt from the texts of both sides.

    Args:
        texts: sources and targets; read once.
        size: pieces in all.
        length: pieces of the longest text, its end included.

    Raises:
        OptionError: `size` is too small for the characters.
        InputError: no text at all.
    """
    learner = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    learner.normalizer = normalizers.NFC()
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Split(tokenizers.Regex(APART), "isolated")])
    learner.decoder = decoders.Metaspace()
    trainer: Any = trainers.BpeTrainer
    dress: Any = transformers.PreTrainedTokenizerFast
    learner.train_from_iterator(texts, trainer(vocab_size=size, special_tokens=list(SPECIAL), limit_alphabet=min(CHARACTERS, max(1, size // 4)), show_progress=False))
    if learner.get_vocab_size() <= len(SPECIAL):
        raise InputError("The pairs must hold some text to learn a vocabulary from; got none. Check the files.")
    if learner.get_vocab_size() > size or size < len(SPECIAL) + SPARE:
        raise OptionError(f"'vocabulary' must have room for the special pieces, the characters and some words; got {size:,}. Use at least {len(SPECIAL) + SPARE:,}.")
    learner.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", END)])
    return dress(
        tokenizer_object=learner,
        pad_token=SPECIAL[PAD],
        unk_token=SPECIAL[UNKNOWN],
        bos_token=SPECIAL[START],
        eos_token=SPECIAL[END],
        model_max_length=length,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
