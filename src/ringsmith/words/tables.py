"""One column of a table as lines, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringsmith._files import DELIMITED, TABLES, inner_suffix, no_such_file
from ringsmith.errors import ColumnError, ReadError

if TYPE_CHECKING:
    import polars as pl


BROKEN = "\ufffd"
"""What stands in the place of bytes that are not UTF-8."""
GLANCE = 100
"""Lines of JSON whose columns are looked at first: to look at all of them takes as long as reading them."""


def _csv(path: Path, separator: str = ",") -> pl.LazyFrame:
    frame: pl.LazyFrame = _polars().scan_csv(path, glob=False, separator=separator, infer_schema=False, encoding="utf8-lossy", truncate_ragged_lines=True)
    return frame


def _json_lines(path: Path, lines: int | None = GLANCE) -> pl.LazyFrame:
    """Of the columns that stand in so many lines, or in all of them."""
    frame: pl.LazyFrame = _polars().scan_ndjson(escape(str(path)), infer_schema_length=lines)
    return frame


def _polars() -> Any:
    """The library, imported where a table is read: it takes as long as the rest of reading a text."""
    import polars

    return polars


# A folder may be called "data [old]": a path is no pattern, though polars reads it as one unless it is told.
SCANS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    **{suffix: partial(_csv, separator=separator) for suffix, separator in DELIMITED.items()},
    ".parquet": lambda path: _polars().scan_parquet(path, glob=False),
    ".arrow": lambda path: _polars().scan_ipc(path, glob=False),
    ".feather": lambda path: _polars().scan_ipc(path, glob=False),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}


def column_lines(path: Path, column: str) -> Iterator[str]:
    """The texts of one column, from top to bottom; empty cells are left out.

    Raises:
        ReadError: no such file, or it cannot be read as a table, or not a part at a time.
        ColumnError: it has no such column, or that column holds no text.
    """
    if not path.is_file():
        raise no_such_file(path)
    pl, suffix = _polars(), inner_suffix(path)
    if suffix in TABLES and suffix not in SCANS:
        raise ReadError(f"{path}: a {suffix} file cannot be read a part at a time. Save it as CSV, JSON Lines or Parquet.")
    try:
        scan = SCANS.get(suffix, _csv)
        frame = scan(path)
        if scan is _json_lines and frame.collect_schema().get(column) != pl.String:  # it may come, or be filled, further down
            frame = _json_lines(path, None)
        schema = frame.collect_schema()
        _check(path, column, schema)
        for part in frame.select(pl.col(column).drop_nulls()).collect_batches():
            yield from part[column]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ReadError(f"{path}: this file cannot be read as a table ({str(error).splitlines()[0] if str(error) else type(error).__name__}). Write or copy it again.") from error


def column_names(path: Path) -> list[str]:
    """The names of a table's columns as far as they can be told at a glance, for a message; the first 20."""
    scan = SCANS.get(inner_suffix(path))
    try:
        return [] if scan is None else scan(path).collect_schema().names()[:20]
    except (_polars().exceptions.PolarsError, _polars().exceptions.PanicException, OSError, ValueError):
        return []


def _check(path: Path, column: str, schema: pl.Schema) -> None:
    if column not in schema and any(BROKEN in name for name in schema.names()):
        raise ReadError(f"{path}: a table of texts must be UTF-8; the names of its columns are not. Save it as UTF-8 (a spreadsheet calls it 'CSV UTF-8').")
    if column not in schema:
        near = get_close_matches(column, schema.names(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Name one of these."
        raise ColumnError(f"{path}: there is no column {column!r}; the columns are {', '.join(map(repr, schema.names()[:20]))}. {hint}")
    if schema[column] != _polars().String:
        raise ColumnError(f"{path}: column {column!r} must hold text; it holds {schema[column]}. Name another column.")
