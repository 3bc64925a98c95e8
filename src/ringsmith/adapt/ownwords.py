"""Word vectors of the training texts alone, made within a share of the budget.

What LOG.md's figures say: small corpora want many epochs (with 20,000 to 150,000 words 20 were better than 5 or 10, 40 hardly better than 20): up
to 150,000 words there are 20, from 600,000 on 5. Subwords are the largest gain; where a character is a syllable or a word (Korean, Chinese,
Japanese) those of 1 to 3 characters, elsewhere those of 3 to 6.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ringsmith.adapt.recipe import Progress, Report
from ringsmith.adapt.static_options import OwnOptions
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Budget
from ringsmith.words.corpus import Corpus, sentence_ends
from ringsmith.words.tokens import Tokens, vocabulary_of
from ringsmith.words.vectors import WordVectors

MOST_EPOCHS, LEAST_EPOCHS, ENOUGH_WORDS = 20, 5, 3_000_000
GLOVE_ITERATIONS, GLOVE_X_MAX = 25, 10.0
SHARE = 0.5
"""Of the time left, this share may go into the vectors."""
LETTERS, SYLLABLES = (3, 6), (1, 3)
"""Lengths of subwords in alphabets, and where a character is a syllable or a word."""
WIDE = "\u2e80"
"""The characters of East Asia begin here."""
PACE = 250_000.0
"""Words a second with subwords on one slow core, to foresee how many epochs fit."""


class _EnoughError(Exception):
    """The way out of training when its share of the time is over."""


def corpus_of(tokens: Tokens, *, min_count: int = 1) -> Corpus:
    """Texts as a corpus for training, without reading them again."""
    vocabulary, numbers = vocabulary_of(tokens, min_count=min_count)
    ids = numbers[tokens.ids]
    ends = np.concatenate([[0], np.cumsum(ids >= 0)])[tokens.starts[1:]].astype(np.int64)
    return Corpus(vocabulary, ids[ids >= 0], np.concatenate([[0], sentence_ends(0, ends)]).astype(np.int64), len(ids))


def own_vectors(tokens: Tokens, options: OwnOptions, budget: Budget, *, seed: int, threads: int | None, report: Report) -> tuple[WordVectors, tuple[str, ...]]:
    """Vectors of the words of these texts, in small letters, and a note on each thing that the budget cut short.

    The same seed gives the same bits with any number of threads; a budget that cuts the training short does not.

    Raises:
        RunRefused: there is no word at all.
        BudgetError: GloVe, which is worth nothing before its end, did not come to it.
    """
    corpus = corpus_of(tokens.lowered(), min_count=options.min_count)
    if not corpus.words:
        raise RunRefused("no training text holds a word")
    seconds = max(0.0, budget.remaining()) * SHARE
    if options.method == "glove":
        return _glove(corpus, options, seconds, seed, threads, report), ()
    wished = options.epochs or epochs_for(corpus.words)
    epochs = int(np.clip(seconds * PACE / corpus.words, 1, wished))
    notes = (f"The budget allowed {epochs} of {wished} epochs of word2vec.",) if epochs < wished else ()
    vectors, finished = _word2vec(corpus, options, epochs, seconds, seed, report)
    return vectors, notes if finished else (*notes, "The budget ended the training of word2vec early.")


def epochs_for(words: int) -> int:
    """Passes over a corpus of so many words.

    Examples:
        >>> epochs_for(20_000), epochs_for(300_000), epochs_for(5_000_000)
        (20, 10, 5)
    """
    return int(np.clip(ENOUGH_WORDS // max(1, words), LEAST_EPOCHS, MOST_EPOCHS))


def _word2vec(corpus: Corpus, options: OwnOptions, epochs: int, seconds: float, seed: int, report: Report) -> tuple[WordVectors, bool]:
    """Skip-gram; and whether it came to its end."""
    from ringsmith.words.model import make_model
    from ringsmith.words.options import Word2VecOptions
    from ringsmith.words.word2vec import train_word2vec

    words = corpus.vocabulary.words
    subwords = subwords_for(words) if options.subwords == "auto" else options.subwords
    buckets = buckets_for(words, subwords, options.buckets) if subwords else 1
    how = Word2VecOptions(dim=options.dim, window=options.window, epochs=epochs, rate=options.rate, subwords=subwords, buckets=buckets, seed=seed, deterministic=True)
    model = make_model(corpus.vocabulary, how)
    try:
        train_word2vec(corpus, how, model=model, report=_until(seconds, report))
    except _EnoughError:
        return halved(model.vectors), False
    return halved(model.vectors), True


def subwords_for(words: Sequence[str]) -> tuple[int, int]:
    """Lengths of the n-grams that suit the script in which most characters are written.

    Examples:
        >>> subwords_for(["film", "good"]), subwords_for(["영화가", "재밌다"])
        ((3, 6), (1, 3))
    """
    text = "".join(words)
    return SYLLABLES if sum(character >= WIDE for character in text) > len(text) / 2 else LETTERS


def buckets_for(words: Sequence[str], subwords: tuple[int, int], most: int) -> int:
    """As many as there are n-grams of all words, if these are fewer than `most`: what is never trained only takes room."""
    lengths = np.array([len(word) + 2 for word in words])
    return int(np.clip(sum(np.maximum(0, lengths - n + 1).sum() for n in range(subwords[0], subwords[1] + 1)), 1, most))


def halved(vectors: WordVectors) -> WordVectors:
    """The same in float16: half the room; log loss on validation rows stayed within 0.0003 (LOG.md)."""
    ngrams = vectors.ngrams and replace(vectors.ngrams, buckets=vectors.ngrams.buckets.astype(np.float16))
    return replace(vectors, matrix=vectors.matrix.astype(np.float16), ngrams=ngrams)


def _glove(corpus: Corpus, options: OwnOptions, seconds: float, seed: int, threads: int | None, report: Report) -> WordVectors:
    from ringsmith.words.cooccurrence import CooccurrenceOptions
    from ringsmith.words.glove import GloveOptions, train_glove

    how = GloveOptions(dim=options.dim, iterations=options.epochs or GLOVE_ITERATIONS, x_max=GLOVE_X_MAX, seed=seed)
    try:
        return halved(train_glove(corpus, how, CooccurrenceOptions(window=options.window), threads=threads, report=_until(seconds, report)))
    except _EnoughError:
        raise BudgetError.of("GloVe", 2 * seconds, f"it was not done after {seconds:.1f} s, the half of it") from None


def _until(seconds: float, report: Report) -> Report:
    """A listener that passes on what it is told, and ends the training after so many seconds."""
    until = time.monotonic() + seconds

    def told(progress: Progress) -> None:
        report(Progress("words", progress.done, progress.total, progress.unit, progress.note))
        if time.monotonic() > until:
            raise _EnoughError

    return told
