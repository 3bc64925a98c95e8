"""Any source of text -> blocks of UTF-8 that begin and end between words, or lists of tokens.

Whatever is a file is read as bytes, unpacked as it comes; a table gives one column; lines in memory are joined. Only lists of tokens keep their
own cuts, and go another way (`token_lists`).
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from ringsmith._files import TABLES, inner_suffix, no_such_file, path_of
from ringsmith._wording import first_of, plural
from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.text import TextSteps
from ringsmith.words.kernels.scan import MAX_BYTES
from ringsmith.words.tables import column_lines, column_names

Source = str | Path | Iterable[str] | Iterable[Iterable[str]]
BLOCK = 1 << 22
LOOKED_AT = 1 << 16
"""Bytes that tell whether a file is a text."""
BOM = b"\xef\xbb\xbf"
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""UTF-16 begins so."""
BLANKS = (b"\n", b" ")
OTHER_BLANKS = (b"\t", b"\r", b"\x0b", b"\x0c", "\u3000".encode(), "\xa0".encode(), "\u2003".encode())
LINES_AT_ONCE = 10_000
STDIN = "standard input"
CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a]")


def size_of(source: Source) -> int | None:
    """Bytes on disk, for a progress bar; None where they are not known beforehand."""
    if not isinstance(source, str | Path) or str(source) == "-":
        return None
    return sum(path.stat().st_size for path in files_of(path_of(source)))


def peek(source: Iterable[str] | Iterable[Iterable[str]]) -> tuple[bool, Iterator[str] | Iterator[Iterable[str]]]:
    """Whether the source gives lines (strings), and all it gives.

    Raises:
        InputError: it cannot be iterated, or gives neither strings nor lists of tokens.
    """
    try:
        items = iter(source)
    except TypeError as error:
        raise InputError(f"A corpus must be a path, '-', or an iterable of strings or of lists of tokens; got {type(source).__name__}. Pass one of these.") from error
    first = list(zip(range(1), items, strict=False))
    if not first:
        return True, iter(())
    item = first[0][1]
    if not isinstance(item, str | Iterable) or isinstance(item, bytes):
        raise InputError(f"A sentence must be a string or a list of tokens; got {type(item).__name__} in the first place. Split or decode the texts first.")
    return isinstance(item, str), cast("Iterator[str]", chain([item], items))


def blocks_of(source: str | Path | Iterable[str], *, column: str | None, steps: TextSteps) -> Iterator[bytes]:
    """The text of `source`, every line prepared by `steps`, in blocks that begin and end between words.

    Raises:
        ReadError: no such file, not a text file, damaged.
        OptionError: a column of what is no table, or a table without a column.
    """
    if not isinstance(source, str | Path):
        return joined(prepared(source, steps))
    if column is not None:
        if str(source) == "-":
            raise OptionError(f"'column' needs a table on disk; got standard input. Write it to a file, or pass the text of column {column!r} alone.")
        return joined(prepared(column_lines(path_of(source), column), steps))
    blocks = chain.from_iterable(file_blocks(path) for path in ([None] if str(source) == "-" else plain_files(path_of(source))))
    return joined(prepared(decoded(blocks), steps)) if steps.names else blocks


def files_of(path: Path) -> list[Path]:
    """The file itself, or all files in a folder and its folders, hidden ones left out, in the order of their names.

    Raises:
        ReadError: there is no such file, or the folder holds none.
    """
    if path.is_dir():
        found = sorted(entry for entry in path.rglob("*") if entry.is_file() and not any(part.startswith(".") for part in entry.relative_to(path).parts))
        if not found:
            raise ReadError(f"{path}: the folder must hold text files; it holds none. Check the path.")
        return found
    if not path.exists():
        raise no_such_file(path)
    return [path]


def plain_files(path: Path, encoding: str | None = None) -> list[Path]:
    """As `files_of`, to be read as plain text; what is no text in a folder is left out.

    Raises:
        OptionError: a table, whose column must be named. ReadError: a folder without a text.
    """
    if (suffix := inner_suffix(path)) in TABLES and path.is_file():
        names = ", ".join(map(repr, column_names(path)))
        raise OptionError(f"{path}: a {suffix} file is a table; 'column' must say which column holds the text. Name it with --column{f': {names}' if names else ''}.")
    found, others = files_of(path), set(no_texts(path, encoding))
    if others == set(found):
        raise ReadError(f"{path}: the folder must hold text files; it holds {plural(len(found), 'other file')}. Check the path.")
    return [file for file in found if file not in others]


