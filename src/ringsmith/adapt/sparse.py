"""Sparse rows: the few operations that n-grams and linear heads share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Matrix: TypeAlias = Any
"""``scipy.sparse.csr_matrix`` of float32 (n, d); scipy carries no types."""


def empty_rows(rows: int) -> Matrix:
    """Rows without columns."""
    return sp.csr_matrix((rows, 0), dtype=np.float32)


def beside(parts: Sequence[Matrix]) -> Matrix:
    """The parts' columns one after the other."""
    return sp.csr_matrix(sp.hstack(parts, format="csr", dtype=np.float32))


def below(parts: Sequence[Matrix]) -> Matrix:
    """The parts' rows one after the other."""
    return sp.csr_matrix(sp.vstack(parts, format="csr"))


def side_by_side(first: Matrix, second: Matrix) -> Matrix:
    """Rows of a pair of texts: both, then what they share (their product, column by column)."""
    return beside([first, second, first.multiply(second).tocsr()])


def scale_columns(rows: Matrix, weights: npt.NDArray[np.float32]) -> Matrix:
    """`rows` with every column times its weight (d,)."""
    return sp.csr_matrix((rows.data * weights[rows.indices], rows.indices, rows.indptr), shape=rows.shape)


def tfidf(counts: Matrix, idf: npt.NDArray[np.float32], *, boundary: int | None = None) -> Matrix:
    """Counts (n, d) as (1 + ln tf) * idf, each row scaled to length 1; all-zero rows stay zero.

    Args:
        counts: how often each term occurs, at least once where it is stored.
        idf: (d,).
        boundary: scale the columns before it and from it on each on their own; None for all together.
    """
    data = (np.log(counts.data.astype(np.float32)) + np.float32(1)) * idf[counts.indices]
    unit = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    if boundary is not None:
        unit = unit * 2 + (counts.indices >= boundary)
    length = np.sqrt(np.bincount(unit, weights=data.astype(np.float64) ** 2)).astype(np.float32)
    return sp.csr_matrix((data / length[unit], counts.indices, counts.indptr), shape=counts.shape)
