"""Metrics of predicted labels: formulas over tallies (hits, claims and rows of each class), many resamples at once.

Every formula takes `Tallies` of B resamples and gives B values, NaN where it is 0/0. A row of an unknown class (-1) counts as one of
a further class that is never predicted: a miss in every metric, as scikit-learn counts a target of -1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ringsmith.errors import OptionError
from ringsmith.metrics.inputs import Bools, Floats, Ints, Scored
from ringsmith.metrics.resample import Prepared, Statistic
from ringsmith.metrics.shares import mean_of_shares, wilson, wilson_f1


@dataclass(frozen=True, eq=False)
class Tallies:
    """Counts of B resamples over K classes.

    Attributes:
        hits: (B, K) rows of a class that were predicted as it (true positives).
        claimed: (B, K) rows predicted as it.
        actual: (B, K) rows that are of it.
        exact: (B,) rows that are right in every class.
        rows: (B,) all rows.
        unknown: (B,) rows of a class that training never saw; 0 in multi-label tasks.
    """

    hits: Floats
    claimed: Floats
    actual: Floats
    exact: Floats
    rows: Floats
    unknown: Floats


SPARSE = 60
"""Columns of tallies (three for each class) from which on a sparse matrix is faster."""
Formula = Callable[[Tallies], Floats]
Product = Callable[[Floats], Floats]
"""Weights (B, n) of some rows -> their sums by column (B, columns)."""


def prepare(formula: Formula, scored: Scored) -> Prepared:
    """A count metric on these rows: rows with the same target and the same prediction are one cell."""
    if scored.kind == "multilabel":
        packed = np.packbits(np.concatenate([scored.y, scored.predicted], axis=1), axis=1)
        codes = np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1)
        return Prepared(codes, lambda rows: _statistic(formula, _product(_of_labels(scored.y[rows], scored.predicted[rows])), scored.classes))
    y, predicted = scored.y, scored.predicted
    columns = _of_classes if 3 * scored.classes < SPARSE else _of_many_classes
    return Prepared((y + 1) * scored.classes + predicted, lambda rows: _statistic(formula, columns(y[rows], predicted[rows], scored.classes), scored.classes))


def prepare_accuracy(scored: Scored) -> Prepared:
    """Accuracy: a share of the rows, so its interval is Wilson's; what several answers to a row add to it, the jackknife of the rows tells."""
    right = float((scored.predicted == scored.y).reshape(scored.rows, -1).all(axis=1).sum())
    return replace(prepare(accuracy, scored), closed=lambda _: wilson(right, scored.rows))


def prepare_mean_recall(formula: Formula, scored: Scored) -> Prepared:
    """A mean of the classes' recalls: each is a share of the rows of its class, however few these are, so its interval is that of a mean of shares."""
    return replace(prepare(formula, scored), closed=lambda answers: _mean_recall_bounds(formula, scored, answers))


def _mean_recall_bounds(formula: Formula, scored: Scored, answers: float) -> tuple[float, float]:
    """The interval of `formula`, a mean of recalls in which classes that cannot be found count as 0; several answers to a row are taken for one."""
    hits, actual, most = (
        prepare(tally, scored).pick(np.arange(scored.rows))(np.ones((1, scored.rows)))[0]
        for tally in (lambda t: t.hits, lambda t: t.actual, lambda t: formula(replace(t, hits=t.actual)))
    )
    there = actual > 0
    if not there.any():
        return 0.0, 1.0
    correlation = _together(scored.y[:, there], scored.predicted[:, there]) if scored.kind == "multilabel" else None
    low, high = mean_of_shares(hits[there] / answers, actual[there] / answers, correlation)
    return low * float(most), high * float(most)


def _together(actual: Bools, claimed: Bools) -> Floats:
    """How the recalls of labels that rows have together are correlated (K, K); where a recall is 0 or 1 nothing is known, and it counts as 0."""
    off = np.where(actual, claimed - (actual & claimed).sum(axis=0) / actual.sum(axis=0), 0.0)
    covariance: Floats = off.T @ off
    spread = np.sqrt(np.diag(covariance))
    correlation = divide(covariance, np.outer(spread, spread))
    return np.where(np.eye(len(spread), dtype=bool), 1.0, np.nan_to_num(correlation))


def _statistic(formula: Formula, product: Product, classes: int) -> Statistic:
    """The metric of weights (B, n), from their product with the columns of the tallies: hits, claims and rows of each class, then the three of all classes."""

    def tally(weights: Floats) -> Tallies:
        sums = product(weights)
        return Tallies(sums[:, :classes], sums[:, classes : 2 * classes], sums[:, 2 * classes : 3 * classes], sums[:, -3], sums[:, -2], sums[:, -1])

    return lambda weights: formula(tally(weights))


def _of_labels(actual: Bools, claimed: Bools, unknown: Bools | None = None) -> Bools:
    """What each row adds to each tally, bool (n, 3 K + 3)."""
    rows = np.ones((len(actual), 1), dtype=bool)
    exact = (actual == claimed).all(axis=1, keepdims=True)
    return np.concatenate([actual & claimed, claimed, actual, exact, rows, ~rows if unknown is None else unknown[:, None]], axis=1)


def _of_classes(y: Ints, predicted: Ints, classes: int) -> Product:
    """The same of rows with one class each."""
    names = np.arange(classes)
    return _product(_of_labels(y[:, None] == names, predicted[:, None] == names, y < 0))


