"""What this process may use of the machine."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEGABYTE = 1 << 20


def cores() -> int:
    """CPU cores this process may use, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = cgroup("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        affinity = min(affinity, max(1, int(quota) // int(period)))
    return affinity


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
