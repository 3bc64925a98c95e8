"""BERT's forward with int8 layers where what surrounds the products is compiled (`kernels`): a row passes through memory once between two.

    eight bits -> query, key, value -> attention -> eight bits -> out, add, norm, eight bits -> up, GELU, eight bits -> down, add, norm, eight bits

Decisions:
- It uses the layers and norms of a `FlatEncoder` as they are, and its embeddings, attention and pooling.
- Loading the kernels takes half a second, so it is for many rows (`encoding.FEWEST_ROWS_FOR_KERNELS`). Vectors are those of `FlatEncoder` up
  to the rounding to eight bits: both have the same distance to float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ringsmith.backbones import kernels, kernels_attention
from ringsmith.backbones.flat import TILE, Block, FlatEncoder, Group, attend_rows, find_groups, pool_groups
from ringsmith.backbones.int8 import Int8Linear
from ringsmith.backbones.kernels import Bytes, Floats
from ringsmith.backbones.pooling import Pooling
from ringsmith.backbones.tokens import Tokens
from ringsmith.records import Rows

LANES = 16
LONGEST_ROW = 48
"""Attention of longer rows is left to torch, which is as fast there."""


@dataclass(frozen=True, eq=False)
class Eight:
    """Rows in eight bits: steps uint8 (rows, width), sizes of a step (rows,), what was left out (rows, outliers + 2)."""

    numbers: Bytes
    scales: Floats
    rest: Floats

    @classmethod
    def room(cls, rows: int, layer: Int8Linear) -> Eight:
        """Empty, for the input of `layer`."""
        shapes = (rows, layer.in_features), rows, (rows, len(layer.outliers) + 2)
        return cls(np.empty(shapes[0], dtype=np.uint8), np.empty(shapes[1], dtype=np.float32), np.empty(shapes[2], dtype=np.float32))

    def __getitem__(self, part: slice) -> Eight:
        return Eight(self.numbers[part], self.scales[part], self.rest[part])


@dataclass(frozen=True, eq=False)
class FusedBlock:
    """One layer's parts."""

    query: Int8Linear
    key: Int8Linear
    value: Int8Linear
    out: Int8Linear
    out_norm: nn.LayerNorm
    up: Int8Linear
    down: Int8Linear
    down_norm: nn.LayerNorm

    @classmethod
    def of(cls, block: Block) -> FusedBlock | None:
        """The same parts; None where they are not those that the kernels know."""
        layers: list[Any] = [getattr(step, "__self__", step) for step in (block.query, block.key, block.value, block.out, block.up, block.down)]
        norms = [block.out_norm, block.down_norm]
        known = all(_is_int8(layer) for layer in layers) and all(_is_norm(norm) for norm in norms) and block.activate is torch.ops.aten.gelu_.default
        if not known or any(layer.outliers is not layers[0].outliers for layer in layers[1:3]):
            return None
        query, key, value, out, up, down = layers
        return cls(query, key, value, out, norms[0], up, down, norms[1])  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class FusedEncoder:
    """A body of BERT's kind whose layers are all int8.

    Attributes:
        flat: the body.
        blocks: its layers.
    """

    flat: FlatEncoder
    blocks: tuple[FusedBlock, ...]

    @classmethod
    def of(cls, flat: FlatEncoder) -> FusedEncoder | None:
        """The same body with fewer passes; None where its layers, norms or activations are others."""
        blocks = tuple(found for block in flat.blocks if (found := FusedBlock.of(block)) is not None)
        return cls(flat, blocks) if blocks and len(blocks) == len(flat.blocks) else None

    def forward(self, tokens: Tokens, rows: Rows, *, every_layer: bool, pooling: Pooling) -> torch.Tensor:
        """Pooled vectors, float32 (len(rows), layers or 1, hidden)."""
        lengths = tokens.lengths[rows]
        groups = find_groups(lengths)
        embedded = self.flat.embed(tokens, rows, lengths).contiguous()
        pooled = [pool_groups(embedded, groups, pooling)] if every_layer else []
        x: Floats = embedded.numpy()
        eight = _quantise(x, self.blocks[0].query)
        for block, following in zip(self.blocks, [*self.blocks[1:], self.blocks[-1]], strict=True):
            x, eight = self._layer(block, x, eight, groups, following.query)
            if every_layer:
                pooled.append(pool_groups(torch.from_numpy(x), groups, pooling))
        return torch.stack(pooled or [pool_groups(torch.from_numpy(x), groups, pooling)], dim=1)

    def _layer(self, block: FusedBlock, x: Floats, eight: Eight, groups: list[Group], following: Int8Linear) -> tuple[Floats, Eight]:
        """The layer's output, as floats and in eight bits for the layer that follows."""
        query, key, value = (_multiply_and_finish(layer, eight) for layer in (block.query, block.key, block.value))
        attended = _quantise(_attend(query, key, value, groups, self.flat.heads), block.out)
        middle, middle_eight = np.empty_like(x), Eight.room(len(x), block.up)
        _add_and_norm(block.out, attended, x, block.out_norm, middle, block.up, middle_eight)
        out, out_eight = np.empty_like(x), Eight.room(len(x), following)
        for start in range(0, len(x), TILE):
            part = slice(start, start + TILE)
            wide = _activate(block.up, middle_eight[part], block.down)
            _add_and_norm(block.down, wide, middle[part], block.down_norm, out[part], following, out_eight[part])
        return out, out_eight


