"""word2vec on a cluster: every worker trains its shard of the text on a copy of its own, and all that was learnt is put together every so many words.

    with cluster() as workers:
        model = spread_word2vec(corpus, Word2VecOptions(epochs=5), workers)

Decisions:
- Shards are stretches of the text dealt out in random order, so that each is like the whole, and of equal size, so that all are at the same learning
  rate at the same time: it falls over all words, as on one machine.
- What was learnt is put together row by row, between the sum and the mean of the workers' steps (`spread_steps.py`).
- Only rows that moved travel.
- With one thread a worker, the same number of workers gives the same bits in every run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from ringsmith._cluster import Hired, Workers
from ringsmith.errors import InputError, OptionError, RunRefused
from ringsmith.records import Progress, Report, silent
from ringsmith.words.corpus import Corpus
from ringsmith.words.kernels.word2vec import LOSS_EVERY
from ringsmith.words.model import Word2VecModel, aligned, make_model
from ringsmith.words.neighbours import Floats
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.spread_steps import PULL, Moved, Shares, gain, put_together, steps_per_word
from ringsmith.words.stretches import Piece, cut, pieces
from ringsmith.words.vocabulary import Vocabulary
from ringsmith.words.word2vec import _Training

ROWS_AT_ONCE = 50_000
SEED_OF_SHARDS = 3


@dataclass(frozen=True, kw_only=True)
class SpreadOptions:
    """How training is spread out.

    Attributes:
        workers: how many shards; None for one on each machine, with all its cores.
        sync_words: words of all workers together between two times when they put together what they learnt; fewer learn better, more cost less
            traffic.

    Raises:
        OptionError: a value outside its range.
    """

    workers: int | None = None
    sync_words: int = 200_000

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise OptionError(f"'workers' must be at least 1; got {self.workers}. Leave it out for one on each machine.")
        if self.sync_words < 1:
            raise OptionError(f"'sync_words' must be at least 1; got {self.sync_words}. Use 200,000, the usual value, or leave it out.")


DEFAULTS = SpreadOptions()


@dataclass(frozen=True, eq=False)
class Learnt:
    """What one worker did since all were together last.

    Attributes:
        words: that it read.
        loss: sum over the pairs that were looked at.
        pairs: how many these were.
        steps: of the rows of the inputs and of the outputs.
    """

    words: int
    loss: float
    pairs: int
    steps: tuple[Moved, Moved]


class Shard:
    """A worker's share of the text and its copy of the model.

    Args:
        vocabulary: of the whole text, with the counts of the whole text.
        options: how to train, with a seed of its own.
        text: numbers of its words, and where its sentences begin.
        weights: inputs and outputs to begin with.
        threads: how many train.
        before: epochs that the model has behind it.
    """

    def __init__(
        self, vocabulary: Vocabulary, options: Word2VecOptions, text: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]], weights: tuple[Floats, Floats], threads: int, before: int
    ) -> None:
        ids, starts = map(np.array, text)
        inputs, outputs = map(_copied, weights)
        self.options = options
        self.matrices, self.common = (inputs, outputs), (inputs.copy(), outputs.copy())
        self.training = _Training(Corpus(vocabulary, ids, starts, len(ids)), options, Word2VecModel(vocabulary, options, inputs, outputs), silent, None, threads)
        self.plan: Iterator[Piece] = pieces(starts, options.epochs, shuffle=options.shuffle, seed=options.seed, before=before)

    def train(self, share: float, news: tuple[Moved, Moved] | None = None) -> Learnt:
        """Take over what all have learnt, and train until so large a share of all words of all epochs is behind."""
        for mine, common, moved in zip(self.matrices, self.common, news or (), strict=False):
            mine[moved.rows] = common[moved.rows] = moved.values
        training = self.training
        before, training.loss, training.pairs = training.done, 0.0, 0
        training.work_on(self._until(share), lambda: None)
        steps = tuple(_steps(mine, common) for mine, common in zip(self.matrices, self.common, strict=True))
        return Learnt(training.done - before, training.loss, training.pairs, (steps[0], steps[1]))

    def _until(self, share: float) -> Iterator[Piece]:
        for piece in self.plan:
            if piece.from_share >= share:
                self.plan = chain([piece], self.plan)
                return
            yield piece


def _copied(weights: Floats) -> Floats:
    """As kernels want them."""
    matrix = aligned(*weights.shape)
    matrix[:] = weights
    return matrix


def _steps(mine: Floats, common: Floats) -> Moved:
    """What changed, looked for in parts that need little memory."""
    found = [at + np.flatnonzero((mine[at : at + ROWS_AT_ONCE] != common[at : at + ROWS_AT_ONCE]).any(axis=1)) for at in range(0, len(mine), ROWS_AT_ONCE)]
    rows = np.concatenate(found)
    return Moved(rows, mine[rows] - common[rows])


def spread_word2vec(
    corpus: Corpus,
    options: Word2VecOptions,
    workers: Workers,
    *,
    spread: SpreadOptions = DEFAULTS,
    model: Word2VecModel | None = None,
    threads: int | None = None,
    report: Report = silent,
) -> Word2VecModel:
    """Word vectors of a corpus, trained by many.

    Args:
        corpus: numbers of words, sentence by sentence.
        options: how to train.
        workers: who trains.
        spread: into how many shards, and how often these are put together.
        model: trained on, in place, if given; where training is stopped by an exception it holds what was put together last.
        threads: of each worker; None for the cores there are for it.
        report: is told whenever what was learnt is put together.

    Raises:
        OptionError: more workers than cores. InputError: more workers than the text has stretches. RunRefused: the vectors became infinite.
        MachineError: a worker was lost.

    Examples:
        >>> from ringsmith._cluster import Here
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> corpus = read_corpus(["a rose is a rose"] * 1000, CorpusOptions(min_count=1))
        >>> spread_word2vec(corpus, Word2VecOptions(dim=8, epochs=2), Here(), spread=SpreadOptions(workers=2)).trained_words
        10000
    """
    model = model or make_model(corpus.vocabulary, options)
    count = spread.workers or len(workers.cores_of)
    shards = _hire(corpus, options, workers, model, count, threads)
    for ready in [shard.ask("train", 0.0) for shard in shards]:  # everybody is there before the clock starts
        workers.fetch(ready)
    course = _Course(model, corpus.words * options.epochs, report)
    news, rounds = None, max(1, round(corpus.words / spread.sync_words))
    often, apart = steps_per_word(corpus.vocabulary, replace(options, window=corpus.reach(options.window)), model.bags), corpus.words / rounds / count
    for epoch in range(options.epochs):
        for turn in range(rounds):
            share = (epoch + (turn + 1) / rounds) / options.epochs
            learnt = [workers.fetch(ticket) for ticket in [shard.ask("train", share, news) for shard in shards]]
            pull = PULL * (options.first_rate + (options.last_rate - options.first_rate) * share) * apart
            news = workers.share(_put_together(model, learnt, (gain(pull * often[0], count), gain(pull * often[1], count))))
            course.add(learnt)
        course.end_epoch(options)
    return model


def _put_together(model: Word2VecModel, learnt: list[Learnt], gains: tuple[Shares, Shares]) -> tuple[Moved, Moved]:
    """Both matrices."""
    inputs, outputs = ([each.steps[side] for each in learnt] for side in (0, 1))
    return put_together(model.inputs, inputs, gains[0]), put_together(model.outputs, outputs, gains[1])


def _hire(corpus: Corpus, options: Word2VecOptions, workers: Workers, model: Word2VecModel, count: int, threads: int | None) -> list[Hired]:
    """The workers with their shards."""
    if count > sum(workers.cores_of):
        raise OptionError(f"'workers' must be at most the cores of the cluster, {sum(workers.cores_of)}; got {count}. Leave it out for one on each machine.")
    room = max(1, min(workers.cores_of) // -(-count // len(workers.cores_of)))
    threads = 1 if options.deterministic else min(threads or room, room)
    # Compiled here, once: workers on this machine find the kernels, where all at once they would compile them side by side.
    _Training(corpus, options, model, silent, None)
    vocabulary, weights = workers.share(corpus.vocabulary), workers.share((np.ascontiguousarray(model.inputs), np.ascontiguousarray(model.outputs)))
    texts = deal(corpus, count, options.seed)
    seeds = [replace(options, seed=options.seed * count + number) for number in range(count)]
    return [workers.hire(Shard, vocabulary, own, workers.share(text), weights, threads, len(model.losses), cores=threads) for own, text in zip(seeds, texts, strict=True)]


def deal(corpus: Corpus, count: int, seed: int) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
    """The text in so many shards of about equal size: stretches of sentences, dealt out in random order.

    Raises:
        InputError: there are fewer stretches than shards.
    """
    bounds = cut(corpus.starts)
    if len(bounds) <= count:
        raise InputError(f"A text for {count} workers must have at least {count} stretches of some 1,000 words; this one has {len(bounds) - 1}. Use fewer workers.")
    order = np.random.default_rng([seed, SEED_OF_SHARDS]).permutation(len(bounds) - 1)
    for number in range(count):
        mine = [slice(int(bounds[at]), int(bounds[at + 1])) for at in np.sort(order[number::count])]
        ids = np.concatenate([corpus.ids[corpus.starts[part.start] : corpus.starts[part.stop]] for part in mine])
        lengths = np.concatenate([np.diff(corpus.starts[part.start : part.stop + 1]) for part in mine])
        yield ids, np.concatenate([[0], np.cumsum(lengths)])


class _Course:
    """What was done, written into the model and told."""

    def __init__(self, model: Word2VecModel, total: int, report: Report) -> None:
        self.model, self.total, self.report = model, total, report
        self.began = self.last = time.perf_counter()
        self.done, self.loss, self.pairs = 0, 0.0, 0

    def add(self, learnt: list[Learnt]) -> None:
        now, words, loss = time.perf_counter(), sum(each.words for each in learnt), sum(each.loss for each in learnt)
        self.model.seconds, self.last = self.model.seconds + now - self.last, now
        self.model.trained_words, self.done = self.model.trained_words + words, self.done + words
        self.model.loss_total += loss * LOSS_EVERY
        self.loss, self.pairs = self.loss + loss, self.pairs + sum(each.pairs for each in learnt)
        self.report(Progress("train", self.done, self.total, "words", f"{self.done / (now - self.began) / 1e6:.2f} M words/s, loss {self.loss / max(1, self.pairs):.3f}"))

    def end_epoch(self, options: Word2VecOptions) -> None:
        if not math.isfinite(float(self.model.inputs.sum())):
            epoch = len(self.model.losses) + 1
            raise RunRefused(f"The vectors became infinite in epoch {epoch}; the learning rate is too high. Train anew with a 'rate' below {options.first_rate}.")
        self.model.losses.append(self.loss / max(1, self.pairs))
        self.loss, self.pairs = 0.0, 0
