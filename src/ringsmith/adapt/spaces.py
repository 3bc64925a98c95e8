"""What of each recipe can be searched: names, bounds and where these come from, as data; loads no recipe.

A new recipe brings its own line in `SPACES`. Whatever a space offers must be an option of the recipe's dataclass and keep its rules
(tests/adapt/test_adapt_spaces.py holds every corner against it). The defaults are always tried first, so a space need not be centred on them.
What is not here is not worth a trial: options that a recipe chooses on the validation rows by itself, and those of speed alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ringsmith.adapt.finetune_options import NARROWER, WIDTH

BERT, SMALL = "Devlin et al. 2019, A.3", "Turc et al. 2019"


@dataclass(frozen=True)
class Range:
    """A number between two bounds.

    Attributes:
        name: the recipe's option.
        low: smallest value, included.
        high: largest value, included.
        source: where the bounds come from.
        usual: the recipe's default; None where the recipe finds it by a rule of its own.
        log: whether a step is a factor.
        whole: whether only whole numbers count.
        by_width: whether the bounds shrink by the square of what is wider than 384 numbers a token, as a learning rate must.
        narrow: how often larger they may become for what is narrower.

    Examples:
        >>> rate = Range("rate", 5e-5, 8e-4, "", log=True, by_width=True, narrow=5)
        >>> rate.at_width(768).high, rate.at_width(384).high, rate.at_width(128).high
        (0.0002, 0.0008, 0.004)
    """

    name: str
    low: float
    high: float
    source: str
    usual: float | None = None
    log: bool = False
    whole: bool = False
    by_width: bool = False
    narrow: float = 1.0

    def at_width(self, width: int | None) -> Range:
        """The same for a body so wide; None where there is none."""
        times = WIDTH / width if self.by_width and width else 1.0
        share = times**2 if times < 1 else min(self.narrow, times**NARROWER)
        return self if share == 1 else replace(self, low=self.low * share, high=self.high * share)

    def holds(self, value: Any) -> bool:
        """Whether this value is between the bounds."""
        return type(value) in (int, float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of several values that have no order.

    Attributes:
        name: the recipe's option.
        values: what it may be.
        source: where they come from.
        usual: the recipe's default.
    """

    name: str
    values: tuple[Any, ...]
    source: str
    usual: Any = None

    def at_width(self, width: int | None) -> Choice:
        """The same."""
        return self

    def holds(self, value: Any) -> bool:
        """Whether it is one of the values; lists are taken for tuples, as JSON has none."""
        return as_tuple(value) in self.values


Axis = Range | Choice
Space = tuple[Axis, ...]

FINE_TUNING: Space = (
    Range("rate", 3e-5, 4e-4, f"{BERT} (2e-5 to 5e-5 at 768 wide); {SMALL} (3e-5 to 3e-4, small bodies)", log=True, by_width=True, narrow=5),
    Range("epochs", 2, 20, f"{BERT} (2 to 4); Mosbach et al. 2021 (20 on few rows)", log=True, whole=True),
    Choice("max_rows", (16, 32), f"{BERT} (16, 32)", usual=32),
    Range("decay", 0.0, 0.1, "Devlin et al. 2019 (0.01); Liu et al. 2019 (0.1)", usual=0.01),
    Range("warm_up", 0.0, 0.3, "Liu et al. 2019 (0.06); Devlin et al. 2019 (0.1)", usual=0.1),
    Range("dropout", 0.0, 0.3, "Devlin et al. 2019 (0.1)"),
)
"""What all recipes share that fine-tune. With rates up to 8e-4 and batches of 8 one trial of four ran away on 400 rows and cost the time of two (LOG.md)."""

LAYERS = Choice("mixtures", (("last4", "last", "all"), ("all",), ("last4",), ("last",), ("mean",)), "Tenney et al. 2019 (which layer carries what)", usual=("last4", "last", "all"))
"""What a head on a frozen body reads."""

