"""Which column is the text, which the label: by name, then by content; never by a coin toss.

A role the user names is taken as named. Otherwise a column must be the only good one: by a telling name (see `names`), or, where no name
tells, by what it holds. Whatever stays ambiguous is a `ColumnError` that lists every column with examples.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from ringsmith._wording import first_of
from ringsmith.data import names
from ringsmith.data.cells import as_strings
from ringsmith.data.formats.header import nameless
from ringsmith.data.raw import RawTable
from ringsmith.data.split_column import find_split, refuse_no_split
from ringsmith.errors import ColumnError

SAMPLE = 10_000
NUMERIC = 0.95
"""From this share of numbers on a column counts as numbers."""
LISTED = 20
"""Columns that a message shows with examples."""
MOST_CLASSES = 1_000
JOINED = 12
"""Columns of 0 and 1 that a message writes out to be joined to labels."""


@dataclass(frozen=True)
class Asked:
    """The columns the user named; None where they are to be found."""

    text: str | None = None
    label: str | None = None
    pair: str | None = None
    group: str | None = None
    time: str | None = None
    split: str | None = None

    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(filter(None, vars(self).values()))


@dataclass(frozen=True)
class Columns:
    """The column of each role, None where there is none; and what to say about the choice."""

    text: str
    label: str | None
    pair: str | None
    group: str | None
    time: str | None
    split: str | None
    notes: tuple[str, ...] = ()

    def asked(self) -> Asked:
        """These columns as a request: a second file is read with the same ones."""
        return Asked(self.text, self.label, self.pair, self.group, self.time, self.split)


@dataclass(frozen=True)
class Profile:
    """What a column holds, measured on up to 10,000 rows.

    Attributes:
        name: the column's name.
        rows: rows that are not empty.
        distinct: number of different values.
        characters: mean length in characters.
        words: mean number of words.
        numbers: share of values that are numbers.
        listed: whether the values are lists.
        examples: two values, shortened.
    """

    name: str
    rows: int
    distinct: int
    characters: float
    words: float
    numbers: float
    listed: bool
    examples: tuple[str, ...]

    @property
    def few(self) -> bool:
        """Whether the values recur like class names."""
        return 2 <= self.distinct <= min(MOST_CLASSES, max(2, self.rows // 2)) and self.characters <= 60

    @property
    def prose(self) -> bool:
        """Whether the values read like texts: several words, mostly different."""
        return self.rows > 0 and self.numbers < 0.5 and not self.listed and self.distinct > 1 and (self.words >= 3 or self.characters >= 20) and self.distinct >= 0.2 * self.rows


def find_columns(table: RawTable, asked: Asked, *, need_labels: bool = True) -> Columns:
    """The column of each role.

    Args:
        table: the raw table.
        asked: what the user named.
        need_labels: False for prediction: a missing label column is then no fault.

    Raises:
        ColumnError: a named column does not exist, or a role is ambiguous; all columns are listed with examples.
    """
    frame = table.frame
    taken = Asked(*(None if name is None else existing(table, role, name) for role, name in vars(asked).items()))
    profiles = {name: profile(frame[name]) for name in frame.columns}
    notes: list[str] = []
    if taken.split is not None:
        refuse_no_split(table, taken.split)
    split = taken.split or table.split_column or (find_split(table, notes) if need_labels else None)
    others = [name for name in (taken.group, taken.time, split) if name is not None]
    excluded = [*others, *filter(None, (taken.label, taken.pair))]
    grouped = taken.group if _groups_are_texts(profiles, taken.group, excluded) else None
    text = taken.text or table.text_column or grouped or _text_column(table, profiles, excluded, notes, need_labels)
    _refuse_numbers(table, profiles[text], asked_for=taken.text is not None)
    pair = taken.pair or _pair_column(profiles, text, notes)
    label = taken.label or table.label_column
    if label is None and need_labels:
        label = _label_column(table, profiles, [text, *others, *filter(None, (pair,))], notes)
        _refuse_flags(table, profiles, label)
    _refuse_double(table, {"text": text, "label": label, "pair": pair})
    return Columns(text, label, pair, taken.group, taken.time, split, tuple(notes))


def is_named(columns: Sequence[str], name: str) -> bool:
    """Whether one of the columns has this name, in whatever letter case."""
    return name in columns or [column.strip().casefold() for column in columns].count(name.strip().casefold()) == 1


def existing(table: RawTable, role: str, name: str) -> str:
    """The column that `name` means: its exact name, its name in another case, or its number from 1.

    Raises:
        ColumnError: there is no such column; the nearest names are offered.
    """
    columns = table.frame.columns
    if name in columns:
        return name
    same = [column for column in columns if column.strip().casefold() == name.strip().casefold()]
    if len(same) == 1:
        return same[0]
    if name.isdecimal() and 1 <= int(name) <= len(columns):
        return columns[int(name) - 1]
    near = get_close_matches(name, columns, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    first = f" {nameless(table.frame)}" if table.header is False and table.lines is not None else ""
    raise ColumnError(f"{table.source}: --{role} must name a column; there is none called {name!r}. {hint}The columns are: {quoted(columns)}.{first}")


def profile(column: pl.Series) -> Profile:
    """Measure a column."""
    sample = spread(column, SAMPLE).drop_nulls()
    listed = isinstance(column.dtype, (pl.List, pl.Array))
    strings = as_strings(sample).str.strip_chars()
    strings = strings.filter(strings != "")
    rows = len(strings)
    if not rows:
        return Profile(column.name, 0, 0, 0.0, 0.0, 0.0, listed, ())
    lengths, words = strings.str.len_chars().mean(), (strings.str.head(5_000).str.count_matches(r"\s+") + 1).mean()
    numbers = strings.str.head(40).cast(pl.Float64, strict=False).is_not_null().mean()
    examples = tuple(names.shorten(value) for value in strings.unique(maintain_order=True).head(2))
    return Profile(column.name, rows, strings.n_unique(), _number(lengths), _number(words), _number(numbers), listed, examples)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def spread(column: pl.Series, most: int) -> pl.Series:
    """At most `most` values, evenly from the whole column: tables are often sorted by label."""
    step = -(-len(column) // most) if most else 1
    return column.gather_every(step) if step > 1 else column


def _of_name(profiles: dict[str, Profile], known: frozenset[str], excluded: Sequence[str]) -> list[Profile]:
    return [found for name, found in profiles.items() if names.plain(name) in known and name not in excluded and found.rows]


def _of_words(profiles: dict[str, Profile], known: frozenset[str], excluded: Sequence[str]) -> list[Profile]:
    """Columns in whose names a telling word stands: ``airline_sentiment``, ``reviewText``."""
    return [found for name, found in profiles.items() if names.parts(name) & known and name not in excluded and found.rows]


def _groups_are_texts(profiles: dict[str, Profile], group: str | None, excluded: Sequence[str]) -> bool:
    """Whether the column of the groups is the only one that reads like a text: grouped by the text itself, equal texts stay together."""

    def reads(name: str) -> bool:
        return profiles[name].prose or names.plain(name) in names.TEXT

    return group is not None and reads(group) and not any(reads(name) for name in profiles if name not in excluded)


def _text_column(table: RawTable, profiles: dict[str, Profile], excluded: Sequence[str], notes: list[str], need_labels: bool) -> str:
    """The text column: a telling name first, content second."""
    first = [found for found in _of_name(profiles, names.FIRST, excluded) if names.SECOND[names.plain(found.name)] in {names.plain(name) for name in profiles}]
    named = [found for found in _of_name(profiles, names.TEXT, excluded) if found.numbers < NUMERIC] or first
    named = named or [found for found in _of_words(profiles, names.TEXT, excluded) if found.prose] or _of_name(profiles, names.TEXT, excluded)
    free = [found for name, found in profiles.items() if name not in excluded and found.rows and names.plain(name) not in names.IDENTITY | names.LABEL]
    content = [found for found in free if found.prose] or ([found for found in free if not found.few and found.numbers < NUMERIC and not found.listed] if len(free) > 1 else free)
    candidates = sorted(named or content, key=lambda found: found.characters, reverse=True)
    if len(candidates) == 1 or (candidates and (named or candidates[0].characters >= 2 * candidates[1].characters)):
        if len(candidates) > 1:
            rest = ", ".join(repr(found.name) for found in candidates[1:4])
            notes.append(f"Of the columns that could be the text, {candidates[0].name!r} has the longest texts and was taken (not {rest}); --text names another.")
        return candidates[0].name
    # A text column that is empty throughout is a fault of its rows, not of the choice.
    empty = [name for name in profiles if names.plain(name) in names.TEXT and name not in excluded] or ([] if need_labels else list(profiles))
    if not candidates and len(empty) == 1:
        return empty[0]
    raise _ask(table, profiles, "text", candidates)


def _label_column(table: RawTable, profiles: dict[str, Profile], excluded: Sequence[str], notes: list[str]) -> str:
    """The label column: a strong name, a weak name, then content."""
    if len(profiles) == 1:
        raise ColumnError(
            f"{table.source}: a text column and a label column are needed; the table has one column, {listing(profiles.values())}. "
            f"Add the labels{', or check the delimiter (--delimiter)' if table.format in ('delimited', 'lines') else ''}."
        )
    if any(names.plain(name) in names.LETTER for name in excluded):
        excluded = [*excluded, *(name for name in profiles if names.plain(name) in names.HEADLINE)]
    by_words = [found for found in _of_words(profiles, names.LABEL, excluded) if found.few or found.listed]
    weak = _of_name(profiles, names.WEAK_LABEL, excluded)
    for found in (_of_name(profiles, names.LABEL, excluded), by_words, [part for part in weak if part.few or part.listed] or weak):
        if len(found) > 1:
            found = _same_thing(table, found, notes) or found
        if len(found) == 1:
            others = [repr(name) for name, other in profiles.items() if other is not found[0] and name not in excluded and (other.few or other.listed)]
            if found[0] in weak and others:
                notes.append(f"Of the columns that could be the label, {found[0].name!r} has a usual name and was taken (not {first_of(others, 4)}); --label names another.")
            return found[0].name
        if found:
            raise _ask(table, profiles, "label", found)
    free = [found for name, found in profiles.items() if name not in excluded and found.rows and names.plain(name) not in names.IDENTITY | names.TEXT]
    content = sorted((found for found in free if found.few or found.listed), key=lambda found: (-found.rows, found.distinct))
    content = content or (free if len(free) == 1 else [])
    if len(content) == 1:
        return content[0].name
    raise _ask(table, profiles, "label", content)


def _is_flag(found: Profile) -> bool:
    """Whether a column holds 0 and 1 only."""
    return found.distinct == 2 and set(found.examples) == {"0", "1"}


def _refuse_flags(table: RawTable, profiles: dict[str, Profile], label: str) -> None:
    """Raise where the label found is one of several columns of 0 and 1: which is meant, one or all of them?"""
    flags = [name for name, found in profiles.items() if _is_flag(found)]
    if label in flags and len(flags) > 2:
        raise ColumnError(
            f"{table.source}: it must be clear which column is the label; {first_of(map(repr, flags), JOINED)} all hold 0 and 1. "
            f"Name one with --label, or several, for rows with several labels: {_together(flags)}"
        )


def _together(flags: Sequence[str]) -> str:
    """The option that joins these columns to labels, as a shell takes it; all of them, for what is copied is not checked for one that lacks.

    Examples:
        >>> _together(["toxic", "threat"]), _together(["price", "on time"])
        ('--label toxic,threat', "--label 'price,on time'")
    """
    if len(flags) > JOINED:
        return f"--label {','.join(flags[:3])},... with all {len(flags)}"
    return f"--label {shlex.quote(','.join(flags))}"


def _same_thing(table: RawTable, found: list[Profile], notes: list[str]) -> list[Profile]:
    """Of columns that say the same in other words (a number and its name) the one in words; nothing where they differ."""
    frame = table.frame.select(as_strings(table.frame[part.name]) for part in found)
    if {frame.unique().height} != {frame[part.name].n_unique() for part in found}:
        return []
    best = min(found, key=lambda part: (part.numbers, part.name))
    notes.append(f"The columns {', '.join(repr(part.name) for part in found)} say the same; {best.name!r} was taken as the label.")
    return [best]


def _pair_column(profiles: dict[str, Profile], text: str, notes: list[str]) -> str | None:
    """The second text that belongs to a first one by its name (premise and hypothesis, sentence1 and sentence2)."""
    wanted = names.SECOND.get(names.plain(text))
    found = [name for name in profiles if wanted and names.plain(name) == wanted]
    if len(found) != 1:
        return None
    notes.append(f"The texts are pairs: {text!r} with {found[0]!r}.")
    return found[0]


def _refuse_numbers(table: RawTable, found: Profile, *, asked_for: bool) -> None:
    if found.numbers >= NUMERIC:
        how = "--text names" if asked_for else "the text column would be"
        raise ColumnError(
            f"{table.source}: the text column must hold texts; {how} {found.name!r}, which holds numbers ({', '.join(found.examples)}). Name the column of the texts with --text; "
            f"the columns are {quoted(table.frame.columns)}."
        )


def _refuse_double(table: RawTable, roles: dict[str, str | None]) -> None:
    """Raise where a column, or one of several that are joined, has two roles: a text that holds its label is told perfectly."""
    by_column: dict[str, list[str]] = {}
    for role, name in roles.items():
        if name is not None:
            parts = [part.strip() for part in name.split(",")]
            joined = "," in name and all(is_named(table.frame.columns, part) for part in parts)
            for column in {existing(table, role, part) for part in parts} if joined else {name}:
                by_column.setdefault(column, []).append(f"--{role}")
    for name, used in by_column.items():
        if len(used) > 1:
            raise ColumnError(f"{table.source}: a column can have one role; {name!r} would be {' and '.join(used)}. Name another column for one of them.")


def _ask(table: RawTable, profiles: dict[str, Profile], role: str, candidates: Sequence[Profile]) -> ColumnError:
    """The sentence that lists the columns and asks."""
    why = "none stands out"
    if len(candidates) > 1:
        why = f"{first_of((repr(found.name) for found in candidates), 4)} could {'both' if len(candidates) == 2 else 'all'} be it"
    if len(profiles) > LISTED:
        profiles = {found.name: found for found in [*candidates, *profiles.values()]}
    flags = [found.name for found in candidates if _is_flag(found)]
    several = f", or several, for rows with several labels ({_together(flags)})" if role == "label" and len(flags) > 1 else ""
    return ColumnError(f"{table.source}: it must be clear which column is the {role}; {why}. Name it with --{role}{several}; the columns are: {listing(profiles.values())}.")


def quoted(columns: Sequence[str]) -> str:
    """The names of columns, the first 20 of very many.

    Examples:
        >>> quoted(["text", "label"])
        "'text', 'label'"
    """
    return first_of(map(repr, columns), LISTED)


def listing(profiles: Iterable[Profile]) -> str:
    """Every column with two examples, for a message."""
    return first_of((f"{found.name!r} ({', '.join(map(repr, found.examples)) or 'empty'})" for found in profiles), LISTED, "; ")
