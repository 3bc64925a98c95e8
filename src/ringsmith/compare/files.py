"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ringsmith._files import FORBIDDEN, FULL, no_room, put
from ringsmith._files import written as written
from ringsmith.errors import MachineError, UsageError

MARK = ".in-use"
HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""How systems say that another process holds a file."""
BEHIND = 1 << 20
"""A byte behind all that the file says: Windows lets nobody read what is locked."""


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
    """Keep every other comparison out of `folder` while the block lasts.

    A lock is held on a file that says who is at work: the system lets it go when the process ends, in whatever way, and containers and machines that share the folder see
    it where the number of a process tells them nothing. The file is the first thing that is written, so that a missing permission is known before any work is done.

    Raises:
        UsageError: another process is at work in it.
    """
    make_folder(folder)
    path = folder / MARK
    try:
        with _locked(path):
            try:
                yield
            finally:
                _remove(path)  # held still, so that it is nobody else's
    finally:
        with suppress(OSError):
            folder.rmdir()  # only where nothing is in it


def _remove(path: Path) -> None:
    """Remove the file, unless the system (Windows) removes nothing that is open: there it stays, and keeps nobody out."""
    with suppress(OSError):
        path.unlink()


def _locked(path: Path) -> IO[str]:
    """The file at `path`, held by this process alone.

    Raises:
        UsageError: another process holds it.
    """
    while True:
        file = path.open("a+", encoding="utf-8")
        if not _is_held(file):
            file.seek(0)
            with file:
                owner = file.read() or "it has just begun"
            raise UsageError(f"--out: another comparison ({owner}) is at work in {path.parent}. Wait for its end, or name another folder with --out.")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()  # who held it before has removed it
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}")
    file.flush()
    return file


def _is_held(file: IO[str]) -> bool:
    """Take hold of the file; whether that was possible. Where a disk knows no locks nobody is kept out."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(BEHIND)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in HELD
    return True


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
