"""Where a word stands in sentences: whole words only, in capital or small letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ringsmith.backbones.senses import Use
from ringsmith.errors import InputError

FEWEST = 2
MOST = 5_000


def find_uses(word: str, sentences: Sequence[str]) -> tuple[list[Use], list[int]]:
    """Every use of a word, and the number (from 1) of the sentence that each is from.

    Raises:
        InputError: no word, or fewer than two uses of it.

    Examples:
        >>> uses, lines = find_uses("us", ["They told us.", "", "The US told us nothing about bus lines."])
        >>> [use.form for use in uses], lines
        (['us', 'US', 'us'], [1, 3, 3])
    """
    if not word.strip():
        raise InputError("--word must be a word; got an empty text. Write: --word bank")
    if isinstance(sentences, str):
        raise InputError(f"'sentences' must be several strings; got one, {sentences[:40]!r}. Read a file's lines first.")
    pattern = re.compile(rf"(?<!\w){re.escape(word.strip())}(?!\w)", re.IGNORECASE)
    found = [(Use(sentence, match.start(), match.end()), line) for line, sentence in enumerate(sentences, start=1) for match in pattern.finditer(sentence)][:MOST]
    if len(found) < FEWEST:
        raise InputError(f"The sentences must use the word {word.strip()!r} at least twice; got {len(found)} in {len(sentences):,} lines. Bring more sentences, one a line.")
    return [use for use, _ in found], [line for _, line in found]
