"""The page in headless Chromium: silent, still, and fit for phones, both schemes, the keyboard and screen readers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from studies import PLOTS, Plot, make_study

from ringsmith.report import write_report

pytestmark = pytest.mark.browser

TROUBLE = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed")
CONTRAST = """(() => {
  const channels = c => { const n = c.match(/[\\d.]+(e-?\\d+)?/g).map(Number); return c.startsWith("color(") ? n.map((v, i) => i < 3 ? v * 255 : v) : n; };
  const light = c => { const [r, g, b] = channels(c).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => {
    for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const n = channels(c); if (n.length < 4 || n[3] > 0) return c; }
    return "rgb(255,255,255)";
  };
  const faults = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest(".unseen")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(e.closest("svg") ? style.fill : style.color), light(ground(e))].sort((x, y) => y - x);
    seen += 1;
    if ((a + .05) / (b + .05) < 4.5) faults.push(walker.currentNode.data.trim().slice(0, 30) + " " + ((a + .05) / (b + .05)).toFixed(2));
  }
  return {seen, faults};
})()"""


@pytest.mark.parametrize("name", PLOTS)
def test_the_page_is_silent_and_asks_for_nothing(browser: Browser, pages: Mapping[str, Path], name: str) -> None:
    """No message on the console, no request but the file itself."""
    browser.open(pages[name])
    assert [event for event in browser.events if event["method"] in TROUBLE] == []
    requests = [event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith("data:image/svg+xml,")] == [pages[name].as_uri()]


@pytest.mark.parametrize("name", PLOTS)
def test_the_page_never_scrolls_sideways(browser: Browser, pages: Mapping[str, Path], name: str) -> None:
    """Wide tables scroll in their own containers, open details included, from the smallest phone up."""
    for width in (320, 360, 768):
        browser.open(pages[name], width=width)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]


@pytest.mark.parametrize("name", ["intents", "nasty", "nothing"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_has_the_contrast_of_wcag_aa_as_it_is_painted(browser: Browser, pages: Mapping[str, Path], name: str, scheme: str) -> None:
    """Computed for each piece of text against the ground below it: tables, matrix and charts."""
    browser.open(pages[name], scheme=scheme)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = browser.evaluate(CONTRAST)
    assert found["seen"] > 100
    assert found["faults"] == []


def test_light_and_dark_are_two_schemes_and_print_is_light(browser: Browser, pages: Mapping[str, Path]) -> None:
    """The ground of the page, and a bar of a chart, in each."""
    ground, bar = "getComputedStyle(document.body).backgroundColor", "getComputedStyle(document.querySelector('.drawing path[fill*=data]')).fill"
    seen = {}
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        browser.open(pages["intents"], scheme=scheme, media=media)
        seen[scheme, media] = (browser.evaluate(ground), browser.evaluate(bar))
    assert seen["light", "screen"] == ("rgb(253, 252, 250)", "rgb(42, 95, 143)")
    assert seen["dark", "screen"] == ("rgb(22, 22, 20)", "rgb(128, 182, 226)")
    assert seen["dark", "print"] == ("rgb(255, 255, 255)", "rgb(42, 95, 143)")


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (360, "narrow")])
def test_one_drawing_of_each_chart_is_shown_at_a_time(browser: Browser, pages: Mapping[str, Path], width: int, shown: str) -> None:
    """And its letters stay at least 11 pixels high."""
    browser.open(pages["intents"], width=width)
    script = "[...document.querySelectorAll('.drawing')].filter(d => d.checkVisibility()).map(d => d.className)"
    classes = [name.split()[1] for name in browser.evaluate(script) if " " in name]
    assert set(classes) == {shown}
    assert len(classes) == 5
    scale = "[...document.querySelectorAll('.drawing svg')].filter(s => s.checkVisibility()).map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width)"
    assert min(browser.evaluate(scale)) * 12 >= 11


@pytest.mark.parametrize("name", ["intents", "nasty"])
def test_all_that_matters_has_a_role_and_a_name(browser: Browser, pages: Mapping[str, Path], name: str) -> None:
    """Landmarks, tables, images, links and regions, as a screen reader is told of them."""
    browser.open(pages[name])
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in browser.tree()]
    roles = [role for role, _ in nodes]
    assert all(roles.count(role) == 1 for role in ("banner", "navigation", "main", "contentinfo"))
    unnamed = [role for role, label in nodes if role in ("image", "table", "link", "region", "heading", "navigation", "columnheader", "rowheader") and not label.strip()]
    assert unnamed == []
    assert sum(role == "image" for role in roles) == sum(tag_shown(browser, "svg[role=img]"))


def tag_shown(browser: Browser, selector: str) -> list[Any]:
    """Whether each element of this kind is shown."""
    return list(browser.evaluate(f"[...document.querySelectorAll('{selector}')].map(e => e.checkVisibility())"))


def test_the_first_tab_stop_leads_to_the_result_and_is_seen(browser: Browser, pages: Mapping[str, Path]) -> None:
    """The skip link comes into view when it is reached, and moves on to main."""
    browser.open(pages["intents"])
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.evaluate("document.activeElement.click()")
    assert browser.evaluate("document.activeElement.id") == "main"


def test_nothing_moves_for_those_who_asked_for_stillness(browser: Browser, pages: Mapping[str, Path]) -> None:
    """The only motion is smooth scrolling, and it is off."""
    browser.open(pages["intents"])
    assert browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert browser.evaluate("document.getAnimations().length") == 0


def test_arabic_and_hebrew_texts_run_from_the_right(browser: Browser, pages: Mapping[str, Path]) -> None:
    """Each text takes its own direction; the page around it does not."""
    browser.open(pages["nasty"])
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    script = "[...document.querySelectorAll('blockquote')].map(q => [q.textContent.slice(0, 4), getComputedStyle(q).direction])"
    directions = dict(browser.evaluate(script))
    assert directions["مرحب"] == "rtl"
    assert directions["배송이 "] == "ltr"
    assert browser.evaluate("getComputedStyle(document.body).direction") == "ltr"


BREAKS = """[...document.querySelectorAll('tbody th bdi, tbody td bdi')].flatMap(name => {
  const walker = document.createTreeWalker(name, NodeFilter.SHOW_TEXT), range = document.createRange(), found = [];
  let before = "", top = null;
  while (walker.nextNode()) for (let at = 0; at < walker.currentNode.length; at++) {
    range.setStart(walker.currentNode, at); range.setEnd(walker.currentNode, at + 1);
    const box = range.getClientRects()[0], letter = walker.currentNode.data[at];
    if (box && top !== null && box.top > top + 4) found.push(before + "|" + letter);
    if (box) [before, top] = [letter, box.top];
  }
  return found;
})"""


@pytest.mark.parametrize("width", [380, 800, 1280])
def test_names_of_candidates_break_between_their_parts(browser: Browser, tmp_path: Path, width: int) -> None:
    """Never within a word, in none of the tables that name them; and they do break."""
    names = {"word2vec+full": 0.94, "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2+probe": 0.93, "tfidf": 0.85, "majority": 0.0}
    browser.open(write_report(make_study(tmp_path, Plot(candidates=names, take="word2vec+full"))), width=width)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = browser.evaluate(BREAKS)
    assert any(place[0] in "-/" for place in found)
    assert [place for place in found if place[0].isalnum() and place[2].isalnum()] == []


@pytest.mark.parametrize("name", ["intents", "nasty"])
def test_print_clips_no_table(browser: Browser, pages: Mapping[str, Path], name: str) -> None:
    """On a sheet of A4 (182 mm of text, 688 CSS pixels) nothing needs to scroll."""
    browser.open(pages[name], width=688, media="print")
    wide = browser.evaluate("[...document.querySelectorAll('table')].filter(t => t.checkVisibility() && t.scrollWidth > 690).map(t => t.id + ' ' + t.scrollWidth)")
    assert wide == []
    assert browser.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert browser.evaluate("document.querySelector('.contents').checkVisibility()") is False
