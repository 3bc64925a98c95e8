"""Lines of a vector file to rows of float32; the slow twin is ``float(token)``.

A decimal becomes a whole number of at most 19 digits times a power of ten, in float64: at most a few units in its last place from the truth.
That decides the float32 unless the truth lies that near to the middle between two of them (one number in ten million): such a number, and
whatever else is unusual (nan, inf, hexadecimal, beyond float32), is left to the caller, who asks Python. So every result is that of
``np.float32(float(token))``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
DONE, SLOW, SHORT, WORDLESS = range(4)
"""What became of a line: parsed; for the caller to parse; too few numbers; no word before them."""
MOST_DIGITS = 18
POWERS: npt.NDArray[np.float64] = np.array([float(f"1e{power}") for power in range(64)])
SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
BELOW = np.int64(0x1FFFFFFF)
"""The bits of a float64 that a float32 has no room for."""
MIDDLE, NEAR = np.int64(0x10000000), np.int64(8)


@njit(cache=True, nogil=True, inline="always")
def _is_blank(byte: int) -> bool:
    return byte == 32 or byte == 9


@njit(cache=True, nogil=True)
def decimal(text: Bytes, start: int, stop: int) -> tuple[float, bool]:
    """The number written in ``text[start:stop]``, and whether its float32 is certain."""
    at, digits, power, mantissa = start, 0, np.int64(0), np.uint64(0)
    negative = at < stop and text[at] == 45
    if at < stop and (text[at] == 45 or text[at] == 43):
        at += 1
    first, points, seen = at, 0, 0
    while at < stop:
        byte = text[at]
        if 48 <= byte <= 57:
            seen += 1
            if digits < MOST_DIGITS:
                mantissa = mantissa * np.uint64(10) + np.uint64(byte - 48)
                digits += 1 if mantissa > np.uint64(0) else 0
                power -= points
            else:
                power += 1 - points
        elif byte == 46 and points == 0:
            points = 1
        else:
            break
        at += 1
    if seen == 0 or at == first:
        return 0.0, False
    if at < stop:
        shift, sign, read = np.int64(0), 1, 0
        if text[at] != 101 and text[at] != 69:
            return 0.0, False
        at += 1
        if at < stop and (text[at] == 45 or text[at] == 43):
            sign = -1 if text[at] == 45 else 1
            at += 1
        while at < stop and 48 <= text[at] <= 57 and read < 4:
            shift = shift * 10 + np.int64(text[at] - 48)
            read += 1
            at += 1
        if read == 0 or at < stop:
            return 0.0, False
        power += sign * shift
    if mantissa == np.uint64(0):
        return (-0.0 if negative else 0.0), True
    if power > 63 or power < -63:
        return 0.0, False
    value = float(mantissa) * POWERS[power] if power >= 0 else float(mantissa) / POWERS[-power]
    if value < SMALLEST or value > LARGEST:
        return 0.0, False
    off = (np.float64(value).view(np.int64) & BELOW) - MIDDLE
    return (-value if negative else value), bool(off > NEAR or off < -NEAR)


@njit(cache=True, nogil=True)
def parse_rows(text: Bytes, starts: Longs, stops: Longs, out: Floats, word_stops: Longs, states: Bytes) -> None:
    """Parse lines "word number number ...": the last d fields are the numbers, all before them is the word.

    Args:
        text: the bytes of a block.
        starts: (n,) where each line begins.
        stops: (n,) where it ends, without the newline.
        out: (n, d) takes the numbers.
        word_stops: (n,) takes where each word ends.
        states: (n,) takes `DONE`, `SLOW` (the line is for the caller), `SHORT` or `WORDLESS`.
    """
    width = out.shape[1]
    for line in range(len(starts)):
        start, stop = starts[line], stops[line]
        while stop > start and (_is_blank(text[stop - 1]) or text[stop - 1] == 13):
            stop -= 1
        at, fields = stop, 0
        while fields < width and at > start:
            while at > start and not _is_blank(text[at - 1]):
                at -= 1
            fields += 1
            while at > start and _is_blank(text[at - 1]):
                at -= 1
        word_stops[line] = at
        if fields < width:
            states[line] = SHORT
            continue
        if at == start:
            # The word was taken for a number: there is one field too few; or the line begins with a blank.
            states[line] = WORDLESS if _is_blank(text[start]) else SHORT
            continue
        states[line] = DONE
        for column in range(width):
            while _is_blank(text[at]):
                at += 1
            begin = at
            while at < stop and not _is_blank(text[at]):
                at += 1
            value, certain = decimal(text, begin, at)
            if not certain:
                states[line] = SLOW
                break
            out[line, column] = value


@njit(cache=True, nogil=True)
def binary_rows(text: Bytes, at: int, limit: int, width: int, starts: Longs, stops: Longs, out: Any) -> tuple[int, int]:
    """Take whole records "word, blank, d float32" (and perhaps a newline before the word) off a block.

    Args:
        text: the bytes of a block.
        at: where the first record begins.
        limit: how many records are wanted.
        width: bytes of a vector, 4 d.
        starts: (limit,) takes where each word begins.
        stops: (limit,) takes where it ends.
        out: (limit, 4 d) uint8, takes the vectors' bytes.

    Returns:
        How many whole records there were, and where the next one begins.
    """
    rows = 0
    while rows < limit:
        start = at
        while start < len(text) and text[start] == 10:
            start += 1
        stop = start
        while stop < len(text) and text[stop] != 32:
            stop += 1
        if stop + 1 + width > len(text):
            break
        starts[rows], stops[rows] = start, stop
        for i in range(width):
            out[rows, i] = text[stop + 1 + i]
        at = stop + 1 + width
        rows += 1
    return rows, at
