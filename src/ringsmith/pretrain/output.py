"""The output layer and its loss in one: the scores of all predicted places over a whole vocabulary are never in memory at once.

For a small model the layer over the vocabulary is most of a step: 600 places x 30,000 pieces are 75 MB in float32, and scores, softmax, loss and
their gradients each go through it once or more. The labels may be smoothed (Szegedy et al., 2016, section 7, with u(k) = 1 / K). Then the loss of a
place with the right piece y among K and its gradient by the scores z are known in closed form,

    q'(k) = (1 - e) [k = y] + e / K,    p = softmax(z)
    loss  = - sum_k q'(k) log p(k) = log sum_k exp z_k  -  (1 - e) z_y  -  e mean_k z_k,        gradient  p - q'

so that forward and backward are made together. Scores become gradients in place, in the precision of the products; float32 copies are of a few
places at a time, which stay within the processor's cache. What is even in q' needs no look at the scores: it is a product with the mean of all
pieces' vectors. How much faster this is than torch's own layer, softmax and cross entropy one after the other stands in LOG.md.
"""

from __future__ import annotations

import functools
from typing import Any, cast

import torch
from torch.nn import functional

from ringsmith.pretrain.objective import IGNORED

BLOCK, BLOCK_OF_GPU = 1 << 25, 1 << 29
"""Scores that are in memory: 64 MB in bfloat16, on a GPU 1 GB and twice that in float32."""
ALIGNED = 64
"""On a GPU the vocabulary is filled up to a multiple of so many pieces (products with 50,257 take five times as long as with 50,304, LOG.md), and blocks have such a
multiple of places."""
SCORES = 1 << 22
"""Scores that one product makes on a CPU."""
CACHED = 1 << 18
"""Scores that are worked on in float32 at once on a CPU: 1 MB."""


