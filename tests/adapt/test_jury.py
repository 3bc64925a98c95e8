"""Where few rows validate the training rows judge too, each by a head that did not learn from it: held against scikit-learn's cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ringsmith.adapt.choose import Judge, surely_better
from ringsmith.adapt.judgedpath import JudgedPath
from ringsmith.adapt.jury import ENOUGH, PARTS, Jury
from ringsmith.adapt.linear import calibration, to_proba
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.metrics import METRICS
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Classification, MultiLabel

TASK = Classification(["a", "b", "c"])


def cloud(rows: int, *, columns: int = 6, seed: int = 0) -> tuple[TextSet, Floats]:
    """Rows of three classes around three points."""
    generator = np.random.default_rng(seed)
    targets = np.arange(rows) % 3
    vectors = generator.normal(size=(rows, columns)) + np.eye(3, columns)[targets]
    return TextSet([f"text {number}" for number in range(rows)], [TASK.labels[target] for target in targets]), vectors.astype(np.float32)


def test_training_rows_are_judged_as_by_cross_validation() -> None:
    """The scores of each part are those of scikit-learn's regression on the others; those of the validation rows of one on all."""
    (train, rows), (valid, valid_rows) = cloud(60), cloud(12, seed=1)
    jury, targets = Jury.of(TASK, train, valid, None), TASK.targets(train.labels or [])
    assert jury.parts is not None
    assert len(jury.judge.known) == 72
    _, proba = JudgedPath(rows, valid_rows, targets, jury).solve(1.0, Budget())
    theirs = np.empty((72, 3))
    for part in range(PARTS):
        mine = jury.parts == part
        assert set(np.bincount(targets[mine])) == {5}
        theirs[:60][mine] = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(rows[~mine], targets[~mine]).decision_function(rows[mine])
    theirs[60:] = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(rows, targets).decision_function(valid_rows)
    scale, shift = calibration(theirs.astype(np.float32), np.concatenate([targets, TASK.targets(valid.labels or [])]), "softmax")
    np.testing.assert_allclose(proba, to_proba(theirs.astype(np.float32) * scale + shift, "softmax"), atol=2e-3)


def test_enough_validation_rows_judge_alone() -> None:
    """The head is then as it always was."""
    (train, rows), (valid, valid_rows) = cloud(30), cloud(ENOUGH, seed=1)
    jury, targets = Jury.of(TASK, train, valid, None), TASK.targets(train.labels or [])
    assert jury.parts is None
    head, proba = JudgedPath(rows, valid_rows, targets, jury).solve(1.0, Budget())
    assert len(proba) == ENOUGH
    plain = LogisticPath(rows, targets, 3, "softmax").solve(1.0, Budget())
    np.testing.assert_array_equal(head.scores(valid_rows).argmax(axis=1), plain.scores(valid_rows).argmax(axis=1))


