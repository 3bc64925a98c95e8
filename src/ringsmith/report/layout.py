"""Where things go in a picture: which points are on the Pareto front, and where their names fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

LETTER = 6.6
"""Mean width of a letter of 12 pixels, in pixels."""
LINE = 15.0
LEAST_RANGE = 0.2
"""An axis of costs shows at least this share of their middle: what is nearer than that is called equally cheap."""
PARTS = re.compile(r"[^+/\[\],]*[+/\[\],]?")
"""Parts of a candidate's name: what stands before the recipe, within a path, each option."""
SHARED = 6
"""Letters that stay of what names share, at least."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Point:
    """A candidate in a picture of cost (less is better) and quality."""

    name: str
    cost: float
    quality: float


@dataclass(frozen=True)
class Spot:
    """Where a name stands: right of its point (``left``-aligned) or left of it, and how far above or below, in pixels."""

    align: Literal["left", "right"]
    dx: float
    dy: float


SPOTS = tuple(spot for dx, dy in ((5, -14), (10, 0), (5, 15), (5, -29), (5, 30)) for spot in (Spot("left", dx, dy), Spot("right", -dx, dy)))
"""Where a name may stand, best first."""
BEHIND = tuple(spot for spot in SPOTS if spot.align == "left")
"""The same behind the ends of lines, which come from the left."""


def apart(costs: Sequence[float]) -> list[float]:
    """The costs, and ends around them where all are nearly equal, so that what hardly differs does not stand at the two ends of a picture.

    Examples:
        >>> apart([80.0, 100.0]), [round(cost, 2) for cost in apart([87.558, 87.568])[2:]]
        ([80.0, 100.0], [78.81, 96.32])
    """
    middle = (min(costs) + max(costs)) / 2
    ends = [middle * (1 - LEAST_RANGE / 2), middle * (1 + LEAST_RANGE / 2)]
    return [*costs, *(ends if max(costs) - min(costs) < ends[1] - ends[0] else [])]


def front(points: Sequence[Point], *, greater_is_better: bool) -> list[Point]:
    """The points that no other beats in both, cheapest first.

    Examples:
        >>> [p.name for p in front([Point("a", 1, 0.8), Point("b", 2, 0.7), Point("c", 3, 0.9)], greater_is_better=True)]
        ['a', 'c']
    """
    sign = 1 if greater_is_better else -1
    found: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -sign * p.quality)):
        if not found or sign * point.quality > sign * found[-1].quality:
            found.append(point)
    return found


def place(names: Sequence[str], xs: Sequence[float], ys: Sequence[float], *, width: float, spots: Sequence[Spot] = SPOTS) -> list[Spot | None]:
    """A spot for each name so that names cover neither each other nor a point, and no other point is nearer; None for a name that there is no room for.

    Args:
        names: the names, most important first; the first is set in bold, its point in a ring, so that it may stand nearer to another.
        xs: pixels from the left edge, a point each.
        ys: pixels from the top.
        width: of the picture, in pixels; names stay inside.
        spots: where a name may stand, best first.
    """
    points = list(zip(xs, ys, strict=True))
    taken: list[Box] = []
    found: list[Spot | None] = []
    for number, (name, own) in enumerate(zip(names, points, strict=True)):
        others = [point for point in points if point != own]
        blocks = taken + [(x - 5, y - 5, x + 5, y + 5) for x, y in others]
        boxes = ((spot, _box(name, *own, spot)) for spot in spots)
        inside = ((s, b) for s, b in boxes if b[0] >= 0 and b[2] <= width and not any(_overlap(b, other) for other in blocks))
        free = next(((s, b) for s, b in inside if number == 0 or all(_distance(own, b) <= _distance(other, b) for other in others)), None)
        found.append(None if free is None else free[0])
        taken += [] if free is None else [free[1]]
    return found


def ticks_of(domain: Sequence[float]) -> list[float]:
    """Round numbers on a logarithmic axis: 1, 2, 5 of each power of ten, or the powers alone where that is too many.

    Examples:
        >>> ticks_of([0.3, 8])
        [0.5, 1, 2, 5]
    """
    powers = range(math.floor(math.log10(domain[0])), math.ceil(math.log10(domain[1])) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [float(f"{step}e{power}") for power in powers for step in steps if domain[0] <= float(f"{step}e{power}") <= domain[1]]
        if len(found) <= 6:
            break
    return [int(tick) if tick >= 1 else tick for tick in found]


def elide(name: str, letters: int) -> str:
    """A name of at most so many letters; the middle goes.

    Examples:
        >>> elide("sentence-transformers/all-MiniLM-L6-v2+full", 20)
        'sentence-t…6-v2+full'
    """
    if len(name) <= letters:
        return name
    head = letters // 2
    return f"{name[:head]}…{name[len(name) - (letters - head - 1) :]}"


def elide_all(names: Sequence[str], letters: int) -> list[str]:
    """Names of at most so many letters that stay as different as they are: where the middle tells them apart, what they share goes instead.

    Names that differ in too much of their length are told apart by their places, from 1.

    Examples:
        >>> elide_all(["minilm+lora[rank=8,rate=0.0003]", "minilm+lora[rank=16,rate=0.0003]", "tfidf"], 26)
        ['minilm+lora[rank=8,….0003]', 'minilm+lora[rank=16,…0003]', 'tfidf']
    """
    short = {name: elide(name, letters) for name in names}
    for alike in _alike(short):
        short |= _apart(alike, letters)
    unclear = {name for alike in _alike(short) for name in alike}
    marks = [f" #{place}" if name in unclear else "" for place, name in enumerate(names, start=1)]
    return [elide(name, letters - len(mark)) + mark if mark else short[name] for name, mark in zip(names, marks, strict=True)]


def _alike(short: Mapping[str, str]) -> list[list[str]]:
    """Names that are shown alike."""
    found: dict[str, list[str]] = {}
    for name, text in short.items():
        found.setdefault(text, []).append(name)
    return [names for names in found.values() if len(names) > 1]


def _apart(names: Sequence[str], letters: int) -> dict[str, str]:
    """Names shortened in the parts that they share before and behind those that tell them apart; nothing where these are too long."""
    parts = [PARTS.findall(name) for name in names]
    before = "".join(_shared(parts))
    behind = "".join(reversed(_shared([part[::-1] for part in parts])))
    behind = behind[max(0, len(before) + len(behind) - min(map(len, names))) :]
    found = {}
    for name in names:
        own = name[len(before) : len(name) - len(behind)]
        room = letters - len(own)
        if room < SHARED:
            return {}
        begin = elide(before, max(room - len(behind), min(len(before), room - 1)))
        found[name] = begin + own + tail(behind, room - len(begin))
    return found


def _shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """What all of them begin with."""
    return [same[0] for same in takewhile(lambda column: len(set(column)) == 1, zip(*lists, strict=False))]


def tail(text: str, letters: int) -> str:
    """The end of a text, so many letters at most.

    Examples:
        >>> tail("a long story", 6)
        '…story'
    """
    return text if len(text) <= letters else "…" + text[len(text) - letters + 1 :]


def _box(name: str, x: float, y: float, spot: Spot) -> Box:
    width = len(name) * LETTER
    left = x + spot.dx - (width if spot.align == "right" else 0)
    return left, y + spot.dy - LINE / 2, left + width, y + spot.dy + LINE / 2


def _distance(point: tuple[float, float], box: Box) -> float:
    (x, y), (left, top, right, bottom) = point, box
    return math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
