"""Splits: nothing twice, nothing lost, even within a row, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringsmith.data.classes import strata
from ringsmith.data.groups import assign_groups, number_groups
from ringsmith.data.split import eval_share, join, make_splits, plan_splits
from ringsmith.errors import ColumnError, InputError, LabelError, OptionError
from ringsmith.records import Split, TextSet

SOME = settings(max_examples=40)
SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(5, 300), min_size=2)


def texts_of(sizes: dict[str, int], groups: list[str] | None = None) -> TextSet:
    """Rows of these classes, class after class."""
    labels = [name for name, count in sizes.items() for _ in range(count)]
    return TextSet([f"text {i}" for i in range(len(labels))], labels, groups=groups)


def parts(split: Split) -> list[np.ndarray]:
    """Train, valid, test."""
    return [split.train, split.valid, split.test]


@SOME
@given(SIZES, st.integers(0, 5), st.sampled_from([1, 2, 3, 5]))
def test_every_split_is_a_partition(sizes: dict[str, int], seed: int, folds: int) -> None:
    """Disjoint, complete, none empty; over the folds every row tests once."""
    texts = texts_of(sizes)
    splits = make_splits(texts, seed=seed, folds=folds)
    for split in splits:
        assert sorted(np.concatenate(parts(split)).tolist()) == list(range(len(texts)))
        assert all(len(part) for part in parts(split)[:1])
    if folds > 1:
        assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(len(texts)))


@SOME
@given(SIZES, st.integers(0, 5))
def test_a_holdout_is_stratified_within_one_row(sizes: dict[str, int], seed: int) -> None:
    """Each class gives its share to validation and to test; one that is too small for a row of its own gives one all the same."""
    texts = texts_of(sizes)
    share = eval_share(len(texts))
    small = sum(share * size < 1 for size in sizes.values())
    (split,) = make_splits(texts, seed=seed, folds=1)
    assert texts.labels is not None
    for part in (split.valid, split.test):
        counts = Counter(texts.labels[i] for i in part)
        assert all(abs(counts[name] - share * size) <= 1 + 1e-9 for name, size in sizes.items())
        assert -1 - 1e-9 <= len(part) - share * len(texts) <= 1 + small + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_a_holdout_judges_every_class(seed: int) -> None:
    """Five rows of 1,200 have 0.67 in test on average: there is one all the same, one to choose by, and three to learn from."""
    texts = texts_of({"often": 1_190, "rarely": 5, "hardly": 5})
    (split,) = make_splits(texts, seed=seed, folds=1)
    for name in ("rarely", "hardly"):
        assert [sum(texts.labels[at] == name for at in part) for part in (split.train, split.valid, split.test)] == [3, 1, 1]  # type: ignore[index]
    assert len(split.train) + len(split.valid) + len(split.test) == 1_200


@SOME
@given(SIZES, st.integers(0, 5), st.integers(2, 5))
def test_folds_are_stratified_within_one_row(sizes: dict[str, int], seed: int, folds: int) -> None:
    """Each class is spread evenly over the folds."""
    texts = texts_of(sizes)
    assert texts.labels is not None
    for split in make_splits(texts, seed=seed, folds=folds):
        counts = Counter(texts.labels[i] for i in split.test)
        assert all(abs(counts[name] - size / folds) < 1 for name, size in sizes.items())


@SOME
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), min_size=60, max_size=300), st.integers(0, 3), st.sampled_from([1, 2, 5]))
def test_no_group_is_cut_apart(rows: list[tuple[str, int]], seed: int, folds: int) -> None:
    """Train, valid and test share no group."""
    labels, groups = [label for label, _ in rows] + ["a", "b"] * 5, [str(group) for _, group in rows] + [f"own {i}" for i in range(10)]
    texts = TextSet([f"text {i}" for i in range(len(labels))], labels, groups=groups)
    for split in make_splits(texts, seed=seed, folds=folds):
        seen = [{groups[i] for i in part} for part in parts(split)]
        assert not seen[0] & seen[1]
        assert not (seen[0] | seen[1]) & seen[2]
        assert sum(map(len, parts(split))) == len(texts)
        assert all(seen)


def test_groups_are_nearly_as_even_as_rows() -> None:
    """200 groups of unlike sizes and classes: every part's class shares are within two points."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 4000)
    classes = (rng.random(4000) < 0.2 + 0.3 * (groups % 3 == 0)).astype(np.int64)
    part = assign_groups([str(group) for group in groups], classes, [0.8, 0.1, 0.1], 0)
    for number, share in enumerate([0.8, 0.1, 0.1]):
        assert abs((part == number).mean() - share) < 0.02
        assert abs(classes[part == number].mean() - classes.mean()) < 0.02


