"""What a student's output layer learns from its teacher's, without the scores of all places in memory at once.

The loss of a place is a T^2 KL(q || p_T) - b log p[right piece], with p = softmax(s), p_T = softmax(s / T) of the student's scores s, and q of the teacher's.
Its gradient by s is known in closed form,

    a T (p_T - q) + b (p - [right piece])

so that forward and backward are made together, some places at a time, as in `ringsmith.pretrain.output`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.nn import functional

from ringsmith.pretrain.objective import IGNORED

SCORES, SCORES_OF_GPU = 1 << 21, 1 << 28
"""Scores of one model that are made at once: 8 MB in float32, on a GPU 1 GB."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What an output layer sees, and the layer.

    Attributes:
        states: (n, d).
        table: its weights, (pieces, d).
        offset: (pieces,), or None.
    """

    states: torch.Tensor
    table: torch.Tensor
    offset: torch.Tensor | None

    def scores(self, rows: slice, dtype: torch.dtype) -> torch.Tensor:
        """(rows, pieces), float32; the product is taken in `dtype`."""
        product = self.states[rows].to(dtype) @ self.table.to(dtype).T
        return product.float() if self.offset is None else product.float() + self.offset.float()


def taught_loss(student: Seen, teacher: Seen, labels: torch.Tensor, *, temperature: float, soft: float, own: float) -> torch.Tensor:
    """`soft` times the soft targets plus `own` times the negative log likelihood, the mean over the places that count.

    Args:
        student: gets gradients.
        teacher: gets none.
        labels: the right pieces (n,); `IGNORED` for places that count nothing.
        temperature: T.
        soft: weight a.
        own: weight b.
    """
    kind = student.states.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    weights = _Weights(temperature, soft, own, dtype)
    return cast(torch.Tensor, _Taught.apply(student.states, student.table, student.offset, teacher, labels, weights))  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Weights:
    temperature: float
    soft: float
    own: float
    dtype: torch.dtype


class _Taught(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, table: torch.Tensor, offset: torch.Tensor | None, teacher: Seen, labels: torch.Tensor, weights: _Weights) -> torch.Tensor:
        student = Seen(states.detach(), table.detach(), None if offset is None else offset.detach())
        counted = labels != IGNORED
        share = (counted.float() / counted.sum().clamp_min(1))[:, None]
        right = torch.where(counted, labels, 0)[:, None]
        by_states, by_table = torch.zeros_like(states, dtype=torch.float32), torch.zeros_like(table, dtype=torch.float32)
        by_offset = None if offset is None else torch.zeros_like(offset, dtype=torch.float32)
        loss = torch.zeros((), device=states.device)
        at_once = max(1, (SCORES if states.device.type == "cpu" else SCORES_OF_GPU) // len(table))
        with torch.autocast(states.device.type, enabled=False):
            for begin in range(0, len(states), at_once):
                rows = slice(begin, begin + at_once)
                part, slope = _place_losses(student.scores(rows, weights.dtype), teacher.scores(rows, weights.dtype), right[rows], weights)
                loss += (part * share[rows]).sum()
                slope *= share[rows]
                low = slope.to(weights.dtype)
                by_states[rows] = (low @ student.table.to(weights.dtype)).float()
                by_table += (low.T @ student.states[rows].to(weights.dtype)).float()
                if by_offset is not None:
                    by_offset += slope.sum(0)
        ctx.save_for_backward(by_states, by_table, by_offset)
        ctx.kinds = states.dtype, table.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        by_states, by_table, by_offset = ctx.saved_tensors
        scale = gradients[0]
        return (by_states * scale).to(ctx.kinds[0]), (by_table * scale).to(ctx.kinds[1]), None if by_offset is None else by_offset * scale, None, None, None


def _place_losses(student: torch.Tensor, teacher: torch.Tensor, right: torch.Tensor, weights: _Weights) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of each place (m, 1), and its gradient by the student's scores (m, pieces)."""
    t = weights.temperature
    wanted, given = functional.log_softmax(teacher / t, 1), functional.log_softmax(student / t, 1)
    likely = functional.log_softmax(student, 1)
    q = wanted.exp()
    kl = (q * wanted.sub_(given)).sum(1, keepdim=True)
    loss = weights.soft * t**2 * kl - weights.own * likely.gather(1, right)
    slope = given.exp_().sub_(q).mul_(weights.soft * t).add_(likely.exp_(), alpha=weights.own)
    slope.scatter_add_(1, right, torch.full_like(kl, -weights.own))
    return loss, slope