def test_many_training_rows_do_not_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 60 rows of three classes are 180 cells, and 20 rows of each."""
    (train, _), (valid, _) = cloud(60), cloud(12, seed=1)
    for name, most, judged in (("MOST_ROWS", 59, False), ("MOST_ROWS", 60, True), ("MOST_CELLS", 179, False), ("MOST_CELLS", 180, True)):
        with monkeypatch.context() as patch:
            patch.setattr(f"ringsmith.adapt.jury.{name}", most)
            assert (Jury.of(TASK, train, valid, None).parts is not None) == judged
    monkeypatch.setattr("ringsmith.adapt.jury.MOST_ROWS", 1)
    for each, judged in ((19, False), (20, True)):
        with monkeypatch.context() as patch:
            patch.setattr("ringsmith.adapt.jury.MOST_EACH", each)
            assert (Jury.of(TASK, train, valid, None).parts is not None) == judged


def test_a_group_stays_in_one_part_and_few_groups_do_not_judge() -> None:
    """Rows of one author, say, would praise a head that knows the author."""
    train, _ = cloud(40)
    valid, _ = cloud(6, seed=1)
    grouped = TextSet(train.texts, train.labels, None, [f"author {number // 4}" for number in range(40)])
    parts = Jury.of(TASK, grouped, valid, None).parts
    assert parts is not None
    assert all(len(set(parts[number : number + 4])) == 1 for number in range(0, 40, 4))
    assert Jury.of(TASK, TextSet(train.texts, train.labels, None, ["one author"] * 40), valid, None).parts is None
    assert Jury.of(TASK, train.take(np.arange(7)), valid, None).parts is None


def test_copies_of_a_text_stay_in_one_part() -> None:
    """Else a head that knows a row by heart would be praised for its copy; case and blanks make no other text, a second text does."""
    train, _ = cloud(40)
    valid = TextSet(["x"], ["a"])
    copies = TextSet([text for text in train.texts for _ in range(2)], [label for label in train.labels or [] for _ in range(2)])
    parts = Jury.of(TASK, TextSet([f" {text.upper()}" if at % 2 else text for at, text in enumerate(copies.texts)], copies.labels), valid, None).parts
    assert parts is not None
    assert (parts[::2] == parts[1::2]).all()
    paired = Jury.of(TASK, TextSet(copies.texts, copies.labels, [f"pair {at}" for at in range(80)]), TextSet(["x"], ["a"], ["y"]), None).parts
    assert paired is not None
    assert (paired[::2] != paired[1::2]).any()


def test_a_row_whose_class_no_other_part_knows_judges_nothing() -> None:
    """It would be wrong by any head, and the weakest would be praised for being least sure of it."""
    train, _ = cloud(40)
    labels = ["c" if number == 3 else "ab"[number % 2] for number in range(40)]
    jury = Jury.of(TASK, TextSet(train.texts, labels), TextSet(["x"], ["a"]), None)
    assert jury.judge.known.tolist() == [number for number in range(41) if number != 3]


def test_without_validation_rows_the_training_rows_choose() -> None:
    """Noise alone: a strong head is worse than a weak one, which nobody but these rows can say."""
    generator = np.random.default_rng(0)
    rows, train = generator.normal(size=(80, 200)).astype(np.float32), TextSet([f"text {number}" for number in range(80)], ["a", "b"] * 40)
    task = Classification(["a", "b"])
    jury = Jury.of(task, train, TextSet([], []), None)
    path = JudgedPath(rows, rows[:0], task.targets(train.labels or []), jury)
    marks = [jury.judge(path.solve(strength, Budget())[1]) for strength in (0.01, 100.0)]
    assert marks[0] > marks[1]


def test_several_labels_a_row() -> None:
    """All training rows judge; a label's column is a regression of its own."""
    task = MultiLabel(["x", "y"])
    train, rows = cloud(40)
    labelled = TextSet(train.texts, [("x",) if number % 3 == 0 else ("x", "y") if number % 3 == 1 else () for number in range(40)])
    jury = Jury.of(task, labelled, labelled.take(np.arange(4)), None)
    head, proba = JudgedPath(rows, rows[:4], task.targets(labelled.labels or []), jury).solve(1.0, Budget())
    assert proba.shape == (44, 2)
    assert jury.judge(proba)[0] < 0
    assert head.weights.shape == (2, 6)


@pytest.mark.parametrize("rows", [20, 4000])
def test_another_mixture_is_taken_where_it_is_shown_to_be_better(rows: int) -> None:
    """The same small gain in every second row: by hand its mean is 1.0 standard errors at 4 rows of two values, and grows with their root."""
    judge = Judge(METRICS["accuracy"], np.zeros(rows, int), np.arange(rows))
    one = np.tile([[0.5, 0.5]], (rows, 1))
    other = np.array([[0.53, 0.47], [0.48, 0.52]] * (rows // 2))
    assert surely_better(judge, other, one) == (rows == 4000)
    assert not surely_better(judge, one, one)


def test_few_rows_are_solved_in_the_space_they_span() -> None:
    """30 rows of 200 columns against scikit-learn, which knows nothing of that space; predictions are the same for rows outside it."""
    generator = np.random.default_rng(0)
    rows, others = (generator.normal(size=(count, 200)).astype(np.float32) for count in (30, 50))
    targets = np.arange(30) % 3
    path = LogisticPath(rows, targets, 3, "softmax")
    assert path.rows.shape == (30, 29)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(rows, targets)
    np.testing.assert_allclose(to_proba(path.solve(1.0, Budget()).scores(others), "softmax"), reference.predict_proba(others), atol=2e-3)


def test_rows_that_are_all_alike_have_no_direction() -> None:
    """The head says the shares of the classes."""
    rows = np.ones((6, 10), dtype=np.float32)
    head = LogisticPath(rows, np.array([0, 0, 0, 0, 1, 1]), 2, "softmax").solve(1.0, Budget())
    np.testing.assert_allclose(to_proba(head.scores(rows), "softmax"), np.tile([[2 / 3, 1 / 3]], (6, 1)), atol=1e-3)
