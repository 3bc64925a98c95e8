"""Tokens: nothing lost, nothing torn, every script."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import UnknownName
from ringsmith.text import tokenise
from ringsmith.text.tokenise import replace_words, token_pattern

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
TRICKY = st.text(st.sampled_from(list("aB1ß .,:;=-–'’_@#/\\()<3^*!\n\u0301\u200d\ufe0f👍🏽🇰🇷❤ก็เ你好のラーー한ㅋनि्")), max_size=30)


@given(st.one_of(ANY, TRICKY), st.sampled_from([None, "en", "fr", "ja", "zh", "th"]))
def test_all_tokens_together_are_the_text_without_its_spaces(text: str, language: str | None) -> None:
    """No character is lost, added or moved, whatever the text and the language."""
    assert "".join(tokenise(text, language, punctuation=True)) == "".join(text.split())


@given(st.one_of(ANY, TRICKY))
def test_words_are_substrings_in_the_order_of_the_text(text: str) -> None:
    """Without punctuation too, every token stands in the text after the one before it."""
    at = 0
    for token in tokenise(text):
        at = text.index(token, at) + len(token)


@given(st.one_of(ANY, TRICKY))
def test_words_are_the_tokens_that_are_no_symbols(text: str) -> None:
    """The quick pattern for words alone finds what the full one finds."""
    assert tokenise(text) == [match[0] for match in token_pattern(text).finditer(text) if match.lastgroup != "symbol"]


@given(st.one_of(ANY, TRICKY))
def test_replacing_words_by_themselves_changes_nothing(text: str) -> None:
    """What is between the words stays as it is."""
    assert replace_words(text, lambda word: word) == text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop, rock'n'roll!", ["Don't", "stop", "rock'n'roll"]),
        ("a well-known U.S. brand, e.g. ACME.", ["a", "well-known", "U.S.", "brand", "e.g.", "ACME"]),
        ("$1,000.50 at 10:30, 3.5kg", ["1,000.50", "at", "10:30", "3.5kg"]),
        ("see https://a.org/b?c=1, or mail Bob.X@ex.org.", ["see", "https://a.org/b?c=1", "or", "mail", "Bob.X@ex.org"]),
        ("(www.x.org) @me #new_tag", ["www.x.org", "@me", "#new_tag"]),
        ("good :-) bad :( <3 ^^", ["good", ":-)", "bad", ":(", "<3", "^^"]),
        ("👍🏽 🇰🇷 👨‍👩‍👧 ❤️ 1️⃣", ["👍🏽", "🇰🇷", "👨‍👩‍👧", "❤️", "1️⃣"]),
        ("cafe\u0301 naïve", ["cafe\u0301", "naïve"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_latin_tokens(text: str, tokens: list[str]) -> None:
    """Apostrophes, hyphens, numbers, addresses, emoji and combining marks stay with their token."""
    assert tokenise(text) == tokens


@pytest.mark.parametrize(
    ("text", "language", "tokens"),
    [
        ("영화가 정말 재밌다! 3개월 ㅋㅋㅋ", None, ["영화가", "정말", "재밌다", "3개월", "ㅋㅋㅋ"]),
        ("東京でラーメンを食べた。", None, ["東京", "で", "ラーメン", "を", "食", "べた"]),
        ("東京都", "ja", ["東京都"]),
        ("我很喜欢iPhone15手机", None, ["我", "很", "喜", "欢", "iPhone15", "手", "机"]),
        ("ง่ายดี", None, ["ง่า", "ย", "ดี"]),
        ("नमस्ते दुनिया", None, ["नमस्ते", "दुनिया"]),
        ("বাংলা தமிழ்", None, ["বাংলা", "தமிழ்"]),
        ("می‌خواهم", None, ["می‌خواهم"]),
        ("ខ្មែរ", None, ["ខ្មែ", "រ"]),
        ("Привет, мир", None, ["Привет", "мир"]),
        ("L'homme qu'il a vu aujourd'hui", "fr", ["L'", "homme", "qu'", "il", "a", "vu", "aujourd'hui"]),
        ("dell'arte", "italian", ["dell'", "arte"]),
    ],
)
def test_tokens_of_other_scripts(text: str, language: str | None, tokens: list[str]) -> None:
    """Korean stays eojeol, Japanese falls into runs, Chinese into characters, Thai and Khmer into written syllables, Indic words stay whole."""
    assert tokenise(text, language) == tokens


def test_punctuation_comes_on_demand() -> None:
    """Runs of one mark are one token."""
    assert tokenise("Wait... what?!", punctuation=True) == ["Wait", "...", "what", "?", "!"]


def test_an_unknown_language_is_named() -> None:
    """The nearest name is offered."""
    with pytest.raises(UnknownName, match=r"There is no language 'germann'. Did you mean 'german'"):
        tokenise("x", "germann")


@pytest.mark.parametrize("piece", ["a.", "a@", "a-", "'", "http://", ":", "1.", "a.b@c.", "#_", "www.", "เ", "\u0301", "👍\u200d", "<"])
def test_time_grows_with_the_length_only(piece: str) -> None:
    """100,000 repetitions of what makes patterns backtrack take no second."""
    started = time.perf_counter()
    tokenise(piece * 100_000)
    assert time.perf_counter() - started < 5
