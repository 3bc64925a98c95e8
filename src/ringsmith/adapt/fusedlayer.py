"""One layer of BERT's kind in bfloat16 on a CPU, there and back by hand: products by torch, all that stands between them by compiled kernels.

    query, key, value     one product of the three weights side by side
    attention             compiled; the tokens of all texts stand one behind the other, so that nothing is padding
    out, add, norm        a product; bias, dropout, the layer's input and the norm in one pass
    up, gelu              a product; bias and gelu in one pass
    down, add, norm       as after attention

autograd over transformers' layer does the same in some 400 operations with a copy of every weight, of every gradient and of most numbers in
between. Here a number is bfloat16 wherever it is written down and float32 where it is worked on; weights and their gradients stay float32.

What a layer keeps for the way back lies in memory that the next step finds again (`Room`): new memory of the system costs as much as a product.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ringsmith._kernels.team import Team
from ringsmith.backbones import kernels_training as kernels
from ringsmith.backbones import kernels_training_attention as attention

LOW = torch.bfloat16
LANES, BLOCK, CHUNKS = 16, 32, 16
"""Widths are whole blocks of LANES; products have whole blocks of BLOCK rows (oneDNN makes code for each new size); a kernel's rows are cut into CHUNKS."""
LIBRARIES = {"darwin": "libtorch_cpu.dylib", "win32": "torch_cpu.dll"}
SPAN = 1 << 32
KERNELS = (kernels.add_norm, kernels.add_norm_back, kernels.gelu, kernels.gelu_back, attention.attend, attention.attend_back)
Shape = tuple[int, ...]
Slopes = tuple[torch.Tensor, torch.Tensor | None]
"""What comes back is the sum of two: through a product, and past it."""


