"""Vectors of words from their character n-grams (Bojanowski, Grave, Joulin and Mikolov 2017): for words that the vocabulary lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ringsmith.errors import InputError
from ringsmith.words.neighbours import Floats, Ints, Matrix

MOST = 4096
"""N-grams of one word that are looked at; longer words are no words."""


@dataclass(frozen=True, eq=False)
class Ngrams:
    """Vectors of hashed character n-grams.

    Attributes:
        buckets: (B, d), a row for each value of the hash; in memory or mapped.
        shortest: characters of the shortest n-gram, 3 by default in fastText.
        longest: characters of the longest one, 6 by default.

    Raises:
        InputError: no buckets, or lengths that cannot be.
    """

    buckets: Matrix
    shortest: int = 3
    longest: int = 6

    def __post_init__(self) -> None:
        if self.buckets.ndim != 2 or not len(self.buckets) or not 1 <= self.shortest <= self.longest:
            raise InputError(f"N-grams need buckets and lengths from 1 up; got buckets of the shape {self.buckets.shape} and {self.shortest} to {self.longest} characters.")

    def rows(self, word: str) -> Ints:
        """The buckets of a word's n-grams; none for a word too short to have any."""
        from ringsmith.words.kernels.ngrams import ngram_buckets

        out = np.empty(MOST, dtype=np.int64)
        text = np.frombuffer(f"<{word}>".encode(errors="replace"), dtype=np.uint8)
        return out[: ngram_buckets(text, self.shortest, self.longest, len(self.buckets), out)]

    def vector(self, word: str) -> Floats | None:
        """The mean of the n-grams' vectors, (d,); None where there are none."""
        rows = self.rows(word)
        return np.asarray(self.buckets[rows].mean(axis=0, dtype=np.float32)) if len(rows) else None


def pieces(word: str, shortest: int, longest: int) -> Iterator[str]:
    """The n-grams of a word between brackets, in fastText's order; a single bracket is none.

    Examples:
        >>> list(pieces("go", 2, 3))
        ['<g', '<go', 'go', 'go>', 'o>']
    """
    text = f"<{word}>"
    for begin in range(len(text)):
        for end in range(begin + shortest, min(begin + longest, len(text)) + 1):
            if end - begin > 1 or 0 < begin < len(text) - 1:
                yield text[begin:end]
