"""Options of the recipe `fewshot`, in a file without torch: they are held against their rules before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ringsmith.adapt.options import hold
from ringsmith.adapt.pacing import Pacing

if TYPE_CHECKING:
    from ringsmith.backbones.pooling import Pooling

Loss = Literal["auto", "pairs", "centres"]
TEMPERATURES = {"pairs": 0.3, "centres": 0.1}
"""What cosines are divided by, usually."""
VISITS = 4_000
"""Rows that training looks at in all, however many there are ..."""
FEWEST_EPOCHS, MOST_EPOCHS = 1.0, 10.0
"""... in passes between these."""
RATE, WIDTH = 1e-4, 384
"""The rate of a body that is 384 wide; wider ones have less, by the square."""
DECAY, WARM_UP, CLIP = 0.01, 0.1, 1.0
"""As in the recipe `full`."""


@dataclass(frozen=True)
class FewShotOptions:
    """Options of the recipe `fewshot`; the figures behind the defaults are in LOG.md.

    Attributes:
        epochs: passes over the training rows; None for as many as look at 4,000 rows in all, from 1 to 10. Fewer where the budget allows no more.
        rate: highest learning rate; None for 1e-4 up to 384 numbers a token, and less by the square of what is wider.
        loss: what training lowers: ``"pairs"``, of all rows of a batch; ``"centres"``, of rows and a centre of each class that is learnt with the body;
            or ``"auto"``: centres where there are more classes than meet in a batch of `max_rows` (16 in one of 64), else pairs.
        temperature: what cosines are divided by in the loss: small cares most about what is nearest; None for 0.3 with pairs and 0.1 with centres.
        max_rows: rows of a batch, between all of which pairs are made.
        max_tokens: tokens of a batch; long texts make smaller batches.
        strengths: values of C for the head; the validation rows choose, and without any the first is taken.
        pooling: how a text's tokens become one vector.
        precision: what training multiplies in: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.
    """

    epochs: float | None = None
    rate: float | None = None
    loss: Loss = "auto"
    temperature: float | None = None
    max_rows: int = 64
    max_tokens: int = 4_096
    strengths: tuple[float, ...] = (10.0, 100.0, 1000.0, 1.0)
    pooling: Pooling = "mean"
    precision: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "strengths", tuple(self.strengths))
        hold(
            self,
            (
                *((name, lambda value: value is None or value > 0, "above 0") for name in ("epochs", "rate", "temperature")),
                ("loss", lambda name: name in ("auto", "pairs", "centres"), "auto, pairs or centres"),
                ("max_rows", lambda value: value >= 8, "at least 8"),
                ("max_tokens", lambda value: value >= 1, "at least 1"),
                ("strengths", lambda values: len(values) > 0 and min(values) > 0, "one or more numbers above 0"),
                ("pooling", lambda name: name in ("mean", "cls", "last"), "mean, cls or last"),
                ("precision", lambda name: name in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )

    def pacing(self, attempt: int, rows: int, *, width: int, low: bool) -> Pacing:
        """How the loop walks in this attempt over so many rows, in a body so wide: after a collapse with half the rate."""
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, VISITS / max(1, rows))) if self.epochs is None else self.epochs
        rate = 0.5**attempt * (RATE * min(1.0, (WIDTH / width) ** 2) if self.rate is None else self.rate)
        return Pacing(epochs, rate, rate, DECAY, WARM_UP, self.max_rows, self.max_tokens, CLIP, patience=1, low_precision=low)


def loss_for(loss: Loss, *, several: bool, all_meet: bool) -> Literal["pairs", "centres"]:
    """Which loss it is.

    Args:
        loss: as it was asked for.
        several: whether a row may have several labels: it has no centre of its own then.
        all_meet: whether a batch has room for all classes.
    """
    if several or loss == "pairs":
        return "pairs"
    return "centres" if loss == "centres" or not all_meet else "pairs"


def temperature_of(loss: str, asked: float | None) -> float:
    """What cosines are divided by: as asked for, or as usual with this loss."""
    return TEMPERATURES[loss] if asked is None else asked
