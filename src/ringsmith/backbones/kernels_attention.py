"""Attention of short rows, compiled: torch's own is made for long ones, and a row of 20 tokens costs it nine times the arithmetic.

    scores = q k^T / sqrt(size)     keys turned, so that 16 of them lie side by side; four queries at a time
    shares = exp(scores - largest)  16 at a time
    out    = shares v / sum

A row's result is the same to the last bit whatever its neighbours. A head's size is a whole number of blocks of 16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, add, add_product, address, largest, load, maximum, multiply, raise_exponent, splat, store, subtract, total

Floats = npt.NDArray[np.float32]
F = np.float32
AWAY = F(-1e30)
"""Score of a key that is not there."""
LEAST = F(-87)
"""exp of less is no normal float32."""
PER_E, MAGIC = F(1.4426950408889634), F(12_582_912)
E0, E1, E2, E3, E4, E5 = F(1.0000001192092896), F(0.6931469440460205), F(0.24022120237350464), F(0.05550713464617729), F(0.009675540961325169), F(0.0013276466634124517)
"""2^x for -0.5 <= x <= 0.5 is E0 + E1 x + ... + E5 x^5; fitted until the largest relative error, 1e-7, was least."""


@njit(**COMPILE)
def attend(query: Floats, key: Floats, value: Floats, length: int, heads: int, out: Floats) -> None:
    """Attention within rows of `length` tokens that follow each other; all four are (tokens, hidden)."""
    tokens, width = query.shape
    size, blocks = width // heads, (length + LANES - 1) // LANES
    space = np.zeros((size + 5) * blocks * LANES, dtype=np.float32)
    turned, reach = address(space), blocks * LANES
    scores, mask = size * reach, (size + 4) * reach
    for j in range(length, reach):
        turned[mask + j] = AWAY
    shape = (np.int64(length), np.int64(width), np.int64(size), np.int64(reach), np.int64(scores), np.int64(mask))
    q, k, v, to = address(query), address(key), address(value), address(out)
    for start in range(0, tokens * width, length * width):
        for at in range(start, start + width, size):
            for j in range(length):
                for d in range(size):
                    turned[d * reach + j] = k[at + j * width + d]
            for i in range(0, length, 4):
                # At the end the last query is done again, with the same result.
                rows = (at + i * width, at + min(i + 1, length - 1) * width, at + min(i + 2, length - 1) * width, at + min(i + 3, length - 1) * width)
                highest = score(q, rows, turned, shape)
                sums = share(turned, highest, shape)
                mix(v, at, rows, turned, sums, shape, to)
    space[0] = F(0)  # it is freed after its last use, and addresses of it count for none


@njit(**COMPILE)
def score(q: Any, rows: Any, turned: Any, shape: Any) -> Any:
    """The scores of four queries into the space behind the turned keys; gives the largest of each."""
    _, _, size, reach, scores, mask = shape
    scale = splat(F(1) / np.sqrt(F(size)))
    high_a = high_b = high_c = high_d = splat(AWAY)
    for j in range(0, reach, LANES):
        a = b = c = d = splat(F(0))
        for n in range(size):
            keys = load(turned, n * reach + j)
            a, b = add_product(splat(q[rows[0] + n]), keys, a), add_product(splat(q[rows[1] + n]), keys, b)
            c, d = add_product(splat(q[rows[2] + n]), keys, c), add_product(splat(q[rows[3] + n]), keys, d)
        away = load(turned, mask + j)
        a, b, c, d = add_product(a, scale, away), add_product(b, scale, away), add_product(c, scale, away), add_product(d, scale, away)
        high_a, high_b, high_c, high_d = maximum(high_a, a), maximum(high_b, b), maximum(high_c, c), maximum(high_d, d)
        store(turned, scores + j, a)
        store(turned, scores + reach + j, b)
        store(turned, scores + 2 * reach + j, c)
        store(turned, scores + 3 * reach + j, d)
    return largest(high_a), largest(high_b), largest(high_c), largest(high_d)


@njit(**COMPILE)
def share(turned: Any, highest: Any, shape: Any) -> Any:
    """exp(score - largest) in place of the scores; gives the sum of each."""
    reach, scores = shape[3], shape[4]
    top_a, top_b, top_c, top_d = splat(highest[0]), splat(highest[1]), splat(highest[2]), splat(highest[3])
    sum_a = sum_b = sum_c = sum_d = splat(F(0))
    for j in range(scores, scores + reach, LANES):
        a, b = exponential(subtract(load(turned, j), top_a)), exponential(subtract(load(turned, reach + j), top_b))
        c, d = exponential(subtract(load(turned, 2 * reach + j), top_c)), exponential(subtract(load(turned, 3 * reach + j), top_d))
        sum_a, sum_b, sum_c, sum_d = add(sum_a, a), add(sum_b, b), add(sum_c, c), add(sum_d, d)
        store(turned, j, a)
        store(turned, reach + j, b)
        store(turned, 2 * reach + j, c)
        store(turned, 3 * reach + j, d)
    return total(sum_a), total(sum_b), total(sum_c), total(sum_d)


@njit(**COMPILE)
def mix(v: Any, at: int, rows: Any, turned: Any, sums: Any, shape: Any, out: Any) -> None:
    """The values of a row by the shares of four queries, into `out`."""
    length, width, size, reach, scores, _ = shape
    one = F(1)
    for n in range(0, size, LANES):
        a = b = c = d = splat(F(0))
        for j in range(length):
            values = load(v, at + j * width + n)
            a, b = add_product(splat(turned[scores + j]), values, a), add_product(splat(turned[scores + reach + j]), values, b)
            c, d = add_product(splat(turned[scores + 2 * reach + j]), values, c), add_product(splat(turned[scores + 3 * reach + j]), values, d)
        store(out, rows[0] + n, multiply(a, splat(one / sums[0])))
        store(out, rows[1] + n, multiply(b, splat(one / sums[1])))
        store(out, rows[2] + n, multiply(c, splat(one / sums[2])))
        store(out, rows[3] + n, multiply(d, splat(one / sums[3])))


@njit(**COMPILE)
def exponential(x: Any) -> Any:
    """e^x for x <= 0, to a millionth of it; below `LEAST` that of `LEAST`."""
    t = multiply(maximum(splat(LEAST), x), splat(PER_E))
    powers = add(t, splat(MAGIC))
    f = subtract(t, subtract(powers, splat(MAGIC)))
    p = add_product(add_product(add_product(splat(E5), f, splat(E4)), f, splat(E3)), f, splat(E2))
    return raise_exponent(add_product(add_product(p, f, splat(E1)), f, splat(E0)), powers)
