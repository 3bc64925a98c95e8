"""The one training loop: batches by token budget, bf16 where the machine has it, a plan that keeps the clock, the best step kept.

    plan       after a few steps their pace is known: as many epochs as were asked for, or as many steps as the budget allows
    step       forward, backward, clip, AdamW; linear warm-up and linear decay to zero at the planned end
    look       the validation rows are judged at the end of every epoch (and at the end); the best weights are kept in memory
    stop       at the planned end, when several looks in a row were no better, at the deadline, or when the run is broken

Word embeddings are most of a small model's weights and a batch touches a few hundred of their rows. Their gradient is kept sparse and
Adam moves only the rows of the batch (lazily, as torch's `SparseAdam`): a dense update would cost a fifth of every step.
Left out on purpose: gradient accumulation (the batches that fit are the batches that train best here) and several devices.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from torch.nn import functional

from ringsmith.adapt.choose import Mark
from ringsmith.adapt.classifier import make_batch, scores_of
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.backbones import Tokens, batches_by_tokens
from ringsmith.errors import BudgetError
from ringsmith.records import Budget

Look = Callable[[npt.NDArray[np.float32], float], Mark]
"""Scores of the validation rows (n, K), share of the planned steps done -> how good they are; raises `Broken` when they show that the run cannot be saved."""
PACE_STEPS = 8
"""The plan is made after this many steps; the first half of them is not counted (memory is still being laid out)."""
FEWEST_STEPS = 10
"""A budget that allows fewer steps than this (and than were asked for) is refused."""
FORWARD_SHARE = 0.45
"""Seconds of a forward alone over those of a training step with as many tokens, at most."""
RESERVE = 0.15
"""Share of the time left that is not planned for: the machine may slow down, and the model must still be handed over."""
LOOKS = 4
"""The validation rows are judged once an epoch, or this often where fewer epochs are planned."""


class Broken(Exception):
    """This run cannot be saved: a loss that is no number, or one class only. Caught by the recipe, which may start again."""


@dataclass(frozen=True)
class Pacing:
    """How the loop walks.

    Attributes:
        epochs: passes over the training rows that are planned.
        rate: highest learning rate of the body.
        head_rate: highest learning rate of the head, which starts from random numbers.
        decay: weight decay (AdamW) of the matrices; biases, norms and embeddings have none.
        warm_up: share of the steps in which the rates rise.
        max_rows: rows of a batch.
        max_tokens: padded tokens of a batch.
        clip: longest gradient.
        patience: looks without a better mark before it stops.
        low_precision: multiply in bfloat16.
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


