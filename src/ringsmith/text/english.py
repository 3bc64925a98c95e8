"""English lemmas from what is on every machine: lists of irregular forms (english.toml), rules as in WordNet's *morphy*, and simplemma's dictionary.

Rules propose, the dictionary disposes: a proposal counts if the dictionary gives it as the lemma, or knows it as a word while it does not
know the form itself. Adjectives are compared only if they stand in a list: the dictionary cannot tell "bigger" from "bitter". The part of
speech decides which list and which rules are asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from ringsmith.text.dictionary import dictionary_lemma, is_word

Pos = Literal["noun", "verb", "adj", "adv"]
POS: tuple[Pos, ...] = ("noun", "verb", "adj", "adv")
RULES: dict[Pos, tuple[tuple[str, str], ...]] = {
    "noun": (("ies", "y"), ("ves", "f"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("zes", "z"), ("men", "man"), ("s", "")),
    "verb": (("ies", "y"), ("ied", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "adj": (("ier", "y"), ("iest", "y"), ("er", "e"), ("er", ""), ("est", "e"), ("est", "")),
    "adv": (),
}
RULES["adv"] = RULES["adj"]
"""Part of speech -> what may be detached, and what takes its place; those of WordNet, and -ied, -ier, -iest, which it lists word by word."""
_WHOLE_ENDINGS: dict[Pos, tuple[str, ...]] = {"noun": ("ss", "us", "is"), "verb": ("ss", "us", "eed"), "adj": (), "adv": ()}
"""Endings that look like an inflection and are none."""
_COMPARED_ALONE = ("better", "best", "worse", "worst")
"""Comparatives whose lemma is taken without a part of speech."""


@lru_cache(maxsize=1 << 17)
def english_lemma(word: str, pos: Pos | None = None) -> str:
    """The lemma of a word in small letters; the most usual one where the part of speech is not known.

    Examples:
        >>> english_lemma("better", "adj"), english_lemma("better", "adv"), english_lemma("better", "noun")
        ('good', 'well', 'better')
        >>> english_lemma("ate"), english_lemma("cats"), english_lemma("leaves", "noun"), english_lemma("leaves", "verb")
        ('eat', 'cat', 'leaf', 'leave')
    """
    if not word.isalpha():
        return word
    if pos is None:
        return _usual(word)
    if word in irregular(pos):
        return irregular(pos)[word]
    if pos == "noun" and word in word_set("noun_as_it_is"):
        return word
    return _by_rule(word, pos)


@lru_cache(maxsize=1 << 17)
def readings(word: str) -> tuple[str, ...]:
    """The lemma as noun, verb, adjective and adverb; all the same where the part of speech does not matter."""
    return tuple(english_lemma(word, pos) for pos in POS)


@cache
def irregular(pos: Pos) -> dict[str, str]:
    """Irregular form -> lemma."""
    pairs = (line.split(" : ") for line in _lists()[pos].split("\n") if line)
    return {form: lemma for forms, lemma in pairs for form in forms.split()}


def _usual(word: str) -> str:
    if word in word_set("noun_as_it_is"):
        return irregular("verb").get(word, word)
    if word in irregular("noun"):
        return irregular("noun")[word]
    if word in irregular("verb") and word not in word_set("rather_not_verbs"):
        return irregular("verb")[word]
    if word in _COMPARED_ALONE:
        return irregular("adj")[word]
    return _in_dictionary(word)


def _by_rule(word: str, pos: Pos) -> str:
    proposals = list(_proposals(word, pos))
    if not proposals:
        return word
    if pos in ("adj", "adv"):
        return next((lemma for lemma in proposals if lemma in word_set("compared")), word)
    usual = _in_dictionary(word)
    if usual in proposals:
        return usual
    if word.endswith(_WHOLE_ENDINGS[pos]) or (pos != "verb" and is_word(word, "en")):
        return word
    return next((lemma for lemma in sorted(proposals, key=_ends_oddly) if is_word(lemma, "en")), word)


def _in_dictionary(word: str) -> str:
    """The dictionary's lemma, without the e of old spellings: thinke, mixe, growe."""
    lemma = dictionary_lemma(word, "en")
    plain = lemma[:-1]
    return plain if lemma != word and len(plain) > 2 and _ends_oddly(lemma) and is_word(plain, "en") else lemma


def _ends_oddly(lemma: str) -> bool:
    return lemma.endswith("e") and lemma[-3:-1] in word_set("no_e_after")


def _proposals(word: str, pos: Pos) -> Iterator[str]:
    """Every stem the rules allow: with a vowel in it, two letters or more; a doubled last consonant is also tried single."""
    for ending, instead in RULES[pos]:
        stem = word.removesuffix(ending)
        if stem == word or len(stem + instead) < 3 or not set(stem + instead) & set("aeiouy"):
            continue
        if not instead and len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "aeiou" and ending != "s":
            yield stem[:-1]
        yield stem + instead


@cache
def word_set(name: str) -> frozenset[str]:
    """One of the plain lists of english.toml."""
    return frozenset(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("english.toml").read_text(encoding="utf-8"))
