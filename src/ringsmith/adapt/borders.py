"""Where the borders between classes lie once a head is fitted: moved away from rare classes where the metric that judges leans to them.

Beside `balance.py`, which weighs rows in the loss and is read with the options, before anything heavy is loaded.
"""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.balance import leans_to_rare
from ringsmith.adapt.choose import Judge, standard_error
from ringsmith.adapt.linear import to_proba
from ringsmith.metrics.losses import SMALLEST
from ringsmith.records import Floats
from ringsmith.tasks import Task

POWERS = (0.0, 0.5, 1.0)
"""Of a class's share, by which its probability may be divided."""


class Movable(Protocol):
    """A head whose borders can be moved."""

    def moved(self, shift: Floats) -> Self:
        """The same, each class's score (K,) the greater by so much."""


H = TypeVar("H", bound=Movable)


def evened(head: H, proba: Floats, judge: Judge, task: Task, targets: npt.NDArray[Any]) -> tuple[H, dict[str, float], tuple[str, ...]]:
    """A fitted head, its borders moved away from rare classes where the metric leans to them and the validation rows like it better by a standard error.

    Each class's probability is divided by a power of its share of the training rows, its logit less as much ("logit adjustment", Menon et al., 2021,
    eq. 9): what is fitted to be right about a row says of most rows of a rare class that they are of a frequent one.

    Args:
        head: calibrated.
        proba: its probabilities of the rows that judge (n, K).
        judge: marks them.
        task: what the labels mean.
        targets: of the training rows.

    Returns:
        The head, and where its borders moved: the power by its name, and a sentence that says it.
    """
    if task.activation == "sigmoid" or not len(judge.known) or not leans_to_rare(judge.metric, task, targets):
        return head, {}, ()
    shares = np.log(np.maximum(task.shares(targets), 1 / len(targets)))  # a class without a row has one
    logits = np.log(np.maximum(proba[judge.known], SMALLEST))
    marks = [judge.metric.function(judge.targets, to_proba((logits - power * shares).astype(np.float32), task.activation)) for power in POWERS]
    power = POWERS[marks.index(max(marks))]  # of equals the smallest
    if max(marks) < marks[0] + standard_error(marks[0], len(judge.known)) or not power:
        return head, {}, ()
    return (
        head.moved(np.asarray(-power * shares, dtype=np.float32)),
        {"evened": power},
        (f"Rare classes are said more often than is likely, since {judge.metric.name} judges: probabilities are divided by the power {power:g} of their shares.",),
    )
