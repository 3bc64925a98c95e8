"""More text for a vocabulary that is there already: words keep their numbers, new ones follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ringsmith.errors import InputError
from ringsmith.records import Report, silent
from ringsmith.words.corpus import DEFAULTS, Corpus, CorpusOptions, read_corpus
from ringsmith.words.sources import Source
from ringsmith.words.vocabulary import Vocabulary

AT_ONCE = 1 << 24


def read_more(source: Source, vocabulary: Vocabulary, options: CorpusOptions = DEFAULTS, *, grow: bool = True, threads: int | None = None, report: Report = silent) -> Corpus:
    """A corpus whose numbers agree with a vocabulary that is there.

    Args:
        source: as for `read_corpus`.
        vocabulary: its words keep their numbers.
        options: how to read; ``min_count`` and ``max_vocab`` are for new words.
        grow: add new words and the counts of known ones; else new words are left out and the vocabulary stays as it is.
        threads: None for all cores.
        report: is told how far the reading is.

    Raises:
        InputError: no word of the source is in the vocabulary; and all that `read_corpus` raises.

    Examples:
        >>> old = Vocabulary.of("a rose is a rose".split())
        >>> read_more(["a tulip is a tulip"], old, CorpusOptions(min_count=2)).vocabulary.words
        ('a', 'rose', 'is', 'tulip')
        >>> read_more(["a tulip is a tulip"], old, grow=False).ids.tolist()
        [0, 2, 0]
    """
    read = read_corpus(source, replace(options, min_count=1, max_vocab=None), threads=threads, report=report)
    return renumber(read, joined(vocabulary, read.vocabulary, options) if grow else vocabulary)


def joined(old: Vocabulary, more: Vocabulary, options: CorpusOptions) -> Vocabulary:
    """Words of `old` in their order, then those new ones that are frequent enough, most frequent first; counts are added up."""
    new = [word for word, count in zip(more.words, more.counts.tolist(), strict=True) if count >= options.min_count and word not in old]
    if options.max_vocab is not None:
        new = new[: max(0, options.max_vocab - len(old))]
    words = (*old.words, *new)
    added = np.array([more.counts[number] if (number := more.index.get(word)) is not None else 0 for word in words], dtype=np.int64)
    added[: len(old)] += old.counts
    return Vocabulary(words, added)


def renumber(corpus: Corpus, vocabulary: Vocabulary) -> Corpus:
    """The same text in the numbers of another vocabulary; words that are not in it are gone, and so are sentences without words.

    Raises:
        InputError: nothing is left.
    """
    mapping = vocabulary.numbers(corpus.vocabulary.words, missing=-1)
    ids, before = [], np.zeros(len(corpus.starts), dtype=np.int64)
    for at in range(0, len(corpus.ids), AT_ONCE):
        numbers = mapping[corpus.ids[at : at + AT_ONCE]]
        known = numbers >= 0
        ids.append(numbers[known])
        first, last = np.searchsorted(corpus.starts, [at + 1, at + len(numbers) + 1])
        before[first:last] = np.cumsum(known)[corpus.starts[first:last] - at - 1] + sum(map(len, ids[:-1]))
    kept = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32)
    if not len(kept):
        raise InputError(
            f"The corpus must hold words of the vocabulary; none of its {len(corpus.vocabulary):,} words is among the {len(vocabulary):,}. Check the text and its case."
        )
    return replace(corpus, vocabulary=vocabulary, ids=kept, starts=np.unique(before))
