"""What a vocabulary is learnt from: the texts thinned to a bounded sample, and their letters counted.

The trainers of `tokenizers` number the pieces of equal worth in an order that chance decides. Letters that are numbered here, before, leave a
wordpiece vocabulary nothing to chance.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

CODES = 0x110000
LETTERS, COVERED = 1_000, 0.9995
"""Characters that may be pieces of their own, and more where these are not such a share of the text (SentencePiece's; Kudo and Richardson, 2018); rarer ones are unknown."""
BATCH = 1_000
"""Texts that are counted at once."""


def thinned(texts: Iterable[str], most_characters: int) -> list[str]:
    """Every k-th text, k being the lowest power of two that keeps them within `most_characters`; a single longer text is cut.

    Examples:
        >>> thinned(["one", "two", "three", "four", "five"], 12)
        ['one', 'three', 'five']
    """
    kept: list[str] = []
    step, characters = 1, 0
    for number, text in enumerate(texts):
        if number % step:
            continue
        kept.append(text[:most_characters])
        characters += len(kept[-1])
        while characters > most_characters and len(kept) > 1:
            kept, step = kept[::2], step * 2
            characters = sum(map(len, kept))
    return kept


def most_to_know(counts: npt.NDArray[np.int64], room: int) -> int:
    """How many of the most frequent characters are worth a piece, given how often each stands in the text (highest first) and the room there is.

    Examples:
        >>> most_to_know(np.array([5, 3, 1]), room=2), most_to_know(np.full(5_000, 7), room=8_000)
        (2, 4998)
    """
    enough = 1 + int(np.searchsorted(np.cumsum(counts), COVERED * counts.sum()))
    return min(room, max(LETTERS, enough))


def count_letters(texts: Sequence[str], normaliser: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How often each code point stands in a word, and how often elsewhere than at its beginning, where words end at blanks and punctuation.

    Args:
        texts: as they are.
        normaliser: of `tokenizers`; brings them into order first.

    Returns:
        Two vectors over all code points.
    """
    counts, inner = np.zeros(CODES, dtype=np.int64), np.zeros(CODES, dtype=np.int64)
    kinds = np.full(CODES, -1, dtype=np.int8)
    for batch in _batches(texts):
        codes = np.frombuffer(normaliser.normalize_str("\n".join(batch)).encode("utf-32-le", "ignore"), dtype=np.uint32)
        for code in np.unique(codes[kinds[codes] < 0]):
            kinds[code] = _kind(chr(code))
        kind = kinds[codes]
        counts += np.bincount(codes[kind > 0], minlength=CODES)
        inner += np.bincount(codes[1:][(kind[1:] == 2) & (kind[:-1] == 2)], minlength=CODES)
    return counts, inner


def _kind(letter: str) -> int:
    """0 for blanks, 1 for a mark that is a word by itself, 2 for what words are made of."""
    if letter.isspace():
        return 0
    punctuation = unicodedata.category(letter).startswith("P") or (letter.isascii() and not letter.isalnum() and letter.isprintable())
    return 1 if punctuation else 2


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while batch := list(islice(left, BATCH)):
        yield batch
