"""Bytes to numbers of words: the compiled scanner, and the table of words it fills. The slow twin is ``text.split()`` and a dictionary.

A table is a handful of arrays (`ringsmith.words.table.Table`): open addressing over `slots`, the words' bytes one after the other in `arena`.
White space is what `str.split` takes for it, in UTF-8. Nothing here allocates: a kernel that needs room returns, and is called again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import address

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

WORD, BLANK, NEWLINE, LEAD, NUL = range(5)
KINDS: Bytes = np.zeros(256, dtype=np.uint8)
KINDS[[0x09, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20]] = BLANK
KINDS[0x0A] = NEWLINE
KINDS[[0xC2, 0xE1, 0xE2, 0xE3]] = LEAD
KINDS[0x00] = NUL
"""What a byte is; `LEAD` may begin a blank of several bytes."""
SENTENCE_END = -1
MAX_BYTES = 1_000
"""Longer words are no words (a 1 GB line without a blank) and are left out."""
DONE, ENTRIES_FULL, ARENA_FULL, OUT_FULL = range(4)
AT, OUT, ENTRIES, ARENA, NEXT, LONG, NULS = range(7)
"""Places in `state`: position in the block, numbers written, words in the table, bytes in the arena, next new number, words left out, NUL bytes."""


@njit(cache=True, nogil=True)
def _blank(block: Any, at: int, stop: int) -> int:
    """How many bytes the blank of several bytes at `at` has; 0 where there is none."""
    a, left = block[at], stop - at
    if left < 2:
        return 0
    b = block[at + 1]
    if a == 0xC2:
        return 2 if b == 0x85 or b == 0xA0 else 0
    if left < 3:
        return 0
    c = block[at + 2]
    if a == 0xE1:
        return 3 if b == 0x9A and c == 0x80 else 0
    if a == 0xE3:
        return 3 if b == 0x80 and c == 0x80 else 0
    if b == 0x80:
        return 3 if c <= 0x8A or c == 0xA8 or c == 0xA9 or c == 0xAF else 0
    return 3 if b == 0x81 and c == 0x9F else 0


@njit(cache=True, nogil=True)
def _word(text: Any, at: int, stop: int) -> tuple[int, Any]:
    """Where the word at `at` ends, and its hash (FNV-1a, its bits mixed once more)."""
    mark = np.uint64(0xCBF29CE484222325)
    while at < stop:
        byte = text[at]
        kind = KINDS[byte]
        if kind != WORD and (kind != LEAD or _blank(text, at, stop)):
            break
        mark = (mark ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        at += 1
    mark ^= mark >> np.uint64(29)
    mark *= np.uint64(0xBF58476D1CE4E5B9)
    return at, mark ^ (mark >> np.uint64(32))


@njit(cache=True, nogil=True)
def _find(text: Any, start: int, stop: int, mark: np.uint64, mask: np.uint64, slots: Any, begins: Any, arena: Any) -> int:
    """The entry of the word ``text[start:stop]`` with hash `mark`, or ``-1 - slot`` of the free slot where it belongs."""
    slot = mark & mask
    tag = mark >> np.uint64(32)
    while True:
        held = slots[slot]
        if held == np.uint64(0):
            return -1 - int(slot)
        if held >> np.uint64(32) == tag:
            entry = np.int64(held & np.uint64(0xFFFFFFFF)) - 1
            begin = begins[entry]
            if begins[entry + 1] - begin == stop - start:
                same = True
                for i in range(stop - start):
                    if arena[begin + i] != text[start + i]:
                        same = False
                        break
                if same:
                    return int(entry)
        slot = (slot + np.uint64(1)) & mask


@njit(cache=True, nogil=True)
def _insert(text: Any, start: int, stop: int, mark: np.uint64, slot: int, entry: int, slots: Any, hashes: Any, begins: Any, arena: Any) -> None:
    begin = begins[entry]
    for i in range(stop - start):
        arena[begin + i] = text[start + i]
    begins[entry + 1] = begin + stop - start
    hashes[entry] = mark
    slots[slot] = (mark >> np.uint64(32)) << np.uint64(32) | np.uint64(entry + 1)


@njit(cache=True, nogil=True)
def scan(block: Bytes, base: int, slots: Hashes, hashes: Hashes, counts: Longs, firsts: Longs, begins: Longs, numbers: Numbers, arena: Bytes, out: Numbers, state: Longs) -> int:
    """Write the numbers of the words of `block` to `out`, `SENTENCE_END` for each newline; new words go into the table.

    Args:
        block: UTF-8 that begins and ends between words.
        base: where the block begins in the corpus: the order of first occurrences.
        slots: hash table, a power of two: upper half of the hash, then entry + 1; 0 is free.
        hashes: (capacity,) the words' hashes.
        counts: (capacity,) occurrences.
        firsts: (capacity,) position of the first occurrence.
        begins: (capacity + 1,) where each word begins in the arena.
        numbers: (capacity,) the number each word has in `out`.
        arena: the words' bytes.
        out: takes the numbers.
        state: see `AT` to `NULS`; the scan goes on where it says.

    Returns:
        `DONE`, or which room is used up.
    """
    n, at, written, entries, used = len(block), state[AT], state[OUT], state[ENTRIES], state[ARENA]
    text, table, starts, held, mask = address(block), address(slots), address(begins), address(arena), np.uint64(len(slots) - 1)
    answer = DONE
    while at < n:
        if written == len(out):
            answer = OUT_FULL
            break
        kind = KINDS[text[at]]
        width = 0 if kind == WORD else _blank(text, at, n) if kind == LEAD else 1
        if width:
            if kind == NEWLINE:
                out[written] = SENTENCE_END
                written += 1
            elif kind == NUL:
                state[NULS] += 1
            at += width
            continue
        start = at
        at, mark = _word(text, at, n)
        if at - start > MAX_BYTES:
            state[LONG] += 1
            continue
        entry = _find(text, start, at, mark, mask, table, starts, held)
        if entry < 0:
            if entries == len(hashes) or used + at - start > len(arena):
                answer = ENTRIES_FULL if entries == len(hashes) else ARENA_FULL
                at = start
                break
            _insert(text, start, at, mark, -1 - entry, entries, table, address(hashes), starts, held)
            entry = entries
            counts[entry], firsts[entry], numbers[entry] = 0, base + start, state[NEXT]
            state[NEXT] += 1
            used += at - start
            entries += 1
        counts[entry] += 1
        out[written] = numbers[entry]
        written += 1
    state[AT], state[OUT], state[ENTRIES], state[ARENA] = at, written, entries, used
    return answer


@njit(cache=True, nogil=True)
def rehash(slots: Hashes, hashes: Hashes, entries: int) -> None:
    """Put `entries` words into `slots`, which is empty."""
    mask = np.uint64(len(slots) - 1)
    for entry in range(entries):
        slot = hashes[entry] & mask
        while slots[slot] != np.uint64(0):
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (hashes[entry] >> np.uint64(32)) << np.uint64(32) | np.uint64(entry + 1)


@njit(cache=True, nogil=True)
def compact(keep: npt.NDArray[np.bool_], hashes: Hashes, counts: Longs, firsts: Longs, begins: Longs, numbers: Numbers, arena: Bytes) -> int:
    """Move the entries to keep to the front of every array, in their order; returns how many there are."""
    kept, used = 0, 0
    for entry in range(len(keep)):
        if keep[entry]:
            begin, length = begins[entry], begins[entry + 1] - begins[entry]
            for i in range(length):
                arena[used + i] = arena[begin + i]
            hashes[kept], counts[kept], firsts[kept], numbers[kept] = hashes[entry], counts[entry], firsts[entry], numbers[entry]
            begins[kept] = used
            used += length
            kept += 1
    begins[kept] = used
    return kept


@njit(cache=True, nogil=True)
def merge(
    entries: int, slots: Hashes, hashes: Hashes, counts: Longs, firsts: Longs, begins: Longs, arena: Bytes,
    more: int, more_hashes: Hashes, more_counts: Longs, more_firsts: Longs, more_begins: Longs, more_arena: Bytes, places: Numbers,
) -> int:  # fmt: skip
    """Add the `more` words of a second table to a first that has room for all; `places` takes where each went. Returns the first's new size."""
    text, table, marks, starts, held, mask = address(more_arena), address(slots), address(hashes), address(begins), address(arena), np.uint64(len(slots) - 1)
    for other in range(more):
        start, stop = more_begins[other], more_begins[other + 1]
        entry = _find(text, start, stop, more_hashes[other], mask, table, starts, held)
        if entry < 0:
            _insert(text, start, stop, more_hashes[other], -1 - entry, entries, table, marks, starts, held)
            entry = entries
            counts[entry], firsts[entry] = 0, more_firsts[other]
            entries += 1
        counts[entry] += more_counts[other]
        firsts[entry] = min(firsts[entry], more_firsts[other])
        places[other] = entry
    return entries


@njit(cache=True, nogil=True)
def remap(provisional: Numbers, mapping: Numbers, out: Numbers, ends: Longs) -> tuple[int, int]:
    """Final numbers of the known words in `provisional` to `out`, and to `ends` how many words stand before each end of a sentence.

    `out` may be `provisional` itself. Returns how many were written to both.
    """
    written, found = 0, 0
    for at in range(len(provisional)):
        number = provisional[at]
        if number < 0:
            ends[found] = written
            found += 1
        elif mapping[number] >= 0:
            out[written] = mapping[number]
            written += 1
    return written, found
