"""Where the records of a delimited text lie, found twice: vectorised for well-formed files, by a regular expression for all others.

The grammar (RFC 4180, made lenient): a cell is quoted if it begins with the quote character and the matching closing quote is followed by
a delimiter or the end of the line; a quote anywhere else is plain text. Lines end in LF, with or without CR before it.

`scan` never builds a cell: it counts records and cells so that a fast reader's result can be checked against it. `parse` builds
every cell and is the slow, readable truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHUNK = 1 << 24
LF, CR = 10, 13


@dataclass(frozen=True)
class Dialect:
    """How cells are kept apart.

    Attributes:
        delimiter: one ASCII character; ``""`` where each line is one cell.
        quote: one ASCII character, or None where quotes are plain text.
    """

    delimiter: str = ","
    quote: str | None = '"'


@dataclass(frozen=True, eq=False)
class Scan:
    """What `scan` found.

    Attributes:
        starts: byte at which each record begins, int64 (n,).
        cells: number of cells of each record, int64 (n,); 0 for a blank line.
        well_formed: whether every quote opens or closes a whole cell, so that a strict reader sees the same records.
    """

    starts: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    well_formed: bool


def scan(content: bytes, dialect: Dialect) -> Scan:
    """Count the records and cells of `content` (UTF-8) without building them; about 1 s for 300 MB."""
    ends: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    totals: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    data = np.frombuffer(content, dtype=np.uint8)
    quotes, delimiters, well_formed = 0, 0, True
    for begin in range(0, len(data), CHUNK):
        part = data[begin : begin + CHUNK]
        outside = None
        if dialect.quote is not None:
            marks = part == ord(dialect.quote)
            if marks.any():
                # The count may wrap around at 256: only whether it is odd matters.
                outside = ((np.cumsum(marks, dtype=np.uint8) + quotes) & 1) == 0
                well_formed = well_formed and _quotes_fit(data, np.flatnonzero(marks) + begin, quotes, dialect)
                quotes = (quotes + int(marks.sum())) & 1
            elif quotes:
                continue
        line_ends, cell_ends = part == LF, part == ord(dialect.delimiter or "\n")
        if outside is not None:
            line_ends &= outside
            cell_ends &= outside
        at = np.flatnonzero(line_ends)
        cells = np.flatnonzero(cell_ends) if dialect.delimiter else at[:0]
        ends.append(at + begin)
        totals.append(np.searchsorted(cells, at) + delimiters)
        delimiters += len(cells)
    return _records(data, np.concatenate(ends), np.concatenate(totals), delimiters, well_formed and quotes == 0)


def _records(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], totals: npt.NDArray[np.int64], delimiters: int, well_formed: bool) -> Scan:
    """Line ends and running totals of delimiters -> starts and cell counts."""
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends, totals = np.append(ends, len(data)), np.append(totals, delimiters)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else ends.astype(np.int64)
    cells = np.diff(totals, prepend=0) + 1
    lengths = ends - starts
    blank = lengths == 0
    single = np.flatnonzero(lengths == 1)
    blank[single] = data[starts[single]] == CR
    cells[blank] = 0
    return Scan(starts, cells.astype(np.int64), well_formed)


def _quotes_fit(data: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], before: int, dialect: Dialect) -> bool:
    """Whether every opening quote begins a cell and every closing one ends it (two in a row stand for one)."""
    quote, delimiter = ord(dialect.quote or '"'), ord(dialect.delimiter or "\n")
    opening, closing = at[before::2], at[1 - before :: 2]
    previous = data[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (previous == delimiter) | (previous == LF) | (previous == quote)
    after = closing + 1
    inside = after < len(data)
    following = data[np.minimum(after, len(data) - 1)]
    then = data[np.minimum(after + 1, len(data) - 1)]
    closes = ~inside | (following == delimiter) | (following == LF) | (following == quote) | ((following == CR) & ((then == LF) | (after + 1 >= len(data))))
    return bool(opens.all() and closes.all())


def parse(text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    r"""Each record as (position at which it begins, its cells); a blank line has none.

    Examples:
        >>> [cells for _, cells in parse('a,"b, c"\n\n5" disk,d', Dialect())]
        [['a', 'b, c'], [], ['5" disk', 'd']]
    """
    cell = _cell_pattern(dialect)
    quote = dialect.quote
    position, end = 0, len(text)
    while position < end:
        begin, cells = position, []
        while True:
            match = cell.match(text, position)
            assert match is not None
            quoted, plain, stop = match.groups()
            position = match.end()
            last = stop != dialect.delimiter or not stop
            if quoted is not None and quote:
                cells.append(quoted.replace(quote * 2, quote))
            else:
                cells.append(plain.removesuffix("\r") if last else plain)
            if last:
                break
        yield begin, [] if cells == [""] and plain is not None else cells


def _cell_pattern(dialect: Dialect) -> re.Pattern[str]:
    """One cell and what ends it: (inside of quotes | None, plain text | None, delimiter | line end | end of text)."""
    delimiter = re.escape(dialect.delimiter)
    stop = f"({delimiter}|\\r?\\n|\\r?\\Z)" if dialect.delimiter else "(\\r?\\n|\\r?\\Z)"
    # A CR before the line end is taken along here and off again by `parse`: cells of megabytes are then read in one stride.
    plain = f"([^{delimiter}\\n]*+)"
    if dialect.quote is None:
        return re.compile(f"((?!))?{plain}{stop}")
    quote = re.escape(dialect.quote)
    # Possessive: a quoted cell ends at its first lone quote or not at all, so no file takes quadratic time.
    return re.compile(f"(?:{quote}((?:[^{quote}]|{quote}{quote})*+){quote}(?={stop.replace('(', '(?:', 1)})|{plain}){stop}")
