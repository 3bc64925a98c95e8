"""Where one candidate errs on the test rows: confusion, class by class, the errors it was surest of, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith import metrics
from ringsmith.report.files import Predictions, Study, read_predictions, row_labels, rows_at
from ringsmith.report.summary import Bin, ClassScore, Diagnosis, Mistake, Pair
from ringsmith.report.wording import in_order, joined

MATRIX_UP_TO = 20
"""More classes than this make a matrix nobody can read; the commonest confusions remain."""
MISTAKES = 20
PAIRS = 20
THRESHOLD = 0.5
NO_LABEL = "(none)"
Array = npt.NDArray[Any]


def diagnose(study: Study, candidate: str) -> Diagnosis | None:
    """Everything about a candidate's errors; None where its predictions were not kept.

    Args:
        study: the comparison.
        candidate: name of the candidate.
    """
    predictions = read_predictions(study, candidate)
    if predictions is None:
        return None
    labels: list[str] = study.study["task"]["labels"]
    every = row_labels(study)
    truth = [every[line] for line in predictions.position]
    many = study.study["task"]["kind"] == "multilabel"
    y = _several(truth, labels) if many else _one(truth, labels)
    p = predictions.proba
    wrong = ((p >= THRESHOLD) != y).any(axis=1) if many else p.argmax(axis=1) != y
    order = in_order(labels)
    classes = _classes(y, p, labels)
    calibration, once = metrics.calibration(y, p), len(np.unique(predictions.position)) / max(1, len(y))  # several seeds judge the same rows
    return Diagnosis(
        labels=[labels[place] for place in order],
        confusion=[] if many or len(labels) > MATRIX_UP_TO else metrics.confusion(y, p)[np.ix_(order, order)].tolist(),
        pairs=_label_pairs(y, p, labels) if many else _pairs(y, p.argmax(axis=1), labels),
        classes=[classes[place] for place in order],
        mistakes=_mistakes(study, predictions, y, labels),
        rows=len(y),
        wrong=int(wrong.sum()),
        unknown=0 if many else int((y < 0).sum()),
        bins=[Bin(b.low, b.high, b.count, b.confidence, b.accuracy, *metrics.wilson(b.accuracy * b.count * once, b.count * once)) for b in calibration.bins],
        ece=calibration.ece,
        ece_by_chance=calibration.by_chance / sqrt(once),
    )


def _one(truth: Sequence[str], labels: Sequence[str]) -> Array:
    """Column of each row's label (n,), -1 for one that training never saw."""
    column = {label: number for number, label in enumerate(labels)}
    return np.array([column.get(str(label), -1) for label in truth], dtype=np.int64)


def _several(truth: Sequence[Sequence[str]], labels: Sequence[str]) -> Array:
    """Whether each row carries each label: bool (n, K)."""
    column = {label: number for number, label in enumerate(labels)}
    y = np.zeros((len(truth), len(labels)), dtype=np.bool_)
    for row, names in enumerate(truth):
        y[row, [column[name] for name in names if name in column]] = True
    return y


def _pairs(y: Array, predicted: Array, labels: Sequence[str]) -> list[Pair]:
    """The commonest confusions, most rows first; rows of unknown labels are told elsewhere."""
    wrong = (y >= 0) & (y != predicted)
    totals = np.bincount(y[y >= 0], minlength=len(labels))
    cells, rows = np.unique(y[wrong] * len(labels) + predicted[wrong], return_counts=True)
    found = [(*divmod(int(cells[place]), len(labels)), int(rows[place])) for place in np.argsort(-rows, kind="stable")[:PAIRS]]
    return [Pair(labels[i], labels[j], count, float(count / totals[i])) for i, j, count in found]


def _label_pairs(y: Array, p: Array, labels: Sequence[str]) -> list[Pair]:
    """The labels that are missed or added most often, most rows first."""
    tables = metrics.confusion_by_label(y, p)
    missed = [Pair(label, "missed", int(t[1, 0]), float(t[1, 0] / max(1, t[1].sum()))) for label, t in zip(labels, tables, strict=True)]
    added = [Pair(label, "added", int(t[0, 1]), float(t[0, 1] / max(1, t[0].sum()))) for label, t in zip(labels, tables, strict=True)]
    return sorted((pair for pair in missed + added if pair.rows), key=lambda pair: -pair.rows)[:PAIRS]


def _classes(y: Array, p: Array, labels: Sequence[str]) -> list[ClassScore]:
    return [_class_score(label, table) for label, table in zip(labels, metrics.confusion_by_label(y, p), strict=True)]


def _class_score(label: str, table: Array) -> ClassScore:
    """One class from its 2 x 2 table."""
    rows, predicted, hits = int(table[1].sum()), int(table[:, 1].sum()), int(table[1, 1])
    low, high = metrics.wilson(hits, rows) if rows else (None, None)
    f1 = 2 * hits / (rows + predicted) if rows + predicted else 0.0
    return ClassScore(label, rows, predicted, hits / predicted if predicted else None, hits / rows if rows else None, low, high, f1)


def _mistakes(study: Study, predictions: Predictions, y: Array, labels: Sequence[str]) -> list[Mistake]:
    """The wrong rows the candidate was surest of, each row of the source once."""
    order = metrics.most_confident_errors(y, predictions.proba, limit=4 * MISTAKES)
    texts = rows_at(study, (int(predictions.position[row]) for row in order))
    found: dict[int, Mistake] = {}
    for row in order:
        source = texts[int(predictions.position[row])]
        found.setdefault(source["row"], _mistake(source, y[row], predictions.proba[row], labels))
    return list(found.values())[:MISTAKES]


def _mistake(source: dict[str, Any], y: Array, p: Array, labels: Sequence[str]) -> Mistake:
    if np.ndim(y) == 0:
        best = int(np.argmax(p))
        return Mistake(source["row"], source["text"], source.get("pair"), str(source["label"]), labels[best], float(p[best]), source["split"])
    predicted = [labels[int(column)] for column in np.flatnonzero(p >= THRESHOLD)]
    surest = float(np.abs(p - y)[(p >= THRESHOLD) != y].max())
    truth = joined(sorted(source["label"])) or NO_LABEL
    return Mistake(source["row"], source["text"], source.get("pair"), truth, joined(predicted) or NO_LABEL, surest, source["split"])
