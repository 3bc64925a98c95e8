"""The page of a look into a model: all of it there and escaped, maps that say what the weights say, and how Chromium shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from looks import make_look
from test_report_browser import CONTRAST, TROUBLE

from ringsmith.inspection import Inspection
from ringsmith.report.heatmap import paths, shades
from ringsmith.report.lookpage import DRAWN, expected, letters, render_look, rolled, telling, write_look

LOOKS = {"masked": make_look(), "labels": make_look(kind="labels", layers=12, heads=12), "replaced": make_look(kind="replaced", width=120), "few": make_look(width=3)}
RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\d+z")


@pytest.fixture(scope="session")
def look_pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Kind of look -> its page."""
    folder = tmp_path_factory.mktemp("looks")
    return {name: write_look(folder / f"{name}.html", look, version="0") for name, look in LOOKS.items()}


def test_the_paths_of_a_map_are_its_cells() -> None:
    """Painted again from the paths, cell by cell."""
    weights = np.random.default_rng(0).random((17, 17)) ** 4
    painted = np.zeros(weights.shape, dtype=np.int64)
    for shade, path in paths(weights):
        for x, y, length in (map(int, run) for run in RUN.findall(path)):
            assert not painted[y, x : x + length].any()
            painted[y, x : x + length] = shade
    assert (painted == shades(weights)).all()
    assert set(np.unique(painted)) > {0, 8}


@pytest.mark.parametrize("name", LOOKS)
def test_the_page_holds_everything_and_is_complete_in_itself(look_pages: Mapping[str, Path], name: str) -> None:
    """Every token, head, part and shape; dangerous words escaped; no script, no address."""
    look, text = LOOKS[name], look_pages[name].read_text(encoding="utf-8")
    assert "<b>bank" not in text
    assert "my <model>" not in text
    assert "&lt;b&gt;bank&lt;/b&gt;" in text
    assert [word for word in ("<script", "url(", 'href="http', ' style="') if word in text] == []
    assert text.count('<symbol id="mL') == len(look.heads)
    assert text.count('class="view large"') == len(look.heads)
    assert all(f'<td class="n">{token.id:,}</td>' in text for token in look.tokens)
    assert "30,522]" in text
    assert ("The first 64 tokens are drawn" in text) == (len(look.tokens) > DRAWN)
    assert ("good &lt;one&gt;" in text) == (name == "labels")
    for place in look.places:
        assert f"{place.total:,}" in text


def test_heads_that_were_asked_for_come_instead_of_telling_ones() -> None:
    """And are named so."""
    look = LOOKS["masked"]
    text = render_look(look, version="0", asked=[look.head(2, 3)])
    assert "The heads you asked for" in text
    assert text.index("Layer 2, head 3", text.index("The heads you asked for")) > 0
    assert {one.pattern for one in telling(look.heads)} == {"previous", "next", "self", "separator", "first"}


def test_shades_say_what_was_measured() -> None:
    """The most unexpected token is the darkest; so is the greatest source, but for the reader itself."""
    look = LOOKS["masked"]
    chances = {guess.position: guess.probability or 0.0 for guess in look.guesses}
    chips = expected(look)
    order = sorted(chances, key=lambda place: chances[place])
    assert chips[order[0]].shade == max(chip.shade for chip in chips) > chips[order[-1]].shade
    assert (chips[0].shade, chips[0].value) == (0, "")
    sources = rolled(look)
    assert sources[int(np.argmax(look.rollout[0, 1:])) + 1].shade == 8
    assert letters(look, look.tokens[1]) == "<b>bank</b>"
    assert letters(look, look.tokens[0]) == "[CLS]"


def test_a_page_is_made_from_json_alone() -> None:
    """What travelled as JSON makes the same page but for the last decimals of the maps."""
    look = LOOKS["few"]
    again = Inspection.from_json(look.to_json())
    assert render_look(again, version="0").count("<path") == pytest.approx(render_look(look, version="0").count("<path"), abs=3)


@pytest.mark.browser
@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_readable_and_fits(browser: Browser, look_pages: Mapping[str, Path], name: str, scheme: str) -> None:
    """No message on the console; the contrast of WCAG AA for every word; no scrolling sideways, from phones up, details open."""
    for width in (360, 1280):
        browser.open(look_pages[name], scheme=scheme, width=width)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert [event for event in browser.events if event["method"] in TROUBLE] == []
        assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        result = browser.evaluate(CONTRAST)
        assert result["seen"] > 50
        assert result["faults"] == []


@pytest.mark.browser
def test_a_head_is_shown_large_where_its_link_leads(browser: Browser, look_pages: Mapping[str, Path]) -> None:
    """By CSS alone: the map in the link's frame, and one view at a time; both have painted cells."""
    browser.open(look_pages["masked"])
    shown = "[...document.querySelectorAll('.view.large')].filter(v => v.checkVisibility()).map(v => v.id)"
    assert browser.evaluate(shown) == []
    assert browser.evaluate("document.querySelector('.maps a svg').getBoundingClientRect().width") > 40
    browser.evaluate("document.querySelector('.maps a[href=\"#L2H3\"]').click()")
    assert browser.evaluate(shown) == ["L2H3"]
    browser.evaluate("document.querySelector('#L2H3 nav a:nth-child(2)').click()")
    assert browser.evaluate(shown) == ["L2H4"]
    browser.evaluate("document.querySelector('#L2H4 nav a:last-child').click()")
    assert browser.evaluate(shown) == []


@pytest.mark.browser
def test_a_screen_reader_is_told_every_head(browser: Browser, look_pages: Mapping[str, Path]) -> None:
    """Landmarks once, names for all that matters, a link for each head with its pattern."""
    browser.open(look_pages["masked"])
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in browser.tree()]
    roles = [role for role, _ in nodes]
    assert all(roles.count(role) == 1 for role in ("banner", "main", "contentinfo"))
    assert [role for role, name in nodes if role in ("image", "table", "link", "region", "heading", "navigation", "columnheader", "rowheader") and not name.strip()] == []
    links = [name for role, name in nodes if role == "link"]
    assert "Layer 1, head 1: previous" in links
    assert sum(name.startswith("Layer") for name in links) == len(LOOKS["masked"].heads)


@pytest.mark.browser
def test_it_prints_without_cut_tables(browser: Browser, look_pages: Mapping[str, Path], tmp_path: Path) -> None:
    """On A4, light, no view in full but the telling ones."""
    browser.open(look_pages["labels"], width=688, scheme="dark", media="print")
    wide = browser.evaluate("[...document.querySelectorAll('table')].filter(t => t.checkVisibility() && t.scrollWidth > 690).map(t => t.id + ' ' + t.scrollWidth)")
    assert wide == []
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.pdf(tmp_path / "look.pdf")
    assert (tmp_path / "look.pdf").stat().st_size > 10_000
