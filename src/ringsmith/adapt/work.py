"""What the training loop is given to do: batches, the loss of a part of one, and a look at how good the model has become.

The fine-tuning of a classifier is one work (`Classifying`, here); learning from plain text is another one (`ringsmith.pretrain`). The loop knows
neither rows nor texts: it walks, keeps the clock, cuts batches to memory and to processes, and keeps the best weights.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ringsmith.adapt.choose import Mark, margin
from ringsmith.adapt.classifier import Feed, scores_of
from ringsmith.adapt.graphs import Inputs
from ringsmith.adapt.memory import ADVICE
from ringsmith.adapt.pacing import Course, Pacing, rate_share, shuffled_batches
from ringsmith.adapt.transfer import send
from ringsmith.backbones import batches_by_tokens
from ringsmith.records import Floats, Rows

B = TypeVar("B")
WANTED, WEIGHTS = "wanted", "weights"
"""Among the inputs of a classifier's loss: the targets of its rows, and how much a row of each class counts."""


class Work(ABC, Generic[B]):
    """What is trained on, and how good it has become.

    Attributes:
        per_epoch: steps of one pass over what is learnt from.
        asked: steps that are wanted; fewer are made where the budget allows no more.
        look_tokens: tokens that a look reads.
        advice: what to do where memory does not hold a single row.
    """

    per_epoch: int
    asked: int
    look_tokens: int
    advice: str = ADVICE

    @abstractmethod
    def batches(self, seed: int, start: int) -> Iterator[B]:
        """Batches without end, from number `start` on; they follow from the seed alone, so that a training can go on anywhere."""

    @abstractmethod
    def rows(self, batch: B) -> int:
        """Rows of a batch."""

    @abstractmethod
    def part(self, batch: B, rows: Rows) -> B:
        """Some rows of a batch."""

    @abstractmethod
    def tokens(self, batch: B) -> int:
        """Tokens of a batch, padding left out."""

    @abstractmethod
    def longest(self, batch: B) -> int:
        """Tokens of the longest row of a batch."""

    @abstractmethod
    def inputs(self, module: Any, part: B) -> Inputs:
        """What `loss` is given of a part of a batch, on the device of `module`."""

    @abstractmethod
    def loss(self, module: Any, inputs: Inputs) -> torch.Tensor:
        """Mean loss of what a part of a batch predicts, a scalar on the device of `module`; it hangs on the inputs and the module alone, so that a GPU can repeat it."""

    def weight(self, batch: B) -> float:
        """How much a part of a batch counts beside others: the number of things it predicts."""
        return self.rows(batch)

    def check(self, losses: Sequence[float], planned: int) -> None:
        """Look at the losses of the steps so far; raises `guard.Broken` where nothing can come of them."""
        del losses, planned

    def rate_share(self, step: int, planned: int, warm_up: float) -> float:
        """Share of the highest rate in step number `step` (from 0) of so many that are planned; `warm_up` is the share of them in which it rises."""
        return rate_share(step, planned, warm_up)

    @abstractmethod
    def look(self, module: Any, progress: float) -> Mark:
        """How good the model is at this share of the planned steps; higher is better. The loop has set the precision."""

    def margin(self, mark: Mark) -> float:
        """How far above the last look, which has this mark, an earlier one must be for its weights to be taken instead."""
        del mark
        return 0.0

    def look_is_due(self, course: Course) -> bool:
        """Whether to look after this step (at the end there is always a look)."""
        return course.look_is_due()

    def state(self) -> dict[str, Any]:
        """What the looks so far have left behind, in the types of JSON: `go_on` is given it where a training goes on that was killed."""
        return {}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Stand where the work stood that gave this `state`."""
        del state

    def note(self, course: Course) -> str:
        """A figure worth seeing while it trains."""
        return f"loss {course.curves['loss'][-1]:.2f}"


class Watch(Protocol):
    """Who watches over the fine-tuning of a classifier; `guard.Guard` does."""

    def step(self, losses: Sequence[float], planned: int) -> None:
        """Look at the losses of the steps so far; raises `Broken`."""

    def __call__(self, scores: npt.NDArray[np.float32], progress: float) -> Mark:
        """How good these scores of the validation rows are; raises `Broken` when they show that the run cannot be saved."""

    def sound(self) -> bool:
        """Whether what the last scores came from may be handed over: several classes, better than the majority."""

    def state(self) -> dict[str, Any]:
        """What the scores so far have left behind, see `Work.state`."""

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Stand where the watch stood that gave this `state`."""


