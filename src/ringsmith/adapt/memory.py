"""Memory that does not suffice: how a training goes on with smaller parts of a batch, and what it will take before it begins.

Smaller parts first, down to single rows; then layers that compute twice what they cannot keep (`recompute.py`); then it is said.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from ringsmith._machine import MEGABYTE, free_mb
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.dropout import pools_of
from ringsmith.adapt.fused import plain_layers
from ringsmith.adapt.recompute import keep_all, layers_in_use, recompute_layers
from ringsmith.backbones import batches_by_tokens
from ringsmith.backbones.chance import own_chance
from ringsmith.errors import MachineError
from ringsmith.records import Rows

WORDS_OF_IT = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
"""How torch and the systems below it say so."""
SPARE = 0.8
"""Share of the free memory that is planned with."""
OVERHEAD, OVERHEAD_OF_A_GPU = 1.5, 1.1
"""Times what is counted that a process really takes for a batch: what lives within one operation, and holes between pieces (1.35 to 1.9 measured on CPUs,
1.04 to 1.11 on a GPU, LOG.md)."""
OVERHEAD_OF_TABLES = 4.0
"""The same for tables of each token with each: plain products make several on their way, there and back, for one that is kept (LOG.md)."""
ADVICE = "Take a smaller model, or shorter texts."
"""What to do where memory does not hold a single row."""
PROBED = 1_024
"""Tokens of the longest row that is tried; what longer ones take is reckoned from it."""


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error).lower() for words in WORDS_OF_IT)


def smaller(module: Any, parts: int, rows: int, error: BaseException, advice: str = ADVICE) -> int:
    """Into how many parts a batch of so many rows is cut when memory did not hold `parts`; where they are single rows, `module` keeps less of each.

    Raises:
        MachineError: it does not hold a single row of which the least is kept; `advice` says what to do.
    """
    if parts >= rows:
        plain_layers(module)  # one step of all layers cannot keep less
        if recompute_layers(module):
            return parts
        raise MachineError(f"Memory must hold a single row with its gradients; it does not. {advice}") from error
    return min(rows, 2 * parts)


def parts_for(module: Any, feed: Feed, max_tokens: int, max_rows: int) -> int:
    """Into how many parts each batch is to be cut so that training fits into the memory that is free now; where single rows do not, `module` keeps less of each.

    Raises:
        MachineError: the gradients and Adam's moments alone do not fit.
    """
    fixed, batch = training_bytes(module, feed, max_tokens, max_rows)
    free = free_bytes(module)
    if fixed > free:
        needs = f"{fixed / 2**30:.1f} GB for gradients and the optimizer"
        raise MachineError(
            f"Memory must hold the model with its gradients: it needs {needs}, and {free / 2**30:.1f} GB are free. Take a smaller model, or a recipe that trains less of it."
        )
    parts = parts_that_fit(batch, free - fixed)
    if parts > len(largest_batch(feed, max_tokens, max_rows)):
        recompute_layers(module)
    return min(max_rows, parts)


def rows_that_fit(module: Any, forward: Callable[[int, int], torch.Tensor], rows: int, length: int, advice: str) -> int:
    """How many rows of `length` tokens go through at once in the memory that is free now, at most `rows`; where not a single one does, `module` keeps less of each.

    Args:
        module: as it will train.
        forward: the loss of so many rows of so many tokens; it is asked for rows of at most `PROBED`.
        rows: of a batch.
        length: of a row.
        advice: what to do where it does not fit.

    Raises:
        MachineError: memory does not hold a single row of which the least is kept.
    """
    keep_all(module)
    free = SPARE * free_bytes(module) - fixed_bytes(module)
    once, each = bytes_of_rows(module, forward, length)
    if once + each > free and recompute_layers(module):
        a_layer = each / len(layers_in_use(module))  # one at a time keeps all, on the way back
        once, each = bytes_of_rows(module, forward, length)
        each += a_layer
    if once + each > free:
        needs, there = (f"{size / 2**30:,.1f} GB" for size in (fixed_bytes(module) + once + each, free_bytes(module)))
        raise MachineError(f"Memory must hold a row of {length:,} tokens with its gradients: training takes about {needs}, and {there} are free. {advice}")
    return int(min(rows, (free - once) / max(1, each)))


def bytes_of_rows(module: Any, forward: Callable[[int, int], torch.Tensor], length: int) -> tuple[float, float]:
    """What a step takes for the way back, whatever goes through it, and for each row of `length` tokens.

    Measured on a row and on two of half the length, and on one of the whole; a row longer than `PROBED` is not tried, but reckoned from there: what is kept of
    a row grows with its length and, where attention is by plain products, with the square of it.

    Args:
        module: as it will train; left as it was.
        forward: the loss of so many rows of so many tokens.
        length: of a row.
    """
    half = min(length, PROBED) // 2
    one, two, long = (kept_of(module, partial(forward, rows, tokens)) for rows, tokens in ((1, half), (2, half), (1, 2 * half)))
    short = two - one
    bend = max(0.0, (long - two) / (2 * half**2))
    slope = short / half - bend * half
    times = overhead_of(module)
    return times * (one - short), times * slope * length + OVERHEAD_OF_TABLES * bend * length**2


def overhead_of(module: Any) -> float:
    """Times what is counted that a process really takes where the model lies."""
    return OVERHEAD_OF_A_GPU if module.device.type == "cuda" else OVERHEAD


def fixed_bytes(module: Any) -> int:
    """Gradients and Adam's two moments."""
    return sum(3 * weight.nbytes for weight in module.parameters() if weight.requires_grad)


