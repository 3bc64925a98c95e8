"""Senses that one vector mixes, and what preparing a text does: on made spaces and made corpora."""

from __future__ import annotations

import numpy as np
import pytest

from ringsmith.errors import InputError, UnknownName
from ringsmith.text import TextSteps
from ringsmith.words.homonyms import Questionnaire, judge_preparation, mixture, prepared
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.questions import Pair, Question, Section
from ringsmith.words.vectors import WordVectors

SENSES = {"money": ["loan", "credit"], "river": ["shore", "creek"]}


def bank(money: float) -> WordVectors:
    """A bank that stands between money (first axis) and river (second)."""
    words = {"bank": [money, 1 - money], "loan": [1, 0.1], "credit": [1, 0], "interest": [0.9, 0.2], "shore": [0.1, 1], "creek": [0, 1], "water": [0.3, 0.8], "far": [-1, -1]}
    return WordVectors(list(words), np.array(list(words.values()), dtype=np.float32))


def test_neighbours_go_to_the_sense_they_are_most_like() -> None:
    """By hand: of the six nearest three are of each sense; the cosines are those with the mean of the unit vectors."""
    found = {share.sense: share for share in mixture(bank(0.5), "bank", SENSES, neighbours=6)}
    assert set(found["money"].neighbours) == {"loan", "credit", "interest"}
    assert set(found["river"].neighbours) == {"shore", "creek", "water"}
    assert found["money"].share == found["river"].share == 0.5
    centre = np.mean([np.array([1, 0.1]) / np.hypot(1, 0.1), [1, 0]], axis=0)
    assert found["money"].similarity == pytest.approx(centre @ [1, 1] / np.linalg.norm(centre) / np.sqrt(2), abs=1e-6)


def test_the_larger_sense_comes_first() -> None:
    """A bank of money alone has neighbours of money."""
    first = mixture(bank(0.95), "bank", SENSES, neighbours=3)[0]
    assert (first.sense, first.share) == ("money", 1.0)


def test_words_that_are_not_there_are_named() -> None:
    """The homonym, or its senses."""
    with pytest.raises(UnknownName, match=r"There is no vector for the word 'bnk' among 8\. Did you mean 'bank'\?"):
        mixture(bank(0.5), "bnk", SENSES)
    with pytest.raises(InputError, match=r"At least two senses of 'bank' must have words among the vectors; got money\. Name other words for them\."):
        mixture(bank(0.5), "bank", {"money": ["loan"], "seat": ["bench"]})


LINES = ["the US sells cars and a car to us", "us and the US like the cars", "a bank lends a loan near a shore"] * 20
ASKED = Questionnaire(
    {"made": [Pair("car", "cars", 9), Pair("US", "us", 1), Pair("bank", "loan", 7), Pair("bank", "ship", 3)]},
    [Section("made", (Question("car", "cars", "bank", "banks"), Question("US", "us", "loan", "shore")))],
    [("US", "us"), ("car", "cars"), ("car", "ship")],
    {"bank": {"money": ["loan"], "river": ["shore"]}, "ship": {"a": ["us"], "b": ["car"]}},
)
OPTIONS = Word2VecOptions(dim=8, epochs=2, deterministic=True)


def test_case_and_endings_are_kept_without_steps() -> None:
    """US and us, car and cars are four words; every word occurs often enough."""
    found = judge_preparation(LINES, TextSteps(), ASKED, OPTIONS, min_count=5)
    assert found.total_words == 20 * (9 + 7 + 8)
    assert found.vocabulary == len({word for line in LINES for word in line.split()})
    assert found.coverage == 1.0
    assert (found.pairs["made"].known, found.pairs["made"].pairs) == (3, 4)
    assert (found.analogies_asked, found.analogies_distinct, found.analogies_known) == (2, 2, 1)
    assert found.together["car/ship"] is None
    for pair in ("US/us", "car/cars"):
        cosine = found.together[pair]
        assert cosine is not None
        assert -1 <= cosine < 0.9999
    assert {share.sense for share in found.senses["bank"]} == {"money", "river"}
    assert found.senses["ship"] == ()


def test_small_letters_and_stems_make_words_one() -> None:
    """Four words become two; a question whose words become one asks nothing any more."""
    steps = TextSteps(("lower", "stem"))
    found = judge_preparation(LINES, steps, ASKED, OPTIONS, min_count=5)
    plain = judge_preparation(LINES, TextSteps(), ASKED, OPTIONS, min_count=5)
    assert plain.vocabulary - found.vocabulary == 2
    assert found.together["US/us"] == found.together["car/cars"] == 1.0
    assert (found.analogies_asked, found.analogies_distinct) == (2, 0)
    assert (found.analogies_known, found.analogies_right) == (0, 0)
    assert [prepared(word, steps) for word in ("Cars", "running")] == ["car", "run"]
