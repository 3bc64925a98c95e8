"""What reading gives: the usable rows, and how they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringsmith.data.findings import ReadFindings
from ringsmith.records import Floats, TextSet


def as_frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a polars DataFrame; a key that a row lacks is null there."""
    import polars as pl

    return pl.DataFrame(list(rows), infer_schema_length=None)


@dataclass(frozen=True, eq=False)
class LabelledTable:
    """Labelled texts and how they were read.

    Attributes:
        texts: the rows that can be used; ``texts.rows`` are their row numbers in the source.
        findings: what was read, used, dropped and decided.
        split_names: the split column's value of each row of `texts`; None without such a column.
        times: seconds since 1970, or the plain number, of each row of `texts`, float64 (n,); None without a time column.
    """

    texts: TextSet
    findings: ReadFindings
    split_names: Sequence[str] | None = None
    times: Floats | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """Texts to predict, with the table they came in.

    Attributes:
        texts: the rows that have a text; ``texts.rows`` are their positions in `table`.
        findings: how they were read.
        table: the whole input, a polars DataFrame: what `write_predictions` writes beside the predictions.
        lines: line of the file (from 1) at which each text begins; the row (from 1) where the format has no lines.
        notes: what reading the file found, and where the texts are not from the columns the model learnt from, a sentence each.
    """

    texts: TextSet
    findings: ReadFindings
    table: Any
    lines: Sequence[int]
    notes: Sequence[str] = ()

    def by_line(self) -> list[str]:
        """The texts as the lines they begin at, from the first line on; lines at which none begins are empty."""
        text_at = dict(zip(self.lines, self.texts.texts, strict=True))
        return [text_at.get(line, "") for line in range(1, max(text_at) + 1)]
