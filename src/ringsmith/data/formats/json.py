"""JSON Lines and the shapes of JSON in which people keep labelled text -> `RawTable`."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import polars as pl

from ringsmith._wording import plural, without_halves
from ringsmith.data.names import split_kind
from ringsmith.data.raw import RawTable
from ringsmith.data.shape import DEEPEST
from ringsmith.data.source import Source
from ringsmith.errors import ReadError

SPLIT = "split"
HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
"""The first half of an emoji without its second, which polars takes for a character; a second half alone it refuses."""
LINE_END = re.compile(rb"\},\s*$")
"""An object that was cut out of a list with its comma."""
LARGEST = 1 << 63
"""Whole numbers from here on do not fit a column of them; they become text."""
SHAPES = "one object for each row, {column: [values]}, {split: rows}, {label: [texts]} or rows as [text, label]"


def looks_like_json(content: bytes) -> bool:
    """Whether the first character that is not blank opens an object or a list."""
    return content[:4096].lstrip()[:1] in (b"{", b"[")


def looks_like_lines(content: bytes) -> bool:
    """Whether each line is an object of its own (JSON Lines), told by the first line that is not blank; one line alone is not enough."""
    for line in content[: 1 << 24].splitlines()[:100]:
        if line.strip():
            try:
                return isinstance(json.loads(line), dict) and len(content.strip()) > len(line.strip())
            except ValueError:
                return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")
            except RecursionError:
                return False
    return False


def read_jsonl(source: Source, content: bytes, encoding: str) -> RawTable:
    """One object a line; a column that a line lacks is empty in that row.

    A broken line is refused and not left out like a row of too many cells: it is nearly always where a file was cut off, and more than this line is lost.

    Raises:
        ReadError: a line is not a JSON object; file and line are named.
    """
    lines = np.array([number for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()], dtype=np.int64)
    try:
        frame = pl.read_ndjson(content, infer_schema_length=None)
        if len(frame) != len(lines) or HALF.search(content):
            raise pl.exceptions.ComputeError("polars and our count of lines disagree")
        notes = missing_cells({column: len(frame) - _times_named(column, content) for column in frame.columns})
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        rows = [load(LINE_END.sub(b"}", line), f"{source.name}:{number}", wanted=dict) for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]
        frame, there = frame_of(rows), Counter(name for row in rows for name in row)
        notes = missing_cells({column: len(rows) - count for column, count in there.items()})
    return RawTable(source.name, "jsonl", frame, source.compression, encoding, lines=lines, notes=notes)


def _times_named(column: str, content: bytes) -> int:
    """How often a name stands in quotes before a colon, its letters beyond ASCII as they are or as numbers; as a value it names nothing."""
    spellings = {json.dumps(column, ensure_ascii=False).encode(), json.dumps(column).encode()}
    return sum(len(re.findall(re.escape(spelling) + rb"\s*:", content, re.IGNORECASE if b"\\u" in spelling else 0)) for spelling in spellings)


def missing_cells(absent: Mapping[str, int]) -> list[str]:
    """A note on each column that some lines lack: in how many."""
    return [f"The column {column!r} is missing in {plural(count, 'line')}; it is empty there." for column, count in absent.items() if count > 0]


def load(content: bytes, place: str, *, wanted: type | None = None) -> Any:
    """The JSON value in `content`.

    Raises:
        ReadError: it is broken or not of the wanted type.
    """
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ReadError(f"{place}: the brackets are nested too deeply to be a table. Write the file again.") from error
    except ValueError as error:
        one_line = wanted is dict
        mend = "Mend or remove the line" if one_line else "Mend it"
        raise ReadError(f"{place}: valid JSON is needed here; {_fault(error, one_line=one_line)}. {mend}, or write the file again.") from error
    if wanted is not None and not isinstance(value, wanted):
        raise ReadError(f'{place}: each line must be an object like {{"text": ..., "label": ...}}; got a {type(value).__name__}. Write one object a line.')
    return value


def _fault(error: ValueError, *, one_line: bool) -> str:
    """What is wrong with JSON; in a line of its own the column is enough, for its number has been told."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at {'' if one_line else f'line {error.lineno}, '}column {error.colno}"
    return str(error) if isinstance(error, UnicodeError) else f"a whole number has more than {sys.get_int_max_str_digits():,} digits"


def read_json(source: Source, content: bytes, encoding: str) -> RawTable:
    """A JSON document in one of the usual shapes.

    Raises:
        ReadError: broken JSON, or none of the known shapes.
    """
    rows, notes, split = rows_of(load(content, source.name), source.name)
    if not rows:
        raise ReadError(f"{source.name}: a table needs rows; the JSON holds none.")
    return RawTable(source.name, "json", frame_of(rows), source.compression, encoding, split_column=split, notes=notes)


def in_sequence(content: bytes) -> list[Any] | None:
    """Objects that follow each other, each over several lines; None where `content` is anything else."""
    text, found, at = content.decode("utf-8").strip(), [], 0
    decoder = json.JSONDecoder()
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
            at += len(text[at : at + 1000]) - len(text[at : at + 1000].lstrip())
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(value, dict) for value in found) else None


def read_json_objects(source: Source, rows: list[Any], encoding: str) -> RawTable:
    """Objects that follow each other without commas, as a table."""
    return RawTable(source.name, "jsonl", frame_of(rows), source.compression, encoding, notes=["The objects go over several lines each."])


