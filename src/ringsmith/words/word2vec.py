"""word2vec (Mikolov, Sutskever, Chen, Corrado and Dean, 2013): skip-gram and CBOW, with negatives, a Huffman tree, or both; with or without subwords.

    corpus = read_corpus("wiki.txt")
    model = train_word2vec(corpus, Word2VecOptions(dim=100, epochs=3))
    model.vectors.nearest("king")

The work is done in `kernels/word2vec.py`; here it is set up, shared out and watched.

Decisions:
- The learning rate falls linearly over all words of all epochs, whichever thread reads them. (gensim's `corpus_file` lets each thread count for itself,
  so that its rate ends far above the floor.)
- Threads share the weights without locks. With several threads two runs differ in the last digits; ``deterministic=True`` trains in one.
- Rows are padded to 64 bytes and begin at multiples of 64.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._machine import cores
from ringsmith.records import Progress, Report, silent
from ringsmith.words.corpus import Corpus
from ringsmith.words.huffman import Paths, huffman_paths, no_paths
from ringsmith.words.kernels import word2vec as kernels
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.sampling import keep_thresholds, negative_table
from ringsmith.words.stretches import Piece, pieces, work_through
from ringsmith.words.vectors import WordVectors
from ringsmith.words.vocabulary import Vocabulary

LANES = 16
Floats = npt.NDArray[np.float32]
AfterEpoch = Callable[["Word2VecModel"], None]
"""Is given the model after every epoch, still in training."""


@dataclass(eq=False)
class Word2VecModel:
    """What training moves, and what it was trained with.

    Attributes:
        vocabulary: the words, in the order of the rows.
        options: as they were asked for.
        inputs: (V, dim) float32; with subwords (V + buckets, dim): the words' own vectors, then those of the n-grams.
        outputs: (V, dim), the words as targets; then (V - 1, dim) of the tree, if there is one.
        losses: mean loss of each epoch, told from some of the pairs.
        trained_words: words of all epochs so far.
        seconds: of training alone.
    """

    vocabulary: Vocabulary
    options: Word2VecOptions
    inputs: Floats
    outputs: Floats
    losses: list[float] = field(default_factory=list)
    trained_words: int = 0
    seconds: float = 0.0

    @property
    def vectors(self) -> WordVectors:
        """The words with their vectors; without subwords the matrix is the model's own, not a copy."""
        words, size = self.vocabulary.words, len(self.vocabulary)
        if self.options.subwords is None:
            return WordVectors(words, self.inputs, self.vocabulary.counts)
        matrix = np.empty((size, self.options.dim), np.float32)
        bags = bags_of(self.vocabulary, self.options)
        for row in range(size):
            matrix[row] = self.inputs[bags.rows[bags.starts[row] : bags.starts[row + 1]]].mean(axis=0)
        return WordVectors(words, matrix, self.vocabulary.counts, ngrams=Ngrams(self.inputs[size:], *self.options.subwords))


def train_word2vec(
    corpus: Corpus,
    options: Word2VecOptions = Word2VecOptions(),  # noqa: B008 (frozen)
    *,
    model: Word2VecModel | None = None,
    threads: int | None = None,
    report: Report = silent,
    after_epoch: AfterEpoch | None = None,
) -> Word2VecModel:
    """Word vectors of a corpus.

    Args:
        corpus: numbers of words, sentence by sentence.
        options: how to train.
        model: trained on, in place, if given; its vocabulary must be the corpus's (`extend` makes it so).
        threads: None for all cores.
        report: is told a few times a second.
        after_epoch: is called with the model after every epoch.

    Returns:
        The model; ``model.vectors`` are the word vectors.

    Raises:
        OptionError: the options do not fit.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> corpus = read_corpus(["a rose is a rose"] * 50, CorpusOptions(min_count=1))
        >>> model = train_word2vec(corpus, Word2VecOptions(dim=8, epochs=2, deterministic=True))
        >>> model.vectors.matrix.shape, len(model.losses)
        ((3, 8), 2)
    """
    model = make_model(corpus.vocabulary, options) if model is None else model
    training = _Training(corpus, replace(options, dim=model.options.dim, subwords=model.options.subwords, buckets=model.options.buckets), model, report, after_epoch)
    training.run(1 if options.deterministic else threads or cores())
    return model


def make_model(vocabulary: Vocabulary, options: Word2VecOptions) -> Word2VecModel:
    """An untrained model: word vectors even over (-0.5, 0.5) / dim, targets 0, as in word2vec.c."""
    size, generator = len(vocabulary), np.random.default_rng([options.seed, 0])
    rows = size + (options.buckets if options.subwords else 0)
    inputs = aligned(rows, options.dim)
    for at in range(0, rows, 100_000):
        part = inputs[at : at + 100_000]
        part[:] = (generator.random(part.shape, dtype=np.float32) - 0.5) / options.dim
    return Word2VecModel(vocabulary, options, inputs, aligned(target_rows(size, options), options.dim))


def target_rows(words: int, options: Word2VecOptions) -> int:
    """Output rows: words, inner nodes of the tree, and the blank."""
    return words + (words - 1 if options.hierarchical else 0) + 1


