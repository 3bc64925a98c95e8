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
MOST_DIGITS = 19
POWERS: npt.NDArray[np.float64] = np.array([float(f"1e{power}") for power in range(64)])
SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
BELOW = np.int64(0x1FFFFFFF)
"""The bits of a float64 that a float32 has no room for."""
MIDDLE, NEAR = np.int64(0x10000000), np.int64(8)


@njit(cache=True, nogil=True, inline="always")
def _is_blank(byte: int) -> bool:
    return byte == 32 or byte == 9


@njit(cache=True, nogil=True)
def newlines(text: Bytes) -> Longs:
    """Where the newlines are; counted first, which is ten times as fast as a mask of the whole block."""
    number = 0
    for byte in text:
        number += byte == 10
    places, found = np.empty(number, dtype=np.int64), 0
    for at in range(len(text)):
        if text[at] == 10:
            places[found] = at
            found += 1
    return places


@njit(cache=True, nogil=True, inline="always")
def _digits(text: Bytes, at: Any, stop: int, whole: Any) -> tuple[Any, Any]:
    """The number grown by the digits from `at` on, and where they end; it wraps where there are more than 19."""
    while at < stop:
        digit = np.uint64(text[at]) - np.uint64(48)
        if digit > np.uint64(9):
            break
        whole = whole * np.uint64(10) + digit
        at += 1
    return whole, at


@njit(cache=True, nogil=True)
def _has_too_many(text: Bytes, at: Any, stop: Any) -> bool:
    """Whether more than `MOST_DIGITS` digits stand there, zeros before them not counted."""
    digits = 0
    for place in range(at, stop):
        if text[place] != 46 and (digits > 0 or text[place] != 48):
            digits += 1
    return digits > MOST_DIGITS


@njit(cache=True, nogil=True)
def decimal(text: Bytes, start: int, stop: int) -> tuple[float, bool, Any]:
    """The number that begins at `start`, whether its float32 is certain, and where it ends: at the next blank or at `stop`.

    Where the number is not certain, its end is not found either.
    """
    at: Any = np.int64(start)
    negative = at < stop and text[at] == 45
    if negative or (at < stop and text[at] == 43):
        at += 1
    first = at
    whole, at = _digits(text, at, stop, np.uint64(0))
    digits, power = at - first, np.int64(0)
    if at < stop and text[at] == 46:
        point = at + 1
        whole, at = _digits(text, point, stop, whole)
        power = point - at
        digits -= power
    if digits == 0 or (digits > MOST_DIGITS and _has_too_many(text, first, at)):
        return 0.0, False, at
    if at < stop and (text[at] == 101 or text[at] == 69):
        at += 1
        lowers = at < stop and text[at] == 45
        if lowers or (at < stop and text[at] == 43):
            at += 1
        begin = at
        shift, at = _digits(text, at, stop, np.uint64(0))
        if at == begin or at - begin > 4:
            return 0.0, False, at
        power += -np.int64(shift) if lowers else np.int64(shift)
    if at < stop and not _is_blank(text[at]):
        return 0.0, False, at
    if whole == np.uint64(0):
        return (-0.0 if negative else 0.0), True, at
    if power > 63 or power < -63:
        return 0.0, False, at
    value = float(whole) * POWERS[power] if power >= 0 else float(whole) / POWERS[-power]
    if value < SMALLEST or value > LARGEST:
        return 0.0, False, at
    off = (np.float64(value).view(np.int64) & BELOW) - MIDDLE
    return (-value if negative else value), bool(off > NEAR or off < -NEAR), at


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
    for line in range(len(starts)):
        start, stop = starts[line], stops[line]
        while stop > start and (_is_blank(text[stop - 1]) or text[stop - 1] == 13):
            stop -= 1
        # Almost every word has no blank in it: its line is read in one go. The others are looked at from their end.
        word = start
        while word < stop and not _is_blank(text[word]):
            word += 1
        if word > start and _numbers(text, word, stop, out[line]):
            word_stops[line], states[line] = word, DONE
            continue
        word, fields = _word_stop(text, start, stop, out.shape[1])
        word_stops[line] = word
        if fields < out.shape[1] or (word == start and (start == stop or not _is_blank(text[start]))):
            states[line] = SHORT
        elif word == start:
            states[line] = WORDLESS
        else:
            states[line] = DONE if _numbers(text, word, stop, out[line]) else SLOW


@njit(cache=True, nogil=True)
def _numbers(text: Bytes, at: int, stop: int, out: Floats) -> bool:
    """Whether just as many numbers stand there as `out` takes, all of them certain."""
    for column in range(len(out)):
        while at < stop and _is_blank(text[at]):
            at += 1
        value, certain, at = decimal(text, at, stop)
        if not certain:
            return False
        out[column] = value
    return at == stop


@njit(cache=True, nogil=True)
def _word_stop(text: Bytes, start: int, stop: int, width: int) -> tuple[int, int]:
    """Where the word ends if the last `width` fields are numbers, and how many fields there were."""
    at, fields = stop, 0
    while fields < width and at > start:
        while at > start and not _is_blank(text[at - 1]):
            at -= 1
        fields += 1
        while at > start and _is_blank(text[at - 1]):
            at -= 1
    return at, fields


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
