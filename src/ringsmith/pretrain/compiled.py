"""A model's layers compiled by `torch.compile`, for a GPU: some hundred small kernels a layer become a dozen.

Only the layers are compiled, each by itself: they are alike, so that the compiler works once, for seconds, and not on the whole model, for minutes. The
weights keep their names and places. On a CPU it was measured and does not pay (LOG.md).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import nn

FLOPS_OF_GPU = 1e14
"""Operations that a GPU does in a second of training, about: what a budget allows."""
WORTH_FLOPS = 3e16
"""A training of so many floating point operations pays for the compiler's work, half a minute or more (LOG.md)."""


def compile_pays(device: torch.device, flops: float) -> bool:
    """Whether a training of so many floating point operations is sooner at its end with compiled layers: on a GPU for which torch can compile."""
    return device.type == "cuda" and flops >= WORTH_FLOPS and importlib.util.find_spec("triton") is not None


def compile_layers(module: Any) -> int:
    """Let every layer of the model, or of the models in it, be compiled when it is first called; how many there are. One that cannot be compiled runs as it is."""
    layers = {id(layer): layer for part in module.modules() if isinstance(part, nn.ModuleList) for layer in part if any(True for _ in layer.parameters())}
    torch._dynamo.config.suppress_errors = True
    for layer in layers.values():
        layer.compile()
    return len(layers)
