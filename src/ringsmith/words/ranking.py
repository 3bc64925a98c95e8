"""From the words that were seen to the vocabulary: what is no UTF-8 mended, the frequent first, the rare left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ringsmith._wording import plural
from ringsmith.errors import InputError
from ringsmith.text.scripts import UNSPACED
from ringsmith.words.counting import Seen
from ringsmith.words.table import Table
from ringsmith.words.vocabulary import Vocabulary

PHRASE = re.compile(f"[{UNSPACED}]{{9}}|[{UNSPACED}][\uff0c\u3002\u3001\uff01\uff1f\uff1b\uff1a]+[{UNSPACED}]")
"""So many letters of a script without blanks in a row are no single word any more, nor are letters on both sides of its comma or full stop."""
PART = "Their script puts no blanks between words: cut the texts with the step 'tokenise' first (--steps tokenise)."
LOOKED_AT = 500


@dataclass(frozen=True, eq=False)
class Ranked:
    """The vocabulary, and how the provisional numbers become its own.

    Attributes:
        vocabulary: the words kept.
        mappings: for each table of the shelf, provisional number -> number in the vocabulary; -1 where the word was left out.
        undecoded: occurrences of words that were not UTF-8.
    """

    vocabulary: Vocabulary
    mappings: list[npt.NDArray[np.int32]]
    undecoded: int


def rank(seen: Seen, *, min_count: int, max_vocab: int | None, most_broken: float) -> Ranked:
    """The words that occur at least `min_count` times, most frequent first; equal counts in the order of first occurrence.

    Raises:
        InputError: there are no words at all, none often enough, or more than the share `most_broken` of them holds bytes that are not UTF-8.
    """
    if not seen.total:
        raise InputError("The corpus must hold words; it is empty. Check the source.")
    mended, texts, undecoded = _mend(seen)
    if undecoded > most_broken * seen.total:
        example = next(iter(texts.values()))
        got = f"{plural(undecoded, 'word')} {'is' if undecoded == 1 else 'are'} not, such as {example!r}"
        raise InputError(f"The corpus must be in UTF-8; {got}. Convert it with iconv, or name its encoding with --encoding, or read it with errors='replace'.")
    order = np.lexsort((mended.firsts, -mended.counts))
    order = order[: int((mended.counts >= min_count).sum())][:max_vocab]
    if not len(order):
        _nothing_left(mended, min_count)
    final = np.full(len(mended.counts) + 1, -1, dtype=np.int32)
    final[order] = np.arange(len(order), dtype=np.int32)
    words = seen.words
    kept = tuple(words[place] for place in order.tolist()) if isinstance(words, list) else tuple(texts.get(place) or words.word(place).decode() for place in order.tolist())
    return Ranked(Vocabulary(kept, mended.counts[order]), [final[place] for place in mended.places], undecoded)


def _nothing_left(seen: Seen, min_count: int) -> None:
    if not len(seen.counts):
        raise InputError("The corpus must hold words of at most 1,000 bytes; all of its words are longer. Is it text with white space between words?")
    highest = int(seen.counts.max())
    often = f"the most frequent of {len(seen.counts):,} words occurs {plural(highest, 'time')}"
    hint = f" {PART}" if are_unparted(seen) else ""
    raise InputError(f"'min_count' is {min_count}, and no word occurs so often: {often}. Use at most {highest:,}, or more text.{hint}")


def are_unparted(seen: Seen) -> bool:
    """Whether what stands between blanks is mostly whole phrases of a script that puts no blanks between words."""
    places = range(min(len(seen.counts), LOOKED_AT))
    words = (seen.words[place] for place in places) if isinstance(seen.words, list) else (seen.words.word(place).decode("utf-8", "replace") for place in places)
    return sum(PHRASE.search(word) is not None for word in words) > len(places) / 2


def _mend(seen: Seen) -> tuple[Seen, dict[int, str], int]:
    """Words that are not UTF-8 with U+FFFD in them; what then looks the same becomes one. Returns their texts and occurrences too."""
    table = seen.words
    if not isinstance(table, Table):
        return seen, {}, 0
    texts: dict[int, str] = {}
    keepers: dict[str, int] = {}
    alias: dict[int, int] = {}
    undecoded = 0
    for place in table.beyond_ascii().tolist():
        word = table.word(place)
        text = word.decode("utf-8", "replace")
        if "\ufffd" not in text:
            continue
        if text.encode() != word:
            undecoded += int(seen.counts[place])
            texts[place] = text
        if keepers.setdefault(text, place) != place:
            alias[place] = keepers[text]
    return (_aliased(seen, alias) if alias else seen), texts, undecoded


def _aliased(seen: Seen, alias: dict[int, int]) -> Seen:
    counts, firsts = seen.counts.copy(), seen.firsts.copy()
    new = np.arange(-1, len(counts), dtype=np.int32)
    for place, keeper in alias.items():
        counts[keeper] += counts[place]
        counts[place] = 0
        firsts[keeper] = min(firsts[keeper], firsts[place])
        new[place + 1] = keeper
    return replace(seen, counts=counts, firsts=firsts, places=[new[place + 1] for place in seen.places])
