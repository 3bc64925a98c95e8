r"""Which characters belong to which kind of writing: the character classes of the tokenizer, as regular-expression ranges.

Python's ``\w`` leaves out combining marks, so that a plain ``\w+`` tears every Hindi, Bengali or Tamil word apart and cuts accents off
decomposed Latin; `marks` gives them back. Unicode's own version is that of the running Python.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

HAN = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
HIRAGANA = "\u3041-\u3096\u3099\u309a\u309d-\u309f"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
LONG_VOWEL = "\u30fc"
"""The mark that lengthens a vowel, in both kana."""
THAI_LAO = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"
THAI_LAO_BEFORE = "\u0e40-\u0e44\u0ec0-\u0ec4"
"""Vowels written before the consonant they follow in speech."""
THAI_LAO_AFTER = "\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6"
KHMER_BURMESE = "\u1780-\u17d3\u17d7\u17dc\u17dd\u1000-\u103f\u1050-\u109d"
KHMER_BURMESE_STACK = "\u17d2\u1039"
"""Signs that put the next consonant under the one before."""
UNSPACED = HAN + HIRAGANA + KATAKANA + THAI_LAO + KHMER_BURMESE
"""Scripts that are written without spaces between words."""
EMOJI = "\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
SKIN = "\U0001f3fb-\U0001f3ff"
FLAG = "\U0001f1e6-\U0001f1ff"
FLAG_TAGS = "\U000e0020-\U000e007f"
PRESENTATION = "\ufe0e\ufe0f"
JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: part of a word in Persian and in the scripts of India, part of an emoji elsewhere."""
_LAST_MARK_BLOCK = 0x1F000


@cache
def marks() -> str:
    """All combining marks of the scripts in use, as ranges for a character class."""
    return ranges(code for code in range(0x300, _LAST_MARK_BLOCK) if unicodedata.category(chr(code))[0] == "M")


def ranges(codes: Iterable[int]) -> str:
    """Ascending code points as the ranges of a character class.

    Examples:
        >>> ranges([97, 98, 99, 120])
        'a-cx'
    """
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in runs)
