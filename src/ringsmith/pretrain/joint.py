"""One vocabulary for both languages of a translation, saved as a tokenizer folder that plain transformers loads.

Byte pairs merged as in the paper (Vaswani et al., 2017, section 5.1: "a shared source-target vocabulary"; Sennrich et al., 2016), with blanks kept
as part of the pieces as SentencePiece does, so that a translation is put together again without guessing where blanks belong. Punctuation is
never merged with words ("age." would be another word than "age"), but for apostrophes and hyphens: cut off everywhere, they made texts a sixth longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from ringsmith.errors import InputError, OptionError
from ringsmith.pretrain.letters import most_to_know

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNKNOWN, START, END = range(len(SPECIAL))
APART = r"[\p{P}&&[^'’\-]]"
"""Punctuation that is never merged with words: all but what stands within them."""
BLANK = "▁"
"""Stands for a blank within pieces, and before every text."""
SPARE = 64
"""Pieces beyond special ones and characters that a vocabulary must have room for."""


def train_joint_vocabulary(texts: Sequence[str], size: int, *, length: int) -> Any:
    """A tokenizer of transformers with at most `size` pieces, learnt from the texts of both sides.

    Args:
        texts: sources and targets.
        size: pieces in all.
        length: pieces of the longest text, its end included.

    Raises:
        OptionError: `size` is too small.
        InputError: no text at all.
    """
    if size < len(SPECIAL) + SPARE:
        raise OptionError(f"'vocabulary' must have room for the special pieces, the characters and some words; got {size:,}. Use at least {len(SPECIAL) + SPARE:,}.")
    if not any(map(str.strip, texts)):
        raise InputError("The pairs must hold some text to learn a vocabulary from; got none. Check the files.")
    learner = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    learner.normalizer = normalizers.NFC()
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Split(tokenizers.Regex(APART), "isolated")])
    learner.decoder = decoders.Metaspace()
    trainer: Any = trainers.BpeTrainer
    dress: Any = transformers.PreTrainedTokenizerFast
    characters = _characters(map(learner.normalizer.normalize_str, texts), most=size // 2)
    settings = {"vocab_size": size, "special_tokens": list(SPECIAL), "initial_alphabet": characters, "limit_alphabet": len(characters), "show_progress": False}
    learner.train_from_iterator(texts, trainer(**settings))
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


def _characters(texts: Iterable[str], most: int) -> list[str]:
    """The most frequent characters, of equally frequent ones those with the lower code: chance has no say in it, as it has in that of the trainer.

    Examples:
        >>> _characters(["cab", "bad", "abc"], most=4)
        ['a', 'b', '▁', 'c']
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(BLANK + text.replace(" ", BLANK))
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return ranked[: most_to_know(np.array([counts[character] for character in ranked]), most)]
