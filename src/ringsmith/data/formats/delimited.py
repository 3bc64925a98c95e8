"""CSV, TSV and their relatives -> `RawTable`, with every record accounted for.

polars reads well-formed files; `scan` counts their records and cells independently. Where quotes are not well formed, or the two
disagree, our own lenient parser reads the file instead: slower, but it loses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith._wording import plural
from ringsmith.data import names
from ringsmith.data.dialect import NAMES, SAMPLE, sniff
from ringsmith.data.formats.header import has_header, named_columns, skip_titles, title_rows
from ringsmith.data.raw import RawTable
from ringsmith.data.scan import Dialect, Scan, parse, scan
from ringsmith.data.source import Source
from ringsmith.errors import ReadError

MANY = 0.01
"""Above this share of rows with too many cells the dialect is wrong, or the file is: refused."""
WHOLE = 1 << 24
"""Files up to this many bytes are tried whole where the sample's dialect does not fit the rest."""
FEW_LINES = 10
PROSE = 3
"""From this mean number of words on, what stands in front of a row is no name of it."""
SEPARATOR_LINE = re.compile(rb"\"?sep=[,;|\t]\"?\r?\n", re.IGNORECASE)
DELIMITER_NAMES = {**{sign: name for name, sign in NAMES.items()}, " ": "first blank", "": "none"}


@dataclass(frozen=True, eq=False)
class Records:
    """All records of a file: cells padded with None to `width`, how many cells each had, and where each begins."""

    frame: pl.DataFrame
    cells: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    blank: int = 0


def read_delimited(source: Source, content: bytes, encoding: str) -> RawTable:
    """The table in `content` (UTF-8, without byte order mark).

    Raises:
        ReadError: no data rows, or more than one row in a hundred has too many cells.
        ColumnError: two columns have the same name.
    """
    notes: list[str] = []
    if b"\r" in content and b"\n" not in content:
        content = content.replace(b"\r", b"\n")
        notes.append("Lines end in CR alone.")
    if hint := SEPARATOR_LINE.match(content):
        notes.append("The first line (sep=...), a hint for spreadsheets, was skipped.")
        # Blanked out, not cut off: the numbers of the lines stay what they are.
        content = b"\n" + content[hint.end() :]
    refuse_absent(source, content)
    dialect = sniff(_whole_lines(content, SAMPLE), _scattered(content), source.delimiter)
    content = _doubled(content, dialect, notes)
    records, dialect = read_records(content, dialect, source.delimiter)
    return _table(source, content, encoding, dialect, _with_row_names(source, records, notes), notes)


def refuse_absent(source: Source, content: bytes) -> None:
    """Raise where the delimiter that the user names stands nowhere in the file."""
    if source.delimiter is not None and source.delimiter.encode() not in content:
        first = content[:400].split(b"\n", 1)[0].decode("utf-8", errors="ignore").strip("\r")
        raise ReadError(
            f"{source.name}: the delimiter must stand between the cells; {source.delimiter!r} (--delimiter) stands nowhere in the file, which begins with "
            f"{names.shorten(first)!r}. Name another one, or leave it out."
        )


def read_lines(source: Source, content: bytes, encoding: str) -> RawTable:
    """Each line of `content` as one text in the column ``text``."""
    dialect = Dialect("", None)
    records, _ = read_records(content, dialect)
    if not len(records.frame):
        raise ReadError(f"{source.name}: texts are needed, one a line; the file has none.")
    frame = records.frame.rename({records.frame.columns[0]: "text"})
    return RawTable(source.name, "lines", frame, source.compression, encoding, header=False, lines=_line_numbers(content, records.starts), notes=skipped(records))


def skipped(records: Records) -> list[str]:
    """The note on blank lines, which are no rows."""
    return [f"{plural(records.blank, 'blank line was', 'blank lines were')} skipped."] if records.blank else []


def _doubled(content: bytes, dialect: Dialect, notes: list[str]) -> bytes:
    """`content` with quotes escaped by backslashes doubled instead, where that and only that makes its quoting whole."""
    double = Dialect(dialect.delimiter, '"')
    if not dialect.delimiter or b'\\"' not in content or _fits(scan(content, double)):
        return content
    # Of the same length: every record keeps its place.
    mended = content.replace(b'\\"', b'""')
    if not _fits(scan(mended, double)):
        return content
    notes.append('Quotes inside cells are written with a backslash (\\").')
    return mended


def _whole_lines(content: bytes, limit: int) -> str:
    """The beginning of `content` up to a line end: about `limit` bytes, or more where lines are so long that these are a few lines only."""
    if content.count(b"\n", 0, limit) < FEW_LINES:
        limit = WHOLE
    if len(content) > limit:
        cut = content.rfind(b"\n", 0, limit) + 1 or content.find(b"\n") + 1 or len(content)
        content = content[:cut]
    return content.decode("utf-8", errors="ignore")


