"""Whole groups -> parts of given shares, each class as even as groups allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith.errors import ColumnError


def number_groups(groups: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each row's group, int64 (n,), from 0 in the order of names; a row without one (``""``) is a group of its own, after those.

    Examples:
        >>> number_groups(["b", "", "a", "b", ""]).tolist()
        [1, 2, 0, 1, 3]
    """
    names = pl.Series(list(groups), dtype=pl.String)
    known = names.filter(names != "").unique().sort()
    numbers = names.replace("", None).cast(pl.Enum(known)).to_physical().cast(pl.Int64)
    alone = numbers.is_null()
    return numbers.fill_null(len(known) - 1 + alone.cum_sum().cast(pl.Int64)).to_numpy()


def assign_groups(groups: Sequence[str], classes: npt.NDArray[np.int64], shares: Sequence[float], seed: int) -> npt.NDArray[np.int64]:
    """The part of each row, int64 (n,); rows of one group share a part, a row without one (``""``) stands alone.

    Greedy, large groups first: each goes where it leaves the class counts nearest to their targets.

    Args:
        groups: n group names.
        classes: n class numbers, from 0.
        shares: share of the rows each part should get; they sum to 1.
        seed: decides between groups of equal size.

    Raises:
        ColumnError: fewer groups than parts.
    """
    group = number_groups(groups)
    total = int(group.max(initial=-1)) + 1
    if total < len(shares):
        raise ColumnError(f"--group needs at least {len(shares)} groups, one for each part of the split; got {total}. Leave --group out, or name another column.")
    target = np.outer(shares, np.bincount(classes).astype(np.float64))
    filled = np.zeros_like(target)
    part = np.full(total, -1, dtype=np.int64)
    for position, (number, present, counts) in enumerate(_by_size(group, classes, total, seed)):
        # The last groups go to parts that are still empty, so that no part stays without rows.
        empty = np.flatnonzero(filled.sum(axis=1) == 0)
        open_parts = empty if len(empty) >= total - position else np.arange(len(shares))
        gap = (filled[open_parts][:, present] - target[open_parts][:, present]) / np.maximum(target[open_parts][:, present], 1)
        more = counts / np.maximum(target[open_parts][:, present], 1)
        best = open_parts[((2 * gap + more) * more).sum(axis=1).argmin()]
        filled[best, present] += counts
        part[number] = best
    out: npt.NDArray[np.int64] = part[group]
    return out


def _by_size(group: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], total: int, seed: int) -> list[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """(group, its classes, its rows in each), large groups first, equal ones in random order."""
    width = int(classes.max(initial=0)) + 1
    cells, counts = np.unique(group * width + classes, return_counts=True)
    bounds = np.searchsorted(cells // width, np.arange(total + 1))
    sizes = np.bincount(group, minlength=total)
    order = np.lexsort((np.random.default_rng(seed).permutation(total), -sizes))
    return [(int(i), cells[bounds[i] : bounds[i + 1]] % width, counts[bounds[i] : bounds[i + 1]]) for i in order]
