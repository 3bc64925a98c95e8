"""What this process may use of the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEGABYTE = 1 << 20
LOOK_SECONDS, SPARE = 0.1, 0.6
"""So long the cores are watched; so much of one may be busy and it still counts as free."""
ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Threads of OpenMP that wait for work go to sleep at once."""
AWAKE = {**ASLEEP, "GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""They stay awake for a fraction of a millisecond: as long as an operation of a small model takes, after which the next one needs them."""


def cores() -> int:
    """CPU cores this process may use, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = cgroup("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        affinity = min(affinity, max(1, int(quota) // int(period)))
    return affinity


def waiting(threads: int) -> dict[str, str]:
    """How so many threads of OpenMP should wait for work, as variables of the environment that it reads when it starts.

    Where all of them have a core of their own, awake for a moment: on two free cores a step of fine-tuning takes two thirds of the time. Where another
    process holds a core, asleep: there a thread that waits awake takes the time of one that works (1.7 x at every step for this moment, 14 x
    for as long as OpenMP itself would wait; LOG.md).
    """
    return AWAKE if threads > 1 and free_cores() > threads - SPARE else ASLEEP


def free_cores() -> float:
    """How many of the cores that this process may use nobody else uses now; watching them takes a tenth of a second.

    What it uses itself counts as free: it is about to wait, and threads of NumPy that have nothing to do stay awake for a while.
    """
    import psutil

    began, used = time.perf_counter(), time.process_time()
    shares = psutil.cpu_percent(interval=LOOK_SECONDS, percpu=True)
    own = (time.process_time() - used) / max(LOOK_SECONDS, time.perf_counter() - began)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(shares))
    return float(sum(1 - shares[core] / 100 for core in allowed if core < len(shares))) + own


def cgroup(name: str) -> str:
    """A file of the version 2 control group this process lives in as its container sees it; empty where there is none."""
    try:
        return (CGROUP / name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def memory_mb() -> float:
    """Memory this process and its children may use, in MB: the machine's, or the container's where that is less."""
    import psutil

    total = float(psutil.virtual_memory().total)
    limit = cgroup("memory.max")
    return (min(total, float(limit)) if limit.isdigit() else total) / MEGABYTE


def free_mb() -> float:
    """Memory that is free now, in MB, within the container's limit."""
    import psutil

    free = float(psutil.virtual_memory().available)
    limit, used = cgroup("memory.max"), cgroup("memory.current")
    if limit.isdigit() and used.isdigit():
        free = min(free, float(limit) - float(used) + _reclaimable())
    return free / MEGABYTE


def _reclaimable() -> float:
    """Bytes of file cache in the container, which the kernel gives back before it kills."""
    return sum(float(line.split()[1]) for line in cgroup("memory.stat").splitlines() if line.startswith(("inactive_file ", "active_file ")))
