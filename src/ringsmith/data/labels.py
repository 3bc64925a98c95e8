"""A column of labels -> `Label`s: strings, or tuples of strings where a row may have several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith._wording import plural
from ringsmith.data import names
from ringsmith.data.cells import as_strings
from ringsmith.data.lists import are_lists, is_list, read_list
from ringsmith.data.raw import RawTable
from ringsmith.errors import LabelError
from ringsmith.records import Label

MISSING = ("", "nan", "null", "<na>", "#n/a", "n/a")
"""Spellings (in any case) of a label that is not there."""
PERHAPS_MISSING = ("na", "n.a.", "n. a.", "k.a.", "k. a.", "none", "-", "--", "?")
"""What may be the name of a class as well, and is taken for one; it is said."""
NONE_OF_THEM = "[]"
"""A cell that says that a row has none of the labels, where an empty one says that nobody has looked."""
MARKS = ("|", ";", ",")
"""What may stand between the labels of a row."""
AMOUNT, FRACTION = r"^[€$£¥]?\s?[+-]?\d{1,3}(?:[.,' ]?\d{3})*(?:[.,]\d+)?\s?[€$£¥%]?$", r"[.,]\d{1,2}\D*$"
"""A number as people write it: ``1.234,50 €``, ``$1,234.50``, ``12,5 %``; and how one that is not whole ends."""
SCORES = 20
"""More different numbers than this, some with a fraction, are a score, not classes."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of all rows.

    Attributes:
        values: n labels; ``""`` where there is none.
        missing: bool (n,): rows without a label.
        multilabel: whether values are tuples.
        notes: what was found, one sentence each.
        separator: what stood between the labels of a row, None where nothing did.
    """

    values: Sequence[Label]
    missing: npt.NDArray[np.bool_]
    multilabel: bool
    notes: tuple[str, ...] = ()
    separator: str | None = None


def read_labels(table: RawTable, column: str, *, separator: str | None = None, several: bool | None = None) -> Labels:
    """The labels in `column`.

    Args:
        table: the raw table.
        column: name of the label column.
        separator: what stands between the labels of a row; None: JSON and Python lists are recognised, and ``|``, ``;`` and ``,`` where there is no doubt;
            ``""``: no more than that even if there may be several.
        several: True: a row may have several labels, and what separates them is taken without being beyond doubt. False: each has one, which may
            stand alone in a list, and nothing separates. None: it is found.

    Raises:
        LabelError: no labels at all, a list that cannot be read, a list of several where each row has one, or numbers that are scores.
    """
    cells = table.frame[column]
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        if cells.dtype.inner.is_nested() or cells.dtype.inner in (pl.Binary, pl.Duration):
            raise _of_objects(table.source, column)
        found = _of_lists(cells)
        return _one_each(table, column, found) if several is False else found
    strings = as_strings(cells)
    bare = strings.str.strip_chars()
    notes: list[str] = []
    padded = int((bare != strings).sum())
    if padded and cells.dtype == pl.String:
        notes.append(f"{plural(padded, 'label')} had blanks around, which were taken off.")
    missing = (bare.is_null() | bare.str.to_lowercase().is_in(MISSING)).fill_null(True)
    if missing.all():
        raise LabelError(f"{table.source}: labels are needed; the column {column!r} is empty in all {len(bare):,} rows. Name another column with --label.")
    known = bare.filter(~missing)
    typed = table.format in ("json", "jsonl", "memory")
    bracketed = are_lists(known, typed=typed)
    # What stands between the items of lists parts no labels; beside labels that a mark parts, [] is none of them.
    if several is not False and not are_lists(known.filter(known != NONE_OF_THEM), typed=typed):
        separator = separator or _separator(known) or (_likeliest_separator(known) if several and separator is None and not bracketed else None)
    if separator or bracketed:
        found = _of_strings(table, column, bare, missing, separator, notes)
        return _one_each(table, column, found) if several is False and not separator else found
    bare = _whole_numbers(known, bare, notes)
    _refuse_scores(table, column, known)
    if several is None and (doubtful := _separator(known, beyond_doubt=False)) is not None:
        example = known.filter(known.str.contains(doubtful, literal=True))[0]
        notes.append(f"{names.shorten(example)!r} is taken for the name of one class; if these are several labels of one row, say --task multilabel.")
    if nothing := known.filter(known.str.to_lowercase().is_in(PERHAPS_MISSING)).unique(maintain_order=True).to_list():
        which = f"{' and '.join(map(repr, nothing))} {'is taken for a class' if len(nothing) == 1 else 'are taken for classes'}"
        notes.append(f"{which}; rows without a label are those whose cell is empty, nan, null or N/A.")
    return Labels(bare.fill_null("").set(missing, "").to_list(), missing.to_numpy(), False, tuple(notes))


def _of_lists(cells: pl.Series) -> Labels:
    """Typed lists; an empty list is a row without any of the labels, null is a row without a label."""
    column = cells.arr.to_list() if isinstance(cells.dtype, pl.Array) else cells
    inner = column.cast(pl.List(pl.String)).to_list()
    values: list[Label] = [tuple(sorted({name.strip() for name in names if name and name.strip()})) if names is not None else "" for names in inner]
    values = [value if value != "" else () for value in values]
    return Labels(values, cells.is_null().to_numpy(), True, (_several("lists", values),))


def _several(how: str, values: Sequence[Label]) -> str:
    """The note on labels of which a row may have several."""
    none_has = "; none has, so --task classification may be meant" if all(len(value) == 1 for value in values) else ""
    return f"The labels are {how}: a row may have several (multi-label){none_has}."


def _one_each(table: RawTable, column: str, found: Labels) -> Labels:
    """The one label of each list; an empty list is a row without a label.

    Raises:
        LabelError: a list of several.
    """
    many = next((at for at, value in enumerate(found.values) if len(value) > 1), None)
    if many is not None:
        raise LabelError(
            f"{table.source}: {table.place(many)}: classification needs one label for each row; the list in {column!r} has {len(found.values[many])}: "
            f"{', '.join(map(repr, found.values[many][:5]))}. Say --task multilabel, or leave --task out."
        )
    values: list[Label] = [value[0] if value else "" for value in found.values]
    return Labels(values, np.asarray([value == "" for value in values]), False)


def _of_objects(place: str, column: str) -> LabelError:
    return LabelError(f"{place}: labels must be names or lists of names; the column {column!r} holds lists of objects. Name another column with --label.")


def _separator(known: pl.Series, *, beyond_doubt: bool = True) -> str | None:
    """``|``, ``;`` or ``,`` where rows with several labels share them with other rows, in varying number.

    Class names with a separator inside (``Toys|Cars``) have more parts than wholes, or always the same number of parts.
    """
    wholes = known.unique()
    for mark in MARKS:
        combined = wholes.filter(wholes.str.contains(mark, literal=True))
        if not len(combined) or len(wholes) > 100_000:
            continue
        parts = wholes.str.split(mark).list.eval(pl.element().str.strip_chars())
        atoms = parts.explode()
        if (atoms == "").any() or atoms.n_unique() >= len(wholes) or parts.list.len().n_unique() == 1 or atoms.str.len_chars().mean() >= 40:  # type: ignore[operator]
            continue
        # Names of classes have commas and blanks inside ("Toys, games"); lists of numbers ("2,17") have no blanks.
        prose = mark == "," and wholes.str.contains(r"\s").any()
        if not prose or not beyond_doubt or _are_recombined(parts, atoms.n_unique()):
            return mark
    return None


def _are_recombined(parts: pl.Series, atoms: int) -> bool:
    """Whether the same parts come together in many ways, or in different orders: nobody names classes so."""
    return 2 * atoms <= len(parts) or parts.list.sort().n_unique() < len(parts)


def _likeliest_separator(known: pl.Series) -> str | None:
    """The mark that stands in most labels, None where none does."""
    found = {mark: int(known.str.contains(mark, literal=True).sum()) for mark in MARKS}
    best = max(found, key=lambda mark: found[mark])
    return best if found[best] else None


def _of_strings(table: RawTable, column: str, bare: pl.Series, missing: pl.Series, separator: str | None, notes: list[str]) -> Labels:
    """Lists that are written as strings: each different one is taken apart once."""
    places = {value: position for position, value in reversed(list(enumerate(bare.to_list())))} if not separator else {}
    taken: dict[str, tuple[str, ...]] = {}
    for value in bare.filter(~missing).unique(maintain_order=True).to_list():
        parts = value.split(separator) if separator else _parts(value, f"{table.source}: {table.place(places[value])}", column) if is_list(value) else [value]
        taken[value] = tuple(sorted({part.strip() for part in parts} - {"", NONE_OF_THEM}))
    how = f"separated by {separator!r}" if separator else "written as lists"
    values: list[Label] = [taken.get(value, ()) for value in bare.to_list()]
    if unlabelled := int(missing.sum()):
        notes.append(
            f"{plural(unlabelled, 'cell')} of {column!r} {'is' if unlabelled == 1 else 'are'} empty: taken for rows that nobody has labelled, and left out. "
            f"Write {NONE_OF_THEM} into cells that mean none of the labels."
        )
    return Labels(values, missing.to_numpy(), True, (*notes, _several(how, [value for value, gone in zip(values, missing, strict=True) if not gone])), separator)


def _parts(value: str, place: str, column: str) -> list[str]:
    """The labels of a list that is written as text."""
    found = read_list(value)
    if found is None:
        raise LabelError(f'{place}: the labels in {column!r} are written as lists, and this one cannot be read: {value[:60]!r}. Write it as a JSON list: ["a", "b"].')
    names = [item for item in found if isinstance(item, str)]
    if len(names) < len(found):
        raise _of_objects(place, column)
    return names


def _whole_numbers(known: pl.Series, bare: pl.Series, notes: list[str]) -> pl.Series:
    """``1.0`` as ``1`` where all labels are whole numbers with a point (pandas writes them so when one is missing)."""
    if not known.str.contains(r"^[+-]?\d+\.0+$").all():
        return bare
    notes.append("The labels are whole numbers written with a point ('1.0'); they are used without it ('1').")
    return bare.str.replace(r"\.0+$", "")


def _refuse_scores(table: RawTable, column: str, known: pl.Series) -> None:
    """Raise where the labels are measurements: many different numbers, some with a fraction, written in any way."""
    distinct = known.unique(maintain_order=True)
    if len(distinct) <= SCORES:
        return
    numbers = distinct.str.head(40).cast(pl.Float64, strict=False)
    what = ""
    if not numbers.null_count() and (numbers % 1 != 0).any():
        what = f"numbers from {numbers.to_numpy().min():g} to {numbers.to_numpy().max():g}"
    elif distinct.str.contains(AMOUNT).all() and distinct.str.contains(FRACTION).any():
        what = f"numbers such as {distinct[0]!r} and {distinct[1]!r}"
    if what:
        raise LabelError(
            f"{table.source}: labels must be classes; the column {column!r} holds {len(distinct):,} different {what}, a score. "
            "Make classes of them (e.g. low, medium, high), or name another column with --label."
        )
