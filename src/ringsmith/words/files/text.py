"""One word a line with its numbers: word2vec text and fastText .vec (with a header "words width"), GloVe (without).

Decisions
    - Fields are parted by blanks or tabs; lines end in a newline only (words may hold U+0085 and the like).
    - The last d fields are the numbers and all before them is the word, so words with spaces come through (GloVe 840B has some).
    - A header must tell the truth: other counts of rows or numbers are refused.
    - Without a header, d is the smallest number of fields of the first 1,000 lines, less one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import numpy.typing as npt

from ringsmith._machine import cores
from ringsmith.errors import ReadError
from ringsmith.records import Progress, Report
from ringsmith.words.files.contract import Format, ReadOptions, Target, refuse_words
from ringsmith.words.files.packed import chunks, opened, packing
from ringsmith.words.files.rows import Rows
from ringsmith.words.neighbours import Floats, Ints, blocks
from ringsmith.words.parallel import in_order
from ringsmith.words.vectors import WordVectors

LOOKED_AT = 1000
LONGEST_LINE = 64 << 20
WIDEST = 1 << 20
SHOWN = 60


@dataclass(frozen=True)
class Header:
    """What the first line promises."""

    rows: int
    width: int


def header_of(line: bytes) -> Header | None:
    """The header, where this first line is one: two whole numbers.

    Examples:
        >>> header_of(b"400000 300"), header_of(b"the 0.1 0.2")
        (Header(rows=400000, width=300), None)
    """
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 19 for field in fields):
        return None
    return Header(int(fields[0]), int(fields[1]))


def read_text(path: Path, options: ReadOptions, *, headed: bool | None = None) -> WordVectors:
    """Vectors from a text file.

    Args:
        path: the file, packed or not.
        options: see `ReadOptions`.
        headed: whether the first line is a header; None: it is, where it is two whole numbers.

    Raises:
        ReadError: the file is empty, cut off, not such a file, or holds what is no vector; with file and line.
    """
    with opened(path) as (stream, file):
        lines = _blocks_of_lines(path, stream, file, options.report)
        first = next(lines, b"")
        if not first.strip():
            raise ReadError(f"{path}: the file is empty. Vectors need a line for each word; check how it was written.")
        line, _, rest = first.partition(b"\n")
        header = header_of(line) if headed is not False else None
        if headed and header is None:
            raise ReadError(f"{path}:1: the first line must say how many words and how many numbers each; got {shown(line)}. Name the format 'glove' where there is no header.")
        width = _checked_width(path, header) if header else _width_of(path, first)
        rows, number = Rows(path, options, width), 2 if header else 1
        parse = partial(_parse, width=width, most=options.most)
        for parsed in in_order(parse, chain([rest if header else first], lines), threads=cores()):
            number = _take(rows, parsed, path, number)
            if rows.missing == 0:
                break
    _check_count(path, header, len(rows), options)
    return rows.vectors()


def _blocks_of_lines(path: Path, stream: IO[bytes], file: BinaryIO, report: Report) -> Iterator[bytes]:
    """The file in pieces that end with a line."""
    rest = b""
    for piece in chunks(stream, file, path.stat().st_size, report):
        end = piece.rfind(b"\n") + 1
        if not end:
            rest += piece
            if len(rest) > LONGEST_LINE:
                raise ReadError(f"{path}: a line must be shorter than {LONGEST_LINE >> 20} MB; got a longer one. Check that this is a file of word vectors.")
            continue
        yield rest + piece[:end]
        rest = piece[end:]
    if rest:
        yield rest


def _checked_width(path: Path, header: Header) -> int:
    if not header.width or not header.rows or header.width > WIDEST:
        raise ReadError(f"{path}:1: the header must promise words of 1 to {WIDEST:,} numbers; got {header.rows} words of {header.width}. Write the file again.")
    return header.width


def _width_of(path: Path, block: bytes) -> int:
    lines = [line for line in block.split(b"\n", LOOKED_AT)[:LOOKED_AT] if line.strip()]
    width = min(len(line.split()) for line in lines) - 1
    if width < 1:
        line = next(number for number, line in enumerate(lines, start=1) if len(line.split()) < 2)
        raise ReadError(f"{path}:{line}: a line must hold a word and its numbers; got {shown(lines[line - 1])}. Check that this is a file of word vectors.")
    return width


@dataclass(frozen=True, eq=False)
class _Parsed:
    """A block of whole lines and what the kernel made of it; see `parse_rows`."""

    block: bytes
    starts: Ints
    stops: Ints
    out: Floats
    word_stops: Ints
    states: npt.NDArray[np.uint8]


def _parse(block: bytes, *, width: int, most: int | None) -> _Parsed:
    from ringsmith.words.kernels.decimals import parse_rows

    text = np.frombuffer(block, dtype=np.uint8)
    starts, stops = _lines(text)
    starts, stops = starts[:most], stops[:most]
    out = np.empty((len(starts), width), dtype=np.float32)
    word_stops, states = np.empty(len(starts), dtype=np.int64), np.empty(len(starts), dtype=np.uint8)
    parse_rows(text, starts, stops, out, word_stops, states)
    return _Parsed(block, starts, stops, out, word_stops, states)


def _take(rows: Rows, parsed: _Parsed, path: Path, number: int) -> int:
    """Move a block into `rows`; the number of the line that comes next."""
    from ringsmith.words.kernels.decimals import DONE, SLOW

    block, starts = parsed.block, parsed.starts
    for line in np.flatnonzero(parsed.states != DONE).tolist():
        content = block[starts[line] : parsed.stops[line]]
        if parsed.states[line] != SLOW:
            raise _bad_line(path, number + line, content, rows.width)
        parsed.out[line] = _parse_slowly(path, number + line, content, rows.width)
    spans = zip(starts.tolist(), parsed.word_stops.tolist(), strict=True)
    rows.add([block[start:stop] for start, stop in spans], parsed.out, number)
    return number + len(starts)


def _lines(text: npt.NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Where lines begin and end; blank lines at the very end do not count."""
    from ringsmith.words.kernels.decimals import newlines

    stops = newlines(text)
    if len(text) and text[-1] != 10:
        stops = np.append(stops, len(text))
    starts = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
    while len(stops) and not bytes(text[starts[-1] : stops[-1]]).strip():
        starts, stops = starts[:-1], stops[:-1]
    return starts, stops


