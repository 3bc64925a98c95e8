"""A thread's own copies of the rows of the most frequent words.

Two cores that write to the same row take its cache lines away from each other, and every taking is a wait. Few words make most of these meetings, so
each thread moves copies of their rows, and now and then hands on what they learnt:

    shared += copy - before;  copy = before = shared

so that all threads' moves are added up, as they are without copies; until then the others see the row as it was, some steps late. A row is handed on at
one in `every` of its uses: no counting, and the rows that are moved most are handed on most.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, add, address, load, store, subtract
from ringsmith.words.kernels.memory import on_lines


class Own(NamedTuple):
    """One thread's copies of rows of one matrix.

    Attributes:
        words: words with a number below this have a copy; 0 for none.
        every: a copy is handed on at one in so many uses.
        rows: (words * width,) the copies.
        before: (words * width,) what was shared when each was taken.
    """

    words: int
    every: int
    rows: npt.NDArray[np.float32]
    before: npt.NDArray[np.float32]


def own_rows(shared: npt.NDArray[np.float32], words: int, width: int, every: int) -> Own:
    """Copies of the rows of the first so many words."""
    rows = shared[: words * width]
    return Own(words, every, on_lines(rows), on_lines(rows))


@njit(**COMPILE)
def copies(own: Own, shared: npt.NDArray[np.float32]) -> Any:
    """The same by addresses: what is shared, how many words have copies, at which use they are handed on, the copies, what they were, and how far they are.

    The last is the way from the shared rows to the copies, in floats.
    """
    apart = (np.int64(own.rows.ctypes.data) - np.int64(shared.ctypes.data)) // 4
    return address(shared), np.int64(own.words), np.int64(own.every), address(own.rows), address(own.before), apart


@njit(**COMPILE)
def row_of(word: int, own: Any, width: int) -> int:
    """Where the row of a word lies, counted in floats from the first shared one: its copy, where there is one."""
    return word * width + (own[5] if word < own[1] else 0)


@njit(**COMPILE)
def hand_on(word: int, own: Any, width: int) -> None:
    """Add what the copy of a word's row learnt, if there is one, to the shared row, and take it anew."""
    shared, words, _, rows, before, _ = own
    if word < words:
        for k in range(word * width, (word + 1) * width, LANES):
            now = add(load(shared, k), subtract(load(rows, k), load(before, k)))
            store(shared, k, now)
            store(rows, k, now)
            store(before, k, now)


@njit(**COMPILE)
def hand_on_all(own: Own, shared: npt.NDArray[np.float32], width: int) -> None:
    """Add what all copies learnt to the shared rows."""
    mine = copies(own, shared)
    for word in range(own.words):
        hand_on(word, mine, width)
