"""A corpus as training wants it: numbers of words, sentence after sentence, and the vocabulary they point into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError, OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.text import TextSteps
from ringsmith.words.vocabulary import Vocabulary

Errors = Literal["replace", "refuse"]
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
        errors: what to do with bytes that are not UTF-8: ``"replace"`` them by U+FFFD and count the words, or ``"refuse"`` the corpus.

    Raises:
        OptionError: a value outside its range.
    """

    min_count: int = 5
    max_vocab: int | None = None
    column: str | None = None
    steps: TextSteps = TextSteps()
    memory_bytes: int = 1 << 30
    errors: Errors = "replace"

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise OptionError(f"'min_count' must be at least 1; got {self.min_count}. Use 5, the usual value, or leave it out.")
        if self.max_vocab is not None and self.max_vocab < 1:
            raise OptionError(f"'max_vocab' must be at least 1; got {self.max_vocab}. Leave it out for no bound.")
        if self.memory_bytes < 1 << 20:
            raise OptionError(f"'memory_bytes' must be at least 1,048,576 (1 MiB); got {self.memory_bytes:,}. Leave it out for 1 GiB.")
        if self.errors not in ("replace", "refuse"):
            raise OptionError(f"'errors' must be 'replace' or 'refuse'; got {self.errors!r}. Leave it out to replace what is not UTF-8.")


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


Source = str | Path | Iterable[str] | Iterable[Iterable[str]]


def read_corpus(source: Source, options: CorpusOptions = CorpusOptions(), *, folder: Path | None = None, threads: int | None = None, report: Report = silent) -> Corpus:
    """The corpus in `source`; provisional: one thread, in memory."""
    if isinstance(source, str | Path):
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return _slow([line.split() for line in file], options)
    report(Progress("read", 0, None, "words"))
    return _slow([line.split() if isinstance(line, str) else list(line) for line in source], options)


def _slow(lines: list[list[str]], options: CorpusOptions) -> Corpus:
    vocabulary = Vocabulary.of((word for line in lines for word in line), min_count=options.min_count)
    if not len(vocabulary):
        raise InputError("The corpus holds no word often enough.")
    rows = [vocabulary.numbers(line) for line in lines]
    pieces = [row[at : at + MAX_SENTENCE] for row in rows for at in range(0, len(row), MAX_SENTENCE)]
    starts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
    return Corpus(vocabulary, np.concatenate(pieces), starts, sum(map(len, lines)))
