"""Who stands near whom: co-occurrence counts row by row. The slow twin is a dictionary, in the tests.

Each row is summed up in one array of doubles as long as the vocabulary, which stays in the core's cache, because nearly all that is met there
are frequent words. So nothing is hashed or sorted, and threads that share out the rows give the same bits as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import address, prefetch

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]
GAP = -1
AHEAD = 8
"""Occurrences that are fetched into the cache before their turn: those of a rare word lie far from each other."""


@njit(cache=True, nogil=True)
def pad(ids: Ids, starts: Longs, out: Ids) -> None:
    """The sentences with a `GAP` before each and one at the end: ``len(ids) + len(starts)`` numbers."""
    at = 0
    for sentence in range(len(starts) - 1):
        out[at] = GAP
        at += 1
        for i in range(starts[sentence], starts[sentence + 1]):
            out[at] = ids[i]
            at += 1
    out[at] = GAP


@njit(cache=True, nogil=True)
def index(padded: Ids, offsets: Longs, positions: Ids) -> None:
    """Where each word stands: word w at ``positions[offsets[w]:offsets[w + 1]]``, ascending. `offsets` is filled here, too."""
    offsets[:] = 0
    for word in padded:
        if word != GAP:
            offsets[word + 1] += 1
    for word in range(1, len(offsets)):
        offsets[word] += offsets[word - 1]
    at = offsets[:-1].copy()
    for position in range(len(padded)):
        word = padded[position]
        if word != GAP:
            positions[at[word]] = position
            at[word] += 1


@njit(cache=True, nogil=True)
def _add(word: int, amount: float, sums: Any, bits: Any, summary: Any) -> None:
    # Without a question whether the word is new: a branch that is guessed wrong costs more than both stores.
    bits[word >> 6] |= np.uint64(1) << np.uint64(word & 63)
    summary[word >> 12] |= np.uint64(1) << np.uint64((word >> 6) & 63)
    sums[word] += amount


@njit(cache=True, nogil=True)
def _lowest(value: np.uint64) -> int:
    """Number of the lowest bit that is set."""
    lowest = value & (~value + np.uint64(1))
    number = 0
    if lowest & np.uint64(0xFFFFFFFF00000000):
        number += 32
    if lowest & np.uint64(0xFFFF0000FFFF0000):
        number += 16
    if lowest & np.uint64(0xFF00FF00FF00FF00):
        number += 8
    if lowest & np.uint64(0xF0F0F0F0F0F0F0F0):
        number += 4
    if lowest & np.uint64(0xCCCCCCCCCCCCCCCC):
        number += 2
    if lowest & np.uint64(0xAAAAAAAAAAAAAAAA):
        number += 1
    return number


@njit(cache=True, nogil=True)
def _take(at: int, highs: int, sums: Any, bits: Any, summary: Any, columns: Any, values: Any) -> int:
    """Write what was summed up behind `at`, columns ascending, and leave everything at zero; returns where the row ends."""
    for high in range(highs):
        while summary[high]:
            middle = high * 64 + _lowest(summary[high])
            summary[high] &= summary[high] - np.uint64(1)
            left = bits[middle]
            bits[middle] = np.uint64(0)
            while left:
                word = middle * 64 + _lowest(left)
                left &= left - np.uint64(1)
                columns[at], values[at] = word, sums[word]
                sums[word] = 0.0
                at += 1
    return at


@njit(cache=True, nogil=True)
def count_rows(
    padded: Ids, positions: Ids, offsets: Longs, first: int, stop: int, weights: Sums, right: bool, sums: Sums, bits: Bits, summary: Bits,
    columns: Ids, values: Sums, ends: Longs,
) -> int:  # fmt: skip
    """The rows `first` to `stop` of the matrix, one after the other, as far as there is room for them.

    Args:
        padded: from `pad`.
        positions: from `index`.
        offsets: from `index`.
        first: number of the first row.
        stop: number behind the last row.
        weights: (window,) what a neighbour at distance 1, 2 ... counts.
        right: whether neighbours to the right count as those to the left do.
        sums: (V,) zeros, and zeros again at the end.
        bits: zeros, one bit for a word.
        summary: zeros, one bit for a number of `bits`.
        columns: takes the columns.
        values: takes the sums.
        ends: (stop - first,) takes where each row ends in `columns`.

    Returns:
        The number behind the last row that was written.
    """
    at, window, last = 0, len(weights), len(positions) - 1
    text, far, s, b, u = address(padded), address(weights), address(sums), address(bits), address(summary)
    for row in range(first, stop):
        begin, end = offsets[row], offsets[row + 1]
        if at + min(len(sums), (end - begin) * window * (2 if right else 1)) > len(columns):
            return row
        for i in range(begin, end):
            position = positions[i]
            ahead = positions[min(i + AHEAD, last)]
            prefetch(text, ahead - window)
            prefetch(text, ahead + window)
            for distance in range(window):
                word = text[position - 1 - distance]
                if word == GAP:
                    break
                _add(word, far[distance], s, b, u)
            if right:
                for distance in range(window):
                    word = text[position + 1 + distance]
                    if word == GAP:
                        break
                    _add(word, far[distance], s, b, u)
        at = _take(at, len(summary), s, b, u, address(columns), address(values))
        ends[row - first] = at
    return stop


@njit(cache=True, nogil=True)
def merge_rows(runs_columns: Ids, runs_values: Sums, pieces: Longs, sums: Sums, bits: Bits, summary: Bits, columns: Ids, values: Sums, ends: Longs) -> None:
    """Add up the same rows of several runs, whose entries lie one after the other.

    Args:
        runs_columns: columns of all these rows of the first run, then of the second ...
        runs_values: the same for the values.
        pieces: (runs, rows + 1) where each row of each run begins there.
        sums: as in `count_rows`, like `bits` and `summary`.
        bits: zeros.
        summary: zeros.
        columns: takes the columns.
        values: takes the sums.
        ends: (rows,) takes where each row ends in `columns`.
    """
    at = 0
    s, b, u = address(sums), address(bits), address(summary)
    for row in range(len(ends)):
        for run in range(len(pieces)):
            for i in range(pieces[run, row], pieces[run, row + 1]):
                _add(runs_columns[i], runs_values[i], s, b, u)
        at = _take(at, len(summary), s, b, u, address(columns), address(values))
        ends[row] = at
