"""Intervals: against closed forms and a slow twin, and by counting how often they hold the truth."""

from __future__ import annotations

import time
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_scores import made_up, made_up_labels
from scipy.stats import binomtest

from ringsmith.errors import InputError
from ringsmith.metrics import bootstrap, compare_paired, counted, evaluate, interval, parse_metric, score, suited, wilson, wilson_f1
from ringsmith.metrics import jackknife as jackknife_module
from ringsmith.metrics.inputs import Scored, checked
from ringsmith.metrics.intervals import corrected
from ringsmith.metrics.jackknife import jackknife
from ringsmith.metrics.resample import draws, merge
from ringsmith.metrics.smooth import add_versions, right_version, wrong_version


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (5, 5), (3, 7), (190, 200), (1, 1)])
def test_wilson_agrees_with_scipy(part: int, whole: int) -> None:
    """Same bounds as the reference's Wilson interval."""
    expected = binomtest(part, whole).proportion_ci(method="wilson")
    assert wilson(part, whole) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_closed_forms_are_used_for_shares() -> None:
    """Accuracy, precision and recall are Wilson's; F1 is Wilson's of the rows touched, carried over."""
    y = np.array([1] * 40 + [0] * 160)
    p = np.eye(2)[[1] * 30 + [0] * 10 + [1] * 20 + [0] * 140]
    assert interval("accuracy", y, p) == wilson(170, 200)
    assert interval("precision", y, p) == wilson(30, 50)
    assert interval("recall", y, p) == wilson(30, 40)
    low, high = wilson(30, 60)
    assert interval("f1", y, p) == wilson_f1(30, 60) == (2 * low / (1 + low), 2 * high / (1 + high))
    assert score("f1", y, p) == pytest.approx(2 * 0.5 / 1.5)


def test_bootstrap_agrees_with_wilson_where_both_apply() -> None:
    """Micro F1 of one label for each row *is* accuracy, and goes by the bootstrap: the bounds agree within a fifth of a half-width."""
    y, p = made_up(2, rows=800, classes=3)
    assert interval("micro_f1", y, p, resamples=4000) == pytest.approx(interval("accuracy", y, p), abs=0.2 * 0.03)


@pytest.mark.parametrize("name", ["log_loss", "auroc", "average_precision", "macro_f1", "ece"])
def test_bootstrap_agrees_with_a_slow_twin_that_draws_rows(name: str) -> None:
    """Rows drawn one by one and scored anew: same bounds, but for chance and the two added rows (ECE, corrected far into a tail, is noisier)."""
    y, p = made_up(1, rows=300, classes=3)
    rng = np.random.default_rng(7)
    slow = [score(name, y[drawn], p[drawn]) for drawn in rng.integers(0, 300, (800, 300))]
    low, high = np.quantile(slow, [0.025, 0.975])
    assert interval(name, y, p) == pytest.approx(corrected(np.array(slow), score(name, y, p)), abs=(0.3 if name == "ece" else 0.15) * (high - low))


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("merged", [False, True])
def test_weights_are_those_of_rows_drawn_with_replacement(grouped: bool, merged: bool) -> None:
    """Mean and spread of each cell's weight, whichever way it is drawn."""
    codes = np.arange(60) % 4 if merged else np.arange(60)
    groups = np.arange(60) // 6 if grouped else None
    cells = merge([codes], groups)
    weights = np.concatenate(list(draws(cells, seed=0, resamples=20_000)))
    assert cells.counts.sum() == 60
    assert np.allclose(weights.mean(axis=0), cells.counts, rtol=0.1)
    units, share = (10, 1 / 10) if grouped else (60, cells.counts / 60)
    size = cells.counts if grouped else 1.0
    assert np.allclose(weights.var(axis=0), units * share * (1 - share) * size**2, rtol=0.1)


def test_same_seed_same_interval() -> None:
    """Another seed gives another one."""
    y, p = made_up(0)
    assert interval("log_loss", y, p, seed=3) == interval("log_loss", y, p, seed=3) != interval("log_loss", y, p, seed=4)


def test_rows_in_groups_make_longer_intervals() -> None:
    """Ten alike rows in each group say as much as one: the interval is about sqrt(10) times as long."""
    y, p = made_up(0, rows=200, classes=2)
    y, p, groups = np.repeat(y, 10), np.repeat(p, 10, axis=0), np.repeat(np.arange(200), 10).astype(str)
    for name in ("accuracy", "macro_f1", "log_loss"):
        low, high = interval(name, y, p)
        grouped_low, grouped_high = interval(name, y, p, groups=groups)
        assert 2.6 < (grouped_high - grouped_low) / (high - low) < 3.8
    with pytest.raises(InputError, match=r"as many as rows \(2000\); got 3"):
        interval("accuracy", y, p, groups=["a", "b", "c"])


