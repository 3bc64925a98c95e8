"""Every run in a process of its own: its memory and time are its own, and whatever it breaks is only itself.

The soft end is the recipe's budget; at the hard end the process and all its children are killed. A run that takes more memory than there
is, is ended before the operating system looks for somebody to end.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, ClassVar, TypeAlias

import psutil

from ringsmith._machine import MEGABYTE, free_mb
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.compare.backends.base import OUT_OF_TIME, Backend
from ringsmith.compare.backends.forks import Fork, Forks
from ringsmith.compare.job import Job, read_job, read_result
from ringsmith.compare.machine import child_environment
from ringsmith.records import RunResult

TICK = 0.1
ALMOST_NOTHING_MB = 150.0
"""Less free memory than this, and the run is ended."""
STDERR = "stderr.txt"
TRANSFORMER = "transformer"
"""Kind of the models whose runs stand on torch."""
Process: TypeAlias = subprocess.Popen[bytes] | Fork


class ProcessBackend(Backend):
    """``python -m ringsmith.compare.job`` for every run, or a fork of a process that has imported what the run stands on."""

    name: ClassVar[str] = "local"

    def __init__(self, *, threads: int, memory_mb: float = float("inf")) -> None:
        super().__init__(threads=threads, memory_mb=memory_mb)
        # Runs on a transformer all hold torch, beside which the rest is little; those of other recipes have hardly anything in common.
        self._forks = {heavy: Forks(mixed=heavy) for heavy in (False, True)}

    @property
    def shares_imports(self) -> bool:
        """See `Backend.shares_imports`."""
        return all(forks.possible for forks in self._forks.values())

    def prepare(self, place: str, kind: str | None) -> None:
        """See `Backend.prepare`."""
        forks = self._forks[kind == TRANSFORMER]
        if forks.possible and not forks.know(place):
            forks.prepare(place, forks.environment or child_environment(self.threads))

    def run(self, folder: Path, *, until: float, report: Report) -> RunResult:
        """See `Backend.run`."""
        job = read_job(folder)
        with _ended(self._start(folder, job, until)) as process:
            watch = _Watch(process, memory_mb=self.memory_mb)
            reason = watch.until_end(until=until, report=report)
        result = read_result(folder)
        if result is not None:
            return result
        facts = {"seconds": {"total": time.monotonic() - job.started}, "peak_memory_mb": watch.peak_mb or None}
        if reason == OUT_OF_TIME:
            return job.ended("dropped", reason, **facts)
        return job.ended("failed", reason or _last_words(process.returncode, folder, watch.peak_mb), **facts)

    def close(self) -> None:
        """See `Backend.close`."""
        for forks in self._forks.values():
            forks.close()

    def _start(self, folder: Path, job: Job, until: float) -> Process:
        environment = child_environment(self.threads)
        with (folder / STDERR).open("wb") as stderr:
            forks = self._forks[job.model is not None and job.model.get("kind") == TRANSFORMER]
            return forks.start(folder, job.place, environment, stderr, until=until) or _spawned(folder, environment, stderr)


def _spawned(folder: Path, environment: Mapping[str, str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """A new process, in a group of its own."""
    command = [sys.executable, "-m", "ringsmith.compare.job", str(folder)]
    apart = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # Windows; elsewhere a session of its own
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=dict(environment), creationflags=apart, start_new_session=sys.platform != "win32"
    )


@contextmanager
def _ended(process: Process) -> Iterator[Process]:
    """When the block ends, in whatever way, nothing of the run lives on."""
    try:
        yield process
    finally:
        kill(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def kill(process: Process) -> None:
    """End the process and all its children, at once."""
    if sys.platform == "win32":
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Watch:
    """Follows one process: passes its progress on, keeps an eye on time and memory.

    Attributes:
        peak_mb: the most memory it was seen with, its children's included.
    """

    def __init__(self, process: Process, *, memory_mb: float) -> None:
        self.process = process
        self.memory_mb = memory_mb
        self.peak_mb = 0.0
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ValueError):  # closed under us: the run is over
            for line in self.process.stdout or ():
                self.lines.put(line)
        self.lines.put(None)

    def until_end(self, *, until: float, report: Report) -> str:
        """Wait for the end; the reason why the process must be killed, or nothing where it ended by itself."""
        while True:
            with suppress(queue.Empty):
                line = self.lines.get(timeout=TICK)
                if line is None:
                    self._wait(until)
                    return ""
                _pass_on(line, report)
            if time.monotonic() > until:
                return OUT_OF_TIME
            if reason := self._too_much_memory():
                return reason

    def _wait(self, until: float) -> None:
        """Standard output is closed: the process is about to end, or a child of it holds on, which the kill will end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=max(0.0, min(5.0, until - time.monotonic())))

    def _too_much_memory(self) -> str:
        used = _resident_mb(self.process.pid)
        self.peak_mb = max(self.peak_mb, used)
        if used > self.memory_mb:
            return f"needed more memory than the {self.memory_mb / 1024:.1f} GB it may take"
        if used > ALMOST_NOTHING_MB and free_mb() < ALMOST_NOTHING_MB:
            return f"was ended at {used / 1024:.1f} GB, before the machine ran out of memory"
        return ""


def _resident_mb(pid: int) -> float:
    """Memory of a process and its children, in MB; 0 where it is gone."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        total += process.memory_info().rss
        for child in process.children(recursive=True):
            total += child.memory_info().rss
    return total / MEGABYTE


def _pass_on(line: bytes, report: Report) -> None:
    with suppress(ValueError, TypeError):  # not ours: a library wrote to the descriptor itself
        report(Progress(**json.loads(line)))


def _last_words(code: int | None, folder: Path, peak_mb: float) -> str:
    """Why a process ended without a result."""
    if code == -signal.SIGTERM or (sys.platform != "win32" and code == -signal.SIGKILL):
        return f"was killed from outside, most often because memory ran out (it held {peak_mb / 1024:.1f} GB)"
    lines = (folder / STDERR).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"its process broke down (exit code {code}){': ' + lines[-1][:300] if lines else ''}"
