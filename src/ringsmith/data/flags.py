"""Several columns of 0 and 1, one for each label -> one column of lists (``--label toxic,obscene,threat``)."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ringsmith.data.columns import Asked, as_strings, existing
from ringsmith.data.raw import RawTable
from ringsmith.errors import LabelError

YES, NO = ("1", "true", "yes"), ("0", "false", "no", "")


def join_flags(table: RawTable, asked: Asked) -> RawTable:
    """`table` with a list column, named like `asked.label`, of the flags that it names with commas; `table` itself where it names one column.

    Raises:
        ColumnError: one of the columns does not exist.
        LabelError: one of them holds anything but 0 and 1, true and false, yes and no.
    """
    if asked.label is None or "," not in asked.label or asked.label in table.frame.columns:
        return table
    columns = [existing(table, "label", name.strip()) for name in asked.label.split(",")]
    flags = []
    for column in columns:
        cells = as_strings(table.frame[column]).str.strip_chars().str.to_lowercase().str.replace(r"\.0+$", "")
        strange = cells.drop_nulls().filter(~cells.drop_nulls().is_in([*YES, *NO]))
        if len(strange):
            raise LabelError(f"{table.source}: columns joined to labels must hold 0 and 1; {column!r} holds {strange[0]!r}. Leave it out of --label, or mend it.")
        flags.append(pl.select(pl.when(cells.is_in(YES)).then(pl.lit(column)).otherwise(None)).to_series())
    frame = table.frame.with_columns(pl.concat_list(flags).list.drop_nulls().alias(asked.label))
    return replace(table, frame=frame)
