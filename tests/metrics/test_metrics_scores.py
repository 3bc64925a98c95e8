"""Every metric against scikit-learn, against figures worked out by hand, and against what must hold for any of them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_scores import made_up, made_up_labels
from sklearn import metrics as reference

from ringsmith.errors import InputError, LabelError, OptionError, UnknownName
from ringsmith.metrics import METRICS, confusion, parse_metric, score, suited

OF_LABELS: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "mcc": reference.matthews_corrcoef,
    "macro_f1": lambda y, h: reference.f1_score(y, h, average="macro", zero_division=0),
    "micro_f1": lambda y, h: reference.f1_score(y, h, average="micro", zero_division=0),
    "weighted_f1": lambda y, h: reference.f1_score(y, h, average="weighted", zero_division=0),
    "macro_precision": lambda y, h: reference.precision_score(y, h, average="macro", zero_division=0),
    "macro_recall": lambda y, h: reference.recall_score(y, h, average="macro", zero_division=0),
}
OF_MANY: dict[str, Callable[[Any, Any], float]] = {
    "subset_accuracy": reference.accuracy_score,
    "hamming_loss": reference.hamming_loss,
    "macro_f1": OF_LABELS["macro_f1"],
    "micro_f1": OF_LABELS["micro_f1"],
    "weighted_f1": OF_LABELS["weighted_f1"],
}


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize(("rows", "classes", "unknown"), [(9, 5, 0.0), (120, 2, 0.0), (120, 4, 0.0), (120, 2, 0.2), (60, 6, 0.3)])
def test_label_metrics_agree_with_scikit_learn_unknown_targets_included(name: str, rows: int, classes: int, unknown: float) -> None:
    """A target of -1 is for scikit-learn just one more class that is never predicted; classes that do not occur are left out alike."""
    for seed in range(5):
        y, p = made_up(seed, rows=rows, classes=classes, unknown=unknown)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of classes that are predicted and do not occur
            expected = OF_LABELS[name](y, p.argmax(axis=1))
        assert score(name, y, p) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", OF_MANY)
@pytest.mark.parametrize("seed", range(4))
def test_multi_label_metrics_agree_with_scikit_learn(name: str, seed: int) -> None:
    """Labels are predicted from 0.5 on."""
    y, p = made_up_labels(seed)
    assert score(name, y, p) == pytest.approx(OF_MANY[name](y, p >= 0.5), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_probability_metrics_agree_with_scikit_learn(seed: int) -> None:
    """Log loss, Brier, AUROC and average precision, of two classes, of four, and multi-label."""
    y, p = made_up(seed, classes=4)
    p = np.maximum(p, 1e-3)
    p /= p.sum(axis=1, keepdims=True)
    assert score("log_loss", y, p) == pytest.approx(reference.log_loss(y, p))
    assert score("brier", y, p) == pytest.approx(reference.brier_score_loss(y, p, scale_by_half=True))
    assert score("auroc", y, p) == pytest.approx(reference.roc_auc_score(y, p, multi_class="ovr"))
    assert score("average_precision", y, p) == pytest.approx(np.mean([reference.average_precision_score(y == c, p[:, c]) for c in range(4)]))
    y, p = made_up(seed, classes=2)
    assert score("auroc", y, p) == pytest.approx(reference.roc_auc_score(y, p[:, 1]))
    assert score("brier", y, p) == pytest.approx(reference.brier_score_loss(y, p[:, 1]))
    rare = int((y == 1).sum() <= (y == 0).sum())
    assert score("average_precision", y, p) == pytest.approx(reference.average_precision_score(y == rare, p[:, rare]))
    y, p = made_up_labels(seed)
    assert score("average_precision", y, p) == pytest.approx(reference.average_precision_score(y, p, average="macro"))
    assert score("auroc", y, p) == pytest.approx(reference.roc_auc_score(y, p, average="macro"))
    inside = np.clip(p, 0.01, 0.99)
    assert score("log_loss", y, inside) == pytest.approx(np.mean([reference.log_loss(y[:, k], inside[:, k]) for k in range(4)]))


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_a_named_class_agrees_with_scikit_learn(name: str) -> None:
    """``f1:b`` and its kin are the reference's figure with that class as the positive one."""
    truth = {"f1": reference.f1_score, "precision": reference.precision_score, "recall": reference.recall_score}[name]
    y, p = made_up(3, classes=3, unknown=0.1)
    for column, label in enumerate("abc"):
        assert score(parse_metric(f"{name}:{label}", "abc"), y, p) == pytest.approx(truth(y == column, p.argmax(axis=1) == column))


