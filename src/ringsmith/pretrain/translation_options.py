"""What can be chosen of a translation that is learnt, in its own words and in those of a pre-training; all rules are checked at once, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf

from ringsmith._rules import hold, whole
from ringsmith.errors import OptionError
from ringsmith.pretrain.options import TRANSLATES, PretrainOptions, objective_options
from ringsmith.pretrain.shapes import Shape

SHARED = ("layers", "hidden", "heads", "feed_forward", "length", "vocabulary", "batch_tokens", "dropout", "steps", "epochs", "budget", "seed", "threads", "precision")
"""Options of a pre-training that mean the same here; all others of a translation stand in its `objective_options`."""
OWN = ("out", "objective", "objective_options", *SHARED)


@dataclass(frozen=True)
class TranslationOptions:
    """What is trained, and for how long; the figures behind the defaults are in LOG.md.

    Attributes:
        layers: blocks of the encoder, and as many of the decoder.
        hidden: width of a piece's vector.
        heads: of each attention; None for one for every 64 of the width.
        feed_forward: width between the two products of a block; None for four times `hidden`.
        length: pieces of the longest text; longer pairs are left out.
        vocabulary: pieces of both languages together.
        dropout: share left out of each part's output.
        smoothing: share of the labels that is spread over all pieces.
        batch_tokens: padded pieces of a batch, both sides together.
        warm_up: steps in which the rate rises.
        steps: how many; None to let `epochs` or the budget say it.
        epochs: passes over the pairs; None for 10 where neither steps nor a budget are told.
        budget: seconds of wall clock for everything; None for no limit.
        held_out: pairs to judge by.
        looks: how often it is judged.
        averaged: looks whose weights are averaged at the end, if that is better; 1 for none.
        patience: looks without progress before it stops.
        seed: of the weights and the order of the pairs.
        threads: CPU threads; None for all cores.
        precision: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.

    Raises:
        OptionError: a value breaks its rule; all are named.
    """

    layers: int = 3
    hidden: int = 256
    heads: int | None = None
    feed_forward: int | None = None
    length: int = 128
    vocabulary: int = 8_000
    dropout: float = 0.1
    smoothing: float = 0.1
    batch_tokens: int = 4_096
    warm_up: int = 1_000
    steps: int | None = None
    epochs: float | None = None
    budget: float | None = None
    held_out: int = 2_000
    looks: int = 40
    averaged: int = 5
    patience: int = 5
    seed: int = 0
    threads: int | None = None
    precision: str = "auto"

    def __post_init__(self) -> None:
        sizes = ("layers", "hidden", "warm_up", "held_out", "looks", "averaged")
        hold(
            self,
            (
                *(whole(name, 1) for name in sizes),
                *(whole(name, 1, or_none=True) for name in ("heads", "feed_forward", "steps", "threads")),
                *(whole(name, least) for name, least in (("length", 8), ("vocabulary", 68), ("batch_tokens", 16), ("patience", 0), ("seed", 0))),
                *((name, lambda value: 0 <= value < 1, "from 0 to below 1") for name in ("dropout", "smoothing")),
                ("epochs", lambda value: value is None or 0 < value < inf, "a finite number above 0"),
                ("budget", lambda value: value is None or value > 0, "above 0"),
                ("precision", lambda value: value in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )
        if self.steps is not None and self.epochs is not None:
            raise OptionError(f"'steps' and 'epochs' both say how long to train; got {self.steps} and {self.epochs:g}. Leave one of them out.")

    @property
    def shape(self) -> Shape:
        """The model's shape."""
        return Shape(self.layers, self.hidden, self.heads or max(1, self.hidden // 64), self.feed_forward or 4 * self.hidden, self.length)


def translation_options(asked: PretrainOptions) -> TranslationOptions:
    """What was asked for, in the words of a translation.

    Raises:
        OptionError: an option that has no meaning here, or that it does not know.

    Examples:
        >>> from pathlib import Path
        >>> found = translation_options(PretrainOptions(out=Path("en-fr"), objective="seq2seq", steps=500, objective_options={"warm_up": 100}))
        >>> found.steps, found.warm_up, found.hidden
        (500, 100, 256)
        >>> translation_options(PretrainOptions(out=Path("en-fr"), objective="seq2seq", dropout=0.0)).dropout, found.dropout
        (0.0, 0.1)
    """
    plain = type(asked)(out=asked.out)
    changed = {one.name for one in fields(asked) if getattr(asked, one.name) != getattr(plain, one.name)}
    if strange := sorted(changed - set(OWN)):
        names = " and ".join(map(repr, strange))
        known = ", ".join(one.name for one in fields(TranslationOptions) if one.name not in SHARED)
        raise OptionError(f"{names} must be left out: the objective {TRANSLATES} knows nothing of the kind. It has options of its own, by --set NAME=VALUE: {known}.")
    chosen = {name: getattr(asked, name) for name in SHARED if name in changed} | dict(asked.objective_options)
    options: TranslationOptions = objective_options(TranslationOptions, chosen, objective=TRANSLATES)
    return options
