"""kill -9, of a run and of the comparison itself: the table stays valid, and the next time goes on to the same one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from gone import is_gone

from ringsmith.compare.leaderboard import COLUMNS

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def drive(folder: Path, *recipes: str) -> subprocess.Popen[str]:
    """A comparison in a process of its own."""
    return subprocess.Popen([sys.executable, str(HERE / "drive.py"), str(folder), *recipes], stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str], until: str) -> Iterator[str]:
    """What it says, up to this line."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()
        if line.strip() == until:
            return


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Wait for its end; what it said."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return [line for line in said.splitlines() if not line.startswith("running")]


def worker_of(process: subprocess.Popen[str]) -> psutil.Process:
    """The run's process: a child, or a fork of one."""
    (worker,) = [child for child in psutil.Process(process.pid).children(recursive=True) if not child.children()]
    return worker


def figures(folder: Path) -> list[tuple[object, ...]]:
    """The parts of the table that do not depend on the clock."""
    content = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    assert all(list(row) == list(COLUMNS) for row in content)
    return [tuple(row[name] for name in ("candidate", "status", "valid", "tie_group", "recommended")) for row in content]


def test_kill_9_of_the_comparison_leaves_a_valid_table_and_it_can_go_on(tmp_path: Path) -> None:
    """Killed in the second run: the first is in table and ledger, the worker dies too; the same command then does only what is missing."""
    killed = tmp_path / "killed"
    process = drive(killed, "third", "slower")
    assert "done third" in list(lines(process, until="running slower"))
    worker = worker_of(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert is_gone(worker.pid)
    assert [row[:2] for row in figures(killed)] == [("third", "done")]
    ledger = (killed / "ledger.jsonl").read_text(encoding="utf-8")
    with (killed / "ledger.jsonl").open("a", encoding="utf-8") as file:
        file.write(ledger[: len(ledger) // 2])  # and the power failed in the middle of a line
    assert finish(drive(killed, "third", "slower")) == ["done slower"]
    wrong = sum(number % 3 == 0 for number in range(200) if number // 2 % 4 == 2)
    assert figures(killed) == [("slower", "done", 1.0, "A", True), ("third", "done", (50 - wrong) / 50, "B", False)]
    assert (killed / "best" / "ringsmith.json").exists()


def test_kill_9_of_a_run_costs_that_run_only(tmp_path: Path) -> None:
    """It failed, with the likely reason; the others are ranked."""
    process = drive(tmp_path / "out", "sleeps", "tenth")
    list(lines(process, until="running sleeps"))
    worker_of(process).kill()
    finish(process)
    rows = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [(row["candidate"], row["status"]) for row in rows] == [("tenth", "done"), ("sleeps", "failed")]
    assert rows[1]["why"].startswith("was killed from outside, most often because memory ran out")


def test_ctrl_c_ends_the_run_and_writes_the_table(tmp_path: Path) -> None:
    """The signal that a terminal sends."""
    process = drive(tmp_path / "out", "tenth", "sleeps")
    list(lines(process, until="running sleeps"))
    worker = worker_of(process)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert not worker.is_running()
    rows = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [(row["candidate"], row["status"], row["why"]) for row in rows[1:]] == [("sleeps", "skipped", "stopped before its end")]
    assert rows[0]["candidate"] == "tenth"
    assert rows[0]["recommended"]


def test_kill_9_of_a_search_loses_no_trial_and_repeats_none(tmp_path: Path) -> None:
    """Killed in its third trial: the same command goes on to the very trials that an undisturbed search makes."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = drive(killed, "steady", "4")
    ended = 0
    assert process.stdout is not None
    for line in process.stdout:
        ended += line.startswith(("done", "dropped", "refused", "failed"))
        if ended == 2 and line.startswith("running"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert figures(killed)[0][1] == "done"
    finish(drive(killed, "steady", "4"))
    finish(drive(whole, "steady", "4"))
    trials = [[tuple(line.split(",")[i] for i in (1, 2, 3, 5, 6)) for line in (folder / "trials.csv").read_text(encoding="utf-8").splitlines()] for folder in (killed, whole)]
    assert trials[0] == trials[1]
    assert len(trials[0]) == 5
    runs = [[json.loads(line)["run"] for line in (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()] for folder in (killed, whole)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == len(runs[0])
    assert figures(killed) == figures(whole)
