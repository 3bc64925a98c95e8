"""Linear heads: margins, calibration and logistic regression against scikit-learn; choosing by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

from ringsmith.adapt.choose import Judge, cross_entropy
from ringsmith.adapt.linear import best_scale, calibrate, fit_svm, platt, to_proba
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.adapt.search import Search
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel


def clouds(classes: int, rows: int = 120, columns: int = 6) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Overlapping clouds of points far from the origin, one for each class."""
    generator = np.random.default_rng(classes)
    targets = np.arange(rows) % classes
    centres = generator.normal(size=(classes, columns)) + 3
    return (centres[targets] + generator.normal(size=(rows, columns))).astype(np.float32), targets


@pytest.mark.parametrize("classes", [2, 4])
def test_margins_are_those_of_one_machine_per_class(classes: int) -> None:
    """The same weights as scikit-learn's LinearSVC fitted on 'this class or not'; two classes share one machine."""
    rows, targets = clouds(classes)
    linear = fit_svm(sp.csr_matrix(rows), targets, classes, strength=0.1, seed=0)
    wanted = [targets == 1] if classes == 2 else [targets == k for k in range(classes)]
    for k, positive in enumerate(wanted):
        machine = LinearSVC(C=0.1, class_weight="balanced", random_state=0).fit(rows, positive)
        np.testing.assert_allclose(linear.weights[k], machine.coef_[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(linear.scores(rows)[:, k], machine.decision_function(rows), rtol=1e-3, atol=1e-3)


def test_a_label_that_never_or_always_occurs_is_constant() -> None:
    """Multi-label: no machine can be fitted for such a label; its score does not depend on the text."""
    rows, _ = clouds(2)
    targets = np.stack([np.ones(len(rows)), np.zeros(len(rows)), np.arange(len(rows)) % 2], axis=1).astype(bool)
    scores = fit_svm(sp.csr_matrix(rows), targets, 3, strength=1, seed=0).scores(rows)
    assert set(scores[:, 0]) == {1.0}
    assert set(scores[:, 1]) == {-1.0}


def test_platt_scaling_against_scikit_learn() -> None:
    """Scale and shift as scikit-learn's sigmoid calibration finds them (it writes 1 / (1 + exp(a s + b)))."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=400).astype(np.float32)
    positive = generator.random(400) < 1 / (1 + np.exp(-(2 * scores - 0.5)))
    reference = _SigmoidCalibration().fit(scores, positive)
    np.testing.assert_allclose(platt(scores, positive), (-reference.a_, -reference.b_), atol=5e-3)


def test_calibration_of_several_classes_keeps_the_order_and_lowers_the_loss() -> None:
    """One shared scale: the predicted class stays, the log loss is the least of all scales."""
    rows, targets = clouds(4)
    linear = fit_svm(sp.csr_matrix(rows), targets, 4, strength=1, seed=0)
    scores = linear.scores(rows)
    calibrated = calibrate(linear, scores, targets, "softmax").scores(rows)
    np.testing.assert_array_equal(calibrated.argmax(axis=1), scores.argmax(axis=1))
    losses = [cross_entropy(targets, to_proba(scores * np.float32(scale), "softmax")) for scale in np.geomspace(0.01, 100, 200)]
    assert cross_entropy(targets, to_proba(calibrated, "softmax")) <= min(losses) + 1e-3


def test_rows_without_a_mistake_do_not_make_it_infinitely_sure() -> None:
    """Four rows told apart: by hand, the least of 4 ln(1 + e^(-2 s)) + (ln s)^2 / 2 is at s = 1.625."""
    scores, targets = np.array([[1, -1], [1, -1], [-1, 1], [-1, 1]], np.float32), np.array([0, 0, 1, 1])
    assert best_scale(scores, targets, "softmax") == pytest.approx(1.625, abs=0.005)
    assert best_scale(scores, targets[:, None] == [0, 1], "sigmoid") > 1


def test_one_score_stands_for_two_classes() -> None:
    """By hand: a score of ln 3 is 1/4 against 3/4; sigmoid leaves columns alone."""
    np.testing.assert_allclose(to_proba(np.array([[np.log(3)]], np.float32), "softmax"), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(to_proba(np.array([[np.log(3), 0]], np.float32), "sigmoid"), [[0.75, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_logistic_regression_against_scikit_learn(classes: int, strength: float) -> None:
    """The same probabilities as scikit-learn's solver, walked to from a weaker strength; stopping early costs up to 0.01."""
    rows, targets = clouds(classes)
    path = LogisticPath(rows, targets, classes, "softmax")
    path.solve(strength / 10, Budget())
    ours = to_proba(path.solve(strength, Budget()).scores(rows), "softmax")
    # two classes: our two rows of weights share the penalty that scikit-learn's single one pays, so its C is half
    reference = LogisticRegression(C=strength if classes > 2 else strength * 2, max_iter=5000, tol=1e-8).fit(rows, targets).predict_proba(rows)
    np.testing.assert_allclose(ours, reference, atol=1e-2)


def test_logistic_regression_of_several_labels_against_scikit_learn() -> None:
    """Each label is a regression of its own; the loss of a row is the sum over its labels."""
    rows, _ = clouds(2)
    targets = np.random.default_rng(0).random((len(rows), 2)) < 1 / (1 + np.exp(-rows[:, :2] + 3))
    ours = to_proba(LogisticPath(rows, targets, 2, "sigmoid").solve(1.0, Budget()).scores(rows), "sigmoid")
    for k in range(2):
        reference = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(rows, targets[:, k]).predict_proba(rows)[:, 1]
        np.testing.assert_allclose(ours[:, k], reference, atol=3e-3)


def test_a_budget_that_is_over_leaves_the_path_where_it_stands() -> None:
    """No time, no step: the start, all zeros, is returned."""
    rows, targets = clouds(3)
    assert not LogisticPath(rows, targets, 3, "softmax").solve(1.0, Budget(0)).weights.any()


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(st.floats(0.01, 1), min_size=3, max_size=3)), min_size=1, max_size=20))
def test_cross_entropy_is_scikit_learns_log_loss(rows: list[tuple[int, list[float]]]) -> None:
    """Of one class a row, for any probabilities."""
    targets = np.array([target for target, _ in rows])
    proba = np.array([values for _, values in rows])
    proba /= proba.sum(axis=1, keepdims=True)
    assert cross_entropy(targets, proba) == pytest.approx(log_loss(targets, proba, labels=[0, 1, 2]), rel=1e-6, abs=1e-6)


