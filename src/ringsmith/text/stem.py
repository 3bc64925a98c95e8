"""Word -> stem: Porter's English stemmer of 1980 (ours, see porter.py), and the Snowball stemmers of other languages.

Decisions: stemmers are defined on lower-case words, so a word is stemmed in the small letters of its language, composed, and gets its case back
("Running" -> "Run", "US" -> "US"); that way the order of ``lower`` and ``stem`` does not matter. The English possessive ('s) is cut off first; the parts of
a hyphenated word are stemmed each on its own. Contractions ("don't"), words with a digit in them and words in another script stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from threading import Lock

from ringsmith.errors import OptionError
from ringsmith.text.languages import LANGUAGES, find_language
from ringsmith.text.normalise import small, upper
from ringsmith.text.porter import porter

CACHED_WORDS = 1 << 18
"""Words remembered per stemmer: a vocabulary's worth; about 50 MB when full."""
_APOSTROPHE = re.compile("['’ʼ]")
_JOINTS = re.compile("([-‐‑_'’ʼ])")
_POSSESSIVE = re.compile(r"['’ʼ]s$", re.IGNORECASE)


def stem(word: str, language: str = "porter") -> str:
    """The stem of one word, in the word's own case.

    Args:
        word: one token.
        language: ``"porter"`` for Porter's English stemmer of 1980; otherwise a code or an English name, for Snowball's (``"english"`` is Porter's later one).

    Raises:
        UnknownName: the language is not in the list.
        OptionError: there is no stemmer for it.

    Examples:
        >>> [stem(word) for word in ("running", "runs", "ran", "runner", "cats", "cat", "Boss's", "long-running")]
        ['run', 'run', 'ran', 'runner', 'cat', 'cat', 'Boss', 'long-run']
        >>> stem("Häuser", "german"), stem("l'hommes", "fr")
        ('Haus', "l'homm")
    """
    return stemmer(language)(word)


@cache
def stemmer(language: str = "porter") -> Callable[[str], str]:
    """The function word -> stem of a language, with a memory of its own; see `stem`."""
    basic = porter if language == "porter" else _snowball(language)
    code = "en" if language == "porter" else find_language(language).code
    english = code == "en"

    def stem_part(part: str) -> str:
        return _recased(part, basic(small(part, code)), code)

    @lru_cache(maxsize=CACHED_WORDS)
    def stem_one(word: str) -> str:
        if english:
            word = _POSSESSIVE.sub("", word)
        if any(map(str.isdigit, word)) or (english and _APOSTROPHE.search(word)):
            return word
        parts = _JOINTS.split(word)
        return "".join(part if i % 2 else stem_part(part) for i, part in enumerate(parts))

    return stem_one


def _snowball(language: str) -> Callable[[str], str]:
    """Snowball's stemmer; it keeps the word in itself while it works, so threads take turns."""
    import snowballstemmer  # here, so that `import ringsmith.text` stays quick

    known = find_language(language)
    at_hand = snowballstemmer.algorithms()
    if not known.stems or known.name not in at_hand:
        names = sorted(other.name for other in LANGUAGES.values() if other.stems and other.name in at_hand)
        raise OptionError(f"'stem:{language}': there is no stemmer for {known.name.capitalize()}. Leave the step out, or use one of: porter, {', '.join(names)}.")
    program, turn = snowballstemmer.stemmer(known.name), Lock()

    def basic(word: str) -> str:
        with turn:
            return str(program.stemWord(word))

    return basic


def _recased(word: str, stemmed: str, language: str) -> str:
    """`stemmed` in the case of `word`, by the letters of its language."""
    if word.islower():
        return stemmed
    if len(word) > 1 and word.isupper():
        return upper(stemmed, language)
    return upper(stemmed[:1], language) + stemmed[1:] if word[:1].isupper() else stemmed
