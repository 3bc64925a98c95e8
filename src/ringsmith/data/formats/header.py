"""Whether the first row of a table names its columns, and what the columns are called."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ringsmith.data import names
from ringsmith.errors import ColumnError

MOST_TITLES = 10
"""So many rows above the names of the columns, at most."""


def title_rows(frame: pl.DataFrame) -> int:
    """How many rows stand above the one that names the columns: a title, blanks, names over several columns; each leaves a cell empty, the names none."""
    first = [[(cell or "").strip() for cell in row] for row in frame.head(MOST_TITLES + 1).rows()]
    for number, cells in enumerate(first):
        if all(cells):
            return number if number and len(cells) > 1 and names.name_columns(cells) else 0
    return 0


def without_titles(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """`frame` from the row on that names the columns."""
    above = title_rows(frame)
    if above:
        what = "1 row above the names of the columns was" if above == 1 else f"{above} rows above the names of the columns were"
        notes.append(f"{what} skipped ({names.shorten(' '.join(filter(None, frame.row(0))))!r}).")
    return frame[above:]


def has_header(frame: pl.DataFrame) -> bool:
    """Whether the first row names the columns: known names, or cells that are unlike what stands below them.

    A column may have the name of one of its values (``spam,text`` above rows of ham and spam), but then another one has a known name.
    """
    if not len(frame):
        return False
    first = [(cell or "").strip() for cell in frame.row(0)]
    known = [names.plain(cell) in names.HEADER_WORDS for cell in first]
    if len(first) == 1:
        return known[0]
    if any(len(cell) > 64 for cell in first) or not any(first):
        return False
    body = frame[1:5001]
    like_below = [bool(cell) and _continues(cell, body.to_series(number)) for number, cell in enumerate(first)]
    if any(like_below):
        return not any(map(_is_number, first)) and any(name and not like for name, like in zip(known, like_below, strict=True))
    return sum(known) >= 1 or all(len(cell.split()) <= 3 for cell in first)


def is_guessed(frame: pl.DataFrame) -> bool:
    """Whether the first row names the columns by its looks alone: none is a usual word, has one joined to others (``review_text``) or stands above numbers.

    Names that are numbered (``v1``, ``v2``) are not guessed; a row of short cells is like all others.
    """
    cells = [cell for cell in frame.row(0) if cell]
    usual = any(names.plain(cell) in names.HEADER_WORDS or (len(cell.split()) == 1 and names.parts(cell) & names.HEADER_WORDS) for cell in cells)
    numbered = len(cells) > 1 and len({cell.rstrip("0123456789") for cell in cells}) == 1
    return not usual and not numbered and not any(_is_number(cell) for column in frame[1:] for cell in column.drop_nulls().head(1))


def nameless(frame: pl.DataFrame) -> str:
    """The note on a table without names of columns."""
    return f"The first row ({_in_quotes(frame)}) was taken for a row like the others, not for the names of the columns."


def guessed(frame: pl.DataFrame) -> str:
    """The note on names of columns that may be a row."""
    return f"The first row ({_in_quotes(frame)}) was taken for the names of the columns."


def _in_quotes(frame: pl.DataFrame) -> str:
    return ", ".join(repr(names.shorten(cell or "", 20)) for cell in frame.row(0)[:4])


def _continues(cell: str, below: pl.Series) -> bool:
    """Whether `cell` is of a kind with the cells below it: a number among numbers, or one of a few values that recur."""
    below = below.drop_nulls()
    if not len(below):
        return False
    if _is_number(cell):
        return below.head(200).cast(pl.Float64, strict=False).null_count() < len(below.head(200))
    return bool((below == cell).sum() >= 2 and below.n_unique() <= max(2, len(below) // 2))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def named_columns(name: str, frame: pl.DataFrame, width: int, header: bool) -> list[str]:
    """Column names: of the header, where it has them."""
    if not header:
        return [f"column_{number + 1}" for number in range(width)]
    return unique_names(name, [" ".join((cell or "").split()) or f"column_{number + 1}" for number, cell in enumerate(frame.row(0)[:width])])


def unique_names(name: str, columns: Sequence[str]) -> list[str]:
    """`columns` as they are.

    Raises:
        ColumnError: two have the same name.
    """
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        where = "; ".join(f"{column!r} is the name of columns {' and '.join(str(i + 1) for i, other in enumerate(columns) if other == column)}" for column in twice)
        raise ColumnError(f"{name}:1: every column needs a name of its own; {where}. Rename or remove one.")
    return list(columns)
