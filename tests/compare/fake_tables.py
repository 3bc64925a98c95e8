"""Tables that are split without chance, so that every figure can be worked out by hand."""

from __future__ import annotations

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
    return Table(texts(rows, labels=labels, groups=groups), splits, "in turn", None, (ReadFindings("made", "memory", ["text", "label"], "text", rows, rows),), DataFindings(rows))
