"""Where a model goes wrong: confusion, class by class, and the errors it was surest of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from ringsmith.errors import InputError, OptionError
from ringsmith.metrics.inputs import Array, Ints, checked
from ringsmith.metrics.shares import wilson, wilson_f1

UNSEEN = "(not in training)"
"""Name of the row of `per_class` that holds what training never saw."""


class ClassRow(TypedDict):
    """One class: how often it is there, how often it is claimed, and how good the claims are; ends of 95 % intervals beside.

    ``precision`` is None where the class is never predicted, ``recall`` where it never occurs; their intervals are then None, too.
    """

    label: str
    support: int
    predicted: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float
    f1_low: float
    f1_high: float


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


def per_class(y: Array, p: Array, labels: Sequence[str]) -> list[ClassRow]:
    """Precision, recall and F1 of each class, with 95 % intervals (Wilson's, of independent rows), in the order of `labels`.

    Args:
        y: targets (n,) or (n, K).
        p: probabilities (n, K).
        labels: the K class names.

    Returns:
        K rows, and one more, ``"(not in training)"``, where some targets are -1.

    Examples:
        >>> [row["f1"] for row in per_class(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]], ["ham", "spam"])]
        [0.6666666666666666, 0.6666666666666666]
    """
    tables = confusion_by_label(y, p)
    if len(labels) != len(tables):
        raise InputError(f"As many class names as columns of probabilities are needed ({len(tables)}); got {len(labels)}.")
    rows = [_row(label, table) for label, table in zip(labels, tables, strict=True)]
    unseen = int((np.asarray(y) < 0).sum()) if np.ndim(y) == 1 else 0
    return rows + ([_row(UNSEEN, np.array([[0, 0], [unseen, 0]]))] if unseen else [])


def _row(label: str, table: Ints) -> ClassRow:
    support, predicted, hits = int(table[1].sum()), int(table[:, 1].sum()), int(table[1, 1])
    precision, recall = _share(hits, predicted), _share(hits, support)
    f1 = wilson_f1(hits, support + predicted - hits)
    return {
        "label": label,
        "support": support,
        "predicted": predicted,
        "precision": precision[0],
        "precision_low": precision[1],
        "precision_high": precision[2],
        "recall": recall[0],
        "recall_low": recall[1],
        "recall_high": recall[2],
        "f1": 2 * hits / max(support + predicted, 1),
        "f1_low": f1[0],
        "f1_high": f1[1],
    }


def _share(part: int, whole: int) -> tuple[float | None, float | None, float | None]:
    return (part / whole, *wilson(part, whole)) if whole else (None, None, None)


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
