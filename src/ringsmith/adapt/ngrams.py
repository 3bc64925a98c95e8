"""Texts to sparse tf-idf rows over a vocabulary: words with their pairs, and characters within words.

Character n-grams carry languages whose words change their endings (Korean, Finnish) and survive typing errors; words carry meaning.
Each of the two blocks is weighted (1 + ln tf) * (ln((1 + n) / (1 + df)) + 1) and scaled to length 1 on its own, as scikit-learn's
`TfidfVectorizer(sublinear_tf=True)` does, so neither drowns the other.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ringsmith.adapt.folder import write_json
from ringsmith.adapt.sparse import Matrix, beside, empty_rows, tfidf

FILE = "vocabulary.json"
WORD = re.compile(r"\w+|[^\w\s]")
Analyse = Callable[[str], list[str]]


def words_of(text: str) -> list[str]:
    """Words and single punctuation marks of a lower-cased text, then every two neighbours joined by a blank.

    Examples:
        >>> words_of("Not bad!")
        ['not', 'bad', '!', 'not bad', 'bad !']
    """
    tokens = WORD.findall(text.lower())
    return tokens + [f"{first} {second}" for first, second in pairwise(tokens)]


def characters_of(text: str, shortest: int, longest: int) -> list[str]:
    """Character n-grams of each blank-separated word of a lower-cased text, a blank added at both its ends (but no blank alone).

    Examples:
        >>> characters_of("Hi", 2, 3)
        [' h', 'hi', 'i ', ' hi', 'hi ']
    """
    grams: list[str] = []
    for word in text.lower().split():
        padded = f" {word} "
        grams += word if shortest == 1 else ()
        for n in range(max(shortest, 2), min(longest, len(padded)) + 1):
            grams += [padded[i : i + n] for i in range(len(padded) - n + 1)]
    return grams


@dataclass(frozen=True, eq=False)
class Block:
    """One kind of feature: its terms in the order of the columns and their inverse document frequencies.

    Attributes:
        analyse: text -> its terms, repeated as often as they occur.
        terms: d terms, sorted.
        idf: float32 (d,).
    """

    analyse: Analyse
    terms: Sequence[str]
    idf: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, analyse: Analyse, texts: Sequence[str], min_rows: int) -> tuple[Block, Matrix]:
        """The terms of `texts` that occur in at least `min_rows` rows, and the weighted rows of `texts` (n, d)."""
        columns: defaultdict[str, int] = defaultdict()
        columns.default_factory = columns.__len__  # a term that is new has the next column
        counts = _counts((Counter(map(columns.__getitem__, analyse(text))) for text in texts), columns)
        frequency = np.bincount(counts.indices, minlength=len(columns))
        terms = sorted(term for term, column in columns.items() if frequency[column] >= min_rows)
        order = np.array([columns[term] for term in terms], np.int64)
        idf = (np.log((1 + len(texts)) / (1 + frequency[order])) + 1).astype(np.float32)
        return cls(analyse, terms, idf), tfidf(_sorted(counts[:, order]), idf)

    @classmethod
    def union(cls, blocks: Sequence[Block]) -> Block:
        """The terms of all these blocks, each with the mean of its inverse document frequencies where it is known."""
        known: defaultdict[str, list[float]] = defaultdict(list)
        for block in blocks:
            for term, idf in zip(block.terms, block.idf.tolist(), strict=True):
                known[term].append(idf)
        terms = sorted(known)
        return cls(blocks[0].analyse, terms, np.array([fmean(known[term]) for term in terms], np.float32))

    def places(self, terms: Sequence[str]) -> npt.NDArray[np.int64]:
        """The columns of these of its terms."""
        return np.array([self._columns[term] for term in terms], np.int64)

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Weighted rows of `texts`, float32 (n, d)."""
        if not len(self.terms):
            return empty_rows(len(texts))
        known = self._columns
        counted = (Counter(column for term in self.analyse(text) if (column := known.get(term)) is not None) for text in texts)
        return tfidf(_sorted(_counts(counted, known)), self.idf)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.terms)}


