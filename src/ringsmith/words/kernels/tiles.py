"""The entries of a co-occurrence matrix in tiles: small squares of it, whose rows and columns of weights stay in a core's cache.

The words are cut into blocks; an entry lies in the tile of its row's and its column's block. Of an entry, training needs the row, the column,
the logarithm and the weight, nothing else: the logarithm is taken here, once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, address
from ringsmith.words.kernels.chance import below, seed

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@njit(**COMPILE)
def count_tiles(starts: Longs, columns: Ids, first: int, stop: int, block_of: Ids, sizes: Longs) -> None:
    """How many entries the rows `first` to `stop`, one block of words, have in each block of columns: added to `sizes`."""
    for i in range(starts[first], starts[stop]):
        sizes[block_of[columns[i]]] += 1


@njit(**COMPILE)
def fill_tiles(
    starts: Longs, columns: Ids, values: Floats, first: int, stop: int, block_of: Ids, places: Longs, x_max: float, alpha: float,
    rows_out: Ids, columns_out: Ids, logs: Floats, weights: Floats,
) -> None:  # fmt: skip
    """Put the entries of one block of rows into its tiles.

    Args:
        starts: (V + 1,) where each row begins.
        columns: (Z,) the columns.
        values: (Z,) the counts.
        first: first row of the block.
        stop: the row after its last.
        block_of: (V,) the block of each word.
        places: (blocks,) where each tile begins in the output; moved on.
        x_max: counts above weigh 1.
        alpha: exponent of the weight below.
        rows_out: (Z,) takes the rows.
        columns_out: (Z,) takes the columns.
        logs: (Z,) takes the logarithms.
        weights: (Z,) takes the weights, f(X) of equation 9.
    """
    for row in range(first, stop):
        for i in range(starts[row], starts[row + 1]):
            block = block_of[columns[i]]
            at = places[block]
            places[block] = at + 1
            value = np.float64(values[i])
            rows_out[at], columns_out[at] = row, columns[i]
            logs[at] = math.log(value)
            weights[at] = 1.0 if value >= x_max else (value / x_max) ** alpha


@njit(**COMPILE)
def shuffle_tile(first: int, stop: int, number: int, state: npt.NDArray[np.uint64], rows: Ids, columns: Ids, logs: Floats, weights: Floats) -> None:
    """Put the entries `first` to `stop` into a random order, given by `number`."""
    s: Any = address(state)
    seed(s, number)
    for i in range(stop - 1, first, -1):
        j = first + below(s, i - first + 1)
        rows[i], rows[j] = rows[j], rows[i]
        columns[i], columns[j] = columns[j], columns[i]
        logs[i], logs[j] = logs[j], logs[i]
        weights[i], weights[j] = weights[j], weights[i]