def no_texts(path: Path, encoding: str | None = None) -> list[Path]:
    """Files of a folder that are no text in this encoding (None for UTF-8): pictures, archives ...; none for a file, which must be a text."""
    return [file for file in files_of(path) if _is_no_text(file, encoding)] if path.is_dir() else []


def _is_no_text(path: Path, encoding: str | None) -> bool:
    """Whether the first bytes say so; whatever else is wrong with a file is told by who reads it."""
    try:
        with path.open("rb") as file:
            first = next(recoded(str(path), unpacked(file, LOOKED_AT), encoding), b"")
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, ReadError):
        return False
    return not first.startswith(WIDE) and why_no_text(first) is not None


def told_of(others: Sequence[Path]) -> str:
    """A sentence about files that were left out.

    Examples:
        >>> told_of([Path("texts/photo.png")])
        '1 file left out, which is no text: photo.png.'
    """
    return f"{plural(len(others), 'file')} left out, which {'is' if len(others) == 1 else 'are'} no text: {first_of([file.name for file in others], 3)}."


def file_blocks(path: Path | None) -> Iterator[bytes]:
    """The text of one file (None: standard input) in blocks; the end of a file ends a sentence.

    Raises:
        ReadError: not readable, damaged, or not a text file.
    """
    yield from cut(file_parts(path))
    yield b"\n"


def file_parts(path: Path | None, opened: Callable[[BinaryIO], BinaryIO] = lambda file: file, encoding: str | None = None) -> Iterator[bytes]:
    """The text of one file (None: standard input) as it comes, unpacked, in UTF-8, cut anywhere.

    Args:
        path: the file.
        opened: is given the open file and returns what is to be read instead: a place to count what was read.
        encoding: of the file; None for UTF-8.

    Raises:
        ReadError: not readable, damaged, or not a text file.
    """
    name = STDIN if path is None else str(path)
    with _faults(name):
        if path is None:
            yield from checked(name, recoded(name, unpacked(opened(sys.stdin.buffer)), encoding))
        else:
            with path.open("rb") as file:
                yield from checked(name, recoded(name, unpacked(opened(file)), encoding))


@contextmanager
def _faults(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile) as error:
        raise ReadError(f"{name}: the compressed stream is cut off or damaged ({error}). Copy or download the file again.") from error
    except PermissionError as error:
        raise ReadError(f"{name}: this file may not be read by you ({error.strerror}). Change its permissions: chmod u+r '{name}'.") from error
    except OSError as error:
        raise ReadError(f"{name}: the file cannot be read ({error.strerror or error}). Check it, or copy it again.") from error


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        b"".decode(name)
    except (LookupError, ValueError):
        return False
    return True


def recoded(name: str, parts: Iterator[bytes], encoding: str | None) -> Iterator[bytes]:
    """The parts in UTF-8; what is in UTF-8 already, as it is.

    Raises:
        ReadError: bytes that mean nothing in this encoding.
    """
    if encoding is None or codecs.lookup(encoding).name == "utf-8":
        yield from parts
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for part in parts:
            yield decoder.decode(part).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        what = f"byte 0x{error.object[error.start]:02x} is not ({error.reason})"
        raise ReadError(f"{name}: the text must be in {encoding}, as --encoding says; {what}. Name another one, or leave it out for UTF-8.") from error


