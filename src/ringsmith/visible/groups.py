"""How the uses of one word lie to each other: how alike they are, which groups they form, and a map of them. Vectors in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_GROUPS = 6
PLAIN = 0.1
"""Silhouette from which groups are named at all: rows without any structure stay below it. It does not tell words of one sense from words of several;
no silhouette does: on SemCor the best ones of both kinds have the same median (benchmarks/senses.py, `groups`). Groups are groups of use."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of uses.

    Attributes:
        numbers: (n,) group of each use, 0 for the largest.
        count: how many.
        silhouette: how well they are told apart (Rousseeuw, 1987); None with one group.
        central: for each group the use nearest to its mean.
    """

    numbers: Ints
    count: int
    silhouette: float | None
    central: tuple[int, ...]


def unit(vectors: npt.NDArray[np.floating]) -> Floats:
    """Rows of length one (rows of zeros stay)."""
    rows = vectors.astype(np.float64)
    unit_rows: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit_rows


def self_similarity(vectors: npt.NDArray[np.floating]) -> float:
    """Mean cosine of two different rows (Ethayarajh, 2019, definition 1).

    Examples:
        >>> self_similarity(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]]))
        0.3333333333333333
    """
    rows = unit(vectors)
    count = len(rows)
    if count < 2:
        return 1.0
    return float((np.square(rows.sum(axis=0)).sum() - np.square(rows).sum()) / (count * (count - 1)))


def context_share(vectors: npt.NDArray[np.floating]) -> float:
    """Share of the rows' squared length that is not in their common mean: 0 where all are the same, as a static vector is.

    Examples:
        >>> context_share(np.array([[1.0, 1.0], [1.0, -1.0]]))
        0.5
    """
    rows = vectors.astype(np.float64)
    return float(1 - np.square(rows.mean(axis=0)).sum() / max(float(np.square(rows).sum(axis=1).mean()), 1e-30))


def between_share(vectors: npt.NDArray[np.floating], numbers: Ints) -> float:
    """Share of the rows' spread around their mean that lies between groups; 0 with one group."""
    rows = vectors.astype(np.float64)
    total = float(np.square(rows - rows.mean(axis=0)).sum())
    within = sum(float(np.square(rows[numbers == group] - rows[numbers == group].mean(axis=0)).sum()) for group in np.unique(numbers))
    return float(max(0.0, 1 - within / total)) if total > 1e-12 else 0.0


def group(vectors: npt.NDArray[np.floating], *, seed: int = 0, plain: float = PLAIN) -> Grouping:
    """Groups by k-means on unit vectors, as many as have the best silhouette; one where even that is not `plain`."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    rows = unit(vectors)
    best = (plain, np.zeros(len(rows), dtype=np.int64), None)
    different = len(np.unique(rows.round(6), axis=0))
    for count in range(2, min(MOST_GROUPS, different, len(rows) - 1) + 1):
        numbers = KMeans(count, n_init=10, random_state=seed).fit_predict(rows)
        score = float(silhouette_score(rows, numbers, metric="cosine"))
        if score > best[0]:
            best = (score, numbers.astype(np.int64), score)  # type: ignore[assignment]
    numbers = _largest_first(best[1])
    return Grouping(numbers, int(numbers.max()) + 1, best[2], _central(rows, numbers))


def places(vectors: npt.NDArray[np.floating]) -> tuple[Floats, float]:
    """The two main directions (PCA) as coordinates from 0 to 1, one scale for both, and the share of the spread that they show."""
    rows = unit(vectors)
    centred = rows - rows.mean(axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    points = np.zeros((len(rows), 2))
    width = min(2, len(s))
    points[:, :width] = u[:, :width] * s[:width] * signs[:width]
    low, high = points.min(axis=0), points.max(axis=0)
    span = max(float((high - low).max()), 1e-12)
    total = float(np.square(s).sum())
    return 0.5 + (points - (low + high) / 2) / span, float(np.square(s[:2]).sum() / total) if total > 1e-12 else 1.0


def _largest_first(numbers: Ints) -> Ints:
    order = np.argsort(-np.bincount(numbers), kind="stable")
    return np.asarray(np.argsort(order)[numbers], dtype=np.int64)


def _central(rows: Floats, numbers: Ints) -> tuple[int, ...]:
    found = []
    for number in range(int(numbers.max()) + 1):
        members = np.flatnonzero(numbers == number)
        found.append(int(members[np.argmax(rows[members] @ rows[members].mean(axis=0))]))
    return tuple(found)
