"""BERT's forward without padding: the tokens of all rows stand in one long matrix, and only attention looks at rows.

For the families that share BERT's layer (attention, add, normalise, two dense layers, add, normalise); all others run through
transformers' own forward. It uses the very modules transformers loaded, so whatever stands in for a linear layer is used here too.

Decisions:
- Rows of one length lie next to each other and share one call of attention, without a mask.
- The wide middle of the feed-forward layer is made `TILE` tokens at a time and never leaves the core's cache.
- Nothing goes through transformers' wrappers, which cost as much as a small layer does on one core.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.activations import GELUActivation

from ringsmith.backbones.pooling import Pooling
from ringsmith.backbones.tokens import Tokens
from ringsmith.records import Rows

TILE = 256
Step = Callable[[torch.Tensor], torch.Tensor]
BERT = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "out_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "activate": "intermediate.intermediate_act_fn",
    "down": "output.dense",
    "down_norm": "output.LayerNorm",
}
DISTILBERT = {
    "query": "attention.q_lin",
    "key": "attention.k_lin",
    "value": "attention.v_lin",
    "out": "attention.out_lin",
    "out_norm": "sa_layer_norm",
    "up": "ffn.lin1",
    "activate": "ffn.activation",
    "down": "ffn.lin2",
    "down_norm": "output_layer_norm",
}
FAMILIES = {
    "BertModel": ("encoder.layer", BERT),
    "CamembertModel": ("encoder.layer", BERT),
    "DistilBertModel": ("transformer.layer", DISTILBERT),
    "ElectraModel": ("encoder.layer", BERT),
    "RobertaModel": ("encoder.layer", BERT),
    "XLMRobertaModel": ("encoder.layer", BERT),
}
"""Class of the body -> where its layers are, and what their parts are called."""
POSITIONS_AFTER_PADDING = {"CamembertModel", "RobertaModel", "XLMRobertaModel"}


@dataclass(frozen=True, eq=False)
class Block:
    """One layer's parts."""

    query: Step
    key: Step
    value: Step
    out: Step
    out_norm: Step
    up: Step
    activate: Step
    down: Step
    down_norm: Step

    def feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The two dense layers on x (tokens, hidden), a tile at a time."""
        y = torch.empty_like(x)
        for start in range(0, len(x), TILE):
            y[start : start + TILE] = self.down(self.activate(self.up(x[start : start + TILE])))
        return y


class Unpadded(Protocol):
    """A body that takes rows of any lengths without padding."""

    def forward(self, tokens: Tokens, rows: Rows, *, every_layer: bool, pooling: Pooling) -> torch.Tensor:
        """Pooled vectors, float32 (len(rows), layers or 1, hidden)."""


@dataclass(frozen=True)
class Group:
    """Rows of one length that follow each other: which rows and which tokens of the batch they are."""

    rows: slice
    tokens: slice
    length: int


@dataclass(frozen=True, eq=False)
class FlatEncoder:
    """A body of BERT's kind.

    Attributes:
        embeddings: transformers' embeddings; its parts are used, not its forward.
        project: from the embeddings' width to the hidden size, None where they are the same (ELECTRA has it).
        blocks: the layers.
        heads: of the attention.
        first_position: number of a row's first position.
    """

    embeddings: Any
    project: Step | None
    blocks: tuple[Block, ...]
    heads: int
    first_position: int

    @classmethod
    def of(cls, module: Any) -> FlatEncoder | None:
        """The encoder made of the parts of `module` as they are now; None where it is not of BERT's kind."""
        name = type(module).__name__
        if name not in FAMILIES or getattr(module.config, "is_decoder", False):
            return None
        place, parts = FAMILIES[name]
        return cls(
            embeddings=module.embeddings,
            project=getattr(module, "embeddings_project", None),
            blocks=tuple(_block(layer, parts) for layer in attrgetter(place)(module)),
            heads=module.config.num_attention_heads,
            first_position=module.embeddings.padding_idx + 1 if name in POSITIONS_AFTER_PADDING else 0,
        )

    def forward(self, tokens: Tokens, rows: Rows, *, every_layer: bool, pooling: Pooling) -> torch.Tensor:
        """Pooled vectors, float32 (len(rows), layers or 1, hidden)."""
        lengths = tokens.lengths[rows]
        groups = find_groups(lengths)
        x = self.embed(tokens, rows, lengths)
        pooled = [pool_groups(x, groups, pooling)] if every_layer else []
        for block in self.blocks:
            x = self._layer(block, x, groups)
            if every_layer:
                pooled.append(pool_groups(x, groups, pooling))
        return torch.stack(pooled or [pool_groups(x, groups, pooling)], dim=1)

    def embed(self, tokens: Tokens, rows: Rows, lengths: Rows) -> torch.Tensor:
        """The rows' tokens one after the other, (tokens, hidden)."""
        ends = np.cumsum(lengths)
        within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        source = np.repeat(tokens.starts[rows], lengths) + within
        x = self.embeddings.word_embeddings(torch.from_numpy(tokens.ids[source]))
        x += self.embeddings.position_embeddings(torch.from_numpy(within + self.first_position))
        kinds = getattr(self.embeddings, "token_type_embeddings", None)
        if kinds is not None:
            x += kinds.weight[0] if tokens.types is None else kinds(torch.from_numpy(tokens.types[source]))
        x = self.embeddings.LayerNorm(x)
        return x if self.project is None else self.project(x)

    def _layer(self, block: Block, x: torch.Tensor, groups: list[Group]) -> torch.Tensor:
        attended = self._attend(block.query(x), block.key(x), block.value(x), groups)
        x = block.out_norm(_add(block.out(attended), x))
        return block.down_norm(_add(block.feed_forward(x), x))

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, groups: list[Group]) -> torch.Tensor:
        """Attention within each row; all three are (tokens, hidden)."""
        attended = torch.empty_like(query)
        for group in groups:
            attend_rows(query[group.tokens], key[group.tokens], value[group.tokens], attended[group.tokens], group.length, self.heads)
        return attended


