"""What a comparison tells while it runs: frozen records for a listener; the command line draws them, nothing stores them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringsmith.adapt.recipe import Progress
from ringsmith.compare.leaderboard import Row
from ringsmith.compare.machine import Machine
from ringsmith.compare.plan import Plan
from ringsmith.records import Budget, RunResult, Status


@dataclass(frozen=True)
class Read:
    """The table was read. `findings` and `test_findings` (of ``--test``, else None) are `data.ReadFindings`."""

    findings: Any
    test_findings: Any | None
    seconds: float


@dataclass(frozen=True)
class Cut:
    """The rows were split and checked.

    Attributes:
        splits: ``name`` and number of rows in ``train``, ``valid``, ``test`` of each split.
        findings: `data.DataFindings`: duplicates, conflicts, rare classes ...
        task: kind of the task and its labels, as `Task.to_json` gives them.
        metric: name of the metric that judges.
        how: how they were split: ``"stratified, seed 0"``.
        notes: what else is to be said about the splits, a sentence each.
    """

    splits: list[dict[str, Any]]
    findings: Any
    task: dict[str, Any]
    metric: str
    how: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MachineSeen:
    """The machine was looked at; `budget` is the clock everything runs against."""

    machine: Machine
    budget: Budget


@dataclass(frozen=True)
class Planned:
    """What will be tried, in order, and what is left out, each with its reason."""

    plan: Plan


@dataclass(frozen=True)
class PlayOff:
    """Candidates that are tied are compared on more rows.

    Attributes:
        candidates: those that play, the quickest to train first.
        rows: how many could not tell them apart.
        further: how many more choose between them.
        turns: in how many turns.
    """

    candidates: tuple[str, ...]
    rows: int
    further: int
    turns: int


@dataclass(frozen=True)
class FewerRows:
    """Candidates are fitted on fewer rows, to see what more would bring; `runs` are to come."""

    candidates: tuple[str, ...]
    runs: int


@dataclass(frozen=True)
class RunStarted:
    """A run begins.

    Attributes:
        candidate: what is trained.
        split: on which rows.
        seed: of everything random in it.
        which: what tells it from the other runs of its candidate, in words: ``"fold-2, seed 1"``; empty where there is one only.
        index: its number, from 1, of `total` that are expected so far.
        total: as the last search or final tells; it may grow and shrink.
        forecast_seconds: how long it may take.
        trial: its number in a search, None for other runs.
        seconds_to_go: how long it and all that wait behind it may take, as far as there is time; None where nobody can tell.
    """

    candidate: str
    split: str
    seed: int
    which: str
    index: int
    total: int
    forecast_seconds: float
    trial: int | None = None
    seconds_to_go: float | None = None


@dataclass(frozen=True)
class RunProgress:
    """Where the run stands."""

    candidate: str
    progress: Progress


@dataclass(frozen=True)
class RunFinished:
    """A run ended, whatever its status. `index` of `total` are behind us; `which` is that of `RunStarted`."""

    candidate: str
    result: RunResult
    which: str
    index: int
    total: int


@dataclass(frozen=True)
class Searching:
    """The search of a candidate begins: which options, how many trials in all, and how many of them the ledger knows already."""

    candidate: str
    options: tuple[str, ...]
    trials: int
    known: int


@dataclass(frozen=True)
class TrialEnded:
    """A trial of a search ended: what was tried, and the best mark so far.

    Attributes:
        candidate: what is searched.
        number: of the trial, from 1; `total` are planned.
        settings: in words.
        status: done, dropped, refused or failed.
        mark: the figure on the validation rows, None where it did not come so far.
        best: whether it is the best so far.
        seconds: wall clock.
        why: the reason where it is not done.
    """

    candidate: str
    number: int
    total: int
    settings: str
    status: Status
    mark: float | None
    best: bool
    seconds: float
    why: str


@dataclass(frozen=True)
class SearchEnded:
    """What a search found: a sentence or two."""

    candidate: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ranked:
    """The leaderboard was written again."""

    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Chosen:
    """The recommendation: a candidate, or None where nothing can be recommended, and the reason in a sentence."""

    candidate: str | None
    reason: str


@dataclass(frozen=True)
class Written:
    """A file or folder of the result is complete."""

    path: Path


Event = Read | Cut | MachineSeen | Planned | PlayOff | FewerRows | RunStarted | RunProgress | RunFinished | Searching | TrialEnded | SearchEnded | Ranked | Chosen | Written
Listener = Callable[[Event], None]


def silent(_: Event) -> None:
    """The listener that says nothing."""
