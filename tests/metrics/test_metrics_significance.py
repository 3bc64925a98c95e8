"""Paired tests: against scipy, worked-out examples, and by counting false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_scores import made_up, made_up_labels
from scipy.stats import binomtest

from ringsmith.errors import InputError
from ringsmith.metrics import compare_paired, holm, mcnemar, score, tie_groups
from ringsmith.metrics.significance import bootstrap_p
from ringsmith.metrics.ties import letter_of


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (5, 1), (1, 5), (3, 3), (40, 20), (0, 8)])
def test_mcnemar_agrees_with_the_sign_test(only_a: int, only_b: int) -> None:
    """The exact test is a binomial test of the rows where just one is right; mid-p takes half the chance of the table itself."""
    a = np.array([True] * only_a + [False] * only_b + [True] * 9)
    b = np.array([False] * only_a + [True] * only_b + [True] * 9)
    exact = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(a, b) == pytest.approx(exact)
    from scipy.stats import binom

    expected = exact - binom.pmf(min(only_a, only_b), only_a + only_b, 0.5) if only_a != only_b else 1.0
    assert mcnemar(a, b, method="mid-p") == pytest.approx(expected)


def test_mcnemar_needs_the_same_rows() -> None:
    """Columns of different length are refused."""
    with pytest.raises(InputError, match="two columns of the same rows"):
        mcnemar(np.array([True]), np.array([True, False]))


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.013 x 3 (not below the one before), 0.03 x 2, 0.2 x 1."""
    assert holm([0.03, 0.01, 0.2, 0.013]) == pytest.approx([0.06, 0.04, 0.2, 0.04])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    """It lies between the p value and Bonferroni's."""
    adjusted = holm(p_values)
    assert all(p <= q <= min(1.0, p * len(p_values)) + 1e-12 for p, q in zip(p_values, adjusted, strict=True))
    assert [adjusted[i] for i in np.argsort(p_values, kind="stable")] == sorted(adjusted)


def pair_of_equals(rng: np.random.Generator, rows: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Two candidates that are equally good and fail on the same kind of rows."""
    y = rng.choice(2, rows, p=[0.7, 0.3])
    hard = rng.random(rows) < 0.4

    def candidate() -> npt.NDArray[np.float64]:
        right = np.where(hard, rng.random(rows) < 0.6, True)
        sure = 0.55 + 0.4 * rng.random(rows)
        return np.where((np.arange(2) == np.where(right, y, 1 - y)[:, None]), sure[:, None], 1 - sure[:, None])

    return y, candidate(), candidate()


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss"])
def test_equals_are_told_apart_no_more_often_than_promised(name: str) -> None:
    """P values of equals are uniform: 5 % below 0.05, a fifth below 0.2, half below a half (within four standard errors)."""
    rng, sims = np.random.default_rng(5), 400
    p_values = np.array([compare_paired(name, *pair_of_equals(rng, 150), resamples=200).p_value for _ in range(sims)])
    for level in (0.05, 0.2, 0.5):
        assert (p_values < level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / sims))


def test_a_real_difference_is_found_and_its_interval_holds_it() -> None:
    """A candidate 10 points better on 600 rows; the difference is antisymmetric and agrees with McNemar."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    a, b = (np.eye(2)[np.where(rng.random(600) < right, y, 1 - y)] for right in (0.9, 0.8))
    ahead, behind = compare_paired("accuracy", y, a, b), compare_paired("accuracy", y, b, a)
    assert ahead.difference == pytest.approx(score("accuracy", y, a) - score("accuracy", y, b)) == -behind.difference
    assert ahead.low < 0.1 < ahead.high
    assert ahead.low > 0
    assert ahead.p_value < 1e-3
    assert np.log10(ahead.p_value) == pytest.approx(np.log10(mcnemar(a.argmax(1) == y, b.argmax(1) == y, method="mid-p")), abs=1.5)


def test_pairing_pays() -> None:
    """Candidates that fail on the same rows are told apart where unpaired intervals overlap."""
    y = np.zeros(200, dtype=int)
    a, b = np.eye(2)[[0] * 160 + [1] * 40], np.eye(2)[[0] * 148 + [1] * 52]
    assert compare_paired("accuracy", y, a, b).p_value < 0.01


def test_a_candidate_ties_with_itself() -> None:
    """Difference 0, p about 1, and an interval that is not a point: other rows might have shown a difference."""
    y, p = made_up(0)
    result = compare_paired("accuracy", y, p, p)
    assert result.difference == 0.0
    assert result.p_value > 0.9
    assert -0.05 < result.low < 0 < result.high < 0.05


def test_five_rows_are_not_enough_to_tell() -> None:
    """Right on five rows where the other is wrong: McNemar's exact p is 0.0625, and the bootstrap is as cautious."""
    y = np.zeros(100, dtype=int)
    a, b = np.eye(2)[[0] * 100], np.eye(2)[[1] * 5 + [0] * 95]
    assert mcnemar(a[:, 0] == 1, b[:, 0] == 1) == 0.0625
    assert 0.03 < compare_paired("accuracy", y, a, b).p_value < 0.12


def test_alike_rows_in_groups_are_no_proof() -> None:
    """One author's twelve rows decide: significant row by row, not by author."""
    y, groups = np.zeros(120, dtype=int), np.repeat(np.arange(10), 12)
    a, b = np.eye(2)[[0] * 120], np.eye(2)[[1] * 12 + [0] * 108]
    assert compare_paired("accuracy", y, a, b).p_value < 0.01
    assert compare_paired("accuracy", y, a, b, groups=groups).p_value > 0.1


@pytest.mark.parametrize(("groups", "rows"), [(6, 30), (8, 20)])
def test_few_groups_tell_equals_apart_no_more_often_than_many(groups: int, rows: int) -> None:
    """Each group is easier for one of two equals; percentiles of resampled groups would tell these apart in one of ten cases."""
    found = []
    for seed in range(300):
        rng, group = np.random.default_rng(seed), np.repeat(np.arange(groups), rows)
        y = rng.integers(0, 2, len(group))
        right = [rng.random(len(group)) < 1 / (1 + np.exp(-1 - rng.normal(size=groups)[group])) for _ in range(2)]
        a, b = (np.eye(2)[np.where(each, y, 1 - y)] for each in right)
        test = compare_paired("accuracy", y, a, b, groups=group, resamples=300)
        found.append((test.p_value < 0.05, test.low <= 0 <= test.high))
    told_apart, held = np.mean(found, axis=0)
    assert told_apart <= 0.065
    assert held >= 0.935


def test_groups_that_agree_have_the_p_value_of_a_toss() -> None:
    """Six groups of which the first candidate wins all by as much, and one group, which says nothing."""
    y, group = np.tile([0, 1], 36), np.repeat(np.arange(6), 12)
    test = compare_paired("accuracy", y, np.eye(2)[y], np.eye(2)[np.where(np.arange(72) % 12 < 3, 1 - y, y)], groups=group)
    assert (test.difference, test.low, test.high, test.p_value) == (0.25, 0.25, 0.25, 2 / 2**6)
    assert compare_paired("accuracy", y, np.eye(2)[y], np.eye(2)[1 - y], groups=np.zeros(72)).p_value == 1.0


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "ece"])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_so_few_rows_prove_nothing(name: str, rows: int) -> None:
    """All rows for one candidate: by the toss of a coin that happens in 1, 1/2, 1/8 of all cases; the same for groups."""
    y, a, b = np.zeros(rows, dtype=int), np.eye(2)[[0] * rows], np.eye(2)[[1] * rows]
    assert compare_paired(name, y, a, b).p_value >= 2.0 ** (1 - rows)
    again = np.repeat(np.arange(rows), 50)
    assert compare_paired(name, y[again], a[again], b[again], groups=again).p_value >= 2.0 ** (1 - rows)


