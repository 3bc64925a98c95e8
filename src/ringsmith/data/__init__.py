"""LABELLED TEXTS IN: any table of texts -> checked, split rows, with an account of every one.

polars is imported when a reader is first used, not here: the records alone cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ringsmith.data.findings import DataFindings, ReadFindings
from ringsmith.data.table import Inputs, LabelledTable, as_frame

if TYPE_CHECKING:
    from ringsmith.data.checks import check
    from ringsmith.data.classes import keep_classes
    from ringsmith.data.groups import number_groups
    from ringsmith.data.predictions import check_out, read_texts, write_predictions
    from ringsmith.data.read import read_like, read_table
    from ringsmith.data.split import SplitPlan, make_splits, plan_splits, with_fewer
    from ringsmith.data.storage import fingerprint, restore, store

_HOMES = {
    "check": "checks",
    "keep_classes": "classes",
    "number_groups": "groups",
    "check_out": "predictions",
    "read_texts": "predictions",
    "write_predictions": "predictions",
    "SplitPlan": "split",
    "plan_splits": "split",
    "read_table": "read",
    "read_like": "read",
    "make_splits": "split",
    "with_fewer": "split",
    "store": "storage",
    "restore": "storage",
    "fingerprint": "storage",
}
__all__ = [
    "DataFindings",
    "Inputs",
    "LabelledTable",
    "ReadFindings",
    "SplitPlan",
    "as_frame",
    "check",
    "check_out",
    "fingerprint",
    "keep_classes",
    "make_splits",
    "number_groups",
    "plan_splits",
    "read_like",
    "read_table",
    "read_texts",
    "restore",
    "store",
    "with_fewer",
    "write_predictions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
