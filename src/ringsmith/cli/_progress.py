"""A bar for whatever tells its progress as `Progress` records: it appears when something takes longer than a moment, and is gone at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ringsmith.cli._shell import escape
from ringsmith.records import Progress, Report

PATIENCE_SECONDS = 0.5
"""What is done by then gets no bar."""
LOG_SECONDS = 60.0
"""So often a line is written where there is no terminal to draw a bar in, by what takes hours."""


@contextmanager
def progress_bar(console: Console, *, logs: bool = False) -> Iterator[Report]:
    """The function to report to; it draws nothing where nobody looks (no terminal).

    Args:
        console: where the bar is drawn.
        logs: whether a line is written from time to time where no bar can be drawn.
    """
    if logs and not console.is_interactive:
        yield _Log(console)
        return
    bar = Bar(TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[figures]}"), TimeRemainingColumn(), console=console, transient=True)
    tasks, started = dict[str, TaskID](), time.monotonic()

    def report(progress: Progress) -> None:
        if not console.is_interactive or time.monotonic() - started < PATIENCE_SECONDS:
            return
        if progress.stage not in tasks:
            bar.start()
            tasks[progress.stage] = bar.add_task(progress.stage.capitalize(), total=progress.total, figures="")
        bar.update(tasks[progress.stage], completed=progress.done, total=progress.total, figures=figures(progress))

    try:
        yield report
    finally:
        if tasks:  # a bar that never began would still print an empty line
            bar.stop()


class _Log:
    """Writes a line every minute: how far it is, and how long it will take."""

    def __init__(self, console: Console) -> None:
        self.console, self.stage, self.last = console, "", time.monotonic()
        self.began = (0.0, 0.0)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self.began = progress.stage, (now, progress.done)
        if now - self.last < LOG_SECONDS:
            return
        self.last = now
        steps = f"{progress.done:,.0f}{f' of {progress.total:,.0f}' if progress.total else ''} steps" if progress.unit == "steps" else ""
        parts = (steps, figures(progress), self._left(progress, now))
        self.console.print(f"[bold]{progress.stage.capitalize():<10}[/]{escape(' · '.join(filter(None, parts)))}", soft_wrap=True)

    def _left(self, progress: Progress, now: float) -> str:
        """How long it will take at the pace so far; nothing where that is not known."""
        began, done = self.began
        if not progress.total or progress.done <= done:
            return ""
        return f"{timedelta(seconds=round((now - began) / (progress.done - done) * (progress.total - progress.done)))} to go"


def figures(progress: Progress) -> str:
    """What stands behind the bar.

    Examples:
        >>> figures(Progress("read", 3_000_000, 9_000_000, "bytes")), figures(Progress("map", 1, 2)), figures(Progress("train", 1200, 4000, "words", "loss 0.31"))
        ('3 / 9 MB', '', '1,200 / 4,000 words · loss 0.31')
    """
    total = progress.total or progress.done
    if progress.unit == "bytes":
        counted = f"{progress.done / 1e6:,.0f} / {total / 1e6:,.0f} MB"
    else:
        counted = "" if progress.unit == "steps" else f"{progress.done:,.0f} / {total:,.0f} {progress.unit}"
    return " · ".join(filter(None, [counted, progress.note]))
