"""How threads wait: awake where the cores are free, asleep where they are not, and as the user says where the user says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ringsmith import _machine
from ringsmith._machine import ASLEEP, AWAKE, free_cores, waiting
from ringsmith.cli._shell import wait_awake
from ringsmith.compare.machine import child_environment


@pytest.mark.parametrize(
    ("busy", "threads", "expected"),
    [
        ((5, 10, 0, 90), 2, AWAKE),
        ((5, 10), 2, AWAKE),
        ((5, 95), 2, ASLEEP),
        ((40, 30), 2, ASLEEP),
        ((30, 20), 2, AWAKE),
        ((0, 0), 1, ASLEEP),
        ((0, 0, 0, 0), 6, ASLEEP),
        ((100, 100, 0, 0), 2, AWAKE),
    ],
)
def test_threads_wait_awake_only_where_each_has_a_free_core(monkeypatch: pytest.MonkeyPatch, busy: tuple[int, ...], threads: int, expected: dict[str, str]) -> None:
    """Percent of each core that others use; one thread waits for nobody."""
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: list(map(float, busy)))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(len(busy))), raising=False)
    assert waiting(threads) == expected


def test_only_the_cores_of_this_process_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four cores it may use the two that are busy."""
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: [0.0, 100.0, 100.0, 0.0])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2}, raising=False)
    assert free_cores() == pytest.approx(0, abs=0.05)


def test_a_core_that_works_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured: a process that counts takes most of one."""
    monkeypatch.setattr(_machine, "LOOK_SECONDS", 0.3)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        shares = [free_cores() for _ in range(3)]
    finally:
        busy.kill()
        busy.wait()
    assert min(shares) < _machine.cores() - 0.5


def test_torch_computes_with_no_more_threads_than_the_container_has_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota of two cores on a machine of eight: eight threads would wait for each other."""
    torch = pytest.importorskip("torch")
    from ringsmith.backbones.load import set_threads

    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(_machine, "CGROUP", tmp_path)
    assert set_threads(None) == 8
    (tmp_path / "cpu.max").write_text("200000 100000\n", encoding="ascii")
    assert (set_threads(None), set_threads(3)) == (2, 3)
    assert given == [8, 2, 3]


def test_what_this_process_does_itself_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of its own that is busy for the moment: both cores will be free."""
    clock = {"wall": 5.0, "own": 3.0}

    def look(interval: float, percpu: bool) -> list[float]:
        clock["wall"], clock["own"] = clock["wall"] + interval, clock["own"] + interval
        return [100.0, 0.0]

    monkeypatch.setattr(time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(time, "process_time", lambda: clock["own"])
    monkeypatch.setattr(psutil, "cpu_percent", look)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert free_cores() == pytest.approx(2.0)


def test_the_users_own_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the process of a run, and on the command line."""
    monkeypatch.setattr(sys.modules[child_environment.__module__], "waiting", lambda threads: AWAKE)
    monkeypatch.setattr(sys.modules[wait_awake.__module__], "waiting", lambda threads: AWAKE)
    monkeypatch.setattr(os, "environ", {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "7"})
    assert (child_environment(2)["OMP_WAIT_POLICY"], child_environment(2)["GOMP_SPINCOUNT"]) == ("ACTIVE", "7")
    wait_awake()
    assert os.environ == {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "7"}
    monkeypatch.setattr(os, "environ", {"OMP_WAIT_POLICY": "PASSIVE"})
    assert child_environment(2)["GOMP_SPINCOUNT"] == AWAKE["GOMP_SPINCOUNT"]
    wait_awake()
    assert os.environ == AWAKE
