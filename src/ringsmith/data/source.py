"""A path, ``-`` or bytes -> the decompressed bytes of one file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from ringsmith._files import no_such_file as no_such_file
from ringsmith._files import path_of as path_of
from ringsmith.data.dialect import known_delimiter
from ringsmith.data.encoding import known_encoding
from ringsmith.errors import ReadError

STDIN = "standard input"
ENCRYPTED = 1
"""Among the flags of a file in a zip archive."""

OFFICE = re.compile(r"\[Content_Types\]\.xml|xl/work.*|docProps/.*|_rels/.*|mimetype")
"""Files that an archive has which is a workbook."""


@dataclass(frozen=True)
class Source:
    """The bytes of one file.

    Attributes:
        name: how messages name it: the path as the user gave it, or ``"standard input"``.
        content: the bytes, decompressed.
        suffix: file extension without the compression's (``".csv"``), ``""`` where there is none.
        compression: what was taken off, or None.
        encoding: the encoding of its text as the user says, None to find it.
        delimiter: what stands between the cells of a table that is text, as the user says, None to find it.
        columns: names of columns that the user, or a model, speaks of: the row of a table that has them names its columns.
    """

    name: str
    content: bytes
    suffix: str = ""
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    columns: tuple[str, ...] = ()


def open_source(source: str | Path, encoding: str | None = None, delimiter: str | None = None, columns: Iterable[str | None] = ()) -> Source:
    """The bytes of a file or, for ``"-"``, of standard input, with one layer of compression taken off.

    Raises:
        UnknownName: there is no such encoding.
        OptionError: nothing is delimited so.
        ReadError: no such file (the nearest names are offered), not readable, empty, or a compressed stream that is cut off.
    """
    encoding, delimiter = known_encoding(encoding), known_delimiter(delimiter)
    name = STDIN if str(source) == "-" else str(source)
    content = sys.stdin.buffer.read() if name == STDIN else read_bytes(path_of(source))
    return replace(unpack(name, content), encoding=encoding, delimiter=delimiter, columns=tuple(filter(None, columns)))


def unpack(name: str, content: bytes) -> Source:
    """Take one layer of compression off `content`, recognised by its first bytes, never by the file's name."""
    suffixes = Path(name).suffixes
    suffix = suffixes[-1].lower() if suffixes else ""
    for kind, (magic, unpacker) in PACKERS.items():
        if content.startswith(magic) and not (kind == "zip" and is_office(content)):
            inner = suffixes[-2].lower() if len(suffixes) > 1 else ""
            content = unpacker(name, content)
            if not content:
                raise ReadError(f"{name}: the {kind} file holds nothing. Check how it was written.")
            return Source(name, content, inner, kind)
    if not content:
        raise ReadError(f"{name}: the file is empty. A table needs a header and at least a few rows; check how it was written.")
    return Source(name, content, suffix)


def read_bytes(path: Path) -> bytes:
    """All bytes of `path`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise no_such_file(path) from None
    except PermissionError as error:
        raise ReadError(f"{path}: this file may not be read by you ({error.strerror}). Change its permissions: chmod u+r '{path}'.") from error
    except MemoryError as error:
        raise ReadError(f"{path}: the file does not fit into the memory of this machine. Take a part of its rows.") from error
    except OSError as error:
        raise ReadError(f"{path}: the file cannot be read ({error.strerror or error}). Check the path.") from error


def is_office(content: bytes) -> bool:
    """Whether this zip file is a workbook (.xlsx, .ods), told by the names of its files: those are read as such, not unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(OFFICE.fullmatch(name) for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        # Damaged, and the directory of names with it: all that is left to tell is of what it was.
        return OFFICE.search(content[:4096].decode("latin-1")) is not None


def _guarded(kind: str, unpacker: Callable[[bytes], bytes]) -> Callable[[str, bytes], bytes]:
    def run(name: str, content: bytes) -> bytes:
        try:
            return unpacker(content)
        except ReadError as error:
            raise ReadError(f"{name}: {error}") from error
        except MemoryError as error:
            raise ReadError(f"{name}: unpacked, the {kind} file does not fit into the memory of this machine. Take a part of its rows.") from error
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
            raise ReadError(f"{name}: the {kind} stream is cut off or damaged ({error}). Copy or download the file again.") from error

    return run


def _unzstd(content: bytes) -> bytes:
    parts = []
    while content:
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        parts.append(unpacker.decompress(content))
        # zstandard's readers take a truncated frame for its end; only the decompressor itself knows better.
        if not unpacker.eof:
            raise EOFError("the last frame has no end")
        content = unpacker.unused_data
    return b"".join(parts)


def _unxz(content: bytes) -> bytes:
    return lzma.decompress(content)


def _unzip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        items = [item for item in archive.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX/")]
        if len(items) != 1:
            held = ", ".join(repr(item.filename) for item in items[:5]) + (" ..." if len(items) > 5 else "")
            raise ReadError(f"a zip file must hold exactly one table; this one holds {len(items)} files: {held}. Unpack it and name one.")
        if items[0].flag_bits & ENCRYPTED:
            raise ReadError("a zip file must open without a password; this one needs one. Unpack it first.")
        return archive.read(items[0])


PACKERS: dict[str, tuple[bytes, Callable[[str, bytes], bytes]]] = {
    "gz": (b"\x1f\x8b", _guarded("gz", gzip.decompress)),
    "zst": (b"\x28\xb5\x2f\xfd", _guarded("zst", _unzstd)),
    "xz": (b"\xfd7zXZ\x00", _guarded("xz", _unxz)),
    "bz2": (b"BZh", _guarded("bz2", bz2.decompress)),
    "zip": (b"PK\x03\x04", _guarded("zip", _unzip)),
}
