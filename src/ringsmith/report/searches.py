"""The searches of a comparison, as a page tells of them: records, and how they are read from ``study.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringsmith._wording import plural
from ringsmith.report.summary import Metric, Standing
from ringsmith.report.wording import capital, metric_title, score, shown

DEFAULTS = 1
"""The trial of the recipe's own defaults."""


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


def searches_of(study: Mapping[str, Any], board: Sequence[Standing], metric: Metric) -> list[Search]:
    """The searches of a study that come to at least two trials."""
    return [_search(search, board, metric) for search in study.get("search") or () if len(search["trials"]) > 1]


def _search(content: Mapping[str, Any], board: Sequence[Standing], metric: Metric) -> Search:
    names = {trial["candidate"] for trial in content["trials"]}
    best = next((row for row in board if row.ranked and row.candidate in names), None)
    trials = [_trial(trial, content["finalists"], best) for trial in content["trials"]]
    axes = sorted((_axis(axis, content["importance"]) for axis in content["axes"]), key=lambda axis: -(axis.importance or 0.0))
    defaults = next((row for row in board if row.ranked and row.candidate == content["candidate"]), None)
    return Search(content["candidate"], axes, trials, gain_of(trials, best, defaults, metric), content["notes"])


def _axis(content: Mapping[str, Any], importance: Mapping[str, float]) -> Axis:
    values = tuple(setting(value) for value in content.get("values") or ())
    usual = "own rule" if content["usual"] is None and not values else setting(content["usual"])
    return Axis(content["name"], content.get("low", 0.0), content.get("high", 1.0), bool(content.get("log")), values, usual, content["source"], importance.get(content["name"]))


def _trial(content: Mapping[str, Any], finalists: Sequence[int], best: Standing | None) -> Trial:
    known = {name: content[name] for name in ("number", "candidate", "settings", "status", "valid", "reached", "seconds", "why")}
    return Trial(**known, finalist=content["number"] in finalists, winner=best is not None and content["candidate"] == best.candidate)


def gain_of(trials: Sequence[Trial], best: Standing | None, defaults: Standing | None, metric: Metric) -> str:
    """What the search brought, on the validation rows and on the test rows."""
    winner = next((trial for trial in trials if trial.winner), None)
    if best is None or winner is None:
        return f"None of {plural(len(trials), 'trial')} came to its end."
    title = metric_title(metric.name)
    if winner.number == DEFAULTS or defaults is None:
        which = "the defaults" if winner.number == DEFAULTS else f"trial {winner.number}"
        level = sum(trial.valid == winner.valid for trial in trials) - 1
        beside = f", and {plural(level, 'other')} just as well" if level else ""
        return capital(f"{which} did best of {plural(len(trials), 'trial')}{beside}: {title} {score(best.valid)} on the validation rows and {score(best.test)} on the test rows.")
    valid = f"{title} {score(best.valid)} on the validation rows against {score(defaults.valid)} of the defaults"
    if best.test is None or defaults.test is None:
        return f"Trial {winner.number} of {len(trials)} did best: {valid}."
    sure = "" if best.test_low is None or best.test_high is None or not best.test_low <= defaults.test <= best.test_high else "; a difference this small could be chance"
    return (
        f"Trial {winner.number} of {len(trials)} did best: {valid}. The best of many looks better on the rows it was chosen by than it is; "
        f"on the test rows it has {score(best.test)} against {score(defaults.test)}{sure}."
    )


def of(trial: Trial, axis: Axis) -> str:
    """The value of an option in a trial, in words."""
    return setting(trial.settings[axis.name]) if axis.name in trial.settings else axis.usual


def setting(value: Any) -> str:
    """One value of an option in words.

    Examples:
        >>> setting([2, 5]), setting(["all", "last4"]), setting(None), setting(0.000183), setting(True)
        ('2-5', 'all+last4', 'none', '0.000183', 'yes')
    """
    if type(value) is list:
        return ("-" if all(type(inner) is int for inner in value) else "+").join(map(setting, value))
    return "none" if value is None else f"{value:g}" if type(value) is float else shown(value)
