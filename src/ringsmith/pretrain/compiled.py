"""A model's layers compiled by `torch.compile`, for a GPU: some hundred small kernels a layer become a dozen.

Only the layers are compiled, each by itself: they are alike, so that the compiler works once, for seconds, and not on the whole model, for minutes. The
weights keep their names and places. On a CPU it was measured and does not pay (LOG.md).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import nn

WORTH_STEPS = 2_000
"""So many steps pay for the compiler's work (LOG.md)."""


def compile_pays(device: torch.device, steps: int) -> bool:
    """Whether training for so many steps is sooner at its end with compiled layers: on a GPU for which torch can compile."""
    return device.type == "cuda" and steps >= WORTH_STEPS and importlib.util.find_spec("triton") is not None


def compile_layers(module: Any) -> int:
    """Let every layer of the model, or of the models in it, be compiled when it is first called; how many there are. One that cannot be compiled runs as it is."""
    layers = {id(layer): layer for part in module.modules() if isinstance(part, nn.ModuleList) for layer in part if any(True for _ in layer.parameters())}
    torch._dynamo.config.suppress_errors = True
    for layer in layers.values():
        layer.compile()
    return len(layers)
