"""Normalising: what becomes the same, what stays, and that doing it twice changes nothing."""

from __future__ import annotations

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.text import normalise
from ringsmith.text.normalise import accents, casefold, compose, digits, emails, html, lower, mentions, repeats, spaces, upper, urls

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
TRICKY = st.text(st.sampled_from(list("aAßéÉİıø0٣ \t\u00a0\n'´`“—–…-\u0301\u200b\u00adﬁｶﾞ한ㅎ@.:/wh<b>&amp;#")), max_size=30)
IDEMPOTENT = {function.__name__: function for function in (normalise, compose, spaces, lower, casefold, accents, digits, urls, emails, mentions, repeats)}


@pytest.mark.parametrize("name", IDEMPOTENT)
@given(text=st.one_of(ANY, TRICKY))
def test_doing_it_twice_is_doing_it_once(name: str, text: str) -> None:
    """Every function but `html` leaves its own result as it is."""
    once = IDEMPOTENT[name](text)
    assert IDEMPOTENT[name](once) == once


@given(st.one_of(ANY, TRICKY))
def test_html_takes_any_text(text: str) -> None:
    """Broken markup is text."""
    assert isinstance(html(text), str)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Support <help@example.com> wrote:", "Support <help@example.com> wrote:"),
        ("see <https://example.org/a> or <mailto:a@example.org>", "see <https://example.org/a> or <mailto:a@example.org>"),
        ("<o:p>x</o:p><my-tag a='1'/><svg:rect x=1 />", "x"),
        ("<!DOCTYPE html><?xml version='1'?><html lang=de>x</html>", "x"),
        ('<a title="a > b">x</a> <img alt=\'x->y\'/>z<script data-x=">">1</script>', "x z "),
        ("<p title=it's>I don't -> know</p>", " I don't -> know "),
        ('<a title="a>b>x', "b>x"),
        ("<p@example.org> 1<2 and 3>2", "<p@example.org> 1<2 and 3>2"),
    ],
)
def test_addresses_in_angle_brackets_are_no_tags(before: str, after: str) -> None:
    """The head of a quoted e-mail lost its sender."""
    assert html(before) == after


def test_every_character_normalises_to_something_stable() -> None:
    """Each 7th code point of all 1.1 million, between letters: stable, and in NFKC unless it is a single Korean letter."""
    for code in range(0, sys.maxunicode + 1, 7):
        once = normalise(f"a{chr(code)}b")
        assert normalise(once) == once, hex(code)
        assert unicodedata.is_normalized("NFKC", once) or 0x3131 <= code <= 0x318E, hex(code)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("“Quoted” ‘it’s’", "\"Quoted\" 'it's'"),
        ("don´t don’t don`t", "don't don't don't"),
        ("`x` y", "'x' y"),
        ("`x` é", "'x' é"),
        ("1990–2000, a—b", "1990-2000, a - b"),
        ("wait…", "wait..."),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "Full width"),
        ("ﬁne ½", "fine 1⁄2"),
        ("ﾗｰﾒﾝ ｶﾞ", "ラーメン ガ"),
        (unicodedata.normalize("NFD", "한국어 café"), "한국어 café"),
        ("재밌다ㅋㅋㅋ ㅠㅠ", "재밌다ㅋㅋㅋ ㅠㅠ"),
        ("zero\u200bwidth so\u00adft \ufeffbom", "zerowidth soft bom"),
        ("bell\x07 null\x00", "bell null"),
        ("  a \t b\r\nc\u00a0d\u3000e ", "a b c d e"),
        ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
    ],
)
def test_what_looks_the_same_becomes_the_same(before: str, after: str) -> None:
    """Quotes, dashes, widths, ligatures, decomposed letters, invisible characters; joiners inside words and emoji stay."""
    assert normalise(before) == after


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (lower, "ÀB ΣΑΣ US", "àb σας us"),
        (casefold, "Straße", "strasse"),
        (accents, "Crème Brûlée, Ærø, Łódź, ǿ, άλφα", "Creme Brulee, AEro, Lodz, o, αλφα"),
        (accents, "が й ё 한 हिं", "が й е 한 हिं"),
        (digits, "12:30, ٣٤", "00:00, 00"),
        (urls, "see https://a.org/b?c=1, www.x.y. HTTP://Z.org!", "see http, http. http!"),
        (urls, "(see https://en.wikipedia.org/wiki/Ring_(smith)) and www.a.org/b). http://a.b/(c", "(see http) and http). http"),
        (emails, "write Bob.X+y@ex-a.co.uk!", "write email!"),
        (mentions, "hi @bob_1, a@b.org", "hi @user, a@b.org"),
        (repeats, "sooooo good!!!!! www III 1000000 ㅋㅋㅋㅋㅋㅋ", "sooo good!!! www III 1000000 ㅋㅋㅋ"),
        (html, "<p>A&nbsp;&amp;&#32;<b>b</b>old</p><script>x<y</script>&lt;i&gt; 1<2 &unknown; AT&T", " A\u00a0& bold  <i> 1<2 &unknown; AT&T"),
        (html, "a<!-- b -->c <!-- open", "a c <!-- open"),
        (html, "line<br/>line", "line line"),
    ],
)
def test_one_thing_each(function: object, before: str, after: str) -> None:
    """Each function does its one thing and no other."""
    assert callable(function)
    assert function(before) == after


def test_turkish_has_two_letters_i() -> None:
    """Small letters of Turkish differ, and only when it is named."""
    assert (lower("Iİ", "tr"), lower("I")) == ("ıi", "i")
    assert (upper("ıi", "tr"), upper("i")) == ("Iİ", "I")
    assert lower(unicodedata.normalize("NFD", "İI"), "tr") == "iı"


@pytest.mark.parametrize("piece", ["<!--", "<script>", "<", "&", "a@", "a.", "@", "http://", "www.", "www.(", "<b", "<b ='", '="', "='", "=", "a\u0301"])
def test_time_grows_with_the_length_only(piece: str) -> None:
    """100,000 repetitions of what makes patterns backtrack are quick."""
    started = time.perf_counter()
    for function in (normalise, html, urls, emails, mentions, repeats, accents):
        function(piece * 100_000)
    assert time.perf_counter() - started < 5