SPACES: dict[str, Space] = {
    "tfidf": (
        Choice("characters", ((1, 3), (2, 4), (2, 5), (3, 5), (3, 6)), "Cavnar and Trenkle 1994 (1 to 5); Bojanowski et al. 2017 (3 to 6)", usual=(2, 5)),
        Range("min_rows", 1, 5, "Joachims 1998 (3)", usual=1, log=True, whole=True),
    ),
    "static": (
        Range("dim", 50, 400, "Mikolov et al. 2013; Pennington et al. 2014, figure 2 (50 to 600)", usual=200, log=True, whole=True),
        Range("window", 2, 15, "Levy et al. 2015, table 1 (2, 5, 10)", usual=10, log=True, whole=True),
        Range("epochs", 3, 40, "Bojanowski et al. 2017 (5), and more for small corpora", log=True, whole=True),
        Range("rate", 0.01, 0.1, "Mikolov et al. 2013 (0.025); Bojanowski et al. 2017 (0.05)", usual=0.05, log=True),
        Choice("subwords", ("auto", (2, 4), (3, 6), None), "Bojanowski et al. 2017, section 5.5", usual="auto"),
    ),
    "probe": (
        Choice("pooling", ("mean", "cls", "last"), "Reimers and Gurevych 2019, table 6", usual="mean"),
        LAYERS,
    ),
    "distilled": (
        Range("width", 64, 512, "Tulkens and van Dongen 2024, Model2Vec (256)", usual=256, log=True, whole=True),
        Choice("states", ("embeddings", "last", "ends", "all"), "Tenney et al. 2019 (which layer carries what)", usual="embeddings"),
    ),
    "head": (
        Range("hidden", 64, 1024, "Bengio 2012 (wide rather than narrow)", usual=256, log=True, whole=True),
        Range("dropout", 0.0, 0.7, "Srivastava et al. 2014, A.4 (0.5 in hidden layers)", usual=0.5),
        Range("input_dropout", 0.0, 0.5, "Srivastava et al. 2014, A.4 (0.2 of the input)", usual=0.3),
        Range("rate", 1e-4, 1e-2, "Kingma and Ba 2015 (1e-3)", usual=1e-3, log=True),
        Range("decay", 0.0, 0.1, "Loshchilov and Hutter 2019", usual=0.01),
        LAYERS,
    ),
    "fewshot": (
        Range("rate", 2e-5, 4e-4, "the package of Tunstall et al. 2022, SetFit (2e-5), to Turc et al. 2019 (3e-4)", log=True, by_width=True),
        Range("epochs", 1, 10, "Tunstall et al. 2022 (1, over many pairs)", log=True, whole=True),
        Range("temperature", 0.03, 1.0, "Khosla et al. 2020, figure 4 (0.1)", log=True),
        Choice("max_rows", (16, 32, 64, 128), "Khosla et al. 2020, figure 4 (larger is better)", usual=64),
    ),
    "partial": (*FINE_TUNING, Choice("frozen", (0.25, 0.5, 0.75), "Lee et al. 2019 (a quarter of the layers is enough for nine tenths)", usual=0.5)),
    "lora": (
        Range("rate", 3e-4, 4e-3, "Hu et al. 2022, table 9 (2e-4 to 5e-4 at 768 wide)", log=True, by_width=True),
        Choice("rank", (2, 4, 8, 16, 32), "Hu et al. 2022, table 6 (1 to 64)", usual=8),
        *(axis for axis in FINE_TUNING if axis.name != "rate"),
    ),
    "full": FINE_TUNING,
}
"""Recipe -> what can be searched. A recipe without a line has nothing to search."""


def space_of(recipe: str, width: int | None = None) -> Space:
    """The space of a recipe, for a body so wide; empty where there is nothing to search.

    Examples:
        >>> [axis.name for axis in space_of("probe")], space_of("majority")
        (['pooling', 'mixtures'], ())
    """
    return tuple(axis.at_width(width) for axis in SPACES.get(recipe, ()))


def settings_in(space: Iterable[Axis]) -> int | None:
    """How many different settings a space has; None for more than can be counted.

    Examples:
        >>> settings_in(SPACES["probe"]), settings_in(SPACES["full"])
        (15, None)
    """
    count = 1
    for axis in space:
        if isinstance(axis, Range) and not axis.whole:
            return None
        count *= len(axis.values) if isinstance(axis, Choice) else round(axis.high) - round(axis.low) + 1
    return count


def as_tuple(value: Any) -> Any:
    """JSON's lists as the tuples they were.

    Examples:
        >>> as_tuple([3, 6]), as_tuple("auto")
        ((3, 6), 'auto')
    """
    return tuple(as_tuple(inner) for inner in value) if isinstance(value, list | tuple) else value
