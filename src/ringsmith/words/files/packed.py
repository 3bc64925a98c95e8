"""Packed files (.gz, .xz, .bz2, .zst) as streams: read by their first bytes, written by their names; and how far a reading is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import zstandard

from ringsmith._files import no_such_file
from ringsmith.errors import ReadError
from ringsmith.records import Progress, Report

CHUNK = 16 << 20
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
Opener = Callable[[Any, Any], Any]


class _Unzstd(io.RawIOBase):
    """A zstd file as a stream; zstandard's own readers take a cut off frame for its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._frame, self._ready = file, zstandard.ZstdDecompressor().decompressobj(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and (piece := self._frame.unused_data or self._file.read(1 << 18)):
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = self._frame.decompress(piece)
        if not self._ready and not self._frame.eof:
            raise EOFError("the last frame has no end")
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def _zstd(file: BinaryIO, mode: str) -> Any:
    if mode == "rb":
        return io.BufferedReader(_Unzstd(file), 1 << 20)
    return zstandard.ZstdCompressor(level=9).stream_writer(file, closefd=False)


PACKERS: dict[str, tuple[bytes, Opener]] = {
    ".gz": (b"\x1f\x8b", lambda file, mode: gzip.GzipFile(fileobj=file, mode=mode, compresslevel=6)),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
    ".bz2": (b"BZh", bz2.open),
    ".zst": (b"\x28\xb5\x2f\xfd", _zstd),
}
"""Suffix -> first bytes, and what opens it."""


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is to be packed."""
    return path.suffix.lower() in PACKERS


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """The unpacked bytes of a file as a stream, and the file itself (its position says how far the reading is).

    Raises:
        ReadError: there is no such file, it may not be read, or its packing is cut off or damaged.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise no_such_file(path) from None
    except OSError as error:
        raise ReadError(f"{path}: this file cannot be read ({error.strerror or error}). Check its permissions.") from error
    with file:
        head = file.read(8)
        file.seek(0)
        opener = next((opener for magic, opener in PACKERS.values() if head.startswith(magic)), None)
        stream = opener(file, "rb") if opener else file
        try:
            yield stream, file
        except BROKEN as error:
            raise ReadError(f"{path}: the file is cut off or damaged ({error or type(error).__name__}). Copy or download it again.") from error


@contextmanager
def packing(path: Path, scratch: Path) -> Iterator[IO[bytes]]:
    """A stream to write `scratch`, packed as the name of `path` says."""
    with scratch.open("wb") as file:
        if not is_packed(path):
            yield file
            return
        with PACKERS[path.suffix.lower()][1](file, "wb") as stream:
            yield stream


def head_of(path: Path, size: int) -> bytes:
    """The first unpacked bytes."""
    with opened(path) as (stream, _):
        return stream.read(size)


def chunks(stream: IO[bytes], file: BinaryIO, size: int, report: Report) -> Iterator[bytes]:
    """The stream in pieces of 16 MB, each reported with the share of the file that is read."""
    while piece := stream.read(CHUNK):
        yield piece
        report(Progress("read", min(file.tell(), size), size, "bytes"))
