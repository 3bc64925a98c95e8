"""Cells of any kind as strings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl


def as_strings(column: pl.Series) -> pl.Series:
    """Any column as strings: whole floats without their ``.0``, lists joined by ``|``, objects and lists of lists as JSON.

    What polars does not write as text (bytes that are none, stretches of time, and lists of them) is written value by value: a table may hold pictures, too.
    """
    try:
        return _cast(column)
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        return pl.Series(column.name, [None if value is None else _written(value) for value in column.to_list()], dtype=pl.String)


def _written(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _cast(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    if isinstance(column.dtype, pl.List) and column.dtype.inner.is_nested():
        return pl.Series(column.name, [None if cells is None else json.dumps(cells, ensure_ascii=False, default=str) for cells in column.to_list()], dtype=pl.String)
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)
    if column.dtype.is_float() and (known := column.fill_nan(None)).eq_missing((whole := known.cast(pl.Int64, strict=False)).cast(column.dtype)).all():
        column = whole
    if isinstance(column.dtype, pl.Struct):
        return column.struct.json_encode()
    if column.dtype in (pl.Object, pl.Null):
        return pl.Series(column.name, [None if value is None else str(value) for value in column], dtype=pl.String)
    return column.cast(pl.String)


def as_texts(column: pl.Series) -> pl.Series:
    r"""A column as texts: words in a list with blanks between, objects in a list (the turns of a talk) a line each.

    Examples:
        >>> as_texts(pl.Series([["my", "phone"], None])).to_list(), as_texts(pl.Series([[{"who": "me", "said": "hi"}, {"who": "you", "said": "oh"}]])).to_list()
        (['my phone', None], ['me: hi\nyou: oh'])
    """
    if not isinstance(column.dtype, (pl.List, pl.Array)):
        return as_strings(column)
    texts = [None if cells is None else _said([cell for cell in cells if cell is not None]) for cells in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)


def _said(cells: Sequence[Any]) -> str:
    if not any(isinstance(cell, dict) for cell in cells):
        return " ".join(map(str, cells))
    return "\n".join(": ".join(str(value) for value in cell.values() if value is not None) for cell in cells)
