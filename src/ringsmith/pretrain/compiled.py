"""A model's layers compiled by `torch.compile`: the many small operations of a layer become a few kernels.

Only the layers are compiled, each by itself: they are alike, so that the compiler works once, for half a minute, and not on the whole model, for minutes.
The weights keep their names and places. It is not done unasked: on two cores it does not pay (LOG.md), and on a GPU it was not measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def compile_layers(module: Any) -> int:
    """Let every layer of the model, or of the models in it, be compiled when it is first called; how many there are. One that cannot be compiled runs as it is."""
    layers = {id(layer): layer for part in module.modules() if isinstance(part, nn.ModuleList) for layer in part if any(True for _ in layer.parameters())}
    torch._dynamo.config.suppress_errors = True
    for layer in layers.values():
        layer.compile()
    return len(layers)
