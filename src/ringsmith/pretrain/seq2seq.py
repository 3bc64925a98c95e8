"""Translation learnt from pairs of texts, as the paper does it (Vaswani et al., 2017, section 5): the work the training loop is given.

batch   pairs of similar length on both sides, so many that their pieces together stay within a budget (5.1)
loss    each next piece of the translation predicted from the right ones before it (teacher forcing), labels smoothed (5.4)
rate    width^-0.5 min(step^-0.5, step warm_up^-1.5), equation 3
look    loss of the validation pairs, labels not smoothed: nats for a piece
end     the weights of the last looks averaged (6.1), where that is better than the best look
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.adapt.choose import Mark
from ringsmith.adapt.graphs import Inputs
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.memory import rows_that_fit
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.transfer import send
from ringsmith.adapt.work import Work, spread_looks
from ringsmith.errors import OptionError
from ringsmith.pretrain.joint import PAD, START, UNKNOWN
from ringsmith.pretrain.options import SMALLER
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.parallel import Pairs
from ringsmith.records import Rows

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Side:
    """The pieces of one language, text after text.

    Attributes:
        pieces: all of them, each text with its end.
        starts: (n + 1,) where each text starts.
    """

    pieces: npt.NDArray[np.int32]
    starts: Counts

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Side:
        """From a list of pieces for each text."""
        starts = np.cumsum([0, *map(len, rows)])
        return cls(np.fromiter((piece for row in rows for piece in row), np.int32, int(starts[-1])), starts)

    @property
    def lengths(self) -> Counts:
        """Pieces of each text."""
        return np.diff(self.starts)

    def take(self, rows: Rows) -> torch.Tensor:
        """Some texts as one table (rows, longest), filled up with padding."""
        begin, lengths = self.starts[rows], self.lengths[rows]
        place = np.arange(int(lengths.max()))
        inside = place < lengths[:, None]
        found = np.full(inside.shape, PAD, np.int64)
        found[inside] = self.pieces[(begin[:, None] + place)[inside]]
        return torch.from_numpy(found)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Pairs as pieces."""

    sources: Side
    targets: Side

    def __len__(self) -> int:
        return len(self.sources.lengths)

    @property
    def tokens(self) -> int:
        """Pieces of both sides."""
        return len(self.sources.pieces) + len(self.targets.pieces)

    @property
    def unknown(self) -> float:
        """Share of the pieces that stand for characters which the vocabulary does not know."""
        return sum(int((side.pieces == UNKNOWN).sum()) for side in (self.sources, self.targets)) / self.tokens


def encode_pairs(tokeniser: Any, pairs: Pairs, length: int, *, use: str) -> Encoded:
    """The pairs whose sides have at most `length` pieces; `use` says what they are for: ``"to learn from"``.

    Raises:
        OptionError: all of them are longer.
    """
    sources = tokeniser(list(pairs.sources), verbose=False)["input_ids"]
    targets = tokeniser(list(pairs.targets), verbose=False)["input_ids"]
    needed = np.array([max(len(left), len(right)) for left, right in zip(sources, targets, strict=True)])
    kept = np.flatnonzero(needed <= length).tolist()
    if not kept:
        enough = int(np.quantile(needed, 0.9, method="higher"))
        raise OptionError(
            f"'length' must hold some of the pairs {use}; got {length}, and the shortest of these {len(needed):,} needs {needed.min():,} pieces. "
            f"Take {enough:,}, which holds nine in ten of them."
        )
    return Encoded(Side.of([sources[row] for row in kept]), Side.of([targets[row] for row in kept]))


def paired_batches(sources: Counts, targets: Counts, max_tokens: int, generator: np.random.Generator | None = None) -> list[Rows]:
    """Every pair once, in batches of similar lengths whose padded size, both sides together, stays within `max_tokens`.

    Args:
        sources: pieces of each source text.
        targets: pieces of each target text.
        max_tokens: padded pieces of a batch; a longer pair gets a batch of its own.
        generator: draws who meets whom among pairs of the same lengths, and the order of the batches; None for none of both.

    Examples:
        >>> [rows.tolist() for rows in paired_batches(np.array([2, 5, 2]), np.array([3, 5, 3]), max_tokens=10)]
        [[0, 2], [1]]
    """
    drawn = np.arange(len(sources)) if generator is None else generator.permutation(len(sources))
    order = drawn[np.lexsort((sources[drawn], targets[drawn]))]
    batches, start, left, right = [], 0, 0, 0
    for end, (source, target) in enumerate(zip(sources[order].tolist(), targets[order].tolist(), strict=True)):
        left, right = max(left, source), max(right, target)
        if end > start and (end - start + 1) * (left + right) > max_tokens:
            batches.append(order[start:end])
            start, left, right = end, source, target
    batches.append(order[start:])
    return batches if generator is None else [batches[number] for number in generator.permutation(len(batches))]


def padding_share(pairs: Encoded, max_tokens: int) -> float:
    """Share of the batches' tables that is padding."""
    left, right = pairs.sources.lengths, pairs.targets.lengths
    sizes = [len(rows) * int(left[rows].max() + right[rows].max()) for rows in paired_batches(left, right, max_tokens)]
    return 1 - pairs.tokens / sum(sizes)


def noam_rate(step: int, width: int, warm_up: int) -> float:
    """The learning rate in step number `step` (from 1): equation 3 of the paper.

    Examples:
        >>> [f"{noam_rate(step, 512, 4000):.2e}" for step in (1, 4000, 16000)]
        ['1.75e-07', '6.99e-04', '3.49e-04']
    """
    return float(width**-0.5 * min(step**-0.5, step * warm_up**-1.5))