def test_rows_without_a_group_stand_alone() -> None:
    """They are no group of one name that would have to stay together: half of the rows, and still every part has its share."""
    names = [f"author {i // 2}" if i % 2 else "" for i in range(1_200)]
    (split,) = make_splits(TextSet([f"text {i}" for i in range(1_200)], ["a", "b"] * 600, groups=names))
    assert [len(part) for part in parts(split)] == [840, 180, 180]
    assert number_groups(["b", "", "a", "b", ""]).tolist() == [1, 2, 0, 1, 3]


def test_same_seed_same_split_other_seed_another() -> None:
    """Reproducible, and not constant."""
    texts = texts_of({"a": 600, "b": 600})
    first, again, other = (make_splits(texts, seed=seed)[0] for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(parts(first), parts(again), strict=True))
    assert not np.array_equal(first.test, other.test)


def test_few_rows_make_five_folds_many_rows_one_holdout() -> None:
    """The border is 1,000 rows; shares are 10 to 15 %."""
    assert [split.name for split in make_splits(texts_of({"a": 500, "b": 499}))] == ["fold-1", "fold-2", "fold-3", "fold-4", "fold-5"]
    assert [(split.name, len(split.train), len(split.valid), len(split.test)) for split in make_splits(texts_of({"a": 10_000, "b": 10_000}))] == [("holdout", 16_000, 2_000, 2_000)]
    assert [eval_share(n) for n in (10, 1_000, 8_000, 10**6)] == [0.15, 0.15, 0.125, 0.1]


def test_fold_roles_take_turns() -> None:
    """Fold i tests part i and chooses by part i + 1."""
    splits = make_splits(texts_of({"a": 50, "b": 50}), folds=5)
    for now, following in zip(splits, [*splits[1:], splits[0]], strict=True):
        assert np.array_equal(now.valid, following.test)


def test_multi_label_rows_are_stratified_by_their_rarest_label() -> None:
    """A rare label is in every fold."""
    labels = [("common", "rare") if i % 10 == 0 else ("common",) for i in range(100)]
    texts = TextSet([f"text {i}" for i in range(100)], labels)
    assert [sum("rare" in labels[i] for i in split.test) for split in make_splits(texts)] == [2] * 5


