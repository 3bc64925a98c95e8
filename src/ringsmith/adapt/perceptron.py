"""A neural head on vectors that do not change: layer norm, one hidden layer, dropout around it; several of them, averaged.

    scores = mean over members of  W2 gelu(W1 norm(x) + b1) + b2

Trained by AdamW with a linear decay, judged on the validation rows after every epoch, the best look kept. An epoch over 5,000 vectors of 2,688 numbers
takes a second, so that members cost little, and their mean is steadier than one of them (Lakshminarayanan et al., 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from ringsmith.adapt.choose import Mark
from ringsmith.adapt.linear import Activation
from ringsmith.backbones.chance import own_chance
from ringsmith.records import Budget, Floats

Arrays = dict[str, npt.NDArray[np.float32]]
WARM_UP_STEPS = 50
ROWS_AT_ONCE = 1_024
PATIENCE = 5
"""Looks without a better mark before a member stops."""
STEPS_A_LOOK = 40
"""A look comes after an epoch, or where rows are few after so many that they make about this many steps."""


@dataclass(frozen=True)
class Learning:
    """How a member learns.

    Attributes:
        hidden: width of the hidden layer.
        dropout: share of the hidden numbers left out at random.
        input_dropout: share of the input numbers left out.
        rate: learning rate at the start.
        decay: weight decay.
        looks: at the validation rows, at most; between two of them lies an epoch, and more where rows are few.
        max_rows: rows of a batch.
    """

    hidden: int
    dropout: float
    input_dropout: float
    rate: float
    decay: float
    looks: int
    max_rows: int


@dataclass(frozen=True, eq=False)
class Perceptrons:
    """M members; scores are the mean of theirs, times `scale`, plus `shift`.

    Attributes:
        first: float32 (M, h, d).
        first_bias: float32 (M, h).
        second: float32 (M, K, h).
        second_bias: float32 (M, K).
        scale: float32 (K,).
        shift: float32 (K,).
    """

    first: npt.NDArray[np.float32]
    first_bias: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]
    second_bias: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]

    @classmethod
    def of(cls, members: list[nn.Sequential]) -> Perceptrons:
        """The members as they are, not scaled."""
        layers = [[part for part in member if isinstance(part, nn.Linear)] for member in members]
        first, second = ([np.stack([_array(getattr(pair[place], name)) for pair in layers]) for name in ("weight", "bias")] for place in (0, 1))
        classes = second[1].shape[1]
        return cls(first[0], first[1], second[0], second[1], np.ones(classes, np.float32), np.zeros(classes, np.float32))

    @property
    def size(self) -> int:
        """Numbers in all."""
        return sum(array.size for array in self.arrays().values())

    def arrays(self) -> Arrays:
        """What a file of it holds."""
        return {name: getattr(self, name) for name in ("first", "first_bias", "second", "second_bias", "scale", "shift")}

    def moved(self, shift: Floats) -> Perceptrons:
        """The same, each class's score (K,) the greater by so much."""
        return replace(self, shift=np.asarray(self.shift + shift, dtype=np.float32))

    def scores(self, rows: Floats) -> npt.NDArray[np.float32]:
        """Scores (n, K) of vectors (n, d)."""
        out = np.empty((len(rows), len(self.scale)), dtype=np.float32)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = torch.from_numpy(np.ascontiguousarray(rows[start : start + ROWS_AT_ONCE]))
            normed = functional.layer_norm(block, block.shape[1:])
            parts = zip(*(torch.from_numpy(array) for array in (self.first, self.first_bias, self.second, self.second_bias)), strict=True)
            given = [functional.linear(functional.gelu(functional.linear(normed, w1, b1)), w2, b2) for w1, b1, w2, b2 in parts]
            out[start : start + ROWS_AT_ONCE] = torch.stack(given).mean(dim=0).numpy()
        return out * self.scale + self.shift


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.array(tensor.detach().numpy(), dtype=np.float32)


def train_member(
    rows: torch.Tensor, targets: torch.Tensor, classes: int, look: Callable[[nn.Sequential], Mark], learning: Learning, *, activation: Activation, seed: int, budget: Budget
) -> tuple[nn.Sequential, int]:
    """One member, and the look it was best at, counted from 1.

    Args:
        rows: float32 (n, d).
        targets: int64 (n,), or float32 (n, K) for several labels a row.
        classes: K.
        look: judges the member.
        learning: how.
        activation: softmax for one class a row, sigmoid for several labels.
        seed: of its first weights, its dropout, and the order of the rows.
        budget: when it ends, the best so far is taken; the first look is always reached.
    """
    with own_chance(seed):
        member = new_member(rows.shape[1], classes, learning)
        optimiser = torch.optim.AdamW(_groups(member, learning.decay), lr=learning.rate)
        steps = -(-len(rows) // learning.max_rows)
        epochs = -(-STEPS_A_LOOK // steps)
        total = learning.looks * epochs * steps
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - step / total))
        best: tuple[Mark, int, dict[str, torch.Tensor]] | None = None
        for number in range(1, learning.looks + 1):
            for batch in _batches(len(rows), epochs, learning.max_rows):
                loss = _loss(member(rows[batch]), targets[batch], activation)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            mark = look(member)
            if best is None or mark > best[0]:
                best = mark, number, {name: value.clone() for name, value in member.state_dict().items()}
            if number - best[1] >= PATIENCE or budget.remaining() <= 0:
                break
    assert best is not None, "there is at least one look"
    member.load_state_dict(best[2])
    return member.eval(), best[1]


def _batches(rows: int, epochs: int, size: int) -> Iterator[torch.Tensor]:
    """Places of rows, each epoch in an order of its own."""
    for _ in range(epochs):
        order = torch.randperm(rows)
        yield from (order[start : start + size] for start in range(0, rows, size))


def new_member(width: int, classes: int, learning: Learning) -> nn.Sequential:
    """A member that knows nothing."""
    return nn.Sequential(
        nn.LayerNorm(width, elementwise_affine=False),
        nn.Dropout(learning.input_dropout),
        nn.Linear(width, learning.hidden),
        nn.GELU(),
        nn.Dropout(learning.dropout),
        nn.Linear(learning.hidden, classes),
    )


def _groups(member: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weights shrink, biases do not."""
    weights = [weight for weight in member.parameters() if weight.ndim > 1]
    return [{"params": weights, "weight_decay": decay}, {"params": [bias for bias in member.parameters() if bias.ndim < 2], "weight_decay": 0.0}]


def _loss(scores: torch.Tensor, targets: torch.Tensor, activation: Activation) -> torch.Tensor:
    if activation == "softmax":
        return functional.cross_entropy(scores, targets)
    return functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(dim=1).mean()
