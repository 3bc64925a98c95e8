"""What can be chosen of a pre-training; all rules are checked at once, before anything is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any

from ringsmith._rules import Rule, hold, kind_rules, whole
from ringsmith.errors import OptionError
from ringsmith.pretrain.documents import Reading

PIECES = 16_384
"""Pieces of a vocabulary that is learnt here."""
TRANSLATES = "seq2seq"
"""The one objective that learns from pairs of texts; see `translation.py`."""
STARTS = ("vectors", "frequencies", "random")
"""What a model may know before its first step; see `start.py`."""
SMALLER = "Take a smaller --length, or a smaller model (fewer --layers, a smaller --hidden)."
"""What to do where memory does not hold a single sequence."""
SHAPE = ("layers", "hidden", "heads", "feed_forward")


def _positive(name: str) -> Rule:
    return (name, lambda value: value is None or 0 < value < inf, "above 0, and finite")


@dataclass(frozen=True)
class PretrainOptions:
    """What is learnt, how large, and for how long; the figures behind the defaults are in LOG.md.

    Attributes:
        out: folder to write the model into; it may not hold anything yet.
        objective: what is learnt: a name in `objective.ENTRIES`.
        objective_options: what can be chosen of the objective, by name: ``{"whole_words": True}``.
        from_model: a model to go on from (short name or folder), whose architecture and vocabulary are kept; None for random weights.
        start: what a model that is not gone on from knows before its first step: ``"vectors"`` (word2vec's for its pieces, how frequent these are, and waves
            for its places), ``"frequencies"`` or ``"random"`` (nothing); None for vectors, and for what its teacher knows where a student is trained.
        layers: number of blocks; None for 2, or the model's own.
        hidden: width of a piece's vector; None for 128, or the model's own.
        heads: of the attention; None for one for every 64 of the width, at least 2, or the model's own.
        feed_forward: width of the feed-forward part; None for four times `hidden`, or the model's own.
        length: pieces of a sequence; None for 128.
        vocabulary: pieces of the vocabulary that is learnt; None for 16,384, or fewer where the corpus holds no more.
        lowercase: whether texts are lowered first, where the vocabulary is learnt here.
        batch_tokens: pieces of a batch.
        rate: highest learning rate; None for 1e-3 at a width of 128, less by the root of the width above it, and 1e-4 for a model that is gone on from.
        decay: weight decay (Loshchilov and Hutter, 2019) of the matrices.
        warm_up: share of the steps in which the rate rises.
        dropout: share of numbers left out at random while pre-training; None for none (0.1 for ``"seq2seq"``). The saved config keeps the architecture's own.
        clip: longest gradient.
        steps: how many; None to let `epochs` or `budget` say it.
        epochs: passes over the corpus; None to let `steps` or `budget` say it; one where nothing says it.
        budget: seconds for everything, reading included.
        held_out: share of the documents to judge by.
        looks: how often it is judged.
        look_tokens: pieces that a look reads, at most.
        seed: of the weights, of the order of the sequences and of what is hidden.
        threads: CPU threads; None for all cores.
        precision: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.
        compiled: whether the layers are compiled (`torch.compile`) before the first step: half a minute, for a GPU and a long training.
        reading: how the corpus is read.
        licence: of the text, for the card; None where it is not known.
        work: folder for the corpus in numbers and the learnt vocabulary, which other runs use again; None for the cache.

    Raises:
        OptionError: a value breaks its rule; all are named.
    """

    out: Path
    objective: str = "mlm"
    objective_options: Mapping[str, Any] = field(default_factory=dict)
    from_model: str | None = None
    start: str | None = None
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    feed_forward: int | None = None
    length: int | None = None
    vocabulary: int | None = None
    lowercase: bool = False
    batch_tokens: int = 4_096
    rate: float | None = None
    decay: float = 0.01
    warm_up: float = 0.06
    dropout: float | None = None
    clip: float = 1.0
    steps: int | None = None
    epochs: float | None = None
    budget: float | None = None
    held_out: float = 0.01
    looks: int = 10
    look_tokens: int = 65_536
    seed: int = 0
    threads: int | None = None
    precision: str = "auto"
    compiled: bool = False
    reading: Reading = field(default_factory=Reading)
    licence: str | None = None
    work: Path | None = None

    def __post_init__(self) -> None:
        hold(
            self,
            (
                *(whole(name, 1, or_none=True) for name in (*SHAPE, "vocabulary", "batch_tokens", "steps", "looks", "look_tokens", "threads")),
                whole("length", 8, or_none=True),
                *map(_positive, ("rate", "clip", "epochs", "budget")),
                ("decay", lambda value: 0 <= value < inf, "0 or more, and finite"),
                ("warm_up", lambda value: 0 <= value < 1, "from 0 to below 1"),
                ("dropout", lambda value: value is None or 0 <= value < 1, "from 0 to below 1"),
                ("held_out", lambda value: 0 < value < 1, "above 0 and below 1"),
                whole("seed", 0),
                ("start", lambda value: value is None or value in STARTS, "vectors, frequencies or random"),
                ("precision", lambda value: value in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )
        if self.steps is not None and self.epochs is not None:
            raise OptionError(f"'steps' and 'epochs' both say how long to train; got {self.steps} and {self.epochs:g}. Leave one of them out.")
        own = [name for name in (*SHAPE, "vocabulary", "start") if getattr(self, name) is not None] + ["lowercase"] * self.lowercase
        if self.from_model is not None and own:
            raise OptionError(f"{' and '.join(map(repr, own))} cannot be chosen for a model that is gone on from ({self.from_model}): its own are kept. Leave them out.")

    @property
    def by_the_clock(self) -> bool:
        """Whether the budget alone says how long."""
        return self.budget is not None and self.steps is None and self.epochs is None


def objective_options(kind: type[Any], given: Mapping[str, Any], *, objective: str) -> Any:
    """An objective's options with these in place of its defaults.

    Raises:
        OptionError: it has no such options (the nearest is offered), or a value breaks its rule.
    """
    known = [one.name for one in dataclasses.fields(kind)]
    if unknown := sorted(given.keys() - set(known)):
        near = get_close_matches(unknown[0], known, n=1)
        end = f"; did you mean {near[0]!r}?" if near else "."
        raise OptionError(f"The objective {objective!r} has no option {', '.join(map(repr, unknown))}{end} Its options: {', '.join(known) or 'none'}.")
    made = kind(**given)
    hold(made, kind_rules(kind, given))
    return made
