"""The output layer and its loss in one: the scores of all predicted places over a whole vocabulary are never in memory at once.

For a small model the layer over the vocabulary is most of a step: 600 places x 30,000 pieces are 75 MB in float32, and scores, softmax, loss and
their gradients each go through it once or more. The gradient of the mean cross entropy by the scores of a place is known in closed form,

    (p - [right piece]) / places,        p = softmax(scores)

so that forward and backward are made together, as many places at a time as the processor's cache holds: on one core 1.9 times as fast as torch's own
layer, softmax and cross entropy one after the other (LOG.md).
"""

from __future__ import annotations

from typing import Any, cast

import torch

from ringsmith.pretrain.objective import IGNORED

SCORES = 1 << 21
"""Scores that are made at once on a CPU: 64 places of 32,768 pieces. Of 16, 32, 64, 128 and 1,024 places 64 were fastest."""
BLOCK = 1 << 26
"""Gradients of scores that are kept until they meet the vectors: 128 MB in bfloat16."""


def predicted_loss(states: torch.Tensor, layer: Any, labels: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood of `labels`, a scalar in float32.

    Args:
        states: what the output layer sees at each place (n, d); within autocast the products are taken in its precision.
        layer: the output layer, a `torch.nn.Linear` over the vocabulary, with an offset or without.
        labels: the right pieces (n,); `IGNORED` for places that count nothing.
    """
    kind = states.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    return cast(torch.Tensor, _Predicted.apply(states, layer.weight, layer.bias, labels, dtype))  # type: ignore[no-untyped-call]


class _Predicted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, table: torch.Tensor, offset: torch.Tensor | None, labels: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        counted = labels != IGNORED
        ctx.places = counted.sum().clamp_min(1)
        sums = _Sums(states.detach(), table.detach(), offset, dtype, wanted=any(ctx.needs_input_grad))
        with torch.autocast(states.device.type, enabled=False):
            loss = sums.add(torch.where(counted, labels, 0)[:, None], counted[:, None]) / ctx.places
        ctx.save_for_backward(sums.by_states, sums.by_table, sums.by_offset)
        ctx.kinds = states.dtype, table.dtype
        return cast(torch.Tensor, loss)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, None, None]:
        by_states, by_table, by_offset = ctx.saved_tensors
        scale = gradients[0] / ctx.places
        offset = None if by_offset is None else by_offset.mul_(scale)
        return (by_states * scale).to(ctx.kinds[0]), by_table.mul_(scale).to(ctx.kinds[1]), offset, None, None


class _Sums:
    """The loss, and its gradients by what the layer sees and is."""

    def __init__(self, states: torch.Tensor, table: torch.Tensor, offset: torch.Tensor | None, dtype: torch.dtype, *, wanted: bool) -> None:
        self.states, self.table = states.to(dtype), table.to(dtype)
        self.offset = None if offset is None else offset.detach().to(dtype)
        self.by_states = torch.empty_like(self.states) if wanted else None
        self.by_table = torch.zeros_like(table, dtype=torch.float32) if wanted else None
        self.by_offset = torch.zeros_like(offset, dtype=torch.float32) if wanted and offset is not None else None

    def add(self, right: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Go through all places; the `right` pieces, and which places count, (n, 1) each. The sum over places: their number is divided by at the end."""
        places, pieces = len(self.states), len(self.table)
        total = torch.zeros((), device=self.states.device)
        block = max(1, BLOCK // pieces)
        for begin in range(0, places, block):
            rows = slice(begin, min(begin + block, places))
            slope = torch.empty((rows.stop - begin, pieces), dtype=self.states.dtype, device=self.states.device) if self.by_states is not None else None
            total += self._block(rows, right, there, slope)
            if slope is not None and self.by_states is not None and self.by_table is not None:
                counted = there[rows].to(slope.dtype)
                self.by_states[rows] = (slope @ self.table).mul_(counted)
                self.by_table += slope.T @ (self.states[rows] * counted)
                if self.by_offset is not None:
                    self.by_offset += (slope.T @ counted)[:, 0]
        return total

    def _block(self, rows: slice, right: torch.Tensor, there: torch.Tensor, slope: torch.Tensor | None) -> torch.Tensor:
        """Some places: the sum of their losses; the gradient by their scores is put into `slope`."""
        at_once = max(1, SCORES // len(self.table)) if self.states.device.type == "cpu" else rows.stop - rows.start
        total = torch.zeros((), device=self.states.device)
        for begin in range(rows.start, rows.stop, at_once):
            some = slice(begin, min(begin + at_once, rows.stop))
            scores = self.states[some] @ self.table.T if self.offset is None else torch.addmm(self.offset, self.states[some], self.table.T)
            likely = torch.softmax(scores, 1, dtype=torch.float32)
            told = likely.gather(1, right[some]).clamp_min_(torch.finfo(torch.float32).tiny)  # 87 nats are as wrong as can be
            total -= (told.log() * there[some]).sum()
            if slope is not None:
                likely.scatter_add_(1, right[some], torch.full_like(told, -1.0))
                slope[begin - rows.start : some.stop - rows.start] = likely
        return total
