"""Attention of texts that stand one behind the other without padding, in bfloat16, there and back; one head of some texts is a chunk.

Four queries at a time, keys turned so that 16 of them lie side by side (`kernels_attention.py`). The shares are not kept but made again on
the way back, which costs less than to write them:

    slope of shares   D = slope of out . v^T
    slope of scores   S = shares * (D - sum(shares * D))
    slopes            q: S k / sqrt(size)    k: S^T q / sqrt(size)    v: shares^T (slope of out)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ringsmith._kernels.halves import floats, halves, load_half, longs, store_half, store_turned
from ringsmith._kernels.simd import LANES, add, add_product, address, load, multiply, splat, store, subtract, total
from ringsmith._kernels.team import compiled, kernel
from ringsmith.backbones.kernels_attention import AWAY, mix, score, share

F = np.float32
QUERIES = 4


@kernel
def attend(job: Any, chunk: Any, chunks: Any) -> None:
    """Each text's queries look at its keys.

    The job: texts, heads, size of a head, starts of the texts (one more than there are), whether only the first token of each asks, queries, numbers in a
    row of them, keys, values, numbers in a row of them, biases (of queries, keys and values, one behind the other), out. Queries and out have a row a
    token, or a row a text.
    """
    texts, heads, size, starts, first_only = job[0], job[1], job[2], longs(job[3]), job[4]
    group, head, groups = chunk // heads, chunk % heads, chunks // heads
    first, last, column, width = texts * group // groups, texts * (group + 1) // groups, head * size, heads * size
    q, k, v, biases, out = halves(job[5]), halves(job[7]), halves(job[8]), floats(job[10]), halves(job[11])
    space = np.empty((2 * size + 5) * longest(starts, first, last) + 2 * QUERIES * size, dtype=np.float32)
    s = address(space)
    for text in range(first, last):
        length = starts[text + 1] - starts[text]
        reach = blocks_of(length)
        # Turned keys, scores, mask, values, queries, what they get.
        scores, mask, values, asked, given = size * reach, (size + 4) * reach, (size + 5) * reach, (2 * size + 5) * reach, (2 * size + 5) * reach + QUERIES * size
        turn(k, starts[text] * job[9] + column, job[9], biases, width + column, (length, size, reach), s, 0)
        copy(v, starts[text] * job[9] + column, job[9], biases, 2 * width + column, (length, size), s, values)
        veil(s, mask, length, reach)
        count, row = (np.int64(1), np.int64(text)) if first_only else (length, starts[text])
        shape, rows = (length, size, size, reach, scores, mask), (asked, asked + size, asked + 2 * size, asked + 3 * size)
        results = (given, given + size, given + 2 * size, given + 3 * size)
        for i in range(0, count, QUERIES):
            some = min(QUERIES, count - i)
            copy(q, (row + i) * job[6] + column, job[6], biases, column, (some, size), s, asked)
            mix(s, values, results, s, share(s, score(s, rows, s, shape), shape), shape, s)
            for n in range(some):
                for d in range(0, size, LANES):
                    store_half(out, (row + i + n) * width + column + d, load(s, given + n * size + d))
    space[0] = F(0)  # so long it lives


@kernel
def attend_back(job: Any, chunk: Any, chunks: Any) -> None:
    """The way back through `attend`.

    The job: that of `attend`, with the slope of out in the place of out; then where the slopes of queries, keys and values go (laid out as they are), sums,
    numbers in a row of sums, where in it those of the biases begin.
    """
    texts, heads, size, starts, first_only = job[0], job[1], job[2], longs(job[3]), job[4]
    group, head, groups = chunk // heads, chunk % heads, chunks // heads
    first, last, column, width = texts * group // groups, texts * (group + 1) // groups, head * size, heads * size
    q, k, v, biases, slope, sums, of_query = halves(job[5]), halves(job[7]), halves(job[8]), floats(job[10]), halves(job[11]), floats(job[15]), group * job[16] + job[17] + column
    space = np.empty((5 * size + 9) * longest(starts, first, last) + 3 * QUERIES * size, dtype=np.float32)
    s = address(space)
    for part in range(3):
        fill(sums, of_query + part * width, size)
    for text in range(first, last):
        length, start = starts[text + 1] - starts[text], starts[text] * job[9] + column
        reach = blocks_of(length)
        # Turned keys, scores, mask; turned values, slopes of scores; keys; slopes of keys and of values; queries, slopes of what they got, and theirs.
        turned, slopes, keys, key_slopes = (size + 5) * reach, (2 * size + 5) * reach, (2 * size + 9) * reach, (3 * size + 9) * reach
        asked, veiled = (5 * size + 9) * reach, (length, size, size, reach, size * reach, (size + 4) * reach)
        turn(k, start, job[9], biases, width + column, (length, size, reach), s, 0)
        turn(v, start, job[9], biases, 2 * width + column, (length, size, reach), s, turned)
        copy(k, start, job[9], biases, width + column, (length, size), s, keys)
        fill(s, key_slopes, 2 * size * reach)
        veil(s, veiled[5], length, reach)
        count, row = (np.int64(1), np.int64(text)) if first_only else (length, starts[text])
        for i in range(0, count, QUERIES):
            some = min(QUERIES, count - i)
            if some < QUERIES:
                fill(s, asked, 2 * QUERIES * size)  # a query that is not there has slopes of zero
            copy(q, (row + i) * job[6] + column, job[6], biases, column, (some, size), s, asked)
            widen(slope, (row + i) * width + column, width, (some, size), s, asked + QUERIES * size)
            parts = share(s, score(s, (asked, asked + size, asked + 2 * size, asked + 3 * size), s, veiled), veiled)
            lean(s, parts, (size, reach, size * reach, turned, slopes, asked + QUERIES * size))
            spread(s, (length, size, reach, size * reach, slopes, keys, key_slopes, key_slopes + size * reach, asked))
            narrow(s, asked + 2 * QUERIES * size, (some, size), halves(job[12]), (row + i) * job[6] + column, job[6], sums, of_query)
        narrow(s, key_slopes, (length, size), halves(job[13]), start, job[9], sums, of_query + width)
        narrow(s, key_slopes + size * reach, (length, size), halves(job[14]), start, job[9], sums, of_query + 2 * width)
    space[0] = F(0)  # so long it lives


@compiled
def lean(s: Any, sums: Any, places: Any) -> None:
    """Shares of four queries made whole, and the slopes of their scores (divided by sqrt(size))."""
    size, reach, scores, turned, slopes, outs = places
    one, scale = F(1), splat(F(1) / np.sqrt(F(size)))
    by_a, by_b, by_c, by_d = splat(one / sums[0]), splat(one / sums[1]), splat(one / sums[2]), splat(one / sums[3])
    all_a = all_b = all_c = all_d = splat(F(0))
    for j in range(0, reach, LANES):
        a = b = c = d = splat(F(0))
        for n in range(size):
            values = load(s, turned + n * reach + j)
            a, b = add_product(splat(s[outs + n]), values, a), add_product(splat(s[outs + size + n]), values, b)
            c, d = add_product(splat(s[outs + 2 * size + n]), values, c), add_product(splat(s[outs + 3 * size + n]), values, d)
        at, to = scores + j, slopes + j
        share_a, share_b = multiply(load(s, at), by_a), multiply(load(s, at + reach), by_b)
        share_c, share_d = multiply(load(s, at + 2 * reach), by_c), multiply(load(s, at + 3 * reach), by_d)
        all_a, all_b, all_c, all_d = add_product(share_a, a, all_a), add_product(share_b, b, all_b), add_product(share_c, c, all_c), add_product(share_d, d, all_d)
        four(s, at, reach, share_a, share_b, share_c, share_d)
        four(s, to, reach, a, b, c, d)
    mean_a, mean_b, mean_c, mean_d = splat(total(all_a)), splat(total(all_b)), splat(total(all_c)), splat(total(all_d))
    for j in range(0, reach, LANES):
        at, to = scores + j, slopes + j
        a, b = multiply(load(s, at), subtract(load(s, to), mean_a)), multiply(load(s, at + reach), subtract(load(s, to + reach), mean_b))
        c, d = multiply(load(s, at + 2 * reach), subtract(load(s, to + 2 * reach), mean_c)), multiply(load(s, at + 3 * reach), subtract(load(s, to + 3 * reach), mean_d))
        four(s, to, reach, multiply(a, scale), multiply(b, scale), multiply(c, scale), multiply(d, scale))


@compiled
def spread(s: Any, places: Any) -> None:
    """Slopes of four queries, and what they add to those of keys and values."""
    length, size, reach, scores, slopes, keys, key_slopes, value_slopes, asked = places
    for n in range(0, size, LANES):
        q, o = asked + n, asked + QUERIES * size + n
        q_a, q_b, q_c, q_d = load(s, q), load(s, q + size), load(s, q + 2 * size), load(s, q + 3 * size)
        o_a, o_b, o_c, o_d = load(s, o), load(s, o + size), load(s, o + 2 * size), load(s, o + 3 * size)
        a = b = c = d = splat(F(0))
        for j in range(length):
            at, key = j * size + n, load(s, keys + j * size + n)
            x, y, z, w = splat(s[slopes + j]), splat(s[slopes + reach + j]), splat(s[slopes + 2 * reach + j]), splat(s[slopes + 3 * reach + j])
            a, b, c, d = add_product(x, key, a), add_product(y, key, b), add_product(z, key, c), add_product(w, key, d)
            so_far = add_product(y, q_b, add_product(x, q_a, load(s, key_slopes + at)))
            store(s, key_slopes + at, add_product(w, q_d, add_product(z, q_c, so_far)))
            x, y, z, w = splat(s[scores + j]), splat(s[scores + reach + j]), splat(s[scores + 2 * reach + j]), splat(s[scores + 3 * reach + j])
            so_far = add_product(y, o_b, add_product(x, o_a, load(s, value_slopes + at)))
            store(s, value_slopes + at, add_product(w, o_d, add_product(z, o_c, so_far)))
        four(s, asked + 2 * QUERIES * size + n, size, a, b, c, d)


@compiled
def four(s: Any, at: int, step: int, a: Any, b: Any, c: Any, d: Any) -> None:
    """Write four vectors, so far from each other."""
    store(s, at, a)
    store(s, at + step, b)
    store(s, at + 2 * step, c)
    store(s, at + 3 * step, d)


@compiled
def copy(numbers: Any, at: int, step: int, bias: Any, column: int, shape: Any, s: Any, to: int) -> None:
    """Rows of a head and their bias, as floats one behind the other."""
    for row in range(shape[0]):
        for d in range(0, shape[1], LANES):
            store(s, to + row * shape[1] + d, add(load_half(numbers, at + row * step + d), load(bias, column + d)))


@compiled
def widen(numbers: Any, at: int, step: int, shape: Any, s: Any, to: int) -> None:
    """Rows of a head, as floats one behind the other."""
    for row in range(shape[0]):
        for d in range(0, shape[1], LANES):
            store(s, to + row * shape[1] + d, load_half(numbers, at + row * step + d))


@compiled
def narrow(s: Any, at: int, shape: Any, numbers: Any, to: int, step: int, sums: Any, column: int) -> None:
    """Write the rows of a head, and add them to its sums."""
    for d in range(0, shape[1], LANES):
        sum_up = load(sums, column + d)
        for row in range(shape[0]):
            value = load(s, at + row * shape[1] + d)
            store_half(numbers, to + row * step + d, value)
            sum_up = add(sum_up, value)
        store(sums, column + d, sum_up)


@compiled
def turn(numbers: Any, at: int, step: int, bias: Any, column: int, shape: Any, s: Any, to: int) -> None:
    """Rows of a head and their bias, turned: the same number of all rows lies side by side, filled up with zeros."""
    length, size, reach = shape
    for j in range(0, reach, LANES):
        for d in range(0, size, LANES):
            given = (numbers, at + j * step + d, step, length - j, load(bias, column + d))
            first, second = (line(given, 0), line(given, 1), line(given, 2), line(given, 3)), (line(given, 4), line(given, 5), line(given, 6), line(given, 7))
            third, fourth = (line(given, 8), line(given, 9), line(given, 10), line(given, 11)), (line(given, 12), line(given, 13), line(given, 14), line(given, 15))
            store_turned(s, to + d * reach + j, reach, first + second + third + fourth)


@compiled
def line(given: Any, row: int) -> Any:
    """One of 16 rows with its bias; zeros where there is none."""
    numbers, at, step, rows, bias = given
    return add(load_half(numbers, at + row * step), bias) if row < rows else splat(F(0))


@compiled
def veil(s: Any, mask: int, length: int, reach: int) -> None:
    """What is added to the scores: nothing, and beyond the end of the text as much as leaves no share."""
    for j in range(reach):
        s[mask + j] = F(0) if j < length else AWAY


@compiled
def fill(s: Any, at: int, size: int) -> None:
    """So many zeros, in whole blocks."""
    for n in range(0, size, LANES):
        store(s, at + n, splat(F(0)))


@compiled
def blocks_of(length: Any) -> Any:
    """Length in whole blocks."""
    return (length + LANES - 1) // LANES * LANES


@compiled
def longest(starts: Any, first: int, last: int) -> Any:
    """The longest of these texts, in whole blocks."""
    most = np.int64(0)
    for text in range(first, last):
        most = max(most, starts[text + 1] - starts[text])
    return blocks_of(most)
