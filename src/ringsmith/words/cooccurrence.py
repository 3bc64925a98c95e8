"""How often words stand near each other: the matrix that GloVe factorises (Pennington, Socher & Manning 2014, section 4.2).

Sums are exact: what a neighbour counts is first rounded to a multiple of a power of 2 that is small enough not to matter and large enough for doubles
to add up all of a corpus without rounding (`exact_weights`). So the order does not matter: threads, parts on disk and machines of a cluster
(`spread_counts.py`) give the same bits.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shutil import rmtree

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError, OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.corpus import Corpus
from ringsmith.words.idfile import remove_after
from ringsmith.words.parallel import threads_of
from ringsmith.words.rowcounts import ENTRY_BYTES, Counter, Matrix, stretches
from ringsmith.words.spill import check_room, give_back
from ringsmith.words.vocabulary import Vocabulary

ENTRIES_AT_ONCE, FEWEST_ENTRIES = 1 << 22, 1 << 14
"""Entries that a thread holds at once: as they come, and at least, where memory is short."""
BYTES_PER_WORD = 8
"""A word of the corpus takes two int32 while it is counted: itself and its place in the index."""
MATRIX_BYTES = 8
"""A column and a value of the whole matrix."""
MOST_WORDS = 1 << 30
DIGITS = 53
"""Binary digits of a double."""


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

    def exact_weights(self, words: int) -> npt.NDArray[np.float64]:
        """(window,) `weights` in multiples of a power of 2, so that no sum over a corpus of so many `words` is ever rounded.

        All neighbours of all words together count less than 2 ** bits; multiples of 2 ** (bits - 53) up to there are doubles, whatever is added
        first. For 17 million words and a window of 10 the weights fall by less than 2e-8.

        Examples:
            >>> CooccurrenceOptions(window=4).exact_weights(1_000_000).round(9).tolist()
            [1.0, 0.5, 0.333333333, 0.25]
        """
        bits = math.ceil(math.log2(2 * max(words, 1) * self.weights.sum()))
        step = 2.0 ** min(bits - DIGITS, -math.ceil(math.log2(self.window)) - 1)
        return np.asarray(np.floor(self.weights / step) * step)


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


def count_cooccurrences(
    corpus: Corpus, options: CooccurrenceOptions = DEFAULTS, *, folder: Path | None = None, threads: int | None = None, report: Report = silent
) -> Cooccurrences:
    """How often each word of the corpus stands near each other one, within sentences.

    Sums are exact (`CooccurrenceOptions.exact_weights`) and rounded to float32 at the end, so the matrix is the same to the last bit with any number
    of threads and any ``memory_bytes``.

    Args:
        corpus: the sentences.
        options: what counts as near.
        folder: where ``starts.npy``, ``columns.npy`` and ``values.npy`` are written, to be mapped; None keeps the matrix in memory or, with
            ``options.memory_bytes``, in a temporary folder that goes with it.
        threads: None for all cores of this machine.
        report: is told how far the counting is.

    Raises:
        InputError: no word stands near another one.
        MachineError: `folder` may not be written, or the disk is full, or has no room for the counts; nothing half-written is left there.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> found = count_cooccurrences(read_corpus(["a b a"], CorpusOptions(min_count=1)))
        >>> found.rows.tolist(), found.columns.tolist(), found.values.tolist()
        ([0, 0, 1], [0, 1, 0], [1.0, 2.0, 2.0])
    """
    counter = counter_for(corpus, options, threads_of(threads))
    return collect(corpus, options, folder, lambda matrix, work: _count(corpus, options, counter, matrix, work, report))


def counter_for(corpus: Corpus, options: CooccurrenceOptions, threads: int) -> Counter:
    """What counts all of a corpus, or parts of it, wherever that is done."""
    entries = ENTRIES_AT_ONCE
    if options.memory_bytes is not None:
        # Half of the memory: each thread fills one room, and two more that are full may wait for their turn.
        entries = min(entries, max(options.memory_bytes // (2 * 3 * threads * ENTRY_BYTES), FEWEST_ENTRIES))
    weights = replace(options, window=corpus.reach(options.window)).exact_weights(corpus.words)
    return Counter(len(corpus.vocabulary), weights, options.symmetric, threads, entries)


def collect(corpus: Corpus, options: CooccurrenceOptions, folder: Path | None, fill: Callable[[Matrix, Path | None], None]) -> Cooccurrences:
    """The matrix that `fill` puts together, wherever it is to lie; `fill` is given it and a folder for what is larger than memory.

    Raises:
        InputError: no word stands near another one.
    """
    _check(corpus)
    temporary = tempfile.mkdtemp(prefix="ringsmith-counts-") if options.memory_bytes is not None else None
    work = None if temporary is None else Path(temporary)
    with ExitStack() as undo:
        if work is not None:
            undo.callback(rmtree, work, ignore_errors=True)
        matrix = Matrix(folder or work, np.float32)
        undo.callback(matrix.drop)
        fill(matrix, work)
        whole = matrix.finish()
        undo.pop_all()
    found = Cooccurrences(corpus.vocabulary, whole.starts, whole.columns, whole.values.astype(np.float32, copy=False))
    if temporary is not None:
        remove_after(temporary, found.starts, found.columns, found.values)
    return found


def _check(corpus: Corpus) -> None:
    if corpus.words == corpus.sentences:
        raise InputError("Words must stand near others; every sentence of this corpus has one known word only. Use longer sentences, or a smaller 'min_count'.")


def _count(corpus: Corpus, options: CooccurrenceOptions, counter: Counter, matrix: Matrix, work: Path | None, report: Report) -> None:
    """All at once where the corpus fits, and else in parts that are then added up."""
    parts = list(stretches(corpus.starts, most_words(options)))
    if len(parts) == 1:
        for rows in counter.count(*sentences(corpus, parts[0]), report):
            matrix.append(rows)
        return
    with ExitStack() as stack:
        runs = []
        for number, part in enumerate(parts):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=work, ignore_cleanup_errors=True)))
            run = Matrix(folder, np.float64)
            stack.callback(run.drop)
            for rows in counter.count(*sentences(corpus, part)):
                run.append(rows)
            runs.append(run.finish())
            if number == 0 and options.memory_bytes is not None:
                # The others are as large, about; and their sum is no smaller than one of them.
                entries = len(runs[0].columns)
                check_room(entries * ((len(parts) - 1) * ENTRY_BYTES + MATRIX_BYTES), options.memory_bytes, f"the counts of {corpus.words:,} words")
            give_back(corpus.ids)
            report(Progress("count", int(corpus.starts[part.stop]), corpus.words, "words", f"part {number + 1} of {len(parts)}"))
        for rows in counter.add_up(runs):
            matrix.append(rows)
            for done in runs:
                give_back(done.columns)
                give_back(done.values)
        runs.clear()


def most_words(options: CooccurrenceOptions) -> int:
    """Words that are counted at once: a quarter of the memory is for them."""
    return MOST_WORDS if options.memory_bytes is None else max(options.memory_bytes // (4 * BYTES_PER_WORD), 1)


def sentences(corpus: Corpus, part: slice) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The numbers of some sentences, and where each begins among them."""
    bounds = corpus.starts[part.start : part.stop + 1]
    return corpus.ids[bounds[0] : bounds[-1]], bounds - bounds[0]
