"""What a fitted model costs in use: seconds for one row, rows a second in bulk, memory, size on disk."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from ringsmith.adapt.recipe import Fitted
from ringsmith.records import Floats, TextSet

WARM_UP = 3
SINGLES = 50
"""Single predictions that a percentile needs at least."""
MOST_SINGLES = 200
ENOUGH_SECONDS = 1.0
LONGEST_SECONDS = 5.0
BULK_SECONDS = 0.3
MEGABYTE = 1 << 20
STATUS = Path("/proc/self/status")
_from_parent_mb = 0.0


def latency_ms(fitted: Fitted, rows: TextSet, *, until: float = float("inf")) -> dict[str, float]:
    """Milliseconds of predicting one row: the median and the 95th percentile.

    At least 50 rows one by one, up to 200 while that takes less than a second; fewer where the model needs more than 5 seconds
    for 50, or `until` (by `time.monotonic`) is near. Empty where there was no time for a single one.
    """
    if len(rows) == 0:
        return {}
    if (pace := fitted.pace()) is not None:
        return _percentiles(pace.seconds)
    taken: list[float] = []
    start = time.perf_counter()
    for number in range(WARM_UP + MOST_SINGLES):
        used = time.perf_counter() - start
        enough = len(taken) >= SINGLES and used > ENOUGH_SECONDS
        if enough or used > LONGEST_SECONDS or time.monotonic() > until:
            break
        row = rows.take([number % len(rows)])
        before = time.perf_counter()
        predict(fitted, row)
        seconds = time.perf_counter() - before
        if number >= WARM_UP:
            taken.append(seconds)
    return _percentiles(taken)


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50": float(np.percentile(seconds, 50)) * 1e3, "p95": float(np.percentile(seconds, 95)) * 1e3} if seconds else {}


def predict(fitted: Fitted, rows: TextSet) -> Floats:
    """Probabilities of these rows, float32 (n, K); no call at all for no rows."""
    if len(rows) == 0:
        return np.zeros((0, len(fitted.task.labels)), dtype=np.float32)
    return np.asarray(fitted.predict_proba(rows.texts, rows.pairs), dtype=np.float32)


def predict_timed(fitted: Fitted, rows: TextSet) -> tuple[Floats, float | None]:
    """Probabilities and rows a second; a quick prediction is repeated until its time can be trusted. None for no rows."""
    if len(rows) == 0:
        return predict(fitted, rows), None
    scores, seconds = timed(lambda: predict(fitted, rows))
    if (pace := fitted.pace()) is not None:
        return scores, pace.at_once / max(float(np.mean(pace.seconds)), 1e-9) if pace.seconds else None
    total, rounds = seconds, 1
    while total < BULK_SECONDS and rounds < 10:
        total += timed(lambda: predict(fitted, rows))[1]
        rounds += 1
    return scores, len(rows) * rounds / max(total, 1e-9)


def timed(work: Callable[[], Floats]) -> tuple[Floats, float]:
    """What `work` returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def mapped_mb() -> float:
    """Files, most of all libraries, that this process has in memory as they lie on disk, in MB; 0 where the system does not say it."""
    return _status_mb("RssFile") if STATUS.exists() else 0.0


def count_as_mapped(mb: float) -> None:
    """Let `peak_memory_mb` count this, too: libraries that a fork has from its parent, of which Linux counts only what it touches again.

    That part, some tens of MB, counts twice then: the figure is a few per cent above that of a process which imported all by itself.
    """
    global _from_parent_mb
    _from_parent_mb = mb


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MB.

    Linux's ``ru_maxrss`` would be wrong here: a child starts with its parent's peak. ``VmHWM`` belongs to the program that runs.
    """
    if STATUS.exists():
        return _status_mb("VmHWM") + _from_parent_mb
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / MEGABYTE
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MEGABYTE if sys.platform == "darwin" else 1024)


def _status_mb(name: str) -> float:
    """A line of what Linux says of this process's memory; 0 where it does not say it."""
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def size_mb(folder: Path) -> float:
    """Size on disk of everything below `folder`, in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MEGABYTE
