"""Co-occurrence counts on a cluster: exactly the matrix of one machine.

    with cluster() as workers:
        counts = spread_counts(corpus, options, workers)

The text is cut into parts, the rows of the matrix into ranges. Each part is counted somewhere, and its rows go, range by range, to whoever adds up
that range over all parts. Sums are exact (`CooccurrenceOptions.exact_weights`), so it does not matter in which order and where they are added.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringsmith._cluster import Ticket, Workers
from ringsmith.records import Progress, Report, silent
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, collect, counter_for, most_words, sentences
from ringsmith.words.corpus import Corpus
from ringsmith.words.rowcounts import Counter, Matrix, Rows, Run, stretches

LARGEST_PART = 1 << 25
"""Words that one task counts at most: 128 MB of numbers, and some gigabytes of counts at worst."""
PARTS_PER_CORE = 2


def spread_counts(corpus: Corpus, options: CooccurrenceOptions, workers: Workers, *, folder: Path | None = None, report: Report = silent) -> Cooccurrences:
    """How often words stand near each other, as `count_cooccurrences` says, counted by many.

    Args:
        corpus: the sentences.
        options: what counts as near; with ``memory_bytes`` the matrix is put together on disk, on this machine.
        workers: who counts.
        folder: as for `count_cooccurrences`.
        report: is told how many parts are done.

    Raises:
        InputError: no word stands near another one.
        MachineError: a worker was lost for good, or the disk is full.

    Examples:
        >>> from ringsmith._cluster import Here
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> spread_counts(read_corpus(["a b a"], CorpusOptions(min_count=1)), CooccurrenceOptions(), Here()).values.tolist()
        [1.0, 2.0, 2.0]
    """
    return collect(corpus, options, folder, lambda matrix, _: _fill(matrix, corpus, options, workers, report))


def _fill(matrix: Matrix, corpus: Corpus, options: CooccurrenceOptions, workers: Workers, report: Report) -> None:
    """Count parts, add up ranges, and append these in their order."""
    cores = sum(workers.cores_of)
    most = min(LARGEST_PART, most_words(options), -(-corpus.words // (PARTS_PER_CORE * cores)))
    parts, counter = list(stretches(corpus.starts, most)), workers.share(counter_for(corpus, options, threads=1))
    edges = ranges(corpus.vocabulary.counts, cores)
    counted = [_listed(workers.start(count_part, counter, *map(workers.share, sentences(corpus, part)), edges, answers=len(edges) - 1)) for part in parts]
    for number, (part, tickets) in enumerate(zip(parts, counted, strict=True), 1):
        workers.settle(tickets[0])
        report(Progress("count", int(corpus.starts[part.stop]), corpus.words, "words", f"part {number} of {len(parts)}"))
    summed = [workers.start(add_up_range, counter, *(tickets[at] for tickets in counted)) for at in range(len(edges) - 1)]
    counted.clear()
    while summed:
        for rows in workers.fetch(summed.pop(0)):
            matrix.append(rows)


def _listed(answer: Ticket | list[Ticket]) -> list[Ticket]:
    """One answer is no list."""
    return answer if isinstance(answer, list) else [answer]


def ranges(counts: npt.NDArray[np.int64], cores: int) -> list[int]:
    """Edges of ranges of rows of about equal work, some for each core: frequent words have long rows.

    Examples:
        >>> ranges(np.array([100, 60, 30, 10, 5, 5]), 1)
        [0, 1, 2, 3, 6]
    """
    work = np.cumsum(np.sqrt(counts))
    points = np.searchsorted(work, work[-1] * np.arange(1, 4 * cores) / (4 * cores)) + 1
    return sorted({0, len(counts), *(int(point) for point in points if point < len(counts))})


def count_part(counter: Counter, ids: npt.NDArray[np.int32], bounds: npt.NDArray[np.int64], edges: list[int]) -> tuple[Run, ...] | Run:
    """The counts of a part of the text, one `Run` for each range of rows."""
    whole = Matrix(None, np.float64)
    for rows in counter.count(np.array(ids), np.array(bounds)):  # copies: what was shared may not be written to, and kernels are compiled for what may
        whole.append(rows)
    run = whole.finish()
    cut = tuple(_rows_of(run, first, stop) for first, stop in pairwise(edges))
    return cut if len(cut) > 1 else cut[0]


def _rows_of(run: Run, first: int, stop: int) -> Run:
    begin, end = run.starts[first], run.starts[stop]
    return Run(run.starts[first : stop + 1] - begin, run.columns[begin:end].copy(), run.values[begin:end].copy())


def add_up_range(counter: Counter, *runs: Run) -> list[Rows]:
    """The same rows of all parts, added up."""
    return list(counter.add_up(list(runs)))
