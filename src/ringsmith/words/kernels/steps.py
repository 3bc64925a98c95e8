"""One step of word2vec: some input vectors, some output rows, everybody moves. All that is fast about training is here.

    scores     s[c, j] = x[c] . o[j]                     for every input x[c] and every output row o[j]
    gradients  g[c, j] = (label[j] - sigmoid(s[c, j])) * rate[j]
    inputs     x[c] += sum over j of g[c, j] o[j]
    outputs    o[j] += sum over c of g[c, j] x[c]         with the x[c] from before the step

(Mikolov et al., 2013, equation 4.) The output rows are shared by all inputs of a step, as in pWord2Vec (Ji et al., 2016), which makes it three small
matrix products. They run over `ROWS` output rows at a time: with two inputs that is 12 sums in registers.

Arguments are addresses (`simd.address`): a vector is named by the number of its first float, and widths are whole blocks of 16. `labels` and
`rates` hold 16 lanes for every six output rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, add, add_product, clamp, divide, load, multiply, splat, store, subtract, sums, twice

ROWS = 6
"""Output rows of a step: the word and five negatives, word2vec's default."""
FOUR = 4 * LANES


@njit(**COMPILE)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), lane by lane, to 2e-5: half of 1 + tanh(x / 2), by Lambert's continued fraction, cut where it reaches 1."""
    x = clamp(multiply(x, splat(np.float32(0.5))), np.float32(-4.97), np.float32(4.97))
    square = multiply(x, x)
    above = add_product(add_product(add(square, splat(np.float32(378))), square, splat(np.float32(17325))), square, splat(np.float32(135135)))
    below = add_product(add_product(add_product(splat(np.float32(28)), square, splat(np.float32(3150))), square, splat(np.float32(62370))), square, splat(np.float32(135135)))
    half = splat(np.float32(0.5))
    return add_product(divide(multiply(x, above), below), half, half)


@njit(**COMPILE)
def score_two(x: Any, a: int, b: int, outputs: Any, rows: Any, first: int, width: int) -> Any:
    """Scores of the inputs at `a` (lanes 0-5) and `b` (lanes 6-11) with six output rows."""
    r0, r1, r2, r3, r4, r5 = rows[first], rows[first + 1], rows[first + 2], rows[first + 3], rows[first + 4], rows[first + 5]
    zero = splat(np.float32(0))
    a0 = a1 = a2 = a3 = a4 = a5 = b0 = b1 = b2 = b3 = b4 = b5 = zero
    for k in range(0, width, LANES):
        va, vb = load(x, a + k), load(x, b + k)
        row = load(outputs, r0 + k)
        a0, b0 = add_product(va, row, a0), add_product(vb, row, b0)
        row = load(outputs, r1 + k)
        a1, b1 = add_product(va, row, a1), add_product(vb, row, b1)
        row = load(outputs, r2 + k)
        a2, b2 = add_product(va, row, a2), add_product(vb, row, b2)
        row = load(outputs, r3 + k)
        a3, b3 = add_product(va, row, a3), add_product(vb, row, b3)
        row = load(outputs, r4 + k)
        a4, b4 = add_product(va, row, a4), add_product(vb, row, b4)
        row = load(outputs, r5 + k)
        a5, b5 = add_product(va, row, a5), add_product(vb, row, b5)
    return sums((a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5))


@njit(**COMPILE)
def move(x: Any, places: Any, count: int, outputs: Any, rows: Any, first: int, gradients: Any, width: int) -> None:
    """Move `count` inputs and six output rows by the gradients (count, 6)."""
    r0, r1, r2, r3, r4, r5 = rows[first], rows[first + 1], rows[first + 2], rows[first + 3], rows[first + 4], rows[first + 5]
    zero = splat(np.float32(0))
    for k in range(0, width, LANES):
        o0, o1, o2 = load(outputs, r0 + k), load(outputs, r1 + k), load(outputs, r2 + k)
        o3, o4, o5 = load(outputs, r3 + k), load(outputs, r4 + k), load(outputs, r5 + k)
        d0 = d1 = d2 = d3 = d4 = d5 = zero
        for c in range(count):
            at = places[c] + k
            old = load(x, at)
            g = splat(gradients[c * ROWS])
            d0, new = add_product(g, old, d0), add_product(g, o0, old)
            g = splat(gradients[c * ROWS + 1])
            d1, new = add_product(g, old, d1), add_product(g, o1, new)
            g = splat(gradients[c * ROWS + 2])
            d2, new = add_product(g, old, d2), add_product(g, o2, new)
            g = splat(gradients[c * ROWS + 3])
            d3, new = add_product(g, old, d3), add_product(g, o3, new)
            g = splat(gradients[c * ROWS + 4])
            d4, new = add_product(g, old, d4), add_product(g, o4, new)
            g = splat(gradients[c * ROWS + 5])
            d5, new = add_product(g, old, d5), add_product(g, o5, new)
            store(x, at, new)
        # Loaded once more: a row that was drawn twice gets both moves.
        store(outputs, r0 + k, add(load(outputs, r0 + k), d0))
        store(outputs, r1 + k, add(load(outputs, r1 + k), d1))
        store(outputs, r2 + k, add(load(outputs, r2 + k), d2))
        store(outputs, r3 + k, add(load(outputs, r3 + k), d3))
        store(outputs, r4 + k, add(load(outputs, r4 + k), d4))
        store(outputs, r5 + k, add(load(outputs, r5 + k), d5))


