"""MANY CANDIDATES, ONE FAIR RACE, ONE CHOICE. Loads neither torch nor scikit-learn: every run imports its recipe in a process of its own.

options     what is asked for                     space      which candidates compete
dataset     rows, splits, targets                 forecast   seconds and memory of a run, learning
arena       all of it made ready                  plan       the order, and what fits
job         one run, in its own process           backends/  where runs happen
race        run after run, table after table      ledger     the runs that ended
choose      ties, recommendation, honesty         standings  runs -> rows     leaderboard  rows -> files
handover    the winner becomes best/              study      all a report needs
runner      run_comparison: the steps in order    events     what a listener is told
"""

from __future__ import annotations

from ringsmith.compare.events import Event, Listener
from ringsmith.compare.leaderboard import Row
from ringsmith.compare.options import CompareOptions, parse_budget
from ringsmith.compare.runner import Comparison, run_comparison

__all__ = ["CompareOptions", "Comparison", "Event", "Listener", "Row", "parse_budget", "run_comparison"]
