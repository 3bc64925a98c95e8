"""What judges the comparison judges within the recipes: any metric marks any rows, and only those that lean to rare classes move borders or weigh rows."""

from __future__ import annotations

import numpy as np
import pytest
from test_borders import RARE, TWO

from ringsmith.adapt.borders import evened
from ringsmith.adapt.choose import Judge, metric_for
from ringsmith.adapt.guard import Broken, Guard
from ringsmith.adapt.jury import Jury
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.metrics import METRICS, suited
from ringsmith.records import TextSet
from ringsmith.tasks import Classification

TARGETS = TWO.targets(RARE.labels or [])
UNEVEN = np.where(TARGETS == 1, -1.5, -3.0).astype(np.float32)[:, None]
"""Every rare row is likelier to be rare than any other row is, and none is likelier than not."""


def test_the_metric_that_is_named_judges_and_the_fitting_one_where_none_is() -> None:
    """92 % of one class: macro F1, unless the user says something else; no few rows of a fold change what was said."""
    assert [Judge.of(TWO, RARE, name).metric.name for name in (None, "accuracy", "f1:yes")] == ["macro_f1", "accuracy", "f1:yes"]
    even = TextSet(["a", "b"], ["no", "yes"])
    assert [Judge.of(TWO, even, name).metric.name for name in (None, "macro_f1")] == ["accuracy", "macro_f1"]
    jury = Jury.of(TWO, RARE, even, "accuracy")
    assert jury.parts is not None
    assert (jury.alone.metric.name, jury.judge.metric.name) == ("accuracy", "accuracy")
    assert Jury.of(TWO, RARE, even, None).judge.metric.name == "macro_f1"


@pytest.mark.parametrize("name", suited("classification"))
def test_greater_marks_are_better_by_any_metric(name: str) -> None:
    """A loss has its sign turned; where rows are of one class and a metric is not defined, log loss decides."""
    wrong, right = (to_proba(sign * np.where(TARGETS == 1, 2.0, -2.0).astype(np.float32)[:, None], "softmax") for sign in (-1, 1))
    judge = Judge.of(TWO, RARE, name)
    assert judge(right) > judge(wrong)
    assert judge(right)[0] > judge(wrong)[0]
    alone = Judge.of(TWO, RARE.take(range(10)), name)
    assert alone(right[:10]) > alone(wrong[:10])


@pytest.mark.parametrize(("name", "moved"), [(name, METRICS[name].leans) for name in suited("classification")] + [("f1:yes", True), ("f1:no", False), ("auroc:yes", False)])
def test_borders_move_only_for_metrics_that_lean_to_rare_classes(name: str, moved: bool) -> None:
    """Probabilities are spoilt by it, and rows that are right on the whole become fewer: neither log loss nor accuracy asks for that."""
    head = Linear(np.eye(1, dtype=np.float32), np.zeros(1, np.float32))
    after, told, said = evened(head, to_proba(UNEVEN, "softmax"), Judge.of(TWO, RARE, name, by_loss=True), TWO, TARGETS)
    assert bool(told) == moved == (after is not head)
    assert all(f"since {name} judges" in one for one in said)


def test_a_run_that_tells_rows_apart_is_kept_where_probabilities_judge() -> None:
    """All rows are said to be of the frequent class: by macro F1 the run is broken, by log loss and AUROC it knows a good deal."""
    too_sure = 10 * np.concatenate([0 * UNEVEN, UNEVEN], axis=1)  # whose log loss, as it is, is worse than the majority's
    for name, kept in ((None, False), ("accuracy", False), ("log_loss", True), ("auroc", True)):
        guard = Guard(TWO, TARGETS, RARE, name)
        guard(too_sure, 0.3)
        if kept:
            guard.finish()
            assert guard.sound()
        else:
            with pytest.raises(Broken, match="no better than the majority class"):
                guard.finish()


def test_looks_are_marked_as_what_is_handed_over() -> None:
    """Where log loss judges, scores that are too sure by a factor of ten are no worse: they are scaled at the end."""
    guard = Guard(TWO, TARGETS, RARE, "log_loss")
    scores = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32) + 2 * np.eye(2, dtype=np.float32)[TARGETS]
    assert guard(10 * scores, 0.5)[0] == pytest.approx(guard(scores, 0.5)[0], rel=0.05)
    wrong = Guard(TWO, TARGETS, RARE, "log_loss")
    wrong(-scores, 1.0)
    with pytest.raises(Broken, match=r"no better than the majority class \(log_loss 0\.[0-9]+ against 0\.279\)"):
        wrong.finish()


def test_a_metric_that_rows_of_one_class_do_not_define_is_0() -> None:
    """As for all others that are 0/0."""
    task = Classification(["no", "yes"])
    assert metric_for(task, TARGETS, "auroc").function(np.zeros(3, np.int64), np.full((3, 2), 0.5)) == 0
    assert METRICS["auroc"].undefined is None
