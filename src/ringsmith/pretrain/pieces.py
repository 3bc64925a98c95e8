"""What pre-training needs to know of a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Pieces:
    """A vocabulary's pieces by their numbers.

    Attributes:
        size: pieces in it.
        pad: number of the piece that fills rows up.
        start: number of the piece a sequence starts with.
        end: number of the piece that ends a sequence, and a document.
        mask: number of the piece that hides another one; None where the vocabulary has none.
        special: numbers of all pieces that stand for no text.
        begins_word: (size,) bool, whether a piece begins a word (for masks over whole words).
        before: pieces that every sequence begins with: BERT's [CLS]; none for GPT-2 and XLNet.
        after: pieces that every sequence ends with: BERT's [SEP], XLNet's <sep><cls>; none for GPT-2. Between documents that share a sequence
            stands `end`.
    """

    size: int
    pad: int
    start: int
    end: int
    mask: int | None
    special: tuple[int, ...]
    begins_word: npt.NDArray[np.bool_]
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def is_special(self) -> npt.NDArray[np.bool_]:
        """(size,) bool, whether a piece stands for no text."""
        found = np.zeros(self.size, dtype=np.bool_)
        found[list(self.special)] = True
        return found
