"""Steps that a GPU is sent as one: what a step does is recorded once for each shape of its inputs and replayed from then on (CUDA graphs).

A step of a small model is a thousand kernels of some microseconds each, and sending them one after the other takes the processor several times as long
as the GPU takes to run them (LOG.md). A replay is sent in one call; what it computes is what was recorded, dropout drawn anew.

    first time    a shape is computed as always, which lays out what the libraries need, and compiles what is to be compiled
    watched       the first shape that comes again is computed so, too, and it is noted whether the processor waits for the GPU meanwhile: what waits
                  cannot be recorded. If it does, all that is made on the way is made on the GPU from the start, beginning with a first time; if it still
                  does, nothing is recorded
    from then on  recorded, and replayed

Gradients are added to what lies in the weights' ``.grad``, at the same place for ever: set them to zero, never to None, while there are recordings.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

Inputs = Mapping[str, torch.Tensor]
Compute = Callable[[Inputs], torch.Tensor]
MOST = 64
"""Recordings that are kept: each holds its inputs, and all share the memory of what is computed between."""
WAITED = "called a synchronizing CUDA operation"
"""What torch warns with where the processor waits."""
ASKS_IN_VAIN = "masking_utils.py"
"""A file of transformers that asks the GPU whether a mask may be left out, and does not while a step is recorded."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A step of one shape.

    Attributes:
        inputs: where it reads.
        graph: what it does.
        result: what it leaves, until the next replay of any recording.
    """

    inputs: Inputs
    graph: Any
    result: torch.Tensor

    def replay(self, inputs: Inputs) -> torch.Tensor:
        """Do it with these inputs."""
        for name, tensor in self.inputs.items():
            tensor.copy_(inputs[name], non_blocking=True)
        self.graph.replay()
        return self.result.clone()


class Graphs:
    """Records and replays the steps of one training.

    Args:
        device: where they run; anything but a GPU computes every step as always.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.able = device.type == "cuda"
        self._ways: list[Callable[[], AbstractContextManager[Any]]] = [nullcontext, lambda: torch.device(device)]
        self._seen, self._trusted = set[Any](), set[str]()
        self._recordings: dict[Any, Recording] = {}
        self._pool: Any = None
        self._stream: Any = None

    def __call__(self, name: str, compute: Compute, inputs: Inputs) -> torch.Tensor:
        """What `compute` makes of these inputs, a tensor; the inputs are left as they were.

        Args:
            name: tells what is computed from other things of the same shape.
            compute: does the same at every call but for the inputs, which it reads on the device alone.
            inputs: on the device.
        """
        if not self.able:
            return compute(inputs)
        key = name, *((part, tuple(tensor.shape), tensor.dtype) for part, tensor in inputs.items())
        if key in self._recordings:
            return self._recordings[key].replay(inputs)
        if key not in self._seen or len(self._recordings) >= MOST:
            self._seen.add(key)
            with self._ways[0]():
                return compute(inputs)
        if name not in self._trusted:
            return self._watched(name, compute, inputs)
        return self._recorded(key, compute, inputs)

    def forget(self) -> None:
        """Let go of all recordings, and the memory that they share."""
        self._recordings.clear()
        self._pool = None

    def _watched(self, name: str, compute: Compute, inputs: Inputs) -> torch.Tensor:
        """Compute as always; trust what never waits, else try the next way, and behind the last one give up."""
        with self._ways[0](), _waits() as told:
            result = compute(inputs)
        if not told:
            self._trusted.add(name)
        elif len(self._ways) > 1:
            del self._ways[0]
            self._seen.clear()
        else:
            self._give_up()
        return result

    def _recorded(self, key: Any, compute: Compute, inputs: Inputs) -> torch.Tensor:
        """Record and replay it; nothing was computed where that fails, for want of memory or whatever else, so that it can be computed as always."""
        try:
            self._recordings[key] = self._record(compute, {name: tensor.clone() for name, tensor in inputs.items()})
        except RuntimeError:
            self._give_up()
            _draw_again(self.device)
            return compute(inputs)
        return self._recordings[key].replay(inputs)

    def _record(self, compute: Compute, inputs: Inputs) -> Recording:
        graph, self._pool = torch.cuda.CUDAGraph(), self._pool or torch.cuda.graph_pool_handle()
        self._stream = self._stream or torch.cuda.Stream()  # type: ignore[no-untyped-call]  # one for all: torch keeps much memory for each
        torch.cuda.synchronize()
        torch.cuda.empty_cache()  # what the same shape took before is free, and is not to be held twice
        with torch.cuda.stream(self._stream), self._ways[0]():
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = compute(inputs)
            finally:
                graph.capture_end()
        return Recording(inputs, graph, result)

    def _give_up(self) -> None:
        self.able = False
        self.forget()


@contextmanager
def _waits() -> Iterator[list[str]]:
    """Within the block the processor's waits for the GPU are noted; what transformers does not do while it is recorded does not count."""
    noted: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield noted
        finally:
            torch.cuda.set_sync_debug_mode("default")
    noted += [str(one.message) for one in caught if WAITED in str(one.message) and not one.filename.endswith(ASKS_IN_VAIN)]


def _draw_again(device: torch.device) -> None:
    """Give the GPU's generator a state of its own after a recording that failed, which leaves it waiting for the end of one."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    fresh = torch.Generator(device)
    fresh.manual_seed(generator.initial_seed())
    generator.graphsafe_set_state(fresh.graphsafe_get_state())
