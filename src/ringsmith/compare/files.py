"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from ringsmith._files import FORBIDDEN, FULL, no_room, put
from ringsmith._files import written as written
from ringsmith.errors import MachineError, UsageError

LOCK = ".running"


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
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


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

    Raises:
        UsageError: another process is at work in it.
    """
    mark = folder / LOCK
    with suppress(OSError, ValueError, psutil.Error):
        owner = int(mark.read_text(encoding="ascii"))
        # A process that began after the mark was made is another one that was given the same number.
        if owner != os.getpid() and _is_at_work(owner, since=mark.stat().st_mtime):
            raise UsageError(f"--out: another comparison (process {owner}) is at work in {folder}. Wait for its end, or name another folder with --out.")
    make_folder(folder)
    write_text(mark, str(os.getpid()))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()  # only where nothing was written into it


def _is_at_work(process: int, *, since: float) -> bool:
    """Whether it is there, was then, and is not dead with nobody to take notice, as killed processes stay in many containers."""
    if not psutil.pid_exists(process):
        return False
    found = psutil.Process(process)
    return bool(found.create_time() <= since and found.status() != psutil.STATUS_ZOMBIE)


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
