"""`run_comparison`: from a table of labelled texts to a table of candidates, a recommendation and a model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringsmith._files import newest, open_standard_input
from ringsmith.compare.arena import Arena, check_names, open_arena
from ringsmith.compare.dataset import Table, load_table
from ringsmith.compare.events import Chosen, Listener, Written, silent
from ringsmith.compare.files import alone_in, machine_faults
from ringsmith.compare.handover import hand_over
from ringsmith.compare.leaderboard import NAME, Row
from ringsmith.compare.learning import LearningCurves
from ringsmith.compare.mending import Mending
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.plan import clock
from ringsmith.compare.playoff import Playoff
from ringsmith.compare.race import EXIT_SECONDS, Race
from ringsmith.compare.trials import NAME as TRIALS
from ringsmith.compare.tune_options import check_search
from ringsmith.compare.tuning import Tuning
from ringsmith.errors import BudgetError
from ringsmith.metrics import Tie

REPORT_SECONDS = 6.0
"""Time kept free for the report and the model's card where they are made."""
REPORT_WORK = 1.5
"""Seconds that the processor works for them; where reading the data took so many times longer than its work, these do, too."""
Finish = Callable[[Path], Sequence[Path]]
"""What follows a comparison within its budget: is given its folder, returns what it wrote."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        folder: where everything lies.
        rows: the table, best first.
        recommended: the candidate to take, None where nothing is worth taking.
        reason: why, in a sentence.
        ties: each candidate compared with the best on the validation rows.
        honest: with folds, the figure to expect of the choice; else None.
        best: folder of the recommended model, None where there is none.
        trained_on: which rows it has learnt from, in words.
        written: every file and folder that was written for the user.
        stopped: whether it was stopped (Ctrl-C) before its end.
        seconds: wall clock used, of everything.
        search: what each search found: its space, trials, finalists, and the importance of each option, as in ``study.json``.
        playoff: what became of the play-off (a `playoff.Played`) as in ``study.json``; None where there was nothing to play for.
        learning: what fewer rows would have done (each a `learning.LearningCurve`) as in ``study.json``, that of the recommended candidate first, where it has one.
    """

    folder: Path
    rows: tuple[Row, ...]
    recommended: str | None
    reason: str
    ties: tuple[Tie, ...]
    honest: Mapping[str, Any] | None
    best: Path | None
    written: tuple[Path, ...]
    stopped: bool
    seconds: float
    search: tuple[Mapping[str, Any], ...] = ()
    playoff: Mapping[str, Any] | None = None
    learning: tuple[Mapping[str, Any], ...] = ()
    trained_on: str = ""

    @property
    def advice(self) -> str:
        """What to take and why, in a sentence."""
        return f"{self.recommended}: {self.reason}" if self.recommended and not self.reason.startswith(self.recommended) else self.reason


def run_comparison(options: CompareOptions, listener: Listener = silent, *, finish: Finish | None = None, rows: Any = None, test_rows: Any = None) -> Comparison:
    """Compare all candidates on the user's rows and hand over the one to take.

    Args:
        options: what is asked for.
        listener: is told what happens, see `compare.events`.
        finish: makes the report and the like from the folder, within the budget; its time is kept free.
        rows: rows in memory (a data frame, or ``[(text, label), ...]``) in the place of ``options.data``, which is only their name then.
        test_rows: the same for ``options.test``.

    Returns:
        What was found; all of it also lies in ``options.folder``. A valid table lies there after every run, whatever happens.

    Raises:
        BudgetError: the time is too short for anything at all.
        RingsmithError: whatever else is wrong with the options, the data, the models or the machine.
    """
    open_standard_input()
    with machine_faults(options.folder), alone_in(options.folder):
        check_names(options)
        if options.search:
            check_search(options.recipes, named=options.recipes is not None)
        # No name holds the table here: its texts are gone from this process as soon as they are stored.
        return _compete(open_arena(options, load_table(options, listener, rows=rows, test_rows=test_rows), listener), listener, finish)


def compare_table(table: Table, options: CompareOptions, listener: Listener = silent, *, finish: Finish | None = None) -> Comparison:
    """As `run_comparison`, on rows that are read and split already."""
    with machine_faults(options.folder), alone_in(options.folder):
        return _compete(open_arena(options, table, listener), listener, finish)


