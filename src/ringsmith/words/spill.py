"""Arrays on disk that are used as if they were in memory: for what outgrows the memory that was given.

The files have no names and are gone with the process, however it ends. Their room is taken when they are made: a full disk is said then, in one
sentence, and not met later in the midst of a kernel. Pages that were used are given back to the system before they exceed the bound; what lies in its
cache comes again in no time, what does not is read from the disk.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import threading
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ringsmith._files import FULL
from ringsmith.errors import MachineError

ZEROS_AT_ONCE = 1 << 24


class Spill:
    """Room for arrays on disk.

    Args:
        needed_bytes: of all arrays together.
        memory_bytes: bound of the pages that are held at a time.
        purpose: what needs it, as the subject of a sentence.

    Raises:
        MachineError: the disk has less room.
    """

    def __init__(self, needed_bytes: int, memory_bytes: int, purpose: str) -> None:
        self.needed_bytes, self.memory_bytes, self.purpose = needed_bytes, memory_bytes, purpose
        self._maps: list[mmap.mmap] = []
        self._held, self._lock = 0, threading.Lock()
        check_room(needed_bytes, memory_bytes, purpose)

    def empty(self, size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array (size,) of zeros on disk, to be written and read.

        Raises:
            MachineError: the disk is full.
        """
        length = size * np.dtype(dtype).itemsize
        if not length:
            return np.empty(0, dtype=dtype)
        with tempfile.TemporaryFile(prefix="ringsmith-") as file:
            try:
                allocate(file, length)
            except OSError as error:
                if error.errno in FULL:
                    raise no_room(self.needed_bytes, self.memory_bytes, self.purpose) from error
                raise
            mapped = mmap.mmap(file.fileno(), length)  # it keeps the file when its name and this way to it are gone
        self._maps.append(mapped)
        return np.frombuffer(mapped, dtype=dtype)

    def used(self, size_bytes: int) -> None:
        """Say that so many bytes were written or read since the last call; beyond the bound all pages are given back."""
        with self._lock:
            self._held += size_bytes
            if self._held <= self.memory_bytes:
                return
            self._held = 0
        for mapped in self._maps:
            give_back(mapped)


def check_room(needed_bytes: int, memory_bytes: int, purpose: str) -> None:
    """Refuse what the disk for temporary files has no room for.

    Raises:
        MachineError: it has less than `needed_bytes`.
    """
    if shutil.disk_usage(tempfile.gettempdir()).free < needed_bytes:
        raise no_room(needed_bytes, memory_bytes, purpose)


def no_room(needed_bytes: int, memory_bytes: int, purpose: str) -> MachineError:
    """The sentence for a disk that is too small."""
    place = tempfile.gettempdir()
    return MachineError(
        f"{place}: {purpose} need {in_units(needed_bytes)} of disk beyond the {in_units(memory_bytes)} of memory; {in_units(shutil.disk_usage(place).free)} are free. "
        "Free some space, name a larger disk in the environment variable TMPDIR, or give more --memory."
    )


def allocate(file: IO[bytes], length: int) -> None:
    """Take room on the disk, where a file alone would be a promise."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, length)
        return
    zeros = bytes(min(length, ZEROS_AT_ONCE))
    for start in range(0, length, len(zeros)):
        file.write(zeros[: length - start])
    file.flush()


def give_back(array: mmap.mmap | npt.NDArray[Any]) -> None:
    """Let go of the pages of what is mapped from a file; they come again when they are asked for. Nothing happens to other arrays."""
    mapped = array if isinstance(array, mmap.mmap) else array.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def in_units(size_bytes: float) -> str:
    """A size as people write it.

    Examples:
        >>> in_units(1_280_000_000), in_units(3e6), in_units(1200)
        ('1.3 GB', '3 MB', '1 KB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= size:
            return f"{size_bytes / size:,.1f} {unit}" if size_bytes < 10 * size and unit == "GB" else f"{size_bytes / size:,.0f} {unit}"
    return f"{size_bytes / 1e3:,.0f} KB"
