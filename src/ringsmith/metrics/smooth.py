"""Rows that were not seen but might have been: the right and the wrong version of each row.

A bootstrap of rows that are all right knows no error: its interval is [1, 1], and of 100 rows that is no 95 % interval but a 60 % one
(measured). Agresti and Coull (1998) mend a share by adding right and wrong rows; Bonett and Price (2012) a paired
difference by adding one row to each side. We do the same to any metric of labels or of an order: one right row and one wrong row are added in all,
spread evenly over the versions of the rows at hand, so errors come where this model's second choices lie. A row that was answered several times
(by several seeds) has versions in which all its answers are right, or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ringsmith.metrics.inputs import Array, Floats, Ints, Scored

MASS = 2
"""How many rows the versions weigh together."""
SPREAD = 500
"""Versions are made of this many rows at most: enough to spread two."""


def right_version(scored: Scored) -> Floats:
    """Probabilities (n, K) with which each row is right: its class takes the highest one in exchange for its own.

    A row of an unknown class stays as it is; in multi-label tasks wrong labels become certain and right.

    Examples:
        >>> right_version(Scored(np.array([1]), np.array([[0.6, 0.3, 0.1]]))).round(3).tolist()
        [[0.3, 0.6, 0.1]]
    """
    if scored.kind == "multilabel":
        return np.where(scored.predicted == scored.y, scored.p, scored.y.astype(np.float64))
    target = np.where(scored.y < 0, scored.predicted, scored.y)
    return _exchange(scored.p, target, scored.predicted)


def wrong_version(scored: Scored) -> Floats:
    """Probabilities (n, K) with which each row is wrong: its class and the second choice change places.

    A row that is wrong stays as it is; in multi-label tasks the label nearest to 0.5 of a right row becomes wrong.

    Examples:
        >>> wrong_version(Scored(np.array([0]), np.array([[0.6, 0.3, 0.1]]))).round(3).tolist()
        [[0.3, 0.6, 0.1]]
    """
    if scored.kind == "multilabel":
        nearest = np.abs(scored.p - 0.5).argmin(axis=1)
        right = (scored.predicted == scored.y).all(axis=1)
        flip = right[:, None] & (nearest[:, None] == np.arange(scored.classes))
        return np.where(flip, np.where(scored.y, 0.0, 1.0), scored.p)
    first = scored.predicted
    others = scored.p.copy()
    others[np.arange(scored.rows), first] = -np.inf
    second = others.argmax(axis=1) if scored.classes > 1 else first
    return _exchange(scored.p, np.where(first == scored.y, second, first), first)


def _exchange(p: Floats, winner: Ints, loser: Ints) -> Floats:
    """`p` with two columns of each row exchanged; the winner's is raised by a hair, so that it wins against equal ones, too."""
    row, out = np.arange(len(p)), p.copy()
    out[row, loser] = p[row, winner]
    out[row, winner] = p[row, loser] + 1e-9
    return out


def versions(rows: int) -> Ints:
    """The rows that versions are made of: all, or `SPREAD` of them evenly spread."""
    return np.unique(np.linspace(0, rows - 1, min(rows, SPREAD)).round().astype(np.int64))


def single_rows(groups: Sequence[str] | Array, y: Array) -> Ints | None:
    """Which of the groups 0, 1 ... each row is of, where each group is but one row that was answered once or several times; None where groups are more than that.

    Args:
        groups: (n,) the group of each row.
        y: its target (n,) or targets (n, K).

    Examples:
        >>> y = np.array([1, 0, 1, 0])
        >>> single_rows(["a", "b", "a", "b"], y), single_rows(["a", "a", "b", "b"], y), single_rows(["a", "b", "a", "c"], y)
        (array([0, 1, 0, 1]), None, None)
    """
    _, first, unit, sizes = np.unique(np.asarray(groups), return_index=True, return_inverse=True, return_counts=True)
    alike = (sizes == sizes[0]).all() and np.array_equal(y, y[first][unit])
    return unit.astype(np.int64) if alike else None


def add_versions(contestants: Sequence[Scored], unit: Ints | None = None) -> tuple[list[Scored], Ints | None, int]:
    """The rows of one or two contestants with versions of some added; the unit of each row then; and how many rows were added.

    First come those where only the first contestant is right. One alone has right versions, then wrong ones.

    Args:
        contestants: one or two, on the same rows.
        unit: (n,) number of the row that each is an answer to, see `single_rows`; None where every row was answered once.
    """
    if unit is None:
        chosen, extended = versions(contestants[0].rows), None
    else:
        units = int(unit.max()) + 1
        chosen = np.flatnonzero(np.isin(unit, versions(units)))
        extended = np.concatenate([unit, units + unit[chosen], 2 * units + unit[chosen]])
    kinds = [(right_version, wrong_version), (wrong_version, right_version)]
    return [_extended(scored, scored.take(chosen), kind) for scored, kind in zip(contestants, kinds, strict=False)], extended, 2 * len(chosen)


def _extended(scored: Scored, part: Scored, kinds: Sequence[Callable[[Scored], Floats]]) -> Scored:
    return Scored(np.concatenate([scored.y, part.y, part.y]), np.concatenate([scored.p, *(kind(part) for kind in kinds)]))