def rows_of(value: Any, name: str) -> tuple[list[dict[str, Any]], list[str], str | None]:
    """JSON -> (rows as objects, notes, split column)."""
    if isinstance(value, list):
        return [as_row(item, name) for item in value], [], None
    if not isinstance(value, dict) or not value:
        raise unknown_shape(name, value)
    if all(isinstance(part, (list, dict)) and split_kind(key) for key, part in value.items()):
        rows = [{**row, SPLIT: key} for key, part in value.items() for row in rows_of(part, name)[0]]
        return rows, [f"The splits {', '.join(value)} were found in the file."], SPLIT
    columns = [part for part in value.values() if isinstance(part, (list, dict))]
    if not columns:
        return [value], [], None
    tables = list(_tables_in(value))
    inner = columns[0] if len(columns) == 1 and isinstance(columns[0], dict) else value
    if len(value) == 1 and inner is not value and len(inner) > 1 and _are_alike(inner.values()):
        return rows_of(inner, name)
    if (len(columns) > 1 or inner is not value) and len(tables) == 1 and len(tables[0][1]) > len(inner) and not _are_alike(inner.values()):
        return rows_of(tables[0][1], name)[0], [f"The rows were found in {tables[0][0]!r}."], None
    if len(columns) == len(value) and columns:
        return rows_of_columns(value, name), [], None
    if len(columns) == 1:
        return rows_of(columns[0], name)
    raise unknown_shape(name, value)


def _tables_in(value: Mapping[str, Any], above: str = "", deepest: int = DEEPEST) -> Iterator[tuple[str, list[Any]]]:
    """The lists of objects within an object, each with the names that lead to it."""
    for key, part in value.items():
        if isinstance(part, list) and part and all(isinstance(item, dict) for item in part):
            yield f"{above}{key}", part
        elif isinstance(part, dict) and deepest:
            yield from _tables_in(part, f"{above}{key}.", deepest - 1)


def _are_alike(parts: Iterable[Any]) -> bool:
    """Whether all are objects with the same names: rows, not a table and what belongs to it."""
    parts = list(parts)
    return all(isinstance(part, dict) for part in parts) and len({frozenset(part) for part in parts}) == 1


def rows_of_columns(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """``{column: [values]}``, pandas' ``{column: {row: value}}``, ``{row: {column: value}}`` or ``{label: [texts]}``."""
    parts = list(value.values())
    if all(isinstance(part, dict) for part in parts):
        inner = list(parts[0])
        if len(parts) > 1 and all(list(part) == inner for part in parts) and len(inner) >= len(parts):
            return [{column: value[column][row] for column in value} for row in inner]
        return [dict(part) for part in parts]
    if len(parts) == 1 and isinstance(parts[0], list):
        return [as_row(item, name) for item in parts[0]]
    lists = [part for part in parts if isinstance(part, list)]
    if len(lists) < len(parts):
        raise unknown_shape(name, value)
    texts = all(isinstance(item, str) and " " in item for part in lists for item in part[:20])
    if texts and len(lists) > 1:
        return [{"text": text, "label": label} for label, part in value.items() for text in part]
    if len({len(part) for part in lists}) != 1:
        raise unknown_shape(name, value)
    return [dict(zip(value, cells, strict=True)) for cells in zip(*lists, strict=True)]


def as_row(item: Any, name: str) -> dict[str, Any]:
    """One row of a list: an object, a list of cells, or a bare text."""
    if isinstance(item, dict):
        return item
    if isinstance(item, list):
        return {f"column_{number + 1}": cell for number, cell in enumerate(item)}
    if isinstance(item, str):
        return {"text": item}
    raise unknown_shape(name, item)


def unknown_shape(name: str, value: Any) -> ReadError:
    """The sentence for JSON that is no table."""
    return ReadError(f"{name}: the JSON must hold a table: {SHAPES}; got {json.dumps(value, ensure_ascii=False, default=str)[:80]} ... Write it as JSON Lines.")


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Objects -> columns; objects within them are opened, ``{"review": {"text": ...}}`` to ``review.text``.

    A column of mixed kinds becomes text: numbers as they are written, lists as JSON. An object that some rows have as null is no column of its own.
    """
    rows = [dict(opened(row)) for row in rows]
    columns = dict.fromkeys(key for row in rows for key in row)
    objects = {key[:at] for key in columns for at in range(len(key)) if key[at] == "."}
    table = [series(column, [row.get(column) for row in rows]) for column in columns]
    return pl.DataFrame([column for column in table if column.name not in objects or column.null_count() < len(column)])


def opened(row: Mapping[str, Any], prefix: str = "", deepest: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """Names and values of an object's cells, those of objects within it too; what is deeper than that stays an object."""
    for name, cell in row.items():
        if isinstance(cell, dict) and cell and deepest:
            yield from opened(cell, f"{prefix}{name}.", deepest - 1)
        else:
            yield f"{prefix}{name}", cell


def series(name: str, cells: Iterable[Any]) -> pl.Series:
    """One column of JSON values."""
    cells = list(cells)
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {list} and all(isinstance(item, str) for cell in cells if cell for item in cell):
        return pl.Series(name, [None if cell is None else [without_halves(item) for item in cell] for cell in cells], dtype=pl.List(pl.String))
    if kinds == {bool}:
        return pl.Series(name, cells, dtype=pl.Boolean)
    if kinds == {int} and all(abs(cell) < LARGEST for cell in cells if cell is not None):
        return pl.Series(name, cells, dtype=pl.Int64)
    if kinds == {float} and all(isfinite(cell) for cell in cells if cell is not None):
        return pl.Series(name, cells, dtype=pl.Float64)
    return pl.Series(name, [written(cell) for cell in cells], dtype=pl.String)


def written(cell: Any) -> str | None:
    """A JSON value as text; None stays None."""
    if cell is None:
        return None
    return without_halves(cell) if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
