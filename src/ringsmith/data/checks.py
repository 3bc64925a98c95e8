"""Rows and splits -> splits without leaks, and everything about the data that a reader of the results should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ringsmith._wording import first_of
from ringsmith.data.classes import alike, class_counts, is_multilabel
from ringsmith.data.describe import balance_of, first_words, histogram_of, lengths_of, quantiles_of
from ringsmith.data.duplicates import Cleaned, Conflicts, Duplicates, find_conflicts, find_duplicates, firsts, joined, without_leaks
from ringsmith.data.findings import DataFindings
from ringsmith.data.groups import number_groups
from ringsmith.data.language import guess_language
from ringsmith.data.near import THRESHOLD
from ringsmith.data.split import eval_share, hold_out
from ringsmith.errors import InputError
from ringsmith.records import Split, TextSet

RARE = 10
"""Classes with fewer rows to learn from are called rare: their scores say little."""
MUCH = 0.2
"""Share of the training rows that is left out as leaks from which on a way out is named."""
EXAMPLES = 5


def check(texts: TextSet, splits: Sequence[Split], *, turns: Sequence[Split] = (), seed: int = 0) -> tuple[list[Split], DataFindings]:
    """Take leaks out of the splits, and say what the data are like.

    Rows of training that validation or test has too leave training; rows of validation that test has too leave validation, where
    training rows choose if none stays; the test rows stay as they are. "Too" means letter for letter, but for case and punctuation,
    or nearly (a Jaccard similarity of 0.8 of character 5-grams).

    Args:
        texts: all rows, labelled.
        splits: positions in `texts`.
        turns: as `SplitPlan` has them.
        seed: of the hash functions.

    Returns:
        The splits without leaks, after them the turns without leaks and without classes that the first split does not learn (none where nothing is
        left of one, or of the validation rows), and the findings, which speak of the splits alone.

    Raises:
        InputError: no training row is left, or none to choose by.

    Examples:
        >>> texts = TextSet(["good phone", "bad phone", "Good phone!"], ["1", "0", "1"])
        >>> split = Split("holdout", np.array([0, 1]), np.array([], int), np.array([2]))
        >>> splits, findings = check(texts, [split])
        >>> splits[0].train.tolist(), findings.leaks
        ([1], {'holdout': {'train': 1, 'valid': 0}})
    """
    duplicates = find_duplicates(texts, seed=seed)
    cleaned = [without_leaks(split, duplicates, splits[0].test) for split in splits]
    for before, after in zip(splits, cleaned, strict=True):
        if not len(after.split.train):
            raise _all_leaks(texts, "Training", "validation and test", len(before.train))
    known = _classes_learnt(texts, [part.split for part in cleaned])
    robbed = [len(after.split.valid) == 0 < len(before.valid) for before, after in zip(splits, cleaned, strict=True)]
    cleaned = [_with_choosers(texts, part, duplicates, seed) if empty else part for part, empty in zip(cleaned, robbed, strict=True)]
    conflicts = find_conflicts(texts.labels, duplicates.same) if texts.labels is not None else Conflicts(0, 0, [])
    findings = _with_duplicates(describe(texts), texts, duplicates, cleaned, conflicts)
    findings = replace(findings, rare_classes=rare_classes(texts, [part.split for part in cleaned]), rare_below=RARE)
    further = [without_leaks(turn, duplicates, cleaned[0].split.test).split for turn in turns]
    lost: list[str] = []
    if len(known) < len(findings.classes):
        further = [_of_classes(texts, turn, known) for turn in further]
        lost = _lost_classes([name for name in _classes_learnt(texts, splits) if name not in known], grouped=texts.groups is not None)
    lost = lost or ([] if texts.groups is not None else _recurring(splits, cleaned))
    whole = not any(robbed) and all(len(turn.train) and len(turn.valid) for turn in further)
    notes = [*lost, *_stand_ins(robbed), *_notes(findings, duplicates, cleaned)]
    return [part.split for part in cleaned] + (further if whole else []), replace(findings, notes=notes)


def _all_leaks(texts: TextSet, part: str, others: str, rows: int) -> InputError:
    """The sentence for a part of which the other parts have every row too."""
    together = "Keep equal texts together by naming their column as --group too, add" if texts.groups is None else "Add"
    return InputError(
        f"{part} needs rows that {others} do not have too; all {rows:,} {part.lower()} rows are duplicates of those. {together} rows with other texts, or give other test rows."
    )


def _with_choosers(texts: TextSet, part: Cleaned, duplicates: Duplicates, seed: int) -> Cleaned:
    """`part`, whose validation rows were all leaks, with others out of its training rows; what is alike stays on one side, and so do groups.

    Raises:
        InputError: all training rows are alike, or of one group.
    """
    learnt = part.split.train
    alike = duplicates.same if part.near_kept else duplicates.near
    if texts.groups is not None:
        alike = joined(alike, np.stack([firsts(number_groups(texts.groups).astype(np.uint64)), np.arange(len(texts))], axis=1))
    if len(np.unique(alike[learnt])) < 2:
        raise _all_leaks(texts, "Validation", "training and test", part.valid)
    rest, valid = hold_out(replace(texts.take(learnt), groups=[str(number) for number in alike[learnt]]), eval_share(len(learnt)), seed)
    return replace(part, split=replace(part.split, train=learnt[rest], valid=learnt[valid]))


def _stand_ins(robbed: Sequence[bool]) -> list[str]:
    """A sentence where training rows choose, for all validation rows were leaks."""
    where = "" if len(robbed) == 1 else f" in {sum(robbed)} of {len(robbed)} folds"
    return [f"All validation rows say the same as test rows{where}, and were left out; training rows choose in their place."] if any(robbed) else []


def _recurring(splits: Sequence[Split], cleaned: Sequence[Cleaned]) -> list[str]:
    """A sentence where much of training is left out because validation or test say the same: equal texts kept together would lose none of it."""
    share = sum(part.train for part in cleaned) / max(sum(len(split.train) for split in splits), 1)
    if share <= MUCH:
        return []
    return [f"{share:.0%} of the training rows say the same as rows that choose or test, and are left out. Keep equal texts together by naming their column as --group too."]


def _lost_classes(lost: Sequence[str], *, grouped: bool) -> list[str]:
    """A sentence on classes all of whose training rows were leaks."""
    if not lost:
        return []
    way_out = "" if grouped else " Keep equal texts together by naming their column as --group too."
    what, whose = ("is a class", "its") if len(lost) == 1 else ("are classes", "their")
    return [f"{first_of(map(repr, lost), 4)} {what} that cannot be learnt: all of {whose} training rows say the same as rows that choose or test, and were left out.{way_out}"]


def _classes_learnt(texts: TextSet, splits: Sequence[Split]) -> dict[str, int]:
    rows = np.unique(np.concatenate([split.train for split in splits])) if splits else np.zeros(0, dtype=np.int64)
    return class_counts([texts.labels[at] for at in rows.tolist()] if texts.labels else [])


def _of_classes(texts: TextSet, turn: Split, known: Mapping[str, int]) -> Split:
    """`turn` without training rows of other classes: leaks may have taken the last row that the first split had of one."""
    labels = texts.labels or []
    keep = [set(names if isinstance(names := labels[at], tuple) else (names,)) <= known.keys() for at in turn.train.tolist()]
    return replace(turn, train=turn.train[np.array(keep, dtype=np.bool_)])


def describe(texts: TextSet) -> DataFindings:
    """Findings that need no comparison of rows: lengths, language, classes."""
    series = pl.Series(list(texts.texts), dtype=pl.String)
    words, characters = lengths_of(series)
    language, share, scripts = guess_language(texts.texts)
    labels = texts.labels or []
    counts = class_counts(labels)
    return DataFindings(
        rows=len(texts),
        language=language,
        language_share=share,
        scripts=scripts,
        classes=counts,
        majority_share=round(max(counts.values(), default=0) / max(len(texts), 1), 4),
        balance=balance_of(counts),
        labels_per_row=round(sum(counts.values()) / max(len(texts), 1), 3) if is_multilabel(labels) else 1.0,
        words=quantiles_of(words),
        characters=quantiles_of(characters),
        words_histogram=histogram_of(words),
        pairs=texts.pairs is not None,
        groups=None if texts.groups is None else len(set(texts.groups) - {""}),
    )


def rare_classes(texts: TextSet, splits: Sequence[Split]) -> dict[str, int]:
    """The classes with fewer than `RARE` rows in training and validation, all splits together: label -> number of those rows."""
    learnt = np.unique(np.concatenate([rows for split in splits for rows in (split.train, split.valid)])) if splits else np.arange(len(texts))
    counts = class_counts([texts.labels[at] for at in learnt.tolist()] if texts.labels else [])
    return {name: count for name, count in counts.items() if count < RARE}


def _with_duplicates(findings: DataFindings, texts: TextSet, duplicates: Duplicates, cleaned: Sequence[Cleaned], conflicts: Conflicts) -> DataFindings:
    own = np.arange(len(texts))
    exact = int((duplicates.exact != own).sum())
    return replace(
        findings,
        exact_duplicates=exact,
        near_duplicates=int((duplicates.near != own).sum()) - exact,
        near_threshold=THRESHOLD,
        near_rows_checked=duplicates.near_rows,
        duplicate_examples=_duplicate_examples(texts, duplicates),
        leaks={part.split.name: {"train": part.train, "valid": part.valid} for part in cleaned},
        conflicts=conflicts.texts,
        conflicting_rows=conflicts.rows,
        conflict_examples=[_conflict_example(texts, positions.tolist()) for positions in conflicts.examples],
    )


def _duplicate_examples(texts: TextSet, duplicates: Duplicates) -> list[Mapping[str, Any]]:
    """The first pairs of each kind; near ones first, for they are the ones to look at."""
    own = np.arange(len(texts))
    near = np.flatnonzero((duplicates.near != own) & (duplicates.exact == own))[:3]
    exact = np.flatnonzero(duplicates.exact != own)[: EXAMPLES - len(near)]
    found = [("near", int(at), int(duplicates.near[at])) for at in near] + [("exact", int(at), int(duplicates.exact[at])) for at in exact]
    return [{"rows": [int(texts.rows[first]), int(texts.rows[at])], "texts": first_words([texts.texts[first], texts.texts[at]]), "kind": kind} for kind, at, first in found]


def _conflict_example(texts: TextSet, positions: Sequence[int]) -> Mapping[str, Any]:
    assert texts.labels is not None
    labels = (texts.labels[i] for i in positions)
    names = Counter(label if isinstance(label, str) else " + ".join(label) or "(none)" for label in labels)
    return {"text": first_words([texts.texts[positions[0]]])[0], "labels": dict(names.most_common()), "rows": [int(row) for row in texts.rows[list(positions)]][:20]}


def _templates(cleaned: Sequence[Cleaned]) -> list[str]:
    """One sentence about training rows that stay though they are nearly like others, whatever the number of folds."""
    kept = sorted(part.near_kept for part in cleaned if part.near_kept)
    if not kept:
        return []
    where = cleaned[0].split.name if len(cleaned) == 1 else f"{len(kept)} of {len(cleaned)} folds"
    rows = f"{kept[0]:,}" if kept[0] == kept[-1] else f"{kept[0]:,} to {kept[-1]:,}"
    return [
        f"{where}: {rows} more training rows are nearly like validation or test rows; so many seem to be the nature of these data (templates). They stay, and scores may flatter."
    ]


def _notes(findings: DataFindings, duplicates: Duplicates, cleaned: Sequence[Cleaned]) -> list[str]:
    """The findings that need a sentence."""
    notes = _templates(cleaned)
    if duplicates.near_rows < findings.rows:
        notes.append(f"Near duplicates were looked for among {duplicates.near_rows:,} of {findings.rows:,} rows, taken at random: comparing all would take too long.")
    if duplicates.unchecked:
        notes.append(f"{duplicates.unchecked:,} near duplicates were told by their signatures alone (estimated similarity 0.8 and more), not compared letter by letter.")
    if findings.rare_classes:
        what, whose = ("1 class has", "its") if len(findings.rare_classes) == 1 else (f"{len(findings.rare_classes):,} classes have", "their")
        notes.append(f"{what} fewer than {findings.rare_below} rows to learn from: {whose} scores say little.")
    if spellings := alike(findings.classes):
        shown = first_of((" and ".join(map(repr, names[:3])) for names in spellings), 3, "; ")
        notes.append(f"Classes whose names hardly differ: {shown}. Write them alike if they mean the same.")
    return notes