@pytest.mark.parametrize("name", suited("classification"))
def test_intervals_hold_the_figure_and_stay_in_bounds(name: str) -> None:
    """Also where everything is right: then the lower end is below 1, because few rows prove little."""
    y = np.array([0] * 20 + [1] * 10)
    result = evaluate(name, y, np.eye(2)[y])
    assert result.low is not None
    assert result.high is not None
    assert result.low <= result.value <= result.high
    assert result.rows == 30
    if name in ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "balanced_accuracy", "mcc", "f1"):
        assert 0.6 < result.low < 0.97
        assert result.high == 1.0


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 25), classes=st.integers(1, 4))
def test_any_rows_have_an_interval_around_the_figure(seed: int, rows: int, classes: int) -> None:
    """One row, one class, unknown targets: nothing breaks, nothing is NaN."""
    y, p = made_up(seed, rows=rows, classes=classes, unknown=0.2)
    for name in ("accuracy", "macro_f1", "mcc", "log_loss", "ece"):
        result = evaluate(name, y, p, resamples=50)
        assert result.low is not None
        assert result.high is not None
        assert result.low <= result.value <= result.high
    labels = p[:, :1] >= 0.3
    assert np.isfinite(evaluate("micro_f1", labels, p[:, :1], resamples=50).value)


def coverage(name: str, truth: float, rows: int, accuracy: float, *, classes: int = 2, sims: int = 250, share: float = 0.5) -> float:
    """How often the interval of a simulated sample holds the true figure."""
    rng = np.random.default_rng(11)
    metric, held = parse_metric(name, ["a", "b", "c", "d"][:classes]), 0
    for _ in range(sims):
        y = rng.choice(classes, rows, p=[1 - share, share] if classes == 2 else None)
        wrong = (y + rng.integers(1, classes, rows)) % classes
        low, high = interval(metric, y, np.eye(classes)[np.where(rng.random(rows) < accuracy, y, wrong)], resamples=400)
        held += low <= truth <= high
    return held / sims


@pytest.mark.parametrize(("rows", "accuracy"), [(30, 0.95), (100, 0.99), (100, 0.8)])
def test_macro_f1_intervals_cover_also_where_errors_are_few(rows: int, accuracy: float) -> None:
    """At least 92.5 % (95 % less the chance of 250 samples); plain percentiles hold 61 % at 0.99 on 100 rows."""
    assert coverage("macro_f1", accuracy, rows, accuracy) >= 0.925


def test_macro_f1_intervals_cover_also_where_classes_have_three_rows() -> None:
    """40 classes, errors anywhere, 60 % right: the bootstrap that is corrected for its bias holds the truth in 84 %."""
    rng, classes, held = np.random.default_rng(3), 40, 0
    metric, y = parse_metric("macro_f1", [str(number) for number in range(classes)]), np.repeat(np.arange(classes), 3)
    for _ in range(200):
        wrong = (y + rng.integers(1, classes, len(y))) % classes
        low, high = interval(metric, y, np.eye(classes)[np.where(rng.random(len(y)) < 0.6, y, wrong)])
        held += low <= 0.6 <= high
    assert held / 200 >= 0.9


