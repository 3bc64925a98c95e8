"""Intervals of means of recalls (balanced accuracy, macro recall): they see how few rows a class has."""

from __future__ import annotations

import numpy as np
import pytest

from ringsmith.metrics import evaluate, interval, score
from ringsmith.metrics.shares import mean_of_shares


def test_two_shares_by_hand() -> None:
    """Agresti and Caffo's one right and one wrong row for each of two shares: 9/10 and 151/152 here, over one row less than they then are of."""
    low, high = mean_of_shares(np.array([8.0, 150.0]), np.array([8.0, 150.0]))
    middle, error = (9 / 10 + 151 / 152) / 2, (0.9 * 0.1 / 9 + 151 / 152 / 152 / 151) ** 0.5 / 2
    assert (low, high) == pytest.approx((middle - 1.959964 * error, 1.0))


@pytest.mark.parametrize(
    ("rows", "share", "rare", "frequent"), [(158, 0.05, 0.9, 0.99), (158, 0.05, 0.8, 0.99), (158, 0.03, 0.6, 0.99), (1000, 0.01, 0.8, 0.998), (158, 0.3, 0.7, 0.9)]
)
@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_recall"])
def test_they_cover_also_where_a_class_is_rare(name: str, rows: int, share: float, rare: float, frequent: float) -> None:
    """Where the rows' own right and wrong versions were spread over all rows, the first held the truth in 57 to 62 % of samples."""
    held = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = (rng.random(rows) < share).astype(int)
        right = rng.random(rows) < np.where(y == 1, rare, frequent)
        low, high = interval(name, y, np.eye(2)[np.where(right, y, 1 - y)])
        held.append(low <= (rare + frequent) / 2 <= high or len(set(y)) == 1)
    assert np.mean(held) >= 0.925


def test_they_cover_also_where_classes_have_three_rows() -> None:
    """77 classes at 85 %: intervals put together of Wilson's hold the truth in 86 %, with these variances over all rows it is 90 %."""
    rng, y = np.random.default_rng(0), np.repeat(np.arange(77), 3)
    held = []
    for _ in range(300):
        wrong = (y + rng.integers(1, 77, len(y))) % 77
        low, high = interval("balanced_accuracy", y, np.eye(77)[np.where(rng.random(len(y)) < 0.85, y, wrong)])
        held.append(low <= 0.85 <= high)
    assert 0.925 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("alike", [False, True])
def test_labels_that_err_together_have_longer_intervals(alike: bool) -> None:
    """Four labels of the same rows, the last one rare: found or missed together, their mean recall is as unsure as one of them."""
    held, lengths, chances = [], [], np.array([0.5, 0.5, 0.5, 0.08])
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = rng.random((120, 1 if alike else 4)) < chances
        found = y & (rng.random((120, 1 if alike else 4)) < 0.8)
        low, high = interval("macro_recall", y, found.astype(float))
        held.append(low <= 0.8 <= high)
        lengths.append(high - low)
    assert np.mean(held) >= 0.925
    assert np.mean(lengths) < (0.25 if alike else 0.2)


@pytest.mark.parametrize("name", ["balanced_accuracy", "recall:b"])
def test_three_answers_to_a_row_are_no_three_rows(name: str) -> None:
    """Eight rare rows, all right in three seeds, say what eight rows say."""
    from ringsmith.metrics import parse_metric

    metric, y = parse_metric(name, ["a", "b"]), np.array([1] * 8 + [0] * 150)
    often = np.tile(np.arange(158), 3)
    once, thrice = interval(metric, y, np.eye(2)[y]), interval(metric, y[often], np.eye(2)[y[often]], groups=often)
    assert thrice == pytest.approx(once)
    assert once[0] < 0.86


def test_classes_that_cannot_be_found_count_as_nothing() -> None:
    """Rows of a class that training never saw, and (macro recall) a class that is only ever guessed: the interval ends where the figure can."""
    y = np.array([0] * 30 + [1] * 30 + [-1])
    unknown = evaluate("balanced_accuracy", y, np.eye(3)[[0] * 30 + [1] * 30 + [0]])
    assert (unknown.value, unknown.high) == pytest.approx((2 / 3, 2 / 3))
    y, p = np.array([0] * 30 + [1] * 30), np.eye(3)[[0] * 30 + [1] * 29 + [2]]
    guessed = evaluate("macro_recall", y, p)
    assert guessed.value == pytest.approx((1 + 29 / 30) / 3) == score("macro_recall", y, p)
    assert guessed.low is not None
    assert guessed.high is not None
    assert 0.55 < guessed.low < guessed.value < guessed.high <= 2 / 3
    assert interval("balanced_accuracy", np.array([-1, -1]), np.eye(2)) == (0.0, 1.0)
