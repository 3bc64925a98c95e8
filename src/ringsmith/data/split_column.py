"""The column that names each row's split: found by its name and values, or named and checked."""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from ringsmith._wording import first_of, plural
from ringsmith.data import names
from ringsmith.data.cells import as_strings
from ringsmith.data.raw import RawTable
from ringsmith.errors import ColumnError

MOST_SPLITS, SHOWN = 20, 3


def find_split(table: RawTable, notes: list[str]) -> str | None:
    """A column named like one, all of whose values name splits, and more than one; where only some do it is passed over, and that is said."""
    for column in table.frame:
        if names.plain(column.name) not in names.SPLIT:
            continue
        cells = _stripped(column)
        values = cells.filter(cells != "").unique(maintain_order=True).to_list()
        known = [value for value in values if names.split_kind(value)]
        if not known or len(values) > MOST_SPLITS:
            continue
        if len(values) == len(known) > 1:
            notes.append(f"The column {column.name!r} says which rows are for training, validation and test; it is followed.")
            return column.name
        why = f"holds {_strange(table, cells)}. Mend it if it is meant" if len(known) < len(values) else f"names {known[0]!r} only"
        notes.append(f"The column {column.name!r} is not followed as the split, for it {why}.")
    return None


def refuse_no_split(table: RawTable, column: str) -> None:
    """Raise where a column that is named as the split holds other values than names of splits.

    Raises:
        ColumnError: file, line, value, how many rows, and what may have been meant.
    """
    cells = _stripped(table.frame[column])
    strange = _strange(table, cells)
    if strange or (cells == "").all():
        held = strange or "nothing"
        raise ColumnError(
            f"{table.source}: a split column must name each row's split (train, valid or test); {column!r} (--split) holds {held}. Mend the rows, or leave --split out."
        )


def _stripped(column: pl.Series) -> pl.Series:
    return as_strings(column).fill_null("").str.strip_chars()


def _strange(table: RawTable, cells: pl.Series) -> str:
    """The first values that name no split, with the first line, the number of rows and the name that may be meant; empty where there are none."""
    strange = [value for value in cells.filter(cells != "").unique(maintain_order=True).to_list() if not names.split_kind(value)]
    told = []
    for value in strange[:SHOWN]:
        here = cells == value
        near = get_close_matches(value.casefold(), names.SPLIT_VALUES, n=1, cutoff=0.7)
        meant = f"; did you mean {names.SPLIT_VALUES[near[0]]!r}?" if near else ""
        told.append(f"{names.shorten(value)!r} ({plural(int(here.sum()), 'row')}, first: {table.place(int(here.arg_max() or 0))}{meant})")
    return first_of([*told, *strange[SHOWN:]], SHOWN)
