"""3CosMul (Levy and Goldberg 2014): the product of cosines, for one question and for many at once."""

from __future__ import annotations

import numpy as np

from ringsmith.words.neighbours import Best, Floats, Found, Ints, Matrix, blocks, cosines

COLUMNS, LINES = 4096, 1024
"""Rows of the vocabulary, and questions, that are multiplied at once."""
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


def product_table(matrix: Matrix, scale: Floats, words: Floats, questions: Ints, k: int) -> Found:
    """3CosMul for many questions that share few words: the words' cosines with a block once, then products.

    Args:
        matrix: (V, d), with `scale` as in `nearest_rows`.
        scale: (V,).
        words: (u, d) in unit length, the different words of all questions.
        questions: (m, 3) numbers of a, b and c among them: what is to c as b is to a.
        k: how many for each.
    """
    best, (a, b, c) = Best(len(questions), k), questions.T
    for take, ids in blocks(len(matrix), size=COLUMNS):
        moved = (1 + cosines(matrix, scale, words, take)) / 2
        for first in range(0, len(questions), LINES):
            part = slice(first, first + LINES)
            best.add(moved[b[part]] * moved[c[part]] / (moved[a[part]] + EPSILON), ids, first)
    return best.found()
