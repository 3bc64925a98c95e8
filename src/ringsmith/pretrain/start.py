"""What a model knows before its first step: how frequent every piece is, and what stands beside it.

    random        random numbers, as transformers makes them
    frequencies   the output layer's offset of every piece is the logarithm of how often it occurs, the first thing that a model learns and the only
                  one for hundreds of steps (Meister et al., 2022, "A Natural Bias for Language Generation Models")
    vectors       that, and the pieces' vectors are word2vec's, learnt from the same pieces (as for translation: Qi et al., 2018, "When and Why are
                  Pre-trained Word Embeddings Useful for Neural Machine Translation?"): seconds, where the model would take hours. Places whose vectors
                  are learnt begin as the sines and cosines of Vaswani et al. (2017, section 3.5), so that neighbours are alike

Decisions, with their figures in LOG.md:
- Every vector is taken relative to the mean of all, and gets length 1. The 0.02 a number that transformers draws is a length of 0.2 at a width of 128: what
  the output layer says of the pieces is then nearly the same for all of them, and the model stays long on the plateau of their frequencies. Kocmi and Bojar (2017) warn
  of too large a start; twice the length was worse again.
- Without the waves masked models stay on a second plateau, on which they do not tell near pieces from far ones: BERT ended at 6.18 nats, with them at 5.14.
- Pieces that stand for no text, or do not occur, keep their random vectors. An output layer without offsets (GPT-2's) is left as it is.
- Skip-gram goes over at most `MOST_WORDS` pieces, in one thread: the same seed gives the same bits. What it costs is counted with the training.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.pretrain.flops import count_skipgram
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.tokenfile import Stretch
from ringsmith.records import Progress, Report
from ringsmith.words.corpus import Corpus, sentence_ends
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.sampling import keep_shares
from ringsmith.words.vocabulary import Vocabulary
from ringsmith.words.word2vec import train_word2vec

MOST_WORDS = 20_000_000
"""Pieces that word2vec goes over in all its passes: seconds on one core."""
MOST_PASSES = 5
"""Over a corpus that is shorter than that."""
PACE, SHARE = 1e8, 0.05
"""Numbers of vectors a second on a slow core, and the share of a budget that may be spent on them."""

PLACES = ("position_embeddings", "wpe")
"""What transformers calls a table of places that are learnt."""


@dataclass(frozen=True)
class HeadStart:
    """What was known before the first step.

    Attributes:
        kind: one of `options.STARTS`.
        words: pieces that word2vec went over, in all its passes.
        flops: floating point operations of that.
        seconds: of all of it.
    """

    kind: str
    words: int = 0
    flops: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Plan:
    """What word2vec is to do.

    Attributes:
        corpus: its words are the pieces that occur, the most frequent first.
        rows: (V,) the piece that each of these words is.
        options: how it learns.
    """

    corpus: Corpus
    rows: npt.NDArray[np.int64]
    options: Word2VecOptions

    @property
    def words(self) -> int:
        """Of all passes."""
        return self.corpus.words * self.options.epochs

    @property
    def flops(self) -> float:
        """Of all passes."""
        counts, options = self.corpus.vocabulary.counts, self.options
        kept = float((counts * keep_shares(counts, options.sample)).sum())
        return options.epochs * count_skipgram(kept, options.dim, options.window, options.negative)


def give(module: Any, stretch: Stretch, pieces: Pieces, kind: str, *, seed: int = 0, seconds: float | None = None, report: Report) -> HeadStart:
    """Let a model with random weights begin with what the text's pieces tell without it.

    Args:
        module: changed in place.
        stretch: the text to learn from, in numbers.
        pieces: the vocabulary.
        kind: one of `options.STARTS`.
        seed: of word2vec.
        seconds: that are left for everything; None for no bound.
        report: is told how far it is.
    """
    began = time.perf_counter()
    if kind == "random":
        return HeadStart(kind)
    text = excerpt(stretch, MOST_WORDS)
    set_offsets(module, np.bincount(text.tokens, minlength=pieces.size))
    if kind == "vectors":
        plan = plan_vectors(text, pieces, module.get_input_embeddings().weight.shape[1], seed=seed, seconds=seconds)
        if plan.corpus.words:
            set_vectors(module, plan, report)
            set_places(module)
            return HeadStart(kind, plan.words, plan.flops, time.perf_counter() - began)
    return HeadStart("frequencies", seconds=time.perf_counter() - began)


def plan_vectors(stretch: Stretch, pieces: Pieces, dim: int, *, seed: int = 0, seconds: float | None = None) -> Plan:
    """What word2vec will learn from these pieces, and for how long.

    Args:
        stretch: the text in numbers.
        pieces: the vocabulary.
        dim: numbers of a vector.
        seed: of word2vec.
        seconds: that are left for everything; None for no bound.
    """
    most = MOST_WORDS if seconds is None else min(MOST_WORDS, max(0, int(seconds * SHARE * PACE / dim)))
    corpus, rows = _corpus(excerpt(stretch, max(1, most)), pieces)
    passes = min(MOST_PASSES, max(1, most // max(1, corpus.words)))
    return Plan(corpus, rows, Word2VecOptions(dim=dim, epochs=passes, seed=seed, deterministic=True))


def excerpt(stretch: Stretch, most: int) -> Stretch:
    """At most so many pieces: every second, third ... document, so that all parts of a long text are heard.

    Examples:
        >>> text = Stretch(np.arange(12), np.array([0, 3, 6, 9, 12]))
        >>> excerpt(text, 6).tokens.tolist(), excerpt(text, 6).documents.tolist(), excerpt(text, 2).tokens.tolist()
        ([0, 1, 2, 6, 7, 8], [0, 3, 6], [0, 1])
    """
    if len(stretch.tokens) <= most:
        return stretch
    every = -(-len(stretch.tokens) // most)
    begins, ends = stretch.documents[:-1:every], stretch.documents[1::every]
    ends = np.minimum(ends, begins + most)
    tokens = np.concatenate([stretch.tokens[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)])[:most]
    return Stretch(tokens, np.minimum(np.concatenate([[0], np.cumsum(ends - begins)]), len(tokens)))


def _corpus(stretch: Stretch, pieces: Pieces) -> tuple[Corpus, npt.NDArray[np.int64]]:
    """The pieces that stand for text as words of a corpus, each document a sentence; and which piece each word is."""
    counts = np.bincount(stretch.tokens, minlength=pieces.size)
    counts[list(pieces.special)] = 0
    rows = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    numbers = np.full(pieces.size, -1, np.int32)
    numbers[rows] = np.arange(len(rows))
    ids = numbers[stretch.tokens]
    ends = np.concatenate([[0], np.cumsum(ids >= 0)])[stretch.documents[1:]]
    vocabulary = Vocabulary(tuple(map(str, rows.tolist())), counts[rows])
    return Corpus(vocabulary, ids[ids >= 0], np.concatenate([[0], sentence_ends(0, ends)]), len(ids)), rows


def set_offsets(module: Any, counts: npt.NDArray[np.int64]) -> None:
    """The offset of every piece in the output layer: the logarithm of its frequency, less the mean of all; one that never occurs counts as one that does once."""
    layer = module.get_output_embeddings()
    if layer is None or getattr(layer, "bias", None) is None:
        return
    logarithms = np.log(np.maximum(1, counts))
    with torch.no_grad():
        layer.bias[: len(counts)] = torch.from_numpy(logarithms - logarithms.mean())


def set_vectors(module: Any, plan: Plan, report: Report) -> None:
    """The vectors of all pieces that occur: word2vec's."""

    def told(progress: Progress) -> None:
        report(Progress("words", progress.done, progress.total, progress.unit, progress.note))

    found = train_word2vec(plan.corpus, plan.options, report=told).vectors.matrix
    table = module.get_input_embeddings().weight
    with torch.no_grad():
        table[torch.from_numpy(plan.rows)] = torch.from_numpy(of_length_one(found))


