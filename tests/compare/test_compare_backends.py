"""Both places where runs happen keep the contract; a process also survives what would end this one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.backends import NEVER, BackendContract
from ringsmith.adapt.recipe import Progress, silent
from ringsmith.compare.backends import InlineBackend, ProcessBackend, create_backend
from ringsmith.compare.files import write_json
from ringsmith.compare.measure import peak_memory_mb
from ringsmith.errors import UnknownName


class TestInline(BackendContract):
    """The whole contract."""

    kind = InlineBackend

    def most_memory_mb(self) -> float:
        """A run in this process has this process's peak, with whatever the tests before it held."""
        return peak_memory_mb()


class TestProcess(BackendContract):
    """The whole contract, and what only a process can."""

    kind = ProcessBackend

    def test_a_killed_run_says_so(self, make_job: Callable[[str], object]) -> None:
        """A worker that the operating system ends is one failed run, no more."""
        result = ProcessBackend(threads=1).run(make_job("killsitself").path, until=NEVER, report=silent)
        assert result.status == "failed"
        assert result.why.startswith("was killed from outside, most often because memory ran out (it held ")

    def test_the_last_words_of_a_broken_process_are_kept(self, make_job: Callable[[str], object]) -> None:
        """Exit code and the last line of standard error."""
        result = ProcessBackend(threads=1).run(make_job("exits").path, until=NEVER, report=silent)
        assert (result.status, result.why) == ("failed", "its process broke down (exit code 7): illegal instruction")

    def test_a_run_that_takes_too_much_memory_is_ended(self, make_job: Callable[[str], object]) -> None:
        """The limit is kept before the machine runs out."""
        result = ProcessBackend(threads=1, memory_mb=400).run(make_job("hog").path, until=NEVER, report=silent)
        assert (result.status, result.why) == ("failed", "needed more memory than the 0.4 GB it may take")
        assert result.peak_memory_mb is not None
        assert 400 < result.peak_memory_mb < 1500

    def test_nothing_is_left_running_after_the_deadline(self, make_job: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child of the run is ended with it."""
        file = tmp_path / "child.txt"
        monkeypatch.setenv("RINGSMITH_TEST_FILE", str(file))
        result = ProcessBackend(threads=1).run(make_job("deaf").path, until=time.time() + 2.5, report=silent)
        assert result.status == "dropped"
        child = int(file.read_text(encoding="ascii"))
        assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

    def test_what_libraries_print_does_not_disturb(self, make_job: Callable[[str], object]) -> None:
        """Standard output belongs to the progress; prints go to the run's standard error."""
        made = make_job("prints")
        seen: list[Progress] = []
        assert ProcessBackend(threads=1).run(made.path, until=NEVER, report=seen.append).status == "done"
        assert seen[0] == Progress("train", 0, 10, "steps", "loss 0.5")
        assert sorted((made.path / "stderr.txt").read_text(encoding="utf-8").split()) == sorted(["nor", "this", "not", "for", "you"])

    def test_an_interrupt_ends_the_run(self, make_job: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C in this process: the run is not left behind."""

        def interrupt(progress: Progress) -> None:
            raise KeyboardInterrupt

        made = make_job("sleeps")
        with pytest.raises(KeyboardInterrupt):
            ProcessBackend(threads=1).run(made.path, until=NEVER, report=interrupt)
        mine = [child for child in psutil.Process(os.getpid()).children(recursive=True) if str(made.path) in " ".join(child.cmdline())]
        assert mine == []


def test_a_run_that_starts_late_has_less_time_to_learn(make_job: Callable[[str], Any]) -> None:
    """The job says until when, so whatever the start took is not added."""
    made = make_job("tenth")
    write_json(made.path / "job.json", replace(made.job, fit_until=time.time() + 5).to_json())
    time.sleep(0.3)
    result = InlineBackend(threads=1).run(made.path, until=NEVER, report=silent)
    assert 4 < result.chosen["seconds"] < 4.7


def test_an_unknown_backend_is_named() -> None:
    """The sentence offers what there is."""
    with pytest.raises(UnknownName, match=r"There is no backend 'cluster'\. Known: inline, local\."):
        create_backend("cluster", threads=1, memory_mb=1.0)
