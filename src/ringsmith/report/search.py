"""One search of a comparison, as a page tells of it: the options, the trials, and their values in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringsmith.report.wording import digits_of, shown


@dataclass(frozen=True)
class Axis:
    """One option that was searched.

    Attributes:
        name: the option.
        low: lower bound, 0 for choices; `high` the upper one.
        log: whether a step is a factor.
        values: what could be chosen; empty for a number between two bounds.
        usual: the default in words, "own rule" where the recipe finds it by itself.
        source: where the bounds come from.
        importance: share in how much the trials differ, None where it is not known.
    """

    name: str
    low: float
    high: float
    log: bool
    values: Sequence[str]
    usual: str
    source: str
    importance: float | None

    @property
    def title(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    @property
    def bounds(self) -> str:
        """What it could be, in words."""
        return ", ".join(self.values) if self.values else f"{self.low:g} to {self.high:g}"

    def position(self, value: Any) -> float:
        """Where a value lies between the bounds, from 0 to 1.

        Examples:
            >>> round(Axis("rate", 1e-5, 1e-3, True, (), "", "", None).position(1e-4), 3)
            0.5
        """
        if self.values:
            return (self.values.index(setting(value)) + 0.5) / len(self.values)
        low, high, here = (math.log(number) if self.log else number for number in (self.low, self.high, value))
        return min(1.0, max(0.0, (here - low) / ((high - low) or 1.0)))


@dataclass(frozen=True)
class Trial:
    """One setting that was tried; `reached` is the last figure before it was stopped, `winner` whether it is the best of its search, by all its seeds."""

    number: int
    candidate: str
    settings: Mapping[str, Any]
    status: str
    valid: float | None
    reached: float | None
    seconds: float
    why: str
    finalist: bool
    winner: bool


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        candidate: what was searched.
        axes: the options, the most important first.
        trials: in the order in which they were begun.
        gain: what it brought, in a sentence or two.
        notes: what else is to be said, a sentence each.
    """

    candidate: str
    axes: Sequence[Axis]
    trials: Sequence[Trial]
    gain: str
    notes: Sequence[str]

    @property
    def winner(self) -> Trial | None:
        """The best trial, None where none came to its end."""
        return next((trial for trial in self.trials if trial.winner), None)

    @property
    def digits(self) -> int:
        """Digits that tell the figures of its trials apart."""
        return digits_of(trial.valid for trial in self.trials)


def of(trial: Trial, axis: Axis) -> str:
    """The value of an option in a trial, in words."""
    return setting(trial.settings[axis.name]) if axis.name in trial.settings else axis.usual


def chosen(trials: Sequence[Trial], axis: Axis) -> tuple[str, ...]:
    """What the trials had of that which could be chosen, in the order of the option; of a number nothing."""
    return tuple(value for value in axis.values if value in {of(trial, axis) for trial in trials})


def tried(trials: Sequence[Trial], axis: Axis) -> str:
    """What the trials had of an option, in words: the choices, or from the least number to the largest.

    Examples:
        >>> rate, layers = (Axis(name, 0.0, 1.0, False, values, "own rule", "", None) for name, values in (("rate", ()), ("layers", ("last", "all", "mean"))))
        >>> trials = [Trial(n, "", {"rate": n / 10, "layers": ("all", "last")[n % 2]}, "done", 0.5, None, 1.0, "", False, False) for n in range(1, 4)]
        >>> tried(trials, rate), tried(trials, layers)
        ('0.1 to 0.3', 'last, all')
    """
    numbers = sorted(trial.settings[axis.name] for trial in trials if axis.name in trial.settings and not axis.values)
    return " to ".join(dict.fromkeys(f"{number:g}" for number in (numbers[:1] + numbers[-1:]))) if numbers else ", ".join(chosen(trials, axis))


def setting(value: Any) -> str:
    """One value of an option in words.

    Examples:
        >>> setting([2, 5]), setting(["all", "last4"]), setting(None), setting(0.000183), setting(True)
        ('2-5', 'all+last4', 'none', '0.000183', 'yes')
    """
    if type(value) is list:
        return ("-" if all(type(inner) is int for inner in value) else "+").join(map(setting, value))
    return "none" if value is None else f"{value:g}" if type(value) is float else shown(value)
