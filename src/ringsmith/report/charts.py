"""The pictures: Altair charts, drawn to SVG when the page is made, so that the page needs no script.

Every chart is drawn twice where text would become too small on a phone: 720 and 320 pixels wide; a style sheet shows one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from ringsmith.report import wording
from ringsmith.report.figure import Figure
from ringsmith.report.layout import SPOTS, Point, Spot, apart, elide, elide_all, front, place, ticks_of
from ringsmith.report.summary import Curve, Diagnosis, Metric, Standing
from ringsmith.report.svg import ACCENT, DATA, GRID, INK, MUTED, PAPER, SOFT, dress

WIDE, NARROW, HALF = 720, 320, 321
NAME_LETTERS = {WIDE: 34, NARROW: 26, HALF: 26}
MARGIN = 62
"""Pixels that the axis on the left takes."""
SURE_OF_ROOM = 3
"""So many names find room wherever their points are; of more, some may find none where points lie close."""
NAMED = 8
"""With more points than these a picture of quality against cost is taller."""
LINEAR_UP_TO = 8.0
"""A range of costs wider than this factor gets a logarithmic axis."""
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"domain": False, "ticks": False, "gridColor": GRID, "labelColor": MUTED, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
             "labelPadding": 8, "labelSeparation": 4, "titlePadding": 10, "labelLimit": 260},
    "text": {"fontSize": 12},
}  # fmt: skip
COSTS: dict[str, tuple[str, str, Callable[[float | None], str]]] = {
    "latency": ("Quality against speed", "Time for one row, ms (p50)", wording.latency),
    "size": ("Quality against size", "Size on disk, MB", wording.megabytes),
}
FRONT = " The stepped line is the Pareto front: no other candidate is both better and cheaper than one on it."
NO_ROOM = " Where there is no room for a name, the table has it."
Rows = list[dict[str, Any]]
Maker = Callable[[int], alt.LayerChart]


def intervals(board: Sequence[Standing], metric: Metric) -> Figure | None:
    """Every ranked candidate's score on test with its interval; None below two of them."""
    ranked = [row for row in board if row.ranked and row.test_low is not None and row.recipe != "majority"]
    if len(ranked) < 2:
        return None
    rows = [
        {"name": row.candidate, "low": row.test_low, "high": row.test_high, "test": row.test, "colour": ACCENT if row.recommended else DATA, "tie": row.tie_group or ""}
        for row in ranked
    ]
    digits = digits_on(board)
    body = [[row.candidate, *(wording.score(value, digits) for value in (row.test, row.test_low, row.test_high)), row.tie_group or wording.NOTHING] for row in ranked]
    ring = "the ring marks the recommended one; " if any(row.recommended for row in ranked) else ""
    caption = f"{title_of(metric)} on the test rows with 95 % intervals. The band is that of the first in the table; {ring}letters are tie groups."
    caption += _without_floor(board)
    return figure_of(
        "intervals", "How sure is the order?", caption, lambda width: _intervals(rows, metric, width), ["Candidate", title_of(metric), "Low", "High", "Tie group"], body
    )


def _without_floor(board: Sequence[Standing]) -> str:
    """That the floor is not drawn, where it is in the table: the others would lie close together."""
    floor = next((row for row in board if row.ranked and row.recipe == "majority"), None)
    return "" if floor is None else f" The floor, majority, {'which is recommended, ' if floor.recommended else ''}is not drawn."


