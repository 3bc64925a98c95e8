"""The page of `ringsmith inspect --word`: one word in many sentences, as a map and as groups of uses. One file, no script, nothing loaded."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringsmith.inspection import Occurrence, Senses
from ringsmith.report.layout import tail
from ringsmith.report.page import clip, templates
from ringsmith.report.wordmap import LETTERS, Label, on_one_scale, place_names
from ringsmith.report.write import write_text

WIDE, TALL, NARROW, LONG = 900, 520, 340, 380
MARGIN = 0.1
RADIUS = {WIDE: 5, NARROW: 4}
"""Of a dot, in a picture so wide."""
EXAMPLES = 8
BEHIND = re.compile(r"\S*(?:\s+\S+){0,2}")
"""What stands behind the word: the rest of its own piece of text (a full stop, say) and two words."""
AROUND, NEAR = 60, 20
"""Letters that are shown on either side of the word, and how far from there a blank is looked for, to cut at."""


@dataclass(frozen=True)
class Dot:
    """A use on the map.

    Attributes:
        number: of the use, from 1.
        x: pixels from the left.
        y: pixels from the top.
        group: its colour.
        label: words that stand beside it, where there is room.
    """

    number: int
    x: float
    y: float
    group: int
    label: Label | None


@dataclass(frozen=True)
class Line:
    """A use between what stands before and after it."""

    number: int
    before: str
    form: str
    after: str


@dataclass(frozen=True)
class Group:
    """Uses that lie together, the most typical first."""

    number: int
    lines: Sequence[Line]


def write_senses(path: Path, senses: Senses, *, version: str) -> Path:
    """Write the page.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    return write_text(path, render_senses(senses, version=version))


def render_senses(senses: Senses, *, version: str) -> str:
    """The whole HTML file."""
    environment = templates()
    style = "".join(environment.get_template(name).render() for name in ("style.css", "wordmap.css", "inspect.css"))
    return environment.get_template("senses.html").render(
        s=senses,
        groups=[Group(number, lines_of(senses, number)) for number in range(senses.clusters)],
        examples=EXAMPLES,
        wide=dots_of(senses, WIDE, TALL),
        narrow=dots_of(senses, NARROW, LONG),
        sizes={"wide": (WIDE, TALL, RADIUS[WIDE]), "narrow": (NARROW, LONG, RADIUS[NARROW])},
        version=version,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def lines_of(senses: Senses, number: int) -> list[Line]:
    """The uses of a group, the most typical first."""
    central = senses.central[number]
    order = [central, *(at for at, one in enumerate(senses.occurrences) if one.cluster == number and at != central)]
    return [line_of(senses.occurrences[at], at + 1) for at in order]


def line_of(one: Occurrence, number: int) -> Line:
    """A use with its neighbourhood, cut between words, or between letters where no blank is near (Chinese, Thai).

    Examples:
        >>> line_of(Occurrence("We sat on the bank of the river.", 14, 18, 1, 0, 0.0, 0.0), 1)
        Line(number=1, before='We sat on the ', form='bank', after=' of the river.')
    """
    before, after = one.sentence[: one.start], one.sentence[one.end :]
    if len(before) > AROUND:
        kept = before[-AROUND:]
        before = "… " + kept[kept.find(" ", 0, NEAR) + 1 :]
    if len(after) > AROUND:
        blank = after.rfind(" ", AROUND - NEAR, AROUND)
        after = after[: blank if blank >= 0 else AROUND] + " …"
    return Line(number, before, one.form, after)


def dots_of(senses: Senses, width: int, height: int) -> list[Dot]:
    """Where each use stands in a picture of this size; one scale for both directions, so that distances can be compared."""
    points = np.array([(one.x, -one.y) for one in senses.occurrences])
    xs, ys = on_one_scale(points, width, height, width * (1 - 4 * MARGIN), height * (1 - 2 * MARGIN))
    labels = {label.row: label for label in place_names([snippet(one) for one in senses.occurrences], xs, ys, width, height, dot=RADIUS[width])}
    rows = zip(senses.occurrences, xs.tolist(), ys.tolist(), strict=True)
    return [Dot(at + 1, round(x, 1), round(y, 1), one.cluster, labels.get(at)) for at, (one, x, y) in enumerate(rows)]


def snippet(one: Occurrence) -> str:
    """The word with its neighbours, which are cut where all is longer than a name on the map.

    Examples:
        >>> snippet(Occurrence("We sat on the bank of the river.", 14, 18, 1, 0, 0.0, 0.0))
        'the bank of the'
    """
    before = one.sentence[: one.start]
    before = "".join(before.split()[-1:]) + (" " if before[-1:].isspace() else "")
    found = BEHIND.match(one.sentence, one.end)
    after = found[0] if found else ""
    room = max(2, LETTERS - len(one.form))
    before = tail(before, max(room // 2, room - len(after)))
    return before + one.form + clip(after, max(1, room - len(before)))
