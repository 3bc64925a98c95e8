"""The picture of what more labels would bring."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from ringsmith.records import LearningCurve
from ringsmith.report import wording
from ringsmith.report.charts import NO_ROOM, WIDE, chart_of, digits_of, domain_of, figure_of, fit, named, names_of, title_of
from ringsmith.report.figure import Figure
from ringsmith.report.layout import BEHIND
from ringsmith.report.summary import Metric
from ringsmith.report.svg import ACCENT, DATA

ROOM, ROOM_OF_A_PHONE = 2.8, 6.0
"""How far the axis goes on behind twice the rows, for names: no line crosses them there."""

FEW = 2
"""So many names always find room on wide screens."""


def learning(curves: Sequence[LearningCurve], metric: Metric, take: str | None) -> Figure | None:
    """How good each candidate is by the number of rows it learns from; None where nobody drew that.

    Args:
        curves: those that were drawn.
        metric: what judged.
        take: the recommended candidate.
    """
    if not curves:
        return None
    caption = (
        "Each learnt from a quarter, a half and all of the training rows; the same validation rows judged. Dotted: what twice as many may bring, if the loss goes on falling "
        "as a power of the rows: a guess, no promise."
    )
    caption += overtaken(curves, metric) + (NO_ROOM if len(curves) > FEW else "")
    head = ["Candidate", *(f"{rows:,} rows" for rows in curves[0].rows), "The last doubling brought", "95 % interval", "Another may bring"]
    score = wording.score
    body = [[curve.candidate, *map(score, curve.values), score(curve.gain), f"{score(curve.low)} to {score(curve.high)}", score(curve.next)] for curve in curves]
    return figure_of("learning", "By the number of labelled rows", caption, lambda width: _learning(curves, metric, take, width), head, body)


def _learning(curves: Sequence[LearningCurve], metric: Metric, take: str | None, width: int) -> alt.LayerChart:
    height = 300
    sign = 1 if metric.greater_is_better else -1
    sizes, twice = curves[0].rows, 2 * curves[0].rows[-1]
    x_domain = [sizes[0] / 1.2, twice * (ROOM if width == WIDE else ROOM_OF_A_PHONE)]
    y_domain = domain_of([value for curve in curves for value in (*curve.values, curve.values[-1] + sign * curve.next)], log=False)
    drawn = sorted(curves, key=lambda curve: curve.candidate != take)
    rows = [named(curve.candidate, twice, curve.values[-1] + sign * curve.next, take, width) for curve in drawn]
    scale = alt.Scale(type="log", base=2, domain=x_domain, nice=False)
    x = alt.X("cost:Q", title="Labelled rows to learn from", scale=scale, axis=alt.Axis(values=[*sizes, twice], format=",d", grid=False))
    y = alt.Y("quality:Q", title=title_of(metric), scale=alt.Scale(domain=y_domain, nice=False, zero=False), axis=alt.Axis(tickCount=4, format=digits_of(y_domain)))
    layers = []
    for curve in reversed(drawn):
        colour, last = ACCENT if curve.candidate == take else DATA, curve.values[-1]
        measured = chart_of([{"cost": size, "quality": value} for size, value in zip(curve.rows, curve.values, strict=True)]).encode(x=x, y=y)
        ahead = chart_of([{"cost": curve.rows[-1], "quality": last}, {"cost": twice, "quality": last + sign * curve.next}]).encode(x=x, y=y)
        layers += [
            ahead.mark_line(color=colour, strokeWidth=1.5, strokeDash=[2, 4]),
            measured.mark_line(color=colour, strokeWidth=2),
            measured.mark_point(color=colour, filled=True, size=60, opacity=1),
        ]
    names = [layer.encode(x=x, y=y) for layer in names_of(rows, x_domain, y_domain, log=True, width=width, height=height, spots=BEHIND)]
    return fit(layers + names, width, height)


def overtaken(curves: Sequence[LearningCurve], metric: Metric) -> str:
    """Who was ahead with few rows, and who with all, where these are two; else nothing.

    Examples:
        >>> metric = Metric("accuracy", "", True)
        >>> one, other = (LearningCurve(name, (100, 200, 400), values, 0, 0, 0, 0, "") for name, values in (("probe", (0.6, 0.65, 0.7)), ("full", (0.5, 0.66, 0.75))))
        >>> overtaken([one, other], metric), overtaken([one], metric)
        (' With 100 rows probe was ahead, with 400 full is.', '')
    """
    best = max if metric.greater_is_better else min
    first, last = (best(curves, key=lambda curve: curve.values[at]) for at in (0, -1))
    return f" With {first.rows[0]:,} rows {first.candidate} was ahead, with {last.rows[-1]:,} {last.candidate} is." if first is not last else ""
