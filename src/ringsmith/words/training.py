"""The whole way from a text to a file of word vectors, as the command line goes it: read, join phrases, count, train, save.

    result = make_vectors(VectorsJob(source="wiki.txt", out=Path("wiki.safetensors"), word2vec=Word2VecOptions(epochs=3)))
    result.words_per_second

Where it is stopped (Ctrl-C) while it trains, the vectors so far are saved and the result says so; before that nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ringsmith._cluster import Workers, check_place, cluster
from ringsmith._files import path_of
from ringsmith.errors import OptionError, UnknownName
from ringsmith.records import Report, silent
from ringsmith.words.cooccurrence import DEFAULTS as COUNTING
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import DEFAULTS, Corpus, CorpusOptions, read_corpus
from ringsmith.words.devices import DEVICES, Device, find_device
from ringsmith.words.files import check_target, keeps_ngrams, save_vectors
from ringsmith.words.glove import GloveOptions, fit_glove, make_glove
from ringsmith.words.model import Word2VecModel, make_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.phrases import PhraseOptions, join_phrases
from ringsmith.words.sources import Source
from ringsmith.words.spaces import mean_cosine
from ringsmith.words.spread_counts import spread_counts
from ringsmith.words.spread_training import DEFAULTS as SPREADING
from ringsmith.words.spread_training import SpreadOptions, spread_word2vec
from ringsmith.words.vectors import WordVectors
from ringsmith.words.word2vec import train_word2vec

CROWDED, FEWEST_WORDS = 0.8, 1_000
"""From this mean cosine of two words on, vectors have hardly begun to part. Skip-gram on 230,000 words: 0.98 after one epoch, 0.83 after five, 0.32 after fifteen."""
ALONE = "No word has a neighbour: every line holds a single known word, from which nothing can be learnt. Put what belongs together on one line."
NO_NGRAMS = "The file holds the vectors of words; those of n-grams, for words that are not in it, are kept in a .safetensors file only."


@dataclass(frozen=True, kw_only=True)
class VectorsJob:
    """What is to be made of what.

    Attributes:
        source: the text, as for `read_corpus`.
        out: the file to write; its suffix says the form, as for `save_vectors`.
        corpus: how to read.
        word2vec: how to train word2vec; None to train GloVe.
        glove: how to train GloVe; None to train word2vec.
        counting: what GloVe counts as near.
        phrases: how to join frequent pairs of words, None to leave them apart.
        threads: None for all cores; on a cluster, of each worker.
        device: where word2vec is trained, as for `train_word2vec`.
        on: ``"local"``, or ``"ray"`` to count (GloVe) or to train (word2vec) on a Ray cluster.
        spread: how word2vec is spread out there.

    Raises:
        OptionError: not exactly one of the two methods, no threads, or a GPU for what is not done on one. UnknownName: another place or device.
    """

    source: Source
    out: Path
    corpus: CorpusOptions = DEFAULTS
    word2vec: Word2VecOptions | None = None
    glove: GloveOptions | None = None
    counting: CooccurrenceOptions = COUNTING
    phrases: PhraseOptions | None = None
    threads: int | None = None
    device: Device = "cpu"
    on: Literal["local", "ray"] = "local"
    spread: SpreadOptions = SPREADING

    def __post_init__(self) -> None:
        check_place(self.on)
        if self.device not in DEVICES:
            raise UnknownName.of("device", self.device, DEVICES)
        if self.device in ("cuda", "mps") and (self.glove is not None or self.on != "local"):
            what = "glove" if self.glove is not None else f"work on {self.on}"
            raise OptionError(f"'device' is for word2vec on this machine; got {self.device!r} for {what}. Leave it out.")
        if (self.word2vec is None) == (self.glove is None):
            raise OptionError("A job must have either 'word2vec' or 'glove'; got both or neither. Give one of them.")
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"'threads' must be at least 1; got {self.threads}. Leave it out for all cores.")


@dataclass(eq=False)
class VectorsResult:
    """What was made.

    Attributes:
        out: the file.
        words: known words of the text.
        vocabulary: different ones.
        epochs: passes that were finished.
        trained_words: words of all passes, the one that was stopped included.
        device: where they were trained.
        seconds: wall clock of ``"read"`` (phrases and making ready included), ``"count"`` (0 but for GloVe), ``"train"`` and ``"save"``.
        losses: mean loss of each pass.
        stopped: whether the training was stopped before its end.
        ngrams: vectors of n-grams in the file, which give words that are not in it theirs.
        notes: what was found while reading, a sentence each.
        remarks: what is to be said of the vectors, a sentence each.
    """

    out: Path
    words: int = 0
    vocabulary: int = 0
    epochs: int = 0
    trained_words: int = 0
    device: Device = "cpu"
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("read", "count", "train", "save"), 0.0))
    losses: list[float] = field(default_factory=list)
    stopped: bool = False
    ngrams: int = 0
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def words_per_second(self) -> float:
        """Words of all passes over the seconds of training."""
        return self.trained_words / max(self.seconds["train"], 1e-9)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began


def make_vectors(job: VectorsJob, *, report: Report = silent) -> VectorsResult:
    """Read, train and save.

    Raises:
        RingsmithError: the text, the options or the machine: one sentence says what and what to do. Whether the file can be written is
            known before anything is read.
    """
    check_target(job.out, sources=[job.source] if isinstance(job.source, str | Path) else [])
    result = VectorsResult(path_of(job.out), device=_device(job))
    with cluster() if job.on == "ray" else nullcontext() as workers:
        with result.timed("read"):
            corpus = read_corpus(job.source, job.corpus, threads=job.threads, report=report)
            if job.phrases is not None:
                corpus = join_phrases(corpus, job.phrases, threads=job.threads, report=report).corpus
        result.words, result.vocabulary, result.notes = corpus.words, len(corpus.vocabulary), corpus.notes
        alone = corpus.words == corpus.sentences
        vectors = (_word2vec if job.word2vec is not None else _glove)(corpus, job, result, workers, report)
    if vectors.ngrams is not None:
        kept = keeps_ngrams(result.out)
        result.ngrams, result.notes = len(vectors.ngrams.buckets) if kept else 0, (*result.notes, *([] if kept else [NO_NGRAMS]))
    result.remarks = (ALONE,) if alone else tuple(_crowding(vectors))
    with result.timed("save"):
        result.out = save_vectors(vectors, job.out, report=report)
    return result


def _crowding(vectors: WordVectors) -> list[str]:
    """A sentence where two words are alike whichever they are: neighbours then say little."""
    if len(vectors) < FEWEST_WORDS or not (alike := mean_cosine(vectors)) >= CROWDED:
        return []
    return [f"Two words at random have a cosine of {alike:.2f}: too little was learnt for neighbours to say much. Give more text, or more --epochs."]


def _device(job: VectorsJob) -> Device:
    """Where it will be trained: known, or refused, before anything is read."""
    return "cpu" if job.word2vec is None or job.on != "local" else find_device(job.device, job.word2vec)


def _word2vec(corpus: Corpus, job: VectorsJob, result: VectorsResult, workers: Workers | None, report: Report) -> WordVectors:
    """Train; Ctrl-C leaves what was learnt until then."""
    assert job.word2vec is not None
    with result.timed("read"):
        model = make_model(corpus.vocabulary, job.word2vec)
        try:
            if workers is None:
                train_word2vec(corpus, model=model, threads=job.threads, device=result.device, report=report)
            else:
                spread_word2vec(corpus, job.word2vec, workers, spread=job.spread, model=model, threads=job.threads, report=report)
        except KeyboardInterrupt:
            if not model.trained_words:
                raise
            result.stopped = True
        vectors = _learnt(model)
    result.seconds["read"] -= model.seconds
    result.seconds["train"] = model.seconds
    result.epochs, result.trained_words, result.losses = len(model.losses), model.trained_words, model.losses
    return vectors


def _learnt(model: Word2VecModel) -> WordVectors:
    """The vectors; of n-grams only those that occur in a word, since the others are what they were at the start: random."""
    vectors, size = model.vectors, len(model.vocabulary)
    if vectors.ngrams is None:
        return vectors
    hashes = model.bags.rows[model.bags.rows >= size] - size
    return replace(vectors, ngrams=vectors.ngrams.kept(hashes.astype(np.int64)) if len(hashes) else None)


def _glove(corpus: Corpus, job: VectorsJob, result: VectorsResult, workers: Workers | None, report: Report) -> WordVectors:
    """Count and train; Ctrl-C leaves what was learnt until then, if one pass was finished."""
    assert job.glove is not None
    with result.timed("count"):
        counts = _counted(corpus, job, workers, report)
    with result.timed("train"):
        model = make_glove(counts.vocabulary, job.glove)
        try:
            fit_glove(counts, job.glove, model=model, threads=job.threads, memory_bytes=job.counting.memory_bytes, report=report)
        except KeyboardInterrupt:
            if not model.losses:
                raise
            result.stopped = True
        vectors = model.vectors
    result.epochs, result.trained_words, result.losses = len(model.losses), len(model.losses) * corpus.words, model.losses
    return vectors


def _counted(corpus: Corpus, job: VectorsJob, workers: Workers | None, report: Report) -> Cooccurrences:
    """Here or on the cluster: the same."""
    if workers is None:
        return count_cooccurrences(corpus, job.counting, threads=job.threads, report=report)
    return spread_counts(corpus, job.counting, workers, report=report)
