"""Text -> the same text with fewer accidents of writing: pure functions from string to string.

Each of them (but `html`, which undoes one level of encoding) leaves its own result as it is. The stand-ins for addresses and names,
``http`` and ``@user``, are those that models trained on social media know (TweetEval, Barbieri et al. 2020).
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

_SINGLE, _DOUBLE = "‘’‚‛′´ʹʼ＇", "“”„‟″«»＂"
_HYPHENS = "‐‑‒–−﹣－"
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROLS = {code: None for code in [*range(32), *range(127, 160)] if not chr(code).isspace()}
_PLAIN = {
    **_CONTROLS,
    **{ord(mark): None for mark in _INVISIBLE},
    **{ord(mark): "'" for mark in _SINGLE},
    **{ord(mark): '"' for mark in _DOUBLE},
    **{ord(mark): "-" for mark in _HYPHENS},
    **{ord(mark): " - " for mark in "—―﹘"},
    ord("…"): "...",
}
_NO_SINGLE_JAMO = re.compile("[^\u3131-\u318e]+")
"""All but single Korean letters (ㅋㅋ, ㅠㅠ): NFKC would make parts of syllables of them, which nobody types and no model knows."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_URL = re.compile(r"(?i:https?://|www\.)(?>\([^\s<>\"()]*\)|[^\s<>\"])*(?:\([^\s<>\"()]*\)|[^\s<>\".,;:!?)\]}'’])")
"""What ends a sentence or closes a bracket ends no address, unless the bracket was opened in it."""
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_MENTION = re.compile(r"(?<![\w@.])@\w+")
_DIGIT = re.compile(r"\d")
_REPEAT = re.compile(r"([^\W\d]|[^\w\s])\1{3,}")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_REST = r"""(?:[^<>=]|=(?:\s*(?:"[^"<]*"|'[^'<]*'))?)*+>"""
"""What follows a tag's name, to its end: a ">" within a quoted value is none."""
_UNSEEN = [
    (re.compile("<!--"), re.compile("-->")),
    (re.compile(rf"<script\b{_REST}", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
    (re.compile(rf"<style\b{_REST}", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)),
]
_BLOCK = re.compile(rf"</?(?:address|article|blockquote|br|dd|div|dl|dt|footer|h[1-6]|header|hr|li|ol|p|pre|section|table|td|th|title|tr|ul)(?=[\s/>]){_REST}", re.IGNORECASE)
_TAG = re.compile(rf"</?[A-Za-z][\w:-]*(?<![:-])(?=[\s/>]){_REST}|<![A-Za-z][^<>]*>|<\?[^<>]*\?>")
"""A name, perhaps with a prefix (o:p), and a blank, a slash or the end behind it, for <ann@example.org> is none; or what a document begins with."""
_ACCENTS = re.compile(r"(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+|(?<=[еЕ])\u0308")
_APART = dict(zip("ßẞæÆœŒøØłŁđĐðÐþÞı", ["ss", "SS", "ae", "AE", "oe", "OE", "o", "O", "l", "L", "d", "D", "d", "D", "th", "Th", "i"], strict=True))
_WITHOUT_ACCENT = str.maketrans(_APART)


def normalise(text: str) -> str:
    """One way of writing for what looks the same: Unicode's compatibility form, plain quotes and dashes, no invisible characters, single spaces.

    Full-width letters and half-width kana become the usual ones, decomposed Korean and accents are put together, ligatures and "…" taken
    apart (Unicode's NFKC, but for single Korean letters: ㅋㅋ stays). Case, accents, digits and words stay. Joiners inside words and emoji stay.

    Examples:
        >>> normalise("“Ｆｕｌｌ　width” — isn–t…")
        '"Full width" - isn-t...'
    """
    if not text.isascii():
        # Plain marks go first (NFKC would take a lone accent apart) and last (NFKC makes some of them).
        text = _NO_SINGLE_JAMO.sub(_compatible, text.translate(_PLAIN)).translate(_PLAIN)
    return spaces(_CONTROL.sub("", text.replace("`", "'")))


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def compose(text: str) -> str:
    """Unicode's composed form (NFC): looks the same, compares the same."""
    return unicodedata.normalize("NFC", text)


def spaces(text: str) -> str:
    """Every run of white space, line ends included, as one space; none at the ends."""
    return " ".join(text.split())


def lower(text: str, language: str | None = None) -> str:
    """Small letters; Turkish has its own (I -> ı, İ -> i).

    Examples:
        >>> lower("ISTANBUL"), lower("ISTANBUL", "tr")
        ('istanbul', 'ıstanbul')
    """
    if language == "tr":
        text = text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
    return text.lower()


def upper(text: str, language: str | None = None) -> str:
    """Capital letters; Turkish has its own (ı -> I, i -> İ).

    Examples:
        >>> upper("işık"), upper("işık", "tr")
        ('IŞIK', 'İŞIK')
    """
    return (text.replace("i", "İ") if language == "tr" else text).upper()


def small(word: str, language: str | None = None) -> str:
    """A word as lists and stemmers have it: in the small letters of its language, composed (NFC)."""
    return word.lower() if word.isascii() and language != "tr" else lower(compose(word), language)


def casefold(text: str) -> str:
    """Small letters, and ß as ss: for comparing rather than reading."""
    return text.casefold()


def accents(text: str) -> str:
    """Latin and Greek letters without their accents, ß as ss, æ as ae; other scripts keep their marks, where they are letters.

    Examples:
        >>> accents("Crème brûlée, Ærø, が, й")
        'Creme brulee, AEro, が, й'
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text).translate(_WITHOUT_ACCENT)))


def digits(text: str) -> str:
    """Every digit as 0, so that numbers of one form are one word: "12:30" -> "00:00"."""
    return _DIGIT.sub("0", text)


def urls(text: str) -> str:
    """Every web address as ``http``."""
    return _URL.sub("http", text)


def emails(text: str) -> str:
    """Every e-mail address as ``email``."""
    return _EMAIL.sub("email", text) if "@" in text else text


def mentions(text: str) -> str:
    """Every @name as ``@user``."""
    return _MENTION.sub("@user", text) if "@" in text else text


def html(text: str) -> str:
    """The text of a piece of HTML: tags, comments and scripts dropped, blocks set apart by a space, then entities decoded, once.

    Examples:
        >>> html("<p>Fish &amp; <b>chips</b></p>&lt;3 a<b"), html("<o:p>Ann <ann@example.org></o:p>")
        (' Fish & chips <3 a<b', 'Ann <ann@example.org>')
    """
    if "<" in text:
        for opening, closing in _UNSEEN:
            text = _without(text, opening, closing)
        text = _TAG.sub("", _BLOCK.sub(" ", text))
    return _ENTITY.sub(lambda match: unescape(match[0]), text) if "&" in text else text


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """`text` without what stands from an opening to its closing; in one pass, however often it is opened and never closed."""
    kept, at = [], 0
    while (begin := opening.search(text, at)) and (end := closing.search(text, begin.end())):
        kept += [text[at : begin.start()], " "]
        at = end.end()
    return "".join(kept) + text[at:]


def repeats(text: str) -> str:
    """A letter or mark that stands more than three times in a row, three times: "soooooo" -> "sooo"; "www" and "III" stay.

    Examples:
        >>> repeats("Sooooo good!!!!! 1000000 ㅋㅋㅋㅋㅋ")
        'Sooo good!!! 1000000 ㅋㅋㅋ'
    """
    return _REPEAT.sub(r"\1\1\1", text)
