"""The one training loop: batches of whatever is given to it as a `Work`, bf16 where the machine has it, a plan that keeps the clock, the best step kept.

    plan       after a few steps their pace is known: as many as were asked for, or as many as the budget allows; anew where a killed run goes on
    step       forward, backward, clip, AdamW; linear warm-up and linear decay to zero at the planned end
    look       the work judges itself from time to time (and at the end); the best weights are kept in memory, and taken where they are clearly better than the last
    pause      where a file for it is given, everything that is to come hangs on it alone: a killed run goes on to the same numbers, one killed after its end ends at once
    stop       at the planned end, when several looks in a row were no better, at the deadline, or when the run is broken

A classifier's word embeddings are most of a small model's weights and a batch touches a few hundred of their rows. Their gradient is kept
sparse and Adam moves only the rows of the batch (lazily, as torch's `SparseAdam`): a dense update would cost a fifth of every step. A model that
is pre-trained predicts words by the same table: there every row has a gradient in every step, and its update is dense.

Over several processes (`torchrun`, `accelerate launch`) each takes its share of every batch, so that the steps are those of one process; the
first one judges, and watches the clock (`together.py`). Where memory does not hold a batch, its parts go through one after the other and move
the weights once (`memory.py`).
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import parse_flag_from_env
from torch.nn.attention import SDPBackend, sdpa_kernel

from ringsmith.adapt.choose import Mark, clearly_better
from ringsmith.adapt.classifier import Feed, scores_of
from ringsmith.adapt.graphs import Graphs, Inputs
from ringsmith.adapt.memory import out_of_memory, smaller
from ringsmith.adapt.optimiser import clip_gradients, make_optimisers, set_rates, sparse_embeddings
from ringsmith.adapt.pacing import FEWEST_STEPS, LOOKS, PACE_STEPS, RESERVE, RESERVE_BY_THE_CLOCK, Course, Pacing, replan, too_short
from ringsmith.adapt.pause import Pause, Stopped, Weights, between_steps
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.adapt.together import Together, leave_at_exit
from ringsmith.adapt.transfer import Coming
from ringsmith.adapt.work import Classifying, Watch, Work
from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.load import best_device
from ringsmith.records import Budget, Floats, Rows

B = TypeVar("B")
SHARE = "share"
"""Among a step's inputs: how much its loss counts beside that of the batch's other parts."""
LATE = 1
"""Steps that a GPU is sent before the loss of the one before them is read."""
SURE_SHARE = 0.125
"""The plan is made again when this share of it is done: the pace of a few steps may be a third off, and the rates have only just risen."""
SHORT = 128
"""On CPUs the way back through torch's fused attention in bfloat16 takes 2 to 5 times as long as plain products for rows of up to so many tokens (LOG.md)."""


@contextmanager
def first_process_first() -> Iterator[bool]:
    """Let the first process of each machine through the block before the others: what it leaves on disk, they find. Yields whether it is alone."""
    leave_at_exit()
    state = PartialState(cpu=on_cpu())
    with state.local_main_process_first():
        yield state.num_processes == 1


def on_cpu() -> bool:
    """Whether processes talk by gloo: there is nothing faster, or it was asked for (``ACCELERATE_USE_CPU``)."""
    return parse_flag_from_env("ACCELERATE_USE_CPU") or best_device() == "cpu"


def attention(device: torch.device, length: int, *, low: bool) -> AbstractContextManager[Any]:
    """What attends over rows of so many tokens while it trains: torch's fused kernel, but plain products where that is slow."""
    return sdpa_kernel(SDPBackend.MATH) if low and device.type == "cpu" and length <= SHORT else nullcontext()


