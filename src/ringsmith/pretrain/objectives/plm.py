"""The objective `plm`: permutation language modelling with two-stream attention, as in XLNet (Yang et al., 2019).

    spans     a sequence is walked through in windows of 6 n pieces; n neighbours of each, 1 to 5, are targets: the last sixth of the order
    order     the targets stand in an order drawn by chance, behind all others (the context)
    content   a piece sees the context, the targets before it in the order, and itself
    query     the vector that predicts a target sees the same but not the target itself; it knows only the target's place

What is lowered is the mean of -log p(target | context, targets before it in the order), the last 1/K of the paper's equation 5 (K = 6). Span lengths are
drawn as in the released code, n with a chance of 1 / n. Departures: the walk begins before the sequence, so that its first pieces are targets as often
as others; every sequence has a target; special pieces belong to the context; no memory of the sequence before (Transformer-XL's), for sequences are drawn in any order; no pairs
of segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch.nn import functional

from ringsmith._rules import hold
from ringsmith.catalogue import LocalModel
from ringsmith.pretrain.objective import IGNORED, Batch, Objective, VocabularyKind
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.objectives.masks import Bools, Ids
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.shapes import Shape, make_config


@dataclass(frozen=True)
class PermutedOptions:
    """What can be chosen of XLNet's objective.

    Attributes:
        window: pieces for each target: the paper's K.
        longest_span: most neighbours that are targets together.
    """

    window: int = 6
    longest_span: int = 5

    def __post_init__(self) -> None:
        hold(self, (("window", lambda n: n >= 2, "at least 2"), ("longest_span", lambda n: n >= 1, "at least 1")))


class Permuted(Objective):
    """XLNet's."""

    name = "plm"
    architecture = "xlnet"
    vocabulary: ClassVar[VocabularyKind] = "unigram"
    options_kind = PermutedOptions
    options: PermutedOptions

    def create(self, shape: Shape, *, seed: int) -> Any:
        return models.create(transformers.XLNetLMHeadModel, make_config(self.architecture, shape, self.pieces), seed)

    def adopt(self, model: LocalModel) -> Any:
        return models.adopt(transformers.XLNetLMHeadModel, model, objective=self.name, kinds=("xlnet",), vocabulary=self.pieces.size)

    def batch(self, rows: Ids, generator: np.random.Generator) -> Batch:
        text = ~self.pieces.is_special()[rows]
        targets = one_each(choose_spans(rows.shape, self.options, generator) & text, text, generator)
        order = np.where(targets, generator.random(rows.shape, dtype=np.float32), np.float32(-1.0))
        places, predicted = _places_of(targets)
        labels = np.where(predicted, np.take_along_axis(rows, places, 1), IGNORED)
        tensors = {"input_ids": rows.copy(), "order": order, "places": places, "labels": labels}
        return {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        inputs = batch["input_ids"]
        mapping = functional.one_hot(batch["places"], inputs.shape[1]).float()
        states = module.transformer(input_ids=inputs, perm_mask=hidden_from(batch["order"]), target_mapping=mapping, use_mems=False)[0]
        return predicted_loss(states.flatten(0, 1), module.lm_loss, batch["labels"].flatten())

    def predicted(self, length: int) -> float:
        return (length - len(self.pieces.before) - len(self.pieces.after)) / self.options.window


def hidden_from(order: torch.Tensor) -> torch.Tensor:
    """(n, length, length), 1 where the row's piece may not see the column's: a target that does not stand before it in the order.

    Args:
        order: (n, length), -1 for the context, and for targets their number in the order.
    """
    return ((order[:, :, None] <= order[:, None, :]) & (order[:, None, :] >= 0)).float()


def choose_spans(shape: tuple[int, ...], options: PermutedOptions, generator: np.random.Generator) -> Bools:
    """Which pieces (n, length) are targets: spans of 1 to 5 neighbours, each anywhere in a window six times as long, window after window."""
    n, length = shape
    targets = np.zeros((n, length), dtype=np.bool_)
    spans = np.arange(1, options.longest_span + 1)
    chances = 1.0 / spans / (1.0 / spans).sum()
    widest = options.longest_span * options.window
    start = -widest - generator.integers(widest, size=n)  # from within the sequence its first pieces would be targets too seldom
    column = np.arange(length)[None, :]
    while (start < length).any():
        span = generator.choice(spans, size=n, p=chances)
        window = span * options.window
        first = start + (generator.random(n) * (window - span + 1)).astype(np.int64)
        targets |= (column >= first[:, None]) & (column < (first + span)[:, None])
        start += window
    return targets


def one_each(targets: Bools, text: Bools, generator: np.random.Generator) -> Bools:
    """The targets (n, length), and one piece of the text in every row that would have none."""
    bare = np.flatnonzero(~targets.any(1) & text.any(1))
    if len(bare):
        targets[bare, (generator.random((len(bare), text.shape[1])) * text[bare]).argmax(1)] = True
    return targets


def _places_of(targets: Bools) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """The places (n, k) of each row's targets, and which of the k are any."""
    counts = targets.sum(1)
    k = max(1, int(counts.max(initial=0)))
    places = np.argsort(~targets, axis=1, kind="stable")[:, :k]
    return places, np.arange(k)[None, :] < counts[:, None]
