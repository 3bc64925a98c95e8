"""Files for every part: a path from what a user wrote, files that appear whole or not at all, and what the disk refuses in one sentence."""

from __future__ import annotations

import errno
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from ringsmith.errors import MachineError, OptionError, ReadError

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room: on the disk, in an account's share of it, or in a single file (4 GB on the memory sticks that every system reads)."""
OF_RUST = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust (safetensors, tokenizers) tell the system's error: in the text of an error of their own."""
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
PACKED = (".gz", ".xz", ".bz2", ".zst")
"""Suffixes of what is packed, one file in each."""
DELIMITED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""Suffixes of tables that are text, and what stands between their cells."""
TABLES = (*DELIMITED, ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods")
"""Suffixes of tables."""


PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How pickles begin: by the number of their protocol."""
PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds between attempts at a file that another program holds open: a virus scanner is gone by then."""
NEW = ".new"
T = TypeVar("T")


def open_standard_input() -> None:
    """Let a standard input that is closed (``<&-``, a daemon) hold nothing, to the end of this process.

    Else the next file, or a library's own, takes its number, and the renderer of the report's pictures does not start without a readable one.
    """
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)  # takes the lowest number that is free


@contextmanager
def written(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    Args:
        path: where the file belongs.
        lasting: whether it is whole even where the power is cut then; what is soon made again need not wait for the disk.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield scratch
        scratch.chmod(usual_mode())  # some libraries write files that their owner alone may read
        if lasting:
            sync(scratch)
        patiently(lambda: scratch.replace(path))
    finally:
        scratch.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the disk holds what a file contains, or which files a folder does; where the system does not do that (folders on Windows, some network disks), go on.

    Raises:
        OSError: there is no room for it, or the disk is broken.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)  # Windows syncs only what may be written
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in (*FULL, errno.EIO):
            raise


def patiently(act: Callable[[], T]) -> T:
    """What `act` returns; where the system forbids it, which on Windows may mean that another program holds the file open, it is tried again for a moment.

    Raises:
        PermissionError: it is forbidden still.
    """
    for pause in PAUSES:
        with suppress(PermissionError):
            return act()
        time.sleep(pause)
    return act()


def put(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file for people, which can be made again from others; its path.

    Where another program holds it open (a spreadsheet on Windows) the new one stays beside it, ``leaderboard.new.csv``, until it can take its place.

    Args:
        path: where it belongs.
        write: fills the file whose path it is given; it may be called twice.
    """
    beside = path.with_stem(f"{path.stem}{NEW}")
    try:
        with written(path, lasting=False) as scratch:
            write(scratch)
    except PermissionError:
        with written(beside, lasting=False) as scratch:
            write(scratch)
        return beside
    with suppress(PermissionError):
        beside.unlink(missing_ok=True)
    return path


def held(path: Path) -> str:
    """What is to be said of a file that `put` left beside its name.

    Examples:
        >>> held(Path("runs/reviews/leaderboard.new.csv"))
        'leaderboard.csv is held open by another program: the new one is leaderboard.new.csv'
    """
    return f"{path.stem.removesuffix(NEW)}{path.suffix} is held open by another program: the new one is {path.name}"


def newest(path: Path) -> Path:
    """Where `put` left the file: under its own name, or beside that."""
    there = [place for place in (path, path.with_stem(f"{path.stem}{NEW}")) if place.exists()]
    return max(there, key=lambda place: place.stat().st_mtime_ns, default=path)


def usual_mode() -> int:
    """The permissions that this user's new files have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def refuse_source(out: Path, *sources: str | Path) -> None:
    """Refuse to write over what is read.

    Args:
        out: the file to be written.
        sources: what is read, where that may be files; a text, or ``"-"``, is none.

    Raises:
        OptionError: it is one of them.
    """
    if is_one_of(out, *sources):
        new = out.with_stem(f"{out.stem}-new")
        raise OptionError(f"'out' must be another file than the one that is read; got {str(out)!r} twice. Name a new file, such as {str(new)!r}.")


def is_one_of(path: Path, *sources: str | Path) -> bool:
    """Whether this file is one of those that are read; a text, or ``"-"``, is none."""
    for source in sources:
        with suppress(OSError, ValueError, RuntimeError):  # a text is no name of a file
            if path.samefile(Path(source).expanduser()):
                return True
    return False


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn what the disk refuses while `path` is written into one sentence.

    Raises:
        MachineError: no permission to write, no such folder, or the disk is full.
    """
    try:
        yield
    except Exception as error:
        if (translated := _refused(path, error)) is None:
            raise
        raise translated from error


