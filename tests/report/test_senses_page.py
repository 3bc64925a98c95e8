"""The page of a word's senses: every use on it and escaped, dots where the record says, and how Chromium shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser
from test_report_browser import CONTRAST, TROUBLE

from ringsmith.inspection import Occurrence, Senses
from ringsmith.report.sensepage import LONG, NARROW, TALL, WIDE, dots_of, line_of, lines_of, render_senses, snippet, write_senses
from ringsmith.report.wordmap import _box as box_of


def make_senses(count: int, clusters: int) -> Senses:
    """A word in made-up sentences, some of them nasty."""
    texts = ("we sat on the <b>grass</b> by the bank, and watched", "שלום bank עולם", "the bank&amp; raised its rates " + "again and " * 40, "x" * 120 + " bank")
    rows = []
    for at in range(count):
        text = texts[at % 4]
        start = text.index("bank")
        rows.append(Occurrence(text, start, start + 4, at + 1, at % clusters, (at * 37 % 100) / 100, (at * 61 % 60) / 100))
    return Senses(
        model="my <model>", word="bank", layers="the last layer", occurrences=tuple(rows), total=count, clusters=clusters, silhouette=0.31 if clusters > 1 else None,
        self_similarity=0.7, baseline=0.1, context_share=0.3, between_share=0.4, explained=0.5, static_neighbours=(("<i>money</i>", 0.8), ("river", -0.1)),
        static_from="my <model>", central=tuple(range(clusters)),
    )  # fmt: skip


SENSES = {"two": make_senses(40, 2), "one": make_senses(3, 1), "six": make_senses(300, 6)}


@pytest.fixture(scope="session")
def sense_pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Kind -> its page."""
    folder = tmp_path_factory.mktemp("senses")
    return {name: write_senses(folder / f"{name}.html", senses, version="0") for name, senses in SENSES.items()}


@pytest.mark.parametrize("name", SENSES)
def test_every_use_is_on_the_page_and_escaped(sense_pages: Mapping[str, Path], name: str) -> None:
    """As a dot in both pictures, and as a line of its group; no script, no address."""
    senses, text = SENSES[name], sense_pages[name].read_text(encoding="utf-8")
    assert text.count("<circle class=") == 2 * len(senses.occurrences)
    assert text.count("<li value=") == len(senses.occurrences)
    assert [word for word in ("<b>grass", "<i>money", "my <model>", "<script", "url(", ' style="') if word in text] == []
    assert ("fall into" in text) == (senses.clusters > 1)


def test_uses_that_were_drawn_and_neighbours_that_are_none_are_said() -> None:
    """Of how many they were drawn; no table of nothing."""
    text = render_senses(replace(SENSES["two"], total=6_000, static_neighbours=()), version="0")
    assert "One word, 40 of 6,000 uses, drawn by chance" in text
    assert "no word of the vocabulary is a single token" in text
    assert "Nearest words by cosine" not in text
    assert "One word, 40 uses<" in render_senses(SENSES["two"], version="0")


def test_dots_stand_where_the_record_says() -> None:
    """In order, on one scale, inside the picture; the highest y at the top."""
    for width, height in ((WIDE, TALL), (NARROW, LONG)):
        dots = dots_of(SENSES["two"], width, height)
        assert all(0 < dot.x < width and 0 < dot.y < height for dot in dots)
        rows = SENSES["two"].occurrences
        assert (dots[1].x - dots[0].x) * (rows[2].y - rows[0].y) == pytest.approx((rows[1].x - rows[0].x) * -(dots[2].y - dots[0].y), abs=1)
        assert min(dots, key=lambda dot: dot.y).number - 1 == max(range(len(rows)), key=lambda at: rows[at].y)


@pytest.mark.parametrize(("width", "height", "radius"), [(WIDE, TALL, 5), (NARROW, LONG, 4)])
def test_words_beside_a_dot_touch_no_other(width: int, height: int, radius: int) -> None:
    """As large as dots are drawn."""
    for count in range(10, 100, 10):
        dots = dots_of(make_senses(count, 2), width, height)
        named = [(dot, dot.label) for dot in dots if dot.label is not None]
        assert named
        for dot, label in named:
            left, top, right, bottom = box_of(dot.x, dot.y, label.text, label.dx, label.dy)
            assert not any(left < other.x + radius and right > other.x - radius and top < other.y + radius and bottom > other.y - radius for other in dots)


def test_a_use_stands_between_what_is_around_it() -> None:
    """Cut between words; the most typical first."""
    line = line_of(SENSES["two"].occurrences[2], 3)
    assert (line.before, line.form) == ("the ", "bank")
    assert line.after.endswith(" …")
    assert len(line.after) < 64
    assert snippet(SENSES["two"].occurrences[0]) == "the bank, and watched"
    assert [one.number for one in lines_of(SENSES["two"], 1)][:3] == [2, 4, 6]


@pytest.mark.parametrize(
    ("before", "after"), [("他昨天下午在公司开完会" * 12, "并且在那里办理了一些" * 12), ("a " + "x" * 100, "y" * 100 + " b"), ("ab " + "x" * 58, "y" * 58 + " ab")]
)
def test_a_text_without_blanks_is_cut_between_letters(before: str, after: str) -> None:
    """What stands around the word is shown, and the word itself is in its label on the map, whole."""
    one = Occurrence(before + "银行" + after, len(before), len(before) + 2, 1, 0, 0.0, 0.0)
    line = line_of(one, 1)
    assert line.before.startswith("… ")
    assert line.after.endswith(" …")
    assert 56 < len(line.before) <= 62
    assert 56 < len(line.after) <= 62
    assert before.endswith(line.before[2:])
    assert after.startswith(line.after[:-2])
    label = snippet(one)
    assert "银行" in label
    assert len(label) <= 22
    assert (label[0], label[-1]) == ("…", "…")


@pytest.mark.browser
@pytest.mark.parametrize("name", SENSES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_readable_and_fits(browser: Browser, sense_pages: Mapping[str, Path], name: str, scheme: str) -> None:
    """No message on the console; the contrast of WCAG AA for every word; no scrolling sideways, from phones up, details open."""
    for width in (360, 1280):
        browser.open(sense_pages[name], scheme=scheme, width=width)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert [event for event in browser.events if event["method"] in TROUBLE] == []
        assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        result = browser.evaluate(CONTRAST)
        assert result["seen"] > 30
        assert result["faults"] == []


@pytest.mark.browser
def test_a_screen_reader_is_told_everything(browser: Browser, sense_pages: Mapping[str, Path]) -> None:
    """Landmarks once; nothing that matters without a name; one picture at a time."""
    browser.open(sense_pages["two"])
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in browser.tree()]
    roles = [role for role, _ in nodes]
    assert all(roles.count(role) == 1 for role in ("banner", "navigation", "main", "contentinfo"))
    assert [role for role, name in nodes if role in ("image", "table", "link", "region", "heading", "navigation", "columnheader", "rowheader") and not name.strip()] == []
    assert sum(role == "image" for role in roles) == 1
