"""Rows that arrive in pieces: words and a matrix that grows without being copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ringsmith.errors import ReadError
from ringsmith.words.files.contract import ReadOptions, decode_words, without_duplicates
from ringsmith.words.neighbours import Floats
from ringsmith.words.vectors import WordVectors


class Rows:
    """Words and vectors as they come from a file.

    Args:
        path: for messages.
        options: see `ReadOptions`.
        width: d.
        unit: ``"line"`` or ``"word"``: how places in the file are named.
    """

    def __init__(self, path: Path, options: ReadOptions, width: int, unit: str = "line") -> None:
        self._path, self._options, self._unit = path, options, unit
        self._words: list[str] = []
        self._matrix = np.empty((1024, width), dtype=np.float32)
        self._replaced = 0

    def __len__(self) -> int:
        return len(self._words)

    @property
    def width(self) -> int:
        """Numbers of a vector, d."""
        return int(self._matrix.shape[1])

    @property
    def missing(self) -> int | None:
        """How many words are still wanted; None for all there are."""
        return None if self._options.most is None else self._options.most - len(self)

    def add(self, pieces: Sequence[bytes], block: Floats, first: int) -> None:
        """Take up the next rows.

        Args:
            pieces: the words' bytes.
            block: (n, d) their vectors.
            first: number of the first one's line or record.

        Raises:
            ReadError: a word is not UTF-8, a number is NaN or infinite.
        """
        keep = len(pieces) if self.missing is None else min(len(pieces), self.missing)
        words, replaced = decode_words(pieces[:keep], self._path, self._options.errors, first=first, unit=self._unit)
        self._refuse_infinite(block[:keep], words, first)
        end = len(self) + keep
        if end > len(self._matrix):
            # Grown in place where the system can (mremap): a file of 3 GB must not need 6.
            self._matrix.resize((max(end, len(self._matrix) * 3 // 2), self._matrix.shape[1]), refcheck=False)
        self._matrix[len(self) : end] = block[:keep]
        self._words += words
        self._replaced += replaced

    def vectors(self) -> WordVectors:
        """All of them, each word once."""
        self._matrix.resize((len(self), self._matrix.shape[1]), refcheck=False)
        return without_duplicates(WordVectors(self._words, self._matrix), self._path, replaced=self._replaced)

    def _refuse_infinite(self, block: Floats, words: Sequence[str], first: int) -> None:
        with np.errstate(invalid="ignore"):
            if np.isfinite(block.sum(dtype=np.float64)) or np.isfinite(block).all():
                return
        row = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
        got = block[row][~np.isfinite(block[row])][0]
        where = f"{self._path}:{first + row}" if self._unit == "line" else f"{self._path}, word {first + row:,}"
        raise ReadError(f"{where}: vectors must hold finite numbers; got {got} for the word {words[row]!r}. Remove it, or train again.")
