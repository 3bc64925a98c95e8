"""LABELLED TEXTS IN: any table of texts -> checked, split rows, with an account of every one.

polars is imported when a reader is first used, not here: the records alone cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ringsmith.data.findings import DataFindings, ReadFindings
from ringsmith.data.table import Inputs, LabelledTable

if TYPE_CHECKING:
    from ringsmith.data.read import read_like, read_table
    from ringsmith.data.split import make_splits
    from ringsmith.data.store import fingerprint, restore, store

_HOMES = {
    "read_table": "read",
    "read_like": "read",
    "make_splits": "split",
    "store": "store",
    "restore": "store",
    "fingerprint": "store",
}
__all__ = ["DataFindings", "Inputs", "LabelledTable", "ReadFindings", "fingerprint", "make_splits", "read_like", "read_table", "restore", "store"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