def test_the_users_test_set_judges() -> None:
    """Positions from the end of training on mean its rows; validation comes out of training."""
    texts, test = texts_of({"a": 60, "b": 40}), TextSet(["x y", "z w"], ["a", "new"], rows=np.array([5, 9]))
    plan = plan_splits(texts, test=test, folds=1)
    (split,) = plan.splits
    assert (split.name, split.test.tolist()) == ("user", [100, 101])
    assert sorted([*split.train, *split.valid]) == list(range(100))
    assert len(split.valid) == 15
    assert [plan.texts.texts[i] for i in split.test] == ["x y", "z w"]
    assert plan.texts.rows[100:].tolist() == [105, 109]
    assert plan.how == "your test set; validation taken from training, stratified, seed 0"
    assert plan.notes == (
        "The test rows have labels that training never has ('new'): 1 of them cannot be right and count as wrong.",
        "Training has labels that no test row has ('b'): how well they are told is not measured.",
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_one_row_is_learnt_by_the_model_that_is_handed_over(seed: int) -> None:
    """The first fold's, wherever chance would have put the row."""
    texts = texts_of({"a": 20, "b": 17, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1})
    first, *others = plan_splits(texts, test=TextSet(["x y", "z w"], ["a", "b"]), seed=seed).splits
    assert {texts.labels[at] for at in first.train} == set("abcdefg")
    assert sorted(np.concatenate([split.valid for split in (first, *others)])) == list(range(len(texts)))
    (single,) = plan_splits(texts, test=TextSet(["x y", "z w"], ["a", "b"]), folds=1, seed=seed).splits
    assert {texts.labels[at] for at in single.train} == set("abcdefg")
    assert len(single.valid)


def test_all_of_few_rows_choose_where_the_users_rows_test() -> None:
    """In five folds, each class even among them; the first fold has the test rows."""
    texts, test = texts_of({"a": 60, "b": 40}), TextSet(["x y", "z w"], ["a", "b"])
    plan = plan_splits(texts, test=test)
    assert plan.how == "your test set; 5 folds of training choose, stratified, seed 0"
    assert [split.test.tolist() for split in plan.splits] == [[100, 101], [], [], [], []]
    assert sorted(np.concatenate([split.valid for split in plan.splits])) == list(range(100))
    for split in plan.splits:
        assert sorted([*split.train, *split.valid]) == list(range(100))
        assert Counter(texts.labels[at] for at in split.valid) == {"a": 12, "b": 8}
    assert len(make_splits(texts_of({"a": 1_500, "b": 1_499}), test=test)) == 5
    many = texts_of({"a": 1_500, "b": 1_500})
    assert [split.name for split in make_splits(many, test=test)] == ["user"]
    assert len(make_splits(many, test=test, folds=3)) == 3
    assert [split.name for split in make_splits(texts_of({"a": 5, "b": 4}), test=test)] == ["user"]


@pytest.mark.parametrize(("rows", "folds"), [(2, 3), (3, 3), (4, 4), (5, 5), (9, 5)])
def test_folds_that_choose_are_no_more_than_a_class_has_rows(rows: int, folds: int) -> None:
    """So that a row of four is judged by models that learnt as much of its class as of the others."""
    texts, test = texts_of(dict.fromkeys("abcdefgh", rows)), TextSet(["x y", "z w"], ["a", "b"])
    splits = make_splits(texts, test=test)
    assert len(splits) == folds
    if rows == folds:
        assert all(Counter(texts.labels[at] for at in split.valid) == dict.fromkeys("abcdefgh", 1) for split in splits)


def test_folds_that_choose_cut_no_group_apart() -> None:
    """Where there are enough groups; of few groups one part is held out."""
    test = TextSet(["x y", "z w"], ["a", "b"])
    texts = texts_of({"a": 60, "b": 40}, groups=[f"g{number % 20}" for number in range(100)])
    splits = make_splits(texts, test=test)
    assert len(splits) == 5
    for split in splits:
        assert not {texts.groups[at] for at in split.train} & {texts.groups[at] for at in split.valid}
    few = texts_of({"a": 60, "b": 40}, groups=[f"g{number % 4}" for number in range(100)])
    assert [split.name for split in make_splits(few, test=test)] == ["user"]


def test_one_group_beside_the_test_rows_is_too_few() -> None:
    """It would have to be cut apart to choose by; whether of two groups in two folds, or the only one where the user's rows test."""
    grouped = texts_of({"a": 20, "b": 20}, groups=["x", "y"] * 20)
    with pytest.raises(ColumnError, match=r"--group needs at least 2 groups besides those that test, to learn from and to choose by; got 1\. Leave --group out, or take --folds 3"):
        make_splits(grouped, folds=2)
    with pytest.raises(ColumnError, match="needs at least 2 groups besides those that test"):
        make_splits(texts_of({"a": 20, "b": 20}, groups=["x"] * 40), test=TextSet(["x y", "z w"], ["a", "b"]))
    four = texts_of({"a": 20, "b": 20}, groups=["u", "v", "x", "y"] * 10)
    assert all(len({four.groups[at] for at in split.valid}) == 1 for split in make_splits(four, folds=2))  # type: ignore[index]


def test_few_groups_take_turns_however_many_rows_they_have() -> None:
    """Of 12 groups a holdout would choose by two, which can tell nothing apart; four groups make four folds; of 200 groups thirty choose."""

    def names_of(groups: int) -> list[str]:
        texts = texts_of({"a": 1_000, "b": 1_000}, groups=[f"g{number % groups}" for number in range(2_000)])
        return [split.name for split in plan_splits(texts).splits]

    assert names_of(12) == [f"fold-{number}" for number in range(1, 6)]
    assert names_of(4) == [f"fold-{number}" for number in range(1, 5)]
    assert names_of(200) == ["holdout"]
    many = texts_of({"a": 2_000, "b": 2_000}, groups=[f"g{number % 12}" for number in range(4_000)])
    assert len(make_splits(many, test=TextSet(["x y", "z w"], ["a", "b"]))) == 5


def test_few_rows_outside_the_largest_class_take_turns() -> None:
    """Of 1,500 hams and 15 spams a holdout would choose by two; with 150 spams it does. From 3,000 rows on one split is made, and it is said what is wrong with it."""
    assert [split.name for split in make_splits(texts_of({"ham": 1_500, "spam": 15}))] == [f"fold-{number}" for number in range(1, 6)]
    assert plan_splits(texts_of({"ham": 1_500, "spam": 150})).notes == ()
    plan = plan_splits(texts_of({"ham": 5_000, "spam": 20}))
    assert [split.name for split in plan.splits] == ["holdout"]
    assert plan.notes == ("3 validation rows of 753 are not 'ham', too few to tell candidates apart. Give more such rows, or --folds 5.",)
    assert len(make_splits(texts_of({str(number): 13 for number in range(100)}))) == 1, "of many classes the largest is a small part"


def test_folds_within_a_split_column_take_its_training_rows_only() -> None:
    """Positions in the whole table, wherever the test rows stand."""
    texts, names = texts_of({"a": 60, "b": 60}), ["test", "train", "train"] * 40
    splits = make_splits(texts, split_names=names)
    learning = [at for at in range(120) if at % 3]
    assert [len(split.test) for split in splits] == [40, 0, 0, 0, 0]
    assert sorted(np.concatenate([split.valid for split in splits])) == learning
    assert all(sorted([*split.train, *split.valid]) == learning for split in splits)


def test_a_split_column_is_followed() -> None:
    """In any usual spelling; missing validation comes out of training."""
    texts = texts_of({"a": 30, "b": 30})
    names = ["Training", "val", "TEST"] * 20
    (split,) = make_splits(texts, split_names=names)
    assert [part.tolist() for part in parts(split)] == [list(range(start, 60, 3)) for start in range(3)]
    (split,) = make_splits(texts, split_names=["train", "train", "test"] * 20, folds=1)
    assert (len(split.train), len(split.valid), len(split.test)) == (34, 6, 20)
    plan = plan_splits(texts, split_names=["train", "train", "dev"] * 20, folds=1)
    assert plan.splits[0].test.tolist() == list(range(2, 60, 3))
    assert plan.notes == ("The split column has no test rows: its validation rows test, and validation rows were taken from training.",)


def test_split_columns_that_do_not_divide_are_refused() -> None:
    """No training rows."""
    texts = texts_of({"a": 5, "b": 5})
    with pytest.raises(ColumnError, match="must name training rows and test rows; got 'test'"):
        make_splits(texts, split_names=["test"] * 10)


def test_time_splits_test_on_the_latest_rows() -> None:
    """Whatever the order of the table; rows of one moment stay together."""
    texts = texts_of({"a": 100, "b": 100})
    times = np.random.default_rng(0).permutation(200) // 4
    (split,) = make_splits(texts, times=times.astype(float))
    train, valid, test = (times[part] for part in parts(split))
    assert train.max() < valid.min() <= valid.max() < test.min()
    assert (len(train), len(valid), len(test)) == (140, 28, 32)
    with pytest.raises(InputError, match="only if they have three different times or more; got 2"):
        make_splits(texts, times=np.array([1.0, 2.0] * 100))


def test_many_rows_of_the_latest_time_leave_rows_to_choose_by() -> None:
    """Sixty of a hundred rows test: the cut before them is the nearest to both that are wanted."""
    times = np.minimum(np.arange(100.0), 40)
    (split,) = make_splits(texts_of({"a": 50, "b": 50}).take(np.random.default_rng(0).permutation(100)), times=times)
    assert [len(part) for part in parts(split)] == [32, 8, 60]


def test_a_class_that_only_one_side_has_is_told() -> None:
    """By time: 'old' ended before the test rows began, 'new' began with them (three of its 20 rows choose); and a group that is all of a class."""
    texts = texts_of({"old": 20, "always": 160, "new": 20})
    times = np.concatenate([np.arange(20.0), np.linspace(0, 199, 160), np.arange(180.0, 200)])
    plan = plan_splits(texts, times=times)
    assert plan.notes == (
        "The test rows have labels that training never has ('new'): 17 of them cannot be right and count as wrong.",
        "Training has labels that no test row has ('old'): how well they are told is not measured.",
    )
    grouped = texts_of({"a": 900, "b": 500, "c": 20}, groups=[f"g{number % 80}" for number in range(1400)] + ["one"] * 20)
    plan = plan_splits(grouped)
    sides = [{grouped.labels[at] for at in part} for part in (plan.splits[0].train, plan.splits[0].test)]
    assert ("c" in sides[0]) != ("c" in sides[1]) or "c" not in sides[0] | sides[1]
    assert bool(plan.notes) == (sides[0] != sides[1])


def test_impossible_wishes_are_refused() -> None:
    """Classes, folds and groups that cannot be divided."""
    with pytest.raises(LabelError, match="'b' has 4"):
        make_splits(texts_of({"a": 20, "b": 4}))
    with pytest.raises(OptionError, match="'folds' must be at least 1"):
        make_splits(texts_of({"a": 20, "b": 20}), folds=0)
    with pytest.raises(OptionError, match=r"'folds' must be at most the number of rows \(12\); got 13"):
        make_splits(texts_of({"a": 6, "b": 6}), folds=13)
    with pytest.raises(ColumnError, match="--group needs at least 3 groups, one for each part of the split; got 2"):
        make_splits(texts_of({"a": 20, "b": 20}, groups=["x", "y"] * 20))


def test_joining_keeps_what_both_have() -> None:
    """Pairs and groups of one side only become empty strings on the other."""
    whole = join(TextSet(["a"], ["1"], pairs=["p"]), TextSet(["b"], ["2"], groups=["g"]))
    assert (whole.texts, whole.labels, whole.pairs, whole.groups) == (["a", "b"], ["1", "2"], ["p", ""], ["", "g"])


def test_strata_number_labels_in_the_order_of_names() -> None:
    """Against numpy's unique."""
    labels = list("banana")
    assert strata(labels).tolist() == np.unique(labels, return_inverse=True)[1].tolist()


@SOME
@given(SIZES, st.integers(0, 5))
def test_in_turns_all_rows_but_the_test_choose_once(sizes: dict[str, int], seed: int) -> None:
    """Where chance divided once; each turn learns from all others of them, and a class gives each turn its quarter to within one row."""
    texts = texts_of({**sizes, "a": 1_000, "b": 900})
    plan = plan_splits(texts, seed=seed)
    (first,) = plan.splits
    assert sorted(np.concatenate([first.valid, *(turn.valid for turn in plan.turns)])) == sorted(np.concatenate([first.train, first.valid]))
    assert [turn.name for turn in plan.turns] == ["turn-2", "turn-3", "turn-4", "turn-5"]
    for turn in plan.turns:
        assert not len(turn.test)
        assert sorted(np.concatenate([turn.train, turn.valid])) == sorted(np.concatenate([first.train, first.valid]))
        assert texts.labels is not None
        quarter = Counter(texts.labels[i] for i in turn.valid)
        assert all(abs(quarter[name] - count / 4) <= 1 for name, count in Counter(texts.labels[i] for i in first.train).items())


def test_turns_cut_no_group_apart() -> None:
    """Nor does one of them share a group with the test rows."""
    groups = [f"g{i // 7}" for i in range(1_400)]
    plan = plan_splits(texts_of({"a": 700, "b": 700}, groups))
    assert len(plan.turns) == 4
    for turn in plan.turns:
        sides = [{groups[i] for i in part} for part in (turn.train, turn.valid, plan.splits[0].test)]
        assert all(one.isdisjoint(other) for one, other in combinations(sides, 2))


def test_turns_follow_a_holdout_of_chance_alone() -> None:
    """Also one that was taken from training rows where the user's rows test; not folds, one split that was asked for, the user's own validation rows, times, or many rows."""
    rows = texts_of({"a": 2_000, "b": 2_000})
    halves = ["train"] * 3_500 + ["test"] * 500
    assert len(plan_splits(rows, test=texts_of({"a": 5, "b": 5})).turns) == 4
    named = plan_splits(rows, split_names=halves[::-1])
    assert min(turn.valid.min() for turn in named.turns) >= 500
    assert not plan_splits(texts_of({"a": 100, "b": 100})).turns
    assert not plan_splits(rows, folds=1).turns
    assert not plan_splits(rows, split_names=["valid"] * 100 + ["train"] * 3_400 + ["test"] * 500).turns
    assert not plan_splits(rows, times=np.arange(4_000.0)).turns
    assert not plan_splits(texts_of({"a": 30_000, "b": 20_000})).turns