def _of_many_classes(y: Ints, predicted: Ints, classes: int) -> Product:
    """The same without its zeros: of 10,000 classes a dense matrix would take a gigabyte for every 4,000 rows."""
    from scipy.sparse import csr_array

    at, right, known = np.arange(len(y)), y == predicted, y >= 0
    places = (predicted[right], classes + predicted, 2 * classes + y[known], *(np.full(int(of.sum()), 3 * classes + n) for n, of in enumerate((right, at >= 0, ~known))))
    row, column = np.concatenate([at[right], at, at[known], at[right], at, at[~known]]), np.concatenate(places)
    turned = csr_array((np.ones(len(row)), (column, row)), shape=(3 * classes + 3, len(y)))
    return lambda weights: np.asarray((turned @ weights.T).T)


def _product(features: Bools) -> Product:
    """Weights (B, n) -> weights @ features; where there are many classes, hence mostly zeros, through a sparse matrix."""
    if features.shape[1] < SPARSE:
        dense = features.astype(np.float64)
        return lambda weights: weights @ dense
    from scipy.sparse import csr_array

    turned = csr_array(features.T, dtype=np.float64)
    return lambda weights: np.asarray((turned @ weights.T).T)


def divide(above: Floats, below: Floats) -> Floats:
    """Above / below, NaN where below is 0."""
    out: Floats = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    return np.divide(above, below, out=out, where=below > 0)


def _mean_over(values: Floats, present: Bools, more: Bools) -> Floats:
    """Mean of `values` (B, K) over the classes that are `present` and over `more` (B,) classes that score 0."""
    return divide(np.where(present, np.nan_to_num(values), 0.0).sum(axis=1), present.sum(axis=1) + more)


def accuracy(t: Tallies) -> Floats:
    """Share of rows that are right (in multi-label tasks: in every label)."""
    return divide(t.exact, t.rows)


def balanced_accuracy(t: Tallies) -> Floats:
    """Mean recall of the classes that occur."""
    return _mean_over(divide(t.hits, t.actual), t.actual > 0, t.unknown > 0)


def class_f1(t: Tallies) -> Floats:
    """F1 of each class (B, K)."""
    return divide(2 * t.hits, t.claimed + t.actual)


def macro_f1(t: Tallies) -> Floats:
    """Mean F1 of the classes that occur among targets or predictions."""
    return _mean_over(class_f1(t), t.claimed + t.actual > 0, t.unknown > 0)


def macro_precision(t: Tallies) -> Floats:
    """Mean precision of the classes that occur among targets or predictions; 0 for one that is never predicted."""
    return _mean_over(divide(t.hits, t.claimed), t.claimed + t.actual > 0, t.unknown > 0)


def macro_recall(t: Tallies) -> Floats:
    """Mean recall of the classes that occur among targets or predictions; 0 for one that does not occur."""
    return _mean_over(divide(t.hits, t.actual), t.claimed + t.actual > 0, t.unknown > 0)


def micro_f1(t: Tallies) -> Floats:
    """F1 over all decisions together."""
    return divide(2 * t.hits.sum(axis=1), t.claimed.sum(axis=1) + t.actual.sum(axis=1) + t.unknown)


def weighted_f1(t: Tallies) -> Floats:
    """F1 of the classes, weighted by their rows."""
    return divide(np.nansum(class_f1(t) * t.actual, axis=1), t.actual.sum(axis=1) + t.unknown)


def mcc(t: Tallies) -> Floats:
    """Matthews' correlation, in the form of Gorodkin (2004) for K classes."""
    right, rows = t.hits.sum(axis=1), t.rows
    covariance = right * rows - (t.claimed * t.actual).sum(axis=1)
    spread_claimed = rows**2 - (t.claimed**2).sum(axis=1)
    spread_actual = rows**2 - (t.actual**2).sum(axis=1) - t.unknown**2
    return divide(covariance, np.sqrt(spread_claimed * spread_actual))


def hamming_loss(t: Tallies) -> Floats:
    """Share of (row, label) decisions that are wrong."""
    return divide((t.claimed + t.actual - 2 * t.hits).sum(axis=1), t.rows * t.hits.shape[1])


def _class_precision(t: Tallies) -> Floats:
    return divide(t.hits, t.claimed)


def _class_recall(t: Tallies) -> Floats:
    return divide(t.hits, t.actual)


OF_CLASS: dict[str, Formula] = {"f1": class_f1, "precision": _class_precision, "recall": _class_recall}
"""Metric of one class -> the formula that gives it for each class (B, K)."""


def prepare_of_class(name: str, column: int | None, scored: Scored) -> Prepared:
    """F1, precision or recall of one class: the one named, or of two the rarer; shares of the rows it touches, so the interval is Wilson's."""
    chosen = positive(name, column, scored)
    actual, claimed = scored.actual[:, chosen], scored.claimed[:, chosen]
    hits, whole = float((actual & claimed).sum()), {"f1": actual | claimed, "precision": claimed, "recall": actual}[name]
    bounds = wilson_f1 if name == "f1" else wilson
    return replace(prepare(lambda t: OF_CLASS[name](t)[:, chosen], scored), closed=lambda answers: bounds(hits / answers, float(whole.sum()) / answers))


def positive(name: str, column: int | None, scored: Scored) -> int:
    """The column that `name` is about.

    Raises:
        OptionError: no class is named and there are not exactly two.
    """
    if column is not None:
        return column
    if scored.kind == "multilabel" or scored.classes != 2:
        raise OptionError(f"'{name}' is about one class, and there are {scored.classes}; name it ('{name}:CLASS'), or take the mean over all, 'macro_f1'.")
    return rarer(scored.y)


def rarer(y: Ints) -> int:
    """The rarer of two classes; of equally frequent ones the second.

    Examples:
        >>> rarer(np.array([0, 1, 1])), rarer(np.array([0, 1]))
        (0, 1)
    """
    return int((y == 1).sum() <= (y == 0).sum())
