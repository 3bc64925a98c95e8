"""Sentence vectors from word vectors: the mean of a text's words, plain or weighted, less what all texts share.

    encoder = fit_sentences(open_vectors("glove.txt"), texts, SentenceOptions(weighting="sif"))
    encoder.encode(["A text", "another"]).matrix              # (2, d) float32

A word is looked up as it stands, then in small letters, then by its n-grams where the vectors have any; what is still unknown is left out.
The distance of two texts that needs no such mean, Word Mover's, is in `mover.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ringsmith.errors import OptionError
from ringsmith.words.files import open_vectors, save_vectors
from ringsmith.words.neighbours import Ints
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.options import WEIGHTINGS, Weighting
from ringsmith.words.tokens import Tokens, read_tokens
from ringsmith.words.vectors import WordVectors

VECTORS_FILE, ARRAYS_FILE = "words.safetensors", "sentences.safetensors"
BLOCK = 16_384
"""Texts whose words are gathered at once."""


@dataclass(frozen=True, kw_only=True)
class SentenceOptions:
    """How words become a sentence.

    Attributes:
        weighting: ``"mean"``: all words alike. ``"tfidf"``: by their inverse document frequency, ln((1 + n) / (1 + df)) + 1. ``"sif"``: by
            a / (a + p(w)), p(w) a word's share of all words (Arora, Liang and Ma 2017, algorithm 1).
        a: of ``"sif"``; 0.001 to 0.0001 in the paper.
        components: so many directions that all texts share are taken out of every vector; None for what belongs to the weighting: 1 for ``"sif"``, else 0.

    Raises:
        OptionError: a value outside its range.
    """

    weighting: Weighting = "sif"
    a: float = 1e-3
    components: int | None = None

    def __post_init__(self) -> None:
        rules = [
            (self.weighting in WEIGHTINGS, f"'weighting' must be mean, tfidf or sif; got {self.weighting!r}. Use 'sif', the usual one."),
            (self.a > 0, f"'a' must be above 0; got {self.a}. Use 0.001, the usual value, or leave it out."),
            (self.components is None or self.components >= 0, f"'components' must be 0 or more; got {self.components}. Leave it out for the usual value."),
        ]
        if faults := [sentence for holds, sentence in rules if not holds]:
            raise OptionError("\n".join(faults))

    @property
    def taken_out(self) -> int:
        """How many common directions are taken out."""
        return (self.weighting == "sif") if self.components is None else self.components


DEFAULTS = SentenceOptions()


@dataclass(frozen=True, eq=False)
class Sentences:
    """Vectors of n texts, and what was left out.

    Attributes:
        matrix: (n, d) float32; zeros for a text without a known word.
        known: (n,) tokens of each text that have a vector.
        words: words of all texts, punctuation not counted.
        unknown: how many of them have no vector.
    """

    matrix: npt.NDArray[np.float32]
    known: Ints
    words: int
    unknown: int

    @property
    def empty(self) -> int:
        """Texts without a known word."""
        return int((self.known == 0).sum())

    @property
    def unknown_share(self) -> float:
        """Share of the words that have no vector, 0 where there are no words."""
        return self.unknown / max(1, self.words)


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """Word vectors with the weights of their words: texts in, vectors out.

    Attributes:
        vectors: of the words.
        weights: (V,) float32, how much each word counts.
        unseen: how much a word counts that has no row (known by its n-grams only).
        components: (c, d) float32, directions of unit length that are taken out.
        options: what it was made with.
    """

    vectors: WordVectors
    weights: npt.NDArray[np.float32]
    unseen: float
    components: npt.NDArray[np.float32]
    options: SentenceOptions

    @property
    def dimensions(self) -> int:
        """Length d of a vector."""
        return self.vectors.dimensions

    def encode(self, texts: Sequence[str] | Sequence[Sequence[str]] | Tokens) -> Sentences:
        """The vectors of texts, of lists of tokens, or of `Tokens` that were read before.

        Raises:
            InputError: a text is neither a string nor a list of tokens.
        """
        tokens = texts if isinstance(texts, Tokens) else read_tokens(texts)
        matrix, known = np.zeros((len(tokens), self.dimensions), np.float32), np.zeros(len(tokens), np.int64)
        words = unknown = 0
        for first in range(0, len(tokens), BLOCK):
            last = min(first + BLOCK, len(tokens))
            part = self._block(tokens.block(first, last))
            matrix[first:last], known[first:last] = part.matrix, part.known
            words, unknown = words + part.words, unknown + part.unknown
        return Sentences(matrix, known, words, unknown)

    def _block(self, tokens: Tokens) -> Sentences:
        """Sentence vectors of one block, by one sparse product."""
        distinct, ids = np.unique(tokens.ids, return_inverse=True)
        words = [tokens.words[number] for number in distinct.tolist()]
        rows, vectors = self._words(words)
        has = rows != -1
        weights = np.where(rows >= 0, self.weights[np.maximum(rows, 0)] if len(self.weights) else 0, np.float32(self.unseen) * has).astype(np.float32)
        counts = sp.csr_matrix((np.ones(len(ids), np.float32), ids, tokens.starts), shape=(len(tokens), len(words)))
        known = np.asarray(counts @ has.astype(np.float32)).astype(np.int64)
        over = known if self.options.weighting == "sif" else np.asarray(counts @ weights)
        sums = np.asarray(counts @ (vectors * weights[:, None]), dtype=np.float32)
        matrix = np.divide(sums, over[:, None], out=np.zeros_like(sums), where=over[:, None] > 0, dtype=np.float32, casting="unsafe")
        spoken = np.array([any(map(str.isalnum, word)) for word in words], dtype=bool)
        often = np.bincount(ids, minlength=len(words))
        return Sentences(matrix - (matrix @ self.components.T) @ self.components, known, int(often[spoken].sum()), int(often[spoken & ~has].sum()))

    def _words(self, words: Sequence[str]) -> tuple[Ints, npt.NDArray[np.float32]]:
        """For each word its row (-1: unknown, -2: known by its n-grams) and its vector (U, d), zeros where unknown."""
        rows = look_up(self.vectors, words)
        matrix = np.zeros((len(words), self.dimensions), np.float32)
        matrix[rows >= 0] = self.vectors.decoded(rows[rows >= 0])
        if self.vectors.ngrams is not None:
            for place in np.flatnonzero(rows == -1).tolist():
                if (guess := self.vectors.ngrams.vector(words[place])) is not None:
                    rows[place], matrix[place] = -2, guess
        return rows, matrix

    def save(self, folder: Path) -> None:
        """Write two safetensors files into `folder`: the words with their vectors, and all else."""
        from safetensors.numpy import save_file

        save_vectors(self.vectors, folder / VECTORS_FILE)
        arrays = {"weights": self.weights, "unseen": np.array([self.unseen], np.float32), "components": self.components}
        save_file(arrays, folder / ARRAYS_FILE)

    @classmethod
    def load(cls, folder: Path, options: SentenceOptions) -> SentenceEncoder:
        """What `save` wrote; the vectors are mapped, not read."""
        from safetensors.numpy import load_file

        arrays = load_file(folder / ARRAYS_FILE)
        vectors = open_vectors(folder / VECTORS_FILE)
        if "ngrams" in arrays:  # as they were written before vector files could hold them
            shortest, longest = map(int, arrays["lengths"])
            vectors = replace(vectors, ngrams=Ngrams(arrays["ngrams"], shortest, longest))
        return cls(vectors, arrays["weights"], float(arrays["unseen"][0]), arrays["components"], options)


def fit_sentences(vectors: WordVectors, texts: Sequence[str] | Sequence[Sequence[str]] | Tokens, options: SentenceOptions = DEFAULTS) -> SentenceEncoder:
    """An encoder whose weights and common directions come from these texts.

    Args:
        vectors: of the words, from anywhere.
        texts: what frequencies and common directions are taken from: training texts, never those that are judged.
        options: how to weigh.

    Returns:
        The encoder. Shares and document frequencies are those of `texts`; a word that does not occur there has share and frequency 0.

    Examples:
        >>> vectors = WordVectors(["good", "bad", "film"], np.array([[1, 0], [-1, 0], [0, 1]], dtype=np.float32))
        >>> encoder = fit_sentences(vectors, ["good film", "bad film"], SentenceOptions(weighting="mean"))
        >>> encoder.encode(["Good, good film!", "?"]).matrix.round(3).tolist()
        [[0.6669999957084656, 0.3330000042915344], [0.0, 0.0]]
    """
    tokens = texts if isinstance(texts, Tokens) else read_tokens(texts)
    weights, unseen = weights_of(vectors, tokens, options)
    plain = SentenceEncoder(vectors, weights, unseen, np.zeros((0, vectors.dimensions), np.float32), options)
    return replace(plain, components=common_directions(plain, tokens, options.taken_out)) if options.taken_out else plain


def look_up(vectors: WordVectors, words: Sequence[str]) -> Ints:
    """(U,) the rows of words as they stand or else in small letters; -1 where there is neither."""
    index = vectors.index
    found = (row if (row := index.get(word)) is not None else index.get(word.lower(), -1) for word in words)
    return np.fromiter(found, dtype=np.int64, count=len(words))


def weights_of(vectors: WordVectors, tokens: Tokens, options: SentenceOptions) -> tuple[npt.NDArray[np.float32], float]:
    """(V,) how much each word counts, and how much one counts that does not occur in `tokens`."""
    size, rows = len(vectors), look_up(vectors, tokens.words)
    if options.weighting == "mean" or not len(tokens.ids):
        return np.ones(size, np.float32), 1.0
    if options.weighting == "sif":
        share = np.bincount(rows[tokens.ids] + 1, minlength=size + 1)[1:] / len(tokens.ids)
        return (options.a / (options.a + share)).astype(np.float32), 1.0
    pairs = np.unique(np.repeat(np.arange(len(tokens)), tokens.lengths) * (size + 1) + rows[tokens.ids] + 1)
    frequency = np.bincount(pairs % (size + 1), minlength=size + 1)[1:]
    return (np.log((1 + len(tokens)) / (1 + frequency)) + 1).astype(np.float32), float(np.log(1 + len(tokens)) + 1)


def common_directions(encoder: SentenceEncoder, tokens: Tokens, many: int) -> npt.NDArray[np.float32]:
    """The `many` first right singular vectors (many, d) of the texts' vectors, which are not centred, as in the paper's code."""
    square = np.zeros((encoder.dimensions, encoder.dimensions))
    for first in range(0, len(tokens), BLOCK):
        block = encoder.encode(tokens.block(first, min(first + BLOCK, len(tokens)))).matrix.astype(np.float64)
        square += block.T @ block
    values, vectors = np.linalg.eigh(square)
    kept = [column for column in range(len(values) - 1, -1, -1)[:many] if values[column] > 0]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])
    return np.ascontiguousarray((vectors * signs).T[kept], dtype=np.float32)
