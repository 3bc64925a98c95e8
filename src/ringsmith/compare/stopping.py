"""When a trial of a search is not worth going on with: the median rule (Golovin et al., 2017, Google Vizier, section 3.2).

A trial is stopped where the best it has shown by then is below the median of what earlier trials had shown on average by then. Within a run
"then" is the share of its planned steps; between the folds of a cross-validation it is the number of folds that are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from ringsmith.adapt.floors import TOLERANCE
from ringsmith.records import RunResult

FEWEST = 5
"""Earlier trials that must have come so far; Optuna's own default."""
EARLIEST = 0.2
"""Before this share of its steps a run warms up, and its marks say little."""
Looks = Sequence[tuple[float, float]]
"""(share of the planned steps, mark) of every look of a run, in order."""


def looks_of(result: RunResult) -> Looks:
    """The looks of a run at the validation rows; none where its recipe does not look on its way."""
    return list(zip(result.curves.get("valid_share", ()), result.curves.get("valid", ()), strict=False))


def fell_behind(result: RunResult) -> bool:
    """Whether a run was stopped below its floors, not for want of time."""
    return result.status == "dropped" and bool(result.curves.get("floor"))


def median_floors(earlier: Sequence[Looks]) -> tuple[tuple[float, float], ...]:
    """The least mark that a new run must have reached by each share of its steps; nothing while too few runs are known.

    Args:
        earlier: the looks of earlier runs on the same rows that came to their end.

    Examples:
        >>> median_floors([[(0.5, mark), (1.0, 0.9)] for mark in (0.5, 0.6, 0.7, 0.8, 0.9)])
        ((0.5, 0.7),)
    """
    floors = []
    for share in sorted({at for looks in earlier for at, _ in looks if EARLIEST <= at < 1 - TOLERANCE}):
        seen = [[mark for at, mark in looks if at <= share + TOLERANCE] for looks in earlier]
        averages = [fmean(marks) for marks in seen if marks]
        if len(averages) >= FEWEST:
            floors.append((share, median(averages)))
    return tuple(floors)


def behind(mark: float, earlier: Sequence[float]) -> float | None:
    """The median that a trial is below after some of its folds; None where it may go on.

    Args:
        mark: what it has reached on its folds so far, greater is better.
        earlier: what earlier trials had reached on the same folds.

    Examples:
        >>> behind(0.6, [0.5, 0.6, 0.7, 0.8, 0.9]), behind(0.7, [0.5, 0.6, 0.7, 0.8, 0.9]), behind(0.1, [0.9])
        (0.7, None, None)
    """
    if len(earlier) < FEWEST:
        return None
    floor = median(earlier)
    return floor if mark < floor else None
