"""What word2vec moves: two matrices, and how they are laid out for the kernels.

Rows are padded to 64 bytes and begin at multiples of 64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ringsmith._kernels.simd import LANES
from ringsmith.words.kernels.memory import lines
from ringsmith.words.kernels.word2vec import Bags
from ringsmith.words.neighbours import Floats
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.vectors import WordVectors
from ringsmith.words.vocabulary import Vocabulary

START, START_OF_MEANS = 0.5, 3.0
"""Half the range in which word vectors begin, times the dimension: word2vec.c's, and for CBOW. Targets begin at 0, so the smaller the vectors the longer nothing
moves, longest where means tell, which are smaller still: from 0.5 CBOW has two points less of analogies after 3 epochs of 17 M words. Sums want 0.5 (LOG.md)."""
ROWS_AT_ONCE, WORDS_AT_ONCE = 100_000, 2_000


@dataclass(eq=False)
class Word2VecModel:
    """What training moves, and what it was trained with.

    Attributes:
        vocabulary: the words, in the order of the rows.
        options: as they were asked for.
        inputs: (V, dim) float32; with subwords (V + buckets, dim): the words' own vectors, then those of the n-grams.
        outputs: (V, dim), the words as targets; then (V - 1, dim) of the tree, if there is one; then a blank row.
        losses: mean loss of each epoch, told from some of the pairs.
        loss_total: sum of the losses of all pairs of all epochs, as far as some of the pairs tell.
        trained_words: words of all epochs so far.
        seconds: of training alone.
    """

    vocabulary: Vocabulary
    options: Word2VecOptions
    inputs: Floats
    outputs: Floats
    losses: list[float] = field(default_factory=list)
    loss_total: float = 0.0
    trained_words: int = 0
    seconds: float = 0.0

    @cached_property
    def bags(self) -> Bags:
        """The input rows of every word."""
        return bags_of(self.vocabulary, self.options)

    @property
    def vectors(self) -> WordVectors:
        """The words with their vectors; without subwords the matrix is the model's own, not a copy."""
        words, size = self.vocabulary.words, len(self.vocabulary)
        if self.options.subwords is None:
            return WordVectors(words, self.inputs, self.vocabulary.counts)
        matrix, starts = np.empty((size, self.options.dim), np.float32), self.bags.starts
        for first in range(0, size, WORDS_AT_ONCE):
            ends = starts[first : first + WORDS_AT_ONCE + 1]
            parts = self.inputs[self.bags.rows[ends[0] : ends[-1]]]
            matrix[first : first + WORDS_AT_ONCE] = np.add.reduceat(parts, ends[:-1] - ends[0]) / np.diff(ends)[:, None]
        return WordVectors(words, matrix, self.vocabulary.counts, ngrams=Ngrams(self.inputs[size:], *self.options.subwords))


def make_model(vocabulary: Vocabulary, options: Word2VecOptions) -> Word2VecModel:
    """An untrained model: word vectors even over (-start, start) / dim, targets 0."""
    size, generator, span = len(vocabulary), np.random.default_rng([options.seed, 0]), 2 * (START_OF_MEANS if options.averages else START)
    rows = size + (options.buckets if options.subwords else 0)
    inputs = aligned(rows, options.dim)
    for at in range(0, rows, ROWS_AT_ONCE):
        part = inputs[at : at + ROWS_AT_ONCE]
        part[:] = (generator.random(part.shape, dtype=np.float32) - 0.5) * span / options.dim
    return Word2VecModel(vocabulary, options, inputs, aligned(target_rows(size, options), options.dim))


def extend(model: Word2VecModel, vocabulary: Vocabulary) -> Word2VecModel:
    """The same model over another vocabulary, to train on: known words keep their vectors, new ones begin as in `make_model`.

    What the model learnt about n-grams stays. A Huffman tree is made anew from the new counts, so its nodes begin at 0.

    Args:
        model: not changed.
        vocabulary: the words of the new model, usually from `read_more`; words that are not in it are left behind.

    Returns:
        A new model; losses, words and seconds are carried on.

    Examples:
        >>> from ringsmith.words.growing import read_more
        >>> model = make_model(Vocabulary.of("a rose is a rose".split()), Word2VecOptions(dim=4))
        >>> more = read_more(["a tulip is no rose"] * 5, model.vocabulary)
        >>> larger = extend(model, more.vocabulary)
        >>> larger.vocabulary.words, bool((larger.inputs[:3] == model.inputs).all())
        (('a', 'rose', 'is', 'tulip', 'no'), True)
    """
    larger, old, new = make_model(vocabulary, model.options), len(model.vocabulary), len(vocabulary)
    known = [(number, place) for number, word in enumerate(vocabulary.words) if (place := model.vocabulary.index.get(word)) is not None]
    rows, places = (np.array(column, dtype=np.int64) for column in (zip(*known, strict=True) if known else ((), ())))
    larger.inputs[rows], larger.outputs[rows] = model.inputs[places], model.outputs[places]
    larger.inputs[new:] = model.inputs[old:]
    larger.losses, larger.loss_total, larger.trained_words, larger.seconds = list(model.losses), model.loss_total, model.trained_words, model.seconds
    return larger


def target_rows(words: int, options: Word2VecOptions) -> int:
    """Output rows: words, inner nodes of the tree, and the blank."""
    return words + (words - 1 if options.hierarchical else 0) + 1


def aligned(rows: int, dim: int) -> Floats:
    """Zeros (rows, dim), each row padded to 64 bytes in memory and beginning at a multiple of 64."""
    return lines(rows, padded(dim))[:, :dim]


def padded(dim: int) -> int:
    """Floats of a row of `dim` numbers."""
    return -(-dim // LANES) * LANES


def flat(matrix: Floats) -> Floats:
    """The one-dimensional memory of a matrix that `aligned` made, padding included."""
    rows, width = matrix.shape[0], matrix.strides[0] // 4
    return np.asarray(np.lib.stride_tricks.as_strided(matrix, (rows * width,), (4,)))


def bags_of(vocabulary: Vocabulary, options: Word2VecOptions) -> Bags:
    """The input rows of every word: its own, and those of its n-grams."""
    size = len(vocabulary)
    if options.subwords is None:
        return Bags(np.arange(size + 1), np.arange(size, dtype=np.int32), 1)
    ngrams = Ngrams(np.empty((options.buckets, 0), np.float32), *options.subwords)
    rows = [np.concatenate([[number], size + ngrams.rows(word)]) for number, word in enumerate(vocabulary.words)]
    lengths: npt.NDArray[np.int64] = np.array([len(row) for row in rows])
    return Bags(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(rows).astype(np.int32), int(lengths.max()))
