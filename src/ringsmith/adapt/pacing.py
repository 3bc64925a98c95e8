"""How a training walks: what was asked for, what the clock allows, and what happened on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import Mark
from ringsmith.backbones import batches_by_tokens
from ringsmith.errors import BudgetError
from ringsmith.records import Budget

PACE_STEPS = 8
"""The plan is made after this many steps; the first half of them is not counted (memory is still being laid out)."""
FEWEST_STEPS = 10
"""A budget that allows fewer steps than this (and than were asked for) is refused."""
FORWARD_SHARE = 0.45
"""Seconds of a forward alone over those of a training step with as many tokens, at most."""
RESERVE = 0.15
"""Share of the time left that is not planned for: the machine may slow down, and the model must still be handed over."""
RESERVE_BY_THE_CLOCK = 0.03
"""The same where the plan is made anew as the steps go on."""
LOOKS = 4
"""The validation rows are judged once an epoch, or this often where fewer epochs are planned."""


@dataclass(frozen=True)
class Pacing:
    """How the loop walks.

    Attributes:
        epochs: passes over the training rows that are planned.
        rate: highest learning rate of the body.
        head_rate: highest learning rate of the head.
        decay: weight decay (AdamW) of the matrices; biases, norms and embeddings have none.
        warm_up: share of the steps in which the rates rise.
        max_rows: rows of a batch.
        max_tokens: padded tokens of a batch.
        clip: longest gradient.
        patience: looks in a row, better neither in the metric nor in log loss, before it stops.
        low_precision: multiply in bfloat16.
        betas: how slowly Adam forgets the gradients and their squares.
        by_the_clock: the budget says how many steps; as they go on, their plan is made anew from time to time.
        between_rate: highest learning rate of what lies between the body's layers and the head's last one (a pooler, ``classifier.dense``) and moves whole;
            None for that of the body or the head it belongs to.
    """

    epochs: float
    rate: float
    head_rate: float
    decay: float
    warm_up: float
    max_rows: int
    max_tokens: int
    clip: float
    patience: int
    low_precision: bool
    betas: tuple[float, float] = (0.9, 0.999)
    by_the_clock: bool = False
    between_rate: float | None = None


@dataclass(eq=False)
class Course:
    """What happened.

    Attributes:
        per_epoch: steps of one pass over the training rows.
        asked: steps that the epochs asked for.
        planned: steps that were planned in the end, or made where the clock ended them before.
        steps: steps done.
        tokens: tokens trained on, padding left out.
        seconds: seconds of training steps alone.
        curves: ``"loss"`` of every step (on a GPU one step late while it trains); of every look ``"valid"``, ``"valid_log_loss"``, ``"valid_step"`` and
            ``"valid_share"`` of the planned ones.
        best: the best mark.
        kept_step: the steps behind the weights that are handed over; None while it trains.
        stale: looks in a row that were better neither in the metric nor in log loss.
        paced: steps and seconds that the pace leaves out.
        last: the mark of the last look; None while it trains.
    """

    per_epoch: int
    asked: int
    planned: int
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    curves: dict[str, list[float]] = field(default_factory=lambda: {"loss": [], "valid": [], "valid_log_loss": [], "valid_step": [], "valid_share": []})
    best: Mark | None = None
    kept_step: int | None = None
    stale: int = 0
    paced: tuple[int, float] = (0, 0.0)
    last: Mark | None = None

    def epochs(self, steps: float) -> float:
        """Steps in passes over the training rows."""
        return steps / self.per_epoch

    @property
    def best_step(self) -> int:
        """The steps that were done when the best mark was made."""
        marks = [(metric, -loss) for metric, loss in zip(self.curves["valid"], self.curves["valid_log_loss"], strict=True)]
        return int(self.curves["valid_step"][marks.index(max(marks))])

    @property
    def step_seconds(self) -> float:
        """Seconds of a step, by the later steps."""
        return (self.seconds - self.paced[1]) / max(1, self.steps - self.paced[0])

    def look_seconds(self, tokens: int) -> float:
        """Seconds a look at so many tokens will take, at most."""
        return tokens * self.seconds / max(1, self.tokens) * FORWARD_SHARE

    def look_is_due(self) -> bool:
        """Whether the validation rows are to be judged after this step."""
        return self.steps % min(self.per_epoch, math.ceil(self.planned / LOOKS)) == 0

    def note(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.steps += 1
        self.tokens += tokens
        self.seconds += seconds
        if self.steps == PACE_STEPS // 2:
            self.paced = (self.steps, self.seconds)

    def see(self, mark: Mark) -> bool:
        """Note a look; True where it is the best so far."""
        least_loss = min(self.curves["valid_log_loss"], default=math.inf)
        for name, value in (("valid", mark[0]), ("valid_log_loss", -mark[1]), ("valid_step", self.steps), ("valid_share", self.steps / self.planned)):
            self.curves[name].append(value)
        better = self.best is None or mark > self.best
        self.best = mark if better else self.best
        self.stale = 0 if better or -mark[1] < least_loss else self.stale + 1
        return better


def shuffled_batches(lengths: npt.NDArray[np.int64], pacing: Pacing, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Epoch after epoch without end: rows of similar length in one batch, who meets whom and the order of the batches drawn anew."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(len(lengths))
        batches = batches_by_tokens(lengths[order], pacing.max_tokens, pacing.max_rows)
        for number in generator.permutation(len(batches)):
            yield order[batches[number]]


def rate_share(step: int, steps: int, warm_up: float) -> float:
    """Share of the highest rate in step number `step` (from 0) of `steps`: a linear rise, then a linear fall that ends just above 0.

    Examples:
        >>> [round(rate_share(step, 10, 0.2), 2) for step in range(10)]
        [0.5, 1.0, 1.0, 0.88, 0.75, 0.62, 0.5, 0.38, 0.25, 0.12]
    """
    rise = max(1, round(warm_up * steps))
    return (step + 1) / rise if step < rise else max(0.0, (steps - step) / max(1, steps - rise))


def replan(course: Course, look_tokens: int, budget: Budget, *, reserve: float = RESERVE, looks: int = LOOKS) -> int:
    """Steps that fit the budget at the pace so far, looks and a reserve included; never more than were asked for, nor fewer than were made.

    Args:
        course: what happened so far.
        look_tokens: tokens that a look reads.
        budget: wall clock.
        reserve: share of the time left that is not planned for.
        looks: how many are still to come.

    Raises:
        BudgetError: hardly any would fit.
    """
    usable = budget.remaining() * (1 - reserve) - looks * course.look_seconds(look_tokens)
    fit = course.steps + (course.asked if math.isinf(usable) else max(0, math.floor(usable / course.step_seconds)))
    if fit < min(FEWEST_STEPS, course.asked):
        raise too_short(course, budget)
    return min(fit, course.asked)


def too_short(course: Course, budget: Budget) -> BudgetError:
    """The sentence for a budget in which hardly any step fits."""
    return BudgetError.of("Training", budget.seconds, f"a step takes {course.step_seconds:.2f} s, and {max(budget.remaining(), 0):.1f} s are left")
