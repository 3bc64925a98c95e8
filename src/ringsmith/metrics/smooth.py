"""Rows that were not seen but might have been: the right and the wrong version of each row.

A bootstrap of rows that are all right knows no error: its interval is [1, 1], and of 100 rows that is no 95 % interval but a 60 % one
(measured, see LOG.md). Agresti and Coull (1998) mend a share by adding right and wrong rows; Bonett and Price (2012) a paired
difference by adding one row to each side. We do the same to any metric of labels: one right row and one wrong row are added in all,
spread evenly over the versions of the rows at hand, so errors come where this model's second choices lie.
"""

from __future__ import annotations

import numpy as np

from ringsmith.metrics.inputs import Floats, Ints, Scored

MASS = 2
"""How many rows the versions weigh together."""


def right_version(scored: Scored) -> Floats:
    """Probabilities (n, K) with which each row is right: its class takes the highest one in exchange for its own.

    A row of an unknown class stays as it is; in multi-label tasks wrong labels are mirrored about 0.5.

    Examples:
        >>> right_version(Scored(np.array([1]), np.array([[0.6, 0.3, 0.1]]))).tolist()
        [[0.3, 0.6, 0.1]]
    """
    if scored.kind == "multilabel":
        return np.where(scored.predicted == scored.y, scored.p, 1 - scored.p)
    target = np.where(scored.y < 0, scored.predicted, scored.y)
    return _exchange(scored.p, target, scored.predicted)


def wrong_version(scored: Scored) -> Floats:
    """Probabilities (n, K) with which each row is wrong: its class and the second choice change places.

    A row that is wrong stays as it is; in multi-label tasks the label nearest to 0.5 of a right row is mirrored.

    Examples:
        >>> wrong_version(Scored(np.array([0]), np.array([[0.6, 0.3, 0.1]]))).tolist()
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
    return _exchange(scored.p, first, np.where(first == scored.y, second, first))


def _exchange(p: Floats, one: Ints, other: Ints) -> Floats:
    """`p` with two columns of each row exchanged; equal values are moved apart so that the exchange decides."""
    row, out = np.arange(len(p)), p.copy()
    out[row, one], out[row, other] = p[row, other], p[row, one]
    level = (p[row, one] == p[row, other]) & (one != other)
    out[row[level], other[level]] -= 1e-9
    return out


def with_versions(scored: Scored) -> Scored:
    """The n rows, then their n right and n wrong versions."""
    return Scored(np.concatenate([scored.y] * 3), np.concatenate([scored.p, right_version(scored), wrong_version(scored)]))


def with_paired_versions(first: Scored, second: Scored) -> tuple[Scored, Scored]:
    """The rows of two candidates, then versions where only the first is right, then where only the second is."""
    y = np.concatenate([first.y] * 3)
    p_first = np.concatenate([first.p, right_version(first), wrong_version(first)])
    return Scored(y, p_first), Scored(y, np.concatenate([second.p, wrong_version(second), right_version(second)]))
