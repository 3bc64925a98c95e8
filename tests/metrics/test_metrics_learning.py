"""What more rows bring: the power law by hand, on made curves and on noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.metrics import next_gain


@given(st.floats(0.01, 1), st.floats(0, 2), st.integers(10, 1000))
def test_a_power_law_goes_on(first: float, power: float, rows: int) -> None:
    """Of a loss a n^-b exactly what the law says is told."""
    sizes = [rows, 2 * rows, 4 * rows]
    losses = [first * (size / rows) ** -power for size in sizes]
    assert next_gain(sizes, losses) == pytest.approx(losses[-1] - first * 8**-power, abs=1e-9)


def test_more_rows_never_do_harm() -> None:
    """A curve that rises by chance promises nothing."""
    assert next_gain([10, 20, 40], [0.2, 0.25, 0.3]) == 0


def test_nothing_is_left_to_lose() -> None:
    """A loss of 0, or (of a metric above 1) below it."""
    assert next_gain([10, 20, 40], [0.2, 0.1, 0.0]) == 0
    assert next_gain([10, 20, 40], [0.2, 0.1, -0.1]) == 0


def test_it_is_the_least_squares_line_of_logarithms() -> None:
    """Against numpy's own solution of the normal equations, with four times the rows."""
    sizes, losses = [30, 60, 120], [0.4, 0.25, 0.22]
    x, y = np.log(sizes), np.log(losses)
    slope = np.linalg.lstsq(np.stack([x, np.ones(3)], axis=1), y, rcond=None)[0][0]
    assert next_gain(sizes, losses, times=4) == pytest.approx(0.22 * (1 - 4**slope))
