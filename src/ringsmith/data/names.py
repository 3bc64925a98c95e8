"""Column names that say what a column holds; the lists themselves are in names.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files

from ringsmith._wording import first_of

_LISTS = tomllib.loads(files("ringsmith.data").joinpath("names.toml").read_text(encoding="utf-8"))
TEXT, LABEL, WEAK_LABEL, IDENTITY, SPLIT, LETTER, HEADLINE = (
    frozenset(_LISTS[kind].split()) for kind in ("text", "label", "weak_label", "identity", "split", "letter", "headline")
)
SECOND: dict[str, str] = _LISTS["pairs"]
FIRST = frozenset(SECOND)
SPLIT_VALUES = {name: kind for kind, known in _LISTS["split_values"].items() for name in known.split()}
HEADER_WORDS = TEXT | FIRST | frozenset(SECOND.values()) | LABEL | WEAK_LABEL | IDENTITY | SPLIT


def plain(name: str) -> str:
    """A column name for comparing: lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", name).casefold()


def name_columns(cells: Sequence[str]) -> bool:
    """Whether these cells are the names of columns beyond doubt: short, and two of them (of three or fewer one) are usual ones."""
    return all(len(cell) <= 64 for cell in cells) and sum(plain(cell) in HEADER_WORDS for cell in cells) >= max(1, min(2, len(cells) // 2))


def parts(name: str) -> set[str]:
    """The words of a column name: at blanks, signs and inner capitals.

    Examples:
        >>> sorted(parts("airline_sentiment")), sorted(parts("reviewText"))
        (['airline', 'sentiment'], ['review', 'text'])
    """
    return {word.casefold() for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word}


def split_kind(value: str) -> str | None:
    """``"train"``, ``"valid"`` or ``"test"`` for a split's name (also ``"oos_val"``, ``"test-00000-of-00001"``); None for any other.

    Examples:
        >>> split_kind("oos_val"), split_kind("Development"), split_kind("north")
        ('valid', 'valid', None)
    """
    words = [word for word in re.split(r"[\W_\d]+", value.casefold()) if word]
    kinds = {SPLIT_VALUES[word] for word in words if word in SPLIT_VALUES}
    return kinds.pop() if len(kinds) == 1 else None


def shorten(value: str, most: int = 40) -> str:
    """`value` on one line, cut off after `most` characters."""
    value = " ".join(value[: 4 * most].split())
    return value if len(value) <= most else value[: most - 1] + "…"


def listed(columns: Sequence[str], most: int = 10) -> str:
    """The first column names, for a message."""
    return first_of(map(shorten, columns), most)
