"""Lemmas: given the part of speech, told from the neighbours, and in other languages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import OptionError, UnknownName
from ringsmith.text import TextSteps, lemmatise
from ringsmith.text.lemmatise import lemmatiser

GIVEN = [
    ("better", "ADJ", "good"), ("better", "ADV", "well"), ("better", "NOUN", "better"), ("worst", "ADJ", "bad"), ("bigger", "ADJ", "big"), ("happiest", "ADJ", "happy"),
    ("nicer", "ADJ", "nice"), ("bitter", "ADJ", "bitter"), ("tender", "ADJ", "tender"), ("faster", "ADV", "fast"), ("ate", "VERB", "eat"), ("ran", "VERB", "run"),
    ("running", "VERB", "run"), ("hoping", "VERB", "hope"), ("hopping", "VERB", "hop"), ("tried", "VERB", "try"), ("agreed", "VERB", "agree"), ("need", "VERB", "need"),
    ("singing", "VERB", "sing"), ("thinking", "VERB", "think"), ("using", "VERB", "use"), ("saw", "VERB", "see"), ("saw", "NOUN", "saw"), ("leaves", "VERB", "leave"),
    ("leaves", "NOUN", "leaf"), ("meeting", "NOUN", "meeting"), ("meeting", "VERB", "meet"), ("cats", "NOUN", "cat"), ("mice", "NOUN", "mouse"), ("cities", "NOUN", "city"),
    ("boxes", "NOUN", "box"), ("glasses", "NOUN", "glass"), ("news", "NOUN", "news"), ("bus", "NOUN", "bus"), ("analysis", "NOUN", "analysis"), ("were", "AUX", "be"),
    ("Jobs", "PROPN", "Jobs"), ("Better", "adj", "Good"), ("BETTER", "ADJ", "GOOD"),
]  # fmt: skip
ALONE = {
    "better": "good",
    "ate": "eat",
    "cats": "cat",
    "running": "run",
    "mice": "mouse",
    "went": "go",
    "is": "be",
    "US": "US",
    "us": "we",
    "news": "news",
    "Cats": "Cat",
    "don't": "don't",
    "runner": "runner",
    "": "",
}
IN_CONTEXT = [
    ("He leaves, the leaves fall.", "He leave, the leaf fall."),
    ("I saw the saw.", "I see the saw."),
    ("It is better. He sings better than me.", "It be good. He sing well than I."),
    ("We sell better cars.", "We sell good car."),
    ("a bigger car, the biggest car, a teacher", "a big car, the big car, a teacher"),
    ("I am up at 9 am", "I be up at 9 am"),
    ("I was meeting him at the meeting", "I be meet he at the meeting"),
    ("US and us: Steve Jobs has jobs", "US and we: Steve Jobs have job"),
    ("better/ADJ better/ADV better/noun and/or TCP/IP", "good well better and/or TCP/IP"),
    ("see https://cats.org, @cats!", "see https://cats.org, @cats!"),
]


@pytest.mark.parametrize(("word", "pos", "lemma"), GIVEN)
def test_a_given_part_of_speech_decides(word: str, pos: str, lemma: str) -> None:
    """English with its part of speech."""
    assert lemmatise(word, pos) == lemma


@pytest.mark.parametrize(("word", "lemma"), ALONE.items())
def test_a_word_alone_gets_its_usual_lemma(word: str, lemma: str) -> None:
    """Nothing told, nothing given: the most usual reading; capitals only are a name."""
    assert lemmatise(word) == lemma


@pytest.mark.parametrize(("text", "expected"), IN_CONTEXT)
def test_neighbours_and_tags_decide_in_a_text(text: str, expected: str) -> None:
    """Small words before tell the part of speech; a written tag is obeyed and taken off; everything else stays."""
    assert lemmatiser("en")(text) == expected


@pytest.mark.parametrize(("language", "word", "lemma"), [("fr", "mangeaient", "manger"), ("french", "yeux", "œil"), ("it", "andarono", "andare"), ("hi", "लड़के", "लड़का")])
def test_other_languages(language: str, word: str, lemma: str) -> None:
    """Dictionaries of simplemma, offline."""
    assert lemmatise(word, language=language) == lemma
    assert TextSteps((f"lemmatise:{language}",)).apply(f"({word})") == f"({lemma})"


@given(st.text(max_size=40))
def test_any_text_can_be_lemmatised(text: str) -> None:
    """No exception on any Unicode, in a language with a dictionary and in English."""
    assert isinstance(lemmatiser("en")(text), str)
    assert isinstance(lemmatiser("fr")(text), str)


def test_what_is_not_known_is_named() -> None:
    """Part of speech and language, each with what there is."""
    with pytest.raises(UnknownName, match=r"There is no part of speech 'adjj'. Did you mean 'adj'\?"):
        lemmatise("better", "adjj")
    with pytest.raises(OptionError, match=r"'lemmatise:ko': there is no dictionary of lemmas for Korean. Leave the step out"):
        lemmatise("x", language="ko")


FAKE_WORDNET = r"""
import sys
from pathlib import Path
from ringsmith.errors import NotAtHand
from ringsmith.text import lemmatise, parse_steps