def _parse_slowly(path: Path, number: int, line: bytes, width: int) -> Floats:
    """The numbers of a line that the kernel was not sure of."""
    fields = line.replace(b"\t", b" ").split()[-width:]
    values = np.empty(width, dtype=np.float32)
    for column, field in enumerate(fields):
        try:
            value = float(field)
        except ValueError:
            raise ReadError(f"{path}:{number}: the last {width} fields must be numbers; got {shown(field)}. Check that this is a file of word vectors.") from None
        with np.errstate(over="ignore", under="ignore"):
            values[column] = value
    return values


def _bad_line(path: Path, number: int, line: bytes, width: int) -> ReadError:
    if not line.strip():
        return ReadError(f"{path}:{number}: a line must hold a word and {width} numbers; got an empty line. Remove it.")
    if line[:1] in (b" ", b"\t") and len(line.split()) == width:
        return ReadError(f"{path}:{number}: a line must begin with a word; got {shown(line)}. Remove it: an empty word has no use.")
    fields = max(0, len(line.split()) - 1)
    return ReadError(f"{path}:{number}: a line must hold a word and {width} numbers; got {fields}: {shown(line)}. The file may be cut off: copy or download it again.")


def _check_count(path: Path, header: Header | None, rows: int, options: ReadOptions) -> None:
    promised = header.rows if header else rows
    if rows != (promised if options.most is None else min(promised, options.most)):
        raise ReadError(f"{path}:1: the header must say how many words follow; it says {promised:,}, got {rows:,}. Mend the header, or copy or download the file again.")


def shown(line: bytes) -> str:
    """The beginning of a line, for a message."""
    text = line.decode(errors="replace").rstrip("\r\n")
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def write_text(vectors: WordVectors, target: Target, *, headed: bool) -> None:
    """One word a line; numbers with as many digits as give the same float32 again."""
    import polars as pl

    refuse_words(vectors, target.name, forbidden=r" \t\r\n", what="a text file of vectors")
    with packing(target.name, target.path) as stream:
        if headed:
            stream.write(f"{len(vectors)} {vectors.dimensions}\n".encode())
        for take, ids in blocks(len(vectors)):
            frame = pl.DataFrame({"word": [vectors.words[row] for row in ids.tolist()], **{f"c{at}": column for at, column in enumerate(vectors.decoded(take).T)}})
            stream.write(frame.write_csv(include_header=False, separator=" ", quote_style="never").encode())
            target.report(Progress("write", int(ids[-1]) + 1, len(vectors), "words"))


WORD2VEC_TEXT = Format(
    "word2vec-text", "word2vec text and fastText .vec: a header, then one word a line", (".vec", ".w2v"), partial(read_text, headed=True), partial(write_text, headed=True)
)
GLOVE = Format("glove", "GloVe text: one word a line, no header", (".glove",), partial(read_text, headed=False), partial(write_text, headed=False))
