"""A body made fast: its linear layers replaced by ones that hold their weights in the form the CPU multiplies best.

The forward stays transformers' own, so every architecture gains. (Autocast does the same work again in every batch: it casts each
weight anew, because without gradients it keeps no copy.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from ringsmith.backbones.int8 import Int8Linear, Memo, find_outliers

Kind = Literal["float32", "bfloat16", "int8"]
SMALLEST = 32
"""Layers with fewer inputs or outputs are left as they are."""
Spot = tuple[nn.Module, str, nn.Module]


class Bfloat16Linear(nn.Module):
    """A linear layer with bfloat16 weights, packed once for oneDNN; takes any floating type, gives bfloat16."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(torch.bfloat16).contiguous(), None)
        self.bias = None if bias is None else bias.to(torch.bfloat16)
        self.weight = torch.empty(0)  # some models look at the dtype of a layer's weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, bfloat16 (..., out_features)."""
        return torch.ops.mkldnn._linear_pointwise(x.to(torch.bfloat16), self.packed, self.bias, "none", [], "")  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Swap:
    """Linear layers of a body and what can stand in their place.

    Attributes:
        spots: where they are: parent, name, the old layer.
        new: the new layer of each spot.
    """

    spots: list[Spot]
    new: list[nn.Module]

    def apply(self) -> None:
        """Put the new layers in."""
        for (parent, name, _), layer in zip(self.spots, self.new, strict=True):
            setattr(parent, name, layer)

    def restore(self) -> None:
        """Put the old layers back."""
        for parent, name, layer in self.spots:
            setattr(parent, name, layer)


def prepare(module: nn.Module, kind: Kind, run_samples: Callable[[], object]) -> Swap:
    """The faster layers for `module`, not yet in their places.

    Args:
        module: the body, float32, on the CPU.
        kind: what to multiply in; ``"float32"`` replaces nothing.
        run_samples: runs sample texts through `module`; int8 looks at the inputs of its layers then.
    """
    spots = [(parent, name, child) for parent in module.modules() for name, child in parent.named_children() if _is_linear(child)]
    if kind == "float32":
        return Swap([], [])
    if kind == "bfloat16":
        return Swap(spots, [Bfloat16Linear(*_matrix(layer)) for _, _, layer in spots])
    return Swap(spots, _int8(spots, run_samples))


def _int8(spots: list[Spot], run_samples: Callable[[], object]) -> list[nn.Module]:
    memo = Memo()
    same: dict[tuple[int, ...], torch.Tensor] = {}
    largest = _watch([layer for _, _, layer in spots], run_samples)
    new: list[nn.Module] = []
    for _, _, layer in spots:
        weight, bias = _matrix(layer)
        seen = largest.get(layer)
        outliers = find_outliers(torch.ones(weight.shape[1]) if seen is None else seen)
        # Layers with the same input get the same tensor of outliers: that is how the memo knows them.
        outliers = same.setdefault(tuple(outliers.tolist()), outliers)
        new.append(Int8Linear(weight, bias, outliers=outliers, memo=memo))
    return new


def _watch(layers: list[nn.Module], run_samples: Callable[[], object]) -> dict[nn.Module, torch.Tensor]:
    """The largest absolute value of each input channel of each layer while the samples run."""
    largest: dict[nn.Module, torch.Tensor] = {}

    def look(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen = inputs[0].detach().abs().flatten(0, -2).amax(dim=0).float()
        largest[layer] = torch.maximum(largest[layer], seen) if layer in largest else seen

    handles = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        run_samples()
    finally:
        for handle in handles:
            handle.remove()
    return largest


def _is_linear(module: nn.Module) -> bool:
    """A plain linear layer (or GPT-2's transposed one) that is large enough to be worth it."""
    return type(module) in (nn.Linear, Conv1D) and min(module.weight.shape) >= SMALLEST  # type: ignore[arg-type]


def _matrix(layer: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight (outputs, inputs) and bias of a linear layer."""
    weight = layer.weight.detach()
    return (weight.t() if type(layer) is Conv1D else weight), (None if layer.bias is None else layer.bias.detach())
