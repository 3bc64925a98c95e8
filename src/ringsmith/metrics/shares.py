"""The interval of a share of independent rows, or of a mean of shares, in closed form; and how many standard errors another one takes."""

from __future__ import annotations

from math import sqrt

import numpy as np

from ringsmith.metrics.inputs import Floats

Z = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""


def wilson(part: float, whole: float) -> tuple[float, float]:
    """The 95 % interval of the share part / whole (Wilson, 1927): right near 0 and 1 and for few rows, too.

    Of no rows at all it is (0, 1): nothing is known.

    Examples:
        >>> wilson(10, 10)
        (0.7224672001371107, 1.0)
    """
    if whole == 0:
        return 0.0, 1.0
    share, z2 = part / whole, Z * Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z / (1 + z2 / whole) * sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole))
    return (0.0 if part == 0 else middle - half), (1.0 if part == whole else middle + half)


def wilson_f1(hits: float, touched: float) -> tuple[float, float]:
    """The 95 % interval of the F1 of one class, from the rows that are of it or predicted as it.

    Of these rows the share J that is both is binomial, and F1 = 2 J / (1 + J) grows with it, so Wilson's interval carries over.

    Examples:
        >>> wilson_f1(0, 5)[0], wilson_f1(5, 5)[1]
        (0.0, 1.0)
    """
    low, high = wilson(hits, touched)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean_of_shares(parts: Floats, wholes: Floats, correlation: Floats | None = None) -> tuple[float, float]:
    """The 95 % interval of the mean of K shares parts / wholes, however few rows each is of (Price and Bonett, 2004).

    Each share gets 2/K right and 2/K wrong rows, so that one of few rows is unsure even where all of them are right. We depart in one thing: the variances are
    over the rows less one, as they must be where there are many shares of few rows.

    Args:
        parts: (K,).
        wholes: (K,), each at least 1.
        correlation: (K, K) of the shares, None where they are of different rows.

    Examples:
        >>> low, high = mean_of_shares(np.array([8.0, 150.0]), np.array([8.0, 150.0]))
        >>> round(low, 3), high
        (0.849, 1.0)
    """
    more = 2 / len(parts)
    shares = (parts + more) / (wholes + 2 * more)
    errors = np.sqrt(shares * (1 - shares) / (wholes + 2 * more - 1))
    variance = errors @ errors if correlation is None else errors @ correlation @ errors
    middle, half = float(shares.mean()), Z * sqrt(variance) / len(parts)
    return max(0.0, middle - half), min(1.0, middle + half)


def student(freedom: int) -> float:
    """Half-width of a 95 % interval in standard errors that were estimated with so many degrees of freedom (Student, 1908).

    Examples:
        >>> round(student(3), 2), round(student(1_000), 2)
        (3.18, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))
