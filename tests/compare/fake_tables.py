"""Tables that are split without chance, so that every figure can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ringsmith.compare.dataset import Table
from ringsmith.data import DataFindings, ReadFindings
from ringsmith.records import Split, TextSet


def texts(rows: int, *, labels: str = "ab", groups: bool = False) -> TextSet:
    """Rows ``"a #0", "b #1", ...``: classes in turn, two rows to a group."""
    names = [labels[i % len(labels)] for i in range(rows)]
    return TextSet([f"{name} #{i}" for i, name in enumerate(names)], names, groups=[f"g{i // 2}" for i in range(rows)] if groups else None)


def table(rows: int = 200, *, folds: int = 1, labels: str = "ab", groups: bool = False) -> Table:
    """A table split without chance: half to train on, a quarter each to choose and to report; or folds in turn."""
    everything = np.arange(rows)
    if folds == 1:
        quarter = everything // 2 % 4
        splits: tuple[Split, ...] = (Split("holdout", everything[quarter < 2], everything[quarter == 2], everything[quarter == 3]),)
    else:
        part = everything // 2 % folds
        splits = tuple(
            Split(f"fold-{i + 1}", everything[(part != i) & (part != (i + 1) % folds)], everything[part == (i + 1) % folds], everything[part == i]) for i in range(folds)
        )
    return table_of(texts(rows, labels=labels, groups=groups), splits)


def table_with_turns() -> Table:
    """Of 200 rows 40 test, 20 choose, and a quarter of the other 140 chooses in each of four turns."""
    everything, none = np.arange(200), np.zeros(0, dtype=np.int64)
    first = Split("holdout", everything[60:], everything[40:60], everything[:40])
    parts = np.split(first.train, 4)
    turns = (Split(f"turn-{i + 2}", np.setdiff1d(everything[40:], part), part, none) for i, part in enumerate(parts))
    return replace(table_of(texts(200), (first,)), turns=tuple(turns))


def table_of(rows: TextSet, splits: tuple[Split, ...]) -> Table:
    """A table that was read without a finding."""
    size = len(rows)
    return Table(rows, splits, "in turn", None, (ReadFindings("made", "memory", ["text", "label"], "text", size, size),), DataFindings(size))
