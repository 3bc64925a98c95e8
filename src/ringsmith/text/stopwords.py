"""The words that carry grammar rather than content, in 20 languages, on this machine (stopwords.toml).

Decision: negations stay in the text. Lists that drop "not" and "no" make "not good" and "good" the same sentence, which no classifier can mend.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from ringsmith.errors import OptionError
from ringsmith.text.languages import LANGUAGES, find_language


@cache
def stopwords(language: str = "en") -> frozenset[str]:
    """The stop words of a language, in small letters.

    Args:
        language: code or English name.

    Raises:
        UnknownName: the language is not in the list.
        OptionError: there is no list for it.

    Examples:
        >>> "the" in stopwords("english"), "not" in stopwords("en")
        (True, False)
    """
    known, lists = find_language(language), _lists()
    if known.code not in lists:
        names = ", ".join(LANGUAGES[code].name for code in lists)
        raise OptionError(f"'stopwords:{language}': there is no list of stop words for {known.name.capitalize()}. Leave the step out, or use one of: {names}.")
    return lists[known.code]


@cache
def _lists() -> dict[str, frozenset[str]]:
    content = tomllib.loads(files(__package__).joinpath("stopwords.toml").read_text(encoding="utf-8"))
    return {code: frozenset(words.split()) for code, words in sorted(content.items())}
