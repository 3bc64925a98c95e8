"""Text -> tokens, with one compiled pattern per kind of language.

Decisions
    - Every token is a substring of the text, and the tokens come in the text's order: nothing is rewritten here.
    - A word keeps its combining marks, its apostrophes and its hyphens ("don't", "well-known"), a number its points ("1,000.50"), an
      abbreviation its full stops ("U.S."). Addresses, @mentions, #hashtags, emoji (with skin, joiners and flags) and emoticons stay whole.
    - Korean is cut at spaces: one eojeol, one token. French, Italian and Catalan elisions are tokens of their own where the language is
      named ("l'" + "homme").
    - Scripts without spaces fall into units that need no dictionary: Han one character at a time (as in BERT; neighbours are joined again
      by the n-grams of whatever counts them), but whole runs in Japanese, where kana mark their ends; hiragana and katakana by runs; Thai,
      Lao, Khmer and Burmese by written syllables (a consonant with all that hangs on it).
    - Left out: dictionaries for word segmentation. A user who has one feeds text with spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ringsmith.text.languages import find_language
from ringsmith.text.scripts import (
    EMOJI,
    FLAG,
    FLAG_TAGS,
    HAN,
    HIRAGANA,
    JOINERS,
    KATAKANA,
    KHMER_BURMESE,
    KHMER_BURMESE_STACK,
    LONG_VOWEL,
    PRESENTATION,
    SKIN,
    THAI_LAO,
    THAI_LAO_AFTER,
    THAI_LAO_BEFORE,
    UNSPACED,
    marks,
)

KANA = re.compile(f"[{HIRAGANA}{KATAKANA}]")
_ADDRESS = re.compile(r"[@#]|://|www\.", re.IGNORECASE)
_ELIDED = r"(?:[cdjlmnst]|(?:jus|lors|puis|quoi|quel)?qu|gl|un|quest|quell|(?:d[ae]|a|ne|su|co)ll|bell|sant)['’]"


def tokenise(text: str, language: str | None = None, *, punctuation: bool = False) -> list[str]:
    """The tokens of `text`, in order; see the head of this file for what a token is.

    Args:
        text: any string.
        language: code or English name. None: told by the writing, Japanese by its kana.
        punctuation: also return punctuation marks and other symbols (a run of the same mark is one token).

    Raises:
        UnknownName: the language is not in the list.

    Examples:
        >>> tokenise("Don't pay $1,000.50 for well-known U.S. brands :-) 👍🏽")
        ["Don't", 'pay', '1,000.50', 'for', 'well-known', 'U.S.', 'brands', ':-)', '👍🏽']
        >>> tokenise("영화가 재밌다! 東京でラーメンを食べた。")
        ['영화가', '재밌다', '東京', 'で', 'ラーメン', 'を', '食', 'べた']
        >>> tokenise("我很喜欢")
        ['我', '很', '喜', '欢']
    """
    if punctuation:
        return [match[0] for match in token_pattern(text, language).finditer(text)]
    return _compiled(_kind(text, language), bare=True).findall(text)


def replace_words(text: str, replace: Callable[[str], str], language: str | None = None) -> str:
    """`text` with every word put through `replace`; addresses, emoji, punctuation and spaces stay as they are.

    Examples:
        >>> replace_words("Mail Bob@example.org, Bob!", str.upper)
        'MAIL Bob@example.org, BOB!'
    """
    kind = _kind(text, language)
    if kind.addresses:
        return _compiled(kind, bare=False).sub(lambda match: replace(match[0]) if match.lastgroup == "word" else match[0], text)
    # Without addresses a word is what begins with a letter or a digit: no groups needed, twice as fast.
    return _compiled(kind, bare=True).sub(lambda match: replace(token) if (token := match[0])[0].isalnum() else token, text)


def token_pattern(text: str, language: str | None = None) -> re.Pattern[str]:
    """The pattern for `text`: its groups are ``word``, ``address``, ``picture`` and ``symbol``."""
    return _compiled(_kind(text, language), bare=False)


class _Kind(NamedTuple):
    """What a text asks of its pattern; plain English gets the short one, which is three times faster."""

    ascii: bool
    addresses: bool
    japanese: bool
    elides: bool


def _kind(text: str, language: str | None) -> _Kind:
    known = None if language is None else find_language(language)
    is_ascii = text.isascii()
    japanese = known.code == "ja" if known else not is_ascii and KANA.search(text) is not None
    return _Kind(is_ascii, _ADDRESS.search(text) is not None, japanese, known is not None and known.elides)


@cache
def _compiled(kind: _Kind, *, bare: bool) -> re.Pattern[str]:
    """The pattern itself, without groups and symbols where `bare`.

    Quantifiers that could meet a long text are possessive or bounded, so that time grows with its length only.
    """
    letter, tail = ("[A-Za-z0-9]", "") if kind.ascii else (f"[^\\W_{UNSPACED}]", f"[{marks()}{JOINERS}]*+")
    run = f"(?:{letter}++{tail})++"
    rest = rf"{tail}(?:{letter}++{tail})*+(?:['’ʼ·_‐‑-]{run}|(?<=\d)[.,:](?=\d){run})*+"
    word = rf"{letter}(?:(?<=[^\W\d_])\.(?:(?!\d){letter}\.)+|{rest})"
    groups = {
        "address": _address(run) if kind.addresses else "",
        "word": (f"(?<!\\w)(?i:{_ELIDED})(?=\\w)|" if kind.elides else "") + word + ("" if kind.ascii else f"|{_unspaced(kind.japanese)}"),
        "picture": _emoticon() if kind.ascii else f"{_emoji()}|{_emoticon()}",
        "symbol": "" if bare else r"(?P<mark>[^\w\s]|_)(?P=mark)*",
    }
    return re.compile("|".join(pattern if bare else f"(?P<{name}>{pattern})" for name, pattern in groups.items() if pattern))


def _address(run: str) -> str:
    """Web addresses without the punctuation after them, e-mail addresses, @mentions and #hashtags."""
    web = r"(?i:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'’]"
    mail = r"\w[\w.+%-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    return rf"{web}|{mail}|(?<![\w@#])[@#]{run}(?:_+{run})*+"


def _unspaced(japanese: bool) -> str:
    """Units of the scripts without spaces."""
    han = f"[{HAN}]{'+' if japanese else ''}"
    kana = f"[{HIRAGANA}][{HIRAGANA}{LONG_VOWEL}]*|[{KATAKANA}\u3099\u309a]+"
    thai_lao = f"[{THAI_LAO_BEFORE}]?[{THAI_LAO}][{marks()}]*[{THAI_LAO_AFTER}]?[{marks()}]*"
    khmer_burmese = f"[{KHMER_BURMESE}](?:[{KHMER_BURMESE_STACK}][{KHMER_BURMESE}]|[{marks()}])*"
    return f"{han}[{marks()}]*|{kana}|{thai_lao}|{khmer_burmese}"


def _emoji() -> str:
    one = f"[{EMOJI}][{PRESENTATION}]?[{SKIN}]?[{PRESENTATION}]?"
    return f"[{FLAG}]{{2}}|{one}(?:\u200d{one})*[{FLAG_TAGS}]*"


def _emoticon() -> str:
    """:-) ;D <3 ^^ >_<; an eye does not follow its like, so that the same text has the same emoticons with and without its symbols."""
    return r"(?<![\w:;=])[:;=]['’]?-?(?:[)(\]\[|*/\\]+|[DPpOo](?!\w))|(?<!<)<3+|(?<!\^)\^[_.-]?\^|(?<![<>])[<>]_[<>]"