class Loop:
    """Trains one model in place.

    Args:
        module: a model of transformers; for `train` a classifier, whose forward gives ``.logits``. Weights that ask for no gradient stay.
        pacing: how to walk.
        report: is told every step.
        pause: keeps the state of the training on disk from time to time and at its end, and starts from there where there is one; None for neither. Who has written
            down what came of the training removes the file.
    """

    def __init__(self, module: Any, pacing: Pacing, report: Report, *, pause: Pause | None = None) -> None:
        if AcceleratorState._shared_state:  # it remembers the precision of an earlier fit in this process
            AcceleratorState._reset_state()
        leave_at_exit()
        self.accelerator = Accelerator(mixed_precision="bf16" if pacing.low_precision else "no", cpu=on_cpu())
        self.module = module.to(self.accelerator.device)
        self.together = Together(self.accelerator.num_processes, self.accelerator.process_index, self.accelerator.device)
        self.pacing = pacing
        self.report = report
        self.pause = pause
        self.parts = 1

    def train(self, train: Feed, targets: npt.NDArray[Any], valid: Feed, watch: Watch, *, seed: int, budget: Budget, weights: Floats | None = None) -> Course:
        """Train a classifier on `train` and `targets`; the module ends with the weights of its last look, or of its best one where that is clearly better.

        Args:
            train: the training rows.
            targets: their columns (n,), or bool (n, K) for several labels a row.
            valid: the validation rows.
            watch: judges their scores; higher marks are better.
            seed: of the order of the rows and of dropout; torch's global generator is left as it was.
            budget: wall clock; training and looks end before it does.
            weights: how much a row of each class counts (K,); None where all count alike.

        Raises:
            BudgetError: hardly any step fits.
            Broken: `watch` says so.
            MachineError: memory does not hold a single row.
        """
        multilabel = self.module.config.problem_type == "multi_label_classification"
        work = Classifying(train, targets, valid, watch, self.pacing, multilabel=multilabel, weights=weights)
        with sparse_embeddings(self.module, allowed=self.together.count == 1 and self.module.device.type == "cpu") as words:
            return self.run(work, seed=seed, budget=budget, words=words)

    def run(self, work: Work[B], *, seed: int, budget: Budget, words: list[torch.nn.Parameter] | None = None) -> Course:
        """Do any work; the module ends with the weights of its last look, or of its best one where the work calls that clearly better.

        Args:
            work: what is trained on and judged by.
            seed: of the batches and of dropout; torch's global generator is left as it was.
            budget: wall clock; training and looks end before it does.
            words: weights whose gradient is sparse; None for none.

        Raises:
            BudgetError: hardly any step fits.
            Broken: the work says so.
            MachineError: memory does not hold a single row.
        """
        with own_chance(seed):
            training = _Training(self, work, seed, budget, words or [])
            training.run()
        return training.course

    def predict(self, feed: Feed) -> npt.NDArray[np.float32]:
        """Scores (n, K) before softmax or sigmoid, in the order of the rows, in the precision of the training."""
        with self.accelerator.autocast():
            return scores_of(self.module, feed)


