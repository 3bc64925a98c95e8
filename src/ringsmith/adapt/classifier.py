"""A transformer with a classification head, whatever its family: rows in, scores or vectors out; its last layer, found and set.

Every family's classifier ends in one linear layer over the labels, so that what that layer sees are the vectors of the texts, and
scaling it scales the scores. Nothing here trains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.adapt.linear import Activation, best_scale
from ringsmith.backbones import Tokens, batches_by_tokens, pad_batch
from ringsmith.backbones.pooling import CLS_AT_END

TOKENS_PER_BATCH = 1_024
"""Padded tokens of a batch: larger ones leave the processor's caches."""
Batch = dict[str, torch.Tensor]
Vectors = npt.NDArray[np.float32]


@dataclass(eq=False)
class Feed:
    """Rows of text as a classifier takes them.

    Attributes:
        tokens: of all rows.
        pad_id: what fills batches up.
    """

    tokens: Tokens
    pad_id: int

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, module: Any, rows: npt.NDArray[np.int64]) -> Batch:
        """These rows, on the device of `module`."""
        batch = pad_batch(self.tokens, rows, self.pad_id, left=module.config.model_type in CLS_AT_END)
        return {name: tensor.to(module.device) for name, tensor in batch.items()}


def scores_of(module: Any, feed: Feed) -> Vectors:
    """Scores (n, K) before softmax or sigmoid, in the order of the rows, without dropout."""
    return _run(module, feed, module.config.num_labels, lambda batch: module(**batch).logits)


def vectors_of(module: Any, feed: Feed) -> Vectors:
    """What the last layer sees of each row (n, d)."""
    layer, seen = last_layer(module), list[torch.Tensor]()
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    def vectors(batch: Batch) -> torch.Tensor:
        seen.clear()
        module(**batch)
        states = seen[-1]  # (rows, d), or of every token (rows, tokens, d) in a decoder, which answers at its last one
        return states if states.ndim == 2 else states[torch.arange(len(states)), batch["attention_mask"].sum(dim=1) - 1]

    try:
        return _run(module, feed, layer.in_features, vectors)
    finally:
        hook.remove()


def _run(module: Any, feed: Feed, width: int, compute: Callable[[Batch], torch.Tensor]) -> Vectors:
    out, training = np.empty((len(feed), width), dtype=np.float32), module.training
    module.eval()
    with torch.inference_mode():
        for rows in batches_by_tokens(feed.tokens.lengths, TOKENS_PER_BATCH):
            out[rows] = compute(feed.batch(module, rows)).float().cpu().numpy()
    module.train(training)
    return out


def last_layer(module: Any) -> torch.nn.Linear:
    """The linear layer that gives the scores."""
    found: list[torch.nn.Linear] = [part for part in module.modules() if isinstance(part, torch.nn.Linear) and part.out_features == module.config.num_labels]
    return found[-1]


def scale_last_layer(module: Any, scores: Vectors, targets: npt.NDArray[Any], activation: Activation) -> float:
    """Scale the last layer so that its `scores` fit their `targets` best; returns the factor. No predicted label changes.

    A fine-tuned model is too sure of itself (Guo et al., 2017); scaled in its weights, it is mended wherever the folder is loaded.
    """
    if not len(scores):
        return 1.0
    scale = best_scale(scores, targets, activation)
    with torch.no_grad():
        for weight in last_layer(module).parameters():
            weight.mul_(scale)
    return scale
