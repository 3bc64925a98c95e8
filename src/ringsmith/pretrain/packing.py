"""Sequences without padding, cut out of a corpus in numbers: which there are, and in which order they come.

Decisions:
- Where an objective lets sequences cross documents, the text is cut from front to back, each document closed by its end piece (RoBERTa's full
  sentences, GPT-2's stream).
- Where it does not, a document is cut on its own. A rest of at least half a sequence becomes one by beginning earlier, so that it shares pieces
  with the sequence before it; shorter rests, and documents shorter than a sequence, are left out. The other way, filling rows up, would make
  every objective carry masks and a tenth to a third of the work fill; sentences of several documents joined would tell an objective that asks
  what follows what a lie.
- An epoch is a permutation that follows from seed and number; batch number k is the same whether batches 0 to k - 1 were made or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ringsmith._wording import plural
from ringsmith.errors import InputError
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.tokenfile import Numbers, Stretch, TokenFile

LONG_ENOUGH = 0.5
"""Share of a sequence from which on the rest of a document becomes one."""
Starts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of one length.

    Attributes:
        tokens: the corpus in numbers, mapped.
        starts: int64 (n,), where the text of each begins.
        length: pieces of a sequence, special ones included.
        before: pieces that each begins with.
        after: pieces that each ends with.
    """

    tokens: Numbers
    starts: Starts
    length: int
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, numbers: Starts) -> npt.NDArray[np.int64]:
        """These sequences, int64 (len(numbers), length)."""
        out = np.empty((len(numbers), self.length), np.int64)
        first, last = len(self.before), self.length - len(self.after)
        out[:, :first], out[:, last:] = self.before, self.after
        out[:, first:last] = self.tokens[self.starts[numbers][:, None] + np.arange(last - first)]
        return out

    def until(self, place: int) -> Sequences:
        """Those whose text ends before this place of the corpus."""
        width = self.length - len(self.before) - len(self.after)
        return replace(self, starts=self.starts[self.starts + width <= place])

    def split(self, count: int) -> tuple[Sequences, Sequences]:
        """All but the last `count`, and these."""
        at = len(self) - count
        return replace(self, starts=self.starts[:at]), replace(self, starts=self.starts[at:])


def pack(stretch: Stretch, pieces: Pieces, length: int, *, crosses_documents: bool) -> Sequences:
    """All sequences of `length` pieces in a stretch of documents; there may be none."""
    width = length - len(pieces.before) - len(pieces.after)
    across = np.arange(len(stretch.tokens) // width, dtype=np.int64) * width
    starts = across if crosses_documents else within_documents(stretch.documents, width)
    return Sequences(stretch.tokens, starts, length, pieces.before, pieces.after)


def within_documents(documents: Starts, width: int) -> Starts:
    """Where sequences of `width` begin that stay within one document each (its end piece left out), in order.

    Examples:
        >>> within_documents(np.array([0, 9, 12, 22]), 4).tolist()
        [0, 4, 12, 16]
        >>> within_documents(np.array([0, 8]), 4).tolist()
        [0, 3]
    """
    begins, sizes = documents[:-1], np.diff(documents) - 1
    whole = sizes // width
    numbers = np.arange(int(whole.sum())) - np.repeat(np.cumsum(whole) - whole, whole)
    full = np.repeat(begins, whole) + numbers * width
    late = (whole > 0) & (sizes % width >= LONG_ENOUGH * width)
    return np.sort(np.concatenate([full, (begins + sizes - width)[late]]))


def divide(file: TokenFile, pieces: Pieces, length: int, *, crosses_documents: bool, share: float) -> tuple[Sequences, Sequences]:
    """The sequences to learn from, and those to judge by.

    Where no held out document is as long as a sequence, the last ones of the corpus judge, and what shares pieces with them is left out.

    Args:
        file: the corpus in numbers.
        pieces: the vocabulary.
        length: pieces of a sequence.
        crosses_documents: whether sequences may hold parts of several documents.
        share: to judge by.

    Raises:
        InputError: the corpus does not hold one sequence of each kind.
    """
    train, judge = (pack(stretch, pieces, length, crosses_documents=crosses_documents) for stretch in (file.train, file.held_out))
    if not len(judge):
        train, judge = train.split(max(1, round(share * len(train)))) if len(train) > 1 else (train, judge)
        train = train.until(int(judge.starts[0])) if len(judge) else train
    if len(train) and len(judge):
        return train, judge
    held = f"it holds {file.counts.tokens:,} pieces in {plural(file.counts.documents, 'document')}"
    if file.counts.tokens < 2 * length:
        raise InputError(f"A corpus must hold two sequences of {length} pieces, one to learn from and one to judge by; {held}. Give it more text, or a smaller --length.")
    where = "" if crosses_documents else " (this objective keeps each within one document)"
    raise InputError(f"A corpus must hold two sequences of {length} pieces{where}; {held}, none of them long enough. Take a smaller --length, or another objective.")


def note_of_judge(file: TokenFile, judge: Sequences) -> tuple[str, ...]:
    """A sentence where the corpus' end judges, as `divide` has it."""
    if judge.tokens is not file.train.tokens:
        return ()
    return (f"No document that is held out is as long as a sequence: {plural(len(judge), 'sequence')} at the end of the text judge it.",)


def shuffled(count: int, at_once: int, seed: int, start: int) -> Iterator[Starts]:
    """Numbers of sequences in batches of `at_once`, epoch after epoch without end, from batch number `start` on.

    Examples:
        >>> batches = shuffled(5, 2, seed=0, start=0)
        >>> sorted(number for _ in range(5) for number in next(batches).tolist())
        [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    """
    epoch, place = divmod(start * at_once, count)
    order = _order(count, seed, epoch)
    while True:
        taken = [order[place : place + at_once]]
        place += at_once
        while place >= count:
            epoch, place = epoch + 1, place - count
            order = _order(count, seed, epoch)
            taken.append(order[:place] if place < count else order)
        yield np.concatenate(taken)


def _order(count: int, seed: int, epoch: int) -> Starts:
    return np.random.default_rng([seed, epoch]).permutation(count)
