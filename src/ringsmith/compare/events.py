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
from ringsmith.records import Budget, RunResult


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
class RunStarted:
    """A run begins: number `index` (from 1) of `total`."""

    candidate: str
    split: str
    seed: int
    index: int
    total: int
    forecast_seconds: float


@dataclass(frozen=True)
class RunProgress:
    """Where the run stands."""

    candidate: str
    progress: Progress


@dataclass(frozen=True)
class RunFinished:
    """A run ended, whatever its status. `index` of `total` are behind us."""

    candidate: str
    result: RunResult
    index: int
    total: int


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


Event = Read | Cut | MachineSeen | Planned | RunStarted | RunProgress | RunFinished | Ranked | Chosen | Written
Listener = Callable[[Event], None]


def silent(_: Event) -> None:
    """The listener that says nothing."""