@dataclass(frozen=True)
class Rate:
    """The learning rate over the steps: `noam_rate` of a width and a warm-up."""

    width: int
    warm_up: int


class Translating(Work[Rows]):
    """Learning to translate: a batch is the numbers of its pairs.

    Args:
        train: pairs to learn from.
        valid: pairs to look at.
        max_tokens: padded pieces of a batch, both sides together.
        rate: of learning.
        smoothing: share of the labels spread over all pieces.
        looks: how many times the validation pairs are looked at.
        keep: is given the model and the share of the plan that is done at every look.

    Attributes:
        parts: into which a batch is cut, where memory does not hold it.
    """

    advice = SMALLER

    def __init__(self, train: Encoded, valid: Encoded, *, max_tokens: int, rate: Rate, smoothing: float, looks: int, keep: Callable[[Any, float], None] | None = None) -> None:
        self.train, self.valid, self.max_tokens, self.smoothing, self.looks, self.keep, self.rate = train, valid, max_tokens, smoothing, looks, keep, rate
        self.per_epoch = len(paired_batches(train.sources.lengths, train.targets.lengths, max_tokens))
        self.asked = self.per_epoch
        self.look_tokens = valid.tokens
        self.parts = 1

    def parts_that_fit(self, module: Any) -> int:
        """Into how many parts a batch is to be cut in the memory that is free now; where not a single pair fits, `module` keeps less of it.

        Raises:
            MachineError: memory does not hold a single pair of which the least is kept.
        """
        longest = self.longest(np.arange(len(self.train)))
        rows = max(1, self.max_tokens // (2 * longest))

        def forward(count: int, tokens: int) -> torch.Tensor:
            sources, targets = (torch.from_numpy(np.resize(side.pieces, (count, tokens)).astype(np.int64)).to(module.device) for side in (self.train.sources, self.train.targets))
            return self.loss(module, {"sources": sources, "targets": targets})

        return math.ceil(rows / rows_that_fit(module, forward, rows, longest, self.advice))

    def batches(self, seed: int, start: int) -> Iterator[Rows]:
        return islice(self._endless(seed), start, None)

    def _endless(self, seed: int) -> Iterator[Rows]:
        generator = np.random.default_rng(seed)
        while True:
            yield from paired_batches(self.train.sources.lengths, self.train.targets.lengths, self.max_tokens, generator)

    def rows(self, batch: Rows) -> int:
        return len(batch)

    def part(self, batch: Rows, rows: Rows) -> Rows:
        return batch[rows]

    def weight(self, batch: Rows) -> float:
        return float(self.train.targets.lengths[batch].sum())

    def tokens(self, batch: Rows) -> int:
        return int(self.train.sources.lengths[batch].sum() + self.train.targets.lengths[batch].sum())

    def longest(self, batch: Rows) -> int:
        return int(max(self.train.sources.lengths[batch].max(), self.train.targets.lengths[batch].max()))

    def inputs(self, module: Any, part: Rows) -> Inputs:
        return forced_inputs(module, self.train, part)

    def loss(self, module: Any, inputs: Inputs) -> torch.Tensor:
        return forced_loss(module, inputs, self.smoothing)

    def rate_share(self, step: int, planned: int, warm_up: float) -> float:
        return noam_rate(step + 1, self.rate.width, self.rate.warm_up)

    def check(self, losses: Sequence[float], planned: int) -> None:
        if not math.isfinite(losses[-1]):
            raise Broken(f"the loss is no number in step {len(losses):,}")

    def look(self, module: Any, progress: float) -> Mark:
        if self.keep is not None:
            self.keep(module, progress)
        found = -self.judge(module)
        return found, found

    def judge(self, module: Any) -> float:
        """Mean loss of a piece of the validation pairs."""
        return loss_of(module, self.valid, self.max_tokens // self.parts)

    def look_is_due(self, course: Course) -> bool:
        return spread_looks(course, self.looks)

    def note(self, course: Course) -> str:
        looked = course.curves["valid"]
        return f"{super().note(course)}, validation {-looked[-1]:.2f}" if looked else super().note(course)


def forced_inputs(module: Any, pairs: Encoded, rows: Rows) -> Inputs:
    """Both sides of these pairs, on the device of `module`."""
    return {"sources": send(pairs.sources.take(rows), module.device), "targets": send(pairs.targets.take(rows), module.device)}


def forced_loss(module: Any, inputs: Inputs, smoothing: float) -> torch.Tensor:
    """Mean loss of each next piece of the targets, given the right ones before it."""
    sources, targets = inputs["sources"], inputs["targets"]
    before = torch.cat([targets.new_full((len(targets), 1), START), targets[:, :-1]], 1)
    hidden = module.model(input_ids=sources, attention_mask=sources.ne(PAD).long(), decoder_input_ids=before, use_cache=False).last_hidden_state
    inside = targets.ne(PAD)
    return predicted_loss(hidden[inside], module.lm_head, targets[inside], smoothing)


def loss_of(module: Any, pairs: Encoded, max_tokens: int) -> float:
    """Mean loss of a piece of the targets, labels as they are, in nats."""
    total, training = 0.0, module.training
    module.eval()
    with torch.no_grad():
        for rows in paired_batches(pairs.sources.lengths, pairs.targets.lengths, max_tokens):
            total += float(forced_loss(module, forced_inputs(module, pairs, rows), 0.0)) * float(pairs.targets.lengths[rows].sum())
    module.train(training)
    return total / float(pairs.targets.lengths.sum())