def free_bytes(module: Any) -> int:
    """Memory that is free where the model lies; on a GPU with what torch keeps for itself and does not use, else a share for each process that `torchrun` started here."""
    if module.device.type == "cuda":
        unused = torch.cuda.memory_reserved(module.device) - torch.cuda.memory_allocated(module.device)
        return int(torch.cuda.mem_get_info(module.device)[0] + unused)
    return int(free_mb() * MEGABYTE / int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def training_bytes(module: Any, feed: Feed, max_tokens: int, max_rows: int) -> tuple[int, int]:
    """What training will take on top of the weights: (gradients and Adam's two moments, what one batch keeps for the way back).

    The second is measured on a row and on two: torch tells what it keeps for the backward pass. Some of it grows with the padded tokens of a batch, and
    some does not (copies of the weights, where autocast multiplies in another precision).

    Args:
        module: the classifier; left as it was.
        feed: the training rows.
        max_tokens: padded tokens of a batch.
        max_rows: rows of a batch.
    """
    largest = largest_batch(feed, max_tokens, max_rows)
    one, two = (kept_bytes(module, feed, np.resize(largest[:1], rows)) for rows in (1, 2))
    kept = one + (two - one) * (len(largest) - 1)
    return fixed_bytes(module), math.ceil(overhead_of(module) * kept)


def largest_batch(feed: Feed, max_tokens: int, max_rows: int) -> Rows:
    """The rows of the batch with the most padded tokens."""
    return max(batches_by_tokens(feed.tokens.lengths, max_tokens, max_rows), key=lambda rows: len(rows) * int(feed.tokens.lengths[rows].max()))


def kept_bytes(module: Any, feed: Feed, rows: Rows) -> int:
    """Bytes that torch keeps for the backward pass of these rows of a classifier."""
    return kept_of(module, lambda: module(**feed.batch(module, rows)).logits.sum())


def kept_of(module: Any, forward: Callable[[], torch.Tensor]) -> int:
    """Bytes that torch keeps for the way back through `forward`, weights and pools of dropout left out; each piece of memory once."""
    seen: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # a result that is kept as it is holds its own graph, and the weights with it, for ever

    with own_chance(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        kept = forward()  # the graph lives as long as this does, so no address comes twice
    del kept
    lasting = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *pools_of(module))}
    return sum(size for address, size in seen.items() if address not in lasting)


def parts_that_fit(needed: int, free: int) -> int:
    """Into how many parts a batch that needs so many bytes is cut to fit into the free ones.

    Examples:
        >>> parts_that_fit(100, 1_000), parts_that_fit(1_000, 500), parts_that_fit(1_000, 0)
        (1, 3, 1000)
    """
    return max(1, math.ceil(needed / max(1, SPARE * free)))


def notes_of(parts: int, *, twice: bool) -> tuple[str, ...]:
    """What a reader should know of a training that went on with less memory than it asked for.

    Args:
        parts: of each batch.
        twice: whether every layer was computed twice.
    """
    notes = []
    if parts > 1:
        notes.append(f"Each batch went through in {parts} parts: memory holds no more.")
    if twice:
        notes.append("Every layer was computed twice in a step: memory does not hold what a row keeps of all of them.")
    return tuple(notes)
