"""Runs in this very process: for tests and debuggers. Time is looked at whenever the recipe reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from ringsmith.adapt.recipe import Progress, Report
from ringsmith.compare.backends.base import OUT_OF_TIME, Backend
from ringsmith.compare.job import execute, read_job
from ringsmith.records import RunResult


class _Stop(BaseException):
    """Leaves a recipe from within its report; not an `Exception`, so that no recipe catches it."""


class InlineBackend(Backend):
    """No process, no kill: a recipe that never reports cannot be stopped."""

    name: ClassVar[str] = "inline"

    def run(self, folder: Path, *, until: float, report: Report) -> RunResult:
        """See `Backend.run`."""

        def guarded(progress: Progress) -> None:
            report(progress)
            if time.monotonic() > until:
                raise _Stop

        try:
            return execute(folder, guarded)
        except _Stop:
            return read_job(folder).ended("dropped", OUT_OF_TIME)
