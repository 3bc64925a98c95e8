"""Which pieces of a sequence are hidden, and by what (Devlin et al., 2019, section 3.1), for a whole batch at once.

    order   every piece that stands for text gets a random number; the lowest 15 % of a sequence are predicted
    fate    of these 80 % become [MASK], 10 % another piece, 10 % stay as they are
    words   with `whole_words` the numbers are drawn per word, and a word is hidden with all its pieces

Departures: the number of predicted pieces is the share of the pieces that stand for text, not of all; a random piece is never a special one;
the word that reaches the number is hidden whole, where BERT's code would look for a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith._rules import hold
from ringsmith.pretrain.objective import IGNORED
from ringsmith.pretrain.pieces import Pieces

Ids = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint64]
Uniform = npt.NDArray[np.float64]
STREAMS = 3
"""Random numbers for every piece: its place in the order, its fate, the piece it is replaced by."""


@dataclass(frozen=True)
class MaskRules:
    """How much is hidden, and how.

    Attributes:
        share: of the pieces that stand for text, how many are predicted.
        masked: of these, how many become [MASK].
        replaced: of these, how many become any other piece; the rest stays.
        whole_words: whether a word is hidden with all its pieces or not at all.
    """

    share: float = 0.15
    masked: float = 0.8
    replaced: float = 0.1
    whole_words: bool = False

    def __post_init__(self) -> None:
        rest = max(0.0, 1.0 - self.masked) if isinstance(self.masked, int | float) else 1.0
        hold(
            self,
            (
                ("share", lambda share: 0 < share < 1, "above 0 and below 1"),
                ("masked", lambda share: 0 <= share <= 1, "from 0 to 1"),
                ("replaced", lambda share: 0 <= share <= rest + 1e-9, "at least 0, and with 'masked' at most 1"),
            ),
        )


@dataclass(frozen=True, eq=False)
class Hidden:
    """A batch with pieces hidden.

    Attributes:
        inputs: (n, length), what the model sees.
        places: (n, k), where in the row it predicts; 0 where a row predicts fewer than k.
        labels: (n, k), what stood there; `IGNORED` where a row predicts fewer than k.
    """

    inputs: Ids
    places: Ids
    labels: Ids


def hide(rows: Ids, pieces: Pieces, rules: MaskRules, draws: Uniform) -> Hidden:
    """Hide pieces of every row.

    Args:
        rows: (n, length); left as they were.
        pieces: the vocabulary; it must have a mask.
        rules: how much, and how.
        draws: (`STREAMS`, n, length) numbers from 0 to 1; they alone decide.
    """
    assert pieces.mask is not None
    special = pieces.is_special()
    text = ~special[rows]
    places, predicted = _choose(rows, text, pieces, rules, draws[0])
    labels = np.take_along_axis(rows, places, 1)
    fate, which = (np.take_along_axis(draw, places, 1) for draw in draws[1:])
    ordinary = np.flatnonzero(~special)
    put = np.where(fate < rules.masked, pieces.mask, np.where(fate < rules.masked + rules.replaced, ordinary[(which * len(ordinary)).astype(np.int64)], labels))
    inputs = rows.copy()
    row = np.broadcast_to(np.arange(len(rows))[:, None], places.shape)
    inputs[row[predicted], places[predicted]] = put[predicted]
    return Hidden(inputs, np.where(predicted, places, 0), np.where(predicted, labels, IGNORED))


def _choose(rows: Ids, text: Bools, pieces: Pieces, rules: MaskRules, order: Uniform) -> tuple[Ids, Bools]:
    """Places (n, k) in the order of their numbers, and which of them are predicted."""
    wanted = np.where(text.any(1), np.maximum(1, np.rint(rules.share * text.sum(1))), 0).astype(np.int64)
    if not rules.whole_words:
        k = max(1, int(wanted.max(initial=0)))
        places = np.argsort(np.where(text, order, np.inf), axis=1)[:, :k]
        return places, np.arange(k)[None, :] < wanted[:, None]
    first = _first_of_word(rows, text, pieces)
    places = np.argsort(np.where(text, np.take_along_axis(order, first, 1), np.inf), axis=1, kind="stable")
    begins = np.take_along_axis(first, places, 1) == places
    before = np.maximum.accumulate(np.where(begins, np.arange(rows.shape[1]), 0), axis=1)  # pieces of the words ahead of this one's
    predicted = (before < wanted[:, None]) & np.take_along_axis(text, places, 1)
    k = max(1, int(predicted.sum(1).max(initial=0)))
    return places[:, :k], predicted[:, :k]


def _first_of_word(rows: Ids, text: Bools, pieces: Pieces) -> Ids:
    """(n, length), for every piece the place of the piece its word begins with; special pieces are words of their own."""
    begins = pieces.begins_word[rows] | ~text
    begins[:, 1:] |= ~text[:, :-1]
    begins[:, 0] = True
    return np.maximum.accumulate(np.where(begins, np.arange(rows.shape[1]), 0), axis=1)


def draw_anew(rows: Ids, generator: np.random.Generator) -> Uniform:
    """Numbers that differ at every visit (RoBERTa)."""
    return generator.random((STREAMS, *rows.shape))


def draw_by_copy(rows: Ids, generator: np.random.Generator, copies: int) -> Uniform:
    """Numbers that hang on the row alone and on which of its `copies` is visited (BERT, whose data were masked once, ten times over)."""
    copy = generator.integers(copies, size=len(rows), dtype=np.uint64)
    powers = _mixed(np.arange(1, rows.shape[1] + 1, dtype=np.uint64)) | np.uint64(1)
    keys: Bits = rows.astype(np.uint64) @ powers
    seeds = _mixed(keys + _mixed(copy))
    numbers = np.arange(1, STREAMS * rows.shape[1] + 1, dtype=np.uint64).reshape(STREAMS, 1, -1)
    steps: Bits = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = _mixed(steps + seeds[None, :, None])
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(x: Bits) -> Bits:
    """Numbers without a pattern from numbers with one (the finish of splitmix64; Steele, Lea and Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