def unpacked(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """What the file holds, one layer of compression taken off, recognised by its first bytes; about `size` bytes at a time."""
    head = file.read(6)
    whole = _Joined(head, file)
    if head.startswith(b"\x1f\x8b"):
        return _reads(cast("BinaryIO", gzip.GzipFile(fileobj=cast("BinaryIO", whole), mode="rb")), size)
    if head.startswith(b"BZh"):
        return _reads(cast("BinaryIO", bz2.BZ2File(cast("BinaryIO", whole))), size)
    if head.startswith(b"\xfd7zXZ"):
        return _reads(cast("BinaryIO", lzma.LZMAFile(cast("BinaryIO", whole))), size)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _unzstd(_reads(cast("BinaryIO", whole), size))
    return _reads(cast("BinaryIO", whole), size)


class _Joined:
    """A file whose first bytes were read already, also where it cannot be wound back (standard input)."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head, self.file = head, file

    def read(self, size: int = -1) -> bytes:
        if not self.head:
            return self.file.read(size)
        found, self.head = (self.head, b"") if size < 0 else (self.head[:size], self.head[size:])
        return found + (self.file.read(size - len(found)) if size >= 0 else self.file.read())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.file.close()


def _reads(file: BinaryIO, size: int | None) -> Iterator[bytes]:
    while data := file.read(size or BLOCK):
        yield data


def _unzstd(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    for data in packed:
        while data:
            if unpacker.eof:
                unpacker = zstandard.ZstdDecompressor().decompressobj()
            yield unpacker.decompress(data)
            data = unpacker.unused_data if unpacker.eof else b""
    # zstandard's readers take a truncated frame for its end; only the decompressor itself knows better.
    if not unpacker.eof:
        raise EOFError("the last frame has no end")


def checked(name: str, parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts as they are, a byte order mark left out, after a look at the first.

    Raises:
        ReadError: this is no text in UTF-8 or a kindred encoding.
    """
    first = next(parts, b"")
    if first.startswith(WIDE):
        raise ReadError(
            f"{name}: a corpus must be in UTF-8; this file begins as UTF-16 does. Convert it: iconv -f UTF-16 -t UTF-8 '{name}', or name its encoding with --encoding utf-16."
        )
    if (why := why_no_text(first)) is not None:
        raise ReadError(f"{name}: a corpus must be text; this file is {why}")
    yield first.removeprefix(BOM)
    yield from parts


def why_no_text(first: bytes) -> str | None:
    """What a file is that begins so, and what to do, where it is no text."""
    if first.startswith(b"PK\x03\x04"):
        return "a zip archive. Unpack it, and name the file or the folder that comes out."
    head = first[:LOOKED_AT]
    controls = len(CONTROL.findall(head))
    if first.startswith(b"PAR1") or 20 * controls > len(head):
        hint = "Name its text column." if first.startswith(b"PAR1") else "Name the text it was made from."
        return f"binary ({controls:,} control characters in its first {len(head):,} bytes). {hint}"
    return None


def cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut at white space instead of anywhere."""
    rest = b""
    for part in parts:
        data = rest + part if rest else part
        at = _after_last(BLANKS, data) or _after_last(OTHER_BLANKS, data)
        if at:
            yield data[:at]
        # Of a word without an end its beginning is enough to leave it out for its length.
        rest = data[at:] if at else data[: 2 * MAX_BYTES]
    if rest:
        yield rest


def _after_last(blanks: Sequence[bytes], data: bytes) -> int:
    found = max((data.rfind(blank), len(blank)) for blank in blanks)
    return sum(found) if found[0] >= 0 else 0


def decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    """The lines of the blocks; bytes that are not UTF-8 stay what they are, for whoever counts them."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "surrogateescape")
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def prepared(lines: Iterable[str], steps: TextSteps) -> Iterator[Sequence[str]]:
    """The lines after the text steps, ten thousand at a time.

    Raises:
        InputError: something among the lines is not a string.
    """
    batch: list[str] = []
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str):
            raise InputError(f"Sentence {number:,}: all sentences must be strings, as the first is; got {type(line).__name__}. Pass strings, or lists of tokens, not both.")
        batch.append(line)
        if len(batch) == LINES_AT_ONCE:
            yield steps.apply_all(batch)
            batch = []
    yield steps.apply_all(batch)


def joined(batches: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Each batch of lines as one block."""
    for lines in batches:
        if lines:
            try:
                yield ("\n".join(lines) + "\n").encode("utf-8")
            except UnicodeEncodeError:
                yield ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape" if _from_bytes(lines) else "surrogatepass")


def _from_bytes(lines: Sequence[str]) -> bool:
    """Whether every lone surrogate stands for a byte that was not UTF-8."""
    return not re.search("[\ud800-\udc7f\udd00-\udfff]", "".join(lines))
