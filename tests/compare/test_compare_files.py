"""Who is at work in a folder, and what is kept there of a training whose process was ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_tables import table

from ringsmith.compare.arena import Run
from ringsmith.compare.files import MARK, alone_in
from ringsmith.compare.job import pause_of
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.race import Race
from ringsmith.compare.runner import compare_table
from ringsmith.errors import UsageError
from ringsmith.records import RunResult, Status

HOLDER = """
import os, sys
from pathlib import Path
from ringsmith.compare.files import alone_in
os.getpid = lambda: 4_999_999
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read(1)
"""


def environment() -> dict[str, str]:
    """So that other processes import what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process at work in the folder; its number, as it knows it, is nobody's here: that of another container."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        try:
            yield process
        finally:
            process.kill()


def test_two_comparisons_do_not_share_a_folder(tmp_path: Path) -> None:
    """Neither of two containers that do not know each other's processes; once the other one has gone, in whatever way, the folder is free."""
    with holder(tmp_path / "out") as other:
        with pytest.raises(UsageError, match=r"--out: another comparison \(process 4999999 on .+\) is at work in .*out\. Wait for its end"), alone_in(tmp_path / "out"):
            raise AssertionError
        other.kill()
        other.wait()
        with alone_in(tmp_path / "out"):
            assert (tmp_path / "out" / MARK).exists()
    assert not (tmp_path / "out").exists()


def test_a_folder_that_was_taken_is_left_as_it_is(tmp_path: Path) -> None:
    """Who is refused removes nothing."""
    with holder(tmp_path / "out") as other:
        for _ in range(2):
            with pytest.raises(UsageError, match="is at work"), alone_in(tmp_path / "out"):
                raise AssertionError
        _, _ = other.communicate("x")
        assert other.returncode == 0


def test_of_two_that_start_together_one_gets_in(tmp_path: Path) -> None:
    """Twenty times, with the mark of a process that is gone in every other folder: somebody is always at work, and never two."""
    program = """
import sys, time
from pathlib import Path
from ringsmith.compare.files import alone_in
from ringsmith.errors import UsageError
from ringsmith.records import RunResult, Status
start, *folders = sys.argv[1:]
for turn, folder in enumerate(map(Path, folders)):
    while time.monotonic() < float(start) + 0.1 * turn:
        pass
    try:
        with alone_in(folder):
            with (folder / "work").open("x"):
                time.sleep(0.03)
            (folder / "work").rename(folder / "done")
            print(turn)
    except UsageError:
        pass
"""
    folders = [tmp_path / str(turn) for turn in range(20)]
    for folder in folders[::2]:
        folder.mkdir()
        (folder / MARK).write_text("process 4999999 on another", encoding="utf-8")
    command = [sys.executable, "-c", program, str(time.monotonic() + 3), *map(str, folders)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) for _ in range(2)]
    told = [one.communicate() for one in both]
    assert [fault for _, fault in told] == ["", ""]
    assert {int(turn) for said, _ in told for turn in said.split()} == set(range(20))


@pytest.mark.parametrize(("status", "kept"), [("failed", True), ("dropped", True), ("done", False)])
def test_what_a_training_keeps_outlives_the_end_of_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: Status, kept: bool) -> None:
    """The command ends with the other candidates, and the next one goes on from there; of what came to its end nothing is left."""
    paused, perform = list[Path](), Race.perform

    def ended(race: Race, run: Run, **arguments: Any) -> RunResult:
        result = perform(race, run, **arguments)
        if run.entrant.candidate.name == "slow":
            race.arena.ledger.append(result := replace(result, status=status))
            paused.append(pause_of(race.arena.place(run)))
            paused[-1].write_bytes(b"state")
        return result

    monkeypatch.setattr(Race, "perform", ended)
    compare_table(table(), CompareOptions(data="made.csv", recipes=("tenth", "slow"), out=tmp_path / "out", threads=1, on="inline"))
    assert paused[0].exists() == kept
    assert [path.name for path in (tmp_path / "out" / "work").rglob("*")] == ([paused[0].name] if kept else [])