class _Training(Generic[B]):
    """One call of `Loop.run`: what changes from step to step."""

    def __init__(self, loop: Loop, work: Work[B], seed: int, budget: Budget, words: list[torch.nn.Parameter]) -> None:
        self.loop, self.work, self.budget = loop, work, budget
        self.course, self.best = Course(work.per_epoch, work.asked, work.asked), cast("Weights | None", None)
        self.graphs = Graphs(loop.accelerator.device)
        self.unread = deque[Coming]()
        self.optimisers = make_optimisers(loop.module, words, loop.pacing)
        self.moving = [weight for optimiser in self.optimisers for group in optimiser.param_groups for weight in group["params"]]
        loop.module.train()
        loop.together.start_alike(loop.module)
        if loop.pause is not None and (kept := loop.pause.restore(loop.module, self.optimisers)):
            self.course, self.best, looked = kept
            work.go_on(looked)
        loop.together.sum(0.0)  # the first process goes on, and may remove the state, when all have read it
        self.plan_at = PACE_STEPS
        if self.course.steps >= PACE_STEPS:  # its plan was made for another budget
            self.plan_at = self.course.steps + 1
            if loop.pacing.by_the_clock:  # a new budget does not make the old plan longer
                self.course.asked = self.course.planned
        self.batches: Iterator[B] = work.batches(seed, self.course.steps)

    def run(self) -> None:
        """Step after step until there is a reason to stop; then the best weights are back, where they are clearly better than the last.

        Raises:
            Stopped: Ctrl-C came; the state after this step is kept.
        """
        with between_steps(waits=self.loop.pause is not None and self.loop.together.count == 1) as asked:
            self._walk(asked)
        if asked:
            raise KeyboardInterrupt  # it came when all was put aside

    def _walk(self, asked: list[int]) -> None:
        course, pause = self.course, self.loop.pause
        while course.last is None:
            self._step(next(self.batches))
            late = self._plan()
            over = late or course.steps >= course.planned
            if over or self.work.look_is_due(course):
                self._read_losses()
                mark = self.loop.together.agree(self._look)
                better = course.see(mark)
                over = over or course.stale > self.loop.pacing.patience
                if over:
                    course.last = mark
                    course.planned = course.steps if late else course.planned
                elif better:
                    self.best = copy.deepcopy(self.loop.module.state_dict())
            if pause is not None and self.loop.together.first and (asked or pause.is_due(over=over)):
                self._read_losses()
                pause.keep(course, self.loop.module, self.optimisers, self.best, self.work.state())
                if asked:
                    raise Stopped(pause.steps() or 0)
        self._choose()

    def _choose(self) -> None:
        """Keep the last weights, or go back to the best ones."""
        course = self.course
        assert course.best is not None, "there was a look at the end"
        assert course.last is not None, "it came last"
        back = self.best is not None and clearly_better(course.best, course.last, self.work.margin(course.last))
        course.kept_step = course.best_step if back else course.steps
        if back:
            self.loop.module.load_state_dict(self.best)

    def _plan(self) -> bool:
        """Hold the plan against the clock; whether it is time for the last look."""
        course, together = self.course, self.loop.together
        if course.steps == self.plan_at:
            course.planned = together.agree(self._replanned)
            self.plan_at = max(PACE_STEPS, 2 * course.steps) if self.loop.pacing.by_the_clock else int(course.planned * SURE_SHARE)
        look_seconds = course.look_seconds(self.work.look_tokens)
        late = together.agree(lambda: self.budget.remaining() < look_seconds * (1 + RESERVE))
        if late and course.steps < min(FEWEST_STEPS, course.asked):
            raise too_short(course, self.budget)
        return late

    def _replanned(self) -> int:
        reserve = RESERVE_BY_THE_CLOCK if self.loop.pacing.by_the_clock else RESERVE
        return replan(self.course, self.work.look_tokens, self.budget, reserve=reserve, looks=max(1, LOOKS - len(self.course.curves["valid"])))

    def _look(self) -> Mark:
        with self.loop.accelerator.autocast():
            return self.work.look(self.loop.module, self.course.steps / self.course.planned)

    def _step(self, batch: B) -> None:
        """One batch: forward, backward, clip, move. On a GPU the loss of the step before is read, so that it has this one to do while the processor waits."""
        started, loop, course = time.perf_counter(), self.loop, self.course
        loss = self._gradients(batch)
        loop.together.sum_gradients(self.moving)
        for optimiser in self.optimisers:
            set_rates(optimiser, self.work.rate_share(course.steps, course.planned, loop.pacing.warm_up))
        self.unread.append(Coming(self.graphs("move", self._move, {"loss": loss})))
        self._read_losses(self.behind if course.steps else 0)
        course.note(self.work.tokens(batch), time.perf_counter() - started)
        known = course.steps >= PACE_STEPS or not loop.pacing.by_the_clock
        loop.report(Progress("train", course.steps, course.planned if known else None, "steps", self.work.note(course)))

    @property
    def behind(self) -> int:
        """Steps whose losses are not read yet when the next one is sent."""
        return LATE if self.loop.accelerator.device.type == "cuda" and self.loop.together.count == 1 else 0

    def _read_losses(self, behind: int = 0) -> None:
        """Note the losses of the steps so far, but for so many of the last ones."""
        while len(self.unread) > behind:
            self.course.curves["loss"].append(self.loop.together.sum(self.unread.popleft().read()))
            self.work.check(self.course.curves["loss"], self.course.planned)

    def _move(self, inputs: Inputs) -> torch.Tensor:
        """Clip, move, and leave no gradient behind; the loss, as it came."""
        clip_gradients(self.optimisers, self.loop.pacing.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=not self.graphs.able)
        return inputs["loss"]

    def _gradients(self, batch: B) -> torch.Tensor:
        """Leave the gradients of the batch's mean loss in the weights and return it; in more and smaller parts where memory runs out."""
        while True:
            try:
                return torch.stack([self._part(self.work.part(batch, rows), share) for rows, share in self._parts(batch)]).sum()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self.graphs.forget()
                for optimiser in self.optimisers:
                    optimiser.zero_grad(set_to_none=not self.graphs.able)
                self.loop.parts = smaller(self.loop.module, self.loop.parts, self.work.rows(batch), error, self.work.advice)

    def _parts(self, batch: B) -> list[tuple[Rows, float]]:
        """This process's rows of the batch, in as many parts as memory asks for, each with its share of the whole; one row that counts nothing for none."""
        together, whole = self.loop.together, self.work.weight(batch) or 1.0  # a batch that predicts nothing moves nothing
        mine = np.arange(self.work.rows(batch))[together.index :: together.count]
        parts = [rows for rows in np.array_split(mine, self.loop.parts) if len(rows)]
        return [(rows, self.work.weight(self.work.part(batch, rows)) / whole) for rows in parts] or [(np.zeros(1, np.int64), 0.0)]

    def _part(self, part: B, share: float) -> torch.Tensor:
        """Add the gradients of a part of a batch; its share of the batch's mean loss."""
        module = self.loop.module
        inputs = {**self.work.inputs(module, part), SHARE: torch.full((), share, device=module.device)}
        with attention(module.device, self.work.longest(part), low=self.loop.pacing.low_precision):  # the way back, too: a layer that is computed once more must attend alike
            return self.graphs("gradients", self._backward, inputs)

    def _backward(self, inputs: Inputs) -> torch.Tensor:
        """Add the gradients of what `part` was given; the loss."""
        with self.loop.accelerator.autocast():
            loss = self.work.loss(self.loop.module, {name: tensor for name, tensor in inputs.items() if name != SHARE}) * inputs[SHARE]
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()
