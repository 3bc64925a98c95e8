"""Layers that keep nothing but their inputs, and compute the rest once more on the way back (Chen, Xu, Zhang and Guestrin, 2016).

Of a row of 256 tokens MiniLM keeps 117 MB for the way back, or so 4 MB and what one layer at a time needs; a step takes a fifth longer (LOG.md). It is
the last resort where memory does not hold a single row, and smaller parts of a batch, which cost next to nothing, can no longer help.

transformers has a switch for the same thing; this one works for every family whose layers stand in one list, XLNet's too.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from types import MethodType
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ringsmith.adapt.replay import Moving
from ringsmith.adapt.stack import layers_of
from ringsmith.errors import RunRefused

CACHE = "past_key_values"
"""Where a causal model keeps keys and values for the next token: in training there is none, and a second forward would write them twice."""


def recompute_layers(module: Any) -> bool:
    """Let the layers that move keep their inputs alone, in place; whether that is new, and the model has layers to do it with."""
    if is_recomputed(module) or not (layers := layers_in_use(module)):
        return False
    for layer in layers:
        vars(layer)["forward"] = _Twice(layer.forward)
    return True


def keep_all(module: Any) -> None:
    """Let every layer keep what it needs again."""
    for part in module.modules():
        if isinstance(twice := vars(part).get("forward"), _Twice):
            del vars(part)["forward"]
            if not isinstance(twice.forward, MethodType):  # a forward that was put in before, not the class's own
                vars(part)["forward"] = twice.forward


def is_recomputed(module: Any) -> bool:
    """Whether its layers keep their inputs alone."""
    return any(isinstance(vars(part).get("forward"), _Twice) for part in module.modules())


def layers_in_use(module: Any) -> list[nn.Module]:
    """A classifier's layers without those that are left out because their states are known (`replay.py`)."""
    moving = [part for part in module.modules() if isinstance(part, Moving)]
    if moving:
        return list(moving[0].children())
    try:
        return list(layers_of(module))
    except (RunRefused, AttributeError):  # one layer used over and over; or no body of transformers
        return []


class _Twice:
    """A layer's forward which is computed again on the way back; plain where there is no way back.

    Args:
        forward: the layer's own.
    """

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.forward(*inputs, **named)
        call = signature(self.forward).bind(*inputs, **named)
        if CACHE in call.arguments:
            call.arguments[CACHE] = None
        return checkpoint(self.forward, *call.args, use_reentrant=False, **call.kwargs)
