"""The picture of what more labels would bring."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from ringsmith.records import LearningCurve
from ringsmith.report import wording
from ringsmith.report.charts import MARGIN, NO_ROOM, WIDE, axis_of, chart_of, domain_of, figure_of, fit, named, names_of, title_of
from ringsmith.report.figure import Figure
from ringsmith.report.layout import BEHIND, Point
from ringsmith.report.summary import Metric
from ringsmith.report.svg import ACCENT, DATA, SOFT

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
        "as a power of the rows: a guess, no promise. The soft bars are 95 % intervals of what the last doubling brought."
    )
    caption += overtaken(curves, metric) + (NO_ROOM if len(curves) > FEW else "")
    head = ["Candidate", *(f"{rows:,} rows" for rows in curves[0].rows), "The last doubling brought", "95 % interval", "Another may bring"]
    digits = wording.digits_of(value for curve in curves for value in (*curve.values, *interval_of(curve, metric)))

    def score(value: float) -> str:
        return wording.score(value, digits)

    body = [[curve.candidate, *map(score, curve.values), score(curve.gain), wording.interval(curve.low, curve.high, digits), score(curve.next)] for curve in curves]
    return figure_of("learning", "By the number of labelled rows", caption, lambda width: _learning(curves, metric, take, width), head, body)


def _learning(curves: Sequence[LearningCurve], metric: Metric, take: str | None, width: int) -> alt.LayerChart:
    height = 300
    sign = 1 if metric.greater_is_better else -1
    sizes, twice = curves[0].rows, 2 * curves[0].rows[-1]
    x_domain = [sizes[0] / 1.2, twice * (ROOM if width == WIDE else ROOM_OF_A_PHONE)]
    y_domain = domain_of([value for curve in curves for value in (*curve.values, *interval_of(curve, metric), curve.values[-1] + sign * curve.next)], log=False)
    points = [Point(curve.candidate, twice, curve.values[-1] + sign * curve.next) for curve in curves]
    rows = sorted(named(points, take, width), key=lambda row: row["colour"] != ACCENT)
    drawn = sorted(curves, key=lambda curve: curve.candidate != take)
    scale = alt.Scale(type="log", base=2, domain=x_domain, nice=False)
    x = alt.X("cost:Q", title="Labelled rows to learn from", scale=scale, axis=alt.Axis(values=[*sizes, twice], format=",d", grid=False))
    y = alt.Y("quality:Q", title=title_of(metric), scale=alt.Scale(domain=y_domain, nice=False, zero=False), axis=axis_of(y_domain, 4))
    thick = 6 if width == WIDE else 3
    apart = float((x_domain[1] / x_domain[0]) ** ((thick + 2) / (width - MARGIN)))  # on the axis, from one bar to the next
    ends = [(sizes[-1] * apart ** (at - (len(curves) - 1) / 2), *interval_of(curve, metric)) for at, curve in enumerate(curves)]
    bars = [{"cost": cost, "low": low, "high": high} for cost, low, high in ends]
    layers = [chart_of(bars).mark_rule(color=SOFT, strokeWidth=thick, strokeCap="round").encode(x=x, y=alt.Y("low:Q"), y2="high:Q")]
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


def interval_of(curve: LearningCurve, metric: Metric) -> tuple[float, float]:
    """Where the figure with all rows lies by the 95 % interval of what the last doubling brought."""
    sign = 1 if metric.greater_is_better else -1
    return curve.values[-2] + sign * curve.low, curve.values[-2] + sign * curve.high


def overtaken(curves: Sequence[LearningCurve], metric: Metric) -> str:
    """Who was ahead with few rows, and who with all, where these are two; else nothing.

    A lead counts that is larger than half of either's interval; what the lines show is called chance otherwise.

    Examples:
        >>> metric = Metric("accuracy", "", True)
        >>> one, other = (LearningCurve(name, (100, 200, 400), values, 0, 0, 0, 0, "") for name, values in (("probe", (0.6, 0.65, 0.7)), ("full", (0.5, 0.66, 0.75))))
        >>> overtaken([one, other], metric), overtaken([one], metric)
        (' With 100 rows probe was ahead, with 400 full is.', '')
        >>> from dataclasses import replace
        >>> overtaken([replace(one, low=-0.1, high=0.1), other], metric)
        ' That with 100 rows probe was ahead, and with 400 full is, may be chance.'
    """
    best = max if metric.greater_is_better else min
    first, last = (best(curves, key=lambda curve: curve.values[at]) for at in (0, -1))
    if first is last:
        return ""
    few, all_ = f"{first.rows[0]:,} rows {first.candidate} was ahead", f"{last.rows[-1]:,} {last.candidate} is"
    leads = (abs(first.values[at] - last.values[at]) for at in (0, -1))
    if min(leads) > max(curve.high - curve.low for curve in (first, last)) / 2:
        return f" With {few}, with {all_}."
    return f" That with {few}, and with {all_}, may be chance."