def _quantise(x: Floats, layer: Int8Linear) -> Eight:
    """`x` (rows, inputs) as `layer` takes it."""
    eight = Eight.room(len(x), layer)
    kernels.quantise(x, layer.keep.numpy(), layer.outliers.numpy(), eight.numbers, eight.scales, eight.rest)
    return eight


def _multiply(layer: Int8Linear, eight: Eight) -> Floats:
    """The product of steps, float32 (rows, outputs), which wants to be finished."""
    return np.asarray(layer.multiply_steps(torch.from_numpy(eight.numbers)).numpy())


def _multiply_and_finish(layer: Int8Linear, eight: Eight) -> Floats:
    product = _multiply(layer, eight)
    kernels.finish(product, eight.scales, eight.rest, layer.rest.numpy())
    return product


def _attend(query: Floats, key: Floats, value: Floats, groups: list[Group], heads: int) -> Floats:
    """Attention within each row; all three are (tokens, hidden). Which of the two computes a row depends on its own length alone."""
    attended = np.empty_like(query)
    for group in groups:
        if group.length <= LONGEST_ROW and query.shape[1] // heads % LANES == 0:
            q, k, v, out = (part[group.tokens] for part in (query, key, value, attended))
            kernels_attention.attend(q, k, v, group.length, heads, out)
        else:
            parts = [torch.from_numpy(part[group.tokens]) for part in (query, key, value, attended)]
            attend_rows(parts[0], parts[1], parts[2], parts[3], group.length, heads)
    return attended


def _activate(layer: Int8Linear, eight: Eight, following: Int8Linear) -> Eight:
    """GELU of the layer's output, as `following` takes it."""
    made = Eight.room(len(eight.scales), following)
    given = (_multiply(layer, eight), eight.scales, eight.rest, layer.rest.numpy())
    kernels.finish_gelu(*given, following.keep.numpy(), following.outliers.numpy(), made.numbers, made.scales, made.rest)
    return made


def _add_and_norm(layer: Int8Linear, eight: Eight, old: Floats, norm: nn.LayerNorm, out: Floats, following: Int8Linear, made: Eight) -> None:
    """The norm of the layer's output plus `old` into `out`, and into `made` as `following` takes it."""
    given = (_multiply(layer, eight), eight.scales, eight.rest, layer.rest.numpy(), old)
    normal = (norm.weight.numpy(), norm.bias.numpy(), np.float32(norm.eps), out)
    kernels.finish_norm(*given, *normal, following.keep.numpy(), following.outliers.numpy(), made.numbers, made.scales, made.rest)


def _is_int8(layer: object) -> bool:
    """An int8 layer of whole blocks of 16."""
    return isinstance(layer, Int8Linear) and layer.in_features % LANES == 0 and layer.out_features % LANES == 0


def _is_norm(norm: object) -> bool:
    """A plain layer norm with weight and bias in float32."""
    return type(norm) is nn.LayerNorm and all(part is not None and part.dtype == torch.float32 for part in (norm.weight, norm.bias))
