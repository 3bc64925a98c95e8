"""Frozen layers in 8 or 4 bits: what a training needs to hold of a body that does not move.

    8 bits   whole numbers from -127 to 127, times the largest of their row over 127 (Dettmers et al., 2022, without their outliers)
    4 bits   sixteen levels, quantiles of the normal distribution, times the largest of their 64 numbers: NF4 of QLoRA (Dettmers et al., 2023, section 3)

They are multiplied out for each product, forward and back, and forgotten. Plain operations of torch, on any device; nothing of it is handed
over: what was trained is merged into the weights as they were pre-trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn import functional

Codes: TypeAlias = torch.Tensor
BLOCK = 64
OFFSET = 0.9677083
"""Outermost quantile of NF4: the mean of those where 15 and 16 bins end (the paper's appendix E gives what follows from it)."""


def normal_levels() -> torch.Tensor:
    """The sixteen levels (16,) of NF4, rising from -1 to 1: eight quantiles above zero, zero itself, and seven below."""
    above, below = (torch.special.ndtri(torch.linspace(OFFSET, 0.5, ends, dtype=torch.float64)[:-1]) for ends in (9, 8))
    levels = torch.cat([-below, torch.zeros(1, dtype=torch.float64), above.flip(0)])
    return (levels / levels.max()).float()


@cache
def _pairs(device: torch.device) -> torch.Tensor:
    """Both levels (256, 2) of each byte."""
    levels, byte = normal_levels(), torch.arange(256)
    return torch.stack([levels[byte >> 4], levels[byte & 15]], dim=1).to(device)


def pack(weight: torch.Tensor, bits: int) -> tuple[Codes, torch.Tensor]:
    """Codes and scales of a matrix.

    Args:
        weight: (out, in).
        bits: 8, or 4.

    Returns:
        For 8 bits int8 (out, in) and float32 (out, 1); for 4 bits uint8 (ceil(out x in / 64), 32), two levels in a byte, and float32 (ceil(out x in / 64), 1).
    """
    if bits == 8:
        scale = _largest(weight) / 127
        return torch.round(weight / scale).to(torch.int8), scale
    blocks = functional.pad(weight.flatten(), (0, -weight.numel() % BLOCK)).view(-1, BLOCK)
    scale, levels = _largest(blocks), normal_levels().to(weight.device)
    codes = torch.bucketize(blocks / scale, (levels[1:] + levels[:-1]) / 2).to(torch.uint8)
    return (codes[:, 0::2] << 4) | codes[:, 1::2], scale


def unpack(codes: Codes, scale: torch.Tensor, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """The matrix of this shape (out, in) that `pack` came closest to."""
    if codes.dtype == torch.int8:
        return codes.to(dtype) * scale.to(dtype)
    levels = functional.embedding(codes.int(), _pairs(codes.device).to(dtype)).view(len(codes), BLOCK) * scale.to(dtype)
    return levels.flatten()[: shape[0] * shape[1]].view(*shape)


def _largest(rows: torch.Tensor) -> torch.Tensor:
    """Largest size of a number in each row (n, 1); 1 where all are 0."""
    largest = rows.abs().amax(dim=1, keepdim=True).float()
    return torch.where(largest > 0, largest, torch.ones_like(largest))


class QuantisedLinear(nn.Linear):
    """A linear layer whose matrix is packed and stays as it is; the bias is the layer's own.

    Args:
        layer: the layer to take the place of.
        bits: 4 or 8.
    """

    def __init__(self, layer: nn.Linear, bits: int) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        codes, scale = pack(layer.weight.detach(), bits)
        self.register_buffer("codes", codes, persistent=False)  # a training that is put aside packs them anew
        self.register_buffer("scale", scale, persistent=False)

    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        """The matrix (out, in), multiplied out, float32."""
        return self.dense(torch.float32)

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        """The matrix (out, in), multiplied out."""
        return unpack(self.get_buffer("codes"), self.get_buffer("scale"), (self.out_features, self.in_features), dtype)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 (torch's own name)
        device = input.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else input.dtype
        found: torch.Tensor = _Product.apply(input.to(dtype), self)  # type: ignore[no-untyped-call]
        return found if self.bias is None else found + self.bias.to(dtype)


class _Product(torch.autograd.Function):
    """Rows times a packed matrix, which is multiplied out once more on the way back instead of being kept."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, layer: QuantisedLinear) -> torch.Tensor:
        ctx.layer = layer
        return functional.linear(rows, layer.dense(rows.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient @ ctx.layer.dense(gradient.dtype), None


def put_back(layer: QuantisedLinear, plain: nn.Linear) -> nn.Linear:
    """The layer as it was pre-trained, with the bias that was trained."""
    plain = plain.to(layer.get_buffer("scale").device)
    if layer.bias is not None:
        plain.bias = layer.bias
    return plain
