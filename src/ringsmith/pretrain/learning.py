"""Learning from plain text as a work for the one training loop (`ringsmith.adapt.loop`).

Everything of batch number k follows from the seed and k: which sequences, and what of them is hidden. The held out sequences are always the same
ones with the same pieces hidden, so that looks can be compared.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from ringsmith.adapt.choose import Mark
from ringsmith.adapt.graphs import Inputs
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.loop import attention
from ringsmith.adapt.memory import rows_that_fit
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.transfer import send
from ringsmith.adapt.work import Work, spread_looks
from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.pays import faster_precision, training_precision
from ringsmith.backbones.precision import Choice
from ringsmith.errors import InputError
from ringsmith.pretrain.objective import Batch, Objective
from ringsmith.pretrain.options import SMALLER
from ringsmith.pretrain.packing import Sequences, shuffled
from ringsmith.records import Rows

T = TypeVar("T")
LOOK_SEED = 2**31
"""Of what is hidden in the held out sequences: no training has it."""
WITHOUT_END = 1_000_000_000
"""Steps that are asked for where the clock alone says how many."""
WINDOW, ABOVE_CHANCE = 32, 1.0
"""So many steps whose mean loss is this far (nats) above guessing among all pieces show a rate that is too high."""
FEW_ROWS, MORE_ROWS = 8, 32
"""What a step costs is counted on so many sequences; in which precision it is faster is measured on so many."""


@dataclass(frozen=True)
class Span:
    """How long it learns, and how often it is judged.

    Attributes:
        rows: sequences of a batch.
        steps: how many; None for `epochs`, or for what the clock allows.
        epochs: passes over the sequences; None for `steps`, or for what the clock allows.
        looks: how often it is judged.
        look_tokens: pieces that a look reads, at most.
    """

    rows: int
    steps: int | None
    epochs: float | None
    looks: int
    look_tokens: int

    def asked(self, per_epoch: float) -> int:
        """Steps that are asked for."""
        if self.steps is not None:
            return self.steps
        return WITHOUT_END if self.epochs is None else max(1, round(self.epochs * per_epoch))


class Learning(Work[Batch]):
    """An objective over sequences; a batch is what the objective made of some of them.

    Args:
        objective: what is learnt.
        train: sequences to learn from.
        judge: sequences to judge by.
        span: how long.

    Attributes:
        at_once: sequences that go through the model at once, where memory does not hold a batch of them.
    """

    advice = SMALLER

    def __init__(self, objective: Objective, train: Sequences, judge: Sequences, span: Span) -> None:
        self.objective, self.train, self.span = objective, train, span
        self.length = train.length
        per_epoch = len(train) / span.rows
        self.per_epoch, self.asked = max(1, round(per_epoch)), span.asked(per_epoch)
        self.judged = np.linspace(0, len(judge) - 1, min(len(judge), max(1, span.look_tokens // self.length))).astype(np.int64)
        self.judge = judge
        self.look_tokens = len(self.judged) * self.length
        self.at_once = span.rows

    def batches(self, seed: int, start: int) -> Iterator[Batch]:
        return ahead(self._made(seed, start))

    def _made(self, seed: int, start: int) -> Iterator[Batch]:
        for step, numbers in enumerate(shuffled(len(self.train), self.span.rows, seed, start), start):
            yield self.objective.batch(self.train.rows(numbers), np.random.default_rng([seed, step]))

    def some(self, rows: int, tokens: int) -> Batch:
        """A batch of so many sequences, cut to so many pieces, to measure by."""
        return self.objective.batch(self.train.rows(np.arange(rows) % len(self.train))[:, :tokens], np.random.default_rng(0))

    def rows(self, batch: Batch) -> int:
        return len(batch["input_ids"])

    def part(self, batch: Batch, rows: Rows) -> Batch:
        return batch if len(rows) == self.rows(batch) else {name: tensor[torch.from_numpy(rows)] for name, tensor in batch.items()}

    def tokens(self, batch: Batch) -> int:
        return self.rows(batch) * self.length

    def longest(self, batch: Batch) -> int:
        return self.length

    def weight(self, batch: Batch) -> float:
        return self.objective.weight(batch)

    def inputs(self, module: Any, part: Batch) -> Batch:
        return {name: send(tensor, module.device) for name, tensor in part.items()}

    def loss(self, module: Any, inputs: Inputs) -> torch.Tensor:
        return self.objective.loss(module, dict(inputs))

    def check(self, losses: Sequence[float], planned: int) -> None:
        """Stop what cannot be saved.

        Raises:
            Broken: a loss that is no number, or losses far above those of guessing.
        """
        if not math.isfinite(losses[-1]):
            raise Broken(f"its loss became {losses[-1]} at step {len(losses)}")
        chance = math.log(self.objective.pieces.size)
        late = len(losses) % WINDOW == 0 and len(losses) >= planned / 10
        if late and self.objective.tells_likelihood and (recent := float(np.mean(losses[-WINDOW:]))) > chance + ABOVE_CHANCE:
            raise Broken(f"its loss ran away: {recent:.2f} at step {len(losses)}, where guessing has {chance:.2f}")

    def look(self, module: Any, progress: float) -> Mark:
        """Mean loss over the held out sequences, negative; the same draws at every look, and none taken from the training.

        Raises:
            InputError: there is nothing in them to predict.
        """
        total = weights = 0.0
        module.eval()
        with torch.inference_mode(), own_chance(LOOK_SEED):
            generator = np.random.default_rng(LOOK_SEED)
            for start in range(0, len(self.judged), self.span.rows):
                batch = self.objective.batch(self.judge.rows(self.judged[start : start + self.span.rows]), generator)
                for rows in np.split(np.arange(self.rows(batch)), range(self.at_once, self.rows(batch), self.at_once)):
                    part = self.part(batch, rows)
                    weight = self.objective.weight(part)
                    total += float(self.loss(module, self.inputs(module, part))) * weight
                    weights += weight
        module.train()
        if not weights:
            raise InputError("The text to judge by must hold a piece that can be predicted; all that are held out are unknown to the vocabulary. Take another one, or more text.")
        return -total / weights, -total / weights

    def look_is_due(self, course: Course) -> bool:
        return spread_looks(course, self.span.looks)

    def note(self, course: Course) -> str:
        return f"loss {course.curves['loss'][-1]:.2f} · {course.tokens / max(1e-9, course.seconds):,.0f} tokens/s"


def ahead(made: Iterator[T]) -> Iterator[T]:
    """The same things, the next one made by another thread while the last is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, made)
        while True:
            here = coming.result()
            coming = pool.submit(next, made)
            yield here


