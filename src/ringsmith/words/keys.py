"""The keys of gensim's face: numbers, vectors, counts, adding and sorting. `keyed.py` has what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError, UnknownName
from ringsmith.words.neighbours import Floats, unit
from ringsmith.words.vectors import WordVectors

Key = str | int | np.integer[Any]


class MissingKey(UnknownName, KeyError):
    """A word has no vector; a `KeyError` to those who come from gensim."""

    def __str__(self) -> str:
        return str(self.args[0])


class Keys:
    """Keys with vectors and counts; see `KeyedVectors`.

    Args:
        vector_size: d; or the `WordVectors` to stand on.
        count: accepted for gensim's sake, not used: nothing is reserved.
        dtype: accepted for gensim's sake; vectors are float32.
        mapfile_path: accepted for gensim's sake, not used.

    Attributes:
        space: the `WordVectors` below, replaced (never changed) when keys are added.
    """

    def __init__(self, vector_size: int | WordVectors, count: int = 0, dtype: Any = np.float32, mapfile_path: Any = None) -> None:
        self.space = vector_size if isinstance(vector_size, WordVectors) else WordVectors([], np.zeros((0, vector_size), dtype=np.float32))
        self._keys: list[str] | None = None

    @property
    def index_to_key(self) -> list[str]:
        """The words, by their numbers."""
        if self._keys is None or len(self._keys) != len(self.space):
            self._keys = list(self.space.words)
        return self._keys

    @property
    def key_to_index(self) -> Mapping[str, int]:
        """The number of each word."""
        return self.space.index

    @property
    def vectors(self) -> Floats:
        """(V, d) float32; mapped where the file is."""
        return self.space.matrix if self.space.matrix.dtype == np.float32 else self.space.decoded(slice(None))

    @property
    def vector_size(self) -> int:
        """Length of a vector."""
        return self.space.dimensions

    @property
    def norms(self) -> Floats:
        """(V,) lengths of the vectors."""
        return self.space.norms

    def __len__(self) -> int:
        return len(self.space)

    def __contains__(self, key: object) -> bool:
        return key in self.space or (isinstance(key, int | np.integer) and 0 <= int(key) < len(self))

    def __repr__(self) -> str:
        return f"KeyedVectors<vector_size={self.vector_size}, {len(self)} keys>"

    @overload
    def __getitem__(self, key: Key) -> Floats: ...
    @overload
    def __getitem__(self, key: Iterable[Key]) -> Floats: ...
    def __getitem__(self, key: Key | Iterable[Key]) -> Floats:
        """``wv["word"]`` is (d,); ``wv[["a", "b"]]`` is (2, d)."""
        if isinstance(key, str | int | np.integer):
            return self.get_vector(key)
        return np.stack([self.get_vector(each) for each in key])

    def __setitem__(self, keys: Key | list[Key], weights: npt.NDArray[Any]) -> None:
        many = keys if isinstance(keys, list) else [keys]
        self.add_vectors([str(key) for key in many], np.asarray(weights).reshape(len(many), -1), replace=True)

    def get_index(self, key: Key, default: int | None = None) -> int:
        """The number of a key.

        Raises:
            MissingKey: it is not there, and there is no `default`.
        """
        if isinstance(key, str) and (row := self.space.index.get(key)) is not None:
            return row
        if isinstance(key, int | np.integer) and 0 <= key < len(self):
            return int(key)
        if default is not None:
            return default
        raise MissingKey(str(self.space.unknown(str(key))))

    def has_index_for(self, key: Key) -> bool:
        """Whether the key has a number (words known only by their n-grams have none)."""
        return self.get_index(key, -1) >= 0

    def get_vector(self, key: Key, norm: bool = False) -> Floats:
        """The vector (d,) of a key, not to be written to; with `norm` in unit length.

        Raises:
            MissingKey: it is not there.
        """
        ngrams = self.space.ngrams
        guess = ngrams.vector(key) if ngrams is not None and isinstance(key, str) and key not in self.space else None
        vector = np.asarray(self.space.decoded(self.get_index(key))) if guess is None else guess
        vector = unit(vector[None])[0] if norm else vector.view()
        vector.setflags(write=False)
        return vector

    def get_mean_vector(
        self,
        keys: Sequence[Key | npt.NDArray[Any]],
        weights: Sequence[float] | npt.NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Floats:
        """The weighted mean of keys and vectors, over the sum of the weights' sizes.

        Raises:
            OptionError: no key, or another number of weights. MissingKey: a key is not there, and that does matter.
        """
        if len(keys) == 0:
            raise OptionError("'keys' must hold at least one word or vector; got none.")
        shares = np.ones(len(keys)) if weights is None else np.asarray(weights, dtype=np.float64)
        if len(shares) != len(keys):
            raise OptionError(f"'weights' must be as many as the {len(keys)} keys; got {len(shares)}.")
        mean, total = np.zeros(self.vector_size, dtype=np.float32), 0.0
        for key, share in zip(keys, shares, strict=True):
            if isinstance(key, np.ndarray):
                mean += np.float32(share) * key
            elif ignore_missing and not self.is_known(key):
                continue
            else:
                mean += np.float32(share) * self.get_vector(key, norm=pre_normalize)
            total += abs(share)
        mean = mean / np.float32(total) if total > 0 else mean
        return unit(mean[None])[0] if post_normalize else mean

    def add_vector(self, key: str, vector: npt.NDArray[Any]) -> int:
        """Add one key; its number. Many at once are much faster with `add_vectors`."""
        self.add_vectors([key], np.asarray(vector)[None], replace=True)
        return self.get_index(key)

    def add_vectors(self, keys: str | Sequence[str], weights: Any, extras: None = None, replace: bool = False) -> None:
        """Add keys; of those that are there the vectors change only with `replace`."""
        names = [keys] if isinstance(keys, str) else list(keys)
        rows = np.asarray(weights, dtype=np.float32).reshape(len(names), -1)
        if rows.shape[1] != self.vector_size:
            raise OptionError(f"'weights' must hold {self.vector_size} numbers for each key; got {rows.shape[1]}.")
        place = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))  # of a key that comes twice the first counts
        new = [name for name in dict.fromkeys(names) if name not in self.space.index]
        matrix = np.concatenate([self.vectors, rows[[place[name] for name in new]]])
        if replace:
            for name, row in zip(names, rows, strict=True):
                if name in self.space.index:
                    matrix[self.space.index[name]] = row
        counts = None if self.space.counts is None else np.concatenate([self.space.counts, np.zeros(len(new), dtype=np.int64)])
        self.space, self._keys = WordVectors([*self.space.words, *new], matrix, counts, None, self.space.notes, self.space.ngrams), None

    def get_vecattr(self, key: Key, attr: Literal["count"]) -> int:
        """How often the key occurred: ``get_vecattr(word, "count")``.

        Raises:
            OptionError: another attribute, or counts are not known.
        """
        if attr != "count" or self.space.counts is None:
            raise OptionError(f"'attr' must be 'count', where counts are known; got {attr!r}. Files in .safetensors and fastText's .bin keep them.")
        return int(self.space.counts[self.get_index(key)])

    def set_vecattr(self, key: Key, attr: Literal["count"], val: int) -> None:
        """Set how often the key occurred."""
        if attr != "count":
            raise OptionError(f"'attr' must be 'count'; got {attr!r}.")
        counts = np.zeros(len(self), dtype=np.int64) if self.space.counts is None else self.space.counts.copy()
        counts[self.get_index(key)] = val
        self.space = WordVectors(self.space.words, self.space.matrix, counts, self.space.scales, self.space.notes, self.space.ngrams)

    def sort_by_descending_frequency(self) -> None:
        """Give the most frequent words the lowest numbers (the later of equally frequent ones first, as gensim does)."""
        if len(self) and self.space.counts is None:
            raise OptionError("Words can be sorted by frequency where their counts are known; they are not. Set them with set_vecattr.")
        if self.space.counts is not None:
            numbers = np.arange(len(self))
            self.space, self._keys = self.space.take(np.lexsort((-numbers, -self.space.counts))), None

    def fill_norms(self, force: bool = False) -> None:
        """Compute the norms now rather than when they are first needed."""
        _ = self.space.norms

    def get_normed_vectors(self) -> Floats:
        """All vectors (V, d) in unit length, a copy."""
        return unit(self.space.decoded(slice(None)))

    def is_known(self, key: Key) -> bool:
        """Whether the key has a vector, by its number or by its n-grams."""
        return self.has_index_for(key) or (isinstance(key, str) and self.space.ngrams is not None and self.space.ngrams.vector(key) is not None)