def set_places(module: Any) -> None:
    """The vectors of places, where they are learnt: waves, each vector of length 1."""
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.Embedding) and name.rpartition(".")[2] in PLACES:
            first = 0 if part.padding_idx is None else part.padding_idx + 1  # RoBERTa's places begin behind that of the padding
            count, width = part.weight.shape
            with torch.no_grad():
                part.weight[first:] = torch.from_numpy(of_length_one(waves(count - first, width), centred=False))


def waves(count: int, width: int) -> npt.NDArray[np.float32]:
    """Sines and cosines of `count` places (count, width), from one for each place to one for ten thousand.

    Examples:
        >>> waves(3, 4).astype(float).round(2).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0], [0.91, -0.42, 0.02, 1.0]]
    """
    angles = np.arange(count)[:, None] * 10_000.0 ** (-(np.arange(width) // 2 * 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)


def of_length_one(vectors: npt.NDArray[np.float32], *, centred: bool = True) -> npt.NDArray[np.float32]:
    """Each of length 1, where `centred` relative to the mean of all.

    Examples:
        >>> of_length_one(np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 3.0]], np.float32)).astype(float).round(2).tolist()
        [[0.89, -0.45], [-0.71, -0.71], [-0.45, 0.89]]
    """
    moved = vectors - vectors.mean(0) if centred else vectors
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.finfo(np.float32).tiny), np.float32)
