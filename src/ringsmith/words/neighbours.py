"""Exact nearest neighbours: one blocked matrix product, and of every block only what can still be among the best.

- The vocabulary goes by in blocks; a block is multiplied with all queries at once, whatever its precision (float32, float16, int8).
- Each query keeps its k best so far. Of the next block only scores above the worst of them are looked at: one comparison a score, no sort.
- Norms are computed once for a space, never for a query.
- Left out: cosine by sorting all scores, and a copy of the whole matrix in unit length (it doubles memory and cannot be mapped).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError

Matrix = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
CELLS = 1 << 22
"""Scores held at once: 16 MB."""
BLOCK = 8192
"""Rows of the vocabulary multiplied at once; large enough for the product to run at full speed."""
FEW = 64
"""Up to so many queries it is cheaper to scale the scores than the block."""


@dataclass(frozen=True, eq=False)
class Found:
    """The nearest rows of many queries.

    Attributes:
        ids: (m, k) numbers of rows, nearest first; equal scores in the order of the rows. -1 where fewer than k rows were looked at.
        scores: (m, k) float32, for cosine -1 to 1; -inf beside an id of -1.
    """

    ids: Ints
    scores: Floats


class Best:
    """The k best of each query so far; feed it blocks of scores.

    Args:
        queries: m.
        k: how many are kept for each.

    Examples:
        >>> best = Best(1, 2)
        >>> best.add(np.array([[0.1, 0.9, 0.5]], dtype=np.float32), np.arange(3))
        >>> best.found().ids
        array([[1, 2]])
    """

    def __init__(self, queries: int, k: int) -> None:
        self._scores = np.full((queries, k), -np.inf, dtype=np.float32)
        self._ids = np.full((queries, k), -1, dtype=np.int64)
        self._k = k

    def add(self, scores: Floats, ids: Ints, first: int = 0) -> None:
        """Look at the scores (b, n) of queries `first` to `first + b` with the rows `ids` (n,)."""
        floor = self._scores[first : first + len(scores), -1]
        if np.isneginf(floor).any():
            return self._merge_all(scores, ids, first)
        rows, columns = np.divmod(np.flatnonzero(scores > floor[:, None]), scores.shape[1])
        starts = np.searchsorted(rows, np.arange(len(scores) + 1))
        for query in np.unique(rows):
            part = columns[starts[query] : starts[query + 1]]
            self._merge(first + int(query), scores[query, part], ids[part])
        return None

    def found(self) -> Found:
        """What was best."""
        return Found(self._ids, self._scores)

    def _merge_all(self, scores: Floats, ids: Ints, first: int) -> None:
        for query, line in enumerate(scores, start=first):
            self._merge(query, line, ids)

    def _merge(self, query: int, scores: Floats, ids: Ints) -> None:
        if len(scores) > 4 * self._k:
            # Of equal scores at the border the first rows must stay, so everything that equals the k-th best comes along.
            border = np.partition(scores, len(scores) - self._k)[len(scores) - self._k]
            kept = np.flatnonzero(scores >= border)
            scores, ids = scores[kept], ids[kept]
        joint, numbers = np.concatenate([self._scores[query], scores]), np.concatenate([self._ids[query], ids])
        order = np.lexsort((numbers, -joint))[: self._k]
        self._scores[query], self._ids[query] = joint[order], numbers[order]


def inverse(norms: Floats) -> Floats:
    """1 / norm, and 0 for a vector of zeros (its cosine with everything is 0)."""
    return np.divide(np.float32(1), norms, out=np.zeros(len(norms), dtype=np.float32), where=norms > 0)


def unit(vectors: Matrix) -> Floats:
    """The vectors (m, d) in length 1; zeros stay zeros."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return np.asarray(vectors * inverse(np.linalg.norm(vectors, axis=1).astype(np.float32))[:, None], dtype=np.float32)


def blocks(rows: int, among: Ints | None = None, size: int = BLOCK) -> Iterator[tuple[slice | Ints, Ints]]:
    """How to take each block from the matrix, and the numbers of its rows."""
    for start in range(0, rows if among is None else len(among), size):
        if among is None:
            end = min(start + size, rows)
            yield slice(start, end), np.arange(start, end)
        else:
            yield among[start : start + size], among[start : start + size]


def cosines(matrix: Matrix, scale: Floats, queries: Floats, take: slice | Ints) -> Floats:
    """Scores (m, b) of queries in unit length with one block of the matrix.

    Args:
        matrix: (V, d) of any number type.
        scale: (V,) what each row is multiplied by to get unit length.
        queries: (m, d) float32.
        take: the block.
    """
    block = matrix[take]
    if len(queries) <= FEW and block.dtype == np.float32:
        return np.asarray((queries @ block.T) * scale[take])
    return np.asarray(queries @ (block * scale[take][:, None]).astype(np.float32, copy=False).T)


def nearest_rows(matrix: Matrix, scale: Floats, queries: Floats, k: int, *, among: Ints | None = None) -> Found:
    """The k rows with the greatest cosine for each query.

    Args:
        matrix: (V, d) float32, float16 or int8, in memory or mapped.
        scale: (V,) what each row is multiplied by to get unit length (`inverse` of the norms).
        queries: (m, d) in unit length (see `unit`).
        k: at least 1.
        among: numbers of the rows that may be found, or None for all.

    Examples:
        >>> nearest_rows(np.eye(3, dtype=np.float32), np.ones(3, np.float32), np.array([[0.6, 0.8, 0]], np.float32), 2).ids
        array([[1, 0]])
    """
    best = Best(len(queries), k)
    for take, ids in blocks(len(matrix), among):
        for first in range(0, len(queries), step := max(1, CELLS // BLOCK)):
            best.add(cosines(matrix, scale, queries[first : first + step], take), ids, first)
    return best.found()


def norms_of(matrix: Matrix) -> Floats:
    """Lengths (V,) of the rows, in blocks.

    Raises:
        InputError: a row holds NaN or infinity.
    """
    norms = np.empty(len(matrix), dtype=np.float32)
    for take, ids in blocks(len(matrix)):
        block = np.asarray(matrix[take], dtype=np.float32)
        norms[ids] = np.sqrt(np.einsum("ij,ij->i", block, block))
    if not np.isfinite(norms).all():
        row = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise InputError(f"Vectors must hold finite numbers; got NaN, infinity or a number beyond float32's squares in row {row}. Train again or remove this word.")
    return norms
