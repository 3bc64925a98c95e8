"""A corpus in any text form -> its documents, one pass in bounded memory; how far the pass has come, and what was read.

Decisions:
- In plain text a blank line ends a document, as in the dumps of Wikipedia and in BERT's own input; with ``documents="line"`` every line is one. A
  row of a table and a string of an iterable is a document each.
- A document of more than `LONGEST` bytes goes on as the next one, cut at the end of a line where there is one: a book, or a corpus without blank
  lines, is read in bounded memory and can still be held out in part.
- A line that is not UTF-8 is refused with its place, or left out and counted; it is never mended by guessing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal, cast

from ringsmith._files import path_of
from ringsmith._rules import hold
from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.words.sources import STDIN, file_parts, files_of, is_encoding, no_texts, peek, plain_files, size_of
from ringsmith.words.tables import BROKEN, column_lines

LONGEST = 200_000
"""Bytes of a document, about; Wikipedia's longest articles are of this size."""
LONGEST_LINE = 1 << 22
"""A line of more bytes is cut at a blank."""
BAD_TEXT = ("refuse", "skip")
ENDS = ("blank", "line")
Source = str | Path | Iterable[str]


@dataclass(frozen=True)
class Reading:
    """How a corpus is read.

    Attributes:
        documents: what ends a document in plain text: ``"blank"``, a blank line, or ``"line"``, the end of every line.
        column: column of the text where the corpus is a table; None for plain text.
        on_bad_text: what is done with a line that is not UTF-8: ``"refuse"`` or ``"skip"``.
        encoding: of plain text; None for UTF-8.

    Raises:
        OptionError: another word, or an encoding that Python does not know.
    """

    documents: Literal["blank", "line"] = "blank"
    column: str | None = None
    on_bad_text: Literal["refuse", "skip"] = "refuse"
    encoding: str | None = None

    def __post_init__(self) -> None:
        hold(
            self,
            (
                ("documents", lambda value: value in ENDS, "blank or line"),
                ("on_bad_text", lambda value: value in BAD_TEXT, "refuse or skip"),
                ("encoding", lambda value: value is None or is_encoding(value), "the name of an encoding, such as cp1252 or utf-16"),
            ),
        )


