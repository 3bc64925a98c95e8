"""All layers of a body of BERT's kind as one step of autograd, in bfloat16 on a CPU (`fusedlayer.py` has one of them).

A layer whose parts are not exactly those that are known (something was put into it, another activation, an own kind of attention) leaves all of
them to transformers, and so does a batch with a mask that says more than what is padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from ringsmith.adapt.fusedlayer import KERNELS, LANES, LOW, Desk, FusedLayer, Kept, Parts, Room, Slopes, Texts, blocks, slab, torch_team
from ringsmith.adapt.recompute import is_recomputed, layers_in_use
from ringsmith.backbones.flat import FAMILIES

LINEAR, NORMS = ("query", "key", "value", "out", "up", "down"), ("out_norm", "down_norm")
DROPS = {"encoder.layer": ("attention.output.dropout", "output.dropout"), "transformer.layer": (None, "ffn.dropout")}
INNER = {"encoder.layer": "attention.self.dropout", "transformer.layer": "attention.dropout"}
"""By where a family's layers stand: dropout before each norm, and within attention, where `ease_dropout` leaves none."""
ROWS = 256
"""Memory is made for a multiple of so many rows."""


class Memory:
    """Where the layers write down so many rows of a batch, from the way there until it has come back."""

    def __init__(self, rows: int, layers: Sequence[FusedLayer]) -> None:
        self.rows = rows
        self.rooms = [Room(rows, layer.parts.widths) for layer in layers]
        self.desk = Desk(rows, layers[0].parts.widths)


