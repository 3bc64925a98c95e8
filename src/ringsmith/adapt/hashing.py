"""Texts to sparse tf-idf rows without a vocabulary, for data that outgrow memory: a term's hash is its column (Weinberger et al., 2009).

The terms are those of `ngrams`, found for thousands of texts at once by array arithmetic on their code points: a rolling hash over
every window, windows that cross a word's end masked out. About ten times faster than a loop over texts, and it needs no memory
but the chunk. Words are runs of letters and digits here (no dictionary of scripts), each other sign is a word of its own.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ringsmith.adapt.folder import write_json
from ringsmith.adapt.sparse import Matrix, below, tfidf

FILE = "hashing.json"
U64 = npt.NDArray[np.uint64]
BLANK, NEWLINE = 32, 10
BASE = np.uint64(0x100000001B3)  # the FNV prime: odd, so that multiplying loses nothing
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing spreads the low bits into the high ones
CHUNK_ROWS = 8_192


class HashedNgrams:
    """Rows of 2^bits columns: the lower half for words and their pairs, the upper for characters.

    Attributes:
        bits: two to this power is the number of columns.
        shape: shortest and longest character n-gram.
        idf: float32 (2^bits,), ones until `weigh` has been called.
    """

    def __init__(self, bits: int, shape: tuple[int, int], idf: npt.NDArray[np.float32] | None = None) -> None:
        self.bits = bits
        self.shape = shape
        self.idf = np.ones(1 << bits, np.float32) if idf is None else idf

    @property
    def size(self) -> int:
        """Number of columns d."""
        return 1 << self.bits

    def weighed(self, texts: Sequence[str]) -> HashedNgrams:
        """The same with the inverse document frequencies of `texts`."""
        frequency = np.zeros(self.size, np.int64)
        for counts in self._counts(texts):
            frequency += np.bincount(counts.indices, minlength=self.size)
        return HashedNgrams(self.bits, self.shape, (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32))

    @classmethod
    def union(cls, several: Sequence[HashedNgrams]) -> tuple[HashedNgrams, list[npt.NDArray[np.int64]]]:
        """As `Ngrams.union`, of several with as many columns: a column is the same in all of them."""
        idf = np.stack([one.idf for one in several]).mean(axis=0).astype(np.float32)
        return cls(several[0].bits, several[0].shape, idf), [np.arange(one.size) for one in several]

    def column_weights(self, words: float, columns: int) -> npt.NDArray[np.float32]:
        """As `Ngrams.column_weights`: words count `words`, characters 1, the rows' length kept."""
        share = np.float32(1 / np.sqrt(1 + words**2))
        once = np.full(self.size, share, np.float32)
        once[: self.size // 2] *= np.float32(words)
        return np.tile(once, columns // self.size)

    def save(self, folder: Path) -> dict[str, npt.NDArray[np.float32]]:
        """Write how terms are hashed as JSON into `folder`; returned is the array to store beside it."""
        write_json(folder / FILE, {"bits": self.bits, "characters_from": self.shape[0], "characters_to": self.shape[1]})
        return {"idf": self.idf}

    @classmethod
    def load(cls, folder: Path, arrays: Mapping[str, npt.NDArray[np.float32]]) -> HashedNgrams:
        """What `save` wrote."""
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(content["bits"], (content["characters_from"], content["characters_to"]), arrays["idf"])

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Weighted rows of `texts`, float32 (n, d); each half scaled to length 1."""
        parts = [tfidf(counts, self.idf, boundary=self.size // 2) for counts in self._counts(texts)]
        return below(parts) if parts else sp.csr_matrix((0, self.size), dtype=np.float32)

    def _counts(self, texts: Sequence[str]) -> Iterator[Matrix]:
        for start in range(0, len(texts), CHUNK_ROWS):
            yield count(texts[start : start + CHUNK_ROWS], self.bits, self.shape)


def count(texts: Sequence[str], bits: int, shape: tuple[int, int]) -> Matrix:
    """How often each term's column occurs in each text, float32 (n, 2^bits), columns in order."""
    joined = "\n".join(f" {' '.join(words)} " if (words := text.lower().split()) else " " for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    row = np.cumsum(codes == NEWLINE, dtype=np.int32)
    found = [_words(codes, row), *_characters(codes, row, shape)]
    half = bits - 1
    columns = [_column(found[0][0], half)] + [_column(hashes, half) + (1 << half) for hashes, _ in found[1:]]
    rows = np.concatenate([rows for _, rows in found])
    shape_out = (len(texts), 1 << bits)
    return sp.coo_matrix((np.ones(len(rows), np.float32), (rows, np.concatenate(columns))), shape=shape_out).tocsr().astype(np.float32)


def _column(hashes: U64, bits: int) -> npt.NDArray[np.int32]:
    return ((hashes * GOLDEN) >> np.uint64(64 - bits)).astype(np.int32)


def _characters(codes: U64, row: npt.NDArray[np.int32], shape: tuple[int, int]) -> Iterator[tuple[U64, npt.NDArray[np.int32]]]:
    """Hashes and rows of the windows of each length that stay within one blank-padded word."""
    shortest, longest = shape
    line, inner = codes != NEWLINE, codes > BLANK
    if shortest == 1:
        kept = np.flatnonzero(inner)
        yield codes[kept], row[kept]
    hashes, whole = codes.copy(), np.ones(len(codes), dtype=np.bool_)
    for n in range(2, longest + 1):
        if n > len(codes):
            return
        hashes = hashes[:-1] * BASE + codes[n - 1 :]
        whole = whole[:-1] if n == 2 else whole[:-1] & inner[n - 2 : -1]
        if n >= max(shortest, 2):
            kept = np.flatnonzero(whole & line[: len(whole)] & line[n - 1 :])
            yield hashes[kept] + np.uint64(n), row[kept]


def _words(codes: U64, row: npt.NDArray[np.int32]) -> tuple[U64, npt.NDArray[np.int32]]:
    """Hashes and rows of the words, then of every two neighbours."""
    letter = _letters()[codes]
    other = ~letter & (codes > BLANK)
    starts = np.flatnonzero(other | (letter & ~np.concatenate([[False], letter[:-1]])))
    if not len(starts):
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    word = np.cumsum(np.isin(np.arange(len(codes)), starts, assume_unique=True)) - 1
    inside = letter | other
    place = np.arange(len(codes)) - starts[np.maximum(word, 0)]
    terms = np.where(inside, (codes + np.uint64(1)) * _powers(int(place[inside].max()) + 1)[np.where(inside, place, 0)], np.uint64(0))
    hashes, rows = np.add.reduceat(terms, starts), row[starts]
    same = np.flatnonzero(rows[1:] == rows[:-1])
    pairs = (hashes[same] * GOLDEN) ^ (hashes[same + 1] * BASE)
    return np.concatenate([hashes, pairs]), np.concatenate([rows, rows[same]])


def _powers(n: int) -> U64:
    return np.concatenate([[np.uint64(1)], np.cumprod(np.full(n, BASE, np.uint64))])


@cache
def _letters() -> npt.NDArray[np.bool_]:
    """For every code point: is it a letter, digit, mark or underscore?"""
    return np.array([unicodedata.category(chr(code))[0] in "LNM" or code == ord("_") for code in range(0x110000)])
