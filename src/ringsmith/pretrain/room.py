"""Whether memory holds a model at all: told from its shape, before anything is read or made, and in a sentence where it runs out all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ringsmith.adapt.loop import on_cpu
from ringsmith.adapt.memory import free_bytes, out_of_memory
from ringsmith.backbones.load import best_device
from ringsmith.errors import MachineError

BYTES = 16
"""Of a number that is trained: itself, its gradient and Adam's two moments, in float32."""
FEWER = "Take a smaller model: fewer --layers, a smaller --hidden."


def check_room(parameters: int) -> None:
    """Refuse a model that memory does not hold while it trains, whatever goes through it.

    Args:
        parameters: numbers of the model, or what is known of them at least.

    Raises:
        MachineError: it needs more than is free where it will lie.
    """
    needs, free = BYTES * parameters, free_bytes(torch.empty(0, device="cpu" if on_cpu() else best_device()))
    if needs > free:
        raise MachineError(
            f"Memory must hold the model with its gradients: {parameters / 1e6:,.0f} M parameters need {needs / 2**30:,.1f} GB, and {free / 2**30:,.1f} GB are free. {FEWER}"
        )


@contextmanager
def memory_faults() -> Iterator[None]:
    """Turn memory that runs out while a model is made into one sentence.

    Raises:
        MachineError: it did.
    """
    try:
        yield
    except Exception as error:
        if out_of_memory(error):
            raise MachineError(f"Memory must hold the model and what it begins with; it does not. {FEWER}") from error
        raise