def predicted_loss(states: torch.Tensor, layer: Any, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross entropy of `labels`, a scalar in float32: of labels as they are the mean negative log likelihood.

    Args:
        states: what the output layer sees at each place (n, d); within autocast the products are taken in its precision.
        layer: the output layer, a `torch.nn.Linear` over the vocabulary, with an offset or without. Where it is to be compiled (`torch.nn.Module.compile`), so is
            on a GPU what is done between its products.
        labels: the right pieces (n,); `IGNORED` for places that count nothing.
        smoothing: e, the share of every label that is spread evenly over all pieces.
    """
    kind = states.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    compiled = layer._compiled_call_impl is not None
    return cast(torch.Tensor, _Predicted.apply(states, layer.weight, layer.bias, labels, smoothing, dtype, compiled))  # type: ignore[no-untyped-call]


class _Predicted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, table: torch.Tensor, offset: torch.Tensor | None, labels: torch.Tensor, smoothing: float, dtype: torch.dtype, compiled: bool
    ) -> torch.Tensor:
        counted = (labels != IGNORED)[:, None]
        ctx.places = counted.sum().clamp_min(1)
        sums = _Sums(states.detach(), table.detach(), offset, smoothing, dtype, wanted=any(ctx.needs_input_grad), compiled=compiled)
        with torch.autocast(states.device.type, enabled=False):
            loss = sums.add(torch.where(counted, labels[:, None], 0), counted) / ctx.places
        ctx.save_for_backward(sums.by_states, sums.by_table, sums.by_offset)
        ctx.kinds = states.dtype, table.dtype
        return cast(torch.Tensor, loss)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, None, None, None, None]:
        by_states, by_table, by_offset = ctx.saved_tensors
        scale = gradients[0] / ctx.places
        offset = None if by_offset is None else by_offset.mul_(scale)
        return (by_states * scale).to(ctx.kinds[0]), by_table.mul_(scale).to(ctx.kinds[1]), offset, None, None, None, None


class _Sums:
    """The loss, and its gradients by what the layer sees and is; sums over places, whose number they are divided by at the end.

    On a GPU the vocabulary is filled up: the columns behind the pieces are scores of -inf, and slopes of 0.
    """

    def __init__(self, states: torch.Tensor, table: torch.Tensor, offset: torch.Tensor | None, smoothing: float, dtype: torch.dtype, *, wanted: bool, compiled: bool) -> None:
        self.states, self.smoothing, self.pieces = states.to(dtype), smoothing, len(table)
        fill = 0 if self.on_cpu else -len(table) % ALIGNED
        self.table = functional.pad(table.to(dtype), (0, 0, 0, fill)) if fill else table.to(dtype)
        self.offset = None if offset is None else functional.pad(offset.detach().to(dtype), (0, fill))
        self.to_shares = _compiled_to_shares() if compiled and not self.on_cpu else _to_shares
        self.by_states = torch.empty_like(self.states) if wanted else None
        self.sum_by_table = torch.zeros_like(self.table, dtype=torch.float32) if wanted else None
        self.sum_by_offset = torch.zeros_like(self.offset, dtype=torch.float32) if wanted and self.offset is not None else None

    @property
    def on_cpu(self) -> bool:
        """Where small pieces that stay in the cache are the faster way."""
        return self.states.device.type == "cpu"

    @property
    def by_table(self) -> torch.Tensor | None:
        """The gradient by the pieces' vectors (K, d)."""
        return None if self.sum_by_table is None else self.sum_by_table[: self.pieces]

    @property
    def by_offset(self) -> torch.Tensor | None:
        """The gradient by the pieces' offsets (K,)."""
        return None if self.sum_by_offset is None else self.sum_by_offset[: self.pieces]

    def add(self, right: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Go through all places; the `right` pieces, and which places count, (n, 1) each. The sum of their losses."""
        total = torch.zeros((), device=self.states.device)
        block = self._places_at_once()
        fill = self._fill_in_cache if self.on_cpu else self._fill_in_few_sweeps
        kept = self.states.new_empty(block, len(self.table))
        for begin in range(0, len(self.states), block):
            rows = slice(begin, min(begin + block, len(self.states)))
            slopes = kept[: rows.stop - begin]
            total += fill(slopes, self.states[rows], right[rows], there[rows])
            if self.by_states is not None and self.sum_by_table is not None:
                torch.mm(slopes, self.table, out=self.by_states[rows])
                self.sum_by_table += slopes.T @ self.states[rows]
                if self.sum_by_offset is not None:
                    self.sum_by_offset += slopes.sum(0, dtype=torch.float32)
        return total - self._evenly(there) if self.smoothing else total

    def _places_at_once(self) -> int:
        """How many places' scores are in memory."""
        most = (BLOCK if self.on_cpu else BLOCK_OF_GPU) // len(self.table)
        even = most if self.on_cpu or most < ALIGNED else most - most % ALIGNED
        return min(len(self.states), max(1, even))

    def _fill_in_cache(self, slopes: torch.Tensor, states: torch.Tensor, right: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Fill `slopes` with the losses' gradients by the scores of some places, but for what is even in them; the sum of the losses, but for it."""
        at_once = max(1, SCORES // len(self.table))
        total = torch.zeros((), device=slopes.device)
        for begin in range(0, len(slopes), at_once):
            some = slice(begin, begin + at_once)
            self._scores(states[some], slopes[some])
            total += _to_slopes(slopes[some], right[some], there[some], self.smoothing)
        return total

    def _fill_in_few_sweeps(self, slopes: torch.Tensor, states: torch.Tensor, right: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """The same for a GPU, where every sweep over the scores goes through its memory.

        As log p[y] = z_y - log sum_k exp z_k, the loss is e z_y - log p[y].
        """
        self._scores(states, slopes)
        slopes[:, self.pieces :] = -torch.inf
        own, likely = self.to_shares(slopes, right, there)
        slopes.scatter_(1, right, ((likely.exp() - (1 - self.smoothing)) * there).to(slopes.dtype))
        return ((self.smoothing * own - likely) * there).sum()

    def _scores(self, states: torch.Tensor, out: torch.Tensor) -> None:
        """What the layer says of some places."""
        torch.mm(states, self.table.T, out=out) if self.offset is None else torch.addmm(self.offset, states, self.table.T, out=out)

    def _evenly(self, there: torch.Tensor) -> torch.Tensor:
        """The part of the loss that is even, e times the mean score of every place; its gradients are taken off."""
        share, count = self.smoothing / self.pieces, there.sum()
        mean, states = self.table[: self.pieces].float().mean(0), (self.states.float() * there).sum(0)
        if self.by_states is not None and self.sum_by_table is not None:
            self.by_states -= (self.smoothing * mean).to(self.by_states.dtype) * there
            self.sum_by_table -= share * states
            if self.sum_by_offset is not None:
                self.sum_by_offset -= share * count
        offset = 0.0 if self.offset is None else self.offset[: self.pieces].float().mean()
        return self.smoothing * (states @ mean + offset * count)


def _to_shares(scores: torch.Tensor, right: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn scores into softmax's shares in place, 0 for places that do not count; the `right` pieces' scores and the logarithms of their shares, (n, 1) each."""
    own, logarithms = scores.gather(1, right).float(), torch.log_softmax(scores, 1, dtype=torch.float32)
    likely = logarithms.gather(1, right)
    torch.exp(logarithms, out=scores).mul_(there)
    return own, likely


@functools.cache
def _compiled_to_shares() -> Any:
    """The same in two sweeps."""
    return torch.compile(_to_shares)


def _to_slopes(scores: torch.Tensor, right: torch.Tensor, there: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Turn scores into p - (1 - e) [k = y] in place, 0 for places that do not count; the sum of log sum exp z - (1 - e) z_y over the others."""
    at_once = max(1, CACHED // scores.shape[1])
    total = torch.zeros((), device=scores.device)
    work = torch.empty(min(at_once, len(scores)), scores.shape[1], device=scores.device)
    for begin in range(0, len(scores), at_once):
        some, wanted, counted = scores[begin : begin + at_once], right[begin : begin + at_once], there[begin : begin + at_once]
        values = work[: len(some)].copy_(some)
        highest, own = values.amax(1, keepdim=True), values.gather(1, wanted)
        mass = values.sub_(highest).exp_().sum(1, keepdim=True)
        total += ((highest + mass.log() - (1 - smoothing) * own) * counted).sum()
        values.scatter_add_(1, wanted, (smoothing - 1) * mass)
        some.copy_(values.mul_(counted / mass))
    return total
