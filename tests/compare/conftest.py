"""Tables, fakes and jobs that the tests of `compare` share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_recipes import PLACES, TUNABLE
from fake_tables import table

from ringsmith.adapt import registry, spaces
from ringsmith.compare import machine
from ringsmith.compare.files import write_arrays, write_json
from ringsmith.compare.job import Job
from ringsmith.compare.machine import Machine
from ringsmith.data import store
from ringsmith.records import Candidate

pytest.register_assert_rewrite("contracts.backends")
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the fakes on the list of recipes, also in the runs' processes; take the machine as known."""
    for name, place in PLACES.items():
        monkeypatch.setitem(registry.RECIPES, name, place)
        monkeypatch.setitem(registry.ENTRIES, name, registry.Entry(place, ".majority:MajorityOptions", "nothing", "a fake"))
    for name in ("tunable", "quiet", "steady", "fickle"):
        monkeypatch.setitem(spaces.SPACES, name, TUNABLE)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setattr(machine, "look", lambda: Machine(cores=2, memory_mb=8000.0, gflops=200.0, system="Test", python="3"))


@dataclass(frozen=True)
class JobFolder:
    """A job that was written down, and its folder."""

    path: Path
    job: Job


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[[str], JobFolder]:
    """Write the job of a fake over 40 rows."""

    def make(fake: str) -> JobFolder:
        rows = table(40)
        folder = tmp_path / "work" / fake
        folder.mkdir(parents=True)
        store(tmp_path / "rows.arrow", rows.texts)
        split = rows.splits[0]
        write_arrays(tmp_path / "split.npz", {"train": split.train, "valid": split.valid, "test": split.test})
        job = Job(
            run=f"run-{fake}",
            candidate=Candidate(fake).to_json(),
            place=PLACES[fake],
            model=None,
            task={"kind": "classification", "labels": ["a", "b"]},
            steps=(),
            split="holdout",
            seed=3,
            threads=1,
            rows=str(tmp_path / "rows.arrow"),
            positions=str(tmp_path / "split.npz"),
            started=time.monotonic(),
            baseline=fake == "majority",
        )
        write_json(folder / "job.json", job.to_json())
        return JobFolder(folder, job)

    return make
