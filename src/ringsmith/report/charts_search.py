"""The pictures of a search: how it went, and which settings lead where (parallel coordinates, Inselberg 1985)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import altair as alt

from ringsmith.report import wording
from ringsmith.report.charts import WIDE, Rows, axis_of, chart_of, figure_of, fit
from ringsmith.report.figure import Figure
from ringsmith.report.layout import elide, elide_all
from ringsmith.report.search import Axis, Search, Trial, chosen, of
from ringsmith.report.summary import Metric
from ringsmith.report.svg import ACCENT, DATA, GRID, INK, MUTED, PAPER

BEST = 0.25
"""This share of the trials, the best, is drawn strongly."""


def history(search: Search, metric: Metric, name: str) -> Figure | None:
    """Every trial's figure in the order in which they were tried, with the best so far as a line; None below three trials with a figure."""
    done = [trial for trial in search.trials if trial.valid is not None]
    if len(done) < 3:
        return None
    stopped = [trial for trial in search.trials if trial.valid is None and trial.reached is not None]
    best, line = None, list[dict[str, Any]]()
    for trial in done:
        assert trial.valid is not None
        best = trial.valid if best is None else max(best, trial.valid) if metric.greater_is_better else min(best, trial.valid)
        line.append({"number": trial.number, "valid": best})
    line.append({"number": search.trials[-1].number, "valid": best})
    rows = [{"number": trial.number, "valid": trial.valid, "colour": ACCENT if trial.winner else DATA} for trial in done]
    digits = search.digits
    body = [[str(trial.number), wording.score(trial.valid, digits), trial.status, wording.duration(trial.seconds)] for trial in search.trials]
    title = wording.metric_title(metric.name)
    caption = "Each dot is a trial, the first one is the defaults; the line is the best so far. The ring marks the best in the end; hollow dots stand where trials were stopped."

    def make(width: int) -> alt.LayerChart:
        axis = alt.Axis(grid=False, tickMinStep=1, tickCount=8 if width == WIDE else 5, format="d")
        x = alt.X("number:Q", title="Trial", axis=axis, scale=alt.Scale(nice=False, zero=False, padding=8))
        reached = [mark for trial in search.trials for mark in (trial.valid, trial.reached) if mark is not None]
        y = alt.Y("valid:Q", title=f"{elide(title, 30)} on valid", scale=alt.Scale(zero=False), axis=axis_of(reached, 5, trim=True))
        dots = chart_of(rows).encode(x=x, y=y)
        hollow = [{"number": trial.number, "valid": trial.reached} for trial in stopped]
        layers = [
            chart_of(line).mark_line(interpolate="step-after", color=MUTED, strokeWidth=1.5, strokeDash=[2, 4]).encode(x=x, y=y),
            chart_of(hollow).mark_point(size=45, color=MUTED, filled=False, strokeWidth=1.3).encode(x=x, y=y),
            dots.transform_filter(f"datum.colour == '{ACCENT}'").mark_point(size=200, filled=False, strokeWidth=1.5, color=ACCENT),
            dots.mark_point(size=60, filled=True, opacity=1).encode(color=alt.Color("colour:N", scale=None)),
        ]
        return fit(layers if hollow else [layers[0], *layers[2:]], width, 250)

    return figure_of(name, "How the search went", caption, make, ["Trial", f"{title} on valid", "Status", "Time"], body)


def parallel(search: Search, metric: Metric, name: str) -> Figure | None:
    """A line for each trial that came to its end, through its value of every option to its figure; None below three of them."""
    done = [trial for trial in search.trials if trial.valid is not None]
    if len(done) < 3:
        return None
    axes = [*(replace(axis, values=chosen(done, axis)) for axis in search.axes), _of_marks(done, metric)]
    title = wording.metric_title(metric.name)
    body = [[str(trial.number), *(of(trial, axis) for axis in search.axes), wording.score(trial.valid, search.digits)] for trial in ranked(done, metric)]
    caption = (
        f"Each line is a trial; the best quarter is drawn strongly, the best one thickest. {title} on the validation rows stands last. An option matters where the strong "
        f"lines meet and the others do not."
    )
    if any(axis.usual == "own rule" for axis in search.axes):
        caption += " The defaults find some values by a rule of their own: their line passes by those options."
    return figure_of(name, "Which settings lead where", caption, lambda width: _parallel(done, axes, metric, width), ["Trial", *(axis.title for axis in search.axes), title], body)


def ranked(done: Sequence[Trial], metric: Metric) -> list[Trial]:
    """The best first; of equals the earlier."""
    return sorted(done, key=lambda trial: (-(trial.valid or 0.0) if metric.greater_is_better else trial.valid or 0.0, trial.number))