class Classifying(Work[Rows]):
    """Fine-tuning of a classifier: a batch is the numbers of its rows.

    Args:
        train: the training rows.
        targets: their columns (n,), or bool (n, K) for several labels a row.
        valid: the validation rows.
        watch: judges their scores.
        pacing: how to walk.
        multilabel: whether each label is told on its own.
        weights: how much a row of each class counts (K,); None where all count alike.
    """

    def __init__(self, train: Feed, targets: npt.NDArray[Any], valid: Feed, watch: Watch, pacing: Pacing, *, multilabel: bool, weights: Floats | None = None) -> None:
        self.train, self.valid, self.watch, self.pacing, self.multilabel = train, valid, watch, pacing, multilabel
        self.weights = None if weights is None else torch.from_numpy(weights)
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.float32 if multilabel else np.int64))
        self.per_epoch = len(batches_by_tokens(train.tokens.lengths, pacing.max_tokens, pacing.max_rows))
        self.asked = max(1, round(pacing.epochs * self.per_epoch))
        self.look_tokens = int(valid.tokens.lengths.sum())

    def batches(self, seed: int, start: int) -> Iterator[Rows]:
        return islice(shuffled_batches(self.train.tokens.lengths, self.pacing, seed), start, None)

    def rows(self, batch: Rows) -> int:
        return len(batch)

    def part(self, batch: Rows, rows: Rows) -> Rows:
        return batch[rows]

    def tokens(self, batch: Rows) -> int:
        return int(self.train.tokens.lengths[batch].sum())

    def longest(self, batch: Rows) -> int:
        return int(self.train.tokens.lengths[batch].max())

    def weight(self, batch: Rows) -> float:
        return len(batch) if self.weights is None else float(self.weights[self.targets[torch.from_numpy(batch)]].sum())

    def inputs(self, module: Any, part: Rows) -> Inputs:
        counted = {} if self.weights is None else {WEIGHTS: send(self.weights, module.device)}
        wanted = send(self.targets[torch.from_numpy(part)], module.device)
        return {**self.train.batch(module, part), **self.train.beside(), WANTED: wanted, **counted}

    def loss(self, module: Any, inputs: Inputs) -> torch.Tensor:
        read = self.train.hand_out({name: tensor for name, tensor in inputs.items() if name not in (WANTED, WEIGHTS)})
        scores = module(**read).logits.float()
        if self.multilabel:
            return functional.binary_cross_entropy_with_logits(scores, inputs[WANTED])
        return functional.cross_entropy(scores, inputs[WANTED], inputs.get(WEIGHTS))

    def check(self, losses: Sequence[float], planned: int) -> None:
        self.watch.step(losses, planned)

    def look(self, module: Any, progress: float) -> Mark:
        return self.watch(scores_of(module, self.valid), progress)

    def margin(self, mark: Mark) -> float:
        """As `choose.margin` has it; nothing where the last look is no better than the majority."""
        return margin(mark, len(self.valid)) if self.watch.sound() else 0.0

    def state(self) -> dict[str, Any]:
        return self.watch.state()

    def go_on(self, state: Mapping[str, Any]) -> None:
        self.watch.go_on(state)


def spread_looks(course: Course, looks: int) -> bool:
    """Whether a look is due after this step, when so many are to be spread evenly over the plan."""
    return course.steps % math.ceil(course.planned / looks) == 0
