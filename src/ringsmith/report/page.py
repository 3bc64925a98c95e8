"""The page: a summary and its pictures put into the templates; everything that comes from data is escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby

import jinja2

from ringsmith._wording import plural
from ringsmith.report import charts, charts_learning, charts_search, wording
from ringsmith.report.figure import Figure
from ringsmith.report.layout import elide
from ringsmith.report.search import Search, of, tried
from ringsmith.report.summary import Metric, Standing, Summary

LIST_UP_TO = 20
HEAT = 8
"""Shades of the matrix, from 0 to this."""
CLIP_TEXT, CLIP_LABEL = 420, 80
BREAKS = re.compile(r"(?<=\w)(?=\+[a-z])|(?<=\w/)(?=[^\W\d])|(?<=\w)(?=\[)|(?<=,)(?=[a-z_])")
"""In a candidate's name before the recipe, within a path, before its options and between them."""


@dataclass(frozen=True)
class Figures:
    """The pictures of a page; None where there is nothing to draw."""

    intervals: Figure | None
    latency: Figure | None
    size: Figure | None
    calibration: Figure | None
    loss: Figure | None
    valid: Figure | None
    lengths: Figure | None
    learning: Figure | None


def render(summary: Summary) -> str:
    """The whole HTML file.

    Args:
        summary: what it says.
    """
    environment = templates()
    style = environment.get_template("style.css").render()
    context = {
        "s": summary,
        "figures": _draw(summary),
        "digits": charts.digits_on(summary.board),
        "groups": tie_groups(summary.board),
        "remarks": remarks_of(summary.board),
        "unranked": [row for row in summary.board if not row.ranked],
        "matrix": bool(summary.diagnosis and summary.diagnosis.confusion),
        "list_up_to": LIST_UP_TO,
        "searches": [(search, pictures_of(search, summary.metric, number)) for number, search in enumerate(summary.searches, start=1)],
        "style": style,
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    }
    return environment.get_template("page.html").render(context)


def pictures_of(search: Search, metric: Metric, number: int) -> list[Figure | None]:
    """The pictures of a search."""
    return [charts_search.parallel(search, metric, f"parallel-{number}"), charts_search.history(search, metric, f"history-{number}")]


def remarks_of(board: Sequence[Standing]) -> list[tuple[list[str], str]]:
    """What is to be said of those in the table, each remark once, with the names of all that it is said of."""
    found: dict[str, list[str]] = {}
    for row in board:
        if row.ranked and row.why:
            found.setdefault(row.why, []).append(row.candidate)
    return [(names, text) for text, names in found.items()]


def tie_groups(board: Sequence[Standing]) -> list[tuple[str, list[tuple[int, Standing]]]]:
    """The ranked candidates with their places from 1, cut where the tie group changes."""
    ranked = list(enumerate((row for row in board if row.ranked), start=1))
    return [(letter, list(rows)) for letter, rows in groupby(ranked, key=lambda pair: pair[1].tie_group or "")]


def _draw(summary: Summary) -> Figures:
    board, metric = summary.board, summary.metric
    looked_by = "Mark" if summary.valid_metric is None else wording.metric_title(summary.valid_metric)
    return Figures(
        intervals=charts.intervals(board, metric),
        latency=charts.trade(board, metric, cost="latency"),
        size=charts.trade(board, metric, cost="size"),
        calibration=charts.calibration(summary.diagnosis) if summary.diagnosis else None,
        loss=charts.curves("loss", "Loss on the training rows", "Loss", summary.losses),
        valid=charts.curves("valid", f"{looked_by} on the validation rows", looked_by, summary.valid),
        lengths=charts.lengths(*summary.findings.lengths, summary.findings.unit),
        learning=charts_learning.learning(summary.learning, metric, summary.headline.candidate),
    )


@cache
def templates() -> jinja2.Environment:
    """The templates with their filters; whatever they print is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ringsmith.report", "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    for name in ("score", "interval", "count", "duration", "latency", "megabytes", "large", "share", "p_value", "rate", "joined", "capital", "metric_title"):
        environment.filters[name] = getattr(wording, name)
    environment.filters |= {"heat": heat, "clip": clip, "elide": elide, "pieces": pieces, "moment": moment, "of": of, "tried": tried, "plural": plural}
    environment.globals |= {"label_limit": CLIP_LABEL, "text_limit": CLIP_TEXT}
    return environment


def heat(cell: int, row: Sequence[int]) -> int:
    """Shade of a cell by its share of its row: 0 for none, at least 1 for any.

    Examples:
        >>> heat(0, [0, 5]), heat(5, [0, 5]), heat(1, [1, 999])
        (0, 8, 1)
    """
    return 0 if cell == 0 else max(1, round(HEAT * cell / sum(row)))


def clip(text: str, letters: int) -> str:
    """The beginning of a long text.

    Examples:
        >>> clip("a long story", 7)
        'a long…'
    """
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def pieces(text: str) -> list[str]:
    """A text cut where the names of candidates may be broken: between their parts, not within a word.

    Examples:
        >>> pieces("intfloat/e5-small+lora[rank=2,rate=0.1] on 1,000 rows")
        ['intfloat/', 'e5-small', '+lora', '[rank=2,', 'rate=0.1] on 1,000 rows']
    """
    return BREAKS.split(text)


def moment(created: str) -> str:
    """A time as people write it; as it came where it is no ISO time.

    Examples:
        >>> moment("2026-05-04T09:31:07+00:00"), moment("yesterday")
        ('4 May 2026, 09:31 UTC', 'yesterday')
    """
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    return f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip()
