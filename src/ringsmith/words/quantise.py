"""Vectors in 16 or 8 bits, and what that costs, measured on the vectors themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ringsmith.errors import OptionError
from ringsmith.words.neighbours import Floats, Matrix, blocks, unit
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.vectors import WordVectors

Precision = Literal["float16", "int8"]
LARGEST_HALF = 65504.0
PROBED, KEPT = 1000, 10
"""Words whose neighbours are compared, and how many neighbours of each."""


@dataclass(frozen=True)
class Loss:
    """What a smaller precision cost.

    Attributes:
        precision: ``"float16"`` or ``"int8"``.
        bytes_before: of the matrix as it was, n-grams included.
        bytes_after: of the matrix and its scales, n-grams included.
        cosine_mean: of each vector with itself as it was, 1 for no loss.
        cosine_worst: the smallest of them.
        neighbours_kept: share of the 10 nearest words that are the same, over `words_probed` words drawn at random.
        words_probed: how many.
    """

    precision: str
    bytes_before: int
    bytes_after: int
    cosine_mean: float
    cosine_worst: float
    neighbours_kept: float
    words_probed: int


def quantise(vectors: WordVectors, precision: Precision, *, probed: int = PROBED, seed: int = 0) -> tuple[WordVectors, Loss]:
    """The same words with smaller numbers, and what that cost.

    Args:
        vectors: of any precision.
        precision: ``"float16"``: half the size; ``"int8"``: a quarter, with one float32 scale a row (the largest number becomes 127). Vectors of
            n-grams become float16 with either.
        probed: words whose neighbours are compared; they are drawn with `seed`.
        seed: of that draw.

    Raises:
        OptionError: another precision, or (float16) numbers beyond 65,504.

    Examples:
        >>> small, loss = quantise(WordVectors(["a", "b"], np.array([[1, 2], [3, -4]], dtype=np.float32)), "int8")
        >>> small.matrix.tolist(), round(loss.cosine_worst, 3)
        ([[64, 127], [95, -127]], 1.0)
    """
    if precision not in ("float16", "int8"):
        raise OptionError(f"'precision' must be 'float16' or 'int8'; got {precision!r}. Use 'float16', which loses almost nothing.")
    matrix, scales = (_halves if precision == "float16" else _bytes)(vectors)
    small = replace(vectors, matrix=matrix, scales=scales, ngrams=vectors.ngrams and _halved(vectors.ngrams))
    cosines = _cosines(vectors, small)
    kept, words = _neighbours_kept(vectors, small, probed, seed)
    # A vector of zeros has no direction to lose; float32's last bit must not make a cosine of more than 1.
    mean, worst = (float(min(1.0, figure)) for figure in (cosines.mean(), cosines.min())) if len(cosines) else (1.0, 1.0)
    return small, Loss(precision, _size(vectors), _size(small), mean, worst, kept, words)


def _halved(ngrams: Ngrams) -> Ngrams:
    """In float16, if that holds them."""
    largest = np.abs(ngrams.buckets).max()
    return replace(ngrams, buckets=ngrams.buckets.astype(np.float16)) if largest <= LARGEST_HALF else ngrams


def _size(vectors: WordVectors) -> int:
    """Bytes of all numbers."""
    scales = 0 if vectors.scales is None else vectors.scales.nbytes
    ngrams = 0 if vectors.ngrams is None else vectors.ngrams.buckets.nbytes
    return vectors.matrix.nbytes + scales + ngrams


def _halves(vectors: WordVectors) -> tuple[Matrix, None]:
    matrix = np.empty(vectors.matrix.shape, dtype=np.float16)
    for take, ids in blocks(len(vectors)):
        block = vectors.decoded(take)
        if block.size and np.abs(block).max() > LARGEST_HALF:
            row = int(ids[np.abs(block).max(axis=1).argmax()])
            raise OptionError(f"'precision' float16 holds numbers up to 65,504; the vector of {vectors.words[row]!r} has larger ones. Use 'int8', which scales each row.")
        matrix[ids] = block
    return matrix, None


def _bytes(vectors: WordVectors) -> tuple[Matrix, Floats]:
    matrix, scales = np.empty(vectors.matrix.shape, dtype=np.int8), np.empty(len(vectors), dtype=np.float32)
    for take, ids in blocks(len(vectors)):
        block = vectors.decoded(take)
        largest = np.abs(block).max(axis=1, initial=0)
        scales[ids] = np.where(largest > 0, largest / 127, 1)
        matrix[ids] = np.rint(block / scales[ids][:, None])
    return matrix, scales


def _cosines(before: WordVectors, after: WordVectors) -> Floats:
    parts = [np.einsum("ij,ij->i", unit(before.decoded(take)), unit(after.decoded(take))) for take, _ in blocks(len(before))]
    cosines = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    return np.asarray(cosines[before.norms > 0], dtype=np.float32)


def _neighbours_kept(before: WordVectors, after: WordVectors, probed: int, seed: int) -> tuple[float, int]:
    rows = np.random.default_rng(seed).permutation(len(before))[:probed]
    if not len(rows):
        return 1.0, 0
    k = min(KEPT + 1, len(before))
    one, other = (space.nearest_rows(space.decoded(rows), k).ids for space in (before, after))
    shares = [_share(set(a.tolist()) - {row}, set(b.tolist()) - {row}) for row, a, b in zip(rows.tolist(), one, other, strict=True)]
    return float(np.mean(shares)), len(rows)


def _share(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one) if one else 1.0
