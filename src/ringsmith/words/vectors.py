"""Words and their vectors: neighbours, analogies, similarity.

    vectors = open_vectors("glove.6B.300d.txt")
    vectors.nearest("king")                                   # [Neighbour(word='queen', similarity=0.63), ...]
    vectors.analogy(["king", "woman"], ["man"])               # 3CosAdd (Mikolov et al. 2013); method="3cosmul" (Levy and Goldberg 2014)

The matrix may be mapped from a file: nothing here copies it. `KeyedVectors` in `keyed.py` has gensim's names for the same.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.words.analogies import product_rows
from ringsmith.words.neighbours import Floats, Found, Ints, Matrix, inverse, nearest_rows, norms_of, unit
from ringsmith.words.ngrams import Ngrams

Method = Literal["3cosadd", "3cosmul"]
Query = str | npt.NDArray[Any]
SPELLINGS_AMONG = 200_000
"""Nearest spellings are looked for among so many of the most frequent words: more would take seconds."""


class Neighbour(NamedTuple):
    """A word and how near it is: cosine, -1 to 1 (for 3CosMul the ratio of Levy and Goldberg)."""

    word: str
    similarity: float


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and the matrix of their vectors.

    Attributes:
        words: V different words, usually the most frequent first.
        matrix: (V, d) float32, float16, or int8 with `scales`; in memory or mapped from a file.
        counts: (V,) int64, how often each word occurred, or None where that is not known.
        scales: (V,) float32, for int8: a row's vector is ``matrix[row] * scales[row]``; else None.
        notes: what was found while reading, as sentences ("3 words came twice; the first was kept").
        ngrams: gives words that are not there a vector from their spelling (fastText), or None.

    Raises:
        InputError: the shapes do not fit.

    Examples:
        >>> vectors = WordVectors(["cat", "dog", "car"], np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32))
        >>> vectors.nearest("cat", 1)
        [Neighbour(word='dog', similarity=0.800000011920929)]
        >>> "dog" in vectors, len(vectors), vectors.dimensions
        (True, 3, 2)
    """

    words: Sequence[str]
    matrix: Matrix
    counts: npt.NDArray[np.int64] | None = None
    scales: Floats | None = None
    notes: tuple[str, ...] = ()
    ngrams: Ngrams | None = None

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or len(self.words) != len(self.matrix):
            raise InputError(f"A matrix must have one row for each of the {len(self.words):,} words; got the shape {self.matrix.shape}. Check where both come from.")
        for name, column in (("counts", self.counts), ("scales", self.scales)):
            if column is not None and column.shape != (len(self.words),):
                raise InputError(f"'{name}' must hold one number for each of the {len(self.words):,} words; got the shape {column.shape}. Check where both come from.")

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Row of each word, made when it is first asked for; of words that come twice the first counts."""
        size = len(self.words)
        return dict(zip(reversed(self.words), range(size - 1, -1, -1), strict=True)) if size else {}

    @cached_property
    def norms(self) -> Floats:
        """(V,) lengths of the vectors, computed once.

        Raises:
            InputError: a vector holds NaN or infinity.
        """
        norms = norms_of(self.matrix)
        return norms if self.scales is None else np.asarray(norms * self.scales, dtype=np.float32)

    @cached_property
    def scale(self) -> Floats:
        """(V,) what each stored row is multiplied by to get unit length."""
        to_unit = inverse(self.norms)
        return to_unit if self.scales is None else np.asarray(to_unit * self.scales, dtype=np.float32)

    @property
    def dimensions(self) -> int:
        """Length d of a vector."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def row(self, word: str) -> int:
        """The number of a word's row.

        Raises:
            UnknownName: it is not there; the nearest spellings are offered.
        """
        if (row := self.index.get(word)) is None:
            raise self.unknown(word)
        return row

    def rows(self, words: Iterable[str]) -> Ints:
        """The numbers of several words' rows, (n,) int64."""
        return np.fromiter((self.row(word) for word in words), dtype=np.int64)

    def decoded(self, rows: Any) -> Floats:
        """The float32 vectors of these rows (a slice or numbers)."""
        block = np.asarray(self.matrix[rows], dtype=np.float32)
        return block if self.scales is None else block * self.scales[rows][..., None]

    def vector(self, word: str) -> Floats:
        """The vector (d,) of a word, a copy in float32; of an unknown one from its n-grams, where there are any.

        Raises:
            UnknownName: the word is not there, and has no n-grams.
        """
        if word not in self.index and self.ngrams is not None and (guess := self.ngrams.vector(word)) is not None:
            return guess
        return np.array(self.decoded(self.row(word)))

    def vectors(self, words: Iterable[str]) -> Floats:
        """The vectors (n, d) of several words, a copy in float32; unknown ones as in `vector`."""
        return np.array(self.decoded(self.rows(words))) if self.ngrams is None else _stacked([self.vector(word) for word in words], self.dimensions)

    @overload
    def nearest(self, query: Query, n: int = 10, *, exclude: Iterable[str] = (), among: Iterable[str] | None = None) -> list[Neighbour]: ...  # type: ignore[overload-overlap]
    @overload
    def nearest(self, query: Sequence[str], n: int = 10, *, exclude: Iterable[str] = (), among: Iterable[str] | None = None) -> list[list[Neighbour]]: ...
    def nearest(self, query: Query | Sequence[str], n: int = 10, *, exclude: Iterable[str] = (), among: Iterable[str] | None = None) -> list[Neighbour] | list[list[Neighbour]]:
        """The words with the greatest cosine, nearest first, exact.

        Args:
            query: a word, a vector (d,), a list of words, or vectors (m, d). A word never finds itself, a vector finds all.
            n: how many; fewer come where there are fewer.
            exclude: words that are not wanted; those that are not there do not matter.
            among: only these words are looked at (those that are there); None for all.

        Returns:
            A list for one query, a list of lists for several.

        Raises:
            UnknownName: a query is not there. OptionError: `n` below 1, or vectors of another width.
        """
        _at_least_one("n", n)
        vectors, own = self._queries(query)
        barred = {row for word in exclude if (row := self.index.get(word)) is not None}
        found = self.nearest_rows(vectors, n + len(barred) + bool(own), among=self._among(among))
        lists = [self._named(ids, scores, barred | {own[at]} if own else barred, n) for at, (ids, scores) in enumerate(zip(found.ids, found.scores, strict=True))]
        return lists[0] if isinstance(query, str) or (isinstance(query, np.ndarray) and query.ndim == 1) else lists

    def nearest_rows(self, vectors: Matrix, n: int, *, among: Ints | None = None) -> Found:
        """The rows nearest to vectors (m, d), as arrays: for many queries; nothing is excluded."""
        most = len(self) if among is None else len(among)
        return nearest_rows(self.matrix, self.scale, unit(vectors), max(1, min(n, most)), among=among)

    def analogy(self, positive: Sequence[Query], negative: Sequence[Query] = (), n: int = 10, *, method: Method = "3cosadd", among: Iterable[str] | None = None) -> list[Neighbour]:
        """What is like all of `positive` and unlike `negative`: ``analogy(["king", "woman"], ["man"])`` asks for queen.

        Args:
            positive: words or vectors (d,).
            negative: words or vectors (d,).
            n: how many words; the words of the question are never among them.
            method: ``"3cosadd"``: cosine with the sum of the unit vectors (Mikolov, Yih and Zweig 2013). ``"3cosmul"``: product of the
                cosines, moved to 0 to 1, over the product of those of `negative` + 1e-6 (Levy and Goldberg 2014, equation 4).
            among: only these words are looked at; None for all.

        Raises:
            OptionError: no word at all, or another method. UnknownName: a word is not there.
        """
        _at_least_one("n", n)
        if method not in ("3cosadd", "3cosmul"):
            raise OptionError(f"'method' must be '3cosadd' or '3cosmul'; got {method!r}. Use '3cosadd', the usual one.")
        if not [*positive, *negative]:
            raise OptionError("'positive' must hold at least one word or vector; got none. Name the words that the answer should be like.")
        plus, minus = unit(self._stack(positive)), unit(self._stack(negative))
        barred = {self.index.get(item) for item in (*positive, *negative) if isinstance(item, str)}
        k, rows = n + len(barred), self._among(among)
        if method == "3cosadd":
            found = self.nearest_rows((plus.sum(0) - minus.sum(0))[None], k, among=rows)
        else:
            found = product_rows(self.matrix, self.scale, plus, minus, max(1, min(k, len(self))), among=rows)
        return self._named(found.ids[0], found.scores[0], barred, n)

    def similarity(self, one: str, other: str) -> float:
        """The cosine of two words' vectors, -1 to 1.

        Raises:
            UnknownName: a word is not there.
        """
        a, b = unit(self.vectors([one, other]))
        return float(a @ b)

    def odd_one_out(self, words: Sequence[str]) -> str:
        """The word that is least like the mean of all of them (in unit length).

        Raises:
            OptionError: fewer than two words. UnknownName: a word is not there.
        """
        if len(words) < 2:
            raise OptionError(f"'words' must hold at least two words; got {len(words)}. Name more.")
        vectors = unit(self.vectors(words))
        return words[int(np.argmin(vectors @ vectors.mean(axis=0)))]

    def take(self, rows: Any) -> WordVectors:
        """These rows (a slice or numbers) as vectors of their own, in their precision."""
        numbers = np.arange(len(self))[rows]
        counts, scales = (None if column is None else column[rows] for column in (self.counts, self.scales))
        return WordVectors([self.words[number] for number in numbers.tolist()], self.matrix[rows], counts, scales, self.notes, self.ngrams)

    def unknown(self, word: str) -> UnknownName:
        """The sentence for a word that is not there, with the nearest spellings among the most frequent words."""
        text = str(word)
        if len(parts := text.split()) > 1 and all(part in self.index for part in parts):
            return UnknownName(f"There is no vector for the word {word!r} among {len(self):,}, but for each of its parts: give {' and '.join(map(repr, parts))} apart.")
        cased = [form for form in (text.lower(), text.capitalize(), text.upper()) if form in self.index]
        near = list(dict.fromkeys([*cased, *get_close_matches(text, self.words[:SPELLINGS_AMONG], n=3, cutoff=0.6)]))[:3]
        offered = f"Did you mean {' or '.join(map(repr, near))}?" if near else "No word is spelt nearly so."
        return UnknownName(f"There is no vector for the word {word!r} among {len(self):,}. {offered}")

    def _among(self, words: Iterable[str] | None) -> Ints | None:
        if words is None:
            return None
        return np.array(sorted({row for word in words if (row := self.index.get(word)) is not None}), dtype=np.int64)

    def _queries(self, query: Query | Sequence[str]) -> tuple[Floats, list[int | None]]:
        """Vectors (m, d) of the queries, and for words their rows (None for a word known by its n-grams only)."""
        if isinstance(query, np.ndarray) and query.dtype.kind in "fiu":
            return self._checked(query[None] if query.ndim == 1 else query), []
        words = [query] if isinstance(query, str) else list(query)
        return self.vectors(words), [self.index.get(word) for word in words]

    def _checked(self, vectors: Matrix) -> Floats:
        if vectors.ndim != 2 or vectors.shape[1] != self.dimensions:
            raise OptionError(f"A query must be a word or a vector of {self.dimensions} numbers; got the shape {vectors.shape}. Use vectors of the same space.")
        if not np.isfinite(vectors).all():
            raise OptionError("A query must be a vector of finite numbers; got NaN or infinity. Check how it was made.")
        return np.asarray(vectors, dtype=np.float32)

    def _stack(self, items: Sequence[Query]) -> Floats:
        if isinstance(items, str):
            items = [items]
        return _stacked([self.vector(item) if isinstance(item, str) else self._checked(np.asarray(item)[None])[0] for item in items], self.dimensions)

    def _named(self, ids: Ints, scores: Floats, barred: Container[int | None], n: int) -> list[Neighbour]:
        pairs = zip(ids.tolist(), scores.tolist(), strict=True)
        return [Neighbour(self.words[row], score) for row, score in pairs if row >= 0 and row not in barred][:n]


def _stacked(lines: Sequence[Floats], width: int) -> Floats:
    return np.stack(lines) if lines else np.zeros((0, width), dtype=np.float32)


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise OptionError(f"'{name}' must be at least 1; got {value}. Use 10, the usual value, or leave it out.")
