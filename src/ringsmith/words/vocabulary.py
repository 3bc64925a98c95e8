"""The words of a corpus and how often each occurs, most frequent first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Different words with their counts; a word's number is its place.

    Attributes:
        words: the words, most frequent first; words of equal counts stand in the order in which they first occur.
        counts: (V,) how often each occurs in the corpus.

    Examples:
        >>> vocabulary = Vocabulary.of("a rose is a rose".split())
        >>> vocabulary.words, vocabulary.counts.tolist(), vocabulary.index["is"]
        (('a', 'rose', 'is'), [2, 2, 1], 2)
    """

    words: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        counts = np.ascontiguousarray(self.counts, dtype=np.int64)
        object.__setattr__(self, "counts", counts)
        if counts.shape != (len(self.words),):
            raise InputError(f"Vocabulary: there must be one count for each of the {len(self.words):,} words; got counts of shape {counts.shape}. Pass both as they were read.")

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Word -> its number."""
        return MappingProxyType({word: number for number, word in enumerate(self.words)})

    @property
    def total(self) -> int:
        """Occurrences of all these words."""
        return int(self.counts.sum())

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def numbers(self, words: Iterable[str], *, missing: int | None = None) -> npt.NDArray[np.int32]:
        """The numbers of `words`; unknown ones are left out, or become `missing` where that is given."""
        found = (self.index.get(word, missing) for word in words)
        return np.fromiter((number for number in found if number is not None), dtype=np.int32)

    @classmethod
    def of(cls, words: Iterable[str], *, min_count: int = 1) -> Vocabulary:
        """The words that occur at least `min_count` times among `words`: the slow, plain way."""
        counts: dict[str, int] = {}
        for word in words:
            counts[word] = counts.get(word, 0) + 1
        kept = sorted((item for item in counts.items() if item[1] >= min_count), key=lambda item: -item[1])
        return cls(tuple(word for word, _ in kept), np.array([count for _, count in kept], dtype=np.int64))
