"""GloVe's inner loop (Pennington, Socher & Manning 2014, equation 8, with AdaGrad as in Stanford's program).

    difference  d = w[i] . c[j] + b[i] + e[j] - log X[i, j]
    loss        f(X) d^2 / 2
    gradient    of w[i]: f d c[j], of c[j]: f d w[i], of both biases: f d
    AdaGrad     t = eta gradient;  w -= t / sqrt(g);  g += t^2                        with g = 1 at the start

The biases lie in the rows: a word's row is (w, b, 1), a context's (c, 1, e), so that one product of rows is the whole sum and one update serves
all. The two ones stay because their g is so large that nothing moves them. What is kept is g - 1: near 1, float32 would lose the small squares
of rare words. 1 / sqrt(g) is an estimate: the size of a step may be off by one part in 16,000.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, add, add_product, address, inverse_root, load, multiply, prefetch, splat, store, subtract, total

AHEAD = 8
"""Entries from the one that moves to the one whose rows are asked for: most tiles are so sparse that a row is seldom met again while it is near."""
Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@njit(**COMPILE)
def train(
    words: Floats, contexts: Floats, word_squares: Floats, context_squares: Floats, rows: Ids, columns: Ids, logs: Floats, weights: Floats, first: int, stop: int, paces: Floats
) -> float:
    """Move the rows of both matrices by the entries `first` to `stop`, one after the other.

    Args:
        words: (V, width) float32, width a multiple of 16: vector, bias, 1, zeros.
        contexts: (V, width): vector, 1, bias, zeros.
        word_squares: (V, width): AdaGrad's sums less 1.
        context_squares: the same for the contexts.
        rows: row of each entry.
        columns: column of each entry.
        logs: logarithm of each count.
        weights: weight of each count.
        first: first entry.
        stop: the entry after the last.
        paces: (width,) the step size of each lane.

    Returns:
        The sum of their losses, each as it was before its step.
    """
    width = np.int64(words.shape[1])
    w, c, wg, cg = address(words), address(contexts), address(word_squares), address(context_squares)
    row_of, column_of, log_of, weight_of = address(rows), address(columns), address(logs), address(weights)
    one, losses, pace = splat(np.float32(1)), 0.0, address(paces)
    lanes = np.zeros(LANES, dtype=np.float32)
    spot = address(lanes)
    loss = splat(np.float32(0))
    for at in range(first, stop):
        ahead = min(at + AHEAD, stop - 1)
        i, j = np.int64(row_of[ahead]) * width, np.int64(column_of[ahead]) * width
        for k in range(0, width, LANES):
            prefetch(w, i + k)
            prefetch(c, j + k)
            prefetch(wg, i + k)
            prefetch(cg, j + k)
        i, j = np.int64(row_of[at]) * width, np.int64(column_of[at]) * width
        even = odd = splat(np.float32(0))
        for k in range(0, width - LANES, 2 * LANES):
            even = add_product(load(w, i + k), load(c, j + k), even)
            odd = add_product(load(w, i + k + LANES), load(c, j + k + LANES), odd)
        if width % (2 * LANES):
            even = add_product(load(w, i + width - LANES), load(c, j + width - LANES), even)
        score = add(even, odd)
        short = subtract(splat(log_of[at]), splat(total(score)))
        pull = multiply(short, splat(weight_of[at]))
        loss = add_product(pull, short, loss)
        for k in range(0, width, LANES):
            a, b = load(w, i + k), load(c, j + k)
            p, q = load(wg, i + k), load(cg, j + k)
            step = multiply(pull, load(pace, k))
            s, t = multiply(step, b), multiply(step, a)
            store(w, i + k, add_product(s, inverse_root(add(p, one)), a))
            store(c, j + k, add_product(t, inverse_root(add(q, one)), b))
            store(wg, i + k, add_product(s, s, p))
            store(cg, j + k, add_product(t, t, q))
        if (at - first) % 1024 == 1023:
            store(spot, 0, loss)
            losses += np.float64(lanes[0])
            loss = splat(np.float32(0))
    store(spot, 0, loss)
    return 0.5 * (losses + np.float64(lanes[0]))
