"""A map of words: each at a place in the plane so that words used alike lie together, in groups.

t-SNE (van der Maaten and Hinton 2008) on unit vectors, started from the two main directions (PCA), which keeps the large-scale order and makes
the same map every time; k-means on the same vectors gives the groups. Distances between far words mean little, sizes of gaps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.neighbours import Floats, Ints, unit
from ringsmith.words.vectors import WordVectors

MOST, GROUPS = 300, 8
LARGEST = 5000
PERPLEXITY = 30
FEWEST = 8
"""Fewer words than this are placed by PCA alone."""


@dataclass(frozen=True, eq=False)
class WordMap:
    """Words in the plane.

    Attributes:
        words: n words, as they were given or the most frequent first.
        points: (n, 2) float64 from 0, on one scale: in the direction in which they lie farther apart they go up to 1.
        groups: (n,) number of each word's group, 0 for the largest.
        method: ``"t-SNE"`` or ``"PCA"``.
        unknown: words that were asked for and have no vector.
    """

    words: tuple[str, ...]
    points: npt.NDArray[np.float64]
    groups: Ints
    method: str
    unknown: tuple[str, ...] = ()


def map_words(vectors: WordVectors, words: Sequence[str] | None = None, *, most: int = MOST, groups: int = GROUPS, seed: int = 0, report: Report = silent) -> WordMap:
    """Places and groups of words.

    Args:
        vectors: the space, the most frequent words first.
        words: these words; None for the first `most`.
        most: how many words, where none are named.
        groups: how many groups at most, up to 8.
        seed: of t-SNE and k-means.
        report: is told which step runs.

    Raises:
        OptionError: fewer than two known words, or numbers out of range.
    """
    if not 2 <= most <= LARGEST or not 1 <= groups <= GROUPS:
        raise OptionError(f"'most' must be 2 to {LARGEST:,} and 'groups' 1 to {GROUPS}; got {most} and {groups}. Leave both out for the usual.")
    asked = list(dict.fromkeys(vectors.words[:most] if words is None else words))
    known = [word for word in asked if word in vectors]
    if len(known) < 2 or len(known) > LARGEST:
        raise OptionError(f"'words' must hold 2 to {LARGEST:,} words that have vectors; got {len(known)} of {len(asked)}. Check their spelling, or name others.")
    rows = unit(vectors.vectors(known))
    report(Progress("map", 0, 2))
    points, method = _placed(rows, seed)
    report(Progress("map", 1, 2))
    numbers = _grouped(rows, min(groups, max(1, len(known) // 4)), seed)
    return WordMap(tuple(known), points, numbers, method, tuple(word for word in asked if word not in vectors))


def _placed(rows: Floats, seed: int) -> tuple[npt.NDArray[np.float64], str]:
    """Coordinates from 0 to 1, on one scale for both directions, and how they were found."""
    if len(rows) < FEWEST:
        places, method = _principal(rows), "PCA"
    else:
        from sklearn.manifold import TSNE

        start = _principal(rows)
        start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
        tsne = TSNE(perplexity=min(PERPLEXITY, (len(rows) - 1) / 3), init=start.astype(np.float32), learning_rate="auto", random_state=seed)
        places, method = tsne.fit_transform(rows).astype(np.float64), "t-SNE"
    places -= places.min(axis=0)
    return places / (places.max() or 1.0), method


def _principal(rows: Floats) -> npt.NDArray[np.float64]:
    """The two main directions; signs are fixed, so that the map never comes out mirrored."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(rows), 2))
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    width = min(2, len(s))
    places[:, :width] = u[:, :width] * s[:width] * signs[:width]
    return places


def _grouped(rows: Floats, groups: int, seed: int) -> Ints:
    """Numbers of groups, the largest first."""
    from sklearn.cluster import KMeans

    groups = min(groups, len(np.unique(rows, axis=0)))
    labels = KMeans(groups, n_init=5, random_state=seed).fit_predict(rows)
    order = np.argsort(-np.bincount(labels, minlength=groups), kind="stable")
    return np.asarray(np.argsort(order)[labels], dtype=np.int64)
