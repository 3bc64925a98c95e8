"""A model's layers compiled by `torch.compile`: the many small operations of a layer become a few kernels.

Only the layers are compiled, each by itself: they are alike, so that the compiler works once, for half a minute, and not on the whole model, for minutes;
and what the output layer does between its products (`output.py`). The weights keep their names and places.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def compile_layers(module: Any) -> int:
    """Let every layer of the model, or of the models in it, be compiled when it is first called; how many there are. One that cannot be compiled runs as it is."""
    outputs = [part.get_output_embeddings() for part in module.modules() if hasattr(part, "get_output_embeddings")]
    layers = {id(layer): layer for part in module.modules() if isinstance(part, nn.ModuleList) for layer in part if any(True for _ in layer.parameters())}
    torch._dynamo.config.suppress_errors = True
    for layer in [*layers.values(), *{id(output): output for output in outputs if output is not None}.values()]:
        layer.compile()
    return len(layers)
