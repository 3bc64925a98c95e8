"""3CosMul (Levy and Goldberg 2014): the product of cosines, for one question and for many at once."""

from __future__ import annotations

import numpy as np

from ringsmith.words.neighbours import Best, Floats, Found, Ints, Matrix, blocks, cosines

EPSILON = np.float32(1e-6)
"""Keeps the quotient finite; gensim's value (the paper says 0.001)."""


def product_rows(matrix: Matrix, scale: Floats, plus: Floats, minus: Floats, k: int, *, among: Ints | None = None) -> Found:
    """The k rows with the greatest product of their cosines with `plus` over that with `minus`, cosines moved to 0 to 1.

    Args:
        matrix: (V, d), with `scale` as in `nearest_rows`.
        scale: (V,).
        plus: (p, d) in unit length.
        minus: (q, d) in unit length, q may be 0.
        k: how many.
        among: rows that may be found, or None for all.

    Returns:
        One line of ids and scores.
    """
    best, both = Best(1, k), np.concatenate([plus, minus])
    for take, ids in blocks(len(matrix), among):
        moved = (1 + cosines(matrix, scale, both, take)) / 2
        best.add(moved[: len(plus)].prod(axis=0, keepdims=True) / (moved[len(plus) :].prod(axis=0, keepdims=True) + EPSILON), ids)
    return best.found()
