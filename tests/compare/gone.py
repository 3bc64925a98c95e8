"""Whether a process that was killed is gone."""

from __future__ import annotations

import time

import psutil


def is_alive(number: int) -> bool:
    """Whether a process works: one that is dead with nobody to take notice, as in many containers, does not; nor one that vanishes while it is looked at."""
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_gone(number: int, *, within: float = 5.0) -> bool:
    """Whether it is gone soon: one that was killed goes when the system comes to it."""
    end = time.monotonic() + within
    while is_alive(number) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(number)
