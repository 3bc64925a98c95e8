"""What a model costs in use is measured, not guessed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_recipes import FakeFitted
from fake_tables import texts

from ringsmith.compare import measure
from ringsmith.records import Floats, TextSet
from ringsmith.tasks import Classification
from ringsmith.text import TextSteps


class Ticking(FakeFitted):
    """Takes 2 ms a call and 1 ms a row; every twentieth call 30 ms more. Remembers how many rows it was given."""

    def __init__(self) -> None:
        super().__init__(Classification(["a", "b"]), TextSteps(), 0)
        self.calls: list[int] = []

    def predict_proba(self, texts: object, pairs: object = None) -> Floats:
        """Wait, then answer."""
        rows = list(texts)  # type: ignore[call-overload]
        self.calls.append(len(rows))
        time.sleep(0.002 + 0.001 * len(rows) + (0.03 if len(self.calls) % 20 == 0 else 0.0))
        return super().predict_proba(rows)


def test_latency_is_of_single_rows() -> None:
    """Half the calls take 3 ms; one in twenty takes 33, so the 95th percentile lies between."""
    model = Ticking()
    found = measure.latency_ms(model, texts(10))
    assert set(model.calls) == {1}
    assert len(model.calls) >= 53
    assert 3 <= found["p50"] < 12
    assert found["p50"] < found["p95"]


def test_latency_stops_when_time_is_up() -> None:
    """No call at all after the deadline, and no figure."""
    model = Ticking()
    assert measure.latency_ms(model, texts(10), until=time.monotonic() - 1) == {}
    assert model.calls == []
    assert measure.latency_ms(model, TextSet([], [])) == {}


def test_rows_a_second_are_of_many_rows_at_once() -> None:
    """200 rows take 0.2 s and a bit: somewhat below 1,000 a second."""
    scores, rate = measure.predict_timed(Ticking(), texts(200))
    assert scores.shape == (200, 2)
    assert rate is not None
    assert 300 < rate < 1000


def test_no_rows_need_no_prediction() -> None:
    """A refit has no test rows."""
    model = Ticking()
    scores, rate = measure.predict_timed(model, TextSet([], []))
    assert (scores.shape, rate, model.calls) == ((0, 2), None, [])


def test_size_is_that_of_all_files(tmp_path: Path) -> None:
    """Also of those in folders below: 3 MB."""
    (tmp_path / "below").mkdir()
    for name, size in (("one", 1), ("below/two", 2)):
        (tmp_path / name).write_bytes(bytes(size << 20))
    assert measure.size_mb(tmp_path) == pytest.approx(3)


def test_peak_memory_is_this_programs_own() -> None:
    """A child does not inherit the peak of its parent: here the parent holds 200 MB and the child next to nothing."""
    held = np.ones(200 << 17)
    code = "from ringsmith.compare.measure import peak_memory_mb as peak; before = peak(); held = bytearray(100 << 20); held[:] = bytes([1]) * len(held); print(before, peak())"
    before, after = map(float, subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert held.sum() == len(held)
    assert before < 150
    assert after - before > 90


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs are forks")
def test_a_fork_counts_the_libraries_that_its_parent_has_mapped(tmp_path: Path) -> None:
    """A file of 60 MB that the parent has mapped and read is not in its fork's memory until it is counted."""
    (tmp_path / "library").write_bytes(bytes(60 << 20))
    code = """
import mmap, os, sys
from ringsmith.compare.measure import count_as_mapped, mapped_mb, peak_memory_mb
with open(sys.argv[1], "rb") as file:
    library = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    sum(library[place] for place in range(0, len(library), 4096))
mapped, parent = mapped_mb(), peak_memory_mb()
if os.fork() == 0:
    alone = peak_memory_mb()
    count_as_mapped(mapped - mapped_mb())
    print(parent, alone, peak_memory_mb(), flush=True)
    os._exit(0)
os.wait()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "library")], capture_output=True, text=True, check=True)
    parent, alone, counted = (float(number) for number in done.stdout.split())
    assert parent - alone > 50
    assert counted == pytest.approx(parent, abs=10)