def test_judge_leaves_out_rows_of_unknown_classes() -> None:
    """A class that training never saw helps no candidate; by hand: one of two known rows is right."""
    judge = Judge.of(Classification(["a", "b"]), TextSet(["x", "y", "z"], ["a", "never seen", "b"]), None)
    metric, likelihood = judge(np.array([[0.75, 0.25], [0.5, 0.5], [0.75, 0.25]]))
    assert metric == pytest.approx(0.5)
    assert likelihood == pytest.approx(np.log([0.75, 0.25]).mean())


def test_judge_of_several_labels() -> None:
    """By hand: four decisions, three right, so micro F1 is 2/3 of two hits: 2 * 1 / (2 + 1)."""
    judge = Judge.of(MultiLabel(["a", "b"]), TextSet(["x", "y"], [("a",), ("b",)]), None)
    assert judge(np.array([[0.9, 0.1], [0.2, 0.4]]))[0] == pytest.approx(2 / 3)


def test_judge_by_loss_puts_the_loss_first() -> None:
    """The same pair, turned round; and without rows all marks are equal."""
    task, rows, proba = Classification(["a", "b"]), TextSet(["x"], ["a"]), np.array([[0.75, 0.25]])
    assert Judge.of(task, rows, None, by_loss=True)(proba) == Judge.of(task, rows, None)(proba)[::-1]
    assert Judge.of(task, TextSet([], []), None)(np.zeros((0, 2))) == (0.0, 0.0)


def looking_for(right: dict[int, float], budget: Budget) -> Search[int]:
    """A search in which setting n gives the only row the probability ``right[n]`` of being right."""
    judge = Judge.of(Classification(["a", "b"]), TextSet(["x"], ["a"]), None, by_loss=True)
    return Search(lambda setting: (setting["n"], np.array([[right[setting["n"]], 1 - right[setting["n"]]]])), judge, budget)


def test_search_takes_the_best_and_the_first_of_equals() -> None:
    """Marks by hand: settings 2 and 3 are equally good, 2 was first."""
    found = looking_for({1: 0.6, 2: 0.9, 3: 0.9}, Budget())
    found.each([{"n": 1}, {"n": 2}, {"n": 3}])
    assert (found.winner.model, found.tried, found.notes) == (2, 3, ())


def test_climbing_stops_at_the_first_step_down() -> None:
    """0.6, 0.8, then 0.7 ends it: 0.9 behind the valley is not seen."""
    found = looking_for({1: 0.6, 2: 0.8, 3: 0.7, 4: 0.9}, Budget())
    found.climb({"n": n} for n in (1, 2, 3, 4))
    assert (found.winner.model, found.tried) == (2, 3)
    found.climb([{"n": 3}, {"n": 4}], above=found.winner.mark)
    assert found.tried == 4, "no better than where it started from: 4 is not tried"


def test_search_ends_with_the_budget_and_says_so() -> None:
    """The first setting is always fitted; a budget that is over allows no second."""
    found = looking_for({1: 0.6, 2: 0.9}, Budget(0))
    found.each([{"n": 1}, {"n": 2}])
    assert found.notes == ("The budget ended the search after 1 setting, which was taken.",)
