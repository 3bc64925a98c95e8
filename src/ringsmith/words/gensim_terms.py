"""What gensim's arguments mean here, which of them are refused, and which only have no effect."""

from __future__ import annotations

import re
import warnings
from typing import Any

from ringsmith.errors import OptionError
from ringsmith.words.options import Word2VecOptions

REFUSED: dict[str, tuple[Any, str, str]] = {
    "hashfxn": (hash, "is not taken: vectors begin from 'seed' and the number of a word, not from a hash of it", "Leave it out."),
    "null_word": (0, "is not taken: there is no word that stands for nothing", "Leave it out."),
    "trim_rule": (None, "is not taken: words are kept by 'min_count' and 'max_final_vocab'", "Leave it out, and drop other words from the sentences."),
    "sorted_vocab": (1, "must be 1: words are numbered from the most frequent one on", "Leave it out."),
    "max_vocab_size": (None, "is not taken: words are not dropped while they are counted", "Leave it out; 'max_final_vocab' bounds the vocabulary."),
    "word_ngrams": (1, "must be 1, as in gensim itself", "Leave it out."),
    "word_count": (0, "is not taken: the learning rate falls over all words that are given", "Leave it out; 'start_alpha' says where it begins."),
    "keep_raw_vocab": (False, "is not taken: words below 'min_count' are not kept", "Leave it out."),
}
"""Argument -> the one value that is taken, why no other is, and what to do."""
NO_EFFECT: dict[str, tuple[Any, str]] = {
    "batch_words": (10_000, "words are not sent to workers in batches here"),
    "queue_factor": (2, "there is no queue of batches here"),
    "progress_per": (10_000, "no log is written here"),
    "report_delay": (1.0, "no log is written here"),
}
"""Arguments that change nothing about the vectors: another value than gensim's default is warned about."""
OUR_NAMES = {"dim": "vector_size", "rate": "alpha", "min_rate": "min_alpha", "noise_power": "ns_exponent", "hierarchical": "hs", "buckets": "bucket"}


def check_arguments(**given: Any) -> None:
    """Refuse what is not taken, and warn about what has no effect.

    Raises:
        OptionError: all that is refused, a line each.
    """
    faults = [f"'{name}' {why}; got {value!r}. {advice}" for name, value in given.items() for taken, why, advice in [REFUSED.get(name, (value, "", ""))] if value != taken]
    if faults:
        raise OptionError("\n".join(faults))
    for name, value in given.items():
        if name in NO_EFFECT and value != NO_EFFECT[name][0]:
            warnings.warn(f"'{name}' has no effect: {NO_EFFECT[name][1]}. Leave it out.", UserWarning, stacklevel=3)


def options_of(**values: Any) -> Word2VecOptions:
    """Our options; faults are told in gensim's names.

    Raises:
        OptionError: a value outside its range.
    """
    try:
        return Word2VecOptions(**values)
    except OptionError as error:
        raise OptionError(re.sub(r"'(\w+)'", lambda found: f"'{OUR_NAMES.get(found[1], found[1])}'", str(error)).replace("hierarchical=True", "hs=1")) from None
