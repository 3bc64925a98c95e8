"""The machine the runs share: cores and memory that this process may really use, and how fast it multiplies."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import psutil

from ringsmith._machine import cores, memory_mb, waiting
from ringsmith.records import Record

PROBE_SECONDS = 0.05
SIDE = 80
"""Side of the probe's square matrices: so small that one core multiplies them alone. A product on all cores would measure who else is
busy: its threads wait for each other."""


@dataclass(frozen=True)
class Machine(Record):
    """What a forecast and a report need to know of the machine.

    Attributes:
        cores: CPU cores this process may use (affinity and container limits respected).
        memory_mb: memory this process and its children may use.
        gflops: single-precision matrix products, 10^9 operations a second on all these cores, measured.
        system: operating system and processor.
        python: version of the interpreter.
    """

    cores: int
    memory_mb: float
    gflops: float
    system: str
    python: str


@cache
def look() -> Machine:
    """This machine; measured once in a process, in about 50 ms."""
    return Machine(cores=cores(), memory_mb=memory_mb(), gflops=gflops(), system=f"{platform.system()} {platform.machine()}", python=platform.python_version())


def gflops(seconds: float = PROBE_SECONDS) -> float:
    """Single-precision matrix products on all cores, in 10^9 operations a second: one core's best round times the cores."""
    left = np.ones((SIDE, SIDE), dtype=np.float32)
    best, end = 1e-9, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ left
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - start) / 1e9)
    return best * cores()


def process_started() -> float:
    """When this process began, by the steady clock of `time.monotonic`; on Linux exact to a hundredth of a second."""
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        age = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - age


def child_environment(threads: int) -> dict[str, str]:
    """The environment of a run's process: this one's, with every thread pool set before its library starts."""
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "RAYON")
    pools = (*(f"{name}_NUM_THREADS" for name in libraries), "VECLIB_MAXIMUM_THREADS", "POLARS_MAX_THREADS")
    return {**waiting(threads), **os.environ, **dict.fromkeys(pools, str(threads)), "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