@njit(**COMPILE)
def step(x: Any, places: Any, count: int, outputs: Any, rows: Any, total: int, labels: Any, rates: Any, rate: float, gradients: Any, width: int, watched: bool) -> float:
    """Steps of `count` inputs with `total` output rows, six at a time (`total` is a multiple of 6); returns their loss if `watched`, else 0.

    `places` has room for one place more than `count`, `gradients` for 16 floats more than count x 6.
    """
    loss = 0.0
    places[count] = places[count - 1]  # partner of the last one where they are odd; its scores are not used
    for first in range(0, total, ROWS):
        lanes = first // ROWS * LANES
        wanted, pace = twice(load(labels, lanes)), twice(multiply(load(rates, lanes), splat(np.float32(rate))))
        for c in range(0, count, 2):
            scores = score_two(x, places[c], places[c + 1], outputs, rows, first, width)
            store(gradients, c * ROWS, multiply(subtract(wanted, sigmoid(scores)), pace))
        move(x, places, count, outputs, rows, first, gradients, width)
        loss += loss_of(gradients, count * ROWS, rate) if watched else 0.0
    return loss


@njit(**COMPILE)
def loss_of(gradients: Any, count: int, rate: float) -> float:
    """Sum of -log of the probability given to what was right, told from the gradients of a step: |g| = rate * (1 - p)."""
    loss = 0.0
    for i in range(count):
        loss -= math.log(max(1e-6, 1.0 - abs(gradients[i]) / rate))
    return loss


@njit(**COMPILE)
def score_sides(hidden: Any, outputs: Any, left: Any, right: Any, first: int, width: int) -> Any:
    """Scores of the vector at 0 with six rows of `left` (lanes 0-5), and of the one at `width` with six rows of `right` (lanes 6-11)."""
    l0, l1, l2, l3, l4, l5 = left[first], left[first + 1], left[first + 2], left[first + 3], left[first + 4], left[first + 5]
    r0, r1, r2, r3, r4, r5 = right[first], right[first + 1], right[first + 2], right[first + 3], right[first + 4], right[first + 5]
    a0 = a1 = a2 = a3 = a4 = a5 = b0 = b1 = b2 = b3 = b4 = b5 = splat(np.float32(0))
    for k in range(0, width, LANES):
        a, b = load(hidden, k), load(hidden, width + k)
        a0, b0 = add_product(a, load(outputs, l0 + k), a0), add_product(b, load(outputs, r0 + k), b0)
        a1, b1 = add_product(a, load(outputs, l1 + k), a1), add_product(b, load(outputs, r1 + k), b1)
        a2, b2 = add_product(a, load(outputs, l2 + k), a2), add_product(b, load(outputs, r2 + k), b2)
        a3, b3 = add_product(a, load(outputs, l3 + k), a3), add_product(b, load(outputs, r3 + k), b3)
        a4, b4 = add_product(a, load(outputs, l4 + k), a4), add_product(b, load(outputs, r4 + k), b4)
        a5, b5 = add_product(a, load(outputs, l5 + k), a5), add_product(b, load(outputs, r5 + k), b5)
    return sums((a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5))


