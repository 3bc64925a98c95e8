"""gensim's face over `WordVectors`: the same names, arguments and answers as ``gensim.models.KeyedVectors`` (4.4).

Departures, each on purpose:
    - ``save`` and ``load`` use Ringsmith's safetensors form, never a pickle; ``load`` opens every form that `open_vectors` knows, mapped.
    - An unknown word raises `MissingKey`, which is a `KeyError`, with the nearest spellings; wrong arguments raise `OptionError`.
    - ``evaluate_word_pairs`` has the answers of gensim; `ringsmith.words.intrinsic` has those with intervals.
    - A vector of zeros has cosine 0 with everything, not NaN.
    - Counts are the only attribute of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError, UnknownName
from ringsmith.words.files import ReadOptions, open_vectors, save_vectors
from ringsmith.words.keys import Key, Keys, MissingKey
from ringsmith.words.neighbours import Floats, Ints, blocks, cosines, unit
from ringsmith.words.vectors import WordVectors

Similar = list[tuple[str, float]]


class KeyedVectors(Keys):
    """Words and vectors with gensim's methods.

    Args:
        vector_size: d; or the `WordVectors` to stand on.
        count: accepted for gensim's sake, not used: nothing is reserved.
        dtype: accepted for gensim's sake; vectors are float32.

    Attributes:
        space: the `WordVectors` below, replaced (never changed) when keys are added.

    Examples:
        >>> wv = KeyedVectors(2)
        >>> wv.add_vectors(["king", "queen", "cabbage"], np.array([[1.0, 0.1], [0.9, 0.2], [0.0, 1.0]]))
        >>> [word for word, _ in wv.most_similar("king")]
        ['queen', 'cabbage']
        >>> wv.doesnt_match(["king", "queen", "cabbage"])
        'cabbage'
    """

    @overload
    def most_similar(
        self, positive: Any = None, negative: Any = None, topn: int = 10, clip_start: int = 0, clip_end: int | None = None, restrict_vocab: int | None = None
    ) -> Similar: ...
    @overload
    def most_similar(
        self, positive: Any = None, negative: Any = None, *, topn: None, clip_start: int = 0, clip_end: int | None = None, restrict_vocab: int | None = None
    ) -> Floats: ...
    def most_similar(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, clip_start: int = 0, clip_end: int | None = None, restrict_vocab: int | None = None
    ) -> Similar | Floats:
        """The keys most like the weighted mean of unit vectors: 1 each for `positive`, -1 for `negative`.

        Args:
            positive: a key, a vector, or a list of keys, vectors and ``(key, weight)``.
            negative: the same.
            topn: how many; None for the cosines of all.
            clip_start: number of the first key looked at.
            clip_end: of the one after the last.
            restrict_vocab: look at the first so many only.

        Raises:
            OptionError: nothing is asked for. MissingKey: a key is not there.
        """
        if topn is not None and topn < 1:
            return []
        plus, minus = _listed(positive), _listed(negative)
        keys = [item[0] if isinstance(item, tuple) else item for item in (*plus, *minus)]
        weights = [item[1] if isinstance(item, tuple) else sign for items, sign in ((plus, 1.0), (minus, -1.0)) for item in items]
        mean = self.get_mean_vector(keys, weights, pre_normalize=True, post_normalize=True, ignore_missing=False)
        start, end = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end or len(self))
        among = np.arange(len(self), dtype=np.int64)[start:end]
        some = None if len(among) == len(self) else among
        if topn is None:
            return self._cosines(mean, some)
        barred = {self.get_index(key, -1) for key in keys if not isinstance(key, np.ndarray)}
        found = self.space.nearest_rows(mean[None], topn + len(barred), among=some)
        return self._named(found.ids[0], found.scores[0], barred, topn)

    def most_similar_cosmul(self, positive: Any = None, negative: Any = None, topn: int = 10, restrict_vocab: int | None = None) -> Similar:
        """The keys with the greatest product of cosines (Levy and Goldberg 2014); arguments as for `most_similar`, without weights.

        `restrict_vocab` is kept here; gensim takes it and looks at all words.
        """
        if topn < 1:
            return []
        try:
            plus, minus = ([key if isinstance(key, np.ndarray) else self.index_to_key[self.get_index(key)] for key in _listed(items)] for items in (positive, negative))
        except UnknownName as error:
            raise MissingKey(str(error)) from None
        return [
            (found.word, found.similarity)
            for found in self.space.analogy(plus, minus, topn, method="3cosmul", among=self.index_to_key[:restrict_vocab] if restrict_vocab else None)
        ]

    def similar_by_word(self, word: Key, topn: int = 10, restrict_vocab: int | None = None) -> Similar:
        """The keys most like a key."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_key = similar_by_word

    def similar_by_vector(self, vector: npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None) -> Similar:
        """The keys most like a vector (d,)."""
        return self.most_similar([np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def similarity(self, w1: Key, w2: Key) -> float:
        """The cosine of two keys."""
        return float(self.get_vector(w1, norm=True) @ self.get_vector(w2, norm=True))

    def distance(self, w1: Key, w2: Key) -> float:
        """1 less the cosine."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | npt.NDArray[Any], other_words: Sequence[Key] = ()) -> Floats:
        """1 less the cosines of a key or vector with other keys, or with all of them."""
        vector = word_or_vector if isinstance(word_or_vector, np.ndarray) else self.get_vector(word_or_vector)
        rows = np.array([self.get_index(word) for word in other_words], dtype=np.int64) if len(other_words) else None
        return np.asarray(1 - self._cosines(unit(np.asarray(vector)[None])[0], rows))

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """The cosine of the mean vectors of two sets of keys.

        Raises:
            OptionError: a set is empty.
        """
        if not (len(ws1) and len(ws2)):
            raise OptionError("'ws1' and 'ws2' must each hold at least one word; got an empty one.")
        one, other = (self.get_mean_vector(list(words), pre_normalize=False) for words in (ws1, ws2))
        return float(unit(one[None])[0] @ unit(other[None])[0])

    def rank_by_centrality(self, words: Sequence[Key], use_norm: bool = True) -> list[tuple[float, Key]]:
        """The known words with their cosine to the mean of all, the most central first.

        Raises:
            OptionError: none is known.
        """
        known = [word for word in words if self.is_known(word)]
        if not known:
            raise OptionError(f"'words' must hold at least one known word; got {list(words)[:5]!r}. Check their spelling.")
        vectors = np.stack([self.get_vector(word, norm=use_norm) for word in known])
        return sorted(zip((vectors @ unit(vectors.mean(axis=0)[None])[0]).tolist(), known, strict=True), key=lambda pair: (pair[0], str(pair[1])), reverse=True)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """The known word that is least like the others."""
        return self.rank_by_centrality(words)[-1][1]

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """The key of the list that is most like `key1`."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """The keys that are nearer to `key1` than `key2` is."""
        far, one = self.distances(key1), self.get_index(key1)
        return [self.index_to_key[row] for row in np.flatnonzero(far < far[self.get_index(key2)]).tolist() if row != one]

    words_closer_than = closer_than

    def rank(self, key1: Key, key2: Key) -> int:
        """The place of `key2` among the neighbours of `key1`, 1 for the nearest."""
        return len(self.closer_than(key1, key2)) + 1

    def wmdistance(self, document1: Sequence[str], document2: Sequence[str], norm: bool = True) -> float:
        """Word Mover's Distance of two lists of words; infinity where one has no known word. SciPy solves it, POT is not needed."""
        from ringsmith.words.mover import mover_distance

        one, other = ([word for word in words if self.is_known(word)] for words in (document1, document2))
        return mover_distance(one, other, lambda words: np.stack([self.get_vector(word, norm=norm) for word in words]))

    def evaluate_word_analogies(
        self, analogies: str | Path, restrict_vocab: int = 300_000, case_insensitive: bool = True, dummy4unknown: bool = False
    ) -> tuple[float, list[dict[str, Any]]]:
        """Share of the analogies of a file that are answered rightly, and the questions section by section, as gensim gives them."""
        from ringsmith.words.gensim_scores import analogies as score

        return score(self.space, analogies, restrict_vocab, fold=case_insensitive, dummy=dummy4unknown)

    def evaluate_word_pairs(
        self, pairs: str | Path, delimiter: str = "\t", encoding: str = "utf8", restrict_vocab: int = 300_000, case_insensitive: bool = True, dummy4unknown: bool = False
    ) -> tuple[Any, Any, float]:
        """Pearson's and Spearman's correlation with people's judgements, each with its p-value, and the per cent of pairs that are not known."""
        from ringsmith.words.gensim_scores import pairs as score

        return score(self.space, pairs, delimiter, encoding, restrict_vocab, fold=case_insensitive, dummy=dummy4unknown)

    def vectors_for_all(self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False) -> KeyedVectors:
        """These keys alone, in their order, each once; unknown ones only where n-grams give them a vector and `allow_inference` says so."""
        names = [key for key in dict.fromkeys(keys) if self.has_index_for(key) or (allow_inference and self.is_known(key))]
        rows = [self.get_vector(key) for key in names]
        known = self.space.counts is not None and copy_vecattrs
        counts = np.array([self.get_vecattr(key, "count") if self.has_index_for(key) else 0 for key in names], dtype=np.int64) if known else None
        matrix = np.stack(rows) if rows else np.zeros((0, self.vector_size), dtype=np.float32)
        return KeyedVectors(WordVectors([str(name) for name in names], matrix, counts, ngrams=self.space.ngrams))

    def save_word2vec_format(self, fname: str | Path, fvocab: str | Path | None = None, binary: bool = False, total_vec: int | None = None) -> None:
        """Write word2vec text or binary; `fvocab` takes a line with word and count for each word."""
        save_vectors(self.space if total_vec is None else self.space.take(slice(total_vec)), fname, "word2vec-binary" if binary else "word2vec-text")
        if fvocab is not None:
            lines = [f"{word} {self.get_vecattr(word, 'count')}\n" for word in self.index_to_key]
            Path(fvocab).write_text("".join(lines), encoding="utf-8", newline="\n")

    @classmethod
    def load_word2vec_format(cls, fname: str | Path, binary: bool = False, unicode_errors: str = "strict", limit: int | None = None, no_header: bool = False) -> KeyedVectors:
        """Read word2vec text or binary, or GloVe text with ``no_header=True``; packed files as well."""
        options = ReadOptions(most=limit, errors="refuse" if unicode_errors == "strict" else "replace")
        return cls(open_vectors(fname, "word2vec-binary" if binary else "glove" if no_header else "word2vec-text", options=options))

    def save(self, fname: str | Path) -> None:
        """Write the form that the suffix says; Ringsmith's safetensors where it says none (gensim's is a pickle)."""
        known = str(fname).endswith((".txt", ".vec", ".bin", ".npy", ".safetensors", ".gz", ".zst", ".xz", ".bz2"))
        save_vectors(self.space, fname, None if known else "safetensors")

    @classmethod
    def load(cls, fname: str | Path, mmap: str | None = None) -> KeyedVectors:
        """Open any form of vectors; those that can be mapped are (`mmap` is not needed). gensim's pickle is refused, with the way out."""
        del mmap
        return cls(open_vectors(fname))

    def _cosines(self, vector: Floats, rows: Ints | None) -> Floats:
        """The cosines of a unit vector with these rows, in their order; with all of them for None."""
        parts = [cosines(self.space.matrix, self.space.scale, vector[None], take)[0] for take, _ in blocks(len(self), rows)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _named(self, ids: Ints, scores: Floats, barred: set[int], n: int) -> Similar:
        return [(self.space.words[row], score) for row, score in zip(ids.tolist(), scores.tolist(), strict=True) if row >= 0 and row not in barred][:n]


def _listed(items: Any) -> list[Any]:
    """One key or vector as a list of one, nothing as an empty one, a matrix as its rows."""
    if items is None:
        return []
    if isinstance(items, str | int | np.integer) or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return list(items)
