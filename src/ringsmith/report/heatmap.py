"""Heat maps as a few SVG paths: one path for each shade, made of runs of cells, so that hundreds of maps fit on a page and follow its colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SHADES = 8
CELL = 14
"""Side of a cell in a map with labels, in pixels."""
LETTER = 6.3
"""Mean width of a letter of a label, in pixels."""
Numbers = npt.NDArray[np.floating]


def shades(weights: Numbers) -> npt.NDArray[np.int64]:
    """Shade of each weight from 0 (nothing) to 8 (all): the square root of the weight, so that small ones can be told from none.

    Examples:
        >>> shades(np.array([0.0, 0.001, 0.02, 0.25, 1.0])).tolist()
        [0, 0, 1, 4, 8]
    """
    found: npt.NDArray[np.int64] = np.rint(SHADES * np.sqrt(np.clip(weights, 0, 1))).astype(np.int64)
    return found


def paths(weights: Numbers) -> list[tuple[int, str]]:
    """Shade and path of a map whose cells are one unit wide; nothing is drawn where there is nothing.

    Examples:
        >>> paths(np.array([[1.0, 1.0], [0.0, 0.25]]))
        [(4, 'M1 1h1v1h-1z'), (8, 'M0 0h2v1h-2z')]
    """
    grid = shades(weights)
    found: dict[int, list[str]] = {}
    for y, row in enumerate(grid):
        edges = np.flatnonzero(np.diff(row, prepend=-1))
        for x, end in zip(edges.tolist(), [*edges[1:].tolist(), len(row)], strict=True):
            if row[x]:
                found.setdefault(int(row[x]), []).append(f"M{x} {y}h{end - x}v1h-{end - x}z")
    return [(shade, "".join(found[shade])) for shade in sorted(found)]


def label_room(labels: Sequence[str]) -> int:
    """Pixels that the longest label takes."""
    return round(max(map(len, labels), default=1) * LETTER) + 8
