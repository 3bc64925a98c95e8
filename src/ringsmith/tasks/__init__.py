"""WHAT THE LABELS MEAN: one file per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringsmith.errors import UnknownName
from ringsmith.records import Label
from ringsmith.tasks.classification import Classification
from ringsmith.tasks.multilabel import MultiLabel
from ringsmith.tasks.task import Task

TASKS: dict[str, type[Task]] = {Classification.kind: Classification, MultiLabel.kind: MultiLabel}
"""Name -> task. A new task is one file, one test and one line here."""

__all__ = ["TASKS", "Classification", "MultiLabel", "Task", "create_task", "infer_task"]


def create_task(kind: str, labels: Sequence[str]) -> Task:
    """The task `kind` over these class names.

    Raises:
        UnknownName: there is no such task.
    """
    if kind not in TASKS:
        raise UnknownName.of("task", kind, TASKS)
    return TASKS[kind](labels)


def task_from_json(content: Mapping[str, Any]) -> Task:
    """The task that `Task.to_json` wrote."""
    return create_task(content["kind"], content["labels"])


def infer_task(labels: Sequence[Label]) -> Task:
    """The task these labels call for: multi-label where they are tuples, else classification; class names sorted.

    Examples:
        >>> infer_task(["spam", "ham", "spam"]).labels
        ('ham', 'spam')
    """
    if any(isinstance(label, tuple) for label in labels):
        return MultiLabel(sorted({name for names in labels for name in names}))
    return Classification(sorted({str(label) for label in labels}))
