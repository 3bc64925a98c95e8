"""The one training loop: batches by token budget, bf16 where the machine has it, a plan that keeps the clock, the best step kept.

    plan       after a few steps their pace is known: as many epochs as were asked for, or as many steps as the budget allows
    step       forward, backward, clip, AdamW; linear warm-up and linear decay to zero at the planned end
    look       the validation rows are judged at the end of every epoch (and at the end); the best weights are kept in memory
    pause      where a file for it is given, everything that is to come hangs on it alone: a killed run goes on to the same numbers
    stop       at the planned end, when several looks in a row were no better, at the deadline, or when the run is broken

Word embeddings are most of a small model's weights and a batch touches a few hundred of their rows. Their gradient is kept sparse and
Adam moves only the rows of the batch (lazily, as torch's `SparseAdam`): a dense update would cost a fifth of every step.

Over several processes (`torchrun`, `accelerate launch`) each takes its share of every batch, so that the steps are those of one process; the
first one judges, and watches the clock. Where memory does not hold a batch, its parts go through one after the other and move the weights
once (`memory.py`).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from ringsmith.adapt.choose import Mark
from ringsmith.adapt.classifier import Feed, scores_of
from ringsmith.adapt.memory import out_of_memory, smaller
from ringsmith.adapt.optimiser import clip_gradients, make_optimisers, set_rates, sparse_embeddings
from ringsmith.adapt.pacing import FEWEST_STEPS, PACE_STEPS, RESERVE, Course, Pacing, rate_share, replan, shuffled_batches, too_short
from ringsmith.adapt.pause import Pause, Weights
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.backbones import batches_by_tokens
from ringsmith.records import Budget

T = TypeVar("T")
SHORT = 128
"""On CPUs the way back through torch's fused attention in bfloat16 takes 2 to 5 times as long as plain products for rows of up to so many tokens (LOG.md)."""


class Watch(Protocol):
    """Who watches over a run; `guard.Guard` does."""

    def step(self, losses: Sequence[float], planned: int) -> None:
        """Look at the losses of the steps so far; raises `Broken`."""

    def __call__(self, scores: npt.NDArray[np.float32], progress: float) -> Mark:
        """How good these scores of the validation rows are; raises `Broken` when they show that the run cannot be saved."""


class Loop:
    """Trains one classifier in place.

    Args:
        module: a classifier of transformers; its forward gives ``.logits``. Weights that ask for no gradient stay.
        pacing: how to walk.
        report: is told every step.
        pause: keeps the state of the training on disk from time to time, and starts from there where there is one; None for neither.
    """

    def __init__(self, module: Any, pacing: Pacing, report: Report, *, pause: Pause | None = None) -> None:
        if AcceleratorState._shared_state:  # it remembers the precision of an earlier fit in this process
            AcceleratorState._reset_state()
        self.accelerator = Accelerator(mixed_precision="bf16" if pacing.low_precision else "no")
        self.module = module.to(self.accelerator.device)
        self.pacing = pacing
        self.report = report
        self.pause = pause
        self.parts = 1

    def train(self, train: Feed, targets: npt.NDArray[Any], valid: Feed, watch: Watch, *, seed: int, budget: Budget) -> Course:
        """Train on `train` and `targets`; the module ends with the weights of its best look.

        Args:
            train: the training rows.
            targets: their columns (n,), or bool (n, K) for several labels a row.
            valid: the validation rows.
            watch: judges their scores; higher marks are better.
            seed: of the order of the rows and of dropout; torch's global generator is left as it was.
            budget: wall clock; training and looks end before it does.

        Raises:
            BudgetError: hardly any step fits.
            Broken: `watch` says so.
            MachineError: memory does not hold a single row.
        """
        with torch.random.fork_rng(devices=[]), sparse_embeddings(self.module, allowed=self.accelerator.num_processes == 1) as words:
            torch.manual_seed(seed)
            training = _Training(self, train, targets, valid, watch, seed, budget, words)
            training.run()
        if self.pause is not None:
            self.pause.forget()
        return training.course

    def predict(self, feed: Feed) -> npt.NDArray[np.float32]:
        """Scores (n, K) before softmax or sigmoid, in the order of the rows, in the precision of the training."""
        with self.accelerator.autocast():
            return scores_of(self.module, feed)


