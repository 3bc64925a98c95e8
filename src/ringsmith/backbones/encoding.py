"""The one fast forward: texts into vectors, for every architecture.

    key -> look up in the cache -> tokenise once -> sort by length -> batches of few tokens -> forward -> pool -> back in order

Decisions:
- Equal rows are computed once. Rows are taken in chunks; while one is computed, the next is tokenised.
- On the CPU each core takes batches of its own: two cores on one batch wait for each other at every one of its hundreds of steps.
- A batch is small (`TOKENS_PER_BATCH`), so that what passes between its layers stays in the CPU's caches, and holds rows of (almost)
  one length. Where all are of one length there is no mask at all.
- Pooling happens batch by batch into one array that exists from the start: memory does not grow with the length of the texts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.batches import TOKENS_PER_BATCH, batches_by_tokens
from ringsmith.backbones.cache import Keys, VectorCache, make_keys
from ringsmith.backbones.flat import FlatEncoder
from ringsmith.backbones.pooling import Pooling, pool
from ringsmith.backbones.tokens import Tokens, pad_batch
from ringsmith.errors import ModelError, OptionError
from ringsmith.records import Rows

Layers = Literal["all", "last"]
Report = Callable[[int, int], None]
"""Is told the rows done and the rows in all; what it raises ends the encoding."""
Floats = npt.NDArray[np.float32]
CHUNK_ROWS = 4_096
MOST_WORKERS = 8
FEWEST_ROWS = 64
"""Below this, one batch after the other with all cores answers sooner."""
TOKENS_FOR_KERNELS = 512
FEWEST_ROWS_FOR_KERNELS = 1_024
"""Below this, loading compiled kernels takes longer than they save."""
Map = Callable[[Callable[[Rows], int], list[Rows]], Iterator[int]]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors and how they came about.

    Attributes:
        vectors: float32 (n, L, hidden); L = 1 for ``layers="last"``, else the embeddings and every layer.
        unique: different rows among the n.
        cached: how many of those came from the cache.
        seconds: wall clock.
    """

    vectors: Floats
    unique: int
    cached: int
    seconds: float

    @property
    def hit_rate(self) -> float:
        """Share of the different rows that came from the cache; 1 where there were none."""
        return self.cached / self.unique if self.unique else 1.0


@dataclass(frozen=True, eq=False)
class Work:
    """What is asked for: rows that are all different, and how to pool them."""

    texts: Sequence[str]
    pairs: Sequence[str] | None
    layers: Layers
    pooling: Pooling


def encode(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    pairs: Sequence[str] | None = None,
    layers: Layers = "all",
    pooling: Pooling = "mean",
    cache: bool = True,
    report: Report | None = None,
) -> Floats:
    """One vector for each text and layer, float32 (n, L, hidden), in the order of the texts.

    A text's vector does not depend on what else is encoded with it (in float32 to within rounding). An empty text gets a vector too.

    Args:
        backbone: from `load_backbone`.
        texts: n texts, already prepared; what is longer than ``backbone.max_tokens`` is cut off.
        pairs: n second texts, read after the first as the tokenizer joins them; or None.
        layers: ``"last"`` (L = 1) or ``"all"``: the embeddings and every layer.
        pooling: how a row's tokens become one vector.
        cache: keep the vectors on disk and take them from there.
        report: is called with the rows done and the rows in all (different ones that the cache did not have).

    Raises:
        OptionError: `pairs` is not as long as `texts`.
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
    """As `encode`, with the facts: how many rows were different, and how many of those came from the cache."""
    started = time.perf_counter()
    _check(texts, pairs, layers, pooling)
    torch.set_num_threads(backbone.threads)
    shape = (backbone.layers if layers == "all" else 1, backbone.hidden)
    out = np.empty((len(texts), *shape), dtype=np.float32)
    source = _first_of_its_kind(texts, pairs)
    todo = unique = np.flatnonzero(source == np.arange(len(texts)))
    store = _space(backbone, layers, pooling, shape) if cache else None
    keys = make_keys(*_pick(texts, pairs, unique)) if store else None
    if store and keys is not None:
        known = np.empty((len(unique), *shape), dtype=np.float32)
        found = store.fill(keys, known)
        out[unique[found]] = known[found]
        todo, keys = unique[~found], keys[~found]
    _compute(backbone, Work(*_pick(texts, pairs, todo), layers, pooling), out, todo, _Sink(store, keys), report)
    repeats = np.flatnonzero(source != np.arange(len(texts)))
    out[repeats] = out[source[repeats]]
    return Encoded(out, unique=len(unique), cached=len(unique) - len(todo), seconds=time.perf_counter() - started)


@dataclass(frozen=True, eq=False)
class _Sink:
    """Where finished chunks are kept, if anywhere."""

    cache: VectorCache | None
    keys: Keys | None

    def keep(self, part: slice, values: Floats) -> None:
        if self.cache is not None and self.keys is not None:
            self.cache.store(self.keys[part], values)


def _compute(backbone: Backbone, work: Work, out: Floats, places: Rows, sink: _Sink, report: Report | None) -> None:
    """Encode `work` chunk by chunk into ``out[places]``."""
    done = 0
    size = TOKENS_PER_BATCH[backbone.device]
    if len(places) >= FEWEST_ROWS_FOR_KERNELS and (fused := _for_many(backbone)) is not None:
        backbone, size = fused, TOKENS_FOR_KERNELS
    with _workers(backbone, len(places)) as run:
        for part, tokens in _tokenised_ahead(backbone, work):
            rows = places[part]

            def compute(batch: Rows, tokens: Tokens = tokens, rows: Rows = rows) -> int:
                out[rows[batch]] = forward(backbone, tokens, batch, work)
                return len(batch)

            for count in run(compute, batches_by_tokens(tokens.lengths, size, one_length=tokens.one_length)):
                done += count
                if report is not None:
                    report(done, len(places))
            sink.keep(part, out[rows])


def _for_many(backbone: Backbone) -> Backbone | None:
    """With fewer passes over memory between its layers, by compiled kernels; None where there are no such for it."""
    if backbone.precision != "int8" or not isinstance(backbone.flat, FlatEncoder):
        return None
    from ringsmith.backbones.fused import FusedEncoder

    fused = FusedEncoder.of(backbone.flat)
    return None if fused is None else replace(backbone, flat=fused)


@contextmanager
def _workers(backbone: Backbone, rows: int) -> Iterator[Map]:
    """A `map` over batches: on the CPU several at a time with one core each, where there are enough rows."""
    workers = min(backbone.threads, MOST_WORKERS) if backbone.device == "cpu" and rows >= FEWEST_ROWS else 1
    if workers == 1:
        yield map
        return
    pool = ThreadPoolExecutor(workers)
    torch.set_num_threads(max(1, backbone.threads // workers))
    try:
        yield pool.map
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(backbone.threads)


def _tokenised_ahead(backbone: Backbone, work: Work) -> Iterator[tuple[slice, Tokens]]:
    """Chunks of `work` with their tokens; a thread makes the next one's meanwhile (the tokenizer lets go of the interpreter)."""
    parts = [slice(start, start + CHUNK_ROWS) for start in range(0, len(work.texts), CHUNK_ROWS)]

    def tokenise(part: slice) -> Tokens:
        return backbone.tokeniser(work.texts[part], None if work.pairs is None else work.pairs[part])

    if len(parts) < 2:
        for part in parts:
            yield part, tokenise(part)
        return
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(tokenise, parts[0])
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            tokens = coming.result()
            if following is not None:
                coming = thread.submit(tokenise, following)
            yield part, tokens


