"""Where a word stands in sentences: whole words only, in capital or small letters.

Decisions:
- A word ends where no letter, digit or mark goes on with it: accents and vowel signs belong to the letter before them.
- Scripts without blanks (Han, kana, Thai ...) have no ends of words to be seen: there it is found wherever its letters stand.
- Word and sentences are composed (NFC), so that "é" is found however it is written.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ringsmith.backbones.senses import Use
from ringsmith.errors import InputError
from ringsmith.text.scripts import JOINERS, UNSPACED, marks

FEWEST = 2
MOST = 5_000


@dataclass(frozen=True)
class Found:
    """The uses of a word.

    Attributes:
        uses: all of them, or `MOST` that were drawn by chance, in the order of the sentences.
        lines: number (from 1) of the sentence that each is from.
        total: how many there are.
    """

    uses: Sequence[Use]
    lines: Sequence[int]
    total: int


def find_uses(word: str, sentences: Sequence[str]) -> Found:
    """Every use of a word; of very many some, drawn with a fixed seed.

    Raises:
        InputError: no word, or fewer than two uses of it.

    Examples:
        >>> found = find_uses("us", ["They told us.", "", "The US told us nothing about bus lines."])
        >>> [use.form for use in found.uses], found.lines
        (['us', 'US', 'us'], [1, 3, 3])
    """
    if not word.strip():
        raise InputError("--word must be a word; got an empty text. Write: --word bank")
    if isinstance(sentences, str):
        raise InputError(f"'sentences' must be several strings; got one, {sentences[:40]!r}. Read a file's lines first.")
    pattern = whole(unicodedata.normalize("NFC", word.strip()))
    composed = (unicodedata.normalize("NFC", sentence) for sentence in sentences)
    found = [(Use(sentence, match.start(), match.end()), line) for line, sentence in enumerate(composed, start=1) for match in pattern.finditer(sentence)]
    if len(found) < FEWEST:
        raise InputError(f"The sentences must use the word {word.strip()!r} at least twice; got {len(found)} in {len(sentences):,} lines. Bring more sentences, one a line.")
    kept = found if len(found) <= MOST else [found[at] for at in sorted(random.Random(0).sample(range(len(found)), MOST))]
    return Found([use for use, _ in kept], [line for _, line in kept], len(found))


def whole(word: str) -> re.Pattern[str]:
    """A word where neither side goes on with it.

    Examples:
        >>> [bool(whole("bank").search(text)) for text in ("The Bank.", "banks", "この bank は", "このbankは")]
        [True, False, True, True]
        >>> [bool(whole(word).search(text)) for word, text in (("银行", "我去银行取钱"), ("पर", "परी आई"), ("ม", "มี"))]
        [True, False, False]
    """
    spaced = rf"(?![{UNSPACED}])[\w{marks()}{JOINERS}]"
    before, after = ("" if re.match(f"[{UNSPACED}]", end) else spaced for end in (word[0], word[-1]))
    return re.compile((f"(?<!{before})" if before else "") + re.escape(word) + f"(?![{marks()}])" + (f"(?!{after})" if after else ""), re.IGNORECASE)
