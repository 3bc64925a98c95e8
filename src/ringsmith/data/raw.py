"""A table as it stands in its source: cells not yet understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of cells, and how they were read.

    Attributes:
        source: how messages name the source.
        format: as in `ReadFindings`.
        frame: one row per data row; rows that cannot be used are still in it.
        compression, encoding, delimiter, quote, header: as in `ReadFindings`.
        lines: line of the file (from 1) at which each row begins, int64 (n,); None where the format has no lines.
        faults: reason -> positions of rows that could not be read whole.
        split_column: a column that the format itself made of split names, or None.
        notes: what was found, one sentence each.
    """

    source: str
    format: str
    frame: pl.DataFrame
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    lines: npt.NDArray[np.int64] | None = None
    faults: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    notes: Sequence[str] = ()

    def place(self, position: int) -> str:
        """Where a row stands, for messages: ``"line 17"`` or ``"row 17"`` (both from 1)."""
        return f"row {position + 1}" if self.lines is None else f"line {self.lines[position]}"
