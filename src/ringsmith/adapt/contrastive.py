"""The loop of the recipe `fewshot`: a transformer's body learns to put texts of one class together and others apart.

    plan       after a few steps their pace is known: as many epochs as were asked for, or as many as the budget allows
    step       each text of a batch is encoded once, in parts of similar length; one loss over all pairs, or to the centres of all classes; AdamW
    look       before the first step, half way and at the end the vectors are handed to the caller, who fits a head and judges it
    stop       at the planned end, or when the clock leaves time for the last look only

The word embeddings stay as they are: a few rows touch a few hundred of their thousands, and the optimizer need not sweep over the largest table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ringsmith.adapt.contrast import Centres, Goal, Pairs
from ringsmith.adapt.fewshot_options import Loss, loss_for, temperature_of
from ringsmith.adapt.fused import fused_layers
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.optimiser import clip_gradients, make_optimisers, set_rates
from ringsmith.adapt.pacing import PACE_STEPS, RESERVE, Course, Pacing, rate_share
from ringsmith.adapt.pairs import balanced_batches, groups_of, rows_of_a_batch, shares
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.backbones import Backbone, Tokens, batches_by_tokens, pad_batch
from ringsmith.backbones.batches import TOKENS_PER_BATCH
from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.pooling import Pooling, pool
from ringsmith.records import Budget, Rows

Look = Callable[[int, int], None]
"""Is told the steps done and planned, while the body is as it is then; raises `Broken` when the run cannot be saved."""
LOOKS = 2
"""Looks on the way and at the end; one more comes before the first step."""
FEWEST_ROWS = 8
"""A batch of long texts is cut to fewer rows, but not below this."""
CENTRED, MOST_CENTRED = 4, 4_096
"""Rows of a class in whose middle its centre begins, and of all classes together (but one of each), at most."""
LONG = 0.9
"""How many rows of long texts make a batch is reckoned by this quantile of the lengths."""


class ContrastiveLoop:
    """Fine-tunes one body in place.

    Args:
        backbone: float32; its module is trained and left in evaluation mode.
        pooling: how a text's tokens become one vector.
        pacing: how to walk.
        loss: what is lowered, see `FewShotOptions`.
        temperature: what cosines are divided by; None for the usual one of the loss.
        report: is told every step.
    """

    def __init__(self, backbone: Backbone, pooling: Pooling, pacing: Pacing, loss: Loss, temperature: float | None, report: Report) -> None:
        self.backbone = backbone
        self.module: Any = backbone.module
        self.pooling = pooling
        self.pacing = pacing
        self.loss = loss
        self.temperature = temperature
        self.report = report

    @property
    def frozen(self) -> int:
        """Numbers that stay as they are: the word embeddings."""
        return int(self.module.get_input_embeddings().weight.numel())

    def train(self, tokens: Tokens, targets: npt.NDArray[Any], look: Look, *, seed: int, budget: Budget) -> Course:
        """Train on `tokens` and `targets`; the module ends as its last step left it.

        Args:
            tokens: of the training rows.
            targets: as `Task.targets` gives them.
            look: see `Look`.
            seed: of the batches and of dropout; torch's global generator is left as it was.
            budget: wall clock; the last look ends before it does.

        Raises:
            Broken: the loss is no number, or `look` says so.
        """
        groups, max_rows = groups_of(targets), self._max_rows(tokens)
        course = plan(self.pacing.epochs, len(tokens), rows_of_a_batch(groups, max_rows), worthwhile=max(map(len, groups), default=0) > 1)
        look_seconds = timed(look, course.planned)
        if course.planned and enough_for(2, look_seconds, budget):
            goal = self._goal(tokens, targets, groups)
            with own_chance(seed), self._trainable():
                optimisers = self._optimisers(goal)
                for rows in balanced_batches(groups, max_rows, seed):
                    self._step(optimisers, tokens, goal, rows, course)
                    if course.steps == PACE_STEPS:
                        course.planned = affordable(course, look_seconds, budget)
                    if course.steps >= course.planned or not enough_for(1, look_seconds + course.step_seconds, budget):
                        break
                    if course.steps % math.ceil(course.planned / LOOKS) == 0 and enough_for(2, look_seconds, budget):
                        self._look_aside(look, course)
            look(course.steps, course.steps)
        return course

    def _step(self, optimisers: list[torch.optim.Optimizer], tokens: Tokens, goal: Goal, rows: Rows, course: Course) -> None:
        """One batch: forward, backward, clip, move."""
        started = time.perf_counter()
        vectors, order = self._vectors(tokens, rows)
        loss = goal.loss(vectors, order)
        course.curves["loss"].append(value := loss.item())
        if not math.isfinite(value):
            raise Broken(f"its loss became {value} at step {course.steps + 1}")
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients(optimisers, self.pacing.clip)
        for optimiser in optimisers:
            set_rates(optimiser, rate_share(course.steps, course.planned, self.pacing.warm_up))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        course.note(int(tokens.lengths[rows].sum()), time.perf_counter() - started)
        self.report(Progress("train", course.steps, course.planned, "steps", f"loss {value:.2f}"))

    def _goal(self, tokens: Tokens, targets: npt.NDArray[Any], groups: list[Rows]) -> Goal:
        """What these rows are to lower; the body is in evaluation mode."""
        loss = loss_for(self.loss, several=targets.ndim > 1, all_meet=shares(len(groups), self.pacing.max_rows)[0] == len(groups))
        temperature = temperature_of(loss, self.temperature)
        if loss == "pairs":
            return Pairs(torch.from_numpy(targets), temperature)
        classes = torch.zeros(len(targets), dtype=torch.int64)
        for number, group in enumerate(groups):
            classes[torch.from_numpy(group)] = number
        each = max(1, min(CENTRED, MOST_CENTRED // len(groups)))
        with torch.no_grad():
            vectors, order = self._vectors(tokens, np.concatenate([group[:each] for group in groups]))
        begin = vectors.new_zeros(len(groups), vectors.shape[1]).index_add(0, classes[torch.from_numpy(order)].to(vectors.device), vectors)
        return Centres(classes, begin, temperature)

    def _optimisers(self, goal: Goal) -> list[torch.optim.Optimizer]:
        """Of the body, and of what the goal learns beside it."""
        optimisers = make_optimisers(self.module, [], self.pacing)
        if goal.weights:
            one = optimisers[0].param_groups[0]
            optimisers[0].add_param_group({"params": goal.weights, "weight_decay": 0.0, **{name: one[name] for name in ("lr", "highest")}})
        return optimisers

    def _vectors(self, tokens: Tokens, rows: Rows) -> tuple[torch.Tensor, Rows]:
        """Vectors of length 1 of a batch, with gradients, and the rows in their order: the longest first."""
        device = self.backbone.device
        parts = batches_by_tokens(tokens.lengths[rows], TOKENS_PER_BATCH[device], one_length=tokens.one_length)
        pooled = []
        for part in parts:
            batch = {name: tensor.to(device) for name, tensor in pad_batch(tokens, rows[part], self.backbone.tokeniser.pad_id).items()}
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self.pacing.low_precision):
                states = self.module(**batch, return_dict=True).last_hidden_state
            pooled.append(pool(states, batch["attention_mask"], self.pooling, cls_at_end=self.backbone.cls_at_end))
        return functional.normalize(torch.cat(pooled), dim=1), rows[np.concatenate(parts)]

    def _max_rows(self, tokens: Tokens) -> int:
        """Rows of a batch that `max_tokens` allows."""
        return max(FEWEST_ROWS, min(self.pacing.max_rows, self.pacing.max_tokens // int(np.quantile(tokens.lengths, LONG))))

    @contextmanager
    def _trainable(self) -> Iterator[None]:
        """Within the block all weights but the word embeddings move, and dropout is on."""
        self.module.train().requires_grad_(True)
        self.module.get_input_embeddings().requires_grad_(False)
        try:
            with fused_layers(self.module, low=self.pacing.low_precision):
                yield
        finally:
            self.module.eval().requires_grad_(False)

    def _look_aside(self, look: Look, course: Course) -> None:
        """Look without dropout, then go on training."""
        self.module.eval()
        look(course.steps, course.planned)
        self.module.train()


def plan(epochs: float, rows: int, batch: int, *, worthwhile: bool) -> Course:
    """The steps that were asked for; none where no class has two rows: nothing could be pulled together."""
    per_epoch = max(1, math.ceil(rows / batch))
    asked = max(1, round(epochs * per_epoch)) if worthwhile else 0
    return Course(per_epoch, asked, asked)


def affordable(course: Course, look_seconds: float, budget: Budget) -> int:
    """Steps that fit the budget at the pace so far, the looks and a reserve included; never more than were asked for."""
    usable = budget.remaining() * (1 - RESERVE) - LOOKS * look_seconds
    return course.asked if math.isinf(usable) else min(course.asked, course.steps + max(0, math.floor(usable / course.step_seconds)))


def enough_for(looks: int, seconds: float, budget: Budget) -> bool:
    """Whether so many looks of so many seconds end before the budget does."""
    return budget.remaining() > looks * seconds * (1 + RESERVE)


def timed(look: Look, planned: int) -> float:
    """Seconds that a look before the first step takes."""
    started = time.perf_counter()
    look(0, planned)
    return time.perf_counter() - started