def test_figures_worked_out_by_hand() -> None:
    """Ten messages, four of them spam: 3 found, 1 missed, 2 false alarms."""
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    p = np.array([[0.2, 0.8]] * 3 + [[0.6, 0.4]] + [[0.3, 0.7]] * 2 + [[0.9, 0.1]] * 4)
    assert confusion(y, p).tolist() == [[4, 2], [1, 3], [0, 0]]
    assert score("accuracy", y, p) == pytest.approx(7 / 10)
    assert score("precision", y, p) == pytest.approx(3 / 5)
    assert score("recall", y, p) == pytest.approx(3 / 4)
    assert score("f1", y, p) == pytest.approx(6 / 9)
    assert score("mcc", y, p) == pytest.approx((3 * 4 - 2 * 1) / np.sqrt(5 * 4 * 6 * 5))
    # Spam at 0.8 beats all six others; the one at 0.4 beats four of six.
    assert score("auroc", y, p) == pytest.approx((3 * 6 + 4) / 24)
    # At 0.8 precision is 1 for three quarters of the recall; at 0.4 it is 4/6 for the last.
    assert score("average_precision", y, p) == pytest.approx(0.75 * 1 + 0.25 * 4 / 6)
    # Confidences: 0.6 (1 row, wrong), 0.7 (2 rows, wrong), 0.8 (3, right), 0.9 (4, right).
    assert score("ece", y, p) == pytest.approx((1 * 0.6 + 2 * 0.7 + 3 * 0.2 + 4 * 0.1) / 10)


def test_an_unknown_class_harms_every_metric() -> None:
    """A row of a class that training never saw is a miss: it is never dropped, whatever the metric."""
    y, p = made_up(0, rows=200, classes=3, skill=2.0)
    stray = y.copy()
    stray[np.flatnonzero(p.argmax(axis=1) == y)[:30]] = -1
    for name in suited("classification"):
        if name in ("f1", "precision", "recall"):
            continue
        better, worse = score(name, y, p), score(name, stray, p)
        if name == "ece":
            continue  # calibration may get better by accident
        assert (worse < better) == METRICS[name].greater_is_better, name


@pytest.mark.parametrize("name", suited("classification"))
def test_perfect_predictions_are_perfect(name: str) -> None:
    """1 for what should be great, 0 for losses."""
    y = np.array([0, 1, 0, 1, 1])
    assert score(name, y, np.eye(2)[y]) == (1.0 if METRICS[name].greater_is_better else 0.0)


@pytest.mark.parametrize("name", suited("multilabel"))
def test_perfect_labels_are_perfect(name: str) -> None:
    """The same in multi-label tasks."""
    y = np.array([[True, False], [False, True], [True, True], [False, False]])
    metric = parse_metric(f"{name}:b", "ab") if name in ("f1", "precision", "recall") else METRICS[name]
    assert score(metric, y, y.astype(float)) == (1.0 if metric.greater_is_better else 0.0)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 40), classes=st.integers(2, 5), unknown=st.sampled_from([0.0, 0.3]))
def test_order_of_rows_and_names_of_classes_do_not_matter_and_bounds_hold(seed: int, rows: int, classes: int, unknown: float) -> None:
    """Any metric: shuffled rows and permuted columns give the same figure, and it stays where it belongs."""
    y, p = made_up(seed, rows=rows, classes=classes, unknown=unknown)
    p += 1e-4 * np.random.default_rng(seed).random(p.shape)  # no equal highest scores: there the first column wins
    p /= p.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(seed + 1)
    shuffled, renamed = rng.permutation(rows), rng.permutation(classes)
    new_name = np.append(np.argsort(renamed), -1)
    for name in suited("classification"):
        if name in ("f1", "precision", "recall", "average_precision") and (classes != 2 or name == "average_precision"):
            continue
        if name in ("f1", "precision", "recall") and (y == 0).sum() == (y == 1).sum():
            continue  # of equally frequent classes the second is meant
        try:
            value = score(name, y, p)
        except LabelError:
            assert name == "auroc"
            continue
        assert score(name, y[shuffled], p[shuffled]) == pytest.approx(value, abs=1e-9)
        assert score(name, new_name[y], p[:, renamed]) == pytest.approx(value, abs=1e-9)
        assert (-1 if name == "mcc" else 0) <= value <= (16 if name == "log_loss" else 1) + 1e-9


def test_auroc_agrees_with_counting_all_pairs() -> None:
    """A slow twin from the definition, with many ties."""
    y, p = made_up(5, rows=80, classes=2, skill=0.3)
    inside, outside = p[y == 1, 1], p[y == 0, 1]
    assert score("auroc", y, p) == pytest.approx(np.mean([[1.0 if a > b else 0.5 if a == b else 0.0 for b in outside] for a in inside]))


