"""The table of words that one thread fills while it scans, and how several become one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError
from ringsmith.words.kernels import scan as kernel

BYTES_PER_WORD = 72
"""What an entry takes: two slots, hash, count, first position, begin, number, and about a dozen bytes of text, with room to grow."""
OUT = 1 << 18


class Table:
    """Words with their counts, first positions and numbers; grows as needed and, beyond `max_words`, forgets the rarest."""

    def __init__(self, max_words: int, *, capacity: int = 1 << 15) -> None:
        self.max_words = max_words
        self.pruned = 0
        self.state = np.zeros(7, dtype=np.int64)
        self.hashes = np.zeros(0, dtype=np.uint64)
        self.counts, self.firsts, self.begins = (np.zeros(size, dtype=np.int64) for size in (0, 0, 1))
        self.numbers = np.zeros(0, dtype=np.int32)
        self.arena = np.zeros(capacity * 8, dtype=np.uint8)
        self.out = np.empty(OUT, dtype=np.int32)
        self._resize(min(capacity, max_words))

    def __len__(self) -> int:
        return int(self.state[kernel.ENTRIES])

    def scan(self, block: npt.NDArray[np.uint8], base: int) -> list[npt.NDArray[np.int32]]:
        """The provisional numbers of the words of `block` (-1 ends a sentence), in pieces."""
        self.state[kernel.AT] = 0
        return list(self._pieces(block, base))

    def _pieces(self, block: npt.NDArray[np.uint8], base: int) -> Iterator[npt.NDArray[np.int32]]:
        answer = kernel.OUT_FULL
        while answer != kernel.DONE:
            answer = kernel.scan(block, base, self.slots, self.hashes, self.counts, self.firsts, self.begins, self.numbers, self.arena, self.out, self.state)
            if answer == kernel.ENTRIES_FULL:
                self._make_room()
            elif answer == kernel.ARENA_FULL:
                self.arena = np.concatenate([self.arena, np.empty(max(len(self.arena), kernel.MAX_BYTES), dtype=np.uint8)])
            else:
                yield self.out[: self.state[kernel.OUT]].copy()
                self.state[kernel.OUT] = 0

    def _make_room(self) -> None:
        if self.state[kernel.NEXT] > np.iinfo(np.int32).max - (1 << 24):
            raise InputError("The corpus has more different words than can be numbered (2^31). Read it in parts, or with text steps that make words alike.")
        if len(self) < self.max_words:
            self._resize(min(2 * len(self), self.max_words))
            return
        while len(self) > self.max_words // 2:
            # As word2vec.c's ReduceVocab: what was seen least goes, and next time a little more.
            self.pruned += 1
            self._keep(self.counts[: len(self)] > self.pruned)

    def _keep(self, keep: npt.NDArray[np.bool_]) -> None:
        kept = kernel.compact(keep, self.hashes, self.counts, self.firsts, self.begins, self.numbers, self.arena)
        self.state[kernel.ENTRIES], self.state[kernel.ARENA] = kept, self.begins[kept]
        self.slots[:] = 0
        kernel.rehash(self.slots, self.hashes, kept)

    def _resize(self, capacity: int) -> None:
        """Room for `capacity` words; half the slots stay free."""
        more = capacity - len(self.hashes)
        self.hashes, self.counts, self.firsts, self.begins, self.numbers = (
            np.concatenate([array, np.zeros(more, dtype=array.dtype)]) for array in (self.hashes, self.counts, self.firsts, self.begins, self.numbers)
        )
        self.slots = np.zeros(1 << (2 * capacity - 1).bit_length(), dtype=np.uint64)
        kernel.rehash(self.slots, self.hashes, len(self))

    def absorb(self, other: Table) -> npt.NDArray[np.int32]:
        """Add the words of another table, beyond `max_words` if need be; returns where each of them now stands."""
        more, places = len(other), np.empty(len(other), dtype=np.int32)
        self._resize(max(len(self) + more, len(self.hashes)))
        self.arena = np.concatenate([self.arena[: self.state[kernel.ARENA]], np.empty(other.state[kernel.ARENA], dtype=np.uint8)])
        mine = (self.slots, self.hashes, self.counts, self.firsts, self.begins, self.arena)
        theirs = (other.hashes, other.counts, other.firsts, other.begins, other.arena)
        self.state[kernel.ENTRIES] = kernel.merge(len(self), *mine, more, *theirs, places)
        self.state[kernel.ARENA] = self.begins[len(self)]
        self.state[[kernel.LONG, kernel.NULS]] += other.state[[kernel.LONG, kernel.NULS]]
        self.pruned = max(self.pruned, other.pruned)
        return places

    def word(self, entry: int) -> bytes:
        """The bytes of one word."""
        return self.arena[self.begins[entry] : self.begins[entry + 1]].tobytes()

    def beyond_ascii(self) -> npt.NDArray[np.int64]:
        """The entries whose words have bytes beyond ASCII."""
        high = np.flatnonzero(self.arena[: self.state[kernel.ARENA]] > 0x7F)
        return np.unique(np.searchsorted(self.begins[: len(self) + 1], high, side="right") - 1)
