"""Word Mover's Distance (Kusner, Sun, Kolkin and Weinberger 2015): what it costs to turn one text's words into another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ringsmith.words.neighbours import Floats

Numbers = npt.NDArray[np.float64]


def mover_distance(one: Sequence[str], other: Sequence[str], vectors_of: Callable[[Sequence[str]], Floats]) -> float:
    """The least total distance, each word weighing as its share of its text.

    Args:
        one: words of the one text, all of them known.
        other: words of the other.
        vectors_of: gives the vectors (n, d) of different words.

    Returns:
        0 for the same shares of the same words; infinity where a text has no word.
    """
    if not one or not other:
        return float("inf")
    left, right = Counter(one), Counter(other)
    a, b = (vectors_of(list(counts)).astype(np.float64) for counts in (left, right))
    costs = np.sqrt(np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0))
    same = np.array([[x == y for y in right] for x in left])
    costs[same] = 0
    return transport(np.array(list(left.values())) / len(one), np.array(list(right.values())) / len(other), costs)


def transport(supply: Numbers, demand: Numbers, costs: Numbers) -> float:
    """The least cost of moving `supply` (n,) to `demand` (m,) at `costs` (n, m): a linear programme, solved exactly.

    Examples:
        >>> round(transport(np.array([0.5, 0.5]), np.array([1.0]), np.array([[1.0], [3.0]])), 6)
        2.0
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, kron, vstack

    n, m = costs.shape
    leaving = kron(eye_array(n), csr_array(np.ones((1, m))))
    arriving = kron(csr_array(np.ones((1, n))), eye_array(m))
    # One equation follows from the others; without it rounding of the shares cannot make the programme impossible.
    answer = linprog(costs.ravel(), A_eq=vstack([leaving, arriving]).tocsr()[:-1], b_eq=np.concatenate([supply, demand])[:-1], bounds=(0, None), method="highs")
    return float(answer.fun)
