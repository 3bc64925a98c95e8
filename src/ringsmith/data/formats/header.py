"""Which row of a table names its columns, and what the columns are called."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ringsmith.data import names
from ringsmith.errors import ColumnError

MOST_TITLES = 10
"""So many rows above the names of the columns, at most."""
SAMPLE = 5_000
NAME, QUESTION = 64, 200
"""Most letters of a name, and of a question that is one."""
RECURS = 5
"""So often stands each value of a column of few."""
STRAYS = 0.05
"""Share of the rows that may hold rarer values: were a name above them a value, it would be one of those."""
NO_VALUE = frozenset({"nan", "null", "none", "na"})


def skip_titles(frame: pl.DataFrame, asked: Sequence[str], notes: list[str]) -> tuple[pl.DataFrame, bool]:
    """`frame` from the row on that names the columns, where there is one, and whether there is; what was decided without doubt is not noted.

    Args:
        frame: all rows.
        asked: names of columns that the user, or a model, speaks of: a row that has them is the one that names the columns.
        notes: are added to.
    """
    above = title_rows(frame, asked)
    if above:
        what = "1 row above the names of the columns was" if above == 1 else f"{above} rows above the names of the columns were"
        notes.append(f"{what} skipped ({names.shorten(' '.join(filter(None, frame.row(0))))!r}).")
    frame = frame[above:]
    header = bool(above) or has_header(frame, asked)
    if not header and frame.width > 1 and len(frame):
        notes.append(nameless(frame))
    if header and not share_asked(_first(frame), asked) and is_guessed(frame):
        notes.append(f"The first row ({_in_quotes(frame)}) was taken for the names of the columns.")
    return frame, header


def title_rows(frame: pl.DataFrame, asked: Sequence[str] = ()) -> int:
    """How many rows stand above the one that names the columns: a title, blanks, names over several columns; each leaves more cells empty than the names do.

    Columns that hold nothing at all, as spreadsheets leave them behind, do not count.
    """
    frame = frame.head(SAMPLE)
    used = [column.name for column in frame if (column.fill_null("").str.strip_chars() != "").any()]
    frame = frame.select(used)
    rows = [_first(frame[number:]) for number in range(min(len(frame), MOST_TITLES + 1))]
    filled = [sum(map(bool, cells)) for cells in rows]
    for number, cells in enumerate(rows):
        is_below_titles = number > 0 and max(filled[:number]) < filled[number]
        if (is_below_titles or not number) and share_asked(cells, asked) == 1:
            return number
        if all(cells):
            return number if is_below_titles and len(cells) > 1 and (names.name_columns(cells) or _are_proven(cells, frame[number + 1 :])) else 0
    return 0


def has_header(frame: pl.DataFrame, asked: Sequence[str] = ()) -> bool:
    """Whether the first row names the columns: names that are asked for, known names, or cells that are unlike what stands below them.

    A column may have the name of one of its values (``spam,text`` above rows of ham and spam), but then another one has a known name.
    """
    if not len(frame):
        return False
    first, body = _first(frame), frame[1 : SAMPLE + 1]
    if share_asked(first, asked):
        return True
    known = [names.plain(cell) in names.HEADER_WORDS for cell in first]
    if len(first) == 1:
        return known[0]
    if any(len(cell) > NAME for cell in first) or not any(first):
        return _are_proven(first, body)
    like_below = [bool(cell) and _continues(cell, body.to_series(number)) for number, cell in enumerate(first)]
    if any(like_below):
        return not any(map(_is_number, first)) and any(name and not like for name, like in zip(known, like_below, strict=True))
    return any(known) or all(len(cell.split()) <= 3 for cell in first) or _are_proven(first, body)


def _first(frame: pl.DataFrame) -> list[str]:
    """The cells of the first row, each on one line."""
    return [" ".join((cell or "").split()) for cell in frame.row(0)]


def share_asked(cells: Sequence[str], asked: Sequence[str]) -> float:
    """Share of the names that are asked for, in whatever letter case, which these cells are; names joined by commas count one by one, numbers mean places.

    Examples:
        >>> share_asked(["Title", "what is it?"], ["title,body", "1"]), share_asked(["good, bad", "x"], ["Good, bad"])
        (0.5, 1.0)
    """
    here = {cell.casefold() for cell in cells}
    whole = [" ".join(name.split()).casefold() for name in asked]
    parts = [part.strip() for name in whole for part in ([name] if name in here else name.split(","))]
    wanted = {part for part in parts if part and not part.isdecimal()}
    return len(wanted & here) / len(wanted) if wanted else 0.0


def _are_proven(cells: Sequence[str], below: pl.DataFrame) -> bool:
    """Whether what stands below proves these cells names: one is unlike all of it, and none is like it."""
    columns = [(cell, below.to_series(number).drop_nulls().str.strip_chars()) for number, cell in enumerate(cells) if cell]
    if any(len(cell) > QUESTION or _is_number(cell) or _continues(cell, column) for cell, column in columns):
        return False
    return any(_is_name(cell, column) for cell, column in columns)


def _is_name(cell: str, below: pl.Series) -> bool:
    """Whether `cell` stands above numbers, or above values that recur and is none of them."""
    if names.plain(cell) in NO_VALUE or not any(map(str.isalpha, cell)):
        return False
    below = below.filter(below != "")
    if len(below) > 1 and not below.head(200).cast(pl.Float64, strict=False).null_count():
        return True
    counts = below.value_counts(name="rows")["rows"]
    strays = int(counts.filter(counts < RECURS).sum()) + 1
    return strays <= STRAYS * (len(below) + 1) and not (below == cell).any()


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
    return f"The first row ({_in_quotes(frame)}) was taken for a row like the others, not for the names of the columns; if it names them, say so with --text."


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
