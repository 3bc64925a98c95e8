"""What surrounds the products of a layer that trains in bfloat16, compiled, there and back: each row passes through once.

    add_norm   product -> norm(dropout(product + bias) + old)
    gelu       product -> gelu(product + bias)

A number is read as bfloat16, worked on as float32 and rounded once. What the way back sums up over rows (gradients of biases and norms) each
chunk sums up on its own. Widths are whole blocks of 16; what a job holds stands in each kernel's docstring, addresses under their names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ringsmith._kernels.halves import floats, halves, kept, load_half, store_half
from ringsmith._kernels.simd import LANES, add, add_product, address, clamp, load, multiply, quick_divide, splat, store, subtract, total
from ringsmith._kernels.team import compiled, kernel
from ringsmith.backbones.kernels import END, HALF, ONE, P0, P1, P2, P3, P4, Q1, Q2, Q3, Q4, Q5
from ringsmith.backbones.kernels_attention import exponential

F = np.float32
ROOT = F(0.3989422804014327)
"""1 / sqrt(2 pi)."""


@compiled
def span(rows: int, chunk: int, chunks: int) -> Any:
    """The rows of a chunk: from, to."""
    return rows * chunk // chunks, rows * (chunk + 1) // chunks


@compiled
def scale_of(threshold: int) -> Any:
    """What the numbers that are kept are multiplied with when `threshold` of 2^32 are dropped out."""
    return F(1 / (1 - threshold / 4294967296))


@kernel
def add_norm(job: Any, chunk: Any, chunks: Any) -> None:
    """norm(dropout(product + bias) + old).

    The job: rows, width, product, bias, old, gain, shift, settings (epsilon), seed, threshold, out, hat, pace; `hat` is the norm before gain and shift,
    `pace` one over each row's deviation, both for the way back.
    """
    first, last = span(job[0], chunk, chunks)
    width, y, bias, old, gain, shift = job[1], halves(job[2]), floats(job[3]), halves(job[4]), floats(job[5]), floats(job[6])
    epsilon, seed, threshold, out, hat, pace = floats(job[7])[0], job[8], job[9], halves(job[10]), halves(job[11]), floats(job[12])
    scale, space = scale_of(threshold), np.empty(width, dtype=np.float32)
    s = address(space)
    for row in range(first, last):
        at, sums = row * width, splat(F(0))
        for k in range(0, width, LANES):
            value = add_product(add(load_half(y, at + k), load(bias, k)), kept(seed, at + k, threshold, scale), load_half(old, at + k))
            sums = add(sums, value)
            store(s, k, value)
        mean, sums = splat(total(sums) / F(width)), splat(F(0))
        for k in range(0, width, LANES):
            value = subtract(load(s, k), mean)
            sums = add_product(value, value, sums)
            store(s, k, value)
        pace[row] = F(1) / np.sqrt(total(sums) / F(width) + epsilon)
        times = splat(pace[row])
        for k in range(0, width, LANES):
            value = multiply(load(s, k), times)
            store_half(hat, at + k, value)
            store_half(out, at + k, add_product(value, load(gain, k), load(shift, k)))
    space[0] = F(0)  # so long it lives


@kernel
def add_norm_back(job: Any, chunk: Any, chunks: Any) -> None:
    """The way back through `add_norm`.

    The job: rows, width, slope, other slope (0 for none), hat, pace, gain, seed, threshold, slope of old, slope of product, sums, numbers in a row of sums,
    where in it those of gain, shift and bias begin. What comes in are two slopes to be added: of the next layer's product, and past it.
    """
    first, last = span(job[0], chunk, chunks)
    width, one, two, hat, pace, gain = job[1], halves(job[2]), halves(job[3]), halves(job[4]), floats(job[5]), floats(job[6])
    seed, threshold, to_old, to_product, sums = job[7], job[8], halves(job[9]), halves(job[10]), floats(job[11])
    of_gain, of_shift, of_bias = chunk * job[12] + job[13], chunk * job[12] + job[14], chunk * job[12] + job[15]
    scale, space = scale_of(threshold), np.empty(width, dtype=np.float32)
    s = address(space)
    for k in range(0, width, LANES):
        store(sums, of_gain + k, splat(F(0)))
        store(sums, of_shift + k, splat(F(0)))
        store(sums, of_bias + k, splat(F(0)))
    for row in range(first, last):
        at, plain, along = row * width, splat(F(0)), splat(F(0))
        for k in range(0, width, LANES):
            slope, value = load_half(one, at + k), load_half(hat, at + k)
            if job[3]:
                slope = add(slope, load_half(two, at + k))
            store(sums, of_gain + k, add_product(slope, value, load(sums, of_gain + k)))
            store(sums, of_shift + k, add(slope, load(sums, of_shift + k)))
            slope = multiply(slope, load(gain, k))
            plain, along = add(plain, slope), add_product(slope, value, along)
            store(s, k, slope)
        mean, less, times = splat(total(plain) / F(width)), splat(-total(along) / F(width)), splat(pace[row])
        for k in range(0, width, LANES):
            slope = multiply(add_product(load_half(hat, at + k), less, subtract(load(s, k), mean)), times)
            store_half(to_old, at + k, slope)
            slope = multiply(slope, kept(seed, at + k, threshold, scale))
            store_half(to_product, at + k, slope)
            store(sums, of_bias + k, add(slope, load(sums, of_bias + k)))
    space[0] = F(0)  # so long it lives


@kernel
def gelu(job: Any, chunk: Any, chunks: Any) -> None:
    """GELU of product + bias, in its exact form. The job: rows, width, product, bias, out."""
    first, last = span(job[0], chunk, chunks)
    width, y, bias, out = job[1], halves(job[2]), floats(job[3]), halves(job[4])
    for row in range(first, last):
        at = row * width
        for k in range(0, width, LANES):
            x = add(load_half(y, at + k), load(bias, k))
            store_half(out, at + k, multiply(x, below(x)))


@kernel
def gelu_back(job: Any, chunk: Any, chunks: Any) -> None:
    """The way back through `gelu`.

    The job: rows, width, product, bias, slope (which becomes that of the product), sums, numbers in a row of sums, where in it those of the bias begin.
    """
    first, last = span(job[0], chunk, chunks)
    width, y, bias, slope, sums, to = job[1], halves(job[2]), floats(job[3]), halves(job[4]), floats(job[5]), chunk * job[6] + job[7]
    for k in range(0, width, LANES):
        store(sums, to + k, splat(F(0)))
    for row in range(first, last):
        at = row * width
        for k in range(0, width, LANES):
            x = add(load_half(y, at + k), load(bias, k))
            density = multiply(exponential(multiply(multiply(x, x), splat(-HALF))), splat(ROOT))
            value = multiply(load_half(slope, at + k), add_product(x, density, below(x)))
            store_half(slope, at + k, value)
            store(sums, to + k, add(value, load(sums, to + k)))


@compiled
def below(x: Any) -> Any:
    """The share of the normal distribution below x, to 2e-6 (fitted in `kernels.py`)."""
    t = clamp(x, -END, END)
    u = multiply(t, t)
    p = add_product(add_product(add_product(add_product(splat(P4), u, splat(P3)), u, splat(P2)), u, splat(P1)), u, splat(P0))
    q = add_product(add_product(add_product(add_product(splat(Q5), u, splat(Q4)), u, splat(Q3)), u, splat(Q2)), u, splat(Q1))
    return add_product(t, quick_divide(p, add_product(q, u, splat(ONE))), splat(HALF))
