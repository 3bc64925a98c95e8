"""Rows -> who trains, who chooses, who judges: the user's own division, or one made here, the same for the same seed.

In this order: a test set of the user's, a split column, times (the latest rows test), groups (none cut apart), else stratified by class.
Where one part would be too small to tell candidates apart, five folds take turns at testing and choosing: below 1,000 rows, where it would have too few
groups, or (below 3,000 rows) too few rows outside the largest class; below 3,000 at choosing alone, where the user's own rows test. Else one holdout, and
turns in which its training rows may choose as well, should the validation rows not do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith._wording import plural
from ringsmith.data.classes import MIN_ROWS, compare_labels, require_classes, strata
from ringsmith.data.groups import assign_groups, number_groups
from ringsmith.data.names import split_kind
from ringsmith.errors import ColumnError, InputError, OptionError
from ringsmith.records import FEWER, Floats, Label, Rows, Split, TextSet

FEW_ROWS = 1_000
FEW_TO_CHOOSE = 3_000
"""Where the user's rows test: of 1,200 rows in 150 classes, the 180 held out once chose a candidate 3.1 points below the best, all of them in turns the best; the 360
of 2,400 called two alike that were 2.1 points apart (LOG.md)."""
ENOUGH_TO_CHOOSE = 50_000
"""From so many rows on those held out, a tenth, are enough to choose by: no others take turns."""
FEW_GROUPS = 8
"""Fewer groups than these, however they are answered, show no difference between five candidates."""
FEW_OTHERS = 8
"""Nor do fewer rows than these outside the largest class, however many there are of it."""
FOLDS, FEWEST_FOLDS = 5, 3
FEWEST_LEARNT = 50
"""Training rows of the first point of a learning curve: fewer say nothing of what more would do."""
UNEVEN = 0.2
"""Share by which a half may be off."""
EVAL_ROWS = 1_000
LEAST, MOST = 0.10, 0.15
"""Validation and test get 1,000 rows each, but at least 10 % and at most 15 % of all."""


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """Splits and how they were made.

    Attributes:
        texts: the rows the positions mean: the training table, and after it the user's test rows, if any.
        splits: one split, or one for each fold.
        how: half a sentence for the terminal and the report: ``"stratified, seed 0"``.
        notes: what a reader should know, one sentence each.
        turns: further splits without test rows, where chance divided once and nobody asked for one split: a part of the training rows
            chooses in each, and the others are learnt from with the validation rows.
    """

    texts: TextSet
    splits: list[Split]
    how: str
    notes: tuple[str, ...] = ()
    turns: tuple[Split, ...] = ()


def make_splits(
    texts: TextSet,
    *,
    seed: int = 0,
    folds: int | None = None,
    test: TextSet | None = None,
    split_names: Sequence[str] | None = None,
    times: Floats | None = None,
    min_rows: int = MIN_ROWS,
) -> list[Split]:
    """The splits of `plan_splits`, without what is said about them; positions from ``len(texts)`` on mean the rows of `test`."""
    return plan_splits(texts, seed=seed, folds=folds, test=test, split_names=split_names, times=times, min_rows=min_rows).splits


def plan_splits(
    texts: TextSet,
    *,
    seed: int = 0,
    folds: int | None = None,
    test: TextSet | None = None,
    split_names: Sequence[str] | None = None,
    times: Floats | None = None,
    min_rows: int = MIN_ROWS,
) -> SplitPlan:
    """Divide `texts` into training, validation and test rows.

    Args:
        texts: labelled rows.
        seed: the same seed gives the same division.
        folds: number of folds, 1 for one holdout; None: five below 1,000 rows (3,000 where `test` is given) and where one holdout would have too few
            groups, else one holdout.
            Not used where validation rows are given or times divide.
        test: the user's test rows: they judge, with the first split if there are several; the rest trains and chooses.
        split_names: each row's split by name; names of training, validation and test in any usual spelling.
        times: each row's time: the latest rows test, those before them choose.
        min_rows: fewest rows of a class, where the division is made here.

    Raises:
        LabelError: one class only, a class with too few rows, or a test set that shares no label with training.
        ColumnError: no training rows, or too few groups.
        OptionError: fewer than one fold, or more folds than rows.
    """
    if folds is not None and folds < 1:
        raise OptionError(f"'folds' must be at least 1 (one split); got {folds}. Use 5, the usual number, or leave it out.")
    if test is not None:
        return _user_test(texts, test, folds, seed)
    if split_names is not None:
        return _user_names(texts, split_names, folds, seed)
    if times is not None:
        require_classes(texts, min_rows=1)
        return _by_time(texts, times)
    number = _folds_of(texts) if folds is None else folds
    require_classes(texts, min_rows=min_rows)
    if number > 1:
        return SplitPlan(texts, _folds(texts, number, seed), f"{number} folds, {_manner(texts)}, seed {seed}")
    split = _holdout(texts, seed)
    notes = (*compare_labels(texts.take(split.train), texts.take(split.test)), *_of_others(texts, split))
    return SplitPlan(texts, [split], f"{_manner(texts)}, seed {seed}", notes, _turns_of(texts, [split], folds, seed))


def _folds_of(texts: TextSet) -> int:
    """Five folds (or as many as there are groups, three at least) where one part would have too few rows or groups, or too few of other classes than the largest, to choose by."""
    return min(FOLDS, max(FEWEST_FOLDS, _units(texts))) if len(texts) < FEW_ROWS or _has_few_groups(texts) or _has_few_others(texts) else 1


def _others(labels: Sequence[Label]) -> int:
    """Rows that are not of the largest class: of 1,500 letters and 15 pieces of spam the 15 tell candidates apart."""
    return len(labels) - int(np.bincount(strata(labels)).max(initial=0))


def _has_few_others(texts: TextSet) -> bool:
    """Whether one part would have too few rows outside the largest class to choose by, though rows are not so many that several trainings would take long."""
    return len(texts) < FEW_TO_CHOOSE and _others(texts.labels or []) * eval_share(len(texts)) < FEW_OTHERS


def _of_others(texts: TextSet, split: Split) -> list[str]:
    """A sentence where hardly any of the rows that choose is of another class than the largest."""
    labels = [(texts.labels or [])[at] for at in split.valid.tolist()]
    others = _others(labels)
    if others >= FEW_OTHERS:
        return []
    largest = Counter(labels).most_common(1)[0][0]
    name = largest if isinstance(largest, str) else " + ".join(largest) or "no label"
    return [
        f"{plural(others, 'validation row')} of {len(labels):,} {'is' if others == 1 else 'are'} not {name!r}, too few to tell candidates apart. Give more such rows, or --folds 5."
    ]


def _has_few_groups(texts: TextSet) -> bool:
    """Whether rows come in groups of which one part would have too few to choose by, though not in so many rows that several trainings would take long."""
    return texts.groups is not None and len(texts) < ENOUGH_TO_CHOOSE and _units(texts) * eval_share(len(texts)) < FEW_GROUPS


def _manner(texts: TextSet) -> str:
    return "stratified" if texts.groups is None else "no group cut apart, stratified as far as groups allow"


def eval_share(rows: int) -> float:
    """Share of the rows that validation gets, and test as well.

    Examples:
        >>> eval_share(2_000), eval_share(8_000), eval_share(50_000)
        (0.15, 0.125, 0.1)
    """
    return min(max(EVAL_ROWS / max(rows, 1), LEAST), MOST)


def _folds(texts: TextSet, folds: int, seed: int) -> list[Split]:
    """Fold i tests part i, chooses by part i + 1 and trains on the others (with two folds the other part is halved)."""
    part = even_parts(texts, folds, seed)
    splits = []
    for i in range(folds):
        test, rest = np.flatnonzero(part == i), part != i
        if folds == 2:
            left, valid = hold_out(texts.take(np.flatnonzero(rest)), 0.3, seed)
            position = np.flatnonzero(rest)
            splits.append(Split(f"fold-{i + 1}", position[left], position[valid], test))
        else:
            chooses = part == (i + 1) % folds
            splits.append(Split(f"fold-{i + 1}", np.flatnonzero(rest & ~chooses), np.flatnonzero(chooses), test))
    return splits


def even_parts(texts: TextSet, folds: int, seed: int) -> Rows:
    """The part of each row, from 0: parts of one size, each class even among them, or as even as groups allow."""
    if folds > len(texts):
        raise OptionError(f"'folds' must be at most the number of rows ({len(texts)}); got {folds}. Use 5, the usual number.")
    if texts.groups is not None:
        return assign_groups(texts.groups, strata(texts.labels or []), [1 / folds] * folds, seed)
    order = _shuffled_by_class(texts, seed)
    part = np.empty(len(texts), dtype=np.int64)
    part[order] = np.arange(len(texts)) % folds
    return part


def _holdout(texts: TextSet, seed: int) -> Split:
    share = eval_share(len(texts))
    if texts.groups is not None:
        part = assign_groups(texts.groups, strata(texts.labels or []), [1 - 2 * share, share, share], seed)
        return Split("holdout", *(np.flatnonzero(part == i) for i in range(3)))
    order = _shuffled_by_class(texts, seed)
    taken = _every(order, 2 * share, seed)
    # Taken in the order of classes, so turns between test and validation keep both even within each class.
    part = np.zeros(len(texts), dtype=np.int64)
    part[taken[::2]], part[taken[1::2]] = 2, 1
    _every_class(part, order, strata(texts.labels or []))
    return Split("holdout", *(np.flatnonzero(part == i) for i in range(3)))


def _every_class(part: Rows, order: Rows, classes: Rows) -> None:
    """Give test (2) and then validation (1) a row of every class that their shares left without one, as long as training (0) keeps one.

    A class of six rows has 0.9 of them in test on average: where it is none, macro F1 does not know that the class exists.
    """
    for number in np.unique(classes):
        mine = order[classes[order] == number]
        for lacking in (2, 1):
            spare = mine[part[mine] == 0]
            if not (part[mine] == lacking).any() and len(spare) > 1:
                part[spare[0]] = lacking


def _shuffled_by_class(texts: TextSet, seed: int) -> Rows:
    """All positions, class after class, in random order within each."""
    chance = np.random.default_rng(seed).permutation(len(texts))
    return np.lexsort((chance, strata(texts.labels or []))).astype(np.int64)


def _every(order: Rows, share: float, seed: int) -> Rows:
    """Every 1/share-th of `order`, from a random start: each class then gives its share to within one row."""
    steps = np.floor(np.arange(len(order) + 1) * share + np.random.default_rng((seed, 1)).random())
    return order[np.flatnonzero(np.diff(steps) > 0)]


def hold_out(texts: TextSet, share: float, seed: int) -> tuple[Rows, Rows]:
    """(the rest, about `share` of the rows), by group or stratified; the rest is never empty and, without groups, keeps the only row of a class."""
    if texts.groups is not None:
        if _units(texts) < 2:
            raise ColumnError(
                "--group needs at least 2 groups besides those that test, to learn from and to choose by; got 1. Leave --group out, or take --folds 3 of three groups."
            )
        part = assign_groups(texts.groups, strata(texts.labels or []), [1 - share, share], seed)
        return np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    order = _shuffled_by_class(texts, seed)
    taken = _every(order, share, seed)
    taken = taken[~_alone(texts)[taken]]
    if not len(taken) and len(order) > 1:
        taken = order[-1:]
    return np.setdiff1d(order, taken), np.sort(taken)


def join(texts: TextSet, test: TextSet) -> TextSet:
    """`texts` with the rows of `test` after them; their row numbers go on after the last one of `texts`."""
    first = int(texts.rows.max(initial=-1)) + 1

    def both(one: Sequence[str] | None, other: Sequence[str] | None) -> list[str] | None:
        return None if one is None and other is None else [*(one or [""] * len(texts)), *(other or [""] * len(test))]

    labels = None if texts.labels is None or test.labels is None else [*texts.labels, *test.labels]
    return TextSet([*texts.texts, *test.texts], labels, both(texts.pairs, test.pairs), both(texts.groups, test.groups), np.concatenate([texts.rows, test.rows + first]))


def _user_test(texts: TextSet, test: TextSet, folds: int | None, seed: int) -> SplitPlan:
    require_classes(texts, min_rows=1)
    notes = compare_labels(texts, test)
    splits, how = _choosers(texts, np.arange(len(test), dtype=np.int64) + len(texts), folds, seed)
    return SplitPlan(join(texts, test), splits, f"your test set; {how}", tuple(notes), _turns_of(texts, splits, folds, seed))


def _user_names(texts: TextSet, split_names: Sequence[str], folds: int | None, seed: int) -> SplitPlan:
    parts, notes = _parts(split_names), []
    if not len(parts["test"]) and len(parts["valid"]):
        notes.append("The split column has no test rows: its validation rows test, and validation rows were taken from training.")
        parts["test"], parts["valid"] = parts["valid"], parts["test"]
    if not len(parts["train"]) or not len(parts["test"]):
        got = ", ".join(map(repr, sorted(set(split_names))[:5]))
        raise ColumnError(f"The split column must name training rows and test rows; got {got}. Use the names train, valid and test, or leave it out.")
    learn, test = np.sort(np.concatenate([parts["train"], parts["valid"]])), parts["test"]
    require_classes(texts.take(learn), min_rows=1)
    turns: tuple[Split, ...] = ()
    splits, how = [Split("user", parts["train"], parts["valid"], test)], "your split column"
    if not len(parts["valid"]):
        found, ways = _choosers(texts.take(learn), test, folds, seed)
        splits = [Split(split.name, learn[split.train], learn[split.valid], split.test) for split in found]
        how += f"; {ways}"
        turns = _turns_of(texts, splits, folds, seed)
    notes += compare_labels(texts.take(splits[0].train), texts.take(test))
    return SplitPlan(texts, splits, how, tuple(notes), turns)


def _choosers(texts: TextSet, test: Rows, folds: int | None, seed: int) -> tuple[list[Split], str]:
    """Training and validation rows out of `texts` where `test` is given, and how they were made.

    Of few rows all choose, in turns, and the first turn's model is the one that the test rows judge: of 308 rows, a few dozen that
    are held out once took a candidate 12 points below the best (LOG.md).
    """
    if folds is None:
        folds = _folds_of_few(texts) if (len(texts) < FEW_TO_CHOOSE or _has_few_groups(texts)) and _units(texts) >= 2 * FOLDS else 1
    if folds == 1:
        train, valid = hold_out(texts, eval_share(len(texts)), seed)
        return [Split("user", train, valid, test)], f"validation taken from training, {_manner(texts)}, seed {seed}"
    part, none = _learnt_first(texts, even_parts(texts, folds, seed)), np.zeros(0, dtype=np.int64)
    splits = [Split(f"fold-{i + 1}", np.flatnonzero(part != i), np.flatnonzero(part == i), none if i else test) for i in range(folds)]
    return splits, f"{folds} folds of training choose, {_manner(texts)}, seed {seed}"


def _turns_of(texts: TextSet, splits: Sequence[Split], folds: int | None, seed: int) -> tuple[Split, ...]:
    """Turns that follow the only split, if it was not asked for: a quarter of its training rows chooses in each; test rows have no part in them."""
    (first, *others), none = splits, np.zeros(0, dtype=np.int64)
    if folds is not None or others or len(texts) >= ENOUGH_TO_CHOOSE or _units(learnt := texts.take(first.train)) < 2 * FOLDS:
        return ()
    part = even_parts(learnt, FOLDS - 1, seed)
    rest = [np.sort(np.concatenate([first.train[part != i], first.valid])) for i in range(FOLDS - 1)]
    return tuple(Split(f"turn-{i + 2}", rest[i], first.train[part == i], none) for i in range(FOLDS - 1))


def with_fewer(texts: TextSet, split: Split, seed: int) -> tuple[Split, ...]:
    """A split with a half and with a quarter of its training rows, the quarter within the half, for learning curves; without test rows.

    Nothing where a quarter would be fewer than `FEWEST_LEARNT` rows, or groups are too few, or too uneven, to be halved.
    """
    if len(split.train) < 4 * FEWEST_LEARNT:
        return ()
    kept, found, none = split.train, [], np.zeros(0, dtype=np.int64)
    for ending in FEWER:
        rows = texts.take(kept)
        if rows.groups is not None and _units(rows) < 2 * FOLDS:
            return ()
        part = even_parts(rows, 2, seed)
        if abs(2 * np.mean(part == 0) - 1) > UNEVEN:
            return ()
        kept = kept[part == 0]
        found.append(Split(split.name + ending, kept, split.valid, none))
    return tuple(found)


def _learnt_first(texts: TextSet, part: Rows) -> Rows:
    """Where a class has one row, the first fold learns from it: its model is the one handed over."""
    return np.where(_alone(texts) & (part == 0), 1, part) if texts.groups is None else part


def _alone(texts: TextSet) -> npt.NDArray[np.bool_]:
    """Whether a row (n,) is the only one of its class."""
    classes = strata(texts.labels or [])
    return np.asarray(np.bincount(classes)[classes] == 1)


def _units(texts: TextSet) -> int:
    """How many rows or groups can be divided."""
    return len(texts) if texts.groups is None else int(number_groups(texts.groups).max(initial=-1)) + 1


def _folds_of_few(texts: TextSet) -> int:
    """Five folds; where most classes have fewer rows, as many as those have (three at least).

    Of four rows of a class in five folds, one that chooses would always be judged by a model that learnt three of its own class and four of
    most others, which puts all that learns behind what does not.
    """
    return int(min(FOLDS, max(FEWEST_FOLDS, np.median(np.bincount(strata(texts.labels or []))))))


def _parts(split_names: Sequence[str]) -> dict[str, Rows]:
    """Split kind -> positions."""
    kinds = {name: split_kind(name) for name in set(split_names)}
    found = np.array([kinds[name] for name in split_names])
    return {kind: np.flatnonzero(found == kind) for kind in ("train", "valid", "test")}


def _by_time(texts: TextSet, times: Floats) -> SplitPlan:
    """The latest rows test, those before them choose; rows of one moment stay together."""
    order = np.argsort(times, kind="stable").astype(np.int64)
    wanted = len(order) * eval_share(len(order))
    changes = np.flatnonzero(np.diff(times[order]) > 0) + 1
    if len(changes) < 2:
        raise InputError(f"Rows can be split by time only if they have three different times or more; got {len(changes) + 1}. Leave --time out.")
    second = _nearest(changes[1:], len(order) - wanted)
    # Where many rows are of the latest time, those before them still have to be divided: half of what validation wants is the least.
    first = _nearest(changes[changes < second], min(len(order) - 2 * wanted, second - wanted / 2))
    parts = [order[:first], order[first:second], order[second:]]
    notes = (*compare_labels(texts.take(parts[0]), texts.take(parts[2])), *_late_groups(texts, parts))
    return SplitPlan(texts, [Split("holdout", *(np.sort(part) for part in parts))], "by time: the latest rows test", notes)


def _late_groups(texts: TextSet, parts: list[Rows]) -> tuple[str, ...]:
    if texts.groups is None:
        return ()
    both = {texts.groups[i] for i in parts[0]} & {texts.groups[i] for i in parts[2]} - {""}
    return (f"{len(both)} groups have rows on both sides of the time split; --time goes before --group.",) if both else ()


def _nearest(positions: Rows, wanted: float) -> int:
    """The one of these positions that is nearest to `wanted`."""
    return int(positions[np.abs(positions - round(wanted)).argmin()])
