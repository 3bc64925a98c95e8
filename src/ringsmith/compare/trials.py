"""The trials of a search: what was tried and how it ended, for the sampler, the study and ``trials.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ringsmith.adapt.spaces import Range, Space, as_tuple
from ringsmith.compare.files import plain, write_table
from ringsmith.compare.search import Told
from ringsmith.compare.space import Entrant
from ringsmith.compare.stopping import fell_behind
from ringsmith.records import Candidate, RunResult, Status

NAME = "trials.csv"
DEFAULTS = 1
"""Number of the trial with the recipe's own defaults: it is always the first."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting that was tried.

    Attributes:
        number: from 1, in the order in which they were begun.
        entrant: the candidate.
        settings: searched option -> value; without those that the recipe finds by a rule of its own.
        results: its runs so far, split by split, with the first seed.
        marks: the figure on the validation rows of its first run, of its first two runs together, and so on.
        status: ``"done"``, ``"dropped"`` (stopped because it fell behind), ``"refused"`` or ``"failed"``.
        why: the reason where it is not done; a note otherwise.
    """

    number: int
    entrant: Entrant
    settings: Mapping[str, Any]
    results: tuple[RunResult, ...]
    marks: tuple[float, ...]
    status: Status
    why: str = ""

    @property
    def name(self) -> str:
        """Name of the candidate."""
        return self.entrant.candidate.name

    @property
    def mark(self) -> float | None:
        """The figure on all validation rows; None where it did not come so far."""
        return self.marks[-1] if self.status == "done" else None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of its runs."""
        return sum(result.seconds.get("total", 0.0) for result in self.results)

    def told(self, *, runs: int, sign: int) -> Told:
        """As the sampler is told of it.

        Args:
            runs: how many runs a trial has.
            sign: 1 where a greater mark is better, else -1.
        """
        if self.status == "done":
            return Told(self.settings, sign * self.marks[-1])
        if fell_behind(self.results[-1]):
            last = self.results[-1].curves
            return Told(self.settings, max(last["valid"]), min((len(self.marks) + last["valid_share"][-1]) / runs, 0.99))
        return Told(self.settings, sign * self.marks[-1] if self.status == "dropped" and self.marks else None, len(self.marks) / runs)

    def facts(self) -> dict[str, Any]:
        """For ``study.json``."""
        return {
            "number": self.number,
            "candidate": self.name,
            "settings": plain(self.settings),
            "status": self.status,
            "valid": self.mark,
            "reached": self.marks[-1] if self.marks else None,
            "seconds": round(self.seconds, 2),
            "why": self.why,
        }


def settings_of(space: Space, options: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every searched option under these options, as far as it is known.

    Examples:
        >>> from ringsmith.adapt.spaces import SPACES
        >>> settings_of(SPACES["tfidf"], {"min_rows": 2})
        {'characters': (2, 5), 'min_rows': 2}
    """
    values = {axis.name: as_tuple(options.get(axis.name, axis.usual)) for axis in space}
    return {axis.name: values[axis.name] for axis in space if values[axis.name] is not None or not isinstance(axis, Range)}


def options_of(space: Space, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a candidate with these settings: those that differ from the defaults, as JSON has them.

    Examples:
        >>> from ringsmith.adapt.spaces import SPACES
        >>> options_of(SPACES["tfidf"], {"characters": (3, 5), "min_rows": 1})
        {'characters': [3, 5]}
    """
    return {axis.name: plain(settings[axis.name]) for axis in space if settings[axis.name] != axis.usual}


def fits_space(space: Space, options: Mapping[str, Any]) -> bool:
    """Whether these options could have come from this space."""
    axes = {axis.name: axis for axis in space}
    known = all(axis.name in options for axis in space if isinstance(axis, Range) and axis.usual is None)
    return known and all(name in axes and axes[name].holds(value) for name, value in options.items())


def in_words(settings: Mapping[str, Any]) -> str:
    """Settings in a line.

    Examples:
        >>> in_words({"rate": 0.000183, "epochs": 4, "characters": (2, 4), "subwords": None})
        'rate 0.000183 · epochs 4 · characters 2-4 · subwords none'
    """
    return " · ".join(f"{name.replace('_', ' ')} {value_in_words(value)}" for name, value in settings.items())


def value_in_words(value: Any) -> str:
    """One value of an option."""
    if isinstance(value, tuple | list):
        return ("-" if all(type(inner) is int for inner in value) else "+").join(value_in_words(inner) for inner in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def axes_facts(space: Space) -> list[dict[str, Any]]:
    """The space, for ``study.json``."""
    return [{"kind": "range" if isinstance(axis, Range) else "choice", **plain(asdict(axis))} for axis in space]


def entrant_with(base: Entrant, options: Mapping[str, Any], why: str) -> Entrant:
    """The base candidate with other options; what was asked for and is not searched stays."""
    candidate = Candidate(base.candidate.recipe, base.candidate.model, {**base.candidate.options, **options})
    return Entrant(candidate, base.place, base.model, why, trial_of=base.candidate.name)


def write_trials(folder: Path, searched: Sequence[tuple[str, Iterable[Trial]]]) -> Path:
    """Write ``trials.csv``: one line for each trial of each candidate, a column for each option; test rows have no part in it."""
    trials = [(base, list(found)) for base, found in searched]
    names = list(dict.fromkeys(name for _, found in trials for trial in found for name in trial.settings))
    out = io.StringIO()
    writer = csv.DictWriter(out, ["searched", "trial", "status", "valid", "seconds", *names, "why"], lineterminator="\n")
    writer.writeheader()
    for base, found in trials:
        for trial in found:
            values = {name: value_in_words(value) for name, value in trial.settings.items()}
            writer.writerow({"searched": base, "trial": trial.number, "status": trial.status, "valid": trial.mark, "seconds": round(trial.seconds, 2), "why": trial.why} | values)
    return write_table(folder / NAME, out.getvalue())
