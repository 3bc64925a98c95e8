"""What surrounds the products of int8 layers, compiled: each row passes through once and stays in the core's nearest cache.

    quantise     row -> eight bits
    finish       product -> product * scale of the row + rest @ weights of the outlier channels, bias and smallest value
    finish_gelu  the same, GELU, eight bits for the next layer: the wide middle is never written as floats
    finish_norm  the same, plus what is added, layer norm, eight bits for the next layer

Four rows at a time, so that the weights of `finish` are loaded once for four. What happens to a row is the same to the last bit whatever its
neighbours. Widths are whole blocks of 16. Eight bits of a row: `numbers` uint8 (rows, width), steps above the row's smallest value; `scales`
(rows,), the size of a step; `rest` (rows, outliers + 2), the channels that were left out, 1 for the bias, the smallest value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import (
    COMPILE,
    LANES,
    add,
    add_product,
    address,
    clamp,
    largest,
    load,
    maximum,
    minimum,
    multiply,
    quick_divide,
    smallest,
    splat,
    store,
    store_bytes,
    subtract,
    total,
)

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
F = np.float32
FEW = F(1e-12)
HALF, ONE, STEP = F(0.5), F(1), F(1 / 255)
LOW, HIGH = F(-np.inf), F(np.inf)
END = F(5.2)
"""Beyond this the normal distribution is 0 or 1 to float32."""
P0, P1, P2, P3, P4 = F(0.3989412508041873), F(0.05528778679632854), F(0.005924732260304219), F(0.00037991681763814545), F(6.998038703112246e-06)
Q1, Q2, Q3, Q4, Q5 = F(0.3052380019571236), F(0.0407477564945216), F(0.0030709804483211025), F(0.0001375270787979298), F(5.872863566920496e-07)
"""The normal distribution less a half is x P(x^2) / (1 + x^2 Q(x^2)); fitted by weighted least squares until the largest error was least."""


@njit(**COMPILE)
def quantise(x: Floats, keep: Floats, outliers: Longs, numbers: Bytes, scales: Floats, rest: Floats) -> None:
    """Each row of `x` in eight bits.

    Args:
        x: (rows, width).
        keep: (width,) 0 for the outlier channels, 1 for all others.
        outliers: the outlier channels.
        numbers: takes the steps.
        scales: takes the sizes of a step.
        rest: takes what is left out.
    """
    rows, width = x.shape
    p, kept = address(x), address(keep)
    made = (address(numbers), address(scales), address(rest), address(outliers), np.int64(outliers.size))
    for row in range(rows):
        low, high = splat(HIGH), splat(LOW)
        for k in range(0, width, LANES):
            value = multiply(load(p, row * width + k), load(kept, k))
            low, high = minimum(low, value), maximum(high, value)
        write_row(p, row * width, kept, width, (smallest(low), largest(high)), row, made)


@njit(**COMPILE)
def finish(y: Floats, scales: Floats, rest: Floats, weights: Floats) -> None:
    """Turn the product of steps into that of numbers, in place.

    Args:
        y: (rows, width) the product of a row's steps with the weights.
        scales: (rows,) size of a step.
        rest: (rows, n) what was left out.
        weights: (n, width) its weights.
    """
    rows, width = y.shape
    p, given = address(y), (address(y), address(scales), address(rest), address(weights), np.int64(rest.shape[1]), np.int64(width))
    for row in range(0, rows, 4):
        places, sizes = four_rows(row, rows, given)
        for k in range(0, width, LANES):
            a, b, c, d = finished(places, sizes, k, given)
            store(p, places[0] * width + k, a)
            store(p, places[1] * width + k, b)
            store(p, places[2] * width + k, c)
            store(p, places[3] * width + k, d)


@njit(**COMPILE)
def finish_gelu(y: Floats, scales: Floats, rest: Floats, weights: Floats, keep: Floats, outliers: Longs, numbers: Bytes, next_scales: Floats, next_rest: Floats) -> None:
    """`finish`, GELU (in its exact form, by the error function), `quantise`; `y` stays as it is."""
    rows, width = y.shape
    space = np.empty(4 * width, dtype=np.float32)
    p, kept, given = address(space), address(keep), (address(y), address(scales), address(rest), address(weights), np.int64(rest.shape[1]), np.int64(width))
    made = (address(numbers), address(next_scales), address(next_rest), address(outliers), np.int64(outliers.size))
    for row in range(0, rows, 4):
        places, sizes = four_rows(row, rows, given)
        low_a = low_b = low_c = low_d = splat(HIGH)
        high_a = high_b = high_c = high_d = splat(LOW)
        for k in range(0, width, LANES):
            a, b, c, d = finished(places, sizes, k, given)
            a, b, c, d = gelu(a), gelu(b), gelu(c), gelu(d)
            store_four(p, k, width, (a, b, c, d))
            mask = load(kept, k)
            a, b, c, d = multiply(a, mask), multiply(b, mask), multiply(c, mask), multiply(d, mask)
            low_a, low_b, low_c, low_d = minimum(low_a, a), minimum(low_b, b), minimum(low_c, c), minimum(low_d, d)
            high_a, high_b, high_c, high_d = maximum(high_a, a), maximum(high_b, b), maximum(high_c, c), maximum(high_d, d)
        write_row(p, 0, kept, width, (smallest(low_a), largest(high_a)), places[0], made)
        write_row(p, width, kept, width, (smallest(low_b), largest(high_b)), places[1], made)
        write_row(p, 2 * width, kept, width, (smallest(low_c), largest(high_c)), places[2], made)
        write_row(p, 3 * width, kept, width, (smallest(low_d), largest(high_d)), places[3], made)
    space[0] = F(0)  # it is freed after its last use, and addresses of it count for none


@njit(**COMPILE)
def finish_norm(
    y: Floats, scales: Floats, rest: Floats, weights: Floats, old: Floats, gain: Floats, shift: Floats, epsilon: np.float32, out: Floats,
    keep: Floats, outliers: Longs, numbers: Bytes, next_scales: Floats, next_rest: Floats,
) -> None:  # fmt: skip
    """`finish`, plus `old` (rows, width), layer norm by `gain`, `shift` (width,) and `epsilon` into `out`, `quantise`; `y` stays as it is."""
    rows, width = y.shape
    space = np.empty(4 * width, dtype=np.float32)
    p, before, given = address(space), address(old), (address(y), address(scales), address(rest), address(weights), np.int64(rest.shape[1]), np.int64(width))
    norm = (address(gain), address(shift), epsilon, address(out), address(keep))
    made = (address(numbers), address(next_scales), address(next_rest), address(outliers), np.int64(outliers.size))
    for row in range(0, rows, 4):
        places, sizes = four_rows(row, rows, given)
        for k in range(0, width, LANES):
            a, b, c, d = finished(places, sizes, k, given)
            a, b = add(a, load(before, places[0] * width + k)), add(b, load(before, places[1] * width + k))
            c, d = add(c, load(before, places[2] * width + k)), add(d, load(before, places[3] * width + k))
            store_four(p, k, width, (a, b, c, d))
        normalise(p, 0, width, places[0], norm, made)
        normalise(p, width, width, places[1], norm, made)
        normalise(p, 2 * width, width, places[2], norm, made)
        normalise(p, 3 * width, width, places[3], norm, made)
    space[0] = F(0)  # as above


@njit(**COMPILE)
def four_rows(row: int, rows: int, given: Any) -> Any:
    """The numbers of the next four rows and the sizes of their steps; at the end the last row is done again, with the same result."""
    a, b, c, d = np.int64(row), min(row + 1, rows - 1), min(row + 2, rows - 1), min(row + 3, rows - 1)
    scales = given[1]
    return (a, b, c, d), (splat(scales[a]), splat(scales[b]), splat(scales[c]), splat(scales[d]))


@njit(**COMPILE)
def finished(places: Any, sizes: Any, k: int, given: Any) -> Any:
    """Channels k to k + 15 of four rows."""
    y, _, rest, weights, n, width = given
    a = multiply(load(y, places[0] * width + k), sizes[0])
    b = multiply(load(y, places[1] * width + k), sizes[1])
    c = multiply(load(y, places[2] * width + k), sizes[2])
    d = multiply(load(y, places[3] * width + k), sizes[3])
    for j in range(n):
        weight = load(weights, j * width + k)
        a = add_product(splat(rest[places[0] * n + j]), weight, a)
        b = add_product(splat(rest[places[1] * n + j]), weight, b)
        c = add_product(splat(rest[places[2] * n + j]), weight, c)
        d = add_product(splat(rest[places[3] * n + j]), weight, d)
    return a, b, c, d


@njit(**COMPILE)
def store_four(space: Any, k: int, width: int, values: Any) -> None:
    """Channels k to k + 15 of four rows into the space between two passes."""
    store(space, k, values[0])
    store(space, width + k, values[1])
    store(space, 2 * width + k, values[2])
    store(space, 3 * width + k, values[3])


@njit(**COMPILE)
def write_row(x: Any, at: int, keep: Any, width: int, ends: Any, row: int, made: Any) -> None:
    """One row in eight bits: it starts at x[at], and `ends` are its smallest and largest value."""
    numbers, scales, rest, outliers, n = made
    low, high = ends
    place = row * (n + 2)
    for j in range(n):
        rest[place + j] = x[at + outliers[j]]
    scale = max(high - low, FEW) * STEP
    scales[row], rest[place + n], rest[place + n + 1] = scale, ONE, low
    # Half a step up before it is cut off to an integer: that rounds.
    many, offset = splat(ONE / scale), splat(HALF - low * (ONE / scale))
    for k in range(0, width, LANES):
        store_bytes(numbers, row * width + k, add_product(multiply(load(x, at + k), load(keep, k)), many, offset))


@njit(**COMPILE)
def normalise(x: Any, at: int, width: int, row: int, norm: Any, made: Any) -> None:
    """Layer norm of the row that starts at x[at], and the result in eight bits."""
    gain, shift, epsilon, out, keep = norm
    to, count = row * width, F(width)
    level = splat(F(0))
    for k in range(0, width, LANES):
        level = add(level, load(x, at + k))
    level, spread = splat(total(level) / count), splat(F(0))
    for k in range(0, width, LANES):
        difference = subtract(load(x, at + k), level)
        spread = add_product(difference, difference, spread)
    pace = splat(ONE / np.sqrt(total(spread) / count + epsilon))
    low, high = splat(HIGH), splat(LOW)
    for k in range(0, width, LANES):
        value = add_product(multiply(subtract(load(x, at + k), level), pace), load(gain, k), load(shift, k))
        store(out, to + k, value)
        value = multiply(value, load(keep, k))
        low, high = minimum(low, value), maximum(high, value)
    write_row(out, to, keep, width, (smallest(low), largest(high)), row, made)


@njit(**COMPILE)
def gelu(x: Any) -> Any:
    """X times the share of the normal distribution below x, to 2e-6."""
    t = clamp(x, -END, END)
    u = multiply(t, t)
    p = add_product(add_product(add_product(add_product(splat(P4), u, splat(P3)), u, splat(P2)), u, splat(P1)), u, splat(P0))
    q = add_product(add_product(add_product(add_product(splat(Q5), u, splat(Q4)), u, splat(Q3)), u, splat(Q2)), u, splat(Q1))
    return multiply(x, add_product(t, quick_divide(p, add_product(q, u, splat(ONE))), splat(HALF)))