def slab(shapes: Sequence[Shape], dtype: torch.dtype) -> list[torch.Tensor]:
    """Tensors without content, side by side in one piece of memory (for a large one NumPy asks the system for large pages)."""
    sizes = [-(-math.prod(shape) * dtype.itemsize // 64) * 64 for shape in shapes]
    piece = np.empty(sum(sizes) + 64, dtype=np.uint8)
    starts = np.cumsum([-piece.ctypes.data % 64, *sizes])
    return [torch.frombuffer(piece, dtype=dtype, count=math.prod(shape), offset=int(start)).view(shape) for shape, start in zip(shapes, starts, strict=False)]


def torch_team() -> Team:
    """The threads that torch computes with."""
    return Team(Path(torch.__file__).parent / "lib" / LIBRARIES.get(sys.platform, "libtorch_cpu.so"), torch.get_num_threads())


@dataclass(frozen=True, eq=False)
class Texts:
    """Tokens of texts one behind the other, as the rows of a matrix whose last rows, up to a whole block, are zeros.

    Attributes:
        starts: int64 (texts + 1,), the first token of each, and the end.
        tokens: in all.
    """

    starts: torch.Tensor
    tokens: int

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class Parts:
    """What a layer is made of.

    Attributes:
        linear: query, key, value, out, up, down.
        norms: behind attention and behind the feed-forward network.
        drops: what is dropped out before each norm; None for nothing.
        heads: of attention.
        first_only: only each text's first token goes through (`firsttoken.py`).
    """

    linear: tuple[nn.Linear, ...]
    norms: tuple[nn.LayerNorm, nn.LayerNorm]
    drops: tuple[nn.Dropout | None, nn.Dropout | None]
    heads: int
    first_only: bool

    @property
    def weights(self) -> list[torch.Tensor]:
        """Matrices, biases, gain and shift of each norm."""
        return [layer.weight for layer in self.linear] + [layer.bias for layer in self.linear] + [weight for norm in self.norms for weight in (norm.weight, norm.bias)]

    @property
    def widths(self) -> tuple[int, int]:
        """Of a token, and in the middle of the feed-forward network."""
        return self.linear[4].in_features, self.linear[4].out_features

    @property
    def shapes(self) -> list[Shape]:
        """Of the matrices, with those of query, key and value as one."""
        width, middle = self.widths
        return [(3 * width, width), (width, width), (middle, width), (width, middle)]


class Room:
    """Memory of one layer for what it keeps of so many rows."""

    def __init__(self, rows: int, widths: tuple[int, int]) -> None:
        width, middle = widths
        self.qkv, self.seen, self.up, self.active, self.attended, self.attended_hat, self.out, self.out_hat = slab(
            [(rows, count) for count in (3 * width, width, middle, middle, width, width, width, width)], LOW
        )
        self.attended_pace, self.out_pace = slab([(rows,), (rows,)], torch.float32)


class Desk:
    """Memory that all layers use one after the other."""

    def __init__(self, rows: int, widths: tuple[int, int]) -> None:
        width, middle = widths
        self.product, self.past, self.past_out, self.dropped, self.middle, self.attended, self.seen, self.qkv, self.states = slab(
            [(rows, count) for count in (width, width, width, width, middle, width, width, 3 * width, width)], LOW
        )
        (self.sums,) = slab([(CHUNKS, 9 * width + middle)], torch.float32)


@dataclass(frozen=True, eq=False)
class Kept:
    """What the way back needs beside a layer's room: its input, the rows that asked, queries, keys and values, and how dropout went."""

    states: torch.Tensor
    asking: torch.Tensor
    query: torch.Tensor
    key_value: torch.Tensor
    drops: tuple[tuple[int, int], tuple[int, int]]


class FusedLayer:
    """A layer that goes there and back.

    Args:
        parts: of the module.
        copies: its matrices in bfloat16, filled by `copy_weights`.
        team: who works.
    """

    def __init__(self, parts: Parts, copies: Sequence[torch.Tensor], team: Team) -> None:
        self.parts, self.copies, self.team = parts, copies, team
        self.width, self.middle = parts.widths
        self.biases = torch.empty(3 * self.width)
        self._settings = [torch.tensor([norm.eps]) for norm in parts.norms]
        order = ("query", "key", "value", "out", "attended_gain", "attended_shift", "up", "down", "out_gain", "out_shift")
        sizes = [self.middle if name == "up" else self.width for name in order]
        self._places = {name: int(place) for name, place in zip(order, np.cumsum([0, *sizes]), strict=False)}
        self._sizes = sizes

    def copy_weights(self) -> None:
        """Take over the module's weights as they are now."""
        matrices = [*torch.split(self.copies[0], self.width), *self.copies[1:]]
        torch._foreach_copy_(matrices, [layer.weight for layer in self.parts.linear])
        torch._foreach_copy_(list(torch.split(self.biases, self.width)), [layer.bias for layer in self.parts.linear[:3]])

    def there(self, states: torch.Tensor, texts: Texts, room: Room, desk: Desk) -> tuple[torch.Tensor, Kept]:
        """The layer's output on these rows (in `room`), and what the way back needs."""
        _, out, up, down = self.copies
        asking, query, key_value = self._projected(states, texts, room)
        rows, count = self._rows(texts), len(asking)
        self._do(attention.attend, CHUNKS * self.parts.heads, *self._attention(texts, query, key_value), room.seen)
        seen = _end(room.seen[:count], rows)
        product = torch.mm(seen, out.t(), out=desk.product[:count])
        attended = room.attended[:count]
        first = self._norm(0, rows, product, asking, attended, room.attended_hat, room.attended_pace)
        torch.mm(attended, up.t(), out=room.up[:count])
        self._do(kernels.gelu, CHUNKS, rows, self.middle, room.up, self.parts.linear[4].bias, room.active)
        torch.mm(_end(room.active[:count], rows), down.t(), out=product)
        second = self._norm(1, rows, product, attended, room.out[:count], room.out_hat, room.out_pace)
        return room.out[:count], Kept(states, asking, query, key_value, (first, second))

    def back(
        self, slopes: Slopes, texts: Texts, kept: Kept, room: Room, desk: Desk, low: Sequence[torch.Tensor] | None, *, below: bool = True
    ) -> tuple[Slopes, list[torch.Tensor]]:
        """The slopes of the layer's input (not whole where nothing `below` asks), and of its biases and norms; of its matrices into `low`, None where it does not move."""
        _, out, up, down = self.copies
        rows, count = self._rows(texts), len(kept.asking)
        past, dropped = desk.past[:count], desk.dropped[:count]
        self._norm_back(1, rows, slopes, kept, room.out_hat, room.out_pace, past, desk)
        middle = torch.mm(dropped, down, out=desk.middle[:count])
        if low is not None:
            torch.mm(dropped.t(), room.active[:count], out=low[3])
        self._do(kernels.gelu_back, CHUNKS, rows, self.middle, room.up, self.parts.linear[4].bias, middle, desk.sums, desk.sums.shape[1], self._places["up"])
        _end(middle, rows)
        attended = torch.mm(middle, up, out=desk.attended[:count])
        if low is not None:
            torch.mm(middle.t(), room.attended[:count], out=low[2])
        past_out = desk.past_out[:count]
        self._norm_back(0, rows, (attended, past), kept, room.attended_hat, room.attended_pace, past_out, desk)
        seen = torch.mm(dropped, out, out=desk.seen[:count])
        if low is not None:
            torch.mm(dropped.t(), room.seen[:count], out=low[1])
        back = self._attention_back(texts, kept, seen, past_out, desk, low, below=below)
        sums = torch.split(desk.sums.sum(dim=0), self._sizes)
        return back, [sums[place] for place in (0, 1, 2, 3, 6, 7, 4, 5, 8, 9)]

    def _projected(self, states: torch.Tensor, texts: Texts, room: Room) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The rows that ask, their queries, and all rows' keys and values."""
        weights, width = self.copies[0], self.width
        if not self.parts.first_only:
            found = torch.mm(states, weights.t(), out=room.qkv[: len(states)])
            return states, found[:, :width], found[:, width:]
        asking = states.new_zeros(blocks(len(texts)), width)
        asking[: len(texts)] = states[texts.starts[:-1]]
        return asking, torch.mm(asking, weights[:width].t()), torch.mm(states, weights[width:].t())

    def _rows(self, texts: Texts) -> int:
        return len(texts) if self.parts.first_only else texts.tokens

    def _attention(self, texts: Texts, query: torch.Tensor, key_value: torch.Tensor) -> tuple[Any, ...]:
        """The first numbers of a job of attention."""
        heads, width = self.parts.heads, self.width
        first_only, value = int(self.parts.first_only), key_value.data_ptr() + width * LOW.itemsize
        return (len(texts), heads, width // heads, texts.starts, first_only, query, query.stride(0), key_value, value, key_value.stride(0), self.biases)

    def _attention_back(self, texts: Texts, kept: Kept, seen: torch.Tensor, past: torch.Tensor, desk: Desk, low: Sequence[torch.Tensor] | None, *, below: bool) -> Slopes:
        width, weights = self.width, self.copies[0]
        whole = desk.qkv[: len(kept.states)]
        query, key_value = (torch.empty_like(kept.query), torch.empty_like(kept.key_value)) if self.parts.first_only else (whole[:, :width], whole[:, width:])
        given = (*self._attention(texts, kept.query, kept.key_value), seen, query, key_value, key_value.data_ptr() + width * LOW.itemsize)
        self._do(attention.attend_back, CHUNKS * self.parts.heads, *given, desk.sums, desk.sums.shape[1], 0)
        states = desk.states[: len(kept.states)]
        if not self.parts.first_only:
            _end(whole, texts.tokens)
            if low is not None:
                torch.mm(whole.t(), kept.states, out=low[0])
            return (torch.mm(whole, weights, out=states) if below else states), past
        _end(query, len(texts))
        _end(key_value, texts.tokens)
        if low is not None:
            torch.mm(query.t(), kept.asking, out=low[0][:width])
            torch.mm(key_value.t(), kept.states, out=low[0][width:])
        if not below:
            return states, past
        first = torch.zeros_like(kept.states)
        first[texts.starts[:-1]] = (torch.mm(query, weights[:width]) + past)[: len(texts)]
        return torch.mm(key_value, weights[width:], out=states), first

    def _norm(self, number: int, rows: int, product: torch.Tensor, old: torch.Tensor, out: torch.Tensor, hat: torch.Tensor, pace: torch.Tensor) -> tuple[int, int]:
        """Bias, dropout, sum and norm into `out`; how dropout went: its seed, and of 2^32 how many are dropped out."""
        norm, drop = self.parts.norms[number], self.parts.drops[number]
        threshold = round(drop.p * SPAN) if drop is not None and drop.training else 0
        seed = int(torch.randint(1 << 31, ())) if threshold else 0
        bias = self.parts.linear[5 if number else 3].bias
        self._do(kernels.add_norm, CHUNKS, rows, self.width, product, bias, old, norm.weight, norm.bias, self._settings[number], seed, threshold, out, hat, pace)
        _end(out, rows)
        return seed, threshold

    def _norm_back(self, number: int, rows: int, slopes: Slopes, kept: Kept, hat: torch.Tensor, pace: torch.Tensor, past: torch.Tensor, desk: Desk) -> None:
        """From the slopes of a norm's output to that of what went past the product (into `past`) and of the product (into ``desk.dropped``)."""
        names = ("out_gain", "out_shift", "down") if number else ("attended_gain", "attended_shift", "out")
        one, other = slopes
        given = (one, 0 if other is None else other, hat, pace, self.parts.norms[number].weight, *kept.drops[number], past, desk.dropped)
        self._do(kernels.add_norm_back, CHUNKS, rows, self.width, *given, desk.sums, desk.sums.shape[1], *(self._places[name] for name in names))
        _end(past, rows)
        _end(desk.dropped[: len(past)], rows)

    def _do(self, kernel: Any, chunks: int, *job: Any) -> None:
        self.team.do(kernel, chunks, *(part.data_ptr() if isinstance(part, torch.Tensor) else part for part in job))


def blocks(rows: int) -> int:
    """Rows in whole blocks."""
    return -(-rows // BLOCK) * BLOCK


def _end(numbers: torch.Tensor, rows: int) -> torch.Tensor:
    """The same with zeros behind so many rows."""
    if rows < len(numbers):
        numbers[rows:].zero_()
    return numbers
