"""A column of times -> numbers that can be put in order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith._wording import plural
from ringsmith.data.cells import as_strings
from ringsmith.data.names import shorten
from ringsmith.data.raw import RawTable
from ringsmith.errors import ColumnError
from ringsmith.records import Floats

FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", DAY_FIRST, MONTH_FIRST, "%Y-%m", "%Y%m%d", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
LETTERS = ("%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Z %Y")
"""As e-mails, Twitter and programs in C write times."""
WRITTEN = (*FORMATS, *(f"{day} {clock}" for day in ("%d.%m.%Y", DAY_FIRST, MONTH_FIRST, "%d-%m-%Y", "%Y/%m/%d") for clock in CLOCKS), *LETTERS)


def read_times(table: RawTable, column: str, keep: npt.NDArray[np.int64]) -> tuple[Floats, tuple[str, ...]]:
    """Seconds since 1970 (dates and times) or the plain number (also of a stretch of time) of each row in `keep`, float64; and what a reader should know of it.

    Raises:
        ColumnError: a value is empty or no time; its place is named.
    """
    cells = table.frame[column].gather(keep)
    if cells.dtype in (pl.Duration, pl.Time):
        return _complete(table, column, cells, cells.to_physical().cast(pl.Float64), keep), ()
    if cells.dtype.is_temporal():
        seconds = cells.cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64) / 1000
        return _complete(table, column, cells, seconds, keep), ()
    strings = as_strings(cells).str.strip_chars()
    best: pl.Series | None = None
    for seconds in (strings.cast(pl.Float64, strict=False), *_readings(strings)):
        if best is None or seconds.null_count() < best.null_count():
            best = seconds
        if not best.null_count():
            break
    assert best is not None
    return _complete(table, column, cells, best, keep), _ambiguous(strings, column)


def _ambiguous(strings: pl.Series, column: str) -> tuple[str, ...]:
    """What to say where the days could as well be the months in every row."""
    days = strings.str.extract(r"^(\S+)")
    for form in (DAY_FIRST, MONTH_FIRST):
        if days.str.to_date(form, strict=False).null_count():
            return ()
    return (f"Times in {column!r} were read with the day first, {strings[0]!r} as day/month/year: no row tells. If the month comes first, write them as year-month-day.",)


def _readings(strings: pl.Series) -> Iterator[pl.Series]:
    """The column read in each format, as seconds; null where it does not fit."""
    for form in DATES:
        yield strings.str.to_date(form, strict=False).cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64) / 1000
    for form in WRITTEN:
        yield strings.str.to_datetime(form, strict=False, time_unit="ms").dt.epoch("ms").cast(pl.Float64) / 1000


def _complete(table: RawTable, column: str, cells: pl.Series, seconds: pl.Series, keep: npt.NDArray[np.int64]) -> Floats:
    values = seconds.to_numpy().astype(np.float64)
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        got = cells[int(bad[0])]
        raise ColumnError(
            f"{table.source}: {table.place(int(keep[bad[0]]))}: --time needs a time in every row (like 2024-05-31 or 2024-05-31 18:00:00, or a number); "
            f"got {shorten(str(got)) if got is not None else 'nothing'!r} in {column!r}, and so in {plural(len(bad), 'row')}. "
            "Mend them, or name another column."
        )
    return values
