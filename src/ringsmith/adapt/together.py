"""Several processes that train one model (`torchrun`, `accelerate launch`): what the first one decides, and sums over all of them.

Every process draws the same batches and takes its own rows of each; its loss is its share of the batch's mean, so that the sum of the
gradients is the gradient of one process that took all rows. They are summed here, in pieces, and not by DistributedDataParallel: an objective
may reach any part of a model in any order, and a process whose memory is short may take its rows in parts.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, cast

import torch
from torch import distributed

T = TypeVar("T")
PIECE = 1 << 24
"""Numbers that are sent at once, 64 MB: few messages, little memory."""


@cache
def leave_at_exit() -> None:
    """Leave the group of processes while the interpreter still stands: gloo's threads hold tensors, and one that lets go of them later ends the process by SIGABRT."""
    atexit.register(_leave)


def _leave() -> None:
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


class Together:
    """The processes that train together; one that is alone sends nothing.

    Attributes:
        count: processes.
        index: number of this one.
        device: where its tensors lie.
    """

    def __init__(self, count: int, index: int, device: torch.device) -> None:
        self.count, self.index, self.device = count, index, device

    @property
    def first(self) -> bool:
        """Whether this process judges, decides and writes."""
        return self.index == 0

    def agree(self, decide: Callable[[], T]) -> T:
        """What the first process decides, in all of them; what it raises is raised in all of them."""
        if self.count == 1:
            return decide()
        said: list[Any] = [_outcome(decide) if self.first else None]
        distributed.broadcast_object_list(said, device=self.device)
        found, fault = said[0]
        if fault is not None:
            raise fault
        return cast(T, found)

    def sum(self, value: float) -> float:
        """The sum of what the processes have."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float32, device=self.device)
        distributed.all_reduce(total)
        return float(total)

    def start_alike(self, module: Any) -> None:
        """Give all processes the weights of the first."""
        if self.count > 1:
            with torch.no_grad():
                for tensor in module.state_dict().values():
                    distributed.broadcast(tensor, 0)

    def sum_gradients(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Replace every gradient by its sum over the processes."""
        if self.count == 1:
            return
        for piece in _pieces([weight.grad for weight in weights if weight.grad is not None]):
            flat = torch.cat([gradient.reshape(-1) for gradient in piece])
            distributed.all_reduce(flat)
            for gradient, summed in zip(piece, torch.split(flat, [gradient.numel() for gradient in piece]), strict=True):
                gradient.copy_(summed.view_as(gradient))


def _outcome(decide: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What was decided, or what went wrong: whatever it is, the others must not wait for ever."""
    try:
        return decide(), None
    except Exception as error:  # noqa: BLE001
        return None, error


def _pieces(gradients: list[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Neighbours of together at most `PIECE` numbers; a larger one comes alone."""
    piece, size = list[torch.Tensor](), 0
    for gradient in gradients:
        if piece and size + gradient.numel() > PIECE:
            yield piece
            piece, size = [], 0
        piece.append(gradient)
        size += gradient.numel()
    if piece:
        yield piece