@dataclass(eq=False)
class Course:
    """What happened.

    Attributes:
        per_epoch: steps of one pass over the training rows.
        asked: steps that the epochs asked for.
        planned: steps that were planned in the end.
        tokens: tokens trained on, padding left out.
        seconds: seconds of training steps alone.
        curves: ``"loss"`` of every step; of every look ``"valid"``, ``"valid_log_loss"`` and ``"valid_step"``.
        best: the best mark.
        stale: looks since then.
        paced: steps and seconds that the pace leaves out.
    """

    per_epoch: int
    asked: int
    planned: int
    tokens: int = 0
    seconds: float = 0.0
    curves: dict[str, list[float]] = field(default_factory=lambda: {"loss": [], "valid": [], "valid_log_loss": [], "valid_step": []})
    best: Mark | None = None
    stale: int = 0
    paced: tuple[int, float] = (0, 0.0)

    def epochs(self, steps: float) -> float:
        """Steps in passes over the training rows."""
        return steps / self.per_epoch

    @property
    def step_seconds(self) -> float:
        """Seconds of a step, by the later steps."""
        steps = len(self.curves["loss"])
        return (self.seconds - self.paced[1]) / max(1, steps - self.paced[0])

    def look_seconds(self, valid: Tokens) -> float:
        """Seconds a look will take, at most."""
        return float(valid.lengths.sum()) * self.seconds / max(1, self.tokens) * FORWARD_SHARE

    def note(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.tokens += tokens
        self.seconds += seconds
        if len(self.curves["loss"]) == PACE_STEPS // 2:
            self.paced = (PACE_STEPS // 2, self.seconds)

    def see(self, mark: Mark) -> bool:
        """Note a look; True where it is the best so far."""
        for name, value in (("valid", mark[0]), ("valid_log_loss", -mark[1]), ("valid_step", len(self.curves["loss"]))):
            self.curves[name].append(value)
        better = self.best is None or mark > self.best
        self.best, self.stale = (mark, 0) if better else (self.best, self.stale + 1)
        return better


class Loop:
    """Fine-tunes one classifier in place.

    Args:
        module: a classifier of transformers; its forward gives ``.logits``.
        pad_id: what fills batches up.
        pacing: how to walk.
        report: is told every step.
    """

    def __init__(self, module: Any, pad_id: int, pacing: Pacing, report: Report) -> None:
        if AcceleratorState._shared_state:  # it remembers the precision of an earlier fit in this process
            AcceleratorState._reset_state()
        self.accelerator = Accelerator(mixed_precision="bf16" if pacing.low_precision else "no")
        self.module = module.to(self.accelerator.device)
        self.pad_id = pad_id
        self.pacing = pacing
        self.report = report
        self.multilabel = module.config.problem_type == "multi_label_classification"

    def train(self, tokens: Tokens, targets: npt.NDArray[Any], valid: Tokens, look: Look, *, seed: int, budget: Budget) -> Course:
        """Train on `tokens` and `targets`; the module ends with the weights of its best look.

        Args:
            tokens: of the training rows.
            targets: columns (n,), or bool (n, K) for several labels a row.
            valid: tokens of the validation rows.
            look: judges their scores; higher marks are better.
            seed: of the order of the rows and of dropout; torch's global generator is left as it was.
            budget: wall clock; training and looks end before it does.

        Raises:
            BudgetError: hardly any step fits.
            Broken: the loss is no number, or `look` says so.
        """
        per_epoch = len(batches_by_tokens(tokens.lengths, self.pacing.max_tokens, self.pacing.max_rows))
        asked = max(1, round(self.pacing.epochs * per_epoch))
        course, best, better = Course(per_epoch, asked, asked), None, False
        wanted = torch.from_numpy(np.asarray(targets, dtype=np.float32 if self.multilabel else np.int64))
        with torch.random.fork_rng(devices=[]), sparse_embeddings(self.module) as words:
            torch.manual_seed(seed)
            optimisers = make_optimisers(self.module, words, self.pacing)
            for step, rows in enumerate(shuffled_batches(tokens.lengths, self.pacing, seed), start=1):
                self._step(optimisers, tokens, wanted, rows, course)
                if step == PACE_STEPS:
                    course.planned = replan(course, valid, budget)
                late = budget.remaining() < course.look_seconds(valid) * (1 + RESERVE)
                if late and step < min(FEWEST_STEPS, asked):
                    raise too_short(course, budget)
                last = late or step >= course.planned
                if last or step % min(per_epoch, math.ceil(course.planned / LOOKS)) == 0:
                    better = course.see(look(self.predict(valid), step / course.planned))
                    last = last or course.stale > self.pacing.patience
                    if better and not last:
                        best = copy.deepcopy(self.module.state_dict())
                if last:
                    break
        if best is not None and not better:
            self.module.load_state_dict(best)
        return course

    def predict(self, tokens: Tokens) -> npt.NDArray[np.float32]:
        """Scores (n, K) before softmax or sigmoid, in the order of the rows, in the precision of the training."""
        with self.accelerator.autocast():
            return scores_of(self.module, tokens, self.pad_id)

    def _step(self, optimisers: list[torch.optim.Optimizer], tokens: Tokens, targets: torch.Tensor, rows: npt.NDArray[np.int64], course: Course) -> None:
        """One batch: forward, backward, clip, move."""
        started = time.perf_counter()
        with self.accelerator.autocast():
            scores = self.module(**make_batch(self.module, tokens, rows, self.pad_id)).logits.float()
        wanted = targets[torch.from_numpy(rows)].to(scores.device)
        loss = functional.binary_cross_entropy_with_logits(scores, wanted) if self.multilabel else functional.cross_entropy(scores, wanted)
        value = loss.item()
        if not math.isfinite(value):
            raise Broken(f"its loss became {value} at step {len(course.curves['loss']) + 1}")
        self.accelerator.backward(loss)
        clip_gradients(optimisers, self.pacing.clip)
        for optimiser in optimisers:
            set_rates(optimiser, rate_share(len(course.curves["loss"]), course.planned, self.pacing.warm_up))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        course.curves["loss"].append(value)
        course.note(int(tokens.lengths[rows].sum()), time.perf_counter() - started)
        self.report(Progress("train", len(course.curves["loss"]), course.planned, "steps", f"loss {value:.2f}"))


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


def replan(course: Course, valid: Tokens, budget: Budget) -> int:
    """Steps that fit the budget at the pace so far, looks and a reserve included; never more than were asked for.

    Raises:
        BudgetError: hardly any would fit.
    """
    usable = budget.remaining() * (1 - RESERVE) - LOOKS * course.look_seconds(valid)
    fit = len(course.curves["loss"]) + (course.asked if math.isinf(usable) else math.floor(usable / course.step_seconds))
    if fit < min(FEWEST_STEPS, course.asked):
        raise too_short(course, budget)
    return min(fit, course.asked)


def too_short(course: Course, budget: Budget) -> BudgetError:
    """The sentence for a budget in which hardly any step fits."""
    return BudgetError(f"Fine-tuning does not fit the budget: a step takes {course.step_seconds:.2f} s, and {max(budget.remaining(), 0):.1f} s are left. Give it more time.")


@contextmanager
def sparse_embeddings(module: Any) -> Iterator[list[nn.Parameter]]:
    """Within the block the word embeddings have a sparse gradient; yields their weight (no element where the model has none)."""
    words = module.get_input_embeddings()
    if not isinstance(words, nn.Embedding):
        yield []
        return
    words.sparse = True
    try:
        yield [cast(nn.Parameter, words.weight)]
    finally:
        words.sparse = False


def make_optimisers(module: Any, words: list[nn.Parameter], pacing: Pacing) -> list[torch.optim.Optimizer]:
    """AdamW over all weights but the word embeddings, which get lazy Adam; the head has its own rate, vectors have no decay."""
    sparse = {id(weight) for weight in words}
    body = {id(weight) for weight in module.base_model.parameters()}
    tables = {id(weight) for part in module.modules() if isinstance(part, nn.Embedding) for weight in part.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for weight in module.parameters():
        if id(weight) not in sparse and weight.requires_grad:
            rate = pacing.rate if id(weight) in body else pacing.head_rate
            decay = pacing.decay if weight.ndim > 1 and id(weight) not in tables else 0.0
            groups.setdefault((rate, decay), []).append(weight)
    dense = torch.optim.AdamW([{"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in groups.items()], fused=True)
    made: list[torch.optim.Optimizer] = [dense] + ([torch.optim.SparseAdam(words, lr=pacing.rate)] if words else [])
    for group in (group for optimiser in made for group in optimiser.param_groups):
        group["highest"] = group["lr"]
    return made


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Give every group its share of its highest rate."""
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * share


def clip_gradients(optimisers: list[torch.optim.Optimizer], longest: float) -> None:
    """Shorten the gradient of all weights together to at most `longest`, sparse ones included."""
    weights = [weight for optimiser in optimisers for group in optimiser.param_groups for weight in group["params"] if weight.grad is not None]
    for weight in weights:
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()  # one row for each word: before, a word that occurs twice stands there twice
    gradients = [weight.grad for weight in weights]
    values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients]
    length = torch.nn.utils.get_total_norm(values)
    if length > longest:
        torch._foreach_mul_(values, float(longest / length))