class _Training:
    """One call of `Loop.train`: what changes from step to step."""

    def __init__(self, loop: Loop, train: Feed, targets: npt.NDArray[Any], valid: Feed, watch: Watch, seed: int, budget: Budget, words: list[torch.nn.Parameter]) -> None:
        per_epoch = len(batches_by_tokens(train.tokens.lengths, loop.pacing.max_tokens, loop.pacing.max_rows))
        asked = max(1, round(loop.pacing.epochs * per_epoch))
        self.loop, self.train, self.valid, self.watch, self.budget = loop, train, valid, watch, budget
        self.multilabel = loop.module.config.problem_type == "multi_label_classification"
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.float32 if self.multilabel else np.int64))
        self.course, self.best = Course(per_epoch, asked, asked), cast("Weights | None", None)
        self.optimisers = make_optimisers(loop.module, words, loop.pacing)
        self.forward = loop.accelerator.prepare(loop.module)
        if loop.pause is not None:
            self.course, self.best = loop.pause.restore(loop.module, self.optimisers) or (self.course, None)
        self.batches = islice(shuffled_batches(train.tokens.lengths, loop.pacing, seed), self.course.steps, None)

    def run(self) -> None:
        """Step after step until there is a reason to stop; then the best weights are back."""
        better = going = True
        while going:
            self._step(next(self.batches))
            late = self._plan()
            last = late or self.course.steps >= self.course.planned
            if last or self.course.look_is_due():
                better = self.course.see(self._agree(self._look))
                last = last or self.course.stale > self.loop.pacing.patience
                if better and not last:
                    self.best = copy.deepcopy(self.loop.module.state_dict())
            going = not last
            if going and self.loop.pause is not None and self.loop.accelerator.is_main_process:
                self.loop.pause.keep(self.course, self.loop.module, self.optimisers, self.best)
        if self.best is not None and not better:
            self.loop.module.load_state_dict(self.best)

    def _plan(self) -> bool:
        """Hold the plan against the clock; whether it is time for the last look."""
        course = self.course
        if course.steps == PACE_STEPS:
            course.planned = self._agree(lambda: replan(course, self.valid.tokens, self.budget))
        late = self._agree(lambda: self.budget.remaining() < course.look_seconds(self.valid.tokens) * (1 + RESERVE))
        if late and course.steps < min(FEWEST_STEPS, course.asked):
            raise too_short(course, self.budget)
        return late

    def _look(self) -> Mark:
        return self.watch(self.loop.predict(self.valid), self.course.steps / self.course.planned)

    def _agree(self, decide: Callable[[], T]) -> T:
        """What the first process decides, in all of them."""
        if self.loop.accelerator.num_processes == 1:
            return decide()
        decided = [decide() if self.loop.accelerator.is_main_process else None]
        broadcast_object_list(decided)
        return cast(T, decided[0])

    def _sum(self, value: float) -> float:
        """The sum of what the processes have."""
        accelerator = self.loop.accelerator
        return value if accelerator.num_processes == 1 else float(accelerator.reduce(torch.tensor(value, device=accelerator.device), "sum"))

    def _step(self, rows: npt.NDArray[np.int64]) -> None:
        """One batch: forward, backward, clip, move."""
        started, loop, course = time.perf_counter(), self.loop, self.course
        course.curves["loss"].append(self._sum(self._gradients(rows)))
        self.watch.step(course.curves["loss"], course.planned)
        clip_gradients(self.optimisers, loop.pacing.clip)
        for optimiser in self.optimisers:
            set_rates(optimiser, rate_share(course.steps - 1, course.planned, loop.pacing.warm_up))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        course.note(int(self.train.tokens.lengths[rows].sum()), time.perf_counter() - started)
        loop.report(Progress("train", course.steps, course.planned, "steps", f"loss {course.curves['loss'][-1]:.2f}"))

    def _gradients(self, rows: npt.NDArray[np.int64]) -> float:
        """Leave the gradients of the batch's mean loss in the weights and return it; in more and smaller parts where memory runs out."""
        while True:
            try:
                return sum(self._part(part, len(rows)) for part in self._parts(rows))
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                for optimiser in self.optimisers:
                    optimiser.zero_grad(set_to_none=True)
                self.loop.parts = smaller(self.loop.parts, len(rows), error)

    def _parts(self, rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """This process's share of the batch, in as many parts as memory asks for."""
        accelerator = self.loop.accelerator
        mine = rows[accelerator.process_index :: accelerator.num_processes]
        return [part for part in np.array_split(mine, self.loop.parts) if len(part)] or [rows[:0]]

    def _attention(self, length: int) -> AbstractContextManager[Any]:
        """What attends: torch's fused kernel, but plain products where that is slow."""
        slow = self.loop.pacing.low_precision and self.loop.accelerator.device.type == "cpu" and length <= SHORT
        return sdpa_kernel(SDPBackend.MATH) if slow else nullcontext()

    def _part(self, rows: npt.NDArray[np.int64], of: int) -> float:
        """Add the gradients of some rows of a batch of `of`; their share of its mean loss."""
        accelerator, used = self.loop.accelerator, rows if len(rows) else np.zeros(1, np.int64)
        batch = self.train.batch(self.loop.module, used)
        with accelerator.autocast(), self._attention(batch["attention_mask"].shape[1]):
            scores = self.forward(**batch).logits.float()
        wanted = self.targets[torch.from_numpy(used)].to(scores.device)
        loss = functional.binary_cross_entropy_with_logits(scores, wanted) if self.multilabel else functional.cross_entropy(scores, wanted)
        loss = loss * (len(rows) / of)
        accelerator.backward(loss * accelerator.num_processes)  # the mean over processes is taken of gradients that are shares of a sum
        return loss.item()
