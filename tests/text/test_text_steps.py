"""Ordered steps: what they do, what is saved, which orders are refused."""

from __future__ import annotations

import json
import unicodedata
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.text import STEPS, TextSteps, parse_steps, stopwords, trace
from ringsmith.text.stopwords import _lists

NAMES = st.lists(st.sampled_from([*STEPS, "stem:german", "stopwords:fr", "lower:tr", "tokenise:ja"]), max_size=5)
TEXTS = st.lists(st.text(max_size=40), max_size=4)


def made(names: list[str]) -> TextSteps:
    """The steps, as far as their order is allowed."""
    allowed: list[str] = []
    for name in names:
        try:
            TextSteps((*allowed, name))
        except OptionError:
            continue
        allowed.append(name)
    return TextSteps(tuple(allowed))


@given(NAMES, TEXTS)
def test_all_at_once_is_one_by_one(names: list[str], texts: list[str]) -> None:
    """`apply_all` is `apply` on each, and `trace` ends where `apply` ends."""
    steps = made(names)
    assert steps.apply_all(texts) == [steps.apply(text) for text in texts]
    for text in texts:
        traced = trace(text, steps.names)
        assert tuple(one.name for one in traced) == steps.names
        assert not traced or traced[-1].result == steps.apply(text)


@given(NAMES)
def test_saved_and_restored_they_are_the_same(names: list[str]) -> None:
    """A round trip through JSON text; equal, of equal hash."""
    steps = made(names)
    restored = TextSteps.from_json(json.loads(json.dumps(steps.to_json())))
    assert restored == steps
    assert hash(restored) == hash(steps)


def test_the_issue_example() -> None:
    """Six words, stemmed."""
    assert TextSteps(("stem",)).apply("running runs ran runner cats cat") == "run run ran runner cat cat"


def test_no_steps_leave_a_text_alone() -> None:
    """The default of every recipe."""
    assert TextSteps().apply(" A\n b") == " A\n b"
    assert TextSteps().apply_all([" A "]) == [" A "]


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (("lower", "stem"), "Running, RUNNING!", "run, run!"),
        (("stem", "lower"), "Running, RUNNING!", "run, run!"),
        (("lower", "lemmatise"), "US and us", "we and we"),
        (("lemmatise", "lower"), "US and us", "us and we"),
        (("stopwords",), "This is not the end, it’s a start", "not end, start"),
        (("stopwords:fr",), "l'homme et la femme", "homme femme"),
        (("stopwords:fr",), unicodedata.normalize("NFD", "à été même où vélo"), unicodedata.normalize("NFD", "vélo")),
        (("stopwords:tr",), "İçin için İLE ile İse ise DAHA güzel", "güzel"),
        (("stopwords:zh",), "我的手机很好", "手机好"),
        (("tokenise",), "Don't stop! 我很好", "Don't stop ! 我 很 好"),
        (("punctuation",), "Good, good... 100% :-) 👍 (don't)", "Good good 100 :-) 👍 don't"),
        (("html", "urls", "normalise"), "<b>See</b> http://a.b &amp; “x”", 'See http & "x"'),
        (("stem:german",), "Die Häuser", "Die Haus"),
        (("lower:tr",), "ISPARTA", "ısparta"),
        (("accents", "stem"), "cafés", "cafe"),
    ],
)
def test_steps_on_texts(names: tuple[str, ...], text: str, expected: str) -> None:
    """What a user sees of each."""
    assert TextSteps(names).apply(text) == expected


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("stem", "stem:german"), r"'stem:german' cannot come after 'stem': a stem is no word to be stemmed again. Keep one of the two"),
        (("stem", "lower", "lemmatise"), r"'lemmatise' cannot come after 'stem': dictionaries hold words, not stems. Put 'lemmatise' before 'stem'"),
        (("stem", "stopwords"), r"'stopwords' cannot come after 'stem': the lists hold words, not stems"),
        (("accents", "stopwords:fr"), r"'stopwords:fr' cannot come after 'accents': the lists hold words with their accents"),
        (("punctuation", "html"), r"'html' cannot come after 'punctuation': tags cannot be found"),
        (("digits:en",), r"'digits' takes no language; got 'en'. Write 'digits'"),
        (("stem:",), r"a language must follow the colon; got nothing"),
        (("stopwords:eu",), r"there is no list of stop words for Basque. Leave the step out, or use one of: arabic, danish"),
    ],
)
def test_what_cannot_work_is_refused(names: tuple[str, ...], sentence: str) -> None:
    """With the reason and the way out."""
    with pytest.raises(OptionError, match=sentence):
        TextSteps(names)


def test_two_faults_are_said_at_once() -> None:
    """One run of the command shows them all."""
    with pytest.raises(OptionError, match=r"(?s)stemmed again.*whole|stemmed again.*not stems"):
        TextSteps(("stem", "stopwords", "stem:de"))


def test_an_unknown_step_is_named_with_its_nearest() -> None:
    """And so is an unknown language."""
    with pytest.raises(UnknownName, match=r"There is no text step 'lemmatize'. Did you mean 'lemmatise'\?"):
        TextSteps(("lemmatize",))
    with pytest.raises(UnknownName, match=r"There is no language 'frensh'. Did you mean 'french'"):
        TextSteps(("stem:frensh",))


@pytest.mark.parametrize("content", ["lower", [1, 2]])
def test_a_saved_file_that_is_no_list_of_names_is_refused(content: object) -> None:
    """A string would be read letter by letter."""
    with pytest.raises(InputError, match=r"Text steps must be a list of names; got"):
        TextSteps.from_json(content)  # type: ignore[arg-type]


def test_the_language_goes_to_the_steps_that_take_one() -> None:
    """English stemming stays Porter's; a language written behind a step stays."""
    assert parse_steps("normalise, lower,stem,", language="german").names == ("normalise", "lower:de", "stem:de")
    assert parse_steps("lower,stopwords,stem", language="en").names == ("lower", "stopwords:en", "stem")
    assert parse_steps("stem:fr", language="de").names == ("stem:fr",)


def test_negations_are_no_stop_words() -> None:
    """They turn the meaning of what is classified."""
    kept = {"en": "not no never nor don't", "de": "nicht kein nie", "fr": "ne pas jamais", "es": "no nunca", "ko": "안 못", "ru": "не нет", "zh": "不 没"}
    for language, words in kept.items():
        assert not stopwords(language) & set(words.split()), language


def test_lists_of_stop_words_are_in_small_letters_and_of_known_languages() -> None:
    """Every list is usable by its code."""
    for code, words in _lists().items():
        assert words == {word.lower() for word in words}, code
        assert stopwords(code) == words
        assert 50 < len(words) < 300, code


@pytest.mark.parametrize("code", [*_lists()])
def test_every_stop_word_of_a_list_is_dropped_from_a_text(code: str) -> None:
    """None stands in a list that the tokens of a text could never be; elided ones stand before a word."""
    steps = TextSteps((f"stopwords:{code}",))
    kept = [word for word in stopwords(code) if steps.apply(f"xyzzy {word}xyzzy" if word.endswith("'") else f"xyzzy {word} xyzzy") != "xyzzy xyzzy"]
    assert kept == []


def test_lower_stopwords_stem_in_every_order_that_is_allowed_agree() -> None:
    """Where an order only looks different it gives the same."""
    text, allowed = "The Runners were running to the CATS", []
    for names in permutations(("lower", "stopwords", "stem")):
        try:
            allowed.append(TextSteps(names).apply(text))
        except OptionError:
            assert names.index("stem") < names.index("stopwords")
    assert set(allowed) == {"runner run cat"}
    assert len(allowed) == 3
