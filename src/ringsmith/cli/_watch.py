"""What a person sees while a comparison runs: what was found, what is planned, a bar with the time left, the table, the advice."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import singledispatchmethod
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.status import Status
from rich.table import Column
from rich.text import Text

from ringsmith._files import NEW, as_typed, held
from ringsmith._wording import plural
from ringsmith.adapt.recipe import Progress as Standing
from ringsmith.cli._languages import of_other_languages
from ringsmith.cli._shell import escape
from ringsmith.cli._table import print_hanging, print_leaderboard
from ringsmith.compare import Comparison, Row, events
from ringsmith.compare.plan import NO_TIME, TOO_LARGE, clock
from ringsmith.compare.space import BASELINE
from ringsmith.data import DataFindings, ReadFindings
from ringsmith.records import several_test
from ringsmith.report.findings import LANGUAGES, unit_of
from ringsmith.report.wording import joined

LABEL_WIDTH, BAR = 10, 20
NOT_HERE = "it is not on this machine"
"""Stands in the reason why the catalogue leaves a default model out: all of those share a line."""


class Watch:
    """The listener of the command line. Use it as a context manager: it owns the progress bar.

    Args:
        console: where to draw. Where it is no terminal a line is printed for each finished run instead of a bar.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._budget: Any = None
        self._read: events.Read | None = None
        self._language = "unknown"
        self._waiting: Status | None = None
        columns = (BarColumn(bar_width=BAR, table_column=Column(width=BAR)), TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")))
        self._progress = Progress(TextColumn(" "), *columns, console=console, transient=True, expand=True, disable=not console.is_interactive)
        self._task: TaskID | None = None
        self._started = time.monotonic()
        self._count = ""
        self._running = ""
        self._trials: list[float] | None = None
        self._searched: set[str] = set()
        self._to_learn_from_fewer: tuple[str, ...] = ()
        self._to_go = 0
        self._goal: float | None = None
        self._splits = 1

    def __enter__(self) -> Self:
        if self._console.is_interactive:
            self._waiting = self._console.status("Reading")
            self._waiting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rest()
        self._progress.stop()

    def __call__(self, event: events.Event) -> None:
        """Draw one event."""
        self._draw(event)

    def _rest(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None

    def line(self, label: str, text: str) -> None:
        """Print a line under a label; an empty label continues the one above."""
        print_hanging(self._console, Text(label.ljust(LABEL_WIDTH), style="bold"), Text(text))

    @singledispatchmethod
    def _draw(self, event: Any) -> None:
        """Events that are not drawn: the table is shown at the end, a run's start by its bar."""

    @_draw.register
    def _(self, event: events.Read) -> None:
        self._read = event
        if self._waiting is not None:
            self._waiting.update("Checking and splitting")

    @_draw.register
    def _(self, event: events.Cut) -> None:
        self._rest()
        assert self._read is not None
        self._language = event.findings.language
        for number, text in enumerate(sentences_of_reading(self._read, event)):
            self.line("" if number else "Read", text)
        self._splits = len(event.splits)
        folds = f"{self._splits} folds"
        how = event.how.removeprefix(f"{folds}, ").replace(f"{folds} of training choose", "the folds choose")
        self.line("Split", f"{sizes_of(event.splits)}, {how} · judged by {event.metric}")
        for text in event.notes:
            self.line("", text)

    @_draw.register
    def _(self, event: events.MachineSeen) -> None:
        machine, self._budget = event.machine, event.budget
        to_go = f"{clock(event.budget.remaining())} to go" if event.budget.seconds else "no time limit"
        self.line("Machine", f"{plural(machine.cores, 'core')}, {machine.memory_mb / 1024:.0f} GB · {to_go}")

    @_draw.register
    def _(self, event: events.Planned) -> None:
        steps = event.plan.steps
        fitting = "" if event.plan.fitting == len(steps) else f", {event.plan.fitting} of them within the budget"
        self.line("Plan", f"{plural(len(steps), 'candidate')}{fitting}: {', '.join(step.name for step in steps)}")
        for step in steps:
            if not step.fits:
                self.line("", f"{step.name}: {step.why}")
        for text in of_other_languages((step.entrant.candidate.model or "" for step in steps), self._language):
            self.line("", text)
        elsewhere = [left_out.name for left_out in event.plan.left_out if NOT_HERE in left_out.why]
        if elsewhere:
            self.line("", f"not on this machine: {', '.join(elsewhere)} (name one with --models to fetch it)")
        for left_out in event.plan.left_out:
            if left_out.name not in elsewhere:
                self.line("", f"{left_out.name} {left_out.why}")

    @_draw.register
    def _(self, event: events.PlayOff) -> None:
        turns = plural(event.turns, "turn")
        self.line("Play-off", f"{joined(event.candidates, last='or')}: {event.rows:,} rows cannot tell which is better, so {event.further:,} more choose, in {turns}")

    @_draw.register
    def _(self, event: events.FewerRows) -> None:
        self._to_learn_from_fewer = event.candidates
        self.line("Labels", f"{joined(event.candidates)} on a half and a quarter of the rows, to see what more would bring")

    @_draw.register
    def _(self, event: events.RunStarted) -> None:
        self._count = f"{event.index - 1}/{event.total}"
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=event.total)
        self._progress.update(self._task, total=event.total)
        self._to_go = event.total - event.index + 1
        self._goal = None if event.seconds_to_go is None else time.monotonic() + event.seconds_to_go
        self._running = (event.candidate if event.trial is None else f"{event.candidate.partition('[')[0]} trial {event.trial}") + in_brackets(event.which)
        self._show(event.index - 1, f"{self._running}, about {clock(event.forecast_seconds)}")

    @_draw.register
    def _(self, event: events.RunProgress) -> None:
        done = float(self._count.partition("/")[0])
        standing = event.progress
        part = standing.done / standing.total if standing.total else 0.0
        self._show(done + min(part, 1.0), f"{self._running}, {describe(standing)}")

    @_draw.register
    def _(self, event: events.RunFinished) -> None:
        self._count = f"{event.index}/{event.total}"
        if self._trials is not None:
            self._trials.append(event.result.seconds.get("total", 0.0))
        if not self._console.is_interactive and " trial " not in self._running:
            status = "" if event.result.status == "done" else f": {event.result.status}: {event.result.why}"
            self.line("", f"{event.index}/{event.total} {event.candidate}{in_brackets(event.which)} {clock(event.result.seconds.get('total', 0.0))}{status}")

    @_draw.register
    def _(self, event: events.Searching) -> None:
        self._trials = []
        self._searched.add(event.candidate)
        known = f", {plural(event.known - 1, 'other')} known from before" if event.known > 1 else ""
        self.line("Search", f"{event.candidate}: {event.trials} trials over {', '.join(name.replace('_', ' ') for name in event.options)}; the defaults are the first{known}")

    @_draw.register
    def _(self, event: events.TrialEnded) -> None:
        mark = event.status if event.mark is None else f"{event.mark:.3f}"
        best = " · best so far" if event.best and event.number > 1 else ""
        whose = f"{event.candidate}: " if len(self._searched) > 1 else ""
        self.line("", f"{event.number:>3}/{event.total}  {mark:<7}  {clock(event.seconds)}  {whose}{event.settings}{best}")
        if event.status in ("failed", "refused"):
            self.line("", f"{'':9}{event.why}")

    @_draw.register
    def _(self, event: events.SearchEnded) -> None:
        for note in event.notes:
            self.line("", f"{event.candidate}: {note[:1].lower()}{note[1:]}")

    def _time_to_go(self) -> str:
        """Until the end of the race, by its forecasts; in a search, where all runs are about alike, by those that are done. Never more than the budget has left."""
        seconds = [taken for taken in self._trials or () if taken]
        if seconds:
            to_go = self._to_go * fmean(seconds)
        elif self._goal is not None:
            to_go = self._goal - time.monotonic()
        else:
            return ""
        left = self._budget.remaining() if self._budget else float("inf")
        return f", about {clock(max(min(to_go, left), 0.0))} to go"

    def _show(self, done: float, text: str) -> None:
        if self._task is None:
            return
        used = time.monotonic() - (self._budget.started if self._budget else self._started)
        left = f" of {clock(self._budget.seconds)}" if self._budget and self._budget.seconds else ""
        self._progress.update(self._task, completed=done, description=f"{self._count}  {clock(used)}{left} used{self._time_to_go()} · {escape(text)}")

    def conclude(self, found: Comparison) -> None:
        """Print the table, the advice and where everything lies."""
        self._progress.stop()
        self._console.print()
        print_leaderboard(self._console, found.rows)
        self._console.print()
        self.line("Take", found.advice)
        if found.honest:
            self.line("", str(found.honest["text"]))
        if self._budget and self._budget.seconds and not found.stopped and (more := with_more_time(found.rows, self._splits)):
            self.line("", more)
        if NO_TIME in found.trained_on:
            self.line("", f"best/ has learnt from {found.trained_on}: a longer --budget does that")
        if more := with_more_rows(found.playoff):
            self.line("", more)
        said = [curve["text"] for curve in found.learning[:1]]  # that of the recommended candidate, where there is one
        drawn = {curve["candidate"] for curve in found.learning}
        wanted = {*self._to_learn_from_fewer, *(row.candidate for row in found.rows if drawn and row.recommended and row.recipe != BASELINE)}
        if missing := [row.candidate for row in found.rows if row.candidate in wanted - drawn and not found.stopped]:
            said.append(f"no curve of {joined(missing, last='or')}: no time was left, or it did not get through with so few rows")
        for number, text in enumerate(said):
            self.line("" if number else "Labels", text)
        named = [f"{path.name}/" if path.is_dir() else path.name for path in found.written if path.name in ("best", "leaderboard.csv", "trials.csv")]
        self.line("Written", " · ".join([f"{found.folder}/report.html", *named]))
        for path in found.written:
            if path.stem.endswith(NEW):
                self.line("", held(path))
        if found.stopped:
            self.line("Stopped", "before its end; the same command goes on from here")
        self.line("Time", clock(found.seconds) + (f" of {clock(self._budget.seconds)}" if self._budget and self._budget.seconds else ""))
        if found.best is not None:
            pair = self._read.findings.pair_column if self._read else None
            self.line("Try", f"ringsmith predict {as_typed(str(found.best))} " + ('"a text of yours"' if pair is None else f"new.csv --pair {as_typed(pair)}"))


def with_more_time(rows: Sequence[Row], splits: int) -> str:
    """What to do where there was no time for some candidates; nothing where there was for all.

    Examples:
        >>> from dataclasses import replace
        >>> floor, rest = (Row(name, None, name, status, "accuracy") for name, status in (("majority", "done"), ("tfidf", "skipped")))
        >>> with_more_time([floor, rest], 5)
        'Only the floor had time. A longer --budget goes on from here; with --folds 0 (and a new --out) one split takes the place of 5, about a fifth of the time.'
        >>> with_more_time([rest, replace(rest, status="done")], 1)
        '1 candidate had too little time. A longer --budget goes on from here.'
        >>> with_more_time([floor], 5)
        ''
    """
    late = sum(row.status == "dropped" or (row.status == "skipped" and not row.why.startswith(TOO_LARGE)) for row in rows)
    if not late:
        return ""
    fewer = f"; with --folds 0 (and a new --out) one split takes the place of {splits}, about {'a fifth' if splits == 5 else f'1/{splits}'} of the time" if splits > 1 else ""
    who = "Only the floor had time" if {row.recipe for row in rows if row.status == "done"} == {BASELINE} else f"{plural(late, 'candidate')} had too little time"
    return f"{who}. A longer --budget goes on from here{fewer}."


def with_more_rows(playoff: Mapping[str, Any] | None) -> str:
    """What may tell apart those that are tied; nothing where more rows do not promise to.

    Examples:
        >>> with_more_rows({"all_rows": 892, "budget": 5400.0})
        'More rows may tell them apart: the same command with --budget 1h30m goes on from here and lets 892 choose.'
        >>> with_more_rows({"all_rows": 892, "budget": None}), with_more_rows(None)
        ('', '')
    """
    if playoff is None or playoff["budget"] is None:
        return ""
    hours, minutes = divmod(round(playoff["budget"] / 60), 60)
    budget = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return f"More rows may tell them apart: the same command with --budget {budget} goes on from here and lets {playoff['all_rows']:,} choose."


def describe(standing: Standing) -> str:
    """Where a run stands, in a few words.

    Examples:
        >>> describe(Standing("train", 60, 78, "steps", "loss 0.31"))
        'train 60/78 steps, loss 0.31'
        >>> describe(Standing("measure", 0, None, "rows"))
        'measure'
    """
    total = f"/{standing.total:,.0f}" if standing.total else ""
    counted = f" {standing.done:,.0f}{total} {standing.unit}" if standing.done or standing.total else ""
    note = f", {standing.note}" if standing.note else ""
    return f"{standing.stage}{counted}{note}"


def sentences_of_reading(read: events.Read, cut: events.Cut) -> list[str]:
    """What was read, in lines: rows and columns, what was dropped, what the checks found."""
    table, data = read.findings, cut.findings
    language = LANGUAGES.get(data.language, data.language) if data.language != "unknown" else "language not recognised"
    least, most = (f"{data.words.get(name, 0):,.0f}" for name in ("min", "max"))
    unit = unit_of(data.language)
    words = plural(round(data.words.get("max", 0)), unit) if least == most else f"{least}-{most} {unit}s"
    largest = f"largest {data.majority_share:.{0 if 0.01 <= data.majority_share <= 0.99 else 2}%}"
    largest += f" of all {data.rows:,} rows" if read.test_findings else ""
    first = f"{table.rows_used:,} rows · text: {table.text_column!r} ({language}, {words}) · label: {table.label_column!r} ({len(cut.task['labels']):,} classes, {largest})"
    test = read.test_findings
    tested = [f"{test.source}: {plural(test.rows_used, 'row')} to test", *sentences_of_rows(test)] if test else []
    return [first, *sentences_of_rows(table), *tested, *sentences_of_duplicates(data), *data.notes]


def sentences_of_rows(table: ReadFindings) -> list[str]:
    """Rows of a table that were left out, and what was found while it was read.

    Examples:
        >>> table = ReadFindings("t.csv", "delimited", ["text"], "text", 9, 8, dropped={"empty text": 1}, examples={"empty text": ["line 7"]}, notes=["Lines end in CR alone."])
        >>> sentences_of_rows(table)
        ['1 row left out: empty text (e.g. line 7)', 'Lines end in CR alone.']
    """
    dropped = [f"{plural(count, 'row')} left out: {reason}{_places(table.examples.get(reason, ()))}" for reason, count in table.dropped.items() if count]
    return [*dropped, *table.notes]


def sentences_of_duplicates(data: DataFindings) -> list[str]:
    """Rows that are there twice, what was taken out of training and validation because of them, and texts with several labels.

    Examples:
        >>> sentences_of_duplicates(DataFindings(rows=100, exact_duplicates=17, leaks={"holdout": {"train": 4, "valid": 1}}))
        ['17 exact duplicates: 4 rows left out of training and 1 row left out of validation, because rows that judge them say the same']
        >>> sentences_of_duplicates(DataFindings(rows=100, near_duplicates=1, conflicts=1, conflicting_rows=2))
        ['1 near duplicate', '1 text with more than one label, in 2 rows']
        >>> sentences_of_duplicates(DataFindings(rows=100, near_duplicates=5, leaks={"fold-1": {"train": 6, "valid": 0}, "fold-2": {"train": 7, "valid": 0}}))
        ['5 near duplicates: in all folds together 13 rows left out of training, because rows that judge them say the same']
    """
    kinds = ((data.exact_duplicates, "exact duplicate"), (data.near_duplicates, "near duplicate"))
    gone = [(sum(taken[part] for taken in data.leaks.values()), words) for part, words in (("train", "training"), ("valid", "validation"))]
    sentences = [joined([plural(count, name) for count, name in kinds if count])]
    if left_out := joined([f"{plural(count, 'row')} left out of {words}" for count, words in gone if count]):
        sentences[0] += f": {'in all folds together ' if len(data.leaks) > 1 else ''}{left_out}, because rows that judge them say the same"
    if data.conflicts:
        sentences.append(f"{plural(data.conflicts, 'text')} with more than one label, in {plural(data.conflicting_rows, 'row')}")
    return [sentence for sentence in sentences if sentence]


def sizes_of(splits: Sequence[Mapping[str, Any]]) -> str:
    """How many rows train, choose and test.

    Examples:
        >>> sizes_of([{"name": "holdout", "train": 2400, "valid": 300, "test": 300}])
        '2,400 train / 300 valid / 300 test'
        >>> sizes_of([{"name": "fold-1", "train": 246, "valid": 62, "test": 770}, {"name": "fold-2", "train": 246, "valid": 62, "test": 0}])
        '2 folds of about 246 train / 62 valid; 770 test'
    """
    first = splits[0]
    learning, test = f"{first['train']:,} train / {first['valid']:,} valid", f"{first['test']:,} test"
    if len(splits) == 1:
        return f"{learning} / {test}"
    return f"{len(splits)} folds of about {learning}" + (f" / {test}" if several_test(split["test"] for split in splits) else f"; {test}")


def _places(places: Sequence[str]) -> str:
    return f" (e.g. {', '.join(places[:3])})" if places else ""


def in_brackets(which: str) -> str:
    """What tells a run from others, behind the name of its candidate; nothing where nothing need be told."""
    return f" ({which})" if which else ""


def as_json(found: Comparison) -> dict[str, Any]:
    """What ``--json`` prints."""
    from dataclasses import asdict

    rows: list[Row] = list(found.rows)
    return {
        "leaderboard": [asdict(row) for row in rows],
        "recommended": found.recommended,
        "reason": found.reason,
        "honest": found.honest,
        "folder": str(found.folder),
        "best": str(found.best) if found.best else None,
        "report": str(found.folder / "report.html"),
        "search": list(found.search),
        "playoff": found.playoff,
        "learning": list(found.learning),
        "seconds": round(found.seconds, 2),
        "stopped": found.stopped,
    }
