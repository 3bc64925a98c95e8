"""The page of a map of words: names that do not cover each other, lists, and how Chromium shows it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from test_report_browser import CONTRAST, TROUBLE

from ringsmith.report.wordmap import LONG, NARROW, TALL, WIDE, draw, grouped, place_names, write_wordmap
from ringsmith.report.wordmap import _box as box_of

NAMES = ["<b>bold</b>", "東京", "שלום", "a-very-long-word-that-nobody-would-ever-write-down", "&amp;", *(f"word{at}" for at in range(120))]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many words, some of them nasty."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("map") / "map.html"
    return write_wordmap(path, title="my <vectors>", words=NAMES, points=rng.random((len(NAMES), 2)), groups=[at % 8 for at in range(len(NAMES))], method="t-SNE", version="0")


def test_names_cover_neither_each_other_nor_dots() -> None:
    """Crowded as they are."""
    rng = np.random.default_rng(1)
    xs, ys = 30 + rng.random(150) * 240, 30 + rng.random(150) * 240
    words = [f"word{at}" for at in range(150)]
    labels = place_names(words, xs, ys, 300, 300)
    assert 20 < len(labels) < 150
    boxes = np.array([box_of(xs[label.row], ys[label.row], label.text, label.dx, label.dy) for label in labels])
    for at, (left, top, right, bottom) in enumerate(boxes):
        others = np.delete(boxes, at, axis=0)
        assert not ((others[:, 0] < right) & (others[:, 2] > left) & (others[:, 1] < bottom) & (others[:, 3] > top)).any()
        row = labels[at].row
        inside = (xs > left) & (xs < right) & (ys > top) & (ys < bottom)
        inside[row] = False
        assert not inside.any()


def test_groups_are_named_by_their_first_words() -> None:
    """In the order of the map."""
    groups = grouped(["a", "b", "c", "d", "e"], [1, 0, 1, 1, 1])
    assert [(group.number, group.first, group.words) for group in groups] == [(0, ("b",), ("b",)), (1, ("a", "c", "d"), ("a", "c", "d", "e"))]


def test_one_scale_serves_both_directions(tmp_path: Path) -> None:
    """Distances on the page are those of the map, in both widths; a flat map makes a flat picture."""
    points = np.array([[0.0, 0.1], [0.4, 0.0], [1.0, 0.25]])
    for width, tall in ((WIDE, TALL), (NARROW, LONG)):
        drawing, _ = draw(["a", "b", "c"], points, [0, 0, 0], width, tall)
        at = np.array([[float(x), float(y)] for x, y in re.findall(r'<path aria-label="x: [^"]*" [^>]*transform="translate\(([\d.]+),([\d.]+)\)"', drawing)])
        assert len(at) == 3
        true, seen = (np.linalg.norm(where[:, None] - where[None], axis=2) for where in (points, at))
        assert np.allclose(seen / seen.max(), true / true.max(), atol=0.01)
        height = float(re.findall(r'height="([\d.]+)"', drawing)[0])
        assert height < 0.4 * width
    flat = write_wordmap(tmp_path / "map.html", title="t", words=["a", "b", "c"], points=points, groups=[0, 0, 0], method="PCA", version="0").read_text(encoding="utf-8")
    assert "The two directions are those in which they differ most" in flat
    assert "the size of gaps" not in flat


def test_every_word_of_a_heading_is_isolated(tmp_path: Path) -> None:
    """One that is written from right to left does not turn its neighbours round."""
    words = ["\u202eevil", "x9", "live"]
    page = write_wordmap(tmp_path / "map.html", title="t", words=words, points=np.array([[0, 0], [1, 1], [0.5, 0.2]]), groups=[0, 0, 0], method="PCA", version="0")
    assert "<span><bdi>\u202eevil</bdi>, <bdi>x9</bdi>, <bdi>live</bdi></span></h3>" in page.read_text(encoding="utf-8")


def test_every_word_is_on_the_page_and_escaped(page: Path) -> None:
    """In the lists below the picture; no script, no address."""
    text = page.read_text(encoding="utf-8")
    assert "<b>bold" not in text
    assert "my <vectors>" not in text
    assert "the size of gaps and the directions do not. <span" in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert all(f"word{at}" in text for at in range(120))
    assert "<script" not in text
    assert "url(" not in text


def test_words_that_no_picture_can_hold_are_drawn_with_the_replacement_character(tmp_path: Path) -> None:
    """Control characters and half an emoji, in words, groups, title and notes: they would end the renderer, and with it the process."""
    broken = "".join(map(chr, [*range(9), *range(11, 32), 0x7F, 0x9F, 0xD83D, 0xFFFE, 0xFFFF]))
    page = write_wordmap(tmp_path / "map.html", title=broken, words=[broken, "b"], points=np.array([[0, 0], [1, 1.0]]), groups=[0, 0], method="PCA", version="0", notes=[broken])
    text = page.read_text(encoding="utf-8")
    assert not set(broken) & set(text)
    assert text.count("\N{REPLACEMENT CHARACTER}") > 50


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_and_readable(browser: Browser, page: Path, scheme: str) -> None:
    """No message on the console; the contrast of WCAG AA for every word; no scrolling sideways."""
    for width in (NARROW, WIDE + 200):
        browser.open(page, scheme=scheme, width=width)
        assert [event for event in browser.events if event["method"] in TROUBLE] == []
        assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        result = browser.evaluate(CONTRAST)
        assert result["seen"] > 100
        assert result["faults"] == []


@pytest.mark.browser
def test_names_have_the_room_that_was_reckoned(browser: Browser, page: Path) -> None:
    """As Chromium paints them, few names touch: fonts differ."""
    browser.open(page, width=WIDE + 200)
    touching = browser.evaluate("""(() => {
      const boxes = [...document.querySelectorAll(".drawing.wide svg text")].map(t => t.getBoundingClientRect());
      let n = 0;
      boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => { if (a.left < b.right - 3 && b.left < a.right - 3 && a.top < b.bottom - 4 && b.top < a.bottom - 4) n++; }));
      return [boxes.length, n];
    })()""")
    assert touching[0] > 60
    assert touching[1] <= 3
