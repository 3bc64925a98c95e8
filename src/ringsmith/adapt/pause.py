"""A training put aside: everything that the steps to come hang on, in one safetensors file that appears whole or not at all.

In it are the weights, Adam's moments, the best weights so far, the state of torch's random numbers, the course, and what the looks left behind
(numbers of Python, exact in JSON). The order of the rows follows from seed and step. A run that was killed goes on from there to the same bits as one that was not.
Ctrl-C waits for the end of a step, and the state is written down then: nothing is lost.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ringsmith.adapt.pacing import Course
from ringsmith.backbones.chance import gpus_in_use

Weights = dict[str, torch.Tensor]
RANDOM = "random"


class Stopped(KeyboardInterrupt):
    """Ctrl-C came, and the training is put aside.

    Attributes:
        steps: after which it goes on.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps


@contextmanager
def between_steps(*, waits: bool) -> Iterator[list[int]]:
    """Within the block Ctrl-C, and what else is taken for it, interrupts nothing: the numbers of the signals that came. The second one does.

    Args:
        waits: whether it is so at all; else, and outside the main thread, none comes here.
    """
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)
        signal.signal(number, signal.default_int_handler)

    in_main = threading.current_thread() is threading.main_thread()
    mine = [number for number in (signal.SIGINT, signal.SIGTERM) if waits and in_main and signal.getsignal(number) is signal.default_int_handler]
    for number in mine:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number in mine:
            signal.signal(number, signal.default_int_handler)


@dataclass
class Pause:
    """Keeps the state of one training in a file.

    Attributes:
        path: the file.
        identity: tells this training (rows, options, seed, weights) from every other; a file of another one is not gone on with.
        every_seconds: how much work a killed run loses at most.
        to_the_end: whether the last step is kept of a training that took less than that, too, so that nothing is lost before the model is written.
    """

    path: Path
    identity: str
    every_seconds: float = 60.0
    to_the_end: bool = False
    _last: float = field(default_factory=time.monotonic, repr=False)

    def is_due(self, *, over: bool = False) -> bool:
        """Whether it is time to write the state down; `over` after the last step, which is kept where an earlier one was."""
        return time.monotonic() - self._last >= self.every_seconds or (over and (self.to_the_end or self.path.exists()))

    def keep(self, course: Course, module: Any, optimisers: list[torch.optim.Optimizer], best: Weights | None, looked: Mapping[str, Any]) -> None:
        """Write the state down, `looked` being that of the work; a disk that is full keeps the older one."""
        tensors = {RANDOM: torch.get_rng_state()} | {f"{RANDOM}.{gpu}": torch.cuda.get_rng_state(gpu) for gpu in gpus_in_use()}
        tensors |= {f"now.{name}": tensor for name, tensor in module.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
        for number, optimiser in enumerate(optimisers):
            for weight, state in optimiser.state_dict()["state"].items():
                tensors |= {f"moments.{number}.{weight}.{name}": torch.as_tensor(value) for name, value in state.items()}
        about = {"identity": self.identity, "course": json.dumps(asdict(course)), "looked": json.dumps(looked)}
        beside = self.path.with_suffix(f".{os.getpid()}.tmp")
        with suppress(OSError, SafetensorError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, beside, about)
            beside.replace(self.path)
        beside.unlink(missing_ok=True)
        self._last = time.monotonic()

    def restore(self, module: Any, optimisers: list[torch.optim.Optimizer]) -> tuple[Course, Weights | None, dict[str, Any]] | None:
        """Put everything back as it was; the course, the best weights and what the looks left behind. None where there is nothing to go on from."""
        try:
            with safe_open(self.path, framework="pt") as file:
                about = file.metadata()
                if not self._is_of_this(about):
                    return None
                # Copies: what the file gives is mapped from it, and a file that is mapped can neither be replaced nor removed on Windows.
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (a file, not a dict)
        except (OSError, SafetensorError):
            return None
        module.load_state_dict(_below("now.", tensors))
        for number, optimiser in enumerate(optimisers):
            _put_back(optimiser, _below(f"moments.{number}.", tensors))
        torch.set_rng_state(tensors[RANDOM])
        for gpu in gpus_in_use():
            if (state := tensors.get(f"{RANDOM}.{gpu}")) is not None:
                torch.cuda.set_rng_state(state, gpu)
        course = json.loads(about["course"])
        course |= {name: tuple(course[name]) for name in ("best", "paced", "last") if course.get(name) is not None}
        return Course(**course), _below("best.", tensors) or None, json.loads(about["looked"])

    def steps(self) -> int | None:
        """The steps behind what lies there, from which this training goes on; 0 where nothing does, None where it was kept by another one."""
        try:
            with safe_open(self.path, framework="pt") as file:
                about = file.metadata() or {}
        except (OSError, SafetensorError):
            return 0
        return int(json.loads(about["course"])["steps"]) if self._is_of_this(about) else None

    def _is_of_this(self, about: Mapping[str, str]) -> bool:
        """Whether a file that says this of itself was kept by this training, and by this version of it."""
        return about.get("identity") == self.identity and "looked" in about


def _below(prefix: str, tensors: Weights) -> Weights:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _put_back(optimiser: torch.optim.Optimizer, moments: Weights) -> None:
    """Give an optimiser its moments; lazy Adam counts its steps in a plain number."""
    content = optimiser.state_dict()
    for key, tensor in moments.items():
        weight, _, name = key.partition(".")
        plain = name == "step" and isinstance(optimiser, torch.optim.SparseAdam)
        content["state"].setdefault(int(weight), {})[name] = int(tensor) if plain else tensor
    optimiser.load_state_dict(content)
