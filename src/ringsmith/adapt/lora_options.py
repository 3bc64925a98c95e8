"""Options of the recipe `lora`, in a file without torch: they are held against their rules before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

from ringsmith.adapt.finetune_options import WIDTH, FineTuneOptions
from ringsmith.adapt.options import Conditional, hold
from ringsmith.adapt.pacing import Pacing
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.catalogue import LocalModel

METHODS = ("lora", "rslora", "dora", "ia3", "bitfit")
UNMERGED = ("prefix", "prefix_tuning", "prompt", "prompt_tuning", "p_tuning")
"""What peft has besides and others may ask for: it cannot become a part of the weights."""
RATE = 2e-3
"""What is added learns so fast in a body that is 384 wide; in wider ones less, by the square: 5e-4 at 768 wide, as in the paper (table 9)."""
BITS = (4, 8)
IDLE = {"ia3": ("rank", "alpha"), "bitfit": ("rank", "alpha", "layers")}
"""Options that do nothing with a method."""


@dataclass(frozen=True)
class LoraOptions(FineTuneOptions, Conditional):
    """Options of the recipe `lora`: those of all fine-tuning, and what is added where.

    Attributes:
        rate: highest rate of what is added; None for 2e-3 up to 384 numbers a token, and less by the square of what is wider.
        head_rate: highest rate of the head's last layer; None for the same as `rate`. Layers before it that have random numbers (RoBERTa's
            ``classifier.dense``, a pooler that the folder does not hold) learn at most as fast as `full` has them: faster, and their tanh saturates.
        method: ``"lora"``, ``"rslora"``, ``"dora"``, ``"ia3"`` or ``"bitfit"``.
        rank: of the added matrices; 8 as in the paper's largest models. For the three methods that add matrices.
        alpha: what these add counts ``alpha / rank`` times (for rslora ``alpha / sqrt(rank)``); None for 2 times, whatever the rank.
        layers: names of layers, or parts of their paths, to add it to (bitfit adds nothing): ``["query", "value"]`` as in the paper; none for every linear layer there is.
        bits: of a number of the frozen linear layers while it trains, 4 or 8, so that a large body needs a seventh or a quarter of the memory for them; None for
            all 32. A step takes longer (1.3 and 2 times with 335 million weights and 16 rows on two cores).
    """

    method: str = "lora"
    rank: int = 8
    alpha: float | None = None
    layers: tuple[str, ...] = ()
    bits: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.layers, list):  # as JSON and a command line give it
            object.__setattr__(self, "layers", tuple(self.layers))
        if self.method in UNMERGED:
            raise OptionError(f"'method' must leave a plain model behind; got {self.method!r}, which trains what stands before every text and cannot be merged. Take 'lora'.")
        hold(
            self,
            (
                ("method", lambda value: value in METHODS, ", ".join(METHODS[:-1]) + f" or {METHODS[-1]}"),
                ("rank", lambda value: isinstance(value, int) and value >= 1, "a whole number from 1"),
                ("alpha", lambda value: value is None or value > 0, "above 0"),
                ("layers", lambda value: isinstance(value, tuple) and all(isinstance(name, str) and name for name in value), "a list of names"),
                ("bits", lambda value: value is None or value in BITS, "4 or 8, or nothing"),
            ),
        )

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        return dict.fromkeys(IDLE.get(self.method, ()), f"with method={self.method}")

    def usual_rate(self, width: int) -> float:
        return RATE * min(1.0, (WIDTH / width) ** 2)

    def pacing(self, attempt: int, rows: int, *, classes: int, width: int, low: bool) -> Pacing:
        plain = super().pacing(attempt, rows, classes=classes, width=width, low=low)
        return replace(plain, between_rate=min(plain.rate, super().usual_rate(width) * 0.5**attempt))

    def scale(self) -> float:
        """The paper's alpha that makes what is added count as asked for.

        Examples:
            >>> LoraOptions().scale(), LoraOptions(rank=16, method="rslora").scale(), LoraOptions(alpha=3.0).scale()
            (16.0, 8.0, 3.0)
        """
        return self.alpha or 2.0 * (sqrt(self.rank) if self.method == "rslora" else self.rank)
