"""Both places where runs happen keep the contract; a process also survives what would end this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from gone import is_gone

from contracts.backends import NEVER, BackendContract
from ringsmith.adapt.recipe import Progress, silent
from ringsmith.compare import job as job_module
from ringsmith.compare.backends import Backend, InlineBackend, ProcessBackend, create_backend, forks
from ringsmith.compare.backends.forks import POSSIBLE
from ringsmith.compare.files import write_json
from ringsmith.compare.measure import peak_memory_mb
from ringsmith.errors import UnknownName

STRANGERS: set[int] = set()
"""What ran below this process before a test began, such as the browser of tests that look at pages."""


@pytest.fixture(autouse=True)
def _strangers() -> None:
    """Note them."""
    STRANGERS.clear()
    STRANGERS.update(child.pid for child in psutil.Process().children())


def below() -> list[psutil.Process]:
    """The processes right below this one that a test here started."""
    return [child for child in psutil.Process().children() if child.pid not in STRANGERS]


class TestInline(BackendContract):
    """The whole contract."""

    kind = InlineBackend

    def most_memory_mb(self) -> float:
        """A run in this process has this process's peak, with whatever the tests before it held."""
        return peak_memory_mb()


class TestProcess(BackendContract):
    """The whole contract, and what only a process can."""

    kind = ProcessBackend

    @pytest.fixture(autouse=True)
    def _no_forks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on macOS and Windows."""
        monkeypatch.setattr(forks, "POSSIBLE", False)

    def test_a_killed_run_says_so(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """A worker that the operating system ends is one failed run, no more."""
        result = backend.run(make_job("killsitself").path, until=NEVER, report=silent)
        assert result.status == "failed"
        assert result.why.startswith("was killed from outside, most often because memory ran out (it held ")

    def test_the_last_words_of_a_broken_process_are_kept(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Exit code and the last line of standard error."""
        result = backend.run(make_job("exits").path, until=NEVER, report=silent)
        assert (result.status, result.why) == ("failed", "its process broke down (exit code 7): illegal instruction")

    def test_a_run_that_takes_too_much_memory_is_ended(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The limit is kept before the machine runs out."""
        backend.memory_mb = 400
        result = backend.run(make_job("hog").path, until=NEVER, report=silent)
        assert (result.status, result.why) == ("failed", "needed more memory than the 0.4 GB it may take")
        assert result.peak_memory_mb is not None
        assert 400 < result.peak_memory_mb < 1500

    def test_nothing_is_left_running_after_the_deadline(self, backend: Backend, make_job: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child of the run is ended with it."""
        file = tmp_path / "child.txt"
        monkeypatch.setenv("RINGSMITH_TEST_FILE", str(file))
        result = backend.run(make_job("deaf").path, until=time.monotonic() + 2.5, report=silent)
        assert result.status == "dropped"
        child = int(file.read_text(encoding="ascii"))
        assert is_gone(child)

    def test_what_libraries_print_does_not_disturb(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Standard output belongs to the progress; prints go to the run's standard error."""
        made = make_job("prints")
        seen: list[Progress] = []
        assert backend.run(made.path, until=NEVER, report=seen.append).status == "done"
        assert seen[0] == Progress("train", 0, 10, "steps", "loss 0.5")
        assert sorted((made.path / "stderr.txt").read_text(encoding="utf-8").split()) == sorted(["nor", "this", "not", "for", "you"])

    def test_an_interrupt_ends_the_run(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Ctrl-C in this process: the run is not left behind."""

        def interrupt(progress: Progress) -> None:
            raise KeyboardInterrupt

        made = make_job("sleeps")
        with pytest.raises(KeyboardInterrupt):
            backend.run(made.path, until=NEVER, report=interrupt)
        backend.close()
        assert below() == []


@pytest.mark.skipif(not POSSIBLE, reason="this system does not fork safely")
class TestForks(TestProcess):
    """A fork keeps what a process keeps."""

    @pytest.fixture(autouse=True)
    def _no_forks(self) -> None:
        """Forks."""

    def test_runs_share_a_server(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Two runs have one parent, a child of this process, which ends when the backend is closed."""
        made = make_job("sleeps")
        first, second = server_of(backend, made.path), server_of(backend, made.path)
        assert first == second
        assert first.ppid() == os.getpid()
        backend.close()
        assert not first.is_running()

    def test_what_is_prepared_is_used(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The server is there before the run is, once however often it is asked for; runs on a transformer have one of their own."""
        made = make_job("sleeps")
        for kind in (None, None, "vectors"):
            backend.prepare(made.job.place, kind)
        (server,) = below()
        assert server_of(backend, made.path) == server
        backend.prepare(made.job.place, "transformer")
        assert len(below()) == 2
        backend.prepare("fake_recipes:Third", "transformer")
        assert server.is_running()
        backend.prepare("fake_recipes:Third", None)
        assert not server.is_running()
        assert len(below()) == 2

    def test_another_environment_has_another_server(self, backend: Backend, make_job: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """What libraries read when they start is never that of an earlier run."""
        made = make_job("sleeps")
        first = server_of(backend, made.path)
        monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
        second = server_of(backend, made.path)
        assert first != second
        assert not first.is_running()
        assert second.environ()["OMP_WAIT_POLICY"] == "ACTIVE"

    def test_a_server_that_is_gone_is_done_without(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The next run is a process of its own, and nobody notices."""
        made = make_job("sleeps")
        server_of(backend, made.path).kill()
        assert server_of(backend, made.path).pid == os.getpid()
        assert backend.run(make_job("tenth").path, until=NEVER, report=silent).status == "done"

    def test_a_server_that_is_killed_under_a_run_takes_only_its_exit_code_with_it(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The run ends by itself, and its result counts."""
        made = make_job("tenth")
        killed: list[psutil.Process] = []

        def kill(progress: Progress) -> None:
            if not killed:
                killed.append(_run().parent())
                killed[0].kill()

        assert backend.run(made.path, until=NEVER, report=kill).status == "done"
        assert killed

    def test_a_module_that_does_not_import_is_told_by_the_run(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """A server that breaks down over it is not the one to say so; afterwards there are processes."""
        made = make_job("tenth")
        write_json(made.path / "job.json", replace(made.job, place="no_such_module:Recipe").to_json())
        assert backend.run(made.path, until=NEVER, report=silent).why == "ModuleNotFoundError: No module named 'no_such_module'"
        assert not backend.shares_imports


def test_no_recipe_asks_for_a_gpu_when_it_is_imported() -> None:
    """No fork survives CUDA that runs."""
    program = """
import torch
def asked(*args, **options): raise AssertionError("torch was asked for a device")
for place, names in ((torch.cuda, ("is_available", "device_count", "init", "current_device")), (torch.accelerator, ("is_available", "current_accelerator"))):
    for name in names: setattr(place, name, asked)
from ringsmith.adapt import RECIPES
from ringsmith.compare import forkserver
for place in RECIPES.values(): forkserver._load(place)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


def _run() -> psutil.Process:
    """The process that does a run now: the only one below this one that nobody is below."""
    (found,) = [child for first in below() for child in (first, *first.children(recursive=True)) if not child.children()]
    return found


def server_of(backend: Backend, folder: Path) -> psutil.Process:
    """The parent of the process that does the job of `folder`; the run is interrupted as soon as it is known."""
    seen = []

    def look(progress: Progress) -> None:
        seen.append(_run().parent())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backend.run(folder, until=NEVER, report=look)
    return seen[0]


def test_a_run_that_starts_late_has_less_time_to_learn(make_job: Callable[[str], Any]) -> None:
    """The job says until when, so whatever the start took is not added."""
    made = make_job("tenth")
    write_json(made.path / "job.json", replace(made.job, fit_until=time.monotonic() + 5).to_json())
    time.sleep(0.3)
    result = InlineBackend(threads=1).run(made.path, until=NEVER, report=silent)
    assert 4 < result.chosen["seconds"] < 4.7


@pytest.mark.parametrize("recipe", ["tenth", "refuses"])
def test_the_state_of_a_training_is_kept_until_the_result_is_written(make_job: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    """A run killed while it predicts or saves goes on from its last step; one that has ended leaves nothing to go on from."""
    made, there = make_job(recipe), list[bool]()
    job_module.pause_of(made.path).write_text("a state", encoding="utf-8")
    write = job_module.write_json
    monkeypatch.setattr(job_module, "write_json", lambda *given: (there.append(job_module.pause_of(made.path).exists()), write(*given)))
    job_module.execute(made.path)
    assert there == [True]
    assert not job_module.pause_of(made.path).exists()


def test_an_unknown_backend_is_named() -> None:
    """The sentence offers what there is."""
    with pytest.raises(UnknownName, match=r"There is no backend 'cluster'\. Known: inline, local\."):
        create_backend("cluster", threads=1, memory_mb=1.0)