def test_p_values_are_not_bounded_by_the_number_of_resamples() -> None:
    """Far from 0 the normal tail takes over; at 0 the p value is 1."""
    rng = np.random.default_rng(0)
    assert bootstrap_p(rng.normal(8, 1, 200)) < 1e-10
    assert bootstrap_p(rng.normal(0, 1, 4001)) > 0.9
    assert bootstrap_p(np.zeros(100)) == 1.0
    assert bootstrap_p(np.array([np.nan, 0.0])) == 1.0


@pytest.mark.parametrize("name", ["accuracy", "log_loss"])
def test_tie_groups_put_the_best_first_whichever_way_better_is(name: str) -> None:
    """Two good ones, one middling, one poor: A A B C, and every comparison is on record."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 800)
    parts = {"poor": 0.55, "good": 0.9, "middling": 0.75, "as-good": 0.895}
    found = tie_groups(name, y, {who: 0.8 * np.eye(2)[np.where(rng.random(800) < right, y, 1 - y)] + 0.1 for who, right in parts.items()})
    assert [found.groups[who] for who in ("good", "as-good", "middling", "poor")] == ["A", "A", "B", "C"]
    assert list(found.groups)[2:] == ["middling", "poor"]
    best = found.ties[0]
    assert (best.candidate, best.against, best.difference, best.p_adjusted) == (best.against, best.candidate, 0.0, 1.0)
    assert {tie.against for tie in found.ties} == {best.candidate}
    assert [tie.p_adjusted >= 0.05 for tie in found.ties] == [True, True, False, False]
    assert [(tie.candidate, tie.against) for tie in found.tests[4:]] == [("middling", "middling"), ("poor", "middling"), ("poor", "poor")]
    assert found.ties[3].p_adjusted >= found.ties[3].p_value


def test_tie_groups_of_one_of_none_and_of_labels() -> None:
    """One candidate leads alone; none is an error; multi-label tasks have ties, too; equal figures keep their order."""
    y, p = made_up_labels(0)
    assert dict(tie_groups("micro_f1", y, {"only": p}).groups) == {"only": "A"}
    assert list(tie_groups("micro_f1", y, {"first": p, "second": p}).groups) == ["first", "second"]
    with pytest.raises(InputError, match="at least one candidate"):
        tie_groups("micro_f1", y, {})
    assert [letter_of(n) for n in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]


def test_a_second_look_doubles_p() -> None:
    """And what one look would tell apart, two may not."""
    y = np.zeros(100, dtype=int)
    answers = {name: np.eye(2)[np.isin(np.arange(100), wrong).astype(int)] for name, wrong in (("good", range(5)), ("poor", range(2, 14)))}
    one, two = (tie_groups("accuracy", y, answers, looks=looks) for looks in (1, 2))
    assert two.ties[1].p_value == one.ties[1].p_value == one.ties[1].p_adjusted
    assert two.ties[1].p_adjusted == 2 * one.ties[1].p_adjusted
    assert 0.025 < one.ties[1].p_adjusted < 0.05
    assert (dict(one.groups), dict(two.groups)) == ({"good": "A", "poor": "B"}, {"good": "A", "poor": "A"})
    assert tie_groups("accuracy", y, {"one": answers["good"], "same": answers["good"]}, looks=2).ties[1].p_adjusted == 1.0
