"""Vectors of words from their character n-grams (Bojanowski, Grave, Joulin and Mikolov 2017): for words that the vocabulary lacks.

Training has a row for each value of the hash, two million of them, most of which no word of a small text ever touches: these hold the random numbers
they began with. `Ngrams.kept` leaves them out, so that a file is as large as what was learnt.
"""

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
        buckets: (B, d), a row for each value of the hash, or for some of them; in memory or mapped.
        shortest: characters of the shortest n-gram, 3 by default in fastText.
        longest: characters of the longest one, 6 by default.
        hashes: (B,) int64, ascending: the values of the hash that have a row; None: 0, 1, 2 ... have one each.
        modulus: how many values the hash has; None where each has a row.

    Raises:
        InputError: no buckets, lengths that cannot be, or hashes that do not fit.
    """

    buckets: Matrix
    shortest: int = 3
    longest: int = 6
    hashes: Ints | None = None
    modulus: int | None = None

    def __post_init__(self) -> None:
        if self.buckets.ndim != 2 or not len(self.buckets) or not 1 <= self.shortest <= self.longest:
            raise InputError(f"N-grams need buckets and lengths from 1 up; got buckets of the shape {self.buckets.shape} and {self.shortest} to {self.longest} characters.")
        if not self._fit():
            raise InputError(
                f"N-grams need one hash for each of the {len(self.buckets):,} buckets, ascending from 0 to below 'modulus' ({self.modulus}). Check where both come from."
            )

    def _fit(self) -> bool:
        """Whether hashes, modulus and buckets belong together."""
        if self.hashes is None or self.modulus is None:
            return self.hashes is None and self.modulus is None
        inside = self.hashes.shape == (len(self.buckets),) and self.hashes[0] >= 0 and self.hashes[-1] < self.modulus
        return bool(inside and (np.diff(self.hashes) > 0).all())

    def rows(self, word: str) -> Ints:
        """The rows of a word's n-grams; none for a word too short to have any, or of whose n-grams none is known."""
        from ringsmith.words.kernels.ngrams import ngram_buckets

        out = np.empty(MOST, dtype=np.int64)
        text = np.frombuffer(f"<{word}>".encode(errors="replace"), dtype=np.uint8)
        found = out[: ngram_buckets(text, self.shortest, self.longest, self.modulus or len(self.buckets), out)]
        if self.hashes is None:
            return found
        places = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        return np.asarray(places[self.hashes[places] == found])

    def kept(self, hashes: Ints) -> Ngrams:
        """The n-grams with these values of the hash alone; only of n-grams that have a row for each value."""
        chosen = np.unique(hashes)
        return Ngrams(self.buckets[chosen], self.shortest, self.longest, chosen, len(self.buckets))

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
