"""Words that belong together become one: the pass over a corpus that makes phrases. The slow twin is a loop over lists, in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith._kernels.simd import COMPILE, address

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@njit(**COMPILE)
def _place(firsts: Any, low: int, high: int, word: int) -> int:
    """Where `word` stands among ``firsts[low:high]``, which ascend; -1 where it does not."""
    while low < high:
        middle = (low + high) // 2
        if firsts[middle] < word:
            low = middle + 1
        elif firsts[middle] > word:
            high = middle
        else:
            return middle
    return -1


@njit(**COMPILE)
def join(ids: Ids, starts: Longs, pairs: Longs, firsts: Ids, numbers: Ids, out: Ids, out_starts: Longs) -> int:
    """Put one number in the place of every pair that is a phrase, from left to right; a word is part of one phrase at most.

    Args:
        ids: the sentences' words.
        starts: where sentences start.
        pairs: (V + 1,) the phrases whose second word is w are numbered ``pairs[w]`` to ``pairs[w + 1]``.
        firsts: the first word of each phrase, ascending for the same second word.
        numbers: the number of each phrase.
        out: takes the words, as long as `ids`; may be `ids` itself.
        out_starts: takes the starts.

    Returns:
        How many words there are now.
    """
    written = 0
    first_words: Any = address(firsts)
    for sentence in range(len(starts) - 1):
        at, end = starts[sentence], starts[sentence + 1]
        out_starts[sentence] = written
        while at < end:
            place = -1
            if at + 1 < end:
                second = ids[at + 1]
                place = _place(first_words, pairs[second], pairs[second + 1], ids[at])
            out[written] = numbers[place] if place >= 0 else ids[at]
            at += 2 if place >= 0 else 1
            written += 1
    out_starts[len(starts) - 1] = written
    return written
