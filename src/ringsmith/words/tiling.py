"""A co-occurrence matrix cut into tiles, and the order in which training visits them.

A round is a set of tiles of which no two share a row or a column of the matrix: a diagonal, as many as there are blocks of words. So threads of
one round never touch the same weights: they need no locks, do not fight for cache lines, and the result is the same with any number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.words.cooccurrence import Cooccurrences
from ringsmith.words.kernels import tiles as kernel
from ringsmith.words.parallel import in_order
from ringsmith.words.spill import Spill, give_back

ENTRY_BYTES = 16
"""A row, a column, a logarithm and a weight."""
BLOCK = 512
"""Words of a block: two blocks of rows with their squares take 1 MB at dimension 100, half of a core's second cache."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """The entries of a matrix (V, V), tile after tile, shuffled within each.

    Attributes:
        rows: (Z,) int32.
        columns: (Z,) int32.
        logs: (Z,) float32, logarithms of the counts.
        weights: (Z,) float32, f(X) of equation 9.
        bounds: (blocks, blocks, 2) first entry of each tile and the one after its last.
        spill: where these arrays lie on disk; None: they lie in memory.
    """

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    logs: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bounds: npt.NDArray[np.int64]
    spill: Spill | None = None

    def rounds(self, seed: list[int]) -> Iterator[list[tuple[int, int]]]:
        """Every tile that has entries once, in rounds, the largest of each first: first entry and the one after the last."""
        generator, blocks = np.random.default_rng(seed), len(self.bounds)
        turned, across = generator.permutation(blocks), np.arange(blocks)
        for shift in generator.permutation(blocks):
            cells = self.bounds[across, turned[(across + shift) % blocks]]
            sizes = cells[:, 1] - cells[:, 0]
            order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
            yield [(int(first), int(stop)) for first, stop in cells[order]]
            if self.spill is not None:
                self.spill.used(int(sizes.sum()) * ENTRY_BYTES)


def cut_into_tiles(counts: Cooccurrences, *, x_max: float, alpha: float, seed: int, threads: int, memory_bytes: int | None = None) -> Tiles:
    """The entries of `counts` in tiles, each tile in a random order that depends on `seed` alone.

    With `memory_bytes`, tiles that need more lie on disk; they are the same.

    Raises:
        MachineError: the disk has no room for them.
    """
    words, entries = len(counts.vocabulary), len(counts)
    edges = np.append(np.arange(0, words, BLOCK), words)
    blocks = len(edges) - 1
    block_of = (np.arange(words) // BLOCK).astype(np.int32)
    sizes = np.zeros((blocks, blocks), dtype=np.int64)

    def count(block: int) -> None:
        kernel.count_tiles(counts.starts, counts.columns, edges[block], edges[block + 1], block_of, sizes[block])

    list(in_order(count, range(blocks), threads=threads))
    ends = np.cumsum(sizes).reshape(blocks, blocks)
    bounds = np.stack([ends - sizes, ends], axis=-1)
    needed = entries * ENTRY_BYTES
    spill = None if memory_bytes is None or needed <= memory_bytes else Spill(needed, memory_bytes, f"the tiles of {entries:,} counts")
    empty: Callable[..., Any] = spill.empty if spill is not None else np.empty
    rows, columns, logs, weights = (empty(entries, dtype) for dtype in (np.int32, np.int32, np.float32, np.float32))

    def fill(block: int) -> None:
        out, state = (rows, columns, logs, weights), np.zeros(1, dtype=np.uint64)
        kernel.fill_tiles(counts.starts, counts.columns, counts.values, edges[block], edges[block + 1], block_of, bounds[block, :, 0].copy(), x_max, alpha, *out)
        for column in range(blocks):
            kernel.shuffle_tile(*bounds[block, column], ((seed * blocks + block) * blocks + column) % (1 << 63), state, *out)
        if spill is not None:
            spill.used(int(sizes[block].sum()) * ENTRY_BYTES)
            give_back(counts.columns)
            give_back(counts.values)

    list(in_order(fill, range(blocks), threads=threads))
    return Tiles(rows, columns, logs, weights, bounds, spill)
