"""MANY CANDIDATES, ONE FAIR RACE, ONE CHOICE. Loads neither torch nor scikit-learn: every run imports its recipe in a process of its own.

options     what is asked for                     space      which candidates compete
dataset     rows, splits, targets                 forecast   seconds and memory of a run, learning
arena       all of it made ready                  plan       the order, and what fits
job         one run, in its own process           backends/  where runs happen     forkserver  what such processes share
race        run after run, table after table      ledger     the runs that ended
choose      ties, recommendation, honesty         standings  runs -> rows     leaderboard  rows -> files
playoff     more rows for the tied            learning   what more labels would bring
handover    the winner becomes best/              study      all a report needs
tuning      other settings for the best           search     what to try next (Optuna)
trials      what was tried                        stopping   when a trial has fallen behind
final       the best trials with other seeds
tune_options    a search of one candidate, checked
runner      run_comparison: the steps in order    events     what a listener is told

Imported lazily, so that a run's process loads what it needs and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringsmith.compare.events import Event, Listener
    from ringsmith.compare.leaderboard import Row
    from ringsmith.compare.options import CompareOptions, parse_budget
    from ringsmith.compare.runner import Comparison, run_comparison
    from ringsmith.compare.tune_options import tuned

_HOMES = {
    "Event": "events",
    "Listener": "events",
    "Row": "leaderboard",
    "CompareOptions": "options",
    "parse_budget": "options",
    "Comparison": "runner",
    "run_comparison": "runner",
    "tuned": "tune_options",
}
__all__ = ["CompareOptions", "Comparison", "Event", "Listener", "Row", "parse_budget", "run_comparison", "tuned"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
