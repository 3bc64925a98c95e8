"""What more rows to learn from would bring, from what some brought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def next_gain(sizes: Sequence[int], losses: Sequence[float], *, times: float = 2.0) -> float:
    """By how much the last loss would fall with so many times the rows, if it goes on falling as a power of them.

    ``loss = a * rows ** -b`` (Hestness et al., 2017), b by least squares between the logarithms, and not below 0. A guess: the first part of a curve may be flatter
    and its end always is, since there is something that no number of rows teaches (Viering and Loog, 2023).

    Args:
        sizes: rows learnt from, rising, at least two.
        losses: what was lost with them: one less an accuracy, say.
        times: how many times the last size.

    Examples:
        >>> round(next_gain([100, 200, 400], [0.4, 0.2, 0.1]), 3), next_gain([100, 200], [0.1, 0.2]), next_gain([100, 200], [0.1, 0.0])
        (0.05, 0.0, 0.0)
    """
    if min(losses) <= 0:
        return 0.0
    power = max(0.0, -float(np.polyfit(np.log(sizes), np.log(losses), 1)[0]))
    return float(losses[-1] * (1 - times**-power))
