"""What a word shall be told from: itself and negatives (Mikolov et al., 2013, section 2.2), or the turns on its path through a Huffman tree (2.1).

Targets are output rows with a label (1 or 0) and a rate (1, or 0 for a row that does not count), six to a block of 16 lanes as `steps` wants them.
Negatives are read from a table that was shuffled once, five in a row of memory, instead of drawn at five places of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith.words.kernels.simd import COMPILE, LANES, prefetch
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
def place(number: int) -> int:
    """First lane of target number `number`; the second is six further."""
    return number // ROWS * LANES + number % ROWS


@njit(**COMPILE)
def set_target(rows: Any, labels: Any, rates: Any, number: int, row: int, label: float, rate: float) -> None:
    """Write down one target."""
    lane = place(number)
    rows[number] = row
    labels[lane] = labels[lane + ROWS] = np.float32(label)
    rates[lane] = rates[lane + ROWS] = np.float32(rate)


@njit(**COMPILE)
def set_negatives(rows: Any, rates: Any, word: int, table: Any, cursor: int, count: int, width: int) -> None:
    """The word as target 0 and `count` negatives from the table; one that is the word itself does not count."""
    rows[0] = word * width
    for j in range(count):
        other = np.int64(table[cursor + j])
        lane = place(j + 1)
        rows[j + 1] = other * width
        rates[lane] = rates[lane + ROWS] = np.float32(0) if other == word else np.float32(1)


@njit(**COMPILE)
def set_path(rows: Any, labels: Any, rates: Any, number: int, first: int, last: int, nodes: Any, turns: Any, blank: int, width: int) -> int:
    """Targets from `number` on: the nodes of a path, then blanks; returns how many targets there are, a multiple of 6."""
    for i in range(first, last):
        set_target(rows, labels, rates, number, np.int64(nodes[i]) * width, turns[i], 1.0)
        number += 1
    while number % ROWS:
        set_target(rows, labels, rates, number, blank, 0.0, 0.0)
        number += 1
    return number


@njit(**COMPILE)
def prefetch_row(x: Any, row: int, width: int) -> None:
    """Ask for a row that is needed soon."""
    for k in range(0, width, LANES):
        prefetch(x, row + k)
