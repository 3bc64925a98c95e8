"""What is in memory already (a data frame, or rows) -> `RawTable`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import polars as pl

from ringsmith.data.formats.json import as_row, frame_of
from ringsmith.data.raw import RawTable
from ringsmith.errors import ReadError

MEMORY = "memory"
NOTHING = ("NAType", "NaTType")
"""What pandas puts where there is no value and no time."""


def read_memory(data: Any) -> RawTable:
    """A polars or pandas data frame, any object with Arrow's interface, a dict of columns, or rows: ``[(text, label), ...]``, dicts or texts."""
    frame = _frame(data)
    if not len(frame) or not frame.width:
        raise ReadError(f"{MEMORY}: a table needs rows; got {len(frame)} rows and {frame.width} columns.")
    return RawTable(MEMORY, "memory", frame)


def _frame(data: Any) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        if twice := [str(name) for name, times in Counter(data.columns).items() if times > 1]:
            raise ReadError(f"{MEMORY}: every column needs a name of its own; got {', '.join(map(repr, twice))} more than once. Rename them.")
        data = data.to_dict("list")  # pandas, without its Arrow bridge, which needs pyarrow
    elif hasattr(data, "__arrow_c_stream__"):
        try:
            return pl.DataFrame(data)
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise ReadError(f"{MEMORY}: a table with columns is needed; got a {type(data).__name__}, which is one column. Give the data frame it is from.") from error
    if hasattr(data, "items"):
        if wrong := [name for name, cells in data.items() if isinstance(cells, str) or not isinstance(cells, Iterable)]:
            raise ReadError(f"{MEMORY}: a dict must hold columns, {{name: [values]}}; got {data[wrong[0]]!r:.60} for {wrong[0]!r}, a {type(data[wrong[0]]).__name__}.")
        lengths = {name: len(list(cells)) for name, cells in data.items()}
        if len(set(lengths.values())) > 1:
            raise ReadError(f"{MEMORY}: columns must be of one length; got {lengths}.")
        rows: Iterable[Any] = [dict(zip(map(str, data), cells, strict=True)) for cells in zip(*data.values(), strict=True)]
    elif isinstance(data, Iterable) and not isinstance(data, (bytes, bytearray)):
        rows = data
    else:
        raise ReadError(f"{MEMORY}: a path, a data frame or rows like [(text, label), ...] are needed; got a {type(data).__name__}.")
    return frame_of([_named(_plain(row)) for row in rows])


def _named(row: Any) -> dict[str, Any]:
    """A row as an object; two cells are a text and its label."""
    if isinstance(row, list) and len(row) == 2:
        return {"text": row[0], "label": row[1]}
    if not isinstance(row, (dict, list, str)):
        raise ReadError(f"{MEMORY}: every row must be a text, (text, label) or {{column: value}}; got {row!r:.60}, a {type(row).__name__}.")
    return as_row(row, MEMORY)


def _plain(row: Any) -> Any:
    """NumPy arrays, scalars and NaN in the place of a row or inside it as plain values."""
    if isinstance(row, dict):
        return {key: _scalar(cell) for key, cell in row.items()}
    if isinstance(row, (list, tuple)) or getattr(row, "ndim", 0) == 1:  # of a NumPy array, too
        return [_scalar(cell) for cell in row]
    return row


def _scalar(cell: Any) -> Any:
    cell = cell.item() if hasattr(cell, "item") and getattr(cell, "ndim", 0) == 0 else cell
    if isinstance(cell, (set, frozenset)):
        return sorted(map(str, cell))
    if isinstance(cell, tuple):  # may be the words of a text: their order is theirs
        return [*map(str, cell)]
    if isinstance(cell, bytes | bytearray):
        return _decoded(cell)
    if cell is None or type(cell).__name__ in NOTHING or (isinstance(cell, float) and cell != cell):
        return None
    return cell if isinstance(cell, str | bool | int | float | list | dict) else str(cell)


def _decoded(cell: bytes | bytearray) -> str:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReadError(f"{MEMORY}: bytes must be text in UTF-8; got {bytes(cell)[:20]!r}. Decode them first.") from error
