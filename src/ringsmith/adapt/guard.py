"""Whether a run that trains can still become something: its looks at the validation rows, and the losses of its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import ENOUGH_MISSED, Judge, Mark, missed_by_one_answer, standard_error
from ringsmith.adapt.floors import Floors
from ringsmith.adapt.linear import Activation, best_scale, to_proba
from ringsmith.metrics.losses import SMALLEST
from ringsmith.records import Floats, TextSet
from ringsmith.tasks import Task

TOO_EARLY = 0.4
"""Before this share of the planned steps a model that predicts one class only may still be on its way."""
FIRST_TENTH = 0.1
"""From here on the loss of the steps is held against what the shares of the classes alone would have."""
WINDOW = 16
"""Steps whose mean loss is looked at, at least."""
DIVERGED, AT_LEAST = 1.25, 0.5
"""Times the loss of always giving the shares of the classes, and nats above it at least: beyond both a model knows less than nothing, and its rate is too high."""
LUCK = 3.0
"""Standard errors by which the best of a dozen looks may be above the majority by luck alone."""


class Broken(Exception):
    """This run cannot be saved: a loss that is no number or runs away, or one class only. Caught by the recipe, which may start again."""


class Guard:
    """Marks the validation rows at every look, and calls a run broken that runs away, predicts one class only where many others are, or is no better than the majority.

    Args:
        task: what the labels mean.
        targets: of the training rows.
        valid: the validation rows.
        metric: name of the metric that judges, None for the one that fits the validation rows.
        floors: least marks of a run of a search, see `floors.Floors`.
        weights: how much a row of each class counts in the loss (K,); None where all count alike.
    """

    def __init__(
        self,
        task: Task,
        targets: npt.NDArray[np.int64 | np.bool_],
        valid: TextSet,
        metric: str | None,
        floors: Sequence[tuple[float, float]] = (),
        weights: Floats | None = None,
    ) -> None:
        self.activation = task.activation
        self.judge = Judge.of(task, valid, metric)
        shares = task.shares(targets)
        self.floor = self.judge(np.tile(shares, (len(valid), 1)))
        self.chance = entropy(shares if weights is None else shares * weights, task.activation)
        self.varied = len(np.unique(self.judge.targets, axis=0)) > 1
        self.floors = Floors(floors)
        self.best: tuple[Mark, bool] | None = None
        self.last: tuple[Mark, bool] | None = None

    def step(self, losses: Sequence[float], planned: int) -> None:
        """Look at the losses of the steps so far, `planned` in all.

        Raises:
            Broken: the last one is no number, or the last ones are far above what knowing only the classes' shares would cost.
        """
        if not math.isfinite(losses[-1]):
            raise Broken(f"its loss became {losses[-1]} at step {len(losses)}")
        window = max(WINDOW, round(FIRST_TENTH * planned))
        if len(losses) >= window and len(losses) % WINDOW == 0 and (recent := float(np.mean(losses[-WINDOW:]))) > max(DIVERGED * self.chance, self.chance + AT_LEAST):
            raise Broken(f"its loss ran away: {recent:.2f} at step {len(losses)}, where the shares of the classes alone have {self.chance:.2f}")

    def __call__(self, scores: npt.NDArray[np.float32], progress: float) -> Mark:
        """Mark of these scores of the validation rows, at this share of the planned steps.

        Raises:
            Broken: too late to predict one class only with a loss no better than the majority's.
            RunDropped: below the floors.
        """
        if not len(self.judge.known):
            return progress, 0.0  # nothing to judge by: the last look is the best
        if self.judge.metric.uses == "scores":  # as they will be handed over: a model is too sure of itself long before it is at its best (`classifier.scale_last_layer`)
            scores = scores * np.float32(best_scale(scores[self.judge.known], self.judge.targets, self.activation))
        proba = to_proba(scores, self.activation)
        mark = self.judge(proba)
        decided = proba.argmax(axis=1) if self.activation == "softmax" else proba >= 0.5
        # Where probabilities judge, or their order, rows may be told apart although one class is always the likelier.
        by_labels = self.judge.metric.uses == "labels"
        constant = by_labels and self.varied and missed_by_one_answer(decided[self.judge.known], self.judge.targets) >= ENOUGH_MISSED
        self.last = mark, constant
        if self.best is None or mark > self.best[0]:
            self.best = self.last
        if constant and progress >= TOO_EARLY and mark[1] <= self.floor[1]:
            raise Broken("it predicts one class only")
        self.floors(progress, mark[0])
        return mark

    def sound(self) -> bool:
        """Whether the last look told several classes apart, better than the majority; True where nothing can be told."""
        return self.last is None or not self.varied or (not self.last[1] and self.last[0] > self.floor)

    def state(self) -> dict[str, Any]:
        """The looks so far, in the types of JSON."""
        return {"best": self.best, "last": self.last, "curves": self.floors.curves}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Stand where the guard stood that gave this `state`."""
        self.best, self.last = (None if look is None else (tuple(look[0]), look[1]) for look in (state["best"], state["last"]))
        self.floors.curves = state["curves"]

    def finish(self) -> None:
        """Hold the best look against the majority, and the last one where it may be the best by luck: patience may have ended a dead run early.

        Raises:
            Broken: it predicts one class only, or marks no higher.
        """
        if self.best is None or self.last is None or not self.varied:
            return
        mark, constant = self.best
        lucky = mark[0] <= self.floor[0] + LUCK * standard_error(self.floor[0], len(self.judge.known))
        if lucky and not self.sound() and self.last[0][1] <= self.floor[1]:
            mark, constant = self.last
        if constant:
            raise Broken("it predicts one class only")
        if mark <= self.floor:
            name, reached, floor = self.judge.metric.name, self.judge.sign * mark[0], self.judge.sign * self.floor[0]
            raise Broken(f"on the validation rows it is no better than the majority class ({name} {reached:.3f} against {floor:.3f})")


def entropy(shares: npt.NDArray[np.floating[Any]], activation: Activation) -> float:
    """Mean log loss in nats of always giving these shares: per row for classes, per label where each is on its own.

    Examples:
        >>> round(entropy(np.array([0.5, 0.5]), "softmax"), 3), round(entropy(np.array([0.5, 1.0]), "sigmoid"), 3)
        (0.693, 0.347)
    """
    p = np.clip(np.asarray(shares, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return float(-(p * np.log(p)).sum() if activation == "softmax" else -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean())