def _intervals(rows: Rows, metric: Metric, width: int) -> alt.LayerChart:
    short = elide_all([row["name"] for row in rows], NAME_LETTERS[width])
    rows = [{**row, "label": name + (f"  {row['tie']}" if row["tie"] else "")} for row, name in zip(rows, short, strict=True)]
    names = [row["label"] for row in rows]
    room = 8.2 * max(map(len, names)) + 8
    labels = alt.Axis(labelColor=INK, labelFontSize=13, grid=False, title=None, labelLimit=330, minExtent=room) if width == WIDE else None
    y = alt.Y("label:N", sort=names, axis=labels, scale=alt.Scale(paddingInner=0.2, paddingOuter=0.3))
    x = alt.X(
        "low:Q", title=title_of(metric), scale=alt.Scale(zero=False, nice=True), axis=axis_of([end for row in rows for end in (row["low"], row["high"])], 6 if width == WIDE else 4)
    )
    base = chart_of(rows).encode(y=y)
    best = chart_of(rows[:1])
    layers = [
        best.mark_rect(color=SOFT).encode(x=x, x2="high:Q"),
        base.mark_rule(strokeWidth=2.5, strokeCap="round").encode(x=x, x2="high:Q", color=alt.Color("colour:N", scale=None)),
        base.transform_filter(f"datum.colour == '{ACCENT}'").mark_point(size=190, strokeWidth=1.5, color=ACCENT, filled=False).encode(x="test:Q"),
        base.mark_point(size=70, filled=True, opacity=1).encode(x="test:Q", color=alt.Color("colour:N", scale=None)),
    ]
    if width != WIDE:
        layers.append(base.mark_text(align="left", dy=-17, color=INK, fontSize=13).encode(x=alt.value(0), text="label:N"))
    return fit(layers, width, len(rows) * (36 if width == WIDE else 50) + 50)


def trade(board: Sequence[Standing], metric: Metric, *, cost: str) -> Figure | None:
    """Quality against what it costs, with the Pareto front; None below two candidates that were measured.

    Args:
        board: the leaderboard.
        metric: what judged.
        cost: ``"latency"`` (one row, p50) or ``"size"`` (on disk).
    """
    title, axis, unit = COSTS[cost]
    costs = {row.candidate: (row.latency_ms_p50 if cost == "latency" else row.size_mb) or 0.0 for row in board}
    ranked = [row for row in board if row.ranked and row.test is not None and row.recipe != "majority" and costs[row.candidate] > 0]
    if len(ranked) < 2:
        return None
    points = [Point(row.candidate, costs[row.candidate], row.test) for row in ranked if row.test is not None]
    ends = {row.candidate: (row.test_low, row.test_high) for row in ranked if row.test_low is not None and row.test_high is not None}
    best = {point.name for point in front(points, greater_is_better=metric.greater_is_better)}
    take = next((row.candidate for row in ranked if row.recommended), None)
    points.sort(key=lambda point: (point.name != take, point.name not in best))  # whose names are placed first
    digits = digits_on(board)
    body = [[p.name, wording.score(p.quality, digits), unit(p.cost), "yes" if p.name in best else "no"] for p in points]
    caption = "Up and to the left is better." if metric.greater_is_better else "Down and to the left is better."
    caption += " The soft bars are 95 % intervals."
    caption += FRONT if len(best) > 1 else f" {min(best)} is both the best and the cheapest."
    caption += _without_floor(board)
    caption += NO_ROOM if len(points) > SURE_OF_ROOM else ""
    head = ["Candidate", title_of(metric), axis, "On the Pareto front"]
    return figure_of(f"trade-{cost}", title, caption, lambda width: _trade(points, ends, metric, axis, take, width), head, body)


