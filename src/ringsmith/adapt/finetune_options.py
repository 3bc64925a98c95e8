"""Options of the recipes that fine-tune, in a file without torch: they are held against their rules before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringsmith.adapt.balance import KINDS
from ringsmith.adapt.options import Conditional, hold
from ringsmith.adapt.pacing import Pacing
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.catalogue import LocalModel

FEWEST_EPOCHS, MOST_EPOCHS = 3, 20
WORTHWHILE_STEPS, STEPS_A_CLASS = 300, 15
"""Between these, as many epochs as give so many steps, or so many for each class."""
RATE, WIDTH, HIGHEST_RATE = 6e-5, 384, 1e-3
"""The rate of a body that is 384 wide. Wider ones have less (3e-5 at BERT-base's 768, in the middle of what its paper tried), narrower ones more: 9e-4 at
128. Turc et al. (2019) tried no more than 3e-4 for compact models, over many more steps; at 128 that costs 2 to 3 points (LOG.md)."""
NARROWER = 2.5
"""Power by which the rate grows with what is narrower."""
READINGS = ("auto", "token", "mean")
"""What a head may read."""
TIMES_FULL = 2
"""What moves alone moves so much faster than in `full`: better on cr, no clear difference on uci-sentiment and banking77. Four times: the validation rows saw none (LOG.md)."""
TOKENS, TOKENS_OF_GPU = 1_024, 16_384
"""Padded tokens of a batch where nothing is asked for: what stays in a processor's caches; and `max_rows` rows of any usual length."""


@dataclass(frozen=True)
class FineTuneOptions:
    """Options that all recipes of this kind share; the figures behind the defaults are in LOG.md.

    Attributes:
        epochs: passes over the training rows; None for 3 (BERT's own figure), and more where few rows would make few steps (Mosbach et al.,
            2021): as many as give about 300 steps, or 15 a class where that is more, at most 20. Fewer where the budget allows no more.
        rate: highest learning rate of the body; None for 6e-5 at 384 numbers a token, less where it is wider (3e-5 for BERT-base), more where it is narrower, up to 1e-3.
        head_rate: highest learning rate of the head, which is fitted before; None for the same as `rate`.
        decay: weight decay (Loshchilov and Hutter, 2019); 0.01 as in BERT (Devlin et al., 2019, A.2).
        warm_up: share of the steps in which the rates rise; 0.1 as in BERT.
        max_rows: rows of a batch; 32 is the largest of BERT's own fine-tuning sizes.
        max_tokens: padded tokens of a batch; None for 1,024, which was fastest on two cores, and on a GPU for 16,384.
        dropout: share of numbers left out at random while training, None for the model's own.
        clip: longest gradient; 1 as in BERT's reference code.
        class_weights: ``"balanced"``: a row counts by how rare its class is, so that all classes count alike; ``"none"``: all rows do; ``"auto"``: balanced
            where the metric that judges leans to rare classes: macro F1 (the default where one class holds most of the rows; it gained .002 to .025, LOG.md),
            balanced accuracy, macro recall, Matthews' correlation, F1 and recall of a rare class.
        patience: looks at the validation rows in a row, better neither in the metric nor in log loss, before it stops.
        reads: what the head reads of a text where its folder does not say: the one ``"token"`` that transformers takes (the first; GPT-2's last), the ``"mean"``
            of all, mostly through a layer more (the families of BERT, RoBERTa, ELECTRA, DistilBERT, DeBERTa, ModernBERT and GPT-2), or ``"auto"``: the mean where
            a linear head on it tells the validation rows better.
        precision: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.
    """

    epochs: float | None = None
    rate: float | None = None
    head_rate: float | None = None
    decay: float = 0.01
    warm_up: float = 0.1
    max_rows: int = 32
    max_tokens: int | None = None
    dropout: float | None = None
    clip: float = 1.0
    class_weights: str = "auto"
    patience: int = 3
    reads: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.class_weights is None:  # as a command line reads the word none
            object.__setattr__(self, "class_weights", "none")
        above = (lambda value: value > 0, "above 0")
        at_least_1 = (lambda value: value >= 1, "at least 1")
        rules = [("clip", *above)] + [(name, *at_least_1) for name in ("max_rows", "patience")]
        hold(
            self,
            (
                *rules,
                *((name, lambda value: value is None or value > 0, "above 0") for name in ("epochs", "rate", "head_rate")),
                ("max_tokens", lambda value: value is None or value >= 1, "at least 1"),
                ("dropout", lambda value: value is None or 0 <= value < 1, "from 0 to below 1"),
                ("decay", lambda value: value >= 0, "0 or more"),
                ("warm_up", lambda value: 0 <= value < 1, "from 0 to below 1"),
                ("class_weights", lambda value: value in KINDS, ", ".join(KINDS[:-1]) + f" or {KINDS[-1]}"),
                ("reads", lambda value: value in READINGS, ", ".join(READINGS[:-1]) + f" or {READINGS[-1]}"),
                ("precision", lambda value: value in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )

    def usual_rate(self, width: int) -> float:
        """The body's highest rate where none was asked for."""
        times = WIDTH / width
        return min(HIGHEST_RATE, RATE * (times if times < 1 else times**NARROWER))

    def pacing(self, attempt: int, rows: int, *, classes: int, width: int, low: bool) -> Pacing:
        """How the loop walks in this attempt over so many training rows and classes, in a body so wide: after a collapse with half the rates."""
        steps = max(WORTHWHILE_STEPS, STEPS_A_CLASS * classes)
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, steps * self.max_rows / rows)) if self.epochs is None else self.epochs
        rate = self.usual_rate(width) if self.rate is None else self.rate
        head_rate = rate if self.head_rate is None else self.head_rate
        share = 0.5**attempt
        return Pacing(epochs, rate * share, head_rate * share, self.decay, self.warm_up, self.max_rows, self.max_tokens or TOKENS, self.clip, self.patience, low)


@dataclass(frozen=True)
class FullOptions(FineTuneOptions):
    """Options of the recipe `full`: those of all fine-tuning."""


@dataclass(frozen=True)
class PartialOptions(FineTuneOptions, Conditional):
    """Options of the recipe `partial`: those of all fine-tuning, with a `rate` that is usually twice as high as there, and what is frozen.

    Attributes:
        frozen: how many layers: a number, or below 1 a share of them.
        side: which ones, ``"lower"`` or ``"upper"``.
        embeddings: whether the embeddings are frozen, too.
        replay: whether the states of frozen layers are computed once and kept where memory allows; the same to train with, and faster.
    """

    frozen: float = 0.5
    side: str = "lower"
    embeddings: bool = True
    replay: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        flags = [(name, lambda value: isinstance(value, bool), "true or false") for name in ("embeddings", "replay")]
        hold(
            self,
            (
                ("frozen", lambda value: 0 <= value < 1 or value == int(value) > 0, "a share from 0 to below 1, or a whole number of layers"),
                ("side", lambda value: value in ("lower", "upper"), "lower or upper"),
                *flags,
            ),
        )

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        without = {"side": "with frozen=0"} if self.frozen == 0 else {}
        return without if self.embeddings else without | {"replay": "with embeddings=false, where no state stays the same"}

    def usual_rate(self, width: int) -> float:
        """Twice that of `full`, and no higher than any body's.

        Examples:
            >>> PartialOptions().usual_rate(384), PartialOptions().usual_rate(128)
            (0.00012, 0.001)
        """
        return min(HIGHEST_RATE, TIMES_FULL * super().usual_rate(width))

    def count(self, layers: int) -> int:
        """How many of so many layers are frozen.

        Raises:
            OptionError: all of them, or more.

        Examples:
            >>> PartialOptions().count(6), PartialOptions(frozen=0.5).count(5), PartialOptions(frozen=4).count(6)
            (3, 2, 4)
        """
        if self.frozen >= layers:
            raise OptionError(f"'frozen' must leave at least one of {layers} layers free; got {self.frozen:g}. Take {layers - 1}, or the recipe 'probe', which freezes all.")
        return int(self.frozen * layers) if self.frozen < 1 else int(self.frozen)
