"""word2vec (Mikolov, Sutskever, Chen, Corrado and Dean, 2013): skip-gram and CBOW, with negatives, a Huffman tree, or both; with or without subwords.

    corpus = read_corpus("wiki.txt")
    model = train_word2vec(corpus, Word2VecOptions(dim=100, epochs=3))
    model.vectors.nearest("king")

The work is done in `kernels/word2vec.py`; here it is set up and shared out. `passes.py` watches it, `model.py` holds what is trained, and
`batches.py` trains on a GPU.

Decisions:
- The learning rate falls linearly over all words of all epochs, whichever thread reads them. (gensim's `corpus_file` lets each thread count for itself,
  so that its rate ends far above the floor.)
- Threads share the weights without locks, but for the rows of the most frequent words, where they would wait for each other: there each moves copies
  of its own (`kernels/own.py`). With several threads two runs differ in the last digits; ``deterministic=True`` trains in one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError, OptionError
from ringsmith.records import Report, silent
from ringsmith.words.corpus import Corpus
from ringsmith.words.devices import Device, find_device
from ringsmith.words.huffman import Paths, huffman_paths, no_paths
from ringsmith.words.kernels import word2vec as kernels
from ringsmith.words.kernels.own import hand_on_all, own_rows
from ringsmith.words.model import Word2VecModel as Word2VecModel
from ringsmith.words.model import flat, padded
from ringsmith.words.model import make_model as make_model
from ringsmith.words.options import FARTHEST, Word2VecOptions
from ringsmith.words.parallel import threads_of
from ringsmith.words.passes import AfterEpoch as AfterEpoch
from ringsmith.words.passes import Passes
from ringsmith.words.sampling import keep_thresholds, negative_table
from ringsmith.words.stretches import Piece, work_through

OWN_ROWS, HAND_ON = 512, 16
"""With several threads each has copies of the rows of so many words, and hands on what they learnt at one use in so many (LOG.md)."""
SHAPE = ("dim", "hierarchical", "subwords", "buckets")
"""Options that decide how large the matrices are: they stay what they were when a model is trained on."""


def train_word2vec(
    corpus: Corpus,
    options: Word2VecOptions | None = None,
    *,
    model: Word2VecModel | None = None,
    threads: int | None = None,
    device: Device = "cpu",
    report: Report = silent,
    after_epoch: AfterEpoch | None = None,
) -> Word2VecModel:
    """Word vectors of a corpus.

    Args:
        corpus: numbers of words, sentence by sentence.
        options: how to train; None for those of `model`, or the usual ones.
        model: trained on, in place, if given; its vocabulary must be the corpus's (`read_more` and `extend` make it so). Where the
            training is stopped by an exception it holds what was learnt until then.
        threads: None for all cores.
        device: where the training is done: ``"cpu"`` by the compiled kernels, ``"cuda"`` or ``"mps"`` in large batches by torch (`batches.py`), ``"auto"``
            on a GPU where there is one that can do what the options ask for, else on the CPU.
        report: is told a few times a second.
        after_epoch: is called with the model after every epoch.

    Returns:
        The model; ``model.vectors`` are the word vectors.

    Raises:
        OptionError: the options do not fit the model or the device. InputError: the corpus has no words, or other ones than the model.
        RunRefused: the vectors became infinite. MissingExtra: a GPU is named, and torch is not installed. MachineError: there is no such GPU, or the
            matrices do not fit into its memory.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> corpus = read_corpus(["a rose is a rose"] * 50, CorpusOptions(min_count=1))
        >>> model = train_word2vec(corpus, Word2VecOptions(dim=8, epochs=2, deterministic=True))
        >>> model.vectors.matrix.shape, len(model.losses)
        ((3, 8), 2)
    """
    _check(corpus, options, model, threads)
    options = options or (model.options if model else Word2VecOptions())
    model = model or make_model(corpus.vocabulary, options)
    place = find_device(device, options)
    if place == "cpu":
        _Training(corpus, options, model, report, after_epoch, 1 if options.deterministic else threads_of(threads)).run()
    else:
        from ringsmith.words.batches import train_in_batches

        train_in_batches(corpus, options, model, place, report, after_epoch)
    return model


def _check(corpus: Corpus, options: Word2VecOptions | None, model: Word2VecModel | None, threads: int | None) -> None:
    """Refuse what does not go together."""
    if threads is not None and threads < 1:
        raise OptionError(f"'threads' must be at least 1; got {threads}. Leave it out for all cores.")
    if not corpus.words:
        raise InputError("The corpus must hold words; it is empty. Check the source.")
    if model is None:
        return
    if model.vocabulary is not corpus.vocabulary and model.vocabulary.words != corpus.vocabulary.words:
        raise InputError(
            f"The corpus must have the vocabulary of the model ({len(model.vocabulary):,} words); it has another one ({len(corpus.vocabulary):,} words). "
            "Read it with read_more(source, model.vocabulary), and extend the model if that found new words."
        )
    if options and (other := [name for name in SHAPE if getattr(options, name) != getattr(model.options, name)]):
        faults = (f"'{name}' must stay {getattr(model.options, name)!r}, as the model was made; got {getattr(options, name)!r}." for name in other)
        raise OptionError("\n".join(f"{fault} Leave it as it was, or train a new model." for fault in faults))


class _Training(Passes):
    """One call of `train_word2vec` on the CPU."""

    told_every = kernels.LOSS_EVERY

    def __init__(self, corpus: Corpus, options: Word2VecOptions, model: Word2VecModel, report: Report, after_epoch: AfterEpoch | None, threads: int = 1) -> None:
        super().__init__(corpus, options, model, report, after_epoch)
        counts, generator = corpus.vocabulary.counts, np.random.default_rng([options.seed, 2])
        paths = huffman_paths(counts) if options.hierarchical else no_paths(len(counts))
        table = negative_table(counts, options.noise_power, generator) if options.negative else np.zeros(1, np.int32)
        self.text = kernels.Text(np.ascontiguousarray(corpus.ids), np.ascontiguousarray(corpus.starts))
        self.hands: list[kernels.Weights] = []  # the weights as each thread has them: what is taken while it works is put back after
        self.bags = model.bags
        self.draws = kernels.Draws(keep_thresholds(counts, options.sample), table, paths.starts, self._nodes(paths), paths.labels)
        self.shape = kernels.Shape(min(options.window, FARTHEST), options.shrink, 1 + options.negative if options.negative else 0, paths.deepest, options.mean)
        self.kernel: Any = kernels.cbow if options.method == "cbow" else kernels.subword_skipgram if options.subwords else kernels.skipgram
        self.threads, self.lock = threads, threading.Lock()
        self.kernel(self.text, self._weights(0), self.bags, self.draws, self.shape, kernels.Stretch(0, 0, 0.0, 0.0, 0))  # compiled, or loaded, before the clock starts

    def _nodes(self, paths: Paths) -> npt.NDArray[np.int32]:
        """Inner nodes as output rows: they follow the words."""
        return (paths.nodes + len(self.corpus.vocabulary)).astype(np.int32)

    def _weights(self, words: int) -> kernels.Weights:
        """Both matrices, with a thread's own copies of the rows of so many words."""
        model, width, words = self.model, padded(self.model.options.dim), min(words, len(self.model.vocabulary))
        inputs, outputs = flat(model.inputs), flat(model.outputs)
        own_inputs = own_rows(inputs, 0 if model.options.subwords else words, width, HAND_ON)
        return kernels.Weights(inputs, outputs, width, own_inputs, own_rows(outputs, words, width, HAND_ON))

    def work_on(self, plan: Iterator[Piece], tell: Callable[[], None]) -> None:
        """Train on the pieces of a plan; what the copies of each thread learnt is handed on at the end, also where it is stopped."""
        self.hands = [self._weights(OWN_ROWS if self.threads > 1 else 0) for _ in range(self.threads)]
        try:
            work_through(plan, self.threads, self.work, tell)
        finally:
            for weights in self.hands:
                hand_on_all(weights.own_inputs, weights.inputs, weights.width)
                hand_on_all(weights.own_outputs, weights.outputs, weights.width)

    def work(self, piece: Piece) -> None:
        """Train on one piece; called by many threads."""
        rates = self.rate_at(piece.from_share), self.rate_at(piece.to_share)
        stretch = kernels.Stretch(piece.first, piece.last, *rates, piece.chance(self.options.seed))
        weights = self.hands.pop()
        try:
            loss, pairs = self.kernel(self.text, weights, self.bags, self.draws, self.shape, stretch)
        finally:
            self.hands.append(weights)
        with self.lock:
            self.done, self.loss, self.pairs = self.done + piece.words, self.loss + loss, self.pairs + pairs
