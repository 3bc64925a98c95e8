"""Parquet, Arrow (Feather) and workbooks (XLSX, XLS, ODS) -> `RawTable`."""

from __future__ import annotations

import fastexcel
import polars as pl

from ringsmith.data.formats.header import named_columns, skip_titles
from ringsmith.data.names import listed
from ringsmith.data.raw import RawTable
from ringsmith.data.source import Source
from ringsmith.errors import ReadError

XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_parquet(source: Source) -> RawTable:
    """A Parquet file."""
    try:
        frame = pl.read_parquet(source.content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ReadError(f"{source.name}: the Parquet file is cut off or damaged ({first_line(error)}). Write or copy it again.") from error
    return typed(source, "parquet", frame)


def read_arrow(source: Source) -> RawTable:
    """An Arrow IPC file (also called Feather, version 2)."""
    try:
        frame = pl.read_ipc(source.content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ReadError(f"{source.name}: the Arrow file is cut off or damaged ({first_line(error)}). Write or copy it again.") from error
    return typed(source, "arrow", frame)


def read_arrow_stream(source: Source) -> RawTable:
    """An Arrow IPC stream (what Hugging Face's `datasets` keeps in its cache)."""
    try:
        frame = pl.read_ipc_stream(source.content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ReadError(f"{source.name}: the Arrow stream is cut off or damaged ({first_line(error)}). Write or copy it again.") from error
    return typed(source, "arrow", frame)


def typed(source: Source, kind: str, frame: pl.DataFrame) -> RawTable:
    """A table that brings its own column names and types."""
    if not len(frame) or not frame.width:
        raise ReadError(f"{source.name}: a table needs rows; this one has {len(frame)} rows and {frame.width} columns.")
    return RawTable(source.name, kind, frame, source.compression)


def read_excel(source: Source) -> RawTable:
    """The first sheet of a workbook that is a table; its first row, or the one below a title, names the columns if it looks like names.

    Raises:
        ReadError: damaged, protected by a password, or no sheet with rows.
    """
    try:
        book = fastexcel.read_excel(source.content)
        sheets = {name: book.load_sheet(name, header_row=None, dtypes="string", skip_whitespace_tail_rows=True).to_polars() for name in book.sheet_names}
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError, OSError) as error:
        raise ReadError(f"{source.name}: the workbook is damaged, protected or of an unknown kind ({first_line(error)}). Save it as XLSX without a password, or as CSV.") from error
    filled = {name: frame for name, frame in sheets.items() if len(frame)}
    if not filled:
        raise ReadError(f"{source.name}: the workbook has no rows in any of its {len(sheets)} sheets.")
    name, frame = next((sheet for sheet in filled.items() if sheet[1].width > 1 and len(sheet[1]) > 1), next(iter(filled.items())))
    which = "the first" if name == next(iter(filled)) else "the first with several columns"
    notes = [f"The workbook has the sheets {', '.join(filled)}; {which}, {name!r}, was read."] if len(filled) > 1 else []
    return headed(source, frame.select(_days(column) for column in frame), notes)


def _days(column: pl.Series) -> pl.Series:
    """A workbook knows times only: where all of a column's are midnight, they are days.

    Examples:
        >>> _days(pl.Series(["Datum", "2025-01-31 00:00:00", None])).to_list(), _days(pl.Series(["2025-01-31 00:00:00", "2025-01-31 08:00:00"])).to_list()
        (['Datum', '2025-01-31', None], ['2025-01-31 00:00:00', '2025-01-31 08:00:00'])
    """
    times = column.filter(column.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"))
    return column.str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00$", "$1") if len(times) and times.str.ends_with(" 00:00:00").all() else column


def headed(source: Source, frame: pl.DataFrame, notes: list[str]) -> RawTable:
    """A sheet of strings -> named columns."""
    frame, header = skip_titles(frame, source.columns, notes)
    columns = named_columns(source.name, frame, frame.width, header)
    frame = frame[1:] if header else frame
    if not len(frame):
        raise ReadError(f"{source.name}: a table needs rows; the sheet has a header ({listed(columns)}) and no rows under it.")
    return RawTable(source.name, "excel", frame.rename(dict(zip(frame.columns, columns, strict=True))), source.compression, header=header, notes=notes)


def first_line(error: BaseException) -> str:
    """The first line of another library's message, short."""
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
