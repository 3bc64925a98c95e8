"""What a word shall be told from: itself and negatives (Mikolov et al., 2013, section 2.2), or the turns on its path through a Huffman tree (2.1).

Targets are output rows with a label (1 or 0) and a rate (1, or 0 for a row that does not count), six to a block of 16 lanes as `steps` wants them:
in lanes 0-5, or 6-11 for the second of two sides (`side` is 0 or 6).
Negatives are read from a table that was shuffled once, five in a row of memory, instead of drawn at five places of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, prefetch
from ringsmith.words.kernels.own import row_of
from ringsmith.words.kernels.steps import ROWS


class Draws(NamedTuple):
    """The tables that training draws from.

    Attributes:
        keep: (V,) uint32; a word stays in its sentence when 32 random bits are not above this.
        negatives: word numbers, each as often as it shall be drawn, shuffled.
        path_starts: (V + 1,) where a word's path begins in the two below.
        path_nodes: output rows of the inner nodes of the tree, from the root.
        path_labels: 1 where the path turns left (code 0), else 0.
    """

    keep: npt.NDArray[np.uint32]
    negatives: npt.NDArray[np.int32]
    path_starts: npt.NDArray[np.int64]
    path_nodes: npt.NDArray[np.int32]
    path_labels: npt.NDArray[np.float32]


@njit(**COMPILE)
def place(number: int, side: int) -> int:
    """Lane of target number `number`."""
    return number // ROWS * LANES + number % ROWS + side


@njit(**COMPILE)
def set_plain(slots: Any, side: int, plain: int, blank: int) -> int:
    """What `plain` targets outside a tree have for good: the first is right, the others wrong, all count, then blanks. Returns how many, a multiple of 6.

    Written once for all words: numbers stored one by one and loaded as a vector right after make the processor wait until everything before is done.
    """
    rows, labels, rates = slots
    for number in range(plain):
        lane = place(number, side)
        rows[number] = blank
        labels[lane] = np.float32(1) if number == 0 else np.float32(0)
        rates[lane] = np.float32(1)
    return set_blanks(slots, side, plain, 0, blank)


@njit(**COMPILE)
def set_negatives(slots: Any, side: int, word: int, table: Any, cursor: int, count: int, own: Any, width: int) -> bool:
    """The rows of the word and of `count` negatives from the table; says whether one of these is the word itself, which does not count."""
    rows, _, rates = slots
    rows[0], clash = row_of(word, own, width), False
    for j in range(count):
        other = np.int64(table[cursor + j])
        rows[j + 1] = row_of(other, own, width)
        if other == word:
            rates[place(j + 1, side)] = np.float32(0)
            clash = True
    return clash


@njit(**COMPILE)
def set_rates(slots: Any, side: int, count: int, rate: float) -> None:
    """Give the first `count` targets this rate."""
    for number in range(count):
        slots[2][place(number, side)] = np.float32(rate)


@njit(**COMPILE)
def set_path(slots: Any, side: int, number: int, path: Any, first: int, last: int, width: int) -> int:
    """Targets from `number` on: the nodes of a path; returns how many targets there are."""
    (rows, labels, rates), (nodes, turns) = slots, path
    for i in range(first, last):
        lane = place(number, side)
        rows[number] = np.int64(nodes[i]) * width
        labels[lane] = turns[i]
        rates[lane] = np.float32(1)
        number += 1
    return number


@njit(**COMPILE)
def set_blanks(slots: Any, side: int, number: int, until: int, blank: int) -> int:
    """Targets that do not count, from `number` to a multiple of 6 that is at least `until`; returns it."""
    rows, labels, rates = slots
    while number < until or number % ROWS:
        lane = place(number, side)
        rows[number] = blank
        labels[lane] = rates[lane] = np.float32(0)
        number += 1
    return number


@njit(**COMPILE)
def prefetch_row(x: Any, row: int, width: int) -> None:
    """Ask for a row that is needed soon."""
    for k in range(0, width, LANES):
        prefetch(x, row + k)
