"""Stems: Porter's against his paper and a reference program, Snowball's by their own words."""

from __future__ import annotations

import itertools
import re
import unicodedata
from pathlib import Path

import pytest
import snowballstemmer
from hypothesis import given
from hypothesis import strategies as st

import ringsmith
from ringsmith.errors import OptionError, UnknownName
from ringsmith.text import stem
from ringsmith.text.porter import STEP_2, STEP_3, STEP_4, measure, porter

PAPER = """
caresses caress  ponies poni  ties ti  caress caress  cats cat  feed feed  agreed agre  plastered plaster  bled bled  motoring motor  sing sing
conflated conflat  troubled troubl  sized size  hopping hop  tanned tan  falling fall  hissing hiss  fizzed fizz  failing fail  filing file
happy happi  sky sky  relational relat  conditional condit  rational ration  valenci valenc  hesitanci hesit  digitizer digit
conformabli conform  radicalli radic  differentli differ  vileli vile  analogousli analog  vietnamization vietnam  predication predic
operator oper  feudalism feudal  decisiveness decis  hopefulness hope  callousness callous  formaliti formal  sensitiviti sensit
sensibiliti sensibl  triplicate triplic  formative form  formalize formal  electriciti electr  electrical electr  hopeful hope  goodness good
revival reviv  allowance allow  inference infer  airliner airlin  gyroscopic gyroscop  adjustable adjust  defensible defens  irritant irrit
replacement replac  adjustment adjust  dependent depend  adoption adopt  homologou homolog  communism commun  activate activ
angulariti angular  homologous homolog  effective effect  bowdlerize bowdler  probate probat  rate rate  cease ceas  controll control  roll roll
generalizations gener  oscillators oscil  connect connect  connected connect  connecting connect  connection connect  connections connect
""".split()  # noqa: SIM905


@pytest.mark.parametrize(("word", "expected"), list(itertools.batched(PAPER, 2)) if hasattr(itertools, "batched") else list(zip(PAPER[::2], PAPER[1::2], strict=True)))
def test_examples_of_the_paper(word: str, expected: str) -> None:
    """Every example of Porter (1980), taken through all steps."""
    assert porter(word) == expected


@pytest.mark.parametrize(("m", "words"), [(0, "tr ee tree y by"), (1, "trouble oats trees ivy"), (2, "troubles private oaten orrery")])
def test_measure_as_in_the_paper(m: int, words: str) -> None:
    """The paper's table of measures."""
    assert {measure(word) for word in words.split()} == {m}


def vocabulary() -> set[str]:
    """Words of this package's own sources and of Python's help topics, and every suffix of every step on 20 stems."""
    from pydoc_data import topics

    written = " ".join(path.read_text(encoding="utf-8") for path in Path(ringsmith.__file__).parent.rglob("*.py")) + " ".join(topics.topics.values())
    words = set(re.findall("[a-z]{3,}", written.lower()))
    endings = ["", "s", "es", "ies", "sses", "ed", "eed", "ing", "y", "e", "ly", *STEP_2, *STEP_3, *STEP_4, "tion", "sion", "ll"]
    bodies = "tr tree troubl oat ivy privat orrer hop fil siz fall hiss fizz relat condit sens yy say snow box tax ow add".split()  # noqa: SIM905
    return words | {body + one + other for body in bodies for one in endings for other in ("", "s", "ed", "ing", "ness") if len(body + one + other) > 2}


def test_porter_agrees_with_the_reference_program() -> None:
    """Martin Porter's own Snowball version gives the same stem for over 10,000 words."""
    words = sorted(vocabulary())
    reference = snowballstemmer.stemmer("porter").stemWords(words)
    assert len(words) > 10_000
    assert [(word, porter(word), expected) for word, expected in zip(words, reference, strict=True) if porter(word) != expected] == []


@given(st.text("abdeioumylstzngr", min_size=3, max_size=14).filter(lambda word: "yy" not in word))
def test_porter_agrees_with_the_reference_program_on_made_up_words(word: str) -> None:
    """Also where no dictionary would look; without the doubled letters (cc, ww ...) that the paper makes single and the program leaves."""
    assert porter(word) == snowballstemmer.stemmer("porter").stemWord(word)


@given(st.text(max_size=20))
def test_any_string_has_a_stem(word: str) -> None:
    """No exception on any Unicode."""
    assert isinstance(stem(word), str)
    assert isinstance(stem(word, "german"), str)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Running", "Run"),
        ("RUNNING", "RUN"),
        ("US", "US"),
        ("is", "is"),
        ("boss's", "boss"),
        ("Boss’s", "Boss"),
        ("don't", "don't"),
        ("long-running", "long-run"),
        ("COVID-19", "COVID-19"),
        ("한국어", "한국어"),
    ],
)
def test_case_and_joints_are_kept(word: str, expected: str) -> None:
    """A word keeps its case; the possessive goes; hyphenated parts are stemmed alone; short words, contractions and other scripts stay."""
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        ("english", "generously", "generous"),
        ("german", "Häusern", "Haus"),
        ("de", "aufeinander", "aufeinand"),
        ("fr", "continuellement", "continuel"),
        ("spanish", "chicas", "chic"),
        ("ru", "важная", "важн"),
        ("sv", "jaktkarlarne", "jaktkarl"),
        ("tr", "IŞIKLAR", "IŞIK"),
        ("tr", "ışıklar", "ışık"),
        ("tr", "İŞLER", "İŞ"),
        ("tr", "İşler", "İş"),
        ("it", "abbandonata", "abbandon"),
        ("hi", "लड़कियाँ", "लड़क"),
    ],
)
def test_snowball_stems(language: str, word: str, expected: str) -> None:
    """Samples of the vocabularies that Snowball publishes with its stemmers."""
    assert stem(word, language) == expected


@pytest.mark.parametrize(("language", "word"), [("german", "Häuser"), ("fr", "mangées"), ("es", "NIÑOS"), ("tr", "İŞLER")])
def test_decomposed_words_have_the_stems_of_composed_ones(language: str, word: str) -> None:
    """As files of macOS have them."""
    assert stem(unicodedata.normalize("NFD", word), language) == stem(word, language)


def test_a_language_without_stemmer_is_refused() -> None:
    """The sentence says what there is."""
    with pytest.raises(OptionError, match=r"'stem:korean': there is no stemmer for Korean. Leave the step out, or use one of: porter, arabic"):
        stem("x", "korean")
    with pytest.raises(UnknownName, match=r"There is no language 'klingon'"):
        stem("x", "klingon")
