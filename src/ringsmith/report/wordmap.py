"""A map of words as a page: names at their places, coloured by group, and the groups as lists for those who cannot see the picture."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import altair as alt
import numpy as np
import numpy.typing as npt

from ringsmith.report.charts import render_svg
from ringsmith.report.layout import elide
from ringsmith.report.page import templates
from ringsmith.report.svg import GROUPS, dress
from ringsmith.report.write import write_text

WIDE, TALL, NARROW, LONG = 1080, 900, 340, 460
"""Widths of the two pictures, and how tall each is at most."""
ROOM = 30
"""Pixels above the highest and below the lowest dot."""
LETTERS = 22
FONT, DOT, GAP = 12, 3, 2
NAMED = 3
"""Words that name a group."""
Align = Literal["left", "right", "center"]
Baseline = Literal["middle", "bottom", "top"]
SIDES: tuple[tuple[int, int, Align, Baseline], ...] = ((1, 0, "left", "middle"), (-1, 0, "right", "middle"), (0, -1, "center", "bottom"), (0, 1, "center", "top"))
"""Where a name may stand beside its dot: direction, and how it is anchored."""
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Words that lie together.

    Attributes:
        number: its colour.
        first: the words that name it, short.
        words: all of them, in the order of the map.
    """

    number: int
    first: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Label:
    """A name and where it stands."""

    row: int
    text: str
    dx: float
    dy: float
    align: Align
    baseline: Baseline


def write_wordmap(path: Path, *, title: str, words: Sequence[str], points: Points, groups: Sequence[int], method: str, version: str, notes: Sequence[str] = ()) -> Path:
    """Write the page: one file, no script, nothing loaded.

    Args:
        path: where to.
        title: what the words are from.
        words: n words, the most important first: where there is no room for all names, the first have theirs.
        points: (n, 2) on one scale, y upwards.
        groups: n numbers from 0 to 7.
        method: how the places were found: ``"t-SNE"``.
        version: of Ringsmith.
        notes: sentences that stand below the picture.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    alternative = f"{len(words)} words in {len(set(groups))} groups; the groups are listed below."
    wide, shown = draw(words, points, groups, WIDE, TALL)
    narrow, few = draw(words, points, groups, NARROW, LONG)
    environment = templates()
    style = environment.get_template("style.css").render() + environment.get_template("wordmap.css").render()
    page = environment.get_template("wordmap.html").render(
        title=title,
        method=method,
        notes=notes,
        version=version,
        words=len(words),
        shown=shown,
        few=few,
        groups=grouped(words, groups),
        wide=dress(wide, "map-w", title=f"Map of {len(words)} words", alternative=alternative),
        narrow=dress(narrow, "map-n", title=f"Map of {len(words)} words", alternative=alternative),
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    return write_text(path, page)


def grouped(words: Sequence[str], groups: Sequence[int]) -> list[Group]:
    """The groups by their numbers.

    Examples:
        >>> [group.first for group in grouped(["a", "b", "c"], [0, 1, 0])]
        [('a', 'c'), ('b',)]
    """
    members = {number: tuple(word for word, group in zip(words, groups, strict=True) if group == number) for number in sorted(set(groups))}
    return [Group(number, tuple(elide(word, LETTERS) for word in inside[:NAMED]), inside) for number, inside in members.items()]


def draw(words: Sequence[str], points: Points, groups: Sequence[int], width: int, tall: int) -> tuple[str, int]:
    """The drawing as SVG, as tall as it needs and at most `tall`, and how many names there was room for."""
    wide = (0.82 if width == WIDE else 0.74) * width
    across, along = np.maximum(np.ptp(points, axis=0), 1e-6)
    height = round(min(tall, wide * along / across + 2 * ROOM))
    xs, ys = on_one_scale(points * (1, -1), width, height, wide, height - 2 * ROOM)
    labels = place_names(words, xs, ys, width, height)
    named = {label.row for label in labels}
    scale = {"x": alt.Scale(domain=[0, width], nice=False), "y": alt.Scale(domain=[height, 0], nice=False)}
    x, y = alt.X("x:Q", axis=None, scale=scale["x"]), alt.Y("y:Q", axis=None, scale=scale["y"])
    colour = alt.Color("colour:N", scale=None)
    rows = [{"x": float(xs[row]), "y": float(ys[row]), "colour": GROUPS[group % len(GROUPS)], "named": row in named} for row, group in enumerate(groups)]
    layers = [_chart(rows).mark_point(filled=True, size=14 if width == WIDE else 9, opacity=1).encode(x=x, y=y, color=colour)]
    for side in dict.fromkeys((label.dx, label.dy, label.align, label.baseline) for label in labels):
        here = [rows[label.row] | {"text": label.text} for label in labels if (label.dx, label.dy, label.align, label.baseline) == side]
        layers.append(_chart(here).mark_text(dx=side[0], dy=side[1], align=side[2], baseline=side[3], fontSize=FONT).encode(x=x, y=y, text="text:N", color=colour))
    layered: alt.LayerChart = alt.layer(*layers)  # type: ignore[assignment]
    return render_svg(layered.properties(width=width, height=height, padding=0)), len(labels)


def on_one_scale(points: Points, width: int, height: int, wide: float, tall: float) -> tuple[Points, Points]:
    """Pixels from the left and from the top, in the middle of a picture; one scale for both directions, so that distances can be compared.

    Args:
        points: (n, 2), y downwards.
        width: of the picture, in pixels.
        height: of the picture.
        wide: pixels that the points may take from left to right.
        tall: pixels from top to bottom.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (np.array([wide, tall]) / np.maximum(high - low, 1e-6)).min()
    xs, ys = (np.array([width, height]) / 2 + (points - (low + high) / 2) * scale).T
    return xs, ys


def place_names(words: Sequence[str], xs: Points, ys: Points, width: int, height: int, *, dot: float = DOT) -> list[Label]:
    """Names that fit beside their dots without covering each other or another dot; the first words are served first; dots have the radius `dot`.

    Examples:
        >>> [label.text for label in place_names(["a", "b"], np.array([50.0, 50.0]), np.array([50.0, 80.0]), 100, 100)]
        ['a', 'b']
    """
    gap = dot + GAP
    dots = np.stack([xs - dot, ys - dot, xs + dot, ys + dot], axis=1)
    taken, labels = np.empty((0, 4)), list[Label]()
    for row, word in enumerate(words):
        text = elide(word, LETTERS)
        others = np.delete(dots, row, axis=0)
        for right, down, align, baseline in SIDES:
            box = _box(xs[row], ys[row], text, right * gap, down * gap)
            if box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height and not _covers(box, others) and not _covers(box, taken):
                taken = np.vstack([taken, box])
                labels.append(Label(row, text, right * gap, down * gap, align, baseline))
                break
    return labels


def _box(x: float, y: float, text: str, dx: float, dy: float) -> Points:
    """Left, top, right and bottom of a name beside a dot, in pixels."""
    wide, high = sum(FONT if unicodedata.east_asian_width(letter) in "WF" else 0.57 * FONT for letter in text), FONT + 1
    left = x + dx if dx > 0 else x + dx - wide if dx < 0 else x - wide / 2
    top = y + dy if dy > 0 else y + dy - high if dy < 0 else y - high / 2
    return np.array([left, top, left + wide, top + high])


def _covers(box: Points, boxes: Points) -> bool:
    return bool(((boxes[:, 0] < box[2]) & (boxes[:, 2] > box[0]) & (boxes[:, 1] < box[3]) & (boxes[:, 3] > box[1])).any())


def _chart(rows: list[dict[str, object]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows))  # type: ignore[no-untyped-call]
