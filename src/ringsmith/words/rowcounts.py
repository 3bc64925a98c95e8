"""Rows of co-occurrence counts: counted from sentences, added up, and put into a matrix that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from ringsmith.records import Progress, Report, silent
from ringsmith.words.idfile import GrowingArray
from ringsmith.words.kernels import count as kernel
from ringsmith.words.parallel import in_order

ENTRY_BYTES = 12
"""A column and a sum."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a matrix, one behind the other.

    Attributes:
        ends: (rows,) where each ends in the following.
        columns: of the entries, ascending within a row.
        values: their sums.
    """

    ends: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """A matrix, or some of its rows, of a part of the text: row r has the entries ``starts[r]`` to ``starts[r + 1]``."""

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]


class _Scratch:
    """What a thread needs to sum up rows; zeros between two of them."""

    def __init__(self, words: int, entries: int) -> None:
        self.sums = np.zeros(words, dtype=np.float64)
        self.bits = np.zeros(words // 64 + 1, dtype=np.uint64)
        self.summary = np.zeros(words // 4096 + 1, dtype=np.uint64)
        room = max(entries, words)
        self.columns, self.values = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float64)

    @property
    def zeros(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        return self.sums, self.bits, self.summary

    def rows(self, ends: npt.NDArray[np.int64]) -> Rows:
        """A copy of what was written."""
        return Rows(ends, self.columns[: ends[-1]].copy(), self.values[: ends[-1]].copy())


class _Spare:
    """One `_Scratch` for each thread, lent to whoever works."""

    def __init__(self, words: int, entries: int, threads: int) -> None:
        self._free: SimpleQueue[_Scratch] = SimpleQueue()
        for _ in range(threads):
            self._free.put(_Scratch(words, entries))

    @contextmanager
    def lent(self) -> Iterator[_Scratch]:
        """One of them, for the block."""
        mine = self._free.get()
        try:
            yield mine
        finally:
            self._free.put(mine)


@dataclass(frozen=True, eq=False)
class Counter:
    """Counts and adds up rows; all but the text itself.

    Attributes:
        words: V.
        weights: (window,) what a neighbour at distance 1, 2 ... counts.
        symmetric: whether those to the right count.
        threads: how many.
        entries: that a thread holds at once.
    """

    words: int
    weights: npt.NDArray[np.float64]
    symmetric: bool
    threads: int
    entries: int

    def count(self, ids: npt.NDArray[np.int32], bounds: npt.NDArray[np.int64], report: Report = silent) -> Iterator[Rows]:
        """All rows of the matrix of some sentences, in order: sentence s is ``ids[bounds[s]:bounds[s + 1]]``."""
        padded = np.empty(len(ids) + len(bounds), dtype=np.int32)
        kernel.pad(ids, bounds, padded)
        offsets, positions = np.empty(self.words + 1, dtype=np.int64), np.empty(len(ids), dtype=np.int32)
        kernel.index(padded, offsets, positions)
        scratch = _Spare(self.words, self.entries, self.threads)

        def work(rows: slice) -> Rows:
            ends = np.empty(rows.stop - rows.start, dtype=np.int64)
            with scratch.lent() as mine:
                kernel.count_rows(padded, positions, offsets, rows.start, rows.stop, self.weights, self.symmetric, *mine.zeros, mine.columns, mine.values, ends)
                return mine.rows(ends)

        most = np.minimum(np.diff(offsets) * len(self.weights) * (2 if self.symmetric else 1), self.words)
        slices = list(stretches(np.concatenate([[0], np.cumsum(most)]), self.entries))
        for rows, done in zip(in_order(work, slices, threads=self.threads), slices, strict=True):
            yield rows
            report(Progress("count", int(offsets[done.stop]), len(ids), "words"))

    def add_up(self, runs: list[Run]) -> Iterator[Rows]:
        """The rows of the sum of several matrices, in order."""
        scratch = _Spare(self.words, self.entries, self.threads)

        def work(rows: slice) -> Rows:
            bounds = [run.starts[rows.start : rows.stop + 1] for run in runs]
            columns = np.concatenate([run.columns[bound[0] : bound[-1]] for run, bound in zip(runs, bounds, strict=True)])
            values = np.concatenate([run.values[bound[0] : bound[-1]] for run, bound in zip(runs, bounds, strict=True)])
            before = np.cumsum([0, *(bound[-1] - bound[0] for bound in bounds)])
            pieces = np.stack([bound - bound[0] + shift for bound, shift in zip(bounds, before[:-1], strict=True)])
            ends = np.empty(rows.stop - rows.start, dtype=np.int64)
            with scratch.lent() as mine:
                kernel.merge_rows(columns, values, pieces, *mine.zeros, mine.columns, mine.values, ends)
                return mine.rows(ends)

        most = np.sum([np.diff(run.starts) for run in runs], axis=0)
        slices = list(stretches(np.concatenate([[0], np.cumsum(most)]), self.entries))
        yield from in_order(work, slices, threads=self.threads)


class Matrix:
    """A matrix that grows by rows, in memory or in a folder."""

    def __init__(self, folder: Path | None, dtype: npt.DTypeLike) -> None:
        self.folder = folder
        self.starts, self.columns, self.values = GrowingArray(np.int64), GrowingArray(np.int32), GrowingArray(dtype)
        self.starts.append(np.zeros(1, dtype=np.int64))
        if folder is not None:
            try:
                for name, array in (("starts", self.starts), ("columns", self.columns), ("values", self.values)):
                    array.to_disk(folder / f"{name}.npy")
            except BaseException:
                self.drop()
                raise

    def append(self, rows: Rows) -> None:
        self.starts.append(rows.ends + self.columns.size)
        self.columns.append(rows.columns)
        self.values.append(rows.values)

    def finish(self) -> Run:
        """All rows."""
        return Run(self.starts.finish(), self.columns.finish(), self.values.finish())

    def drop(self) -> None:
        """Leave nothing half-written behind."""
        for array in (self.starts, self.columns, self.values):
            array.drop()


def stretches(starts: npt.NDArray[np.int64], most: int) -> Iterator[slice]:
    """What lies between `starts`, in stretches of at most `most` (or of one thing that is larger).

    Examples:
        >>> list(stretches(np.array([0, 2, 4, 9]), 5))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    first, last = 0, len(starts) - 1
    while first < last:
        stop = max(int(np.searchsorted(starts, starts[first] + most, side="right")) - 1, first + 1)
        yield slice(first, stop)
        first = stop