try:
    lemmatise("cats", "noun", language="wordnet")
except NotAtHand as error:
    print(parse_steps("lemmatise").names, error)
data = Path(sys.argv[1]) / "corpora" / "wordnet"
data.mkdir(parents=True)
words = {"noun": ["cat", "dog"], "verb": ["eat", "tell"], "adj": ["good", "better"], "adv": ["well"]}
for pos, letter in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
    (data / f"index.{pos}").write_text("".join(f"{word} {letter} 1 0 1 0 00000000\n" for word in words[pos]))
    (data / f"data.{pos}").write_text("  1 head of WordNet 3.0\n")
    (data / f"{pos}.exc").write_text({"verb": "ate eat\ntold tell\n", "adj": "better good well\n", "noun": "", "adv": "better well\n"}[pos])
(data / "lexnames").write_text("00 adj.all 3\n")
for name in ("cntlist.rev", "index.sense"):
    (data / name).write_text("")
print(parse_steps("lower,lemmatise").names)
print(*[lemmatise(word, pos, language="wordnet") for word, pos in [("better", "adj"), ("ate", "verb"), ("cats", "noun"), ("zzzs", "noun"), ("Told", "verb")]])
print(parse_steps("lemmatise").apply("The cats ate better/ADJ food"))
"""


def test_wordnet_is_asked_where_its_data_are(tmp_path: Path) -> None:
    """A WordNet of seven words: its exception lists and its lexicon decide, and the parsed step says that it was asked; before it lay there, it was refused."""
    pytest.importorskip("nltk")
    ran = subprocess.run([sys.executable, "-c", FAKE_WORDNET, str(tmp_path)], env=os.environ | {"NLTK_DATA": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    refused, *answers = ran.stdout.splitlines()
    assert refused.startswith("('lemmatise',) 'lemmatise:wordnet': WordNet's data are not on this machine. Use 'lemmatise', which needs none")
    assert answers == ["('lower', 'lemmatise:wordnet')", "good eat cat zzzs Tell", "The cat eat good food"]


@pytest.mark.shared_data
def test_lemmas_of_the_english_web_treebank(shared: Path) -> None:
    """Given the part of speech, 98 % of the nouns, verbs, adjectives and adverbs of UD English EWT (test part) get the treebank's lemma."""
    rows = [line.split("\t") for line in (shared / "ud-en-ewt" / "en_ewt-ud-test.conllu").read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    rows = [row for row in rows if row[3] in ("NOUN", "VERB", "ADJ", "ADV") and row[1].isalpha()]
    right = sum(lemmatise(row[1].lower(), row[3]) == row[2].lower() for row in rows)
    assert len(rows) > 9000
    assert right / len(rows) >= 0.98
