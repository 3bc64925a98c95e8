"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import psutil

from ringsmith._files import FORBIDDEN, FULL, no_room, put
from ringsmith._files import written as written
from ringsmith.errors import MachineError, UsageError

MARK = ".at-work"
TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
"""How systems say that a folder does not make way for another one."""


def write_text(path: Path, content: str) -> None:
    """`content` as UTF-8, whole or not at all."""
    with written(path) as scratch:
        scratch.write_text(content, encoding="utf-8", newline="\n")


def write_table(path: Path, content: str) -> Path:
    """A table for people as UTF-8; where it lies, see `put`."""
    return put(path, lambda scratch: scratch.write_text(content, encoding="utf-8", newline="\n"))


def write_json(path: Path, content: Any) -> None:
    """`content` as JSON, whole or not at all; figures that are no number become null."""
    write_text(path, json.dumps(plain(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Arrays of numbers as ``.npz``, whole or not at all."""
    with written(path) as scratch, scratch.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """What `write_arrays` wrote."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # NumPy leaves a damaged file open that it opened itself
        return {name: arrays[name] for name in arrays.files}


def can_be_read(path: Path) -> bool:
    """Whether all of what `write_arrays` wrote is there; only what the system refuses is a fault."""
    try:
        read_arrays(path)
    except (BadZipFile, EOFError, ValueError):
        return False
    return True


def plain(content: Any) -> Any:
    """The same as JSON types: keys as text, tuples as lists, NumPy's numbers as Python's, NaN and infinity as None."""
    match content:
        case Mapping():
            return {str(key): plain(value) for key, value in content.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(value) for value in content]
        case np.ndarray() | np.generic():
            return plain(content.tolist())
        case float():
            return content if math.isfinite(content) else None
        case str() | int() | None:
            return content
        case _:
            return str(content)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep every other comparison out of `folder` while the block lasts. The mark of a process that is gone does not count.

    It is the first thing that is written, so that a missing permission is known before any work is done.
    It is a folder that holds one file, called by the number of its process. It is made aside and moved, which succeeds for one only of
    several that try at once; and the file of a process that is gone is taken away by its name, so never that of another one which came meanwhile.

    Raises:
        UsageError: another process is at work in it.
    """
    make_folder(folder)
    mark, aside, mine = folder / MARK, folder / f"{MARK}.{os.getpid()}", str(os.getpid())
    try:
        aside.mkdir(exist_ok=True)
        (aside / mine).write_text("x", encoding="ascii")
        while not _is_moved(aside, mark):
            _clear(mark)
        yield
    finally:
        for place in (aside, mark):
            (place / mine).unlink(missing_ok=True)
        for place in (aside, mark, folder):
            with suppress(OSError):
                place.rmdir()  # only where nothing is in it: nothing was written into the folder, the mark is nobody else's


def _is_moved(folder: Path, place: Path) -> bool:
    """Move it there, unless a folder that is not empty lies there; whether that was so."""
    try:
        folder.rename(place)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        return False
    return True


def _clear(mark: Path) -> None:
    """Take away the mark of a process that is gone.

    Raises:
        UsageError: it is at work.
    """
    for owner in mark.glob("*"):
        if owner.name != str(os.getpid()) and _is_at_work(owner):
            raise UsageError(f"--out: another comparison (process {owner.name}) is at work in {mark.parent}. Wait for its end, or name another folder with --out.")
        owner.unlink(missing_ok=True)
    with suppress(OSError):
        mark.rmdir()  # not every system moves a folder over an empty one


def _is_at_work(owner: Path) -> bool:
    """Whether the process is there that made this file, and is not dead with nobody to take notice, as killed processes stay in many containers."""
    with suppress(OSError, ValueError, psutil.Error):
        found = psutil.Process(int(owner.name))
        # A process that began after the mark was made is another one that was given the same number.
        return bool(found.create_time() <= owner.stat().st_mtime and found.status() != psutil.STATUS_ZOMBIE)
    return False


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, where they are not there.

    Raises:
        UsageError: a file is in the way, or nothing can have such a name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
        raise UsageError(f"--out: {folder} must be a folder; {there} is a file. Name another folder with --out.") from error
    except OSError as error:
        if error.errno in (*FORBIDDEN, *FULL):
            raise  # `machine_faults` says it
        raise UsageError(f"--out: no folder can have this name, or stand there ({error.strerror}); got {str(folder)[:80]!r}. Name another folder with --out.") from error


@contextmanager
def machine_faults(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence.

    Raises:
        MachineError: no permission to write, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FORBIDDEN:
            if error.filename2:  # a file that was to be replaced
                raise MachineError(
                    f"--out: {error.filename2} may not be replaced ({error.strerror}). Close the program that holds it open and run the same command again: what is done is kept."
                ) from error
            raise MachineError(f"--out: {error.filename or folder} may not be written ({error.strerror}). Name another folder with --out, or change its permissions.") from error
        if error.errno in FULL:
            raise MachineError(f"--out: {no_room(error.errno, f'the disk of {folder}')}. What is finished is kept: free some space and run the same command again.") from error
        raise