@pytest.mark.parametrize("name", ["macro_f1", "mcc", "balanced_accuracy"])
@pytest.mark.parametrize("size", [3, 4])
def test_the_jackknife_agrees_with_a_slow_twin_that_scores_anew(name: str, size: int) -> None:
    """Tukey's formula, one group after the other left out."""
    y, p = made_up(5, rows=60, classes=3)
    groups = np.arange(60) // size
    each = np.array([score(name, y[groups != group], p[groups != group]) for group in range(60 // size)])
    error = np.sqrt((len(each) - 1) / len(each) * ((each - each.mean()) ** 2).sum())
    assert jackknife(parse_metric(name, ["a", "b", "c"]), checked(y, p), groups) == pytest.approx((score(name, y, p), error, len(each)))


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "auroc"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_row_that_was_answered_several_times_is_one_row(name: str, times: int) -> None:
    """The same answers given thrice say no more than once, neither of a figure nor of a difference."""
    y, p = made_up(7, rows=40, classes=2)
    other = np.eye(2)[np.random.default_rng(8).permutation(y)]
    once, often = np.arange(40), np.tile(np.arange(40), times)
    first, again = evaluate(name, y, p, groups=once), evaluate(name, y[often], p[often], groups=often)
    assert (first.value, first.low, first.high) == pytest.approx((again.value, again.low, again.high), abs=0.01)
    tests = [compare_paired(name, y[rows], p[rows], other[rows], groups=rows, seed=1) for rows in (once, often)]
    assert tests[0].p_value == pytest.approx(tests[1].p_value)
    assert tests[0].p_value == pytest.approx(compare_paired(name, y, p, other, seed=1).p_value, abs=0.01)


def test_few_groups_are_not_trusted_like_many() -> None:
    """Four groups, each with a share of right rows of its own: two standard errors hold the truth in 86 %, Student's interval in 94 %."""
    rng, metric, groups, held = np.random.default_rng(0), parse_metric("macro_f1", ["a", "b", "c"]), np.repeat(np.arange(4), 40), 0
    for _ in range(150):
        y = rng.integers(0, 3, 160)
        right = rng.random(160) < rng.beta(6.4, 1.6, 4)[groups]
        low, high = interval(metric, y, np.eye(3)[np.where(right, y, (y + rng.integers(1, 3, 160)) % 3)], groups=groups)
        held += low <= 0.8 <= high
    assert held / 150 >= 0.9


def test_where_there_is_too_much_to_leave_out_the_bootstrap_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds, nearly; of one row nothing can be left out."""
    y, p = made_up(2, rows=800, classes=3)
    by_jackknife = interval("macro_f1", y, p)
    monkeypatch.setattr(jackknife_module, "MOST", 10)
    assert interval("macro_f1", y, p, resamples=4000) == pytest.approx(by_jackknife, abs=0.006)
    assert jackknife(parse_metric("macro_f1", ["a", "b"]), checked(np.array([0, 0]), np.eye(2)), ["one", "one"]) is None


@pytest.mark.parametrize(("name", "classes", "share"), [("accuracy", 4, 0.5), ("f1:b", 2, 0.2), ("balanced_accuracy", 4, 0.5)])
def test_other_intervals_cover(name: str, classes: int, share: float) -> None:
    """F1 of a class of 20 % with 10 % errors either way: precision 0.18/0.26, recall 0.9."""
    truth = 2 * 0.18 / (0.26 + 0.2) if name == "f1:b" else 0.9
    assert 0.915 <= coverage(name, truth, 100, 0.9, classes=classes, share=share) <= 0.99


@pytest.mark.parametrize(("rows", "positive", "truth"), [(100, 0.4, 0.76), (20, 0.5, 0.99), (50, 0.3, 0.95), (100, 0.1, 0.9)])
def test_auroc_intervals_cover_also_where_the_order_is_perfect(rows: int, positive: float, truth: float) -> None:
    """Normal scores so far apart; of 20 rows most samples are perfect, and the rows alone would call that certain (they hold the truth in 38 %)."""
    rng, held, apart = np.random.default_rng(0), 0, 2**0.5 * NormalDist().inv_cdf(truth)
    y = (np.arange(rows) < positive * rows).astype(int)
    for _ in range(150):
        chance = 1 / (1 + np.exp(-rng.normal(size=rows) - apart * y))
        low, high = interval("auroc", y, np.stack([1 - chance, chance], axis=1), resamples=300)
        held += low <= truth <= high
    assert held / 150 >= 0.92


def test_versions_are_right_and_wrong() -> None:
    """The right version of any row is right, the wrong one wrong, and nothing else changes."""
    y, p = made_up(4, unknown=0.1)
    scored, known = checked(y, p), y >= 0
    right, wrong = Scored(y, right_version(scored)), Scored(y, wrong_version(scored))
    assert (right.predicted == y)[known].all()
    assert (wrong.predicted != y).all()
    assert np.allclose(np.sort(right.p, axis=1), np.sort(p, axis=1))
    assert np.allclose(np.sort(wrong.p, axis=1), np.sort(p, axis=1))
    labels, chances = made_up_labels(4)
    many = checked(labels, chances)
    assert (Scored(labels, right_version(many)).predicted == labels).all()
    assert ((Scored(labels, wrong_version(many)).predicted != labels).any(axis=1)).all()
    (first, second), _, count = add_versions([scored, scored])
    n = len(y)
    assert count == 2 * n
    assert (first.predicted[n : 2 * n] == y)[known].all()
    assert (second.predicted[n : 2 * n] != y).all()


@pytest.mark.parametrize("name", ["log_loss", "auroc"])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_part_of_very_many_rows_gives_the_interval_of_all(name: str, grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resampling a part and scaling by the root of the share: same bounds within a fifth of their distance; the same for groups."""
    y, p = made_up(3, rows=6000, classes=2)
    groups = np.arange(6000) // 2 if grouped else None
    whole = interval(name, y, p, groups=groups, resamples=1000)
    monkeypatch.setattr(bootstrap, "LARGE", 3000)
    monkeypatch.setattr(bootstrap, "MANY_UNITS", 400)
    part = interval(name, y, p, groups=groups, resamples=1000)
    assert part != whole
    assert part == pytest.approx(whole, abs=0.2 * (whole[1] - whole[0]))


def test_many_classes_are_tallied_alike_sparse_and_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sparse product changes the time, not the figures."""
    y, p = made_up(3, rows=300, classes=30)
    y[::7] = -1
    names = ("macro_f1", "balanced_accuracy", "micro_f1", "mcc", "weighted_f1", "accuracy")
    sparse = [interval(name, y, p, resamples=50) for name in names]
    monkeypatch.setattr(counted, "SPARSE", 10_000)
    for name, found in zip(names, sparse, strict=True):
        assert interval(name, y, p, resamples=50) == pytest.approx(found, abs=1e-12)


def test_ten_thousand_rows_are_fast() -> None:
    """2,000 resamples of a count metric: measured 0.06 s for 77 classes; held to 2 s on a busy machine."""
    y, p = made_up(0, rows=10_000, classes=77)
    begun = time.perf_counter()
    interval("macro_f1", y, p)
    assert time.perf_counter() - begun < 2
