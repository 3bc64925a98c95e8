"""Charts: what is drawn where, in whose colours, and what it says to those who cannot see it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import PLOTS, make_study

from ringsmith.records import LearningCurve
from ringsmith.report import charts, charts_learning
from ringsmith.report.layout import LETTER, LINE, Point, elide, elide_all, front, place
from ringsmith.report.summarise import summarise
from ringsmith.report.summary import Curve, Metric, Standing
from ringsmith.report.svg import COLOURS, dress

ACCURACY = Metric("accuracy", "share of rows that are right", greater_is_better=True)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> list[Standing]:
    """The leaderboard of the first made-up comparison."""
    return list(summarise(make_study(tmp_path_factory.mktemp("charts"))).board)


def texts_of(drawing: str) -> list[str]:
    """All words in a drawing, its title and description left out."""
    return [element.text or "" for element in ElementTree.fromstring(drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)).iter(SVG + "text")]


points = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=12)


@given(points, st.booleans())
def test_the_front_holds_exactly_the_points_that_none_beats(pairs: list[tuple[int, int]], more: bool) -> None:
    """Against the definition, point by point: as good and as cheap, and better in one of both."""
    candidates = [Point(str(i), cost, quality) for i, (cost, quality) in enumerate(pairs)]
    sign = 1 if more else -1

    def beaten(point: Point) -> bool:
        return any(o.cost <= point.cost and sign * o.quality >= sign * point.quality and (o.cost, o.quality) != (point.cost, point.quality) for o in candidates)

    expected = {(p.cost, p.quality) for p in candidates if not beaten(p)}
    found = front(candidates, greater_is_better=more)
    assert {(p.cost, p.quality) for p in found} == expected
    assert len(found) == len(expected)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(20, 600), st.integers(20, 250)), min_size=1, max_size=30, unique=True))
def test_names_cover_neither_each_other_nor_a_point(where: list[tuple[int, int]]) -> None:
    """Nor does a name but the first stand nearer to another point. Where five points are apart all names find room; of many points in a heap some have none."""
    xs, ys = [float(x) for x, _ in where], [float(y) for _, y in where]
    names, boxes = ["minilm+full"] * len(where), []
    spots = place(names, xs, ys, width=650)
    for number, (spot, x, y, name) in enumerate(zip(spots, xs, ys, names, strict=True)):
        if spot is not None:
            left = x + spot.dx - (len(name) * LETTER if spot.align == "right" else 0)
            boxes.append((left, y + spot.dy - LINE / 2, left + len(name) * LETTER, y + spot.dy + LINE / 2))
            away = [math.hypot(max(left - a, 0, a - boxes[-1][2]), max(boxes[-1][1] - b, 0, b - boxes[-1][3])) for a, b in zip(xs, ys, strict=True)]
            assert number == 0 or min(away) == away[number]
    assert all(box[0] >= 0 and box[2] <= 650 for box in boxes)
    assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a, b in combinations(boxes, 2))
    if len(where) <= 5 and not any(abs(a[0] - b[0]) < 100 and abs(a[1] - b[1]) < 30 for a, b in combinations(where, 2)):
        assert len(boxes) == len(where)


def test_a_heap_of_points_names_the_recommended_one(board: list[Standing]) -> None:
    """Forty candidates in one place: few names fit, that of the recommendation is one of them, and the reader is told where the others are."""
    heap = [replace(board[1], candidate=f"candidate-{number}+probe", recommended=number == 39, size_mb=50 + number / 100, test=0.8 + number / 1e4) for number in range(40)]
    figure = charts.trade(heap, ACCURACY, cost="size")
    assert figure is not None
    named = [text for text in texts_of(figure.wide) if text.startswith("candidate-")]
    assert "candidate-39+probe" in named
    assert len(named) < 40
    assert "Where there is no room for a name, the table has it." in figure.caption


@given(st.text(max_size=60), st.integers(3, 40))
def test_a_short_name_keeps_its_beginning_and_its_end(name: str, letters: int) -> None:
    """At most so many letters; a name that fits stays as it is."""
    short = elide(name, letters)
    assert len(short) <= letters
    assert short == name if len(name) <= letters else short[0] == name[0] and "…" in short


parts = st.lists(st.sampled_from(["minilm", "+full[", "rate=2e-05,", "rate=5e-05,", "epochs=3,", "epochs=4,", "rows=32]", "x" * 40]), max_size=7).map("".join)


@settings(max_examples=200)
@given(st.lists(parts, unique=True, max_size=8), st.integers(12, 40))
def test_names_elided_together_stay_different(names: list[str], letters: int) -> None:
    """At most so many letters each; names that differ alone are as `elide` has them."""
    short = elide_all(names, letters)
    assert len(set(short)) == len(names)
    assert all(len(text) <= letters for text in short)
    alone = [elide(name, letters) for name in names]
    assert len(set(alone)) < len(names) or short == alone


def test_candidates_that_differ_in_the_middle_of_their_names_stand_on_lines_of_their_own(board: list[Standing]) -> None:
    """On screens and on phones, in the intervals and beside the points."""
    names = [f"minilm+lora[rank={rank},rate={rate},epochs=3,batch_rows=32]" for rank in (8, 16) for rate in (0.0003, 0.001)]
    rows = [replace(board[0], candidate=name, test=0.9 + at / 50, test_low=0.89 + at / 50, test_high=0.91 + at / 50, size_mb=10.0**at) for at, name in enumerate(names)]
    for figure in (charts.intervals(rows, ACCURACY), charts.trade(rows, ACCURACY, cost="size")):
        assert figure is not None
        assert figure.narrow is not None
        for drawing in (figure.wide, figure.narrow):
            shown = [text for text in texts_of(drawing) if "…" in text]
            assert len(set(shown)) == len(shown) >= 1
    intervals = charts.intervals(rows, ACCURACY)
    assert intervals is not None
    assert len({text for text in texts_of(intervals.wide) if "minilm" in text}) == 4


def test_good_models_are_told_apart_by_axis_and_table(board: list[Standing]) -> None:
    """All say 0.999 with three digits: four tell the ticks and the figures apart, in every picture and table of the board."""
    scores = (0.9993, 0.9992, 0.9991)
    rows = [replace(board[0], candidate=f"m{at}", test=one, test_low=one - 3e-4, test_high=one + 2e-4, size_mb=1.0 + at) for at, one in enumerate(scores)]
    for figure in (charts.intervals(rows, ACCURACY), charts.trade(rows, ACCURACY, cost="size")):
        assert figure is not None
        ticks = [text for text in texts_of(figure.wide) if re.fullmatch(r"[01]\.\d+", text)]
        assert len(set(ticks)) == len(ticks) >= 3
        assert [line[1] for line in figure.body] == ["0.9993", "0.9992", "0.9991"]
    assert charts.digits_on(rows) == 4
    assert charts.digits_on(board) == 3


@pytest.mark.parametrize(("low", "high", "expected"), [(0.2, 90.0, {"0", "20", "40"}), (0.0, 1.0, {"0.00", "0.40"}), (0.97, 0.99, {"0.970", "0.980"})])
def test_an_axis_has_the_digits_that_its_range_needs(board: list[Standing], low: float, high: float, expected: set[str]) -> None:
    """Whole numbers for a loss up to 90, hundredths for a share of all, thousandths for four hundredths."""
    rows = [replace(board[0], candidate=str(at), test=one, test_low=one, test_high=one, size_mb=1.0 + at) for at, one in enumerate((low, high))]
    figure = charts.trade(rows, ACCURACY, cost="size")
    assert figure is not None
    assert expected <= set(texts_of(figure.wide))


def test_losses_far_below_one_have_an_axis_and_a_table() -> None:
    """The loss of a model that has learnt all; of a run that gave no number nothing is drawn."""
    figure = charts.curves("loss", "Loss", "Loss", [Curve("holdout", (0.0009, 0.0004, 0.0001))])
    assert figure is not None
    assert {"0.0002", "0.0004"} <= set(texts_of(figure.wide))
    assert list(figure.body[0][2:]) == ["0.0009", "0.0001", "0.0009", "0.0001"]
    assert charts.curves("loss", "Loss", "Loss", [Curve("holdout", (math.nan, math.nan))]) is not None


def test_every_candidate_stands_in_the_interval_chart_in_order(board: list[Standing]) -> None:
    """Ranked ones but the floor, from the best down, in both widths."""
    figure = charts.intervals(board, ACCURACY)
    assert figure is not None
    assert figure.narrow is not None
    names = [row.candidate for row in board if row.ranked and row.recipe != "majority"]
    for drawing in (figure.wide, figure.narrow):
        assert [text.split("  ")[0] for text in texts_of(drawing) if "minilm" in text or "tfidf" in text] == names
    assert [line[0] for line in figure.body] == names


def test_the_alternative_text_holds_the_figures(board: list[Standing]) -> None:
    """Someone who cannot see the chart gets every score."""
    figure = charts.intervals(board, ACCURACY)
    assert figure is not None
    for row in board:
        if row.ranked and row.recipe != "majority":
            assert row.candidate in figure.alternative
            assert f"{row.test:.3f}" in figure.alternative


def test_no_stand_in_colour_is_left_and_none_but_ours_are_used(tmp_path: Path) -> None:
    """All paint is a variable of the page, so that light, dark and print follow."""
    summary = summarise(make_study(tmp_path))
    assert summary.diagnosis is not None
    figures = [charts.intervals(summary.board, ACCURACY), charts.trade(summary.board, ACCURACY, cost="latency"), charts.calibration(summary.diagnosis)]
    figures += [charts.curves("loss", "Loss", "Loss", [Curve("holdout", (2.0, 1.0, 0.5))]), charts.lengths([0, 5, 10], [3, 4])]
    for figure in figures:
        assert figure is not None
        paints = set(re.findall(r'(?:fill|stroke)="([^"]*)"', figure.wide + (figure.narrow or "")))
        assert paints <= {"none"} | {f"var(--{name})" for name in COLOURS.values()}
        assert "var(--data)" in paints


@pytest.mark.parametrize("greater", [True, False])
def test_a_learning_curve_goes_on_to_twice_the_rows(greater: bool) -> None:
    """Four sizes on the axis, the numbers in the table, and who overtakes whom; of losses the lower leads."""
    metric = Metric("accuracy" if greater else "log_loss", "", greater)
    values = [(0.6, 0.65, 0.7), (0.5, 0.66, 0.75)]
    curves = [
        LearningCurve(name, (131, 262, 525), value if greater else tuple(1 - one for one in value), 0.05, 0.01, 0.09, 0.0123, "")
        for name, value in zip(("tfidf", "minilm+full"), values, strict=True)
    ]
    figure = charts_learning.learning(curves, metric, "minilm+full")
    assert figure is not None
    assert {"131", "262", "525", "1,050", "tfidf", "minilm+full"} <= set(texts_of(figure.wide))
    assert figure.caption.endswith("With 131 rows tfidf was ahead, with 525 minilm+full is.")
    assert list(figure.head[1:4]) == ["131 rows", "262 rows", "525 rows"]
    assert list(figure.body[1][4:]) == ["0.050", "0.010 to 0.090", "0.012"]
    assert charts_learning.learning([], metric, None) is None


def test_lines_that_cross_within_their_intervals_are_called_chance() -> None:
    """What the table has is drawn, a bar for each candidate, and no lead is claimed that is smaller than it."""
    curves = [LearningCurve(name, (100, 200, 400), (first, 0.85, last), 0.05, -0.02, 0.12, 0.03, "") for name, first, last in (("probe", 0.801, 0.9), ("full", 0.8, 0.901))]
    figure = charts_learning.learning(curves, ACCURACY, "full")
    assert figure is not None
    assert "That with 100 rows probe was ahead, and with 400 full is, may be chance." in figure.caption
    assert len(re.findall(r'<line [^>]*stroke="var\(--soft\)"', figure.wide)) == 2
    assert "0.95" in texts_of(figure.wide)  # 0.85 + 0.12 lies on the axis


def test_a_drawing_is_one_named_image_without_the_renderers_own_roles(board: list[Standing]) -> None:
    """role=img, a title and a description that are there, and nothing below speaks."""
    figure = charts.trade(board, ACCURACY, cost="size")
    assert figure is not None
    root = ElementTree.fromstring(figure.wide)
    assert root.get("role") == "img"
    ids = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert ids[root.get("aria-labelledby")] == "Quality against size"
    assert "minilm+probe" in (ids[root.get("aria-describedby")] or "")
    below = [element for element in root.iter() if element is not root]
    assert not [key for element in below for key in element.keys() if key.startswith("aria") or key in ("role", "style", "class")]  # noqa: SIM118 - an element is no dict


def test_the_front_is_told_in_the_table(board: list[Standing]) -> None:
    """minilm+full is best and tfidf cheapest: both are on the front of quality against speed."""
    figure = charts.trade(board, ACCURACY, cost="latency")
    assert figure is not None
    assert {line[0]: line[-1] for line in figure.body} == {"minilm+full": "yes", "minilm+probe": "yes", "tfidf": "yes"}
    worse = [replace(row, test=0.1) if row.candidate == "minilm+full" else row for row in board]
    figure = charts.trade(worse, ACCURACY, cost="latency")
    assert figure is not None
    assert {line[0]: line[-1] for line in figure.body}["minilm+full"] == "no"
    assert "The stepped line is the Pareto front" in figure.caption


def test_a_front_of_one_is_said_and_so_is_what_is_not_drawn(board: list[Standing]) -> None:
    """No line is spoken of where there is none; the floor is in the table above and not in the picture."""
    best = [replace(row, test=0.99) if row.candidate == "tfidf" else row for row in board]
    figure = charts.trade(best, ACCURACY, cost="latency")
    assert figure is not None
    assert "stepped line" not in figure.caption
    assert "tfidf is both the best and the cheapest." in figure.caption
    drawn = [row.recipe == "majority" and row.ranked for row in board]
    for found in (figure, charts.intervals(board, ACCURACY)):
        assert found is not None
        assert ("The floor, majority, is not drawn." in found.caption) is any(drawn)
    floor = charts.intervals([replace(row, recommended=row.recipe == "majority") for row in board], ACCURACY)
    assert floor is not None
    assert "the ring" not in floor.caption
    assert "The floor, majority, which is recommended, is not drawn." in floor.caption
    without = charts.intervals([row for row in board if row.recipe != "majority"], ACCURACY)
    assert without is not None
    assert "not drawn" not in without.caption


def test_names_with_markup_stay_names(board: list[Standing]) -> None:
    """A candidate called like a tag is drawn as text and closes nothing."""
    named = [replace(row, candidate=f"</svg><script>{number}") for number, row in enumerate(board)]
    figure = charts.intervals(named, ACCURACY)
    assert figure is not None
    assert "<script" not in figure.wide
    assert any("</svg><script>0" in text for text in texts_of(figure.wide))


@pytest.mark.parametrize("values", [[0.9, 0.9], [0.0, 0.0], [1.0, 0.2]], ids=["equal", "zero", "far apart"])
def test_scores_that_are_equal_or_zero_still_make_a_chart(board: list[Standing], values: list[float]) -> None:
    """No division by a range of nothing."""
    same = [replace(row, test=value, test_low=value, test_high=value, size_mb=5.0) for row, value in zip(board, values, strict=False)]
    for figure in (charts.intervals(same, ACCURACY), charts.trade(same, ACCURACY, cost="size")):
        assert figure is not None
        assert "NaN" not in figure.wide


def test_a_last_bin_that_holds_all_longer_texts_is_not_drawn_to_its_end() -> None:
    """A bar from 10 to 500 words would cover the picture; the table keeps the true edges."""
    figure = charts.lengths([0, 5, 10, 500], [30, 20, 4])
    assert figure is not None
    assert figure.caption == "The last bar holds all longer texts, up to 499 words."
    assert figure.body[-1] == ["10 to 499", "4"]
    assert not {"100", "200", "500"} & set(texts_of(figure.wide))


def test_words_are_counted_in_whole_numbers() -> None:
    """Bins of one word are called by it, and no axis has half a word; texts of one length need no picture."""
    figure = charts.lengths([3, 4, 5], [30, 20])
    assert figure is not None
    assert figure.body == [["3", "30"], ["4", "20"]]
    assert not any("." in text for text in texts_of(figure.wide))
    assert charts.lengths([12, 13], [400]) is None
    japanese = charts.lengths([0, 5, 10, 500], [30, 20, 4], "character")
    assert japanese is not None
    assert japanese.caption == "The last bar holds all longer texts, up to 499 characters."
    assert japanese.head == ["Characters", "Rows"]
    assert "Characters in a text" in texts_of(japanese.wide)


def test_equal_scores_are_not_pulled_apart_by_the_axis(board: list[Standing]) -> None:
    """Two scores within one interval lie close together: the axis spans the intervals, too."""
    near = [replace(row, test=0.9 + number / 1e4, test_low=0.85, test_high=0.95) for number, row in enumerate(board[:2])]
    figure = charts.trade(near, ACCURACY, cost="size")
    assert figure is not None
    ticks = [float(text) for text in texts_of(figure.wide) if re.fullmatch(r"0\.\d\d", text)]
    assert min(ticks) <= 0.87
    assert max(ticks) >= 0.93


def test_sizes_that_hardly_differ_stand_together(board: list[Standing]) -> None:
    """Ten kB of 87 MB are no width of a picture."""
    near = [replace(row, size_mb=87.558 + number / 100) for number, row in enumerate(board[:2])]
    figure = charts.trade(near, ACCURACY, cost="size")
    assert figure is not None
    ticks = [float(text) for text in texts_of(figure.wide) if re.fullmatch(r"\d\d\d?", text)]
    assert max(ticks) - min(ticks) >= 10


def test_one_candidate_alone_needs_no_chart(board: list[Standing]) -> None:
    """Nothing to compare, nothing to draw."""
    assert charts.intervals(board[:1], ACCURACY) is None
    assert charts.trade(board[:1], ACCURACY, cost="size") is None
    assert charts.curves("loss", "Loss", "Loss", []) is None
    assert charts.lengths([0, 1], [0]) is None


def test_what_could_act_is_cut_out_of_a_drawing() -> None:
    """Scripts, links and foreign content have no place in a picture."""
    acting = '<script>1</script><a href="http://x"><path d="M0,0h1"/></a><path d="M0,0h2" onclick="x()" fill="#040404"/>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{acting}</svg>'
    dressed = dress(drawing, "n", title="T", alternative="A")
    assert "script" not in dressed
    assert "http" not in dressed
    assert "onclick" not in dressed
    assert '<path d="M0,0h2" fill="var(--data)"' in dressed


def test_the_plots_are_many() -> None:
    """The generator still covers what the page must stand."""
    assert {"intents", "binary", "many", "multilabel", "nasty", "nothing"} <= PLOTS.keys()
