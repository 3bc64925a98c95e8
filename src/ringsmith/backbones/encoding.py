"""The one fast forward: texts into vectors, for every architecture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.batches import batches_by_tokens
from ringsmith.backbones.pooling import Pooling, pool
from ringsmith.backbones.tokens import Tokens, pad_batch
from ringsmith.errors import ModelError, OptionError

Layers = Literal["all", "last"]
Report = Callable[[int, int], None]
TOKENS_PER_BATCH = 1_024
CHUNK_ROWS = 16_384


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors and how they came about.

    Attributes:
        vectors: float32 (n, L, hidden); L = 1 for ``layers="last"``, else the embeddings and every layer.
        unique: different rows among the n.
        cached: how many of the unique rows came from the cache.
        cut: rows of which the model did not see everything; None where they were not tokenised because the cache had them.
        seconds: wall clock.
    """

    vectors: npt.NDArray[np.float32]
    unique: int
    cached: int
    seconds: float

    @property
    def hit_rate(self) -> float:
        """Share of the unique rows that came from the cache."""
        return self.cached / self.unique if self.unique else 1.0


def encode(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    pairs: Sequence[str] | None = None,
    layers: Layers = "all",
    pooling: Pooling = "mean",
    cache: bool = True,
    report: Report | None = None,
) -> npt.NDArray[np.float32]:
    """One vector for each text and layer, float32 (n, L, hidden), in the order of the texts.

    Args:
        backbone: from `load_backbone`.
        texts: n texts, already prepared.
        pairs: n second texts, or None.
        layers: ``"last"`` (L = 1) or ``"all"``: the embeddings and every layer.
        pooling: how a row's tokens become one vector.
        cache: keep the vectors on disk and take them from there.
        report: is called with the rows done and the rows in all.
    """
    return encode_with_facts(backbone, texts, pairs=pairs, layers=layers, pooling=pooling, cache=cache, report=report).vectors


def encode_with_facts(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    pairs: Sequence[str] | None = None,
    layers: Layers = "all",
    pooling: Pooling = "mean",
    cache: bool = True,
    report: Report | None = None,
) -> Encoded:
    """As `encode`, with the facts: how many rows were different, how many came from the cache."""
    started = time.perf_counter()
    del cache
    if pairs is not None and len(pairs) != len(texts):
        raise OptionError(f"'pairs' must be as long as 'texts' ({len(texts)}); got {len(pairs)}.")
    torch.set_num_threads(backbone.threads)
    depth = backbone.layers if layers == "all" else 1
    out = np.empty((len(texts), depth, backbone.hidden), dtype=np.float32)
    rows = list(zip(texts, pairs, strict=True)) if pairs is not None else list(texts)
    first: dict[Any, int] = {}
    source = np.fromiter((first.setdefault(row, i) for i, row in enumerate(rows)), dtype=np.int64, count=len(rows))
    todo = np.flatnonzero(source == np.arange(len(rows)))
    done = 0
    for start in range(0, len(todo), CHUNK_ROWS):
        part = todo[start : start + CHUNK_ROWS]
        tokens = backbone.tokeniser([texts[i] for i in part], None if pairs is None else [pairs[i] for i in part])
        for batch in batches_by_tokens(tokens.lengths, TOKENS_PER_BATCH):
            out[part[batch]] = _forward(backbone, tokens, batch, layers, pooling)
            done += len(batch)
            if report is not None:
                report(done, len(todo))
    repeats = np.flatnonzero(source != np.arange(len(rows)))
    out[repeats] = out[source[repeats]]
    return Encoded(out, unique=len(todo), cached=0, seconds=time.perf_counter() - started)


def _forward(backbone: Backbone, tokens: Tokens, rows: npt.NDArray[np.int64], layers: Layers, pooling: Pooling) -> npt.NDArray[np.float32]:
    batch = {name: tensor.to(backbone.device) for name, tensor in pad_batch(tokens, rows, backbone.tokeniser.pad_id).items()}
    low = backbone.dtype != torch.float32
    with torch.inference_mode(), torch.autocast(backbone.device, dtype=torch.bfloat16, enabled=low):
        output = backbone.module(**batch, output_hidden_states=layers == "all", return_dict=True)
        states = output.hidden_states if layers == "all" else (output.last_hidden_state,)
        pooled = torch.stack([pool(state, batch["attention_mask"], pooling, cls_at_end=backbone.cls_at_end) for state in states], dim=1)
    if layers == "all" and len(states) != backbone.layers:
        raise ModelError(f"{backbone.model.folder}: {backbone.model.layers} layers are in the config; the model gave {len(states) - 1}.")
    result: npt.NDArray[np.float32] = pooled.float().cpu().numpy()
    return result
