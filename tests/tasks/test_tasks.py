"""Tasks: labels to targets and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import UnknownName
from ringsmith.tasks import TASKS, Classification, MultiLabel, create_task, infer_task, task_from_json

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True)


@given(names=NAMES, data=st.data())
def test_classification_decodes_what_it_coded(names: list[str], data: st.DataObject) -> None:
    """One-hot probabilities of the targets decode to the labels they came from."""
    task = Classification(names)
    labels = data.draw(st.lists(st.sampled_from(names), min_size=1))
    assert task.decode(np.eye(len(names))[task.targets(labels)]) == labels


@given(names=NAMES, data=st.data())
def test_multilabel_decodes_what_it_coded(names: list[str], data: st.DataObject) -> None:
    """The targets themselves, read as probabilities, decode to the labels in the task's order."""
    task = MultiLabel(names)
    labels = data.draw(st.lists(st.sets(st.sampled_from(names)), min_size=1))
    assert [set(row) for row in task.decode(task.targets([tuple(row) for row in labels]).astype(np.float64))] == labels


def test_unknown_label_is_never_right() -> None:
    """A label that training never saw becomes -1, or leaves a multi-label row without it."""
    assert Classification(["a"]).targets(["b"]).tolist() == [-1]
    assert MultiLabel(["a"]).targets([("a", "b")]).tolist() == [[True]]


@pytest.mark.parametrize(("counts", "metric"), [([50, 50], "accuracy"), ([60, 40], "accuracy"), ([61, 39], "macro_f1"), ([90, 10], "macro_f1")])
def test_imbalance_changes_the_metric(counts: list[int], metric: str) -> None:
    """Up to six rows in ten of one class accuracy judges, above it macro F1."""
    assert Classification(["a", "b"]).default_metric(np.repeat([0, 1], counts)) == metric


def test_no_known_target_still_has_a_metric() -> None:
    """Targets that are all unknown do not break the choice."""
    assert Classification(["a", "b"]).default_metric(np.array([-1, -1])) == "accuracy"
    assert MultiLabel(["a"]).default_metric(np.zeros((2, 1), dtype=bool)) == "micro_f1"


def test_threshold_is_inclusive() -> None:
    """A label at exactly one half is predicted."""
    assert MultiLabel(["a", "b"]).decode(np.array([[0.5, 0.4999]])) == [("a",)]


@pytest.mark.parametrize("kind", TASKS)
def test_json_and_back(kind: str) -> None:
    """A task written to JSON is the same task when read, and differs from one with other labels."""
    task = create_task(kind, ["x", "y"])
    assert task_from_json(task.to_json()) == task
    assert hash(task_from_json(task.to_json())) == hash(task)
    assert task != create_task(kind, ["y", "x"])


def test_task_is_told_from_the_labels() -> None:
    """Tuples call for multi-label, strings for classification; names come sorted."""
    assert infer_task(["b", "a", "b"]) == Classification(["a", "b"])
    assert infer_task([("b",), (), ("a", "b")]) == MultiLabel(["a", "b"])


def test_unknown_task_offers_the_nearest() -> None:
    """A misspelt task names the one that was meant."""
    with pytest.raises(UnknownName, match=r"no task 'multi-label'\. Did you mean 'multilabel'"):
        create_task("multi-label", ["a"])