def _scattered(content: bytes) -> str:
    """Lines from the beginning, the middle and the end of `content`."""
    pieces = [content[at : at + SAMPLE // 8] for at in (0, len(content) // 2, max(0, len(content) - SAMPLE // 8))]
    lines = [b"\n".join(piece.split(b"\n")[number > 0 : -1]) for number, piece in enumerate(pieces)]
    return b"\n".join(lines).decode("utf-8", errors="ignore")


def read_records(content: bytes, dialect: Dialect, delimiter: str | None = None) -> tuple[Records, Dialect]:
    """All records in the sample's dialect, or in the whole file's where the sample misled; `delimiter` where the user names it."""
    if dialect.delimiter == " ":
        return _read_label_first(content), dialect
    found, dialect = refine(content, dialect, delimiter)
    records = _read_fast(content, dialect, found) if found.well_formed else None
    return records or _read_slow(content, dialect), dialect


def refine(content: bytes, dialect: Dialect, delimiter: str | None = None) -> tuple[Scan, Dialect]:
    """The quoting that fits the whole file: a sample may hold no quote, or only stray ones.

    Double quotes that all open or close a whole cell, in records of one width, are no accident. Single quotes may be: texts begin and end
    with them; they count where records are uneven without them, where they are many, or where one is doubled.
    """
    found = scan(content, dialect)
    if dialect.quote == '"' and _fits(found):
        return found, dialect
    plain = found if dialect.quote is None else scan(content, Dialect(dialect.delimiter, None))
    for quote in (b'"', b"'"):
        if quote in content:
            other = Dialect(dialect.delimiter, quote.decode())
            tried = found if other == dialect else scan(content, other)
            if _fits(tried) and (quote == b'"' or not _fits(plain) or content.count(quote) >= len(tried.cells) or quote * 2 in content):
                return tried, other
    if _fits(plain):
        return plain, Dialect(dialect.delimiter, None)
    if SAMPLE < len(content) <= WHOLE:
        dialect = sniff(content.decode("utf-8"), delimiter=delimiter)
        found = scan(content, dialect)
    return found, dialect


def _fits(found: Scan) -> bool:
    """Whether quotes are well formed and all records have one width."""
    return found.well_formed and not _uneven(found.cells)


def _uneven(cells: npt.NDArray[np.int64]) -> bool:
    """Whether any two records differ in their number of cells (blank lines aside)."""
    filled = cells[cells > 0]
    return bool(len(filled)) and bool((filled != filled[0]).any())


def _read_fast(content: bytes, dialect: Dialect, found: Scan) -> Records | None:
    """What polars reads reading; None where it failed or does not agree with the scan."""
    # Longer rows are cut here and reported later by their count; a column for each of a million stray delimiters would not fit in memory.
    width = max(_usual(found.cells[found.cells > 0]), *found.cells[found.cells > 0][:1].tolist(), 0)
    if width == 0:
        return Records(pl.DataFrame(), found.cells[:0], found.starts[:0])
    # A delimiter that cannot occur makes each line one cell.
    separator = dialect.delimiter or "\x1f"
    if not dialect.delimiter and b"\x1f" in content:
        return None
    try:
        frame = pl.read_csv(
            content,
            has_header=False,
            separator=separator,
            quote_char=dialect.quote,
            schema={f"column_{number + 1}": pl.String for number in range(width)},
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None
    if len(frame) != len(found.cells):
        return None
    filled = found.cells > 0
    return Records(frame if filled.all() else frame.filter(pl.Series(filled)), found.cells[filled], found.starts[filled], int((~filled).sum()))


def _read_slow(content: bytes, dialect: Dialect) -> Records:
    """Our own reading: strict about rows, lenient about quotes."""
    text = content.decode("utf-8")
    everything = list(parse(text, dialect))
    rows = [(begin, cells) for begin, cells in everything if cells]
    counts = np.array([len(cells) for _, cells in rows], dtype=np.int64)
    width = max(_usual(counts), *counts[:1].tolist(), 0)
    columns = {f"column_{number + 1}": [cells[number] if number < len(cells) else None for _, cells in rows] for number in range(width)}
    starts = np.array([begin for begin, _ in rows], dtype=np.int64)
    if not text.isascii():
        starts = _byte_positions(text, starts)
    return Records(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), counts, starts, len(everything) - len(rows))


def _byte_positions(text: str, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Character positions as byte positions in UTF-8."""
    lengths = [len(text[a:b].encode()) for a, b in pairwise(starts.tolist())]
    return np.concatenate([starts[:1], starts[:1] + np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _read_label_first(content: bytes) -> Records:
    """Lines of ``label text``: cut at the first blank; fastText's ``__label__a __label__b text`` at the last label."""
    found = scan(content, Dialect("", None))
    records = _read_fast(content, Dialect("", None), found) or _read_slow(content, Dialect("", None))
    line = pl.col(records.frame.columns[0])
    if content.startswith(b"__label__"):
        labels = line.str.extract(r"^((?:__label__\S+\s+)*__label__\S+)", 1)
        each = labels.str.extract_all(r"__label__\S+").list.eval(pl.element().str.strip_prefix("__label__"))
        cells = [each.alias("label"), line.str.replace(r"^(?:__label__\S+\s*)+", "").alias("text")]
    else:
        cells = [line.str.extract(r"^(\S*)", 1).alias("column_1"), line.str.replace(r"^\S* ?", "").alias("column_2")]
    frame = records.frame.select(cells)
    if "label" in frame.columns and frame["label"].list.len().max() == 1:
        frame = frame.with_columns(pl.col("label").list.first())
    return Records(frame, np.full(len(frame), 2, dtype=np.int64), records.starts, records.blank)


def _table(source: Source, content: bytes, encoding: str, dialect: Dialect, records: Records, notes: list[str]) -> RawTable:
    """Records -> named columns, with the rows that are too long or too short accounted for."""
    label_first = dialect.delimiter == " "
    notes += skipped(records)
    frame, header = (records.frame, False) if label_first else skip_titles(records.frame, source.columns, notes)
    above = len(records.frame) - len(frame)
    cells, starts = records.cells[above:], records.starts[above:]
    width = int(cells[0]) if header else _usual(cells)
    columns = named_columns(source.name, frame, width, header) if not label_first else list(frame.columns)
    if header:
        frame, cells, starts = frame[1:], cells[1:], starts[1:]
    if not len(frame):
        what = f"the file has a header ({names.listed(columns)}) and no rows under it" if header else "the file has no rows"
        raise ReadError(f"{source.name}: a table needs rows; {what}. Check how it was written.")
    lines = _line_numbers(content, starts)
    faults = _faults(source.name, cells, lines, width, dialect, notes)
    frame = frame[:, :width].rename(dict(zip(frame.columns, columns, strict=False)))
    frame = _without_empty(frame, notes)
    return RawTable(
        source.name, "delimited" if width > 1 else "lines", frame, source.compression, encoding, dialect.delimiter or None, dialect.quote, header, lines, faults, notes=notes
    )


def _with_row_names(source: Source, records: Records, notes: list[str]) -> Records:
    """Tables whose rows all have one cell more than their header: R's row names in front, or a delimiter too many at the end."""
    cells = records.cells
    if len(cells) < 3 or not (cells[1:] == cells[0] + 1).all() or not has_header(records.frame[:, : int(cells[0])]) or title_rows(records.frame, source.columns):
        return records
    frame = records.frame
    last = frame[1:, -1]
    if (last.is_null() | (last == "")).all():
        notes.append("Every row ends in a delimiter too many.")
        return Records(frame[:, :-1], np.full(len(cells), cells[0]), records.starts, records.blank)
    if (frame[1:, 0].str.count_matches(r"\S+").mean() or 0) >= PROSE:  # type: ignore[operator]
        return records  # a text with the delimiter in it, in every row
    notes.append("The rows have one cell more than the header; the first was taken as the rows' names.")
    heads = pl.DataFrame([["row", *frame.row(0)[:-1]]], schema=frame.schema, orient="row")
    return Records(pl.concat([heads, frame[1:]]), np.full(len(cells), cells[1]), records.starts, records.blank)


def _usual(cells: npt.NDArray[np.int64]) -> int:
    """The most frequent number of cells."""
    return int(np.bincount(cells).argmax()) if len(cells) else 0


def _line_numbers(content: bytes, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Line of the file, from 1, in which each record begins."""
    data = np.frombuffer(content, dtype=np.uint8)
    out = np.empty(len(starts), dtype=np.int64)
    before, done = 1, 0
    for begin in range(0, len(data), WHOLE):
        ends = np.flatnonzero(data[begin : begin + WHOLE] == 10) + begin
        upto = int(np.searchsorted(starts, begin + WHOLE))
        out[done:upto] = before + np.searchsorted(ends, starts[done:upto])
        before, done = before + len(ends), upto
    return out


def _faults(name: str, cells: npt.NDArray[np.int64], lines: npt.NDArray[np.int64], width: int, dialect: Dialect, notes: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Rows with too many cells are left out (and counted); short ones are kept, their missing cells empty."""
    long, short = np.flatnonzero(cells > width), np.flatnonzero(cells < width)
    if len(short):
        notes.append(f"{plural(len(short), 'row has', 'rows have')} fewer than {width} cells (first: line {lines[short[0]]}); the missing cells are empty.")
    if not len(long):
        return {}
    if len(long) > max(1, MANY * len(cells)):
        places, between = ", ".join(str(line) for line in lines[long[:3]]), DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)
        raise ReadError(
            f"{name}:{lines[long[0]]}: every row must have {width} cell{'s' if width > 1 else ''} (delimiter: {between}, quote: {dialect.quote or 'none'}); "
            f"got {cells[long[0]]} here, and more than {width} in {len(long):,} of {len(cells):,} rows (lines {places}, ...). "
            "Put cells that hold the delimiter in quotes, name another one (--delimiter), or save the table as JSONL or Parquet."
        )
    return {"too many cells": long}


def _without_empty(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """`frame` less the nameless columns that hold nothing (spreadsheets leave them behind)."""
    empty = [column for column in frame.columns if column.startswith("column_") and not (frame[column].fill_null("") != "").any()]
    if not empty or len(empty) == frame.width:
        return frame
    notes.append(f"{len(empty)} nameless empty columns were left out.")
    return frame.drop(empty)
