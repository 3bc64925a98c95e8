"""Layers that train as one, where a classifier of BERT's kind trains in bfloat16 on a CPU: the first one does the work of all (`fusedstack.py`).

The module's own parameters move, and what else there is (optimizer, saving, pausing, what hands the first layer its states) sees nothing of it. Numba
and the kernels are loaded when they are first needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from ringsmith.adapt.recompute import layers_in_use

if TYPE_CHECKING:
    from ringsmith.adapt.fusedstack import FusedStack


@contextmanager
def fused_layers(module: Any, layers: Sequence[nn.Module] | None = None, *, low: bool) -> Iterator[bool]:
    """Within the block the module's layers are one step, if they can be; yields whether they are.

    Args:
        module: a classifier, as it trains.
        layers: those of them that follow each other; None for all that are in use.
        low: whether it trains in bfloat16.
    """
    layers = layers_in_use(module) if layers is None else layers
    stack = _stack(module, layers) if low and module.device.type == "cpu" else None
    if stack is None:
        yield False
        return
    for number, layer in enumerate(layers):
        vars(layer)["forward"] = _Fused(layer.forward, stack, first=number == 0)
    try:
        yield True
    finally:
        _restore(layers)


def plain_layers(module: Any) -> None:
    """Let every layer do its own work again."""
    _restore(module.modules())


def _stack(module: Any, layers: Sequence[nn.Module]) -> FusedStack | None:
    from ringsmith.adapt.fusedstack import FusedStack

    return FusedStack.of(module, layers)


def _restore(layers: Iterable[nn.Module]) -> None:
    for layer in layers:
        if isinstance(fused := vars(layer).get("forward"), _Fused):
            del vars(layer)["forward"]
            if not isinstance(fused.forward, MethodType):  # a forward that was put in before, not the class's own
                vars(layer)["forward"] = fused.forward


class _Fused:
    """A layer's forward while the first of the stack does the work of all and the others hand on what they are given.

    Args:
        forward: the layer's own, for what the stack does not take.
        stack: of all layers.
        first: whether this is the lowest.
    """

    takes: ClassVar[torch.dtype] = torch.bfloat16

    def __init__(self, forward: Any, stack: FusedStack, *, first: bool) -> None:
        self.forward, self.stack, self.first = forward, stack, first

    def __call__(self, states: torch.Tensor, mask: torch.Tensor | None = None, *inputs: Any, **named: Any) -> Any:
        done = self.stack.attempt(states, mask) if self.first else states if self.stack.is_done else None
        if done is not None:
            return done
        return self.forward(states.float() if self.first else states, mask, *inputs, **named)