def _trade(points: Sequence[Point], ends: Mapping[str, tuple[float, float]], metric: Metric, title: str, take: str | None, width: int) -> alt.LayerChart:
    height = (280 if width == WIDE else 260) + 12 * max(0, len(points) - NAMED)
    costs, qualities = [p.cost for p in points], [p.quality for p in points]
    log = max(costs) / min(costs) > LINEAR_UP_TO
    x_domain, y_domain = domain_of(apart(costs), log=log), domain_of([*qualities, *(end for pair in ends.values() for end in pair)], log=False)
    ticks = {"values": ticks_of(x_domain)} if log else {"tickCount": 4}
    x = alt.X("cost:Q", title=title, scale=alt.Scale(type="log" if log else "linear", domain=x_domain, nice=False), axis=alt.Axis(**ticks, format="~g", grid=False))
    y = alt.Y("quality:Q", title=title_of(metric), scale=alt.Scale(domain=y_domain, nice=False, zero=False), axis=axis_of(y_domain, 4))
    line = [{"cost": p.cost, "quality": p.quality} for p in front(points, greater_is_better=metric.greater_is_better)]
    rows = named(points, take, width)
    dots = chart_of(rows).encode(x=x, y=y)
    bars = [{"cost": p.cost, "low": ends[p.name][0], "high": ends[p.name][1]} for p in points if p.name in ends]
    layers = [
        chart_of(bars).mark_rule(color=SOFT, strokeWidth=7, strokeCap="round").encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        chart_of(line).mark_line(interpolate="step-after", color=MUTED, strokeDash=[2, 4], strokeWidth=1.5).encode(x=x, y=y),
        dots.transform_filter(f"datum.colour == '{ACCENT}'").mark_point(size=200, filled=False, strokeWidth=1.5, color=ACCENT),
        dots.mark_point(size=75, filled=True, opacity=1).encode(color=alt.Color("colour:N", scale=None)),
    ]
    names = [layer.encode(x=x, y=y) for layer in names_of(rows, x_domain, y_domain, log=log, width=width, height=height)]
    return fit(layers + names, width, height)


def named(points: Sequence[Point], take: str | None, width: int) -> Rows:
    """Points with their names, as `names_of` places them."""
    short = elide_all([point.name for point in points], NAME_LETTERS[width])
    return [{"cost": p.cost, "quality": p.quality, "name": name, "colour": ACCENT if p.name == take else DATA} for p, name in zip(points, short, strict=True)]


def names_of(rows: Rows, x_domain: Sequence[float], y_domain: Sequence[float], *, log: bool, width: int, height: int, spots: Sequence[Spot] = SPOTS) -> list[alt.Chart]:
    """One layer for all names that stand on the same side of their points, those that find room; the recommended one in bold."""
    xs = [position_in(row["cost"], x_domain, log=log) * (width - MARGIN) for row in rows]
    ys = [(1 - position_in(row["quality"], y_domain, log=False)) * (height - 50) for row in rows]
    placed = place([row["name"] for row in rows], xs, ys, width=width - MARGIN, spots=spots)
    layers = []
    for spot, bold in dict.fromkeys((spot, row["colour"] == ACCENT) for spot, row in zip(placed, rows, strict=True) if spot is not None):
        here = [row for row, at in zip(rows, placed, strict=True) if at == spot and (row["colour"] == ACCENT) == bold]
        mark = chart_of(here).mark_text(align=spot.align, baseline="middle", dx=spot.dx, dy=spot.dy, color=INK, fontWeight="bold" if bold else "normal")
        layers.append(mark.encode(text="name:N"))
    return layers


def calibration(diagnosis: Diagnosis) -> Figure:
    """How often the model is right when it says it is so sure, with how many predictions stand behind each point."""
    whole = max(1, sum(b.rows for b in diagnosis.bins))
    rows = [{"low": b.low, "high": b.high, "share": b.rows / whole, "sure": b.confidence, "right": b.accuracy, "least": b.least, "most": b.most} for b in diagnosis.bins]
    body = [
        [f"{b.low:.2f} to {b.high:.2f}", wording.count(b.rows), wording.score(b.confidence), wording.score(b.accuracy), f"{wording.score(b.least)} to {wording.score(b.most)}"]
        for b in diagnosis.bins
    ]

    def make(width: int) -> alt.LayerChart:
        data = chart_of(rows)
        unit = alt.Scale(domain=[0, 1], nice=False)
        x = alt.X("sure:Q", title="How sure it was", scale=unit, axis=alt.Axis(tickCount=5, format=".1f"))
        y = alt.Y("right:Q", title="How often it was right", scale=unit, axis=alt.Axis(tickCount=5, format=".1f"))
        diagonal = chart_of([{"sure": 0, "right": 0}, {"sure": 1, "right": 1}]).mark_line(color=MUTED, strokeDash=[2, 4], strokeWidth=1.5).encode(x=x, y=y)
        bars = data.mark_bar(color=SOFT).encode(x=alt.X("low:Q", scale=unit), x2="high:Q", y=alt.Y("share:Q", scale=unit), y2=alt.datum(0))
        line, points = data.mark_line(color=DATA, strokeWidth=2), data.mark_point(color=DATA, filled=True, size=55, opacity=1)
        spread = data.mark_rule(color=DATA, strokeWidth=1.5, opacity=0.6).encode(x=x, y=alt.Y("least:Q", scale=unit), y2="most:Q")
        return fit([bars, diagonal, spread, line.encode(x=x, y=y), points.encode(x=x, y=y)], width, 330)

    caption = (
        "On the dotted line a model is as often right as it says. Below it, the model is too sure of itself; above, too modest; where the upright line of a point (its "
        "95 % interval) meets the dotted one, it may be chance. The bars are the share of the predictions."
    )
    return figure_of("calibration", "How sure, how often right", caption, make, ["How sure", "Predictions", "Mean confidence", "Share right", "95 % interval"], body, half=True)