def _compete(arena: Arena, listener: Listener, finish: Finish | None) -> Comparison:
    finishing = finishing_seconds(arena) if finish else 0.0
    race = Race(arena, listener, finishing_seconds=finishing)
    arena.study.set(search=[])  # of an earlier command, whose trials are in the ledger
    try:
        stopped = race.run()
        if stopped or arena.options.search:
            arena.study.set(playoff=None)  # of an earlier command
        if not stopped:
            stopped = Mending(race).run()
        if not stopped:
            stopped = Tuning(race).run() if arena.options.search else Playoff(race).run()
        check_any(race, stopped=stopped)
        arena.study.set(learning=[])
        best, stopped = _handed_over(race, finishing + EXIT_SECONDS, stopped=stopped)
        stopped = stopped or LearningCurves(race).run()
    finally:
        arena.backend.close()
    listener(Chosen(race.verdict.recommended, race.verdict.reason))
    return _conclude(race, listener, best, finish, stopped=stopped)


def finishing_seconds(arena: Arena) -> float:
    """Time to keep free for what is made at the end: more where it took an earlier command of this folder longer, or where others are at work on the machine, too."""
    stages = (arena.study.content.get("budget") or {}).get("stages") or {}
    slowness = arena.budget.used() / max(time.process_time(), 0.1)
    return max(REPORT_SECONDS, min(REPORT_WORK * slowness, 2 * REPORT_SECONDS), float(stages.get("report", 0.0)))


def _handed_over(race: Race, finishing: float, *, stopped: bool) -> tuple[Path | None, bool]:
    """Where the recommended model lies, and whether the comparison is stopped by now; after Ctrl-C what there is must do."""
    try:
        return hand_over(race, finishing=finishing, at_once=stopped), stopped
    except KeyboardInterrupt:
        return hand_over(race, finishing=finishing, at_once=True), True


def _conclude(race: Race, listener: Listener, best: Path | None, finish: Finish | None, *, stopped: bool) -> Comparison:
    arena, verdict = race.arena, race.verdict
    race.rank()
    if not stopped:
        clear(arena)
    start = time.monotonic()
    try:
        made = [*finish(arena.folder)] if finish else []
    except KeyboardInterrupt:
        made, stopped = [], True
    race.stages["report"] = time.monotonic() - start
    arena.study.set(**race.findings())
    written = [
        *made,
        *(newest(arena.folder / f"{NAME}.{ending}") for ending in ("csv", "json", "md")),
        arena.study.write(),
        *([newest(arena.folder / TRIALS)] if arena.options.search else []),
        *([best] if best else []),
    ]
    for path in written:
        listener(Written(path))
    return Comparison(
        folder=arena.folder,
        rows=tuple(race.rows),
        recommended=verdict.recommended,
        reason=verdict.reason,
        ties=tuple(verdict.ties),
        honest=verdict.honest,
        best=best,
        written=tuple(written),
        stopped=stopped,
        seconds=arena.budget.used(),
        search=tuple(arena.study.content["search"]),
        playoff=arena.study.content["playoff"],
        learning=tuple(arena.study.content["learning"]),
        trained_on=(arena.study.content.get("best") or {}).get("trained_on", "") if best else "",
    )


def clear(arena: Arena) -> None:
    """Remove where the runs worked, but for what a training keeps whose process was ended: the same command goes on from there."""
    broken = {run for run, result in arena.ledger.runs.items() if result.status in ("failed", "dropped")}
    for path in arena.work.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.stem not in broken:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        arena.work.rmdir()  # nothing is left in it


def check_any(race: Race, *, stopped: bool) -> None:
    """Make sure that something finished, where time was limited.

    Raises:
        BudgetError: nothing did; says what would fit.
    """
    arena: Arena = race.arena
    if race.contestants or stopped or arena.budget.seconds is None or any(row.status in ("failed", "refused") for row in race.rows):
        return
    cheapest = min(arena.entrants, key=lambda entrant: race.forecast(entrant).seconds)
    runs = len(arena.runs_of(cheapest))
    its_runs = race.forecast(cheapest).of(runs, arena.options.seeds)
    needed = race.stages["prepare"] + its_runs + race.reserve()
    raise BudgetError(
        f"'budget' must leave time for one candidate; got {clock(arena.budget.seconds)}, where reading took {clock(race.stages['prepare'])} and the table and the "
        f"report need {clock(race.reserve())}. The cheapest, {cheapest.candidate.name}, needs about {clock(its_runs)}: "
        f"give --budget {round(needed * 1.3) + 1}s or more."
    )
