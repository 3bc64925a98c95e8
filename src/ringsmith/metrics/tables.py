"""Where a model goes wrong: confusion, and the errors it was surest of."""

from __future__ import annotations

import numpy as np

from ringsmith.errors import OptionError
from ringsmith.metrics.inputs import Array, Ints, checked


def confusion(y: Array, p: Array) -> Ints:
    """How often each class (row) was predicted as each class (column): int64 (K + 1, K).

    The last row holds the rows of unknown classes (-1); it is 0 where there are none.

    Raises:
        OptionError: the targets are multi-label; use `confusion_by_label`.

    Examples:
        >>> confusion(np.array([0, 0, 1, -1]), np.eye(2)[[0, 1, 1, 1]]).tolist()
        [[1, 1], [0, 1], [0, 1]]
    """
    scored = checked(y, p)
    if scored.kind == "multilabel":
        raise OptionError("A confusion matrix needs one label for each row; these are multi-label. Use confusion_by_label.")
    k = scored.classes
    rows = np.where(scored.y < 0, k, scored.y)
    return np.bincount(rows * k + scored.predicted, minlength=(k + 1) * k).reshape(k + 1, k)


def confusion_by_label(y: Array, p: Array) -> Ints:
    """For each label the 2 x 2 table [[neither, claimed only], [actual only, both]]: int64 (K, 2, 2).

    Examples:
        >>> confusion_by_label(np.array([[True], [False]]), np.array([[0.9], [0.8]])).tolist()
        [[[0, 1], [0, 1]]]
    """
    scored = checked(y, p)
    code = 2 * scored.actual + scored.claimed
    return np.stack([(code == i).sum(axis=0) for i in range(4)], axis=1).reshape(-1, 2, 2)


def most_confident_errors(y: Array, p: Array, *, limit: int = 20) -> Ints:
    """Positions of the wrong rows that the model was surest of, surest first: at most `limit`.

    In multi-label tasks a row's confidence is that of its worst label: how far the probability is on the wrong side.

    Examples:
        >>> most_confident_errors(np.array([0, 0, 1]), np.array([[0.4, 0.6], [0.9, 0.1], [0.8, 0.2]])).tolist()
        [2, 0]
    """
    scored = checked(y, p)
    if scored.kind == "multilabel":
        wrong = scored.predicted != scored.y
        confidence = np.where(wrong, np.abs(scored.p - scored.y), -np.inf).max(axis=1)
    else:
        confidence = np.where(scored.predicted == scored.y, -np.inf, scored.p.max(axis=1))
    order: Ints = np.argsort(-confidence, kind="stable")
    errors: Ints = order[np.isfinite(confidence[order])]
    return errors[:limit]