class FusedStack:
    """All layers of a body.

    Args:
        parts: of each layer, the lowest first.
    """

    def __init__(self, parts: Sequence[Parts]) -> None:
        team, shapes = torch_team(), [shape for part in parts for shape in part.shapes]
        copies, self._low, self._wide = slab(shapes, LOW), slab(shapes, LOW), slab(shapes, torch.float32)
        self.layers = [FusedLayer(part, copies[4 * number : 4 * number + 4], team) for number, part in enumerate(parts)]
        self.weights = [weight for part in parts for weight in part.weights]
        self.moves = [part.linear[0].weight.requires_grad for part in parts]
        self.is_done = False
        self._seen: list[int] = []
        self._free: list[Memory] = []
        self._lent: WeakSet[Memory] = WeakSet()  # a batch that never comes back is forgotten with its graph
        for kernel in KERNELS:
            kernel.compile()

    @classmethod
    def of(cls, module: Any, layers: Sequence[nn.Module] | None = None) -> FusedStack | None:
        """The stack of a classifier's layers (None for those in use); None where they are not what this file knows, or torch's threads cannot be had."""
        family = FAMILIES.get(type(module.base_model).__name__)
        if family is None or getattr(module.config, "is_decoder", False) or is_recomputed(module) or not torch_team().is_whole:
            return None
        layers = layers_in_use(module) if layers is None else layers
        parts = [_parts(layer, family, module.config.num_attention_heads, last=number == len(layers) - 1) for number, layer in enumerate(layers)]
        known = [part for part in parts if part is not None]
        return cls(known) if known and len(known) == len(parts) else None

    def attempt(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
        """What the last layer gives for these states (rows, tokens, width); None where the layers have to do it themselves. ``is_done`` remembers which."""
        done = self._through(states, mask)
        self.is_done = done is not None
        return done

    def _through(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
        if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != LOW or states.device.type != "cpu":
            return None
        there = _tokens_there(states, mask)
        if there is None:
            return None
        self._copy_weights()
        count, length, width = states.shape
        starts = torch.zeros(count + 1, dtype=torch.int64)
        torch.cumsum(there.sum(dim=1), 0, out=starts[1:])
        texts = Texts(starts, int(starts[-1]))
        where = None if texts.tokens == count * length else there.reshape(-1).nonzero()[:, 0]
        rows = states.reshape(-1, width)
        rows = (rows if where is None else rows[where]).to(LOW)
        out: torch.Tensor = _Through.apply(nn.functional.pad(rows, (0, 0, 0, blocks(len(rows)) - len(rows))), self, texts, torch.is_grad_enabled(), *self.weights).float()  # type: ignore[no-untyped-call]
        if self.layers[-1].parts.first_only:
            return out[:count, None]
        out = out[: texts.tokens]
        return (out if where is None else out.new_zeros(count * length, width).index_copy(0, where, out)).view(count, length, width)

    def _copy_weights(self) -> None:
        """Take the weights over, in training always (the fused AdamW moves them without a new version); while the model is judged they stand still."""
        seen, self._seen = self._seen, [weight._version for weight in self.weights]
        if torch.is_grad_enabled() or seen != self._seen:
            with torch.no_grad():
                for layer in self.layers:
                    layer.copy_weights()

    def memory(self, rows: int) -> Memory:
        """Memory for so many rows, which nobody else has until it is given back."""
        free = next((memory for memory in self._free if memory.rows >= rows), None)
        if free is None:
            self._free.clear()
            with torch.inference_mode(False):  # memory made while the model is judged serves steps of training, too
                free = Memory(-(-rows // ROWS) * ROWS, self.layers)
        else:
            self._free.remove(free)
        self._lent.add(free)
        return free

    def give_back(self, memory: Memory) -> None:
        """Nobody needs what is in it any more."""
        self._lent.discard(memory)
        self._free.append(memory)

    def gradients(self, vectors: Sequence[list[torch.Tensor]]) -> list[torch.Tensor | None]:
        """Of all weights; `vectors` are those of biases and norms.

        Those of the matrices lie where those of the last step did if nobody can need them: no weight has a gradient, and no other batch is to come back,
        whose gradients autograd would add to these.
        """
        alone = len(self._lent) == 1 and all(weight.grad is None for weight in self.weights)
        wide = [tensor.view_as(tensor) if alone else torch.empty_like(tensor) for tensor in self._wide]
        moving = [place for number, moves in enumerate(self.moves) if moves for place in range(4 * number, 4 * number + 4)]
        torch._foreach_copy_([wide[place] for place in moving], [self._low[place] for place in moving])
        found: list[torch.Tensor | None] = []
        for number, layer in enumerate(self.layers):
            own = [*torch.split(wide[4 * number], layer.width), *wide[4 * number + 1 : 4 * number + 4], *vectors[number]]
            found += own if self.moves[number] else [None] * len(layer.parts.weights)
        return found

    def moved(self) -> None:
        """The weights are about to move."""
        self._seen = []

    def low(self, number: int) -> list[torch.Tensor] | None:
        """Where the slopes of a layer's matrices go; None where it does not move."""
        return self._low[4 * number : 4 * number + 4] if self.moves[number] else None


class _Through(torch.autograd.Function):
    """All layers, there and back."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, stack: FusedStack, texts: Texts, comes_back: bool, *weights: torch.Tensor) -> torch.Tensor:
        del weights  # named for autograd; the layers know them
        memory = stack.memory(max(len(states), blocks(len(texts))))
        kept = list[Kept]()
        for layer, room in zip(stack.layers, memory.rooms, strict=True):
            states, of_layer = layer.there(states, texts, room, memory.desk)
            kept.append(of_layer)
        if comes_back and any(ctx.needs_input_grad):
            ctx.stack, ctx.texts, ctx.kept, ctx.memory = stack, texts, kept, memory
        else:
            stack.give_back(memory)
        return states.clone()

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if ctx.memory is None:
            raise RuntimeError("the numbers that fused layers keep for the way back serve once")
        stack, texts, memory = ctx.stack, ctx.texts, ctx.memory
        slopes: Slopes = (slope.contiguous(), None)
        vectors = [list[torch.Tensor]() for _ in stack.layers]
        lowest = 0 if ctx.needs_input_grad[0] else stack.moves.index(True)
        for number in range(len(stack.layers) - 1, lowest - 1, -1):
            layer, below = stack.layers[number], number > lowest or ctx.needs_input_grad[0]
            slopes, vectors[number] = layer.back(slopes, texts, ctx.kept[number], memory.rooms[number], memory.desk, stack.low(number), below=below)
        one, other = slopes
        gradients = stack.gradients(vectors)
        of_states = one + other if ctx.needs_input_grad[0] and other is not None else None
        stack.give_back(memory)
        stack.moved()
        ctx.memory = ctx.kept = None
        return of_states, None, None, None, *gradients


def _tokens_there(states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
    """Which tokens are no padding, bool (rows, tokens); None where the mask says more than that, or a row has no first token."""
    if mask is None:
        return torch.ones(states.shape[:2], dtype=torch.bool)
    if mask.dtype != torch.bool or mask.ndim != 4 or mask.shape[1] != 1 or not bool((mask == mask[:, :, :1]).all()):
        return None
    there = mask[:, 0, 0].expand(states.shape[:2])
    return there if bool(there[:, 0].all()) else None


def _parts(layer: Any, family: tuple[str, dict[str, str]], heads: int, *, last: bool) -> Parts | None:
    """The parts of a layer; None where one of them is a stranger."""
    place, names = family
    put_in = vars(layer).get("forward")
    if put_in is not None and not (last and isinstance(put_in, partial)):
        return None
    try:
        found = {name: attrgetter(path)(layer) for name, path in names.items()}
        drops = tuple(None if path is None else attrgetter(path)(layer) for path in DROPS[place])
        inner = attrgetter(INNER[place])(layer)
    except AttributeError:
        return None
    linear, norms = tuple(found[name] for name in LINEAR), tuple(found[name] for name in NORMS)
    plain = all(type(part) is nn.Linear and part.bias is not None for part in linear) and all(type(norm) is nn.LayerNorm and norm.elementwise_affine for norm in norms)
    if not plain or type(found["activate"]).__name__ != "GELUActivation" or inner.p > 0:
        return None
    parts = Parts(linear, norms, drops, heads, first_only=put_in is not None)  # type: ignore[arg-type]
    return parts if _fits(parts) else None


def _fits(parts: Parts) -> bool:
    """Whether widths are whole blocks, all weights are float32 and lie in order, and all of them move or none does."""
    width, middle = parts.widths
    whole = width % parts.heads == 0 and (width // parts.heads) % LANES == 0 and middle % LANES == 0
    square = all(tuple(layer.weight.shape) == (width, width) for layer in parts.linear[:4])
    plain = all(weight.dtype == torch.float32 and weight.is_contiguous() for weight in parts.weights)
    return whole and square and plain and len({weight.requires_grad for weight in parts.weights}) == 1
