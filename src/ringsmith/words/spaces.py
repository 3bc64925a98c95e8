"""Two spaces side by side: what they share, how far a rotation makes them one, and whose neighbours changed most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ringsmith.errors import InputError, OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.neighbours import Floats, Ints, unit
from ringsmith.words.vectors import WordVectors

MOST, NEIGHBOURS, MOVED = 20_000, 10, 25
PART = 2048


@dataclass(frozen=True)
class Moved:
    """A word and its company in both spaces.

    Attributes:
        word: the word.
        overlap: share of its neighbours that are the same, 0 to 1.
        cosine: of its vector in the one space, rotated, with that in the other.
        one: its neighbours in the one space, nearest first.
        other: in the other.
    """

    word: str
    overlap: float
    cosine: float
    one: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True)
class SpaceComparison:
    """What two spaces have in common.

    Attributes:
        words_one: words of the one space.
        words_other: words of the other.
        shared: words in both.
        compared: the shared words that were compared: the first of the one space.
        neighbours: how many neighbours of each word were compared, among the compared words.
        overlap: mean share of neighbours that are the same; two unrelated spaces have about neighbours / compared.
        cosine: mean cosine of a word's vectors after the rotation that fits best.
        cosine_before: mean cosine as they stand, None where the widths differ.
        moved: the words whose neighbours changed most, the most changed first.
    """

    words_one: int
    words_other: int
    shared: int
    compared: int
    neighbours: int
    overlap: float
    cosine: float
    cosine_before: float | None
    moved: tuple[Moved, ...]


def procrustes(one: Floats, other: Floats) -> Floats:
    """The rotation (d, e) that brings rows nearest to other rows: minimises ``|one @ R - other|`` (Schönemann 1966).

    Args:
        one: (n, d).
        other: (n, e). Where the widths differ the columns or rows of R are orthonormal.

    Examples:
        >>> turn = np.array([[0, 1], [-1, 0]], dtype=np.float32)
        >>> points = np.array([[1, 0], [2, 1], [0, 3]], dtype=np.float32)
        >>> bool(np.allclose(procrustes(points, points @ turn), turn, atol=1e-6))
        True
    """
    u, _, vt = np.linalg.svd(one.astype(np.float64).T @ other.astype(np.float64), full_matrices=False)
    return np.asarray(u @ vt, dtype=np.float32)


def mean_cosine(space: WordVectors, *, most: int = MOST) -> float:
    """The mean cosine of two different words of the first `most`: near 1 where vectors have hardly parted since their start.

    Examples:
        >>> round(mean_cosine(WordVectors(["a", "b", "c"], np.array([[1, 0], [0, 2], [0, 3]], dtype=np.float32))), 6)
        0.333333
    """
    units = unit(space.matrix[:most])
    total, own = units.sum(axis=0, dtype=np.float64), float((units.astype(np.float64) ** 2).sum())
    return (float(total @ total) - own) / max(len(units) * (len(units) - 1), 1)


def align(one: WordVectors, other: WordVectors, *, most: int = MOST) -> WordVectors:
    """All words of the one space, rotated to lie where the other has them.

    Args:
        one: the space that is rotated.
        other: the space that stays.
        most: the rotation is found from so many shared words, the first of `one`.

    Raises:
        InputError: no word is in both.
    """
    rows, places = _shared(one, other, most)
    rotation = procrustes(unit(one.decoded(rows)), unit(other.decoded(places)))
    return WordVectors(one.words, one.decoded(slice(None)) @ rotation, one.counts)


def compare_spaces(one: WordVectors, other: WordVectors, *, most: int = MOST, neighbours: int = NEIGHBOURS, moved: int = MOVED, report: Report = silent) -> SpaceComparison:
    """What two spaces have in common, and whose neighbours changed most.

    Args:
        one: the one space, its most frequent words first.
        other: the other.
        most: so many shared words are compared: the first of `one`. Time grows with its square.
        neighbours: compared for each word.
        moved: how many of the most changed words are told.
        report: is told how far it is.

    Raises:
        OptionError: a number below 1. InputError: fewer than two words are in both.
    """
    for name, value in (("most", most), ("neighbours", neighbours), ("moved", moved)):
        if value < 1:
            raise OptionError(f"'{name}' must be at least 1; got {value}. Leave it out for the usual value.")
    rows, places = _shared(one, other, most)
    shared = len(one.index.keys() & other.index.keys())
    left, right = one.take(rows), other.take(places)
    a, b = unit(left.decoded(slice(None))), unit(right.decoded(slice(None)))
    cosines = np.einsum("ij,ij->i", unit(a @ procrustes(a, b)), b)
    before = float(np.einsum("ij,ij->i", a, b).mean()) if a.shape[1] == b.shape[1] else None
    k = min(neighbours, len(rows) - 1)
    near, far = _company(left, a, k, report, 0), _company(right, b, k, report, 1)
    overlaps = np.array([len(set(x) & set(y)) / k for x, y in zip(near.tolist(), far.tolist(), strict=True)])
    # Of equally changed words the one that also lies farther off after the rotation comes first.
    order = np.lexsort((cosines, overlaps))[:moved].tolist()
    changed = tuple(Moved(left.words[i], float(overlaps[i]), float(cosines[i]), _names(left, near[i]), _names(left, far[i])) for i in order)
    return SpaceComparison(len(one), len(other), shared, len(rows), k, float(overlaps.mean()), float(cosines.mean()), before, changed)


def _shared(one: WordVectors, other: WordVectors, most: int) -> tuple[Ints, Ints]:
    """Rows of the first shared words in both spaces."""
    pairs = []
    for row, word in enumerate(one.words):
        if (place := other.index.get(word)) is not None:
            pairs.append((row, place))
            if len(pairs) == most:
                break
    if len(pairs) < 2:
        raise InputError(f"Two spaces must share at least two words; got {len(pairs)}, of {len(one):,} and {len(other):,}. Check their languages and the case of their words.")
    rows, places = np.array(pairs, dtype=np.int64).T
    return rows, places


def _company(space: WordVectors, units: Floats, k: int, report: Report, turn: int) -> Ints:
    """(n, k) nearest words of each word, itself left out."""
    found = np.empty((len(units), k), dtype=np.int64)
    for first in range(0, len(units), PART):
        ids = space.nearest_rows(units[first : first + PART], k + 1).ids
        rows = np.arange(first, first + len(ids))[:, None]
        # Another word with the very same vector may stand before the word itself: leave out the word, or else the last.
        own = ids == rows
        own[~own.any(axis=1), -1] = True
        found[first : first + PART] = ids[~own].reshape(len(ids), k)
        report(Progress("compare", turn * len(units) + first + len(ids), 2 * len(units), "words"))
    return found


def _names(space: WordVectors, rows: Ints) -> tuple[str, ...]:
    return tuple(space.words[row] for row in rows.tolist())