def curves(name: str, title: str, axis: str, lines: Sequence[Curve]) -> Figure | None:
    """What was recorded during training, a line for each run; None where there is nothing.

    Args:
        name: stem of the ids.
        title: heading.
        axis: what goes up.
        lines: the runs.
    """
    if not lines:
        return None
    rows = [{"run": line.run, "step": number + 1, "value": value} for line in lines for number, value in enumerate(line.values) if math.isfinite(value)]
    seen = [value for line in lines for value in line.values if math.isfinite(value)]
    digits = wording.digits_of(seen)
    body = [
        [line.run, wording.count(len(line.values)), *(wording.score(value, digits) for value in (line.values[0], min(line.values), max(line.values), line.values[-1]))]
        for line in lines
    ]

    def make(width: int) -> alt.LayerChart:
        x = alt.X("step:Q", title="Time it was looked at", axis=alt.Axis(tickCount=5, format="~d", tickMinStep=1, grid=False), scale=alt.Scale(nice=False, zero=False))
        y = alt.Y("value:Q", title=axis, axis=axis_of(seen, 5, trim=True), scale=alt.Scale(zero=False))
        base = chart_of(rows).encode(x=x, y=y, detail="run:N")
        points = [base.mark_point(color=DATA, filled=True, size=26, opacity=1)] if max(len(line.values) for line in lines) <= 30 else []
        return fit([base.mark_line(color=DATA, strokeWidth=1.8), *points], width, 250)

    return figure_of(name, title, "One line for each run." if len(lines) > 1 else "", make, ["Run", "Points", "First", "Lowest", "Highest", "Last"], body, half=True)


def lengths(edges: Sequence[float], counts: Sequence[int], unit: str = "word") -> Figure | None:
    """How long the texts are, in words; None where it is not known, or all are equally long.

    Args:
        edges: whole numbers; a bin goes from its own up to the next, which it does not hold.
        counts: texts of each bin.
        unit: what is counted.
    """
    if len(counts) < 2 or len(edges) != len(counts) + 1 or not any(counts):
        return None
    # The last bin may hold all that is longer: drawn to its true end it would look like most of the texts.
    step = edges[-2] - edges[-3] if len(edges) > 2 else edges[-1] - edges[0]
    cut = edges[-1] - edges[-2] > 2.5 * step
    ends = [*edges[1:-1], edges[-2] + step if cut else edges[-1]]
    rows = [{"low": low, "high": high, "rows": rows} for low, high, rows in zip(edges[:-1], ends, counts, strict=True)]
    caption = f"The last bar holds all longer texts, up to {edges[-1] - 1:,.0f} {unit}s." if cut else ""
    units = f"{unit.capitalize()}s"
    body = [[wording.span(low, high - 1), wording.count(number)] for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True)]

    def make(width: int) -> alt.LayerChart:
        ticks, first, last = 8 if width == WIDE else 5, round(edges[0]), round(ends[-1])
        whole = {"values": [*range(first, last + 1)]} if last - first <= ticks else {"tickCount": ticks}
        x = alt.X("low:Q", title=f"{units} in a text", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(grid=False, format=",d", **whole))
        y = alt.Y("rows:Q", title="Rows", axis=alt.Axis(tickCount=min(4, round(max(counts))), format="~s"))
        return fit([chart_of(rows).mark_bar(color=DATA, stroke=PAPER, strokeWidth=1).encode(x=x, x2="high:Q", y=y, y2=alt.datum(0))], width, 200)

    return figure_of("lengths", "How long the texts are", caption, make, [units, "Rows"], body)


