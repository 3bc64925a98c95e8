"""Bootstrap resamples as weights: rows that count alike are merged into cells, so a resample is a vector of counts.

Accuracy on a million rows has four cells, not a million: drawing them from a multinomial gives the same distribution as drawing
rows, thousands of times faster. A metric says which rows count alike (`Prepared.codes`) and what weighted cells amount to
(`Prepared.pick`). Where rows come in groups, groups are drawn, not rows (cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ringsmith.errors import InputError
from ringsmith.metrics.inputs import Array, Floats, Ints
from ringsmith.metrics.smooth import MASS

Statistic = Callable[[Floats], Floats]
"""Weights (B, U) of U cells in B resamples -> the metric's B values; NaN where it is undefined."""
CHUNK = 2_000_000
"""Weights held at once: 16 MB."""
COST = 50_000_000
"""Weights drawn at most where rows cannot be merged; beyond it there are fewer resamples ..."""
FEWEST = 200
"""... but never fewer than this."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """One metric on one set of rows.

    Attributes:
        codes: int64 (n,); rows with the same code are interchangeable for this metric.
        pick: rows standing for U cells -> the statistic over weights of these cells.
        closed: how many answers each row has -> the 95 % interval of independent rows in closed form; None where there is none.
        cost: how many times dearer than one addition a weight is (the classes of a rank metric).
    """

    codes: Ints
    pick: Callable[[Ints], Statistic]
    closed: Callable[[float], tuple[float, float]] | None = None
    cost: int = 1


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows merged where they count alike.

    Attributes:
        rows: (U,) one row standing for each cell.
        counts: (U,) how many rows each cell holds; the versions of rows (see `smooth`) weigh as much as `MASS` rows or groups together.
        held: (U,) the same with versions counted as rows.
        of_row: the cell of each row, versions included.
        unit: (U,) number of the group that each cell lies in, or None where rows are drawn one by one.
        units: how many rows or groups are drawn.
    """

    rows: Ints
    counts: Floats
    held: Floats
    of_row: Ints
    unit: Ints | None
    units: int


def merge(codes: Sequence[Ints], groups: Sequence[str] | Array | None = None, *, versions: int = 0) -> Cells:
    """The cells of rows that are alike in every code (and in their group); the last `versions` rows are no rows but versions of them, in groups of higher numbers.

    Examples:
        >>> merge([np.array([7, 7, 9])]).counts.tolist()
        [2.0, 1.0]
    """
    keys = [np.unique(code, return_inverse=True)[1] for code in codes]
    if groups is not None:
        if len(groups) != len(codes[0]):
            raise InputError(f"Groups must be as many as rows ({len(codes[0])}); got {len(groups)}.")
        keys.append(np.unique(np.asarray(groups), return_inverse=True)[1])
    joint = keys[0]
    for key in keys[1:]:
        joint = np.unique(joint * (key.max() + 1) + key, return_inverse=True)[1]
    _, rows, of_row = np.unique(joint, return_index=True, return_inverse=True)
    real = len(joint) - versions
    units = real if groups is None else int(keys[-1][:real].max()) + 1
    weights = np.repeat([1.0, MASS * real / units / max(versions, 1)], [real, versions])
    counts: Floats = np.bincount(of_row, weights=weights).astype(np.float64)
    held: Floats = np.bincount(of_row).astype(np.float64)
    return Cells(rows, counts, held, of_row, None if groups is None else keys[-1][rows], units)


def affordable(cells: Cells, resamples: int, cost: int = 1) -> int:
    """How many resamples are drawn: `resamples`, or fewer where rows cannot be merged and there are very many."""
    return min(resamples, max(FEWEST, COST // (len(cells.rows) * cost)))


def draws(cells: Cells, *, seed: int, resamples: int) -> Iterator[Floats]:
    """Weights (b, U) of the cells, chunk by chunk, until `resamples` are drawn; the same for the same seed."""
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // max(len(cells.rows), 1))
    for start in range(0, resamples, step):
        yield _draw(rng, cells, min(step, resamples - start))


def _draw(rng: np.random.Generator, cells: Cells, size: int) -> Floats:
    if cells.unit is not None:
        return _count(rng, np.arange(cells.unit.max() + 1), cells.units, size)[:, cells.unit] * cells.held
    if 4 * len(cells.rows) < cells.units:
        return rng.multinomial(cells.units, cells.counts / cells.counts.sum(), size=size).astype(np.float64)
    return _count(rng, cells.of_row, cells.units, size)


def _count(rng: np.random.Generator, cell_of_row: Ints, units: int, size: int) -> Floats:
    """How often each cell is drawn when `units` rows are drawn with replacement, `size` times; versions share a weight of `MASS`."""
    versions, cells = len(cell_of_row) - units, int(cell_of_row.max()) + 1
    drawn = rng.integers(0, units + (MASS if versions else 0), size=(size, units), dtype=np.int32)
    if versions:
        beyond = drawn >= units
        drawn[beyond] = units + rng.integers(0, versions, size=int(beyond.sum()), dtype=np.int32)
    places = cell_of_row[drawn] + (np.arange(size) * cells)[:, None]
    return np.bincount(places.ravel(), minlength=size * cells).reshape(size, cells).astype(np.float64)
