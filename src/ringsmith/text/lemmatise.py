"""Word -> lemma, and text -> text of lemmas.

Decisions
    - Without a network and without data to install: English by our own lists, rules and simplemma's dictionary (english.py), other
      languages by simplemma's dictionaries. WordNet's morphology is asked for by name (``lemmatise:wordnet``): what a model was trained
      with must not depend on what the machine that predicts happens to have.
    - The part of speech counts where it is given ("better/ADJ", the tag is taken off) or can be told from the neighbours (context.py).
    - Words in capitals only, and English words with a capital inside a sentence, are names and stay: "US" is no "us", "Jobs" no "job".
      Who does not want that puts ``lower`` first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ringsmith.errors import OptionError, UnknownName
from ringsmith.text.context import guess_pos
from ringsmith.text.dictionary import dictionary_lemma
from ringsmith.text.english import Pos, english_lemma, readings
from ringsmith.text.languages import LANGUAGES, find_language
from ringsmith.text.tokenise import replace_words, token_pattern
from ringsmith.text.wordnet import wordnet_lemma

TAGS: dict[str, Pos | None] = {"NOUN": "noun", "VERB": "verb", "ADJ": "adj", "ADV": "adv", "AUX": "verb", "PROPN": None}
"""Tags that may be written onto a word (Universal Dependencies' names) -> part of speech; None leaves the word as it is."""
_SENTENCE_END = frozenset(".!?…:\"'“”‘’(")
EnglishLemma = Callable[[str, Pos | None], str]


def lemmatise(word: str, pos: str | None = None, *, language: str = "en") -> str:
    """The lemma of one word.

    Args:
        word: one token.
        pos: ``"noun"``, ``"verb"``, ``"adj"`` or ``"adv"``, in any case; None where it is not known. Only English makes use of it.
        language: code or English name; ``"wordnet"`` for English by WordNet's morphology.

    Raises:
        UnknownName: the language or the part of speech is not in the list.
        OptionError: there is no dictionary of lemmas for the language.
        NotAtHand: WordNet's data are asked for and not on this machine.

    Examples:
        >>> lemmatise("better", "ADJ"), lemmatise("ate"), lemmatise("cats"), lemmatise("running", "verb"), lemmatise("US")
        ('good', 'eat', 'cat', 'run', 'US')
        >>> lemmatise("Häuser", language="german"), lemmatise("mangeaient", language="fr")
        ('Haus', 'manger')
    """
    if pos is not None and pos.upper() not in TAGS:
        raise UnknownName.of("part of speech", pos, [tag.lower() for tag in TAGS])
    if (english := _english(language)) is None:
        return _of_dictionary(_dictionary(language), word)
    if pos is None:
        return _named_or(english, word, None)
    reading = TAGS[pos.upper()]
    return word if reading is None else _recased(word, english(word.lower(), reading))


def lemmatiser(language: str = "en") -> Callable[[str], str]:
    """The function text -> text with every word as its lemma; see `lemmatise` and the head of this file.

    Examples:
        >>> lemmatiser("en")("The cats ate better/ADJ food; he leaves, the leaves fall.")
        'The cat eat good food; he leave, the leaf fall.'
    """
    if (english := _english(language)) is not None:
        return lambda text: _english_text(text, english)
    code = _dictionary(language)
    return lambda text: replace_words(text, lambda word: _of_dictionary(code, word), find_language(language).code)


def _english(language: str) -> EnglishLemma | None:
    """What lemmatises English words, None for other languages."""
    if language == "wordnet":
        wordnet_lemma("cats", "noun")
        return lambda word, pos: wordnet_lemma(word, pos) if pos is not None else english_lemma(word)
    return english_lemma if find_language(language).code == "en" else None


@cache
def _dictionary(language: str) -> str:
    known = find_language(language)
    if known.lemmas is None:
        names = ", ".join(other.name for other in LANGUAGES.values() if other.lemmas)
        raise OptionError(f"'lemmatise:{language}': there is no dictionary of lemmas for {known.name.capitalize()}. Leave the step out, or use one of: {names}.")
    return known.lemmas


def _of_dictionary(code: str, word: str) -> str:
    return dictionary_lemma(word, code) if word[:1].isalpha() and not (len(word) > 1 and word.isupper()) else word


def _english_text(text: str, lemma: EnglishLemma) -> str:
    """Walk over the tokens with an eye on the one before and the one after."""
    matches = list(token_pattern(text, "en").finditer(text))
    pieces, at, before = [], 0, ""
    for i, match in enumerate(matches):
        if match.start() < at:
            continue  # a tag, taken already
        pieces.append(text[at : match.start()])
        token, at = match[0], match.end()
        if match.lastgroup != "word":
            before = ""
            pieces.append(token)
            continue
        tag = _tag(matches, i)
        if tag is not None:
            at = matches[i + 2].end()
            pieces.append(lemmatise(token, tag) if lemma is english_lemma else lemmatise(token, tag, language="wordnet"))
        else:
            after = matches[i + 1][0] if i + 1 < len(matches) and matches[i + 1].lastgroup == "word" else ""
            pieces.append(_in_context(before, token, after, lemma, starts=i == 0 or matches[i - 1][0][-1] in _SENTENCE_END))
        before = token.lower()
    return "".join(pieces) + text[at:]


def _tag(matches: list[re.Match[str]], i: int) -> str | None:
    """The tag written onto token `i` ("better/ADJ"), None where there is none."""
    if i + 2 >= len(matches) or matches[i + 1][0] != "/" or matches[i + 2].start() != matches[i].end() + 1:
        return None
    tag = matches[i + 2][0]
    return tag if tag.upper() in TAGS and tag in (tag.upper(), tag.lower()) else None


def _in_context(before: str, token: str, after: str, lemma: EnglishLemma, *, starts: bool) -> str:
    if token.islower() or (starts and not token[1:2].isupper()):
        word = token.lower().replace("’", "'")
        pos = guess_pos(before, word, after.lower()) if len(set(readings(word))) > 1 else None
        return _recased(token, lemma(word, pos))
    return token


def _named_or(lemma: EnglishLemma, word: str, pos: Pos | None) -> str:
    return word if len(word) > 1 and word.isupper() else _recased(word, lemma(word.lower(), pos))


def _recased(word: str, lemma: str) -> str:
    if len(word) > 1 and word.isupper():
        return lemma.upper()
    return lemma[:1].upper() + lemma[1:] if word[:1].isupper() else lemma
