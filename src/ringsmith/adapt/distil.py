"""A transformer distilled into word vectors, as Model2Vec does it (Tulkens and van Dongen, 2024): no labels, no training, seconds on a CPU.

Each word goes through the body alone; what comes out, turned so that what varies most comes first and cut there, is its vector. What is left of the
body is what it knows of words out of context; a text's vector is the mean of its words', made a hundred times faster than by the body.

Departures from the package, each measured (LOG.md): whole words instead of word pieces, so that any reader of word vectors can use them; the
hidden states of all layers instead of the last one; no weights by Zipf's law, which took eight points from uci-sentiment where a classifier learns on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.mixtures import Vectors, normalised
from ringsmith.adapt.options import hold
from ringsmith.backbones import Backbone, Tokeniser, encode
from ringsmith.backbones.encoding import Report
from ringsmith.words.vectors import WordVectors

CONTINUED, STARTED = "##", ("\u2581", "\u0120")
"""WordPiece marks pieces that go on a word; SentencePiece and byte-level BPE mark those that begin one."""

STATES: dict[str, Any] = {"embeddings": slice(0, 1), "last": slice(-1, None), "ends": [0, -1], "all": slice(None)}
"""Name -> hidden states: of the embeddings, of the last layer, of both, of every layer. Several are scaled to length 1 and joined."""


@dataclass(frozen=True)
class DistilOptions:
    """How a body becomes word vectors.

    Attributes:
        dim: numbers of a vector, at most as many as the body's layers give.
        states: which hidden states are looked at, see `STATES`.
        a: SIF's coefficient for weights by Zipf's law, the words being taken in the order of their frequency; 1e-4 in Model2Vec; None for no weights.
    """

    dim: int = 256
    states: str = "embeddings"
    a: float | None = None

    def __post_init__(self) -> None:
        hold(
            self,
            (
                ("dim", lambda number: number >= 1, "at least 1"),
                ("states", lambda name: name in STATES, f"one of {', '.join(STATES)}"),
                ("a", lambda number: number is None or number > 0, "above 0, or None"),
            ),
        )


DEFAULTS = DistilOptions()


def distill_static(backbone: Backbone, words: Iterable[str] = (), *, options: DistilOptions = DEFAULTS, report: Report | None = None) -> WordVectors:
    """Vectors of `words` and of all whole words of the body's own vocabulary.

    Args:
        backbone: from `load_backbone`.
        words: of the texts at hand, the most frequent first; they stand before those of the vocabulary. In small letters where all of the vocabulary is.
        options: how.
        report: is told the words done and the words in all.

    Returns:
        float16 vectors; `save_vectors` writes them for sentence-transformers and Model2Vec.
    """
    vocabulary = whole_words(backbone.tokeniser)
    small = all(word == word.lower() for word in vocabulary)
    known = list(dict.fromkeys(word.lower() if small else word for word in (*words, *vocabulary)))
    layers = encode(backbone, known, layers="all", report=report)[:, STATES[options.states]]
    matrix = principal(normalised(layers).reshape(len(known), -1) if layers.shape[1] > 1 else layers[:, 0], options.dim)
    if options.a is not None:
        matrix *= zipf_weights(len(known), options.a)[:, None]
    return WordVectors(known, matrix.astype(np.float16))


def whole_words(tokeniser: Tokeniser) -> list[str]:
    """Tokens that are words by themselves, in the order of their numbers, which is about that of their frequency.

    A token is left out if it is special, goes on a word, or holds no letter or digit.
    """
    special = set(tokeniser.hf.all_special_tokens)
    tokens = [token for token in tokeniser.hf.convert_ids_to_tokens(range(min(len(tokeniser.hf), tokeniser.vocabulary))) if token not in special]
    return [word for word in _without_marks(tokens) if any(map(str.isalnum, word)) and not (word.startswith("[") and word.endswith("]"))]


def _without_marks(tokens: Sequence[str]) -> list[str]:
    """The tokens that begin a word, without what marks them."""
    mark = next((mark for mark in STARTED if sum(token.startswith(mark) for token in tokens) > len(tokens) / 5), None)
    if mark is not None:
        return [token[len(mark) :] for token in tokens if token.startswith(mark)]
    return [token for token in tokens if not token.startswith(CONTINUED)]


def principal(vectors: Vectors, dim: int) -> Vectors:
    """Vectors (n, D) centred, and turned so that the `dim` directions of greatest variance are what is kept (n, min(dim, D)).

    By the covariance, (D, D): where D is larger than n, by the products of the rows, which have the same directions.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    wide = centred.shape[1] > len(centred)
    square = (centred @ centred.T if wide else centred.T @ centred).astype(np.float64)
    values, turned = np.linalg.eigh(square)
    kept = np.flatnonzero(values > 0)[::-1][:dim] if wide else np.arange(len(values))[::-1][:dim]
    directions = turned[:, kept].astype(np.float32)
    if wide:
        directions = centred.T @ directions / np.sqrt(values[kept]).astype(np.float32)
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    return np.asarray(centred @ (directions * signs), dtype=np.float32)


def zipf_weights(words: int, a: float) -> npt.NDArray[np.float32]:
    """(V,) a / (a + p) of words of the ranks 2, 3 ... whose shares p fall as 1 / rank (SIF, Arora et al., 2017, with Zipf's law for the shares)."""
    share = 1 / np.arange(2, words + 2)
    return np.asarray(a / (a + share / share.sum()), dtype=np.float32)