def rows_at_once(work: Learning, module: Any) -> int:
    """How many sequences of a batch go through at once in the memory that is free now; where not a single one does, `module` keeps less of each.

    Raises:
        MachineError: memory does not hold a single sequence of which the least is kept.
    """

    def forward(rows: int, tokens: int) -> torch.Tensor:
        with _attention(work, module):
            return work.loss(module, work.inputs(module, work.some(rows, tokens)))

    return rows_that_fit(module, forward, work.span.rows, work.length, work.advice)


def _attends(*shapes: Any, **_: Any) -> int:
    """Of the way there; the shapes of queries, keys and values come first."""
    return int(sdpa_flop_count(*shapes[:3]))  # type: ignore[no-untyped-call]


def _attends_back(_: Any, *shapes: Any, **__: Any) -> int:
    """Of the way back: a gradient for each factor of both products."""
    return 2 * _attends(*shapes)


KERNELS = ("flash_attention", "flash_attention_for_cpu", "efficient_attention", "cudnn_attention")
FUSED = {getattr(torch.ops.aten, f"_scaled_dot_product_{name}{way}"): count for name in KERNELS for way, count in (("", _attends), ("_backward", _attends_back))}
"""torch's fused kernels, counted as plain products."""


def flops_of(work: Learning, module: Any) -> float:
    """Floating point operations of a training step for each piece, forward and backward, counted by torch on a few sequences.

    Products only; the optimizer is left out. Attention is counted as plain products, whatever attends.
    """
    rows = min(FEW_ROWS, work.at_once, len(work.train))
    with FlopCounterMode(display=False, custom_mapping=FUSED) as counter:
        _few(work, module, rows)()
    return float(counter.get_total_flops()) / (rows * work.length)


def precision_of(asked: str, work: Learning, module: Any) -> Choice:
    """What to train in: as asked, or for ``"auto"`` what is faster here, measured on steps of this very model and objective.

    Raises:
        MachineError: memory does not hold a single sequence.
    """
    if asked != "auto":
        return training_precision(asked, 0)
    step = cache(lambda: _few(work, module, min(MORE_ROWS, rows_at_once(work, module), len(work.train))))  # not before it is known that something must be measured
    name = f"pre-training, {work.objective.name}, {module.config.to_json_string(use_diff=False)}, {work.length}"
    return faster_precision(hashlib.sha256(name.encode()).hexdigest(), lambda: step()())


def _few(work: Learning, module: Any, count: int) -> Callable[[], None]:
    """A step on a few sequences, without moving a weight; no random numbers are taken from the training."""
    batch = work.some(count, work.length)

    def step() -> None:
        with own_chance(), _attention(work, module):
            work.loss(module, work.inputs(module, batch)).backward()  # type: ignore[no-untyped-call]
        module.zero_grad(set_to_none=True)

    return step


def _attention(work: Learning, module: Any) -> AbstractContextManager[Any]:
    """What attends over whole sequences, in the precision of here and now."""
    return attention(module.device, work.length, low=torch.is_autocast_enabled(module.device.type))
