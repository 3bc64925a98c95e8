"""Runs in this very process: for tests and debuggers. Time and cancelling are looked at whenever the recipe reports."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import ClassVar

from ringsmith.adapt.recipe import Progress, Report
from ringsmith.compare.backends.base import CANCELLED, OUT_OF_TIME, Backend
from ringsmith.compare.job import execute, read_job
from ringsmith.records import RunResult


class _Stop(BaseException):
    """Leaves a recipe from within its report; not an `Exception`, so that no recipe catches it."""


class InlineBackend(Backend):
    """No process, no kill: a recipe that never reports cannot be stopped."""

    name: ClassVar[str] = "inline"

    def run(self, folder: Path, *, until: float, report: Report, cancel: Event | None = None) -> RunResult:
        """See `Backend.run`."""

        def guarded(progress: Progress) -> None:
            report(progress)
            if cancel is not None and cancel.is_set():
                raise _Stop(CANCELLED)
            if time.monotonic() > until:
                raise _Stop(OUT_OF_TIME)

        try:
            return execute(folder, guarded)
        except _Stop as stop:
            return read_job(folder).ended("dropped", str(stop))