def _counts(counted: Iterable[Counter[int]], columns: Sized) -> Matrix:
    """Rows of counts, from how often each column occurs in each row; `columns` may grow on the way."""
    places, values, ends = array("i"), array("f"), [0]
    for row in counted:
        places.extend(row)
        values.extend(row.values())
        ends.append(len(places))
    return sp.csr_matrix((np.asarray(values), np.asarray(places), ends), shape=(len(ends) - 1, len(columns)))


def _sorted(rows: Matrix) -> Matrix:
    """The same rows, each in the order of its columns: sums over a row are always made in the same order."""
    return rows if rows.has_sorted_indices else rows.sorted_indices()


class Ngrams:
    """Both blocks, fitted.

    Attributes:
        blocks: words, then characters.
        shape: shortest and longest character n-gram.
    """

    def __init__(self, blocks: Sequence[Block], shape: tuple[int, int]) -> None:
        self.blocks = tuple(blocks)
        self.shape = shape

    @classmethod
    def fit(cls, texts: Sequence[str], *, shape: tuple[int, int], min_rows: int) -> tuple[Ngrams, Matrix]:
        """The vocabulary of `texts` and their rows (n, d): words first, then characters."""
        fits = [Block.fit(analyse, texts, min_rows) for analyse in _analysers(shape)]
        return cls([block for block, _ in fits], shape), beside([rows for _, rows in fits])

    @classmethod
    def union(cls, several: Sequence[Ngrams]) -> tuple[Ngrams, list[npt.NDArray[np.int64]]]:
        """One vocabulary of several with n-grams of one shape, and for each of them the columns in which its own terms now stand."""
        words, characters = (Block.union(kind) for kind in zip(*(one.blocks for one in several), strict=True))
        places = [np.concatenate([words.places(one.blocks[0].terms), len(words.terms) + characters.places(one.blocks[1].terms)]) for one in several]
        return cls([words, characters], several[0].shape), places

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Rows of `texts`, float32 (n, d)."""
        return beside([block.transform(texts) for block in self.blocks])

    def without_words(self) -> Ngrams:
        """The characters alone; their rows stay as they are."""
        words, characters = self.blocks
        return Ngrams([Block(words.analyse, [], words.idf[:0]), characters], self.shape)

    @property
    def size(self) -> int:
        """Number of columns d."""
        return sum(len(block.terms) for block in self.blocks)

    def column_weights(self, words: float, columns: int) -> npt.NDArray[np.float32]:
        """What to multiply the columns with so that words count `words` and characters 1, the rows' length kept; for pairs three times over."""
        share = np.float32(1 / np.sqrt(1 + words**2))
        once = np.concatenate([np.full(len(self.blocks[0].terms), words * share, np.float32), np.full(len(self.blocks[1].terms), share, np.float32)])
        return np.tile(once, columns // max(len(once), 1))

    def save(self, folder: Path) -> dict[str, npt.NDArray[np.float32]]:
        """Write the terms as JSON into `folder`; returned are the arrays to store beside them."""
        words, characters = self.blocks
        write_json(folder / FILE, {"characters_from": self.shape[0], "characters_to": self.shape[1], "words": words.terms, "characters": characters.terms})
        return {"idf_words": words.idf, "idf_characters": characters.idf}

    @classmethod
    def load(cls, folder: Path, arrays: Mapping[str, npt.NDArray[np.float32]]) -> Ngrams:
        """What `save` wrote."""
        content = json.loads((folder / FILE).read_bytes().decode("utf-8", "surrogatepass"))
        shape = (content["characters_from"], content["characters_to"])
        names = ("words", "characters")
        return cls([Block(analyse, content[name], arrays[f"idf_{name}"]) for name, analyse in zip(names, _analysers(shape), strict=True)], shape)


def _analysers(shape: tuple[int, int]) -> tuple[Analyse, Analyse]:
    return words_of, lambda text: characters_of(text, *shape)
