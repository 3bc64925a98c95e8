"""How often words stand near each other: the matrix that GloVe factorises (Pennington, Socher & Manning 2014, section 4.2)."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from shutil import rmtree

import numpy as np
import numpy.typing as npt

from ringsmith._machine import cores
from ringsmith.errors import InputError, OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.corpus import Corpus
from ringsmith.words.idfile import GrowingArray
from ringsmith.words.kernels import count as kernel
from ringsmith.words.parallel import in_order
from ringsmith.words.vocabulary import Vocabulary

ENTRIES_AT_ONCE = 1 << 22
BYTES_PER_WORD = 8
"""A word of the corpus takes two int32 while it is counted: itself and its place in the index."""
MOST_WORDS = 1 << 30


@dataclass(frozen=True, kw_only=True)
class CooccurrenceOptions:
    """What counts as near.

    Attributes:
        window: how many words to each side; 10, as in the paper (Stanford's program has 15).
        symmetric: words to the right count as those to the left do; False counts those to the left only.
        weighted: a neighbour at distance d counts 1/d, as in the paper; False: 1.
        memory_bytes: bound of the memory for counting; the matrix then lies in files. None: everything in memory.

    Raises:
        OptionError: a value outside its range.
    """

    window: int = 10
    symmetric: bool = True
    weighted: bool = True
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.window < 1:
            raise OptionError(f"'window' must be at least 1; got {self.window}. Use 10, the usual value, or leave it out.")
        if self.memory_bytes is not None and self.memory_bytes < 1 << 20:
            raise OptionError(f"'memory_bytes' must be at least 1,048,576 (1 MiB); got {self.memory_bytes:,}. Leave it out to count in memory.")

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """(window,) what a neighbour at distance 1, 2 ... counts."""
        distances = np.arange(1, self.window + 1, dtype=np.float64)
        return 1.0 / distances if self.weighted else np.ones_like(distances)


DEFAULTS = CooccurrenceOptions()


@dataclass(frozen=True, eq=False)
class Cooccurrences:
    """A sparse matrix (V, V): row the word, column its neighbour.

    Attributes:
        vocabulary: the words of rows and columns.
        starts: (V + 1,) int64; row r has the entries ``starts[r]`` to ``starts[r + 1]``.
        columns: (Z,) int32, ascending within a row.
        values: (Z,) float32, all above 0.
    """

    vocabulary: Vocabulary
    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.vocabulary) + 1 or not len(self.columns) == len(self.values) == self.starts[-1]:
            raise InputError(
                f"Cooccurrences: {len(self.vocabulary):,} words need {len(self.vocabulary) + 1:,} starts and as many columns as values; got "
                f"{len(self.starts):,} starts, {len(self.columns):,} columns and {len(self.values):,} values. Pass what belongs together."
            )

    @cached_property
    def rows(self) -> npt.NDArray[np.int32]:
        """(Z,) the row of each entry."""
        return np.repeat(np.arange(len(self.vocabulary), dtype=np.int32), np.diff(self.starts))

    def __len__(self) -> int:
        return len(self.columns)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some rows of a matrix, one behind the other: where each ends, and the entries."""

    ends: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]