def forward(backbone: Backbone, tokens: Tokens, rows: Rows, work: Work) -> Floats:
    """Vectors (len(rows), L, hidden) of one batch.

    Raises:
        ModelError: the model has another number of layers than its config says, or these are no vectors of tokens.
    """
    low = backbone.precision == "bfloat16"
    with torch.inference_mode(), torch.autocast(backbone.device, dtype=torch.bfloat16, enabled=low):
        if backbone.flat is not None:
            pooled = backbone.flat.forward(tokens, rows, every_layer=work.layers == "all", pooling=work.pooling)
        else:
            pooled = _padded_forward(backbone, pad_batch(tokens, rows, backbone.tokeniser.pad_id), work)
    return np.asarray(pooled.cpu().numpy(), dtype=np.float32)


def _padded_forward(backbone: Backbone, batch: dict[str, torch.Tensor], work: Work) -> torch.Tensor:
    """The same through transformers' own forward."""
    inputs = {name: tensor.to(backbone.device) for name, tensor in batch.items()}
    mask = inputs["attention_mask"]
    if bool(batch["attention_mask"].all()):
        del inputs["attention_mask"]
    output = backbone.module(**inputs, output_hidden_states=work.layers == "all", return_dict=True)
    states = output.hidden_states if work.layers == "all" else (output.last_hidden_state,)
    if work.layers == "all" and len(states) != backbone.layers:
        raise ModelError(f"{backbone.model.folder}: the config says {backbone.model.layers} layers; the model gave {len(states) - 1}. Fetch or save it again.")
    if strange := {tuple(state.shape[1:]) for state in states} - {(mask.shape[1], backbone.hidden)}:
        rule = f"a layer must give {backbone.hidden} numbers, the hidden size, for each of {mask.shape[1]} tokens"
        raise ModelError(f"{backbone.model.folder}: {rule}; {type(backbone.module).__name__} gave {' x '.join(map(str, min(strange)))}. Choose another model.")
    with torch.autocast(backbone.device, enabled=False):
        return torch.stack([pool(state, mask, work.pooling, cls_at_end=backbone.cls_at_end) for state in states], dim=1)


def _check(texts: Sequence[str], pairs: Sequence[str] | None, layers: str, pooling: str) -> None:
    if pairs is not None and len(pairs) != len(texts):
        raise OptionError(f"'pairs' must be as long as 'texts' ({len(texts)}); got {len(pairs)}. Give one for each text, or None.")
    if layers not in ("all", "last"):
        raise OptionError(f"'layers' must be all or last; got {layers!r}. Leave it out for all.")
    if pooling not in ("mean", "cls", "last"):
        raise OptionError(f"'pooling' must be mean, cls or last; got {pooling!r}. Leave it out for mean.")


def _first_of_its_kind(texts: Sequence[str], pairs: Sequence[str] | None) -> Rows:
    """For each row (n,) the first one that is equal to it."""
    rows: Sequence[Any] = texts if pairs is None else list(zip(texts, pairs, strict=True))
    first: dict[Any, int] = {}
    return np.fromiter((first.setdefault(row, position) for position, row in enumerate(rows)), dtype=np.int64, count=len(rows))


def _pick(texts: Sequence[str], pairs: Sequence[str] | None, rows: Rows) -> tuple[list[str], list[str] | None]:
    return [texts[i] for i in rows], (None if pairs is None else [pairs[i] for i in rows])


def _space(backbone: Backbone, layers: Layers, pooling: Pooling, shape: tuple[int, int]) -> VectorCache:
    tokeniser = backbone.tokeniser
    made_from = [backbone.identity, backbone.model.revision, tokeniser.fingerprint, tokeniser.max_tokens, layers, pooling, backbone.precision, backbone.device]
    return VectorCache.of(made_from, shape)
