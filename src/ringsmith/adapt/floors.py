"""Runs of a search that fall behind are stopped: their looks at the validation rows are held against what runs before them showed.

Who sets the floors is the search in `compare`; a recipe that looks on its way makes one `Floors` of its setting and calls it at every look.
"""

from __future__ import annotations

from collections.abc import Sequence

from ringsmith.errors import RunDropped

TOLERANCE = 1e-9
"""Shares of steps are compared after a division."""


class Floors:
    """The looks of one run, and the least mark it must have had by then.

    Args:
        floors: (share of the planned steps, least mark), shares rising; empty for a run that is not held against any.

    Attributes:
        curves: ``"valid"`` and ``"valid_share"`` of every look.

    Examples:
        >>> look = Floors([(0.25, 0.6), (0.5, 0.8)])
        >>> look(0.2, 0.5), look(0.3, 0.7)
        (None, None)
        >>> look(0.5, 0.75)
        Traceback (most recent call last):
        ringsmith.errors.RunDropped: at 50 % of its steps it had reached 0.750 on the validation rows, less than the 0.800 that runs before it set as the floor
    """

    def __init__(self, floors: Sequence[tuple[float, float]]) -> None:
        self.floors = floors
        self.curves: dict[str, list[float]] = {"valid": [], "valid_share": []}

    def __call__(self, share: float, mark: float) -> None:
        """Note a look at this share of the planned steps.

        Args:
            share: from 0 to 1.
            mark: what the validation rows say, greater is better.

        Raises:
            RunDropped: the best look so far is below the floor; the last look of a run is never too low, because then it is done anyway.
        """
        self.curves["valid"].append(mark)
        self.curves["valid_share"].append(share)
        due = [floor for at, floor in self.floors if at <= share + TOLERANCE]
        best = max(self.curves["valid"])
        if due and share < 1 - TOLERANCE and best < due[-1]:
            reached = f"at {100 * share:.0f} % of its steps it had reached {best:.3f} on the validation rows"
            raise RunDropped(
                f"{reached}, less than the {due[-1]:.3f} that runs before it set as the floor",
                {**self.curves, "floor": [due[-1]]},
            )