class Corpus:
    """Text that is read document by document.

    Args:
        source: a text file (also packed), a folder of them, a table, ``"-"`` for standard input, or an iterable of strings.
        reading: how.

    Attributes:
        name: what it is called.
        size: bytes on disk, None where they are not known.
        skipped: lines that were left out before it came here.
    """

    def __init__(self, source: Source, reading: Reading) -> None:
        self.source, self.reading, self.skipped = source, reading, 0
        self.size = size_of(source)
        self.from_file = isinstance(source, str | Path)
        self.name = (STDIN if str(source) == "-" else Path(source).name) if isinstance(source, str | Path) else "memory"
        if reading.column is not None and (not isinstance(source, str | Path) or str(source) == "-"):
            raise OptionError(f"'column' needs a table on disk; got {self.name}. Write it to a file, or leave it out.")
        if reading.encoding is not None and (reading.column is not None or not self.from_file):
            raise OptionError(f"'encoding' is that of plain text; got {self.name}. Leave it out.")

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same documents: not for standard input, nor for an iterator."""
        return str(self.source) != "-" if self.from_file else iter(cast("Iterable[str]", self.source)) is not self.source

    @property
    def stamp(self) -> str | None:
        """Tells these files in this state (names, sizes, times) from all others; None where there are no files."""
        if self.size is None:
            return None
        files = [(str(path), (state := path.stat()).st_size, state.st_mtime_ns) for path in files_of(path_of(cast("str | Path", self.source)))]
        return hashlib.sha256(
            json.dumps([files, self.reading.documents, self.reading.column, self.reading.on_bad_text, *filter(None, [self.reading.encoding])]).encode()
        ).hexdigest()

    def look(self) -> None:
        """Read the first document of files, to tell at once of what is no text.

        Raises:
            RingsmithError: as in a pass.
        """
        if self.from_file and self.can_be_read_again and next(iter(self.read()), None) is None:
            raise self.nothing()

    def nothing(self) -> InputError:
        """What is to be said where it holds no document."""
        return InputError(f"{self.name}: a corpus must hold text; this one holds none. Name a file or folder with text in it.")

    @property
    def no_texts(self) -> list[Path]:
        """Files of its folder that are left out: pictures, archives ..."""
        if self.size is None or self.reading.column is not None:
            return []
        return no_texts(path_of(cast("str | Path", self.source)), self.reading.encoding)

    def read(self) -> Pass:
        """Begin a pass."""
        return Pass(self)


class Pass:
    """One pass over a corpus; iterate it once.

    Attributes:
        done: bytes read so far, as they lie on disk.
        text_bytes: bytes of the documents so far.
        skipped: lines left out because they are not UTF-8.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.reading = corpus, corpus.reading
        self.done = self.text_bytes = 0
        self.skipped = corpus.skipped
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[str]:
        for document in self._documents():
            content = document.encode()
            self.text_bytes += len(content)
            self._hash.update(content + b"\0")
            yield document

    @property
    def sha256(self) -> str:
        """Hash of the documents so far."""
        return self._hash.hexdigest()

    def _documents(self) -> Iterator[str]:
        source = self.corpus.source
        if not isinstance(source, str | Path):
            yield from self._strings(self._given(source))
        elif self.reading.column is not None:
            yield from self._strings(self._cells(path_of(source), self.reading.column))
        else:
            for path in [None] if str(source) == "-" else plain_files(path_of(source), self.reading.encoding):
                yield from self._grouped(self._lines(path))

    def _cells(self, path: Path, column: str) -> Iterator[str]:
        """The cells of a table's column that are UTF-8."""
        for number, text in enumerate(column_lines(path, column), 1):
            if BROKEN in text:
                self._bad(f"{path}: text {number:,}", "it holds other bytes, or a character (U+FFFD) that stands for such", "such texts")
            else:
                yield text

    def _given(self, source: Iterable[str]) -> Iterator[str]:
        """The strings of an iterable."""
        are_lines, items = peek(source)
        if not are_lines:
            raise InputError("A corpus to pre-train on must give strings; got lists of tokens. Join each to a text first.")
        return cast("Iterator[str]", items)

    def _strings(self, texts: Iterable[str]) -> Iterator[str]:
        """Each text a document, long ones in parts; blank ones are none."""
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise InputError(f"Text {number:,}: every text of a corpus must be a string; got {type(text).__name__}. Leave it out, or write it as text.")
            try:
                content = text.encode()
            except UnicodeEncodeError as error:
                self._bad(f"{self.corpus.name}: text {number:,}", f"character {error.start + 1:,} of it is half a character (U+{ord(text[error.start]):04X})", "such texts")
                continue
            self.done += 0 if self.corpus.size is None else len(content)
            if text.strip():
                yield from self._grouped(iter([text])) if len(content) <= LONGEST else self._grouped(_cut_line(text))

    def _grouped(self, lines: Iterator[str]) -> Iterator[str]:
        """Lines put together to documents."""
        alone = self.reading.documents == "line" and self.corpus.from_file and self.reading.column is None
        held, size = list[str](), 0
        for line in lines:
            blank = not line.strip()
            if held and (blank or alone or size + len(line) > LONGEST):
                yield "\n".join(held)
                held, size = [], 0
            if not blank:
                held.append(line)
                size += len(line) + 1
        if held:
            yield "\n".join(held)

    def _lines(self, path: Path | None) -> Iterator[str]:
        """The lines of one file."""
        name, number, rest = STDIN if path is None else str(path), 1, b""
        for part in _with_line_ends(file_parts(path, self._counted, self.reading.encoding)):
            data = rest + part
            at = data.rfind(b"\n")
            ended, rest = (data[:at], data[at + 1 :]) if at >= 0 else _cut_long(data)
            if at >= 0 or ended:
                yield from self._decoded(ended, name, number)
            number += data.count(b"\n", 0, at + 1)
        if rest:
            yield from self._decoded(rest, name, number)

    def _decoded(self, block: bytes, name: str, number: int) -> Iterator[str]:
        """The lines of a block that begins with line `number`."""
        try:
            yield from (line.rstrip("\r") for line in block.decode().split("\n"))
        except UnicodeDecodeError:
            for place, line in enumerate(block.split(b"\n"), number):
                try:
                    text = line.decode()
                except UnicodeDecodeError as error:
                    self._bad(f"{name}, line {place:,}", f"byte {error.start + 1:,} of the line is 0x{line[error.start]:02x}", "such lines")
                    continue
                yield text.rstrip("\r")

    def _bad(self, place: str, found: str, what: str) -> None:
        """Count what is not UTF-8, or refuse it."""
        if self.reading.on_bad_text == "refuse":
            way_out = f"Mend it, or leave {what} out with --on-bad-text skip. If the text is in another encoding, name that with --encoding."
            raise ReadError(f"{place}: a corpus must be UTF-8; {found}. {way_out}")
        self.skipped += 1

    def _counted(self, file: BinaryIO) -> BinaryIO:
        return cast("BinaryIO", _Counted(file, self))


class _Counted:
    """A file that tells a pass how much of it was read."""

    def __init__(self, file: BinaryIO, told: Pass) -> None:
        self.file, self.told = file, told

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.told.done += len(data)
        return data

    def close(self) -> None:
        self.file.close()


def _with_line_ends(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts; where the first has lines as they ended before 2001 on a Mac, with those of today."""
    first = next(parts, b"")
    old = b"\r" in first and b"\n" not in first
    for part in chain([first], parts):
        yield part.replace(b"\r", b"\n") if old else part


def _cut_long(data: bytes) -> tuple[bytes, bytes]:
    """The beginning and the rest of a line without an end: no beginning where it is short, else all before its last blank, or whole characters."""
    if len(data) <= LONGEST_LINE:
        return b"", data
    blank = data.rfind(b" ")
    if blank > 0:
        return data[:blank], data[blank + 1 :]
    at = len(data) - 1
    while at > len(data) - 4 and data[at] & 0b1100_0000 == 0b1000_0000:
        at -= 1
    return data[:at], data[at:]


def _cut_line(text: str) -> Iterator[str]:
    """A long text in its lines, long lines in parts."""
    for line in text.split("\n"):
        start = 0
        while len(line) - start > LONGEST:
            blank = line.rfind(" ", start + 1, start + LONGEST)
            end = blank if blank > 0 else start + LONGEST
            yield line[start:end]
            start = end
        yield line[start:]


def spool(documents: Iterable[str], path: Path) -> None:
    """Write what can be read only once to a file, a JSON string a line."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(document) + "\n")


def unspool(path: Path) -> Iterator[str]:
    """What `spool` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield str(json.loads(line))
