"""Frozen layers at the bottom of a body computed once: their states are kept, and training begins at the first layer that moves.

record     every row goes through the frozen part once, without dropout; what the first moving layer would see of its tokens is kept,
           one row behind the other, without padding
replay     the frozen layers leave the list, and the first moving layer is handed the states of the rows of the batch; the embeddings leave, too, where
           nobody else asks for what they make
restore    the frozen layers are put back: the module is what it was

Works for every family whose layers stand in one list and take the states of all tokens first. That they do is not believed but tried: a row
must have the same scores with and without the frozen layers, or nothing is changed. What has left is in no step, no look and no copy of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ringsmith.adapt.classifier import Batch, Feed
from ringsmith.backbones import Tokens, batches_by_tokens
from ringsmith.backbones.batches import TOKENS_PER_BATCH

MEMORY_BYTES = 1 << 30
"""The states of all rows of a fit together; above it they are computed anew in every step."""
ALIKE = 1e-3
"""Scores with and without the frozen layers may differ by this share of the largest: rounding, no more."""
STRANGER = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError)
"""How an architecture says that it does not work without its lower layers."""
STATES = "states of the frozen layers"
"""Among a step's inputs: what the moving layers are handed."""
GoOn = Callable[[int, int], bool]


class Moving(nn.ModuleList):
    """The layers that are left while the frozen ones are out; each keeps its number, and its weights their names.

    Args:
        whole: all layers of the body.
        frozen: how many of them, from the bottom, are left out.
    """

    def __init__(self, whole: nn.ModuleList, frozen: int) -> None:
        super().__init__()
        for number in range(frozen, len(whole)):
            self.add_module(str(number), whole[number])
        self.outside = (whole,)  # in a tuple, so that torch does not take it for a part of this
        self.states: torch.Tensor | None = None
        self.handle = self[0].register_forward_pre_hook(self._hand_out)

    def __getitem__(self, index: Any) -> Any:
        return list(self.children())[index]  # ModuleList's own counts from 0

    @property
    def takes(self) -> torch.dtype:
        """What its lowest layer takes: float32, unless that says otherwise (`fused.py`)."""
        return getattr(vars(self[0]).get("forward"), "takes", torch.float32)

    def _hand_out(self, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        del layer
        return (self.states, *inputs[1:])


class Handed(nn.Module):
    """Stands where the embeddings stood and gives the states that the moving layers begin from; whoever asks for a part of the embeddings gets theirs.

    Args:
        whole: the embeddings.
        moving: the layers.
    """

    def __init__(self, whole: nn.Module, moving: Moving) -> None:
        super().__init__()
        self.outside = (whole, moving)  # in a tuple, as above

    def forward(self, *_: Any, **__: Any) -> Any:
        return self.outside[1].states

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["outside"][0], name)


