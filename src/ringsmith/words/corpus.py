"""A corpus as training wants it: numbers of words, sentence after sentence, and the vocabulary they point into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from ringsmith._files import path_of
from ringsmith._wording import plural
from ringsmith.errors import OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.text import TextSteps
from ringsmith.words.counting import Seen, scan_blocks, scan_tokens
from ringsmith.words.idfile import Shelf
from ringsmith.words.kernels.scan import remap
from ringsmith.words.parallel import in_order, threads_of
from ringsmith.words.ranking import PART, are_unparted, rank
from ringsmith.words.sources import Source, blocks_of, no_texts, peek, size_of, told_of
from ringsmith.words.vocabulary import Vocabulary

Errors = Literal["replace", "few", "refuse"]
MOST_BROKEN: dict[Errors, float] = {"replace": 1.0, "few": 0.01, "refuse": 0.0}
"""Share of the words that may hold bytes that are not UTF-8; of more the encoding is another one."""
AT_ONCE = 1 << 20
"""Sentences whose lengths are looked at together: not all of a mapped corpus."""
MAX_SENTENCE = 10_000
"""Longer sentences are cut into pieces of this many words, as gensim does."""


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """How a corpus is read.

    Attributes:
        min_count: words that occur less often are left out, as if they were not in the text.
        max_vocab: keep at most so many words, the most frequent; None for no bound.
        column: the column of a table (CSV, TSV, JSON Lines, Parquet) that holds the text; None where the source is no table.
        steps: text steps applied to every line before it is cut at white space; none leaves it as it is.
        memory_bytes: memory for the table of words while reading; beyond it rare words are dropped early, as word2vec.c does, and that is said.
        errors: what to do with bytes that are not UTF-8: ``"replace"`` them by U+FFFD and count the words, the same for ``"few"`` where at most
            one word in a hundred holds such, or ``"refuse"`` the corpus.

    Raises:
        OptionError: a value outside its range.
    """

    min_count: int = 5
    max_vocab: int | None = None
    column: str | None = None
    steps: TextSteps = field(default_factory=TextSteps)
    memory_bytes: int = 1 << 30
    errors: Errors = "replace"

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise OptionError(f"'min_count' must be at least 1; got {self.min_count}. Use 5, the usual value, or leave it out.")
        if self.max_vocab is not None and self.max_vocab < 1:
            raise OptionError(f"'max_vocab' must be at least 1; got {self.max_vocab}. Leave it out for no bound.")
        if self.memory_bytes < 1 << 20:
            raise OptionError(f"'memory_bytes' must be at least 1,048,576 (1 MiB); got {self.memory_bytes:,}. Leave it out for 1 GiB.")
        if self.errors not in MOST_BROKEN:
            raise OptionError(f"'errors' must be 'replace', 'few' or 'refuse'; got {self.errors!r}. Leave it out to replace what is not UTF-8.")


DEFAULTS = CorpusOptions()


@dataclass(frozen=True, eq=False)
class Corpus:
    """Known words of all sentences as numbers.

    Attributes:
        vocabulary: the words the numbers stand for.
        ids: (N,) int32, known words of all sentences one after the other, in memory or mapped from a file; unknown words are gone, as in word2vec.c.
        starts: (S + 1,) int64; sentence s is ``ids[starts[s]:starts[s + 1]]``, at least 1 and at most 10,000 words.
        total_words: words of the source, those below min_count included.
        notes: what a reader should know, a sentence each: bytes that were not UTF-8, words dropped early ...

    Examples:
        >>> corpus = read_corpus([["a", "rose", "is", "a", "rose"], ["a", "rose"]], CorpusOptions(min_count=2))
        >>> corpus.vocabulary.words, corpus.ids.tolist(), corpus.starts.tolist(), corpus.total_words
        (('a', 'rose'), [0, 1, 0, 1, 0, 1], [0, 4, 6], 7)
    """

    vocabulary: Vocabulary
    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    total_words: int
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """N, the known words."""
        return len(self.ids)

    @property
    def sentences(self) -> int:
        """S, the sentences that have at least one known word."""
        return len(self.starts) - 1

    @property
    def longest(self) -> int:
        """Words of the longest sentence."""
        return max((int(np.diff(self.starts[at : at + AT_ONCE + 1]).max()) for at in range(0, self.sentences, AT_ONCE)), default=0)

    def reach(self, window: int) -> int:
        """How far a window of so many words reaches at most: to the end of the longest sentence, and at least one word."""
        return max(1, min(window, self.longest - 1))


def read_corpus(source: Source, options: CorpusOptions = DEFAULTS, *, folder: Path | None = None, threads: int | None = None, report: Report = silent) -> Corpus:
    """The corpus in `source`, read once: words numbered by frequency, sentence after sentence.

    Lines are sentences. Words stand between white space, as `str.split` sees it; white space in a token of a list of tokens does not count.

    Args:
        source: a path to a text file (also ``.gz``, ``.xz``, ``.zst``, ``.bz2``), to a folder of such files or, with ``options.column``, to a
            table; ``"-"`` for standard input; or an iterable, possibly one that can be gone through only once, of lines or of lists of tokens.
        options: how to read it.
        folder: where ``ids.npy`` and ``starts.npy`` are written, to be mapped; None keeps them in memory while they fit into
            ``options.memory_bytes``, and else in a temporary folder that goes with the corpus.
        threads: None for all cores of this machine. The corpus is the same with any number, as long as no words had to be dropped early.
        report: is told how far the reading is.

    Raises:
        ReadError: the file is missing, damaged, binary or in UTF-16.
        ColumnError: the table has no such column, or that column holds no text.
        InputError: no words, no word that occurs ``min_count`` times, or not UTF-8 where that is refused.
        MachineError: `folder` may not be written, or the disk is full; nothing half-written is left there.

    Examples:
        >>> corpus = read_corpus(["to be or not to be", "that is the question"], CorpusOptions(min_count=2))
        >>> corpus.vocabulary.words, corpus.ids.tolist(), corpus.starts.tolist()
        (('to', 'be'), [0, 1, 0, 1], [0, 4])
    """
    threads = threads_of(threads)
    shelf = Shelf(folder, options.memory_bytes)
    try:
        seen = _number(source, options, shelf, threads, report)
        ranked = rank(seen, min_count=options.min_count, max_vocab=options.max_vocab, most_broken=MOST_BROKEN[options.errors])
        _renumber(shelf, ranked.mappings, threads, report)
        ids, starts = shelf.ids.finish(ranked.vocabulary.total), shelf.starts.finish()
    except BaseException:
        shelf.drop()
        raise
    corpus = Corpus(ranked.vocabulary, ids, starts, seen.total, (*_left_out(source, options), *_notes(seen, ranked.undecoded)))
    shelf.keep_while(ids, starts)
    return corpus


def _number(source: Source, options: CorpusOptions, shelf: Shelf, threads: int, report: Report) -> Seen:
    """Provisional numbers for all words of the source."""
    total_bytes = None
    if isinstance(source, str | Path):
        text: str | Path | Iterator[str] = source
        total_bytes = None if options.column or options.steps.names else size_of(source)
    else:
        lines, items = peek(source)
        if not lines:
            sentences: Iterator[Iterable[str]] = items
            return scan_tokens(_prepared_tokens(sentences, options.steps) if options.steps.names else sentences, shelf, memory_bytes=options.memory_bytes, report=report)
        text = cast("Iterator[str]", items)
    blocks = blocks_of(text, column=options.column, steps=options.steps)
    return scan_blocks(blocks, shelf, threads=threads, memory_bytes=options.memory_bytes, total_bytes=total_bytes, report=report)


def _prepared_tokens(sentences: Iterator[Iterable[str]], steps: TextSteps) -> Iterator[list[str]]:
    """Every sentence after the text steps, which see it with single spaces."""
    return (steps.apply(" ".join(sentence)).split() for sentence in sentences)


def _renumber(shelf: Shelf, mappings: list[npt.NDArray[np.int32]], threads: int, report: Report) -> None:
    """Final numbers in the place of the provisional ones, and where sentences start."""

    def work(block: tuple[int, npt.NDArray[np.int32]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        table, part = block
        out, ends = np.empty(len(part), dtype=np.int32), np.empty(int((part < 0).sum()), dtype=np.int64)
        written, _ = remap(part, mappings[table], out, ends)
        return out[:written], ends

    at = last = 0
    shelf.starts.append(np.zeros(1, dtype=np.int64))
    for ids, ends in in_order(work, shelf.blocks(), threads=threads):
        points = sentence_ends(last, at + ends)
        shelf.put(at, ids)
        shelf.starts.append(points)
        at, last = at + len(ids), int(points[-1]) if len(points) else last
        report(Progress("number", at, None, "words"))
    shelf.starts.append(sentence_ends(last, np.array([at])))


def sentence_ends(last: int, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where sentences end that begin at `last`: empty ones gone, long ones cut into pieces of `MAX_SENTENCE` words.

    Examples:
        >>> sentence_ends(0, np.array([0, 3, 3, 25_003])).tolist()
        [3, 10003, 20003, 25003]
    """
    points = ends[np.diff(ends, prepend=last) > 0]
    lengths = np.diff(points, prepend=last)
    pieces = -(-lengths // MAX_SENTENCE)
    if not len(points) or pieces.max() == 1:
        return points
    which = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut: npt.NDArray[np.int64] = np.minimum(np.repeat(points - lengths, pieces) + (which + 1) * MAX_SENTENCE, np.repeat(points, pieces))
    return cut


def _left_out(source: Source, options: CorpusOptions) -> list[str]:
    """A sentence where not all files of a folder are texts."""
    others = no_texts(path_of(source)) if isinstance(source, str | Path) and options.column is None and str(source) != "-" else []
    return [told_of(others)] if others else []


def _notes(seen: Seen, undecoded: int) -> Iterator[str]:
    if undecoded:
        yield f"{plural(undecoded, 'word')} held bytes that are not UTF-8; these became U+FFFD."
    if seen.nuls:
        yield f"{plural(seen.nuls, 'NUL byte')} taken for blanks."
    if seen.long:
        yield f"{plural(seen.long, 'word')} of more than 1,000 bytes left out."
    if are_unparted(seen):
        yield f"Most words are whole phrases. {PART}"
    if seen.pruned:
        yield f"The table of words outgrew 'memory_bytes': words seen at most {seen.pruned:,} times were dropped early, so counts of rare words may be too low."
