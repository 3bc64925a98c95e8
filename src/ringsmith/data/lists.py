"""Cells that hold a list as text: JSON, what Python writes (``['a', 'b']``, ``('a',)``, ``{'a'}``, ``set()``), what NumPy writes (``['a' 'b']``), bare ``[a, b]``.

pandas writes a column of lists so. Nothing is evaluated but the strings in quotes, one by one.
"""

from __future__ import annotations

import ast
import json
import re

import polars as pl

WRITTEN = r"(?s)^(?:\[.*\]|\{.*\}|\(\s*\)|\(.*,.*\)|(?:frozen)?set\(.*\))$"
"""How a list may be written; something in round brackets without a comma is none."""
IN_QUOTES = r"""^[\[{(fst].*["']\s*,?\s*[\]})]+$"""
ITEM = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|([^\s"',:\[\](){}][^"',:\[\](){}]*))(?:\s*,\s*|\s+(?=["'])|\s*\Z)""", re.DOTALL)
"""A string in quotes, or a word without, and what parts it from the next: a comma or, as in NumPy, a blank."""
NOTHING = ("None", "null", "nan", "NaN")
"""Items without quotes that are no labels."""


def are_lists(cells: pl.Series, *, typed: bool) -> bool:
    """Whether all cells are written as lists, or most of them and some with quotes inside; where lists were lists in the source (`typed`), whether any is.

    Examples:
        >>> [are_lists(pl.Series(cells), typed=False) for cells in (["['a', 'b']", "set()", "c"], ["[a]", "b"], ["(a)", "(b)"])]
        [True, False, False]
    """
    if typed and (cells.str.starts_with("[") & cells.str.ends_with("]")).any():
        return True
    lists = cells.str.contains(WRITTEN)
    return bool(lists.all() or (2 * lists.sum() > len(cells) and (lists & cells.str.contains(IN_QUOTES)).any()))


def is_list(cell: str) -> bool:
    """Whether a cell is written as a list."""
    return re.search(WRITTEN, cell) is not None


def read_list(cell: str) -> list[object] | None:
    r"""The items of a list that is written as text, objects and lists among them only where it is JSON; None where it cannot be read.

    Examples:
        >>> read_list('["a", 1, null]'), read_list("['a' 'b']"), read_list("[a, b c]"), read_list("('a',)"), read_list("set()")
        (['a', '1'], ['a', 'b'], ['a', 'b c'], ['a'], [])
        >>> read_list("frozenset({'a', \"it's\"})"), read_list("['a"), read_list("{'a': 1}")
        (['a', "it's"], None, None)
    """
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return _items(cell)
    if not isinstance(found, list):
        return None if found else []
    return [item if isinstance(item, str | list | dict) else json.dumps(item) for item in found if item is not None and item == item]


def _items(cell: str) -> list[object] | None:
    """The items of a list that is no JSON."""
    if cell.startswith(("set(", "frozenset(")):
        cell = cell[cell.index("(") + 1 : -1] or "()"
    inside, position = cell[1:-1], 0
    items: list[object] = []
    while inside.strip() and position < len(inside):
        match = ITEM.match(inside, position)
        if match is None:
            return None
        quoted, bare = match.groups()
        if bare is None or bare.strip() not in NOTHING:
            items.append(_unquoted(quoted) if bare is None else bare.strip())
        position = match.end()
    return items


def _unquoted(text: str) -> str:
    """What stands in quotes, with what Python writes for signs that cannot stand there; as it is where that is no Python."""
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text[1:-1]