@dataclass(eq=False)
class KeptFeed(Feed):
    """Rows whose states below the first moving layer are known.

    Attributes:
        states: (tokens of all rows, width), in the order of ``tokens.ids``.
        moving: the layers they are handed to.
        batch_first: whether the body lays a batch out as (rows, tokens, width); XLNet has (tokens, rows, width).
    """

    states: torch.Tensor
    moving: Moving
    batch_first: bool

    def batch(self, module: Any, rows: npt.NDArray[np.int64]) -> Batch:
        """These rows; the moving layers are handed their states, so that one forward of this batch must follow."""
        batch = super().batch(module, rows)
        mask, dtype = batch["attention_mask"], self.moving.takes
        states = torch.zeros(mask.numel(), self.states.shape[1], dtype=dtype, device=mask.device)
        kept = self.states.index_select(0, positions_of(self.tokens, rows)).to(mask.device, dtype)
        states = states.index_copy_(0, mask.flatten().nonzero()[:, 0], kept).view(*mask.shape, -1)
        self.moving.states = states if self.batch_first else states.transpose(0, 1).contiguous()
        return batch

    def beside(self) -> Batch:
        assert self.moving.states is not None, "there was a batch"
        return {STATES: self.moving.states}

    def hand_out(self, inputs: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        self.moving.states = inputs[STATES]
        return {name: tensor for name, tensor in inputs.items() if name != STATES}


def keep_states(module: Any, layers: nn.ModuleList, frozen: int, feeds: Sequence[Feed], dtype: torch.dtype, go_on: GoOn) -> list[KeptFeed] | str:
    """The rows with their states, the lowest `frozen` layers taken out of `module`; or why it was left as it was, as a part of a sentence.

    Args:
        module: a classifier.
        layers: all of its layers, as they stand in it.
        frozen: how many of them are left out; nothing below the next one moves.
        feeds: rows to train and to judge on.
        dtype: what the states are kept in; where it is bfloat16, the products are made in it, too.
        go_on: is told (rows done, rows in all) and says whether there is time for the rest.
    """
    needed = sum(len(feed.tokens.ids) for feed in feeds) * module.config.hidden_size * dtype.itemsize
    if needed > MEMORY_BYTES:
        return f"their states would take {needed / 1e9:.1f} GB"
    with _without_dropout(module), _products_in(dtype, module):
        found = _layout(module, layers, frozen, feeds[0])
        if found is None:
            return f"{type(module).__name__} does not work without its lower layers"
        batch_first, embeddings = found
        kept = _record(module, layers[frozen], feeds, dtype, go_on, batch_first=batch_first)
    if kept is None:
        return "the budget is too short for that"
    moving = _take_out(module, layers, frozen, embeddings=embeddings)
    return [KeptFeed(feed.tokens, feed.pad_id, states, moving, batch_first) for feed, states in zip(feeds, kept, strict=True)]


def restore(module: Any) -> None:
    """Put back what was taken out."""
    for moving in [part for part in module.modules() if isinstance(part, Moving)]:
        moving.handle.remove()
        _replace(module, moving, moving.outside[0])
    for handed in [part for part in module.modules() if isinstance(part, Handed)]:
        _replace(module, handed, handed.outside[0])


def _take_out(module: Any, layers: nn.ModuleList, frozen: int, *, embeddings: bool) -> Moving:
    """Take the lowest layers out, and with `embeddings` those, too, where the body has them as one part."""
    moving, whole = Moving(layers, frozen), getattr(module.base_model, "embeddings", None)
    _replace(module, layers, moving)
    if embeddings and isinstance(whole, nn.Module):
        _replace(module, whole, Handed(whole, moving))
    return moving


def _replace(module: Any, old: nn.Module, new: nn.Module) -> None:
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if part is old:
                setattr(parent, name, new)


class _Reached(Exception):
    """A forward has come to the first moving layer, which sees these states."""

    def __init__(self, states: torch.Tensor) -> None:
        super().__init__()
        self.states = states


@contextmanager
def _stopping_at(layer: nn.Module) -> Iterator[None]:
    """Within the block a forward goes as far as `layer` and raises `_Reached`."""

    def stop(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        del layer
        raise _Reached(inputs[0])

    handle = layer.register_forward_pre_hook(stop)
    try:
        yield
    finally:
        handle.remove()


def _states(module: Any, batch: Batch) -> torch.Tensor:
    """What the first moving layer sees of this batch, in a block of `_stopping_at`."""
    try:
        module(**batch)
    except _Reached as reached:
        return reached.states
    raise RuntimeError("the forward never came to the layer")


def _layout(module: Any, layers: nn.ModuleList, frozen: int, feed: Feed) -> tuple[bool, bool] | None:
    """Whether a batch is laid out rows first, and whether the embeddings can leave, too; None where the moving layers alone, given the states, do not give the same scores."""
    batch = feed.batch(module, np.array([feed.tokens.lengths.argmax()]))
    length, width = batch["input_ids"].shape[1], module.config.hidden_size
    wanted = module(**batch).logits
    try:
        with _stopping_at(layers[frozen]):
            states = _states(module, batch)
    except STRANGER:
        return None
    if states.requires_grad or tuple(states.shape) not in ((1, length, width), (length, 1, width)):
        return None
    does = (embeddings for embeddings in (True, False) if _does_without(module, layers, frozen, batch, states, wanted, embeddings=embeddings))
    return next(((states.shape[1] == length, embeddings) for embeddings in does), None)


def _does_without(module: Any, layers: nn.ModuleList, frozen: int, batch: Batch, states: torch.Tensor, wanted: torch.Tensor, *, embeddings: bool) -> bool:
    """Whether the moving layers, given the states, give the scores that are `wanted`."""
    try:
        _take_out(module, layers, frozen, embeddings=embeddings).states = states
        found = module(**batch).logits
    except STRANGER:
        return False
    finally:
        restore(module)
    return bool((found - wanted).abs().max() <= ALIKE * wanted.abs().max())


def _record(module: Any, layer: nn.Module, feeds: Sequence[Feed], dtype: torch.dtype, go_on: GoOn, *, batch_first: bool) -> list[torch.Tensor] | None:
    """The states of all tokens of each feed, row behind row; None where there was no time."""
    kept = [torch.empty(len(feed.tokens.ids), module.config.hidden_size, dtype=dtype) for feed in feeds]
    total, done = sum(map(len, feeds)), 0
    with _stopping_at(layer), torch.no_grad():
        for feed, store in zip(feeds, kept, strict=True):
            for rows in batches_by_tokens(feed.tokens.lengths, TOKENS_PER_BATCH[module.device.type], one_length=feed.tokens.one_length):
                batch = feed.batch(module, rows)
                states = _states(module, batch)
                store[positions_of(feed.tokens, rows)] = (states if batch_first else states.transpose(0, 1))[batch["attention_mask"].bool()].to("cpu", dtype)
                done += len(rows)
                if not go_on(done, total):
                    return None
    return kept


def positions_of(tokens: Tokens, rows: npt.NDArray[np.int64]) -> torch.Tensor:
    """Where the tokens of these rows stand in ``tokens.ids``, one row behind the other."""
    lengths = tokens.starts[rows + 1] - tokens.starts[rows]
    ends = np.cumsum(lengths)
    return torch.from_numpy(np.arange(lengths.sum()) + np.repeat(tokens.starts[rows] - (ends - lengths), lengths))


@contextmanager
def _without_dropout(module: Any) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def _products_in(dtype: torch.dtype, module: Any) -> torch.autocast:
    return torch.autocast(module.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)