def test_scores_that_are_all_tied_say_nothing() -> None:
    """AUROC 0.5, average precision the share of the class."""
    y, p = np.array([0, 0, 0, 1]), np.full((4, 2), 0.5)
    assert score("auroc", y, p) == 0.5
    assert score("average_precision", y, p) == 0.25


def test_figures_that_are_nought_by_nought_follow_the_rule() -> None:
    """A class neither there nor predicted has F1 0, a constant prediction MCC 0; AUROC without both sides is refused."""
    y, p = np.zeros(3, dtype=int), np.eye(2)[[0, 0, 0]]
    assert score("f1", y, p) == score("precision", y, p) == score("mcc", y, p) == 0.0
    assert score("macro_f1", y, p) == score("balanced_accuracy", y, p) == 1.0
    with pytest.raises(LabelError, match="'auroc' needs rows of a class and rows that are not of it"):
        score("auroc", y, p)


def test_one_row_and_one_column_are_enough() -> None:
    """A single row, and probabilities of a single class."""
    assert score("accuracy", np.array([0]), np.array([[0.3, 0.7]])) == 0.0
    assert score("accuracy", np.array([0, -1]), np.ones((2, 1))) == 0.5
    assert score("log_loss", np.array([0]), np.ones((1, 1))) == 0.0


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        (np.zeros(0, dtype=int), np.zeros((0, 2)), "at least one row and one class"),
        (np.zeros(2, dtype=int), np.array([[0.5, 0.5], [np.nan, 1]]), "1 of 2 rows with NaN or infinity"),
        (np.zeros(3, dtype=int), np.zeros((2, 2)), r"got shapes \(3,\) and \(2, 2\)"),
        (np.array([0, 2]), np.full((2, 2), 0.5), "between -1 and 1, the last of 2 columns; got 0 to 2"),
        (np.array([0.5, 1.0]), np.full((2, 2), 0.5), "whole numbers"),
    ],
)
def test_targets_and_probabilities_that_do_not_fit_are_refused(y: Any, p: Any, message: str) -> None:
    """One sentence says what does not fit."""
    with pytest.raises(InputError, match=message):
        score("accuracy", y, p)


def test_numbers_that_are_no_probabilities_are_refused_where_they_count() -> None:
    """Logits do for accuracy, not for log loss."""
    y, logits = np.array([0, 1]), np.array([[3.0, -1.0], [0.2, 0.9]])
    assert score("accuracy", y, logits) == 1.0
    with pytest.raises(InputError, match="log_loss: probabilities must lie between 0 and 1; got -1 to 3"):
        score("log_loss", y, logits)
    with pytest.raises(InputError, match=r"brier: the probabilities of a row must add up to 1; got 1\.4"):
        score("brier", y, np.array([[0.7, 0.7], [0.5, 0.5]]))


def test_names_are_checked() -> None:
    """Unknown metrics and classes, and metrics that do not suit."""
    with pytest.raises(UnknownName, match="Did you mean 'macro_f1'"):
        parse_metric("makro_f1", "ab")
    with pytest.raises(UnknownName, match="There is no class 'c'"):
        parse_metric("f1:c", "ab")
    with pytest.raises(UnknownName, match="goes through parse_metric first"):
        score("f1:a", np.array([0]), np.ones((1, 1)))
    with pytest.raises(OptionError, match="'accuracy' is about all classes; got 'accuracy:a'"):
        parse_metric("accuracy:a", "ab")
    with pytest.raises(OptionError, match="'f1' is about one class, and there are 3"):
        parse_metric("f1", "abc", targets=np.array([0, 1, 2]))
    with pytest.raises(OptionError, match="'f1' is about one class, and there are 3"):
        score("f1", *made_up(0, classes=3))
    with pytest.raises(OptionError, match=r"'mcc' is a metric of classification; these rows are multilabel\. Choose one of: .*, brier, auroc, average_precision"):
        score("mcc", *made_up_labels(0))


def test_f1_means_the_rarer_class_and_stays_with_it() -> None:
    """Bound to the targets it was parsed with; a colon may be part of a class's name."""
    y, p = np.array([0, 0, 1]), np.eye(2)[[0, 1, 1]]
    assert score("f1", y, p) == score(parse_metric("f1", ["ham", "spam"], targets=y), y, p) == pytest.approx(2 / 3)
    assert score("f1", 1 - y, p[:, ::-1]) == pytest.approx(2 / 3)
    assert parse_metric("recall", ["ham", "spam"], targets=y).name == "recall:spam"
    assert parse_metric("f1:a:b", ["a:b", "c"]).name == "f1:a:b"


def test_metrics_load_neither_scipy_nor_scikit_learn() -> None:
    """Importing them stays light."""
    code = "import sys, ringsmith.metrics; sys.exit(' '.join({'scipy', 'sklearn', 'torch', 'polars'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.strip() == ""
