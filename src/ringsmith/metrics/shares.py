"""The interval of a share of independent rows, in closed form; and how many standard errors another one takes."""

from __future__ import annotations

from math import sqrt

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


def student(freedom: int) -> float:
    """Half-width of a 95 % interval in standard errors that were estimated with so many degrees of freedom (Student, 1908).

    Examples:
        >>> round(student(3), 2), round(student(1_000), 2)
        (3.18, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))