def _of_marks(done: Sequence[Trial], metric: Metric) -> Axis:
    """The last axis: the figures, the best on top."""
    values = [trial.valid for trial in done if trial.valid is not None]
    low, high = min(values), max(values)
    return Axis("", *((low, high) if metric.greater_is_better else (high, low)), False, (), "", "", None)


def _parallel(done: Sequence[Trial], axes: Sequence[Axis], metric: Metric, width: int) -> alt.LayerChart:
    """Side by side where there is room, one below the other on a phone."""
    upright = width == WIDE
    best = ranked(done, metric)
    strong = {trial.number for trial in best[: max(1, round(BEST * len(best)))]}
    lines: Rows = []
    for trial in reversed(best):
        colour = ACCENT if trial.winner else DATA if trial.number in strong else MUTED
        known = [(at, trial.valid if not axis.name else trial.settings.get(axis.name)) for at, axis in enumerate(axes) if not axis.name or axis.name in trial.settings]
        lines += [{"trial": trial.number, "at": at, "position": axes[at].position(value), "colour": colour} for at, value in known]
    along = alt.Scale(domain=[-0.35, len(axes) - 0.65], nice=False, reverse=not upright)
    across = alt.Scale(domain=[-0.08, 1.16] if upright else [-0.02, 1.02], nice=False)
    at, position = ("x", "y") if upright else ("y", "x")
    places = {at: _channel(at, "at", along), position: _channel(position, "position", across)}
    rules = [{"at": number, "position": 0.0, "end": 1.0} for number in range(len(axes))]
    ends = {f"{position}2": "end:Q"}
    layers = [chart_of(rules).mark_rule(color=GRID, strokeWidth=2).encode(**places, **ends)]
    for colour, thick, ink in ((MUTED, 1.2, 0.3), (DATA, 1.8, 1.0), (ACCENT, 3.0, 1.0)):
        here = [row for row in lines if row["colour"] == colour]
        if here:
            layers.append(chart_of(here).mark_line(color=colour, strokeWidth=thick, strokeOpacity=ink, strokeJoin="round").encode(**places, detail="trial:N", order="at:Q"))
    return fit(layers + _labels(axes, wording.metric_title(metric.name), places, upright=upright), width, 330 if upright else 78 * len(axes))


def _channel(name: str, field: str, scale: alt.Scale) -> Any:
    return (alt.X if name == "x" else alt.Y)(f"{field}:Q", axis=None, scale=scale)


def _labels(axes: Sequence[Axis], last: str, places: dict[str, Any], *, upright: bool) -> list[alt.Chart]:
    """Names of the options, and what stands at the ends of each axis (at each place of a choice)."""
    titles = elide_all([axis.title or last for axis in axes], 17 if upright else 40)
    heads = [{"at": at, "position": 1.0 if upright else 0.0, "text": title} for at, title in enumerate(titles)]
    middle: Literal["center", "left"] = "center" if upright else "left"
    layers = [chart_of(heads).mark_text(color=INK, align=middle, dy=-26 if upright else -28, fontWeight="bold").encode(**places, text="text:N")]
    for low in (True, False):
        ends = [{"at": at, "position": 0.0 if low else 1.0, "text": ends_of(axis)[0 if low else 1]} for at, axis in enumerate(axes) if not axis.values]
        side: Literal["center", "left", "right"] = "center" if upright else "left" if low else "right"
        down = 12 if not upright else 14 if low else -11
        layers.append(chart_of(ends).mark_text(color=MUTED, fontSize=11, align=side, dy=down).encode(**places, text="text:N"))
    choices = [{"at": at, "position": (number + 0.5) / len(axis.values), "text": text} for at, axis in enumerate(axes) for number, text in enumerate(elide_all(axis.values, 12))]
    if not choices:
        return layers
    side = "left" if upright else "center"
    place: dict[str, Any] = {"fontSize": 11, "align": side, "dx": 6 if upright else 0, "dy": -7 if upright else 12}
    margin = chart_of(choices).mark_text(color=PAPER, stroke=PAPER, strokeWidth=4, **place)  # lines end before a name that they would cross
    return [*layers, *(names.encode(**places, text="text:N") for names in (margin, chart_of(choices).mark_text(color=MUTED, **place)))]


def ends_of(axis: Axis) -> tuple[str, str]:
    """Both ends of an axis in as many digits as tell them apart, three at least.

    Examples:
        >>> ends_of(Axis("", 0.9991, 0.9994, False, (), "", "", None))
        ('0.9991', '0.9994')
    """
    pairs = [(f"{axis.low:.{digits}g}", f"{axis.high:.{digits}g}") for digits in range(3, 7)]
    return next(((low, high) for low, high in pairs if low != high), pairs[0])