class _Scratch:
    """What a thread needs to sum up rows; zeros between two of them."""

    def __init__(self, words: int) -> None:
        self.sums = np.zeros(words, dtype=np.float64)
        self.bits = np.zeros(words // 64 + 1, dtype=np.uint64)
        self.summary = np.zeros(words // 4096 + 1, dtype=np.uint64)
        room = max(ENTRIES_AT_ONCE, words)
        self.columns, self.values = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float64)

    @property
    def zeros(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        return self.sums, self.bits, self.summary

    def rows(self, ends: npt.NDArray[np.int64]) -> _Rows:
        """A copy of what was written."""
        return _Rows(ends, self.columns[: ends[-1]].copy(), self.values[: ends[-1]].copy())


class _Spare:
    """One `_Scratch` for each thread, lent to whoever works."""

    def __init__(self, words: int, threads: int) -> None:
        self._free: SimpleQueue[_Scratch] = SimpleQueue()
        for _ in range(threads):
            self._free.put(_Scratch(words))

    @contextmanager
    def lent(self) -> Iterator[_Scratch]:
        """One of them, for the block."""
        mine = self._free.get()
        try:
            yield mine
        finally:
            self._free.put(mine)


class _Sparse:
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

    def append(self, rows: _Rows) -> None:
        self.starts.append(rows.ends + self.columns.size)
        self.columns.append(rows.columns)
        self.values.append(rows.values)

    def finish(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Where rows start, columns, values."""
        return self.starts.finish(), self.columns.finish(), self.values.finish()

    def drop(self) -> None:
        """Leave nothing half-written behind."""
        for array in (self.starts, self.columns, self.values):
            array.drop()


def count_cooccurrences(
    corpus: Corpus, options: CooccurrenceOptions = DEFAULTS, *, folder: Path | None = None, threads: int | None = None, report: Report = silent
) -> Cooccurrences:
    """How often each word of the corpus stands near each other one, within sentences.

    Sums are doubles, rounded to float32 at the end. The matrix is the same with any number of threads.

    Args:
        corpus: the sentences.
        options: what counts as near.
        folder: where ``starts.npy``, ``columns.npy`` and ``values.npy`` are written, to be mapped; None keeps the matrix in memory or, with
            ``options.memory_bytes``, in a temporary folder that goes with it.
        threads: None for all cores of this machine.
        report: is told how far the counting is.

    Raises:
        InputError: no word stands near another one.
        MachineError: `folder` may not be written, or the disk is full; nothing half-written is left there.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> found = count_cooccurrences(read_corpus(["a b a"], CorpusOptions(min_count=1)))
        >>> found.rows.tolist(), found.columns.tolist(), found.values.tolist()
        ([0, 0, 1], [0, 1, 0], [1.0, 2.0, 2.0])
    """
    _check(corpus)
    threads = threads or cores()
    temporary = tempfile.mkdtemp(prefix="ringsmith-counts-") if options.memory_bytes is not None else None
    work = None if temporary is None else Path(temporary)
    with ExitStack() as undo:
        if work is not None:
            undo.callback(rmtree, work, ignore_errors=True)
        matrix = _Sparse(folder or work, np.float32)
        undo.callback(matrix.drop)
        _count(corpus, options, matrix, work, threads, report)
        starts, columns, values = matrix.finish()
        undo.pop_all()
    found = Cooccurrences(corpus.vocabulary, starts, columns, values.astype(np.float32, copy=False))
    if temporary is not None:
        weakref.finalize(found, rmtree, temporary, ignore_errors=True)
    return found


def _check(corpus: Corpus) -> None:
    if corpus.words == corpus.sentences:
        raise InputError("Words must stand near others; every sentence of this corpus has one known word only. Use longer sentences, or a smaller 'min_count'.")


def _count(corpus: Corpus, options: CooccurrenceOptions, matrix: _Sparse, work: Path | None, threads: int, report: Report) -> None:
    """All at once where the corpus fits, and else in parts that are then merged."""
    most = MOST_WORDS if options.memory_bytes is None else max(options.memory_bytes // (4 * BYTES_PER_WORD), 1)
    parts = list(_parts(corpus.starts, most))
    if len(parts) == 1:
        for rows in _count_part(corpus, parts[0], options, threads, report):
            matrix.append(rows)
        return
    with ExitStack() as stack:
        runs = []
        for number, part in enumerate(parts):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=work, ignore_cleanup_errors=True)))
            run = _Sparse(folder, np.float64)
            stack.callback(run.drop)
            for rows in _count_part(corpus, part, options, threads, silent):
                run.append(rows)
            runs.append(run.finish())
            report(Progress("count", int(corpus.starts[part.stop]), corpus.words, "words", f"part {number + 1} of {len(parts)}"))
        for rows in _merged(runs, len(corpus.vocabulary), threads):
            matrix.append(rows)
        runs.clear()


def _parts(starts: npt.NDArray[np.int64], most: int) -> Iterator[slice]:
    """Stretches of sentences of at most `most` words (or one sentence)."""
    first, last = 0, len(starts) - 1
    while first < last:
        stop = max(int(np.searchsorted(starts, starts[first] + most, side="right")) - 1, first + 1)
        yield slice(first, stop)
        first = stop


def _count_part(corpus: Corpus, part: slice, options: CooccurrenceOptions, threads: int, report: Report) -> Iterator[_Rows]:
    """The rows of the matrix of some sentences, in order."""
    words, bounds = len(corpus.vocabulary), corpus.starts[part.start : part.stop + 1]
    first, last = int(bounds[0]), int(bounds[-1])
    padded = np.empty(last - first + len(bounds), dtype=np.int32)
    kernel.pad(corpus.ids[first:last], bounds - first, padded)
    offsets, positions = np.empty(words + 1, dtype=np.int64), np.empty(last - first, dtype=np.int32)
    kernel.index(padded, offsets, positions)
    scratch = _Spare(words, threads)

    def work(rows: slice) -> _Rows:
        ends = np.empty(rows.stop - rows.start, dtype=np.int64)
        with scratch.lent() as mine:
            kernel.count_rows(padded, positions, offsets, rows.start, rows.stop, options.weights, options.symmetric, *mine.zeros, mine.columns, mine.values, ends)
            return mine.rows(ends)

    most = np.minimum(np.diff(offsets) * options.window * (2 if options.symmetric else 1), words)
    slices = list(_parts(np.concatenate([[0], np.cumsum(most)]), ENTRIES_AT_ONCE))
    for rows, done in zip(in_order(work, slices, threads=threads), slices, strict=True):
        yield rows
        report(Progress("count", int(offsets[done.stop]), last - first, "words"))


def _merged(runs: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float64]]], words: int, threads: int) -> Iterator[_Rows]:
    """The sum of several matrices, row by row."""
    scratch = _Spare(words, threads)

    def work(rows: slice) -> _Rows:
        bounds = [run[0][rows.start : rows.stop + 1] for run in runs]
        columns = np.concatenate([run[1][bound[0] : bound[-1]] for run, bound in zip(runs, bounds, strict=True)])
        values = np.concatenate([run[2][bound[0] : bound[-1]] for run, bound in zip(runs, bounds, strict=True)])
        before = np.cumsum([0, *(bound[-1] - bound[0] for bound in bounds)])
        pieces = np.stack([bound - bound[0] + shift for bound, shift in zip(bounds, before[:-1], strict=True)])
        ends = np.empty(rows.stop - rows.start, dtype=np.int64)
        with scratch.lent() as mine:
            kernel.merge_rows(columns, values, pieces, *mine.zeros, mine.columns, mine.values, ends)
            return mine.rows(ends)

    most = np.sum([np.diff(run[0]) for run in runs], axis=0)
    slices = list(_parts(np.concatenate([[0], np.cumsum(np.minimum(most, words))]), ENTRIES_AT_ONCE))
    yield from in_order(work, slices, threads=threads)
