"""Columns as they come -> columns as they are asked for.

Objects in cells are opened (``review.text``); texts in several columns are joined (``--text title,body``), and so are several columns of
0 and 1, one for each label (``--label toxic,obscene,threat``).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ringsmith.data.cells import as_strings, as_texts
from ringsmith.data.columns import Asked, existing, is_named
from ringsmith.data.names import listed
from ringsmith.data.raw import RawTable
from ringsmith.errors import LabelError

DEEPEST = 5
"""So deep objects within objects are opened; what is deeper stays JSON."""
YES, NO = ("1", "true", "yes"), ("0", "false", "no", "")


def shaped(table: RawTable, asked: Asked) -> RawTable:
    """`table` with the columns that `asked` means.

    Raises:
        ColumnError: a column that is to be joined does not exist.
        LabelError: a column that is to be joined to labels holds anything but 0 and 1, true and false, yes and no.
    """
    return join_flags(join_texts(open_objects(table), asked), asked)


def open_objects(table: RawTable) -> RawTable:
    """`table` with the parts of objects as columns of their own, named with points; the object stays where such a name is taken."""
    frame = table.frame
    for _ in range(DEEPEST):
        opened = [_opened(column, set(frame.columns)) for column in frame]
        frame = pl.DataFrame([part for parts in opened for part in parts])
    new = [name for name in frame.columns if name not in table.frame.columns]
    return replace(table, frame=frame, notes=[*table.notes, f"Objects were opened to columns: {listed(new)}."]) if new else table


def _opened(column: pl.Series, taken: set[str]) -> list[pl.Series]:
    if not isinstance(column.dtype, pl.Struct):
        return [column]
    parts = [part.alias(f"{column.name}.{part.name}") for part in column.struct.unnest()]
    return parts if parts and not taken & {part.name for part in parts} else [column]


def is_there(name: str, table: RawTable) -> bool:
    """Whether `table` has this column, in whatever letter case, or all of those that the name joins with commas."""
    columns = table.frame.columns
    return name in columns or all(is_named(columns, part.strip()) for part in name.split(","))


def join_texts(table: RawTable, asked: Asked) -> RawTable:
    """`table` with a column, named like `asked.text`, of the texts in the columns that it names with commas, a line each; empty ones are left out."""
    if asked.text is None or "," not in asked.text or asked.text in table.frame.columns:
        return table
    columns = [existing(table, "text", name.strip()) for name in asked.text.split(",")]
    texts = [as_texts(table.frame[column]).str.strip_chars().replace("", None) for column in columns]
    joined = pl.select(pl.concat_str(texts, separator="\n", ignore_nulls=True)).to_series().alias(asked.text)
    return replace(table, frame=table.frame.with_columns(joined), notes=[*table.notes, f"The texts are the columns {listed(columns)}, joined."])


def join_flags(table: RawTable, asked: Asked) -> RawTable:
    """`table` with a list column, named like `asked.label`, of the flags that it names with commas; `table` itself where it names one column."""
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