def aligned(rows: int, dim: int) -> Floats:
    """Zeros (rows, dim), each row padded to 64 bytes in memory and beginning at a multiple of 64."""
    width = padded(dim)
    room = np.zeros(rows * width + LANES, np.float32)
    begin = -(room.ctypes.data // 4) % LANES
    matrix: Floats = room[begin : begin + rows * width].reshape(rows, width)[:, :dim]
    return matrix


def padded(dim: int) -> int:
    """Floats of a row of `dim` numbers."""
    return -(-dim // LANES) * LANES


def flat(matrix: Floats) -> Floats:
    """The one-dimensional memory of a matrix that `aligned` made, padding included."""
    rows, width = matrix.shape[0], matrix.strides[0] // 4
    line: Floats = np.lib.stride_tricks.as_strided(matrix, (rows * width,), (4,))
    return line


def bags_of(vocabulary: Vocabulary, options: Word2VecOptions) -> kernels.Bags:
    """The input rows of every word: its own, and those of its n-grams."""
    size = len(vocabulary)
    if options.subwords is None:
        return kernels.Bags(np.arange(size + 1), np.arange(size, dtype=np.int32), 1)
    ngrams = Ngrams(np.empty((options.buckets, 0), np.float32), *options.subwords)
    rows = [np.concatenate([[number], size + ngrams.rows(word)]) for number, word in enumerate(vocabulary.words)]
    lengths = np.array([len(row) for row in rows])
    return kernels.Bags(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(rows).astype(np.int32), int(lengths.max()))


class _Training:
    """One call of `train_word2vec`."""

    def __init__(self, corpus: Corpus, options: Word2VecOptions, model: Word2VecModel, report: Report, after_epoch: AfterEpoch | None) -> None:
        self.corpus, self.options, self.model, self.report, self.after_epoch = corpus, options, model, report, after_epoch
        counts, generator = corpus.vocabulary.counts, np.random.default_rng([options.seed, 2])
        paths = huffman_paths(counts) if options.hierarchical else no_paths(len(counts))
        table = negative_table(counts, options.noise_power, generator) if options.negative else np.zeros(1, np.int32)
        self.text = kernels.Text(np.ascontiguousarray(corpus.ids), np.ascontiguousarray(corpus.starts))
        self.weights = kernels.Weights(flat(model.inputs), flat(model.outputs), padded(model.options.dim))
        self.bags = bags_of(corpus.vocabulary, options)
        self.draws = kernels.Draws(keep_thresholds(counts, options.sample), table, paths.starts, self._nodes(paths), paths.labels)
        self.shape = kernels.Shape(options.window, options.shrink, 1 + options.negative if options.negative else 0, paths.deepest, options.mean)
        self.kernel: Any = kernels.cbow if options.method == "cbow" else kernels.subword_skipgram if options.subwords else kernels.skipgram
        self.lock = threading.Lock()
        self.done, self.loss, self.pairs, self.began = 0, 0.0, 0, time.perf_counter()

    def _nodes(self, paths: Paths) -> npt.NDArray[np.int32]:
        """Inner nodes as output rows: they follow the words."""
        return (paths.nodes + len(self.corpus.vocabulary)).astype(np.int32)

    def run(self, threads: int) -> None:
        """Epoch after epoch."""
        plan = pieces(self.corpus.starts, self.options.epochs, shuffle=self.options.shuffle, seed=self.options.seed)
        self.began = time.perf_counter()
        for _ in range(self.options.epochs):
            self.loss, self.pairs = 0.0, 0
            work_through(_one_epoch(plan, self.corpus.words), threads, self.work, self.tell)
            self.model.losses.append(self.loss / max(1, self.pairs))
            self.model.trained_words += self.corpus.words
            if self.after_epoch is not None:
                self.after_epoch(self.model)
        self.model.seconds += time.perf_counter() - self.began

    def work(self, piece: Piece) -> None:
        """Train on one piece; called by many threads."""
        options = self.options
        fall = options.min_rate - options.rate
        stretch = kernels.Stretch(piece.first, piece.last, options.rate + fall * piece.from_share, options.rate + fall * piece.to_share, piece.number * 1_000_003 + options.seed)
        loss, pairs = self.kernel(self.text, self.weights, self.bags, self.draws, self.shape, stretch)
        with self.lock:
            self.done, self.loss, self.pairs = self.done + piece.words, self.loss + loss, self.pairs + pairs

    def tell(self) -> None:
        """Say how far the training is."""
        pace = self.done / max(1e-9, time.perf_counter() - self.began)
        note = f"{pace / 1e6:.2f} M words/s, loss {self.loss / self.pairs:.3f}" if self.pairs else ""
        self.report(Progress("train", self.done, self.corpus.words * self.options.epochs, "words", note))


def _one_epoch(plan: Any, words: int) -> Any:
    """Pieces of the plan until they hold so many words."""
    taken = 0
    while taken < words:
        piece = next(plan)
        taken += piece.words
        yield piece