def figure_of(name: str, title: str, caption: str, make: Maker, head: Sequence[str], body: Sequence[Sequence[str]], *, half: bool = False) -> Figure:
    """Draw it in the widths it needs and put its numbers into words."""
    told = "; ".join(", ".join(f"{column} {cell}" for column, cell in zip(head, line, strict=True)) for line in list(body)[:12])
    alternative = f"{caption} {told}{'; and more, see the table' if len(body) > 12 else ''}.".strip()
    wide = dress(render_svg(make(HALF if half else WIDE)), f"{name}-w", title=title, alternative=alternative)
    narrow = None if half else dress(render_svg(make(NARROW)), f"{name}-n", title=title, alternative=alternative)
    return Figure(name, title, caption, alternative, wide, narrow, head, body)


def chart_of(rows: Rows) -> alt.Chart:
    """A chart of these rows."""
    return alt.Chart(alt.Data(values=rows))  # type: ignore[no-untyped-call]


def render_svg(chart: alt.LayerChart) -> str:
    """The renderer's SVG of a chart; nothing is fetched. All pictures pass here: a character that XML cannot hold would end the process."""
    return str(vl_convert.vegalite_to_svg(wording.clean(chart.to_dict(validate=False)), config=CONFIG, allowed_base_urls=[]))


def fit(layers: Sequence[alt.Chart], width: int, height: int) -> alt.LayerChart:
    """Layers as one picture of this size, its axes included."""
    layered: alt.LayerChart = alt.layer(*layers)  # type: ignore[assignment]
    return layered.properties(width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"))


def title_of(metric: Metric) -> str:
    """What an axis of the metric is called."""
    return elide(wording.metric_title(metric.name), 40)


def digits_on(board: Sequence[Standing]) -> int:
    """Digits that tell the figures of those in the table and their intervals apart, the floor left out."""
    ranked = [row for row in board if row.ranked and row.recipe != "majority"]
    return wording.digits_of(value for row in ranked for value in (row.test, row.test_low, row.test_high))


def axis_of(values: Sequence[float], ticks: int, *, trim: bool = False) -> alt.Axis:
    """An axis through these values with about so many ticks, and enough digits to tell these apart.

    Args:
        values: what is drawn, or the ends of the axis.
        ticks: how many.
        trim: whether zeros at the end are left out.
    """
    span = max(values, default=0.0) - min(values, default=0.0)
    digits = wording.digits_of(values, parts=ticks, least=0 if span >= 10 else 2 if span >= 0.04 else 3)
    return alt.Axis(tickCount=ticks, format=f".{digits}{'~' if trim else ''}f")


def domain_of(values: Sequence[float], *, log: bool) -> list[float]:
    """Room around the values: a tenth of their range, or of their order of magnitude."""
    low, high = (math.log10(min(values)), math.log10(max(values))) if log else (min(values), max(values))
    room = 0.14 * (high - low) or 0.1 * abs(high) or 0.1
    return [10 ** (low - room), 10 ** (high + room)] if log else [max(0.0, low - room) if low >= 0 else low - room, high + room]


def position_in(value: float, domain: Sequence[float], *, log: bool) -> float:
    """Where between the ends of an axis, 0 to 1."""
    low, high, here = (math.log10(v) if log else v for v in (*domain, value))
    return (here - low) / (high - low)