def _refused(path: Path, error: Exception) -> MachineError | None:
    """The sentence for what the system refused; None where it is something else."""
    number, why = system_error(error)
    if number in FORBIDDEN:
        return MachineError(f"{path}: this place may not be written ({why}). Name another place, or change its permissions.")
    if number in FULL:
        return MachineError(f"{path}: {no_room(number)} ({why}); nothing half-written is left there. Free some space, or name another place.")
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not path.parent.is_dir():
        return MachineError(f"{path}: there is no folder {str(path.parent)!r} to write into. Make it first, or name another place.")
    return None


def no_room(number: int | None, disk: str = "the disk") -> str:
    """What one of the errors in `FULL` says.

    Examples:
        >>> no_room(errno.ENOSPC), no_room(errno.EFBIG, "the disk of runs")
        ('the disk is full', 'the disk of runs takes no file as large as this')
    """
    return f"{disk} takes no file as large as this" if number == errno.EFBIG else f"{disk} is full"


def system_error(error: Exception) -> tuple[int | None, str]:
    """Number and words of the operating system's error behind `error`; no number where there is none.

    Examples:
        >>> system_error(ValueError("Error while serializing: I/O error: No space left on device (os error 28)"))
        (28, 'No space left on device')
    """
    if isinstance(error, OSError):
        return error.errno, error.strerror or str(error)
    found = OF_RUST.search(str(error))
    return (int(found[1]), os.strerror(int(found[1]))) if found else (None, str(error))


def path_of(source: str | Path) -> Path:
    """The path that `source` names, ``~`` put in full.

    Raises:
        ReadError: nothing is named, an address that is not read, or the home of somebody unknown.
    """
    if not isinstance(source, str | os.PathLike):
        raise ReadError(f"A file or a folder must be named; got {source!r:.60}, a {type(source).__name__}. Give its path.")
    if not str(source).strip():
        raise ReadError("A file or a folder must be named; got an empty name. Check the command (an unset variable?).")
    if found := ADDRESS.match(str(source)):
        raise ReadError(f"{source}: addresses that begin with {found[0]} are not read here (hf:// is). Download the file first and name it.")
    try:
        return Path(source).expanduser()
    except RuntimeError as error:
        raise ReadError(f"{source}: there is no such home folder. Check the name behind '~'.") from error


def no_such_file(path: Path) -> ReadError:
    """The sentence for a path that is not there, with the nearest names that are; where a folder is missing on the way to it, it is the folder's name that is compared."""
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    lost = path.relative_to(parent).parts[0] if path.is_relative_to(parent) and path != parent else path.name
    no_folder = parent != path.parent
    try:
        names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() or not no_folder)[:10_000] if parent.is_dir() else []
    except OSError:
        names = []
    near = [name for name in get_close_matches(lost, names, n=3) if get_close_matches(lost.partition(".")[0], [name.partition(".")[0]])]
    hint = f"Did you mean {' or '.join(repr(str(parent / name)) for name in near)}?" if near else f"In '{parent}' there is nothing of a similar name; check the path."
    return ReadError(f"{path}: there is no such {f'file, for there is no folder {str(parent / lost)!r}' if no_folder else 'file'}. {hint}")


def inner_suffix(path: Path, packed: tuple[str, ...] = PACKED) -> str:
    """The suffix in small letters, without that of the packing.

    Examples:
        >>> inner_suffix(Path("glove.TXT.gz")), inner_suffix(Path("wiki.gz")), inner_suffix(Path("reviews.csv"))
        ('.txt', '', '.csv')
    """
    return Path(path.stem if path.suffix.lower() in packed else path.name).suffix.lower()


def is_table(path: Path) -> bool:
    """Whether a file is called as tables are, packed ones too.

    Examples:
        >>> is_table(Path("reviews.csv.gz")), is_table(Path("wiki.txt"))
        (True, False)
    """
    return not path.is_dir() and inner_suffix(path, (*PACKED, ".zip")) in TABLES


def is_pickle(head: bytes) -> bool:
    """Whether a file that begins with these bytes (nine at least) is a pickle. A safetensors file may begin likewise, with the length of its header: of 640 bytes, say.

    Examples:
        >>> length = (640).to_bytes(8, "little")
        >>> is_pickle(length + b'{"words":'), is_pickle(length + b"}q.")
        (False, True)
    """
    return head.startswith(PICKLES) and head[4:9] != b"\0\0\0\0{"


def as_typed(words: str) -> str:
    """A path or text as it is typed on a command line: in double quotes, which every shell knows, where it holds anything unusual.

    What a shell of Unix would take for its own within double quotes stands in single ones there.

    Examples:
        >>> as_typed("runs/reviews/best"), as_typed("my runs/best")
        ('runs/reviews/best', '"my runs/best"')
    """
    if shlex.quote(words) == words:
        return words
    return shlex.quote(words) if os.name == "posix" and set(words) & set('$`"\\!') else f'"{words}"'