def attend_rows(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, out: torch.Tensor, length: int, heads: int) -> None:
    """Attention within rows of `length` tokens that follow each other, into `out`; all are (tokens, hidden)."""
    q, k, v, to = (part.view(-1, length, heads, part.shape[1] // heads) for part in (query, key, value, out))
    to.copy_(scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2))


def find_groups(lengths: Rows) -> list[Group]:
    """Runs of equal lengths.

    Examples:
        >>> [(group.rows, group.tokens) for group in find_groups(np.array([5, 3, 3]))]
        [(slice(0, 1, None), slice(0, 5, None)), (slice(1, 3, None), slice(5, 11, None))]
    """
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    ends = [0, *np.cumsum(lengths).tolist()]
    return [Group(slice(a, b), slice(ends[a], ends[b]), int(lengths[a])) for a, b in itertools.pairwise(cuts)]


def _block(layer: Any, parts: dict[str, str]) -> Block:
    found = {name: attrgetter(path)(layer) for name, path in parts.items()}
    if type(found["activate"]) is GELUActivation:
        found["activate"] = torch.ops.aten.gelu_.default  # in place: what it is given is ours
    # A layer that may overwrite its input is told that it may.
    found["down"] = getattr(found["down"], "consume", found["down"])
    return Block(**found)


def _add(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Their sum in the wider type, in place where that is `new`'s."""
    return new.add_(old) if new.dtype == old.dtype else new + old


def pool_groups(x: torch.Tensor, groups: list[Group], pooling: Pooling) -> torch.Tensor:
    """One vector a row, float32 (rows, hidden)."""
    pooled = x.new_empty((groups[-1].rows.stop, x.shape[1]), dtype=torch.float32)
    for group in groups:
        states = x[group.tokens].view(-1, group.length, x.shape[1])
        pooled[group.rows] = states.mean(dim=1) if pooling == "mean" else states[:, 0 if pooling == "cls" else -1]
    return pooled
