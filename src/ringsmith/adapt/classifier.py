"""A transformer with a classification head, whatever its family: rows in, scores or vectors out; its last layer, found and set.

Every family's classifier ends in one linear layer over the labels, so that what that layer sees are the vectors of the texts, and
scaling it scales the scores. Nothing here trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.adapt.linear import Activation, best_scale
from ringsmith.adapt.transfer import send
from ringsmith.backbones import Tokens, batches_by_tokens, pad_batch
from ringsmith.backbones.batches import TOKENS_PER_BATCH
from ringsmith.backbones.meanlayer import read_mean
from ringsmith.backbones.pooling import CLS_AT_END
from ringsmith.records import Rows

WIDTHS = 16
"""On a GPU rows are padded to multiples of so many tokens: few shapes are to be recorded (`graphs.py`), and its products like them."""
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
        multiple = WIDTHS if module.device.type == "cuda" and not self.tokens.one_length else 1
        batch = pad_batch(self.tokens, rows, self.pad_id, left=module.config.model_type in CLS_AT_END, multiple=multiple)
        return {name: send(tensor, module.device) for name, tensor in batch.items()}

    def beside(self) -> Batch:
        """What of the last batch the module is handed beside its inputs, by names that no input has: nothing."""
        return {}

    def hand_out(self, inputs: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        """Hand the module what `beside` gave, which is among these; what is left are its inputs."""
        return inputs


def scores_of(module: Any, feed: Feed) -> Vectors:
    """Scores (n, K) before softmax or sigmoid, in the order of the rows, without dropout."""
    return _run(module, feed, np.arange(len(feed)), module.config.num_labels, lambda batch: module(**batch).logits)


def vectors_of(module: Any, feed: Feed, rows: Rows | None = None) -> Vectors:
    """What the last layer sees of each of these rows (n, d); of all for None."""
    layer = last_layer(module)
    with _given_to(layer) as seen:

        def vectors(batch: Batch) -> torch.Tensor:
            module(**batch)
            return _of_texts(seen.pop(), batch)

        return _run(module, feed, np.arange(len(feed)) if rows is None else rows, layer.in_features, vectors)


def both_readings_of(module: Any, feed: Feed, rows: Rows) -> Vectors:
    """What the last layer sees of each of these rows, and beside it what it would see of the mean of the tokens (n, 2 d)."""
    layer, states = last_layer(module), list[Any]()
    hook = module.base_model.register_forward_hook(lambda *called: states.append(called[2][0]))
    try:
        with _given_to(layer) as seen:

            def both(batch: Batch) -> torch.Tensor:
                module(**batch)
                return torch.cat([_of_texts(seen.pop(), batch), read_mean(module, states.pop(), batch["attention_mask"])], 1)

            return _run(module, feed, rows, 2 * layer.in_features, both)
    finally:
        hook.remove()


@contextmanager
def _given_to(layer: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """What the layer is given within the block by this thread; others may ask the same model meanwhile."""
    seen, mine = list[torch.Tensor](), get_ident()

    def note(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if get_ident() == mine:
            seen.append(inputs[0])

    hook = layer.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        hook.remove()


def _of_texts(seen: torch.Tensor, batch: Batch) -> torch.Tensor:
    """What a last layer saw of each text (rows, d): all it saw, or of a decoder, which looks at every token (rows, tokens, d), what it saw at the last one."""
    return seen if seen.ndim == 2 else seen[torch.arange(len(seen)), batch["attention_mask"].sum(dim=1) - 1]


def _run(module: Any, feed: Feed, rows: Rows, width: int, compute: Callable[[Batch], torch.Tensor]) -> Vectors:
    out, training = np.empty((len(rows), width), dtype=np.float32), module.training
    module.eval()
    with torch.inference_mode():
        for some in batches_by_tokens(feed.tokens.lengths[rows], TOKENS_PER_BATCH[module.device.type], one_length=feed.tokens.one_length):
            out[some] = compute(feed.batch(module, rows[some])).float().cpu().numpy()
    module.train(training)
    return out


def last_layer(module: Any) -> torch.nn.Linear:
    """The linear layer that gives the scores."""
    found: list[torch.nn.Linear] = [part for part in module.modules() if isinstance(part, torch.nn.Linear) and part.out_features == module.config.num_labels]
    return found[-1]


def set_last_layer(module: Any, weights: Vectors, bias: Vectors) -> None:
    """Give the last layer these weights (K, d) and, if it has one, this bias (K,)."""
    layer = last_layer(module)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
        if layer.bias is not None:
            layer.bias.copy_(torch.from_numpy(bias))


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
