"""Calibration and tables: by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_scores import made_up, made_up_labels
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from ringsmith.errors import OptionError
from ringsmith.metrics import calibration, confusion, confusion_by_label, most_confident_errors, score


def test_confusion_agrees_with_scikit_learn() -> None:
    """Known classes as the reference has them; unknown targets in the last row."""
    y, p = made_up(0, unknown=0.2)
    known = y >= 0
    found = confusion(y, p)
    assert (found[:-1] == reference.confusion_matrix(y[known], p[known].argmax(axis=1), labels=range(4))).all()
    assert (found[-1] == np.bincount(p[~known].argmax(axis=1), minlength=4)).all()
    with pytest.raises(OptionError, match="Use confusion_by_label"):
        confusion(*made_up_labels(0))


def test_confusion_by_label_agrees_with_scikit_learn() -> None:
    """Both kinds of task."""
    y, p = made_up_labels(0)
    assert (confusion_by_label(y, p) == reference.multilabel_confusion_matrix(y, p >= 0.5)).all()
    y, p = made_up(0)
    assert (confusion_by_label(y, p) == reference.multilabel_confusion_matrix(y, p.argmax(axis=1), labels=range(4))).all()


def test_most_confident_errors_by_hand() -> None:
    """Surest first, right rows left out, unknown targets in; equal confidences in order of rows."""
    y = np.array([0, 1, -1, 1, 0])
    p = np.array([[0.4, 0.6], [0.9, 0.1], [0.05, 0.95], [0.1, 0.9], [0.1, 0.9]])
    assert most_confident_errors(y, p).tolist() == [2, 1, 4, 0]
    assert most_confident_errors(y, p, limit=1).tolist() == [2]
    labels, chances = np.array([[True, False], [False, False]]), np.array([[0.6, 0.7], [0.9, 0.1]])
    assert most_confident_errors(labels, chances).tolist() == [1, 0]
    assert most_confident_errors(np.array([0]), np.array([[1.0, 0.0]])).tolist() == []


@pytest.mark.parametrize("method", ["width", "mass"])
def test_calibration_agrees_with_scikit_learn(method: str) -> None:
    """One label of two, all its probabilities: the reference's reliability curve."""
    rng = np.random.default_rng(0)
    chance = rng.random(500)
    y = (rng.random(500) < chance)[:, None]
    accuracy, confidence = calibration_curve(y[:, 0], chance, n_bins=10, strategy={"width": "uniform", "mass": "quantile"}[method])
    found = calibration(y, chance[:, None], bins=10, method="mass" if method == "mass" else "width")
    assert [b.accuracy for b in found.bins] == pytest.approx(accuracy.tolist())
    assert [b.confidence for b in found.bins] == pytest.approx(confidence.tolist())


@given(st.integers(0, 1000), st.integers(1, 20), st.sampled_from(["width", "mass"]), st.integers(1, 50))
def test_bins_hold_every_decision_once(seed: int, bins: int, method: str, rows: int) -> None:
    """Counts add up, confidences lie within their bin, at most as many bins as asked for, and errors within bounds."""
    y, p = made_up(seed, rows=rows)
    found = calibration(y, p, bins=bins, method="mass" if method == "mass" else "width")
    assert sum(b.count for b in found.bins) == rows
    assert len(found.bins) <= bins
    assert all(b.low - 1e-9 <= b.confidence <= b.high + 1e-9 for b in found.bins)
    assert 0 <= found.ece <= found.mce + 1e-12 <= 1 + 1e-12
    assert found.overconfidence == pytest.approx(sum(b.count * (b.confidence - b.accuracy) for b in found.bins) / rows)


def test_the_metric_ece_is_the_calibration_of_15_bins() -> None:
    """Both kinds of task; two ways to the same figure."""
    for y, p in (made_up(0, unknown=0.1), made_up_labels(0)):
        assert score("ece", y, p) == pytest.approx(calibration(y, p).ece)


def test_a_calibrated_model_has_a_small_error_and_a_boastful_one_a_large() -> None:
    """True chances against the same ones pushed outwards."""
    rng = np.random.default_rng(0)
    chance = rng.random(20_000)
    y = (rng.random(20_000) < chance).astype(int)
    boast = np.where(chance > 0.5, 0.99, 0.01)
    assert calibration(y, np.stack([1 - chance, chance], axis=1)).ece < 0.02
    boastful = calibration(y, np.stack([1 - boast, boast], axis=1))
    assert boastful.ece == pytest.approx(0.24, abs=0.02)
    assert boastful.overconfidence > 0.2
    with pytest.raises(OptionError, match="'bins' must be at least 1; got 0"):
        calibration(y, np.stack([1 - boast, boast], axis=1), bins=0)


@pytest.mark.parametrize(("rows", "classes"), [(60, 2), (225, 3), (2_000, 2)])
def test_what_chance_alone_makes_of_a_calibrated_model_is_told(rows: int, classes: int) -> None:
    """Targets drawn by the probabilities themselves: the error is above the border in 5 of 100 draws, nearly."""
    rng, beyond = np.random.default_rng(5), 0
    for _ in range(400):
        p = rng.dirichlet(np.ones(classes), rows)
        found = calibration((rng.random(rows)[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, classes - 1), p)
        beyond += found.ece > found.by_chance
    assert 0.02 <= beyond / 400 <= 0.09
