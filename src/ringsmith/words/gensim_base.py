"""What `Word2Vec` and `FastText` of gensim's face share: vocabulary, training, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.gensim_terms import check_arguments, options_of
from ringsmith.words.growing import joined, read_more, renumber
from ringsmith.words.keyed import KeyedVectors
from ringsmith.words.keys import Key
from ringsmith.words.model import Word2VecModel, extend, make_model
from ringsmith.words.modelfile import load_extra, load_model, save_model
from ringsmith.words.neighbours import Floats
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.vocabulary import Vocabulary
from ringsmith.words.word2vec import train_word2vec

Sentences = Iterable[str] | Iterable[Iterable[str]]
SAVED = (
    "vector_size", "alpha", "window", "min_count", "sample", "seed", "workers", "min_alpha", "sg", "hs", "negative", "ns_exponent", "cbow_mean", "epochs", "max_final_vocab",
    "shrink_windows",
)  # fmt: skip
LEFT_OUT = {
    "init_sims": "norms are computed when they are needed; wv.get_normed_vectors() gives unit vectors",
    "score": "texts are not scored here",
    "reset_from": "build_vocab and build_vocab_from_freq make a vocabulary",
    "estimate_memory": "two matrices of 4 bytes x words x vector_size are most of it",
}


class Trained:
    """What `Word2Vec` and `FastText` share."""

    saved: ClassVar[tuple[str, ...]] = SAVED
    vector_size: int
    alpha: float
    min_alpha: float
    window: int
    min_count: int
    sample: float
    seed: int
    workers: int
    sg: int
    hs: int
    negative: int
    ns_exponent: float
    cbow_mean: int
    epochs: int
    max_final_vocab: int | None
    shrink_windows: bool
    comment: str | None = None

    def _keep(self, given: Mapping[str, Any]) -> None:
        """Make attributes of those arguments of the constructor that are saved with the model."""
        for name in self.saved:
            setattr(self, name, given[name])

    def _begin(self, sentences: Sentences | None, corpus_file: str | PathLike[str] | None, callbacks: Iterable[Any], compute_loss: bool) -> None:
        """Check the options; read and train where there is a corpus."""
        self.corpus_count = self.corpus_total_words = self.train_count = 0
        self.total_train_time, self.compute_loss = 0.0, compute_loss
        self._model: Word2VecModel | None = None
        self._wv: KeyedVectors | None = None
        self._loss_before = 0.0
        self._options(self.epochs, self.alpha, self.min_alpha)
        if sentences is not None or corpus_file is not None:
            corpus = self._read_vocabulary(sentences, corpus_file, update=False)
            self._train(corpus, self.epochs, self.alpha, self.min_alpha, callbacks)

    @property
    def wv(self) -> KeyedVectors:
        """The words with their vectors; without n-grams a view of the model's matrix, not a copy."""
        if self._wv is None:
            self._wv = KeyedVectors(self.vector_size if self._model is None else self._model.vectors)
        return self._wv

    @property
    def layer1_size(self) -> int:
        """The same as `vector_size`."""
        return self.vector_size

    @property
    def syn1neg(self) -> Floats:
        """(V, d), the words as targets of negative sampling."""
        model = self._trained_model()
        return model.outputs[: len(model.vocabulary)]

    @property
    def syn1(self) -> Floats:
        """(V - 1, d), the inner nodes of the Huffman tree; none without ``hs=1``."""
        model = self._trained_model()
        return model.outputs[len(model.vocabulary) : -1]

    def build_vocab(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | PathLike[str] | None = None,
        update: bool = False,
        progress_per: int = 10_000,
        keep_raw_vocab: bool = False,
        trim_rule: None = None,
    ) -> None:
        """Count words and make the matrices; with `update` add words to those that are there, which keep number and vector.

        Raises:
            OptionError: `update` without a vocabulary. InputError: nothing is left after ``min_count``.
        """
        check_arguments(progress_per=progress_per, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule)
        self._read_vocabulary(corpus_iterable, corpus_file, update=update)

    def build_vocab_from_freq(
        self, word_freq: Mapping[str, int], keep_raw_vocab: bool = False, corpus_count: int | None = None, trim_rule: None = None, update: bool = False
    ) -> None:
        """The vocabulary from counts: ``{"word": 3}``.

        Raises:
            InputError: no word is frequent enough.
        """
        check_arguments(keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule)
        ranked = sorted(((word, count) for word, count in word_freq.items() if update or count >= self.min_count), key=lambda item: -item[1])
        if not ranked:
            raise InputError(f"'min_count' is {self.min_count}, and no word of 'word_freq' occurs so often. Use a smaller one, or more words.")
        found = Vocabulary(tuple(word for word, _ in ranked), np.array([count for _, count in ranked], dtype=np.int64))
        self.corpus_count, self.corpus_total_words = corpus_count or 0, sum(word_freq.values())
        if update:
            old = self._trained_model("to add words to")
            self._set_model(extend(old, joined(old.vocabulary, found, self._corpus_options())))
        else:
            self._set_model(make_model(self._bounded(found), self._options(self.epochs, self.alpha, self.min_alpha)))

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | PathLike[str] | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
    ) -> tuple[int, int]:
        """Train on sentences in the vocabulary that is there; unknown words are left out.

        Args:
            corpus_iterable: sentences: lists of words, or strings.
            corpus_file: or a file, a sentence in each line.
            total_examples: not needed: the corpus is counted.
            total_words: not needed either.
            epochs: None for the model's own.
            start_alpha: learning rate at the start; None for the model's own.
            end_alpha: learning rate at the end; None for the model's own.
            word_count: 0.
            queue_factor: without effect.
            report_delay: without effect.
            compute_loss: keep the loss for `get_latest_training_loss`.
            callbacks: their ``on_train_begin``, ``on_epoch_begin``, ``on_epoch_end`` and ``on_train_end`` are called with this model.

        Returns:
            Known words and all words, of all epochs (gensim's first figure leaves out words that were thinned out).

        Raises:
            OptionError: there is no vocabulary yet, or a value outside its range. InputError: no word of the text is known.
        """
        check_arguments(word_count=word_count, queue_factor=queue_factor, report_delay=report_delay)
        model = self._trained_model("to train")
        source = _source(corpus_iterable, corpus_file)
        self.epochs = self.epochs if epochs is None else epochs
        self.alpha, self.min_alpha, self.compute_loss = start_alpha or self.alpha, end_alpha or self.min_alpha, compute_loss
        self._options(self.epochs, self.alpha, self.min_alpha)
        corpus = read_more(source, model.vocabulary, grow=False, threads=self.workers)
        return self._train(corpus, self.epochs, self.alpha, self.min_alpha, callbacks)

    def get_latest_training_loss(self) -> float:
        """The loss of all pairs since the last `train` began; 0 without `compute_loss`."""
        return self._model.loss_total - self._loss_before if self._model is not None and self.compute_loss else 0.0

    def predict_output_word(self, context_words_list: Sequence[Key], topn: int = 10) -> list[tuple[str, float]] | None:
        """The words that most likely stand among these, with their probabilities; None where none of these is known.

        Raises:
            OptionError: the model has no negatives.
        """
        if not self.negative:
            raise OptionError("'negative' must be at least 1 to predict words; got 0. Train with negatives, 5 as usual.")
        rows = [self.wv.get_index(word) for word in context_words_list if word in self.wv]
        if not rows:
            return None
        hidden = self.wv.vectors[rows].sum(axis=0) / (len(rows) if self.cbow_mean else 1)
        scores = self.syn1neg @ hidden
        shares = np.exp(scores - scores.max())
        best = np.argsort(-shares, kind="stable")[:topn]
        return [(self.wv.index_to_key[row], float(shares[row] / shares.sum())) for row in best]

    def save(self, fname: str | PathLike[str]) -> None:
        """Write the model (safetensors, whatever its name), to train on later.

        Raises:
            OptionError: there is no vocabulary yet. MachineError: the place may not be written, or the disk is full.
        """
        counts = {name: getattr(self, name) for name in ("corpus_count", "corpus_total_words", "train_count", "total_train_time")}
        extra = {"class": type(self).__name__, "settings": {name: getattr(self, name) for name in self.saved}, "counts": counts}
        save_model(self._trained_model("to save"), Path(fname), extra=extra)

    @classmethod
    def load(cls, fname: str | PathLike[str]) -> Self:
        """The model that `save` wrote.

        Raises:
            ReadError: there is no such file, it is damaged, one of gensim's pickles, or a model of another class.
        """
        path = Path(fname)
        model, extra = load_model(path), load_extra(path)
        if extra.get("class") != cls.__name__:
            raise ReadError(f"{path}: {cls.__name__}.load opens what {cls.__name__}.save wrote; this is of {extra.get('class') or 'train_word2vec'}. Open it there.")
        face = cls(**extra["settings"])
        face._set_model(model)
        face.__dict__.update(extra["counts"])
        return face

    def __str__(self) -> str:
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha}>"

    def __getattr__(self, name: str) -> Any:
        hint = f": {LEFT_OUT[name]}" if name in LEFT_OUT else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def _subwords(self) -> tuple[tuple[int, int] | None, int]:
        """Lengths of n-grams, and how many vectors they share."""
        return None, 1

    def _options(self, epochs: int, alpha: float, min_alpha: float) -> Word2VecOptions:
        """Our options; all of gensim's that are numbers."""
        subwords, buckets = self._subwords()
        return options_of(
            method="skipgram" if self.sg else "cbow", dim=self.vector_size, window=self.window, shrink=bool(self.shrink_windows), negative=self.negative,
            hierarchical=bool(self.hs), sample=self.sample, noise_power=self.ns_exponent, mean=bool(self.cbow_mean), epochs=epochs, rate=alpha, min_rate=min_alpha,
            subwords=subwords, buckets=buckets, seed=self.seed,
        )  # fmt: skip

    def _corpus_options(self) -> CorpusOptions:
        return CorpusOptions(min_count=max(1, self.min_count), max_vocab=self.max_final_vocab)

    def _read_vocabulary(self, sentences: Sentences | None, corpus_file: str | PathLike[str] | None, *, update: bool) -> Corpus:
        """The corpus, and the model over its words."""
        source, self.corpus_count = _source(sentences, corpus_file), 0
        source = source if isinstance(source, Path) else self._counted(source)
        if update:
            old = self._trained_model("to add words to")
            corpus = read_more(source, old.vocabulary, self._corpus_options(), threads=self.workers)
            model = extend(old, corpus.vocabulary)
        else:
            corpus = read_corpus(source, CorpusOptions(min_count=max(1, self.min_count)), threads=self.workers)
            bounded = self._bounded(corpus.vocabulary)
            corpus = corpus if bounded is corpus.vocabulary else renumber(corpus, bounded)
            model = make_model(corpus.vocabulary, self._options(self.epochs, self.alpha, self.min_alpha))
        self.corpus_count, self.corpus_total_words = self.corpus_count or corpus.sentences, corpus.total_words
        self._set_model(model)
        return corpus

    def _counted(self, sentences: Iterable[Any]) -> Iterator[Any]:
        for sentence in sentences:
            self.corpus_count += 1
            yield sentence

    def _bounded(self, vocabulary: Vocabulary) -> Vocabulary:
        """At most `max_final_vocab` words; those as frequent as the first one too many are left out too, as gensim does."""
        most = self.max_final_vocab
        if most is None or len(vocabulary) <= most:
            return vocabulary
        kept = int((vocabulary.counts > vocabulary.counts[most]).sum())
        if not kept:
            raise InputError(f"'max_final_vocab' is {most}, and more words than that are as frequent as the most frequent one. Use a larger one.")
        return Vocabulary(vocabulary.words[:kept], vocabulary.counts[:kept])

    def _train(self, corpus: Corpus, epochs: int, alpha: float, min_alpha: float, callbacks: Iterable[Any]) -> tuple[int, int]:
        """Train, and call the callbacks around it."""
        model, listeners = self._trained_model(), tuple(callbacks)
        self._loss_before, self.min_alpha_reached, begun = model.loss_total, min_alpha, model.seconds
        last = len(model.losses) + epochs

        def after_epoch(trained: Word2VecModel) -> None:
            self._wv = None
            _call(listeners, "on_epoch_end", self)
            if len(trained.losses) < last:
                _call(listeners, "on_epoch_begin", self)

        _call(listeners, "on_train_begin", self)
        _call(listeners, "on_epoch_begin", self)
        try:
            train_word2vec(corpus, self._options(epochs, alpha, min_alpha), model=model, threads=self.workers, after_epoch=after_epoch)
        finally:
            self._wv = None
        self.train_count, self.total_train_time = self.train_count + 1, self.total_train_time + model.seconds - begun
        _call(listeners, "on_train_end", self)
        return corpus.words * epochs, corpus.total_words * epochs

    def _set_model(self, model: Word2VecModel) -> None:
        self._model, self._wv = model, None

    def _trained_model(self, purpose: str = "") -> Word2VecModel:
        if self._model is None:
            raise OptionError(f"There must be a vocabulary{purpose and ' '}{purpose}; there is none yet. Call build_vocab(sentences) first.")
        return self._model


def _source(sentences: Sentences | None, corpus_file: str | PathLike[str] | None) -> Path | Iterable[Any]:
    """What is to be read: exactly one of the two."""
    if (sentences is None) == (corpus_file is None):
        raise OptionError(f"Sentences must come either as an iterable or from 'corpus_file'; got {'both' if corpus_file is not None else 'neither'}. Pass one of them.")
    if corpus_file is not None:
        return Path(corpus_file)
    assert sentences is not None
    if isinstance(sentences, str | PathLike):
        raise OptionError(f"'sentences' must be an iterable of lists of words; got {sentences!r}. To read a file, pass it as corpus_file=...")
    return sentences


def _call(listeners: Iterable[Any], event: str, model: Trained) -> None:
    """Tell each listener that has a method for it."""
    for listener in listeners:
        if (method := getattr(listener, event, None)) is not None:
            method(model)
