"""Choose, adapt and ship the pre-trained text model that fits your data and your budget.

The public face, imported lazily: ``import ringsmith`` loads no torch and takes a fraction of a second.

    import ringsmith as rs

    result = rs.compare("reviews.csv", budget="10m")    # result.leaderboard, result.best, result.ties
    model = rs.load("runs/reviews/best")                # model.predict([...]), model.predict_proba([...]), model.embed([...])
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringsmith.api import Predictor as Predictor
    from ringsmith.api import Result as Result
    from ringsmith.api import RingsmithError as RingsmithError
    from ringsmith.api import TextSteps as TextSteps
    from ringsmith.api import compare as compare
    from ringsmith.api import load as load
    from ringsmith.api import read_table as read_table
    from ringsmith.api import report as report

__all__ = ["Predictor", "Result", "RingsmithError", "TextSteps", "__version__", "compare", "load", "read_table", "report"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ringsmith._version import version

        return version()
    if name in __all__:
        return getattr(import_module("ringsmith.api"), name)
    raise AttributeError(f"module 'ringsmith' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Face(ModuleType):
    """This module, in which `compare` and `report` stay functions: importing the packages of the same names would put these in their place."""

    compare = property(lambda _: __getattr__("compare"), lambda *_: None)
    report = property(lambda _: __getattr__("report"), lambda *_: None)


sys.modules[__name__].__class__ = _Face
