"""fastText's character n-grams as numbers of buckets, for many words at once; the slow twin is `ringsmith.words.ngrams.pieces`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@njit(cache=True, nogil=True, inline="always")
def _next(text: Bytes, at: int, stop: int) -> int:
    """Where the next character begins: bytes 10xxxxxx continue one."""
    at += 1
    while at < stop and text[at] & 0xC0 == 0x80:
        at += 1
    return at


@njit(cache=True, nogil=True)
def ngram_buckets(text: Bytes, shortest: int, longest: int, buckets: int, out: Longs) -> int:
    """Write the buckets of a bracketed word's n-grams ("<word>") to `out`; how many there are (at most ``len(out)``).

    Args:
        text: the UTF-8 of the word between brackets.
        shortest: characters of the shortest n-gram.
        longest: characters of the longest; 0 for none.
        buckets: how many buckets there are.
        out: takes their numbers.
    """
    found, begin, stop = 0, 0, len(text)
    while begin < stop:
        # FNV-1a over signed bytes, as fastText's `Dictionary::hash` has it (bytes above 127 are widened with their sign).
        mark, at, characters = np.uint32(2166136261), begin, 0
        while at < stop and characters < longest:
            after = _next(text, at, stop)
            for i in range(at, after):
                signed = np.int64(text[i]) - 256 if text[i] > 127 else np.int64(text[i])
                mark = np.uint32((np.int64(mark) ^ (signed & 0xFFFFFFFF)) * 16777619 & 0xFFFFFFFF)
            at = after
            characters += 1
            if characters >= shortest and not (characters == 1 and (begin == 0 or at == stop)) and found < len(out):
                out[found] = np.int64(mark) % buckets
                found += 1
        begin = _next(text, begin, stop)
    return found


@njit(cache=True, nogil=True)
def mean_rows(own: Floats, buckets: Floats, words: Bytes, ends: Longs, whole: int, shortest: int, longest: int, out: Floats) -> None:
    """The vector of each word: the mean of its own row and those of its n-grams' buckets.

    Args:
        own: (n, d) the words' own rows.
        buckets: (B, d) the buckets' rows.
        words: the words between brackets, one after the other.
        ends: (n,) where each ends.
        whole: a row that has no n-grams (fastText's end of sentence), -1 for none.
        shortest: characters of the shortest n-gram.
        longest: of the longest.
        out: (n, d) takes the vectors.
    """
    numbers, begin = np.empty(4096, dtype=np.int64), 0
    for row in range(len(ends)):
        found = 0
        if row != whole and len(buckets) > 0:
            found = ngram_buckets(words[begin : ends[row]], shortest, longest, len(buckets), numbers)
        begin = ends[row]
        for column in range(out.shape[1]):
            out[row, column] = own[row, column]
        for number in numbers[:found]:
            for column in range(out.shape[1]):
                out[row, column] += buckets[number, column]
        for column in range(out.shape[1]):
            out[row, column] /= found + 1
