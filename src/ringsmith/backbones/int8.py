"""Linear layers in eight-bit integers, for CPUs that multiply those fastest (with VNNI, three to four times float32's rate).

Decisions (figures: MiniLM's last layer against float32; mean cosine, worst of 64 sentences):
- Weights: one scale for each output, symmetric. Inputs: one scale for each token, found as it comes, so that a text's vector does
  not depend on what else is in its batch. One scale for a whole batch: 0.992, 0.973; one for each token: 0.9987, 0.995.
- A few input channels of a transformer are many times larger than the rest and would use up the whole range: the largest, found on
  sample texts, are multiplied in float32 (T. Dettmers et al., 2022, "LLM.int8()"; there they are looked for in every batch, here
  once). With 8 of 384: 0.9997, 0.9993.
- Normalisation, attention, activations and residuals stay float32.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import torch
from torch import nn

OUTLIERS = 8
"""Input channels kept in float32 for every 384 of them."""


@dataclass(frozen=True, eq=False)
class Quantised:
    """A layer's input in eight bits.

    Attributes:
        source: the tensor it was made from.
        outliers: the columns that were left out.
        numbers: uint8 (rows, inputs), steps above the row's smallest value.
        scales: float32 (rows, 1), the size of one step.
        rest: float32 (rows, outliers + 2), the columns that were left out, ones for the bias, and the rows' smallest values.
    """

    source: torch.Tensor
    outliers: torch.Tensor
    numbers: torch.Tensor
    scales: torch.Tensor
    rest: torch.Tensor


class Memo(threading.local):
    """The input that this thread quantised last: query, key and value ask for the same one."""

    def __init__(self) -> None:
        self.last: Quantised | None = None

    def quantise(self, x: torch.Tensor, outliers: torch.Tensor, keep: torch.Tensor) -> Quantised:
        """`x` (..., inputs) in eight bits, made once for layers that follow each other on the same tensor."""
        last = self.last
        if last is None or last.source is not x or last.outliers is not outliers:
            last = self.last = _quantise(x, outliers, keep)
        return last


class Int8Linear(nn.Module):
    """A linear layer: the product in int8, its outlier channels and bias in float32; takes and gives float32."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, *, outliers: torch.Tensor, memo: Memo) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.memo, self.outliers = memo, outliers
        self.keep = torch.ones(self.in_features).index_fill_(0, outliers, 0.0)
        narrow = weight * self.keep
        self.scales = narrow.abs().amax(dim=1).clamp_(min=1e-12) / 127
        self.zeros = torch.zeros(self.out_features, dtype=torch.int64)
        steps = (narrow / self.scales[:, None]).round()
        self.packed = torch.ops.onednn.qlinear_prepack(steps.to(torch.int8).contiguous(), None)
        offset = torch.zeros(self.out_features) if bias is None else bias
        self.rest = torch.cat([weight[:, outliers], offset[:, None], (steps.sum(dim=1) * self.scales)[:, None]], dim=1).t().contiguous()
        self.weight = torch.empty(0)  # some models look at the dtype of a layer's weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, float32 (..., out_features)."""
        return self._multiply(self.memo.quantise(x, self.outliers, self.keep)).view(*x.shape[:-1], self.out_features)

    def consume(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs for an input (rows, in_features) that nobody needs any more: it is overwritten."""
        return self._multiply(_quantise(x, self.outliers, self.keep, spare=True))

    def multiply_steps(self, numbers: torch.Tensor) -> torch.Tensor:
        """The product of steps, float32 (rows, out_features): without the rows' scales, and without what was left out."""
        return torch.ops.onednn.qlinear_pointwise(  # type: ignore[no-any-return]
            numbers, 1.0, 0, self.packed, self.scales, self.zeros, None, 1.0, 0, torch.float32, "none", [], "none"
        )

    def _multiply(self, q: Quantised) -> torch.Tensor:
        return self.multiply_steps(q.numbers).mul_(q.scales).addmm_(q.rest, self.rest)


def find_outliers(largest: torch.Tensor) -> torch.Tensor:
    """The channels to keep in float32, ascending: the largest of `largest` (inputs,), the largest size each was seen with."""
    count = -(-OUTLIERS * len(largest) // 384)
    return largest.topk(min(count, len(largest))).indices.sort().values


def _quantise(x: torch.Tensor, outliers: torch.Tensor, keep: torch.Tensor, *, spare: bool = False) -> Quantised:
    rows = x.reshape(-1, x.shape[-1])
    taken = rows.index_select(1, outliers)
    narrow = rows.mul_(keep) if spare else rows * keep
    low = narrow.amin(dim=1, keepdim=True)
    scales = narrow.amax(dim=1, keepdim=True).sub_(low).clamp_(min=1e-12).mul_(1 / 255)
    rest = torch.cat([taken, torch.ones_like(low), low], dim=1)
    # Half a step down before it is cut off to an integer: that rounds.
    numbers = narrow.sub_(low.sub_(scales, alpha=0.5)).mul_(scales.reciprocal()).to(torch.uint8)
    return Quantised(x, outliers, numbers, scales, rest)
