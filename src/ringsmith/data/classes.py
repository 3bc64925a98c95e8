"""Which classes there are, and which have too few rows to be learnt and judged."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith._wording import first_of, plural
from ringsmith.data.table import LabelledTable
from ringsmith.errors import LabelError
from ringsmith.records import Label, TextSet

MIN_ROWS = 5
"""Fewest rows of a class that can be split: every fold of five then tests it once."""


def is_multilabel(labels: Sequence[Label]) -> bool:
    """Whether the labels are tuples."""
    return len(labels) > 0 and isinstance(labels[0], tuple)


def class_counts(labels: Sequence[Label]) -> dict[str, int]:
    """Label -> number of rows that carry it, largest first, equals by name."""
    if is_multilabel(labels):
        counts: Mapping[str, int] = Counter(name for names in labels for name in names)
    else:
        counts = Counter(cast(Sequence[str], labels))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def strata(labels: Sequence[Label]) -> npt.NDArray[np.int64]:
    """A class number for each row to stratify by, int64 (n,): its label, or (multi-label) its rarest one; 0 ... in the order of names."""
    if is_multilabel(labels):
        counts = class_counts(labels)
        names = [min(row, key=lambda name: (counts[name], name)) if row else "" for row in labels]
    else:
        names = cast(list[str], labels if isinstance(labels, list) else list(labels))
    series = pl.Series(names, dtype=pl.String)
    known = series.unique().sort()
    return series.cast(pl.Enum(known)).to_physical().to_numpy().astype(np.int64)


def keep_classes(table: LabelledTable, min_rows: int) -> LabelledTable:
    """`table` without the rows of classes that have fewer than `min_rows` rows (``--min-rows``); they are counted as dropped.

    In multi-label data the rare labels are taken off their rows; no row is dropped.

    Raises:
        LabelError: fewer than two classes would be left.
    """
    labels = table.texts.labels or []
    counts = class_counts(labels)
    rare = {name: count for name, count in counts.items() if count < min_rows}
    if not rare:
        return table
    if len(counts) - len(rare) < 2:
        name, most = next(iter(counts.items()))
        raise LabelError(
            f"{table.findings.source}: --min-rows must leave two classes or more; {min_rows:,} leaves {len(counts) - len(rare)} of {len(counts)}: "
            f"the largest, {name!r}, has {most:,} row{'s' if most > 1 else ''}. Give a smaller number."
        )
    names = first_of((f"{name!r} ({count})" for name, count in rare.items()), 5)
    were, hint = "was" if len(rare) == 1 else "were", _slips(counts, list(rare)).rstrip()
    hint = hint and f" {hint}"
    if is_multilabel(labels):
        kept = [tuple(name for name in row if name not in rare) for row in labels]
        notes = [
            *table.findings.notes,
            f"{plural(len(rare), 'label')} with fewer than {min_rows} rows {were} taken off {'its' if len(rare) == 1 else 'their'} rows: {names}.{hint}",
        ]
        return replace(table, texts=replace(table.texts, labels=kept), findings=replace(table.findings, notes=notes))
    keep = np.flatnonzero(np.array([label not in rare for label in labels]))
    reason = f"class below {min_rows} rows"
    findings = replace(
        table.findings,
        rows_used=len(keep),
        dropped={**table.findings.dropped, reason: len(labels) - len(keep)},
        notes=[*table.findings.notes, f"{plural(len(rare), 'class', 'classes')} with fewer than {min_rows} rows {were} left out: {names}.{hint}"],
    )
    split_names = None if table.split_names is None else [table.split_names[i] for i in keep.tolist()]
    times = None if table.times is None else table.times[keep]
    return LabelledTable(table.texts.take(keep), findings, split_names, times)


def require_classes(texts: TextSet, *, min_rows: int = MIN_ROWS) -> None:
    """Raise unless there are two classes, each with enough rows to be split.

    Raises:
        LabelError: one class only, the same labels in all rows, or a class below `min_rows` rows: which, and how many it has.
    """
    labels = texts.labels or []
    counts = class_counts(labels)
    if len(counts) < 2 and not (is_multilabel(labels) and len(counts) == 1):
        only = f"only {next(iter(counts))!r}" if counts else "no label at all"
        raise LabelError(f"Two classes or more are needed; got {only} in {plural(len(labels), 'row')}. Check which column is the label (--label), or add rows of another class.")
    if is_multilabel(labels) and len(set(labels)) < 2:
        raise LabelError(f"Rows must differ in their labels; all {len(labels):,} carry {' + '.join(counts) or 'none'}. Check which column is the label (--label).")
    rare = [] if is_multilabel(labels) else [(name, count) for name, count in counts.items() if count < min_rows]
    if rare:
        named = first_of((f"{name!r} has {count}" for name, count in rare), 5)
        way_out = f"leave such classes out with --min-rows {min_rows}" if len(counts) - len(rare) > 1 else "name another column as the label (--label)"
        least = min(count for _, count in rare)
        keep = f", or keep all of them with --min-rows {least} and trust their scores little" if least > 1 else ""
        hint = _slips(counts, [name for name, _ in rare])
        raise LabelError(f"Every class needs at least {min_rows} rows to be split into training, validation and test; {named}. {hint}Add rows, or {way_out}{keep}.")


def _slips(counts: Mapping[str, int], rare: Sequence[str]) -> str:
    """A sentence, with a blank behind it, on rare classes whose names hardly differ from a larger one's; nothing where there are none."""
    largest = {name: found[0] for found in alike(counts) for name in found[1:] if name in rare}
    shown = first_of((f"{name!r} from {other!r} ({plural(counts[other], 'row')})" for name, other in largest.items()), 3)
    return f"Hardly different: {shown}; write them alike if they mean the same. " if largest else ""


def alike(names: Iterable[str]) -> list[list[str]]:
    """Names of classes that differ in case, blanks, leading zeros or the like alone, which may be one class in several spellings.

    Examples:
        >>> alike(["Spam", "spam", "ham", "01", "1", "-1", "e-mail", "e mail"])
        [['Spam', 'spam'], ['01', '1'], ['e-mail', 'e mail']]
    """
    spellings: dict[str, list[str]] = {}
    for name in names:
        plain = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", unicodedata.normalize("NFKC", name).casefold())
        spellings.setdefault(re.sub(r"\b0+(?=\d)", "", plain), []).append(name)
    return [found for found in spellings.values() if len(found) > 1]


def compare_labels(train: TextSet, test: TextSet) -> list[str]:
    """What to say about labels that only one of the two sets has.

    Raises:
        LabelError: they share none.
    """
    known, asked = class_counts(train.labels or []), class_counts(test.labels or [])
    new = [name for name in asked if name not in known]
    if asked and len(new) == len(asked):
        raise LabelError(
            f"The test rows must have labels that training knows; they share none: training has {first_of(map(repr, known), 4)}, "
            f"the test rows have {first_of(map(repr, asked), 4)}. Check --label, or write the labels alike in both files."
        )
    notes = []
    if new:
        rows = sum(asked[name] for name in new)
        notes.append(f"The test rows have labels that training never has ({first_of(map(repr, dict.fromkeys(new)), 4)}): {rows:,} of them cannot be right and count as wrong.")
    if asked and (unasked := [name for name in known if name not in asked]):
        notes.append(f"Training has labels that no test row has ({first_of(map(repr, dict.fromkeys(unasked)), 4)}): how well they are told is not measured.")
    return notes