@njit(**COMPILE)
def move_side(hidden: Any, error: Any, at: int, outputs: Any, rows: Any, first: int, gradients: Any, side: int, width: int) -> None:
    """Add to `error` (from float `at` on) what moves the vector `hidden` there; move six output rows by gradients `side` to `side` + 5."""
    r0, r1, r2, r3, r4, r5 = rows[first], rows[first + 1], rows[first + 2], rows[first + 3], rows[first + 4], rows[first + 5]
    g0, g1, g2 = splat(gradients[side]), splat(gradients[side + 1]), splat(gradients[side + 2])
    g3, g4, g5 = splat(gradients[side + 3]), splat(gradients[side + 4]), splat(gradients[side + 5])
    for k in range(0, width, LANES):
        h = load(hidden, at + k)
        even, odd = add_product(g0, load(outputs, r0 + k), load(error, at + k)), multiply(g1, load(outputs, r1 + k))
        even, odd = add_product(g2, load(outputs, r2 + k), even), add_product(g3, load(outputs, r3 + k), odd)
        even, odd = add_product(g4, load(outputs, r4 + k), even), add_product(g5, load(outputs, r5 + k), odd)
        store(error, at + k, add(even, odd))
        # One after the other: a row that was drawn twice gets both moves.
        store(outputs, r0 + k, add_product(g0, h, load(outputs, r0 + k)))
        store(outputs, r1 + k, add_product(g1, h, load(outputs, r1 + k)))
        store(outputs, r2 + k, add_product(g2, h, load(outputs, r2 + k)))
        store(outputs, r3 + k, add_product(g3, h, load(outputs, r3 + k)))
        store(outputs, r4 + k, add_product(g4, h, load(outputs, r4 + k)))
        store(outputs, r5 + k, add_product(g5, h, load(outputs, r5 + k)))


@njit(**COMPILE)
def step_sides(hidden: Any, error: Any, outputs: Any, left: Any, right: Any, total: int, labels: Any, rates: Any, rate: float, gradients: Any, width: int, watched: bool) -> float:
    """Steps of two vectors, each with `total` output rows of its own, six at a time; what moves them is added to `error`.

    The vectors stay; they stand in `hidden` one after the other, as their errors do. A single step waits for one number after the other; two that have
    nothing to do with each other share the wait. Returns the loss if `watched`, else 0.
    """
    loss = 0.0
    for first in range(0, total, ROWS):
        lanes = first // ROWS * LANES
        pace = multiply(load(rates, lanes), splat(np.float32(rate)))
        scores = score_sides(hidden, outputs, left, right, first, width)
        store(gradients, 0, multiply(subtract(load(labels, lanes), sigmoid(scores)), pace))
        move_side(hidden, error, 0, outputs, left, first, gradients, 0, width)
        move_side(hidden, error, width, outputs, right, first, gradients, ROWS, width)
        loss += loss_of(gradients, 2 * ROWS, rate) if watched else 0.0
    return loss


@njit(**COMPILE)
def gather(x: Any, places: Any, count: int, share: float, hidden: Any, error: Any, at: int, width: int) -> None:
    """Make `hidden` `share` times the sum of the inputs at `places`, and `error` 0; both from float `at` on.

    Four blocks at a time: a sum alone waits for each of its additions.
    """
    part, zero, whole = splat(np.float32(share)), splat(np.float32(0)), width // FOUR * FOUR
    for k in range(0, whole, FOUR):
        a = b = c = d = zero
        for i in range(count):
            row = places[i] + k
            a, b = add(a, load(x, row)), add(b, load(x, row + LANES))
            c, d = add(c, load(x, row + 2 * LANES)), add(d, load(x, row + 3 * LANES))
        store(hidden, at + k, multiply(a, part))
        store(hidden, at + k + LANES, multiply(b, part))
        store(hidden, at + k + 2 * LANES, multiply(c, part))
        store(hidden, at + k + 3 * LANES, multiply(d, part))
    for k in range(whole, width, LANES):
        total = zero
        for i in range(count):
            total = add(total, load(x, places[i] + k))
        store(hidden, at + k, multiply(total, part))
    for k in range(at, at + width, LANES):
        store(error, k, zero)


@njit(**COMPILE)
def spread(x: Any, places: Any, count: int, share: float, error: Any, at: int, width: int) -> None:
    """Add `share` times the error (from float `at` on) to each input at `places`; four blocks at a time, the error stays in registers."""
    part, whole = splat(np.float32(share)), width // FOUR * FOUR
    for k in range(0, whole, FOUR):
        a, b = multiply(part, load(error, at + k)), multiply(part, load(error, at + k + LANES))
        c, d = multiply(part, load(error, at + k + 2 * LANES)), multiply(part, load(error, at + k + 3 * LANES))
        for i in range(count):
            row = places[i] + k
            store(x, row, add(load(x, row), a))
            store(x, row + LANES, add(load(x, row + LANES), b))
            store(x, row + 2 * LANES, add(load(x, row + 2 * LANES), c))
            store(x, row + 3 * LANES, add(load(x, row + 3 * LANES), d))
    for k in range(whole, width, LANES):
        a = multiply(part, load(error, at + k))
        for i in range(count):
            store(x, places[i] + k, add(load(x, places[i] + k), a))
