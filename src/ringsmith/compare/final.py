"""The final of a search: the best trials and the defaults are trained with other seeds, and what all their seeds say counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ringsmith.adapt.spaces import Space
from ringsmith.compare.files import read_arrays
from ringsmith.compare.space import Entrant
from ringsmith.compare.trials import DEFAULTS, Trial

if TYPE_CHECKING:
    from ringsmith.compare.tuning import Tuning

FINALISTS = 3
"""Trials that are trained with more seeds, besides the defaults."""
IMPORTANCE_SECONDS = 3.0
"""Kept free for what follows the final."""
SAME = 0.005
"""Probabilities that differ by less are the same answer."""


@dataclass(eq=False)
class Search:
    """The search of one candidate.

    Attributes:
        base: the candidate with its defaults.
        space: what is searched.
        wanted: how many trials, the defaults included.
        trials: those that ended, in the order in which they were begun.
        queue: those that the ledger knows and that were not looked at yet.
        finalists: those that are trained with more seeds, the best first.
        seeds: how many seeds the finalists have behind them.
        importance: option -> share.
        notes: what a reader should know, a sentence each.
        over: whether no further trial is to come.
        in_final: whether the final has begun.
        seed_matters: whether another seed gives other answers; None while it is not known.
    """

    base: Entrant
    space: Space
    wanted: int
    trials: list[Trial] = field(default_factory=list)
    queue: list[Entrant] = field(default_factory=list)
    finalists: list[Trial] = field(default_factory=list)
    seeds: int = 1
    importance: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    over: bool = False
    in_final: bool = False
    seed_matters: bool | None = None


class Final:
    """The final of one search.

    Args:
        tuning: knows race, time and table.
        search: what was searched.

    Attributes:
        seeds: how many seeds the finalists are to have in all.
    """

    def __init__(self, tuning: Tuning, search: Search) -> None:
        self.tuning, self.search = tuning, search
        self.race, self.arena = tuning.race, tuning.arena
        self.seeds = tuning.most_seeds

    def run(self) -> None:
        """Train the finalists with one more seed after the other; a seed counts only where there was time for all of them, and one came through."""
        best = self.tuning.best(self.search)
        if self.search.seed_matters is None and best:
            self.tuning.expect()
            self.look_at_seeds(best[0])
        self.search.in_final = True
        if self.search.seed_matters is not False:
            self.search.finalists = self.that_fit(best[:FINALISTS] + [trial for trial in best[FINALISTS:] if trial.number == DEFAULTS])
        for seeds in range(2, self.seeds + 1) if self.search.finalists else ():
            lasting = self.one_seed_more(seeds)
            if not lasting:
                end = "Time ended the final" if lasting is None else "No trial came through the final"
                self.search.notes.append(f"{end}: its figures are of {self.search.seeds} seed{'s' if self.search.seeds > 1 else ''}.")
                return
            self.search.finalists, self.search.seeds = lasting, seeds
            self.settle()

    def look_at_seeds(self, trial: Trial) -> None:
        """See whether a trial answers otherwise with a second seed, on the first split; where there is no time for that it is taken for granted."""
        first, second = self.arena.runs_of(trial.entrant, 2)[:2]
        if not self.arena.finished(second) and self.race.forecast(trial.entrant).measured().seconds > self.tuning.left:
            return
        result = self.arena.finished(second) or self.race.perform(second, finishing=self.race.reserve() + self.tuning.kept_seconds + IMPORTANCE_SECONDS)
        if result.status == "done":
            one, other = (read_arrays(self.arena.predictions(run)) for run in (first, second))
            self.search.seed_matters = any(not np.allclose(one[name], other[name], atol=SAME) for name in ("valid_proba", "test_proba"))
        if self.search.seed_matters is False:
            self.search.notes.append("Another seed makes no difference to this recipe: with two the answers are the same, so one is enough.")

    def one_seed_more(self, seeds: int) -> list[Trial] | None:
        """Train every finalist with so many seeds: those that did not break down with one of them; None where there was no time for all."""
        self.tuning.expect(sum(self.tuning.missing(trial.entrant, self.seeds) for trial in self.search.finalists))
        if self.seconds_of(self.search.finalists, seeds) > max(self.tuning.left, 0.0):
            return None
        lasting = []
        for trial in self.search.finalists:
            runs = self.arena.runs_of(trial.entrant, seeds)
            ended = {(self.arena.finished(run) or self.race.perform(run, finishing=self.race.reserve() + IMPORTANCE_SECONDS)).status for run in runs}
            if "dropped" in ended:
                return None
            if ended == {"done"}:
                lasting.append(trial)
            else:
                self.search.notes.append(f"Trial {trial.number} broke down with another seed and is out of the final.")
        return lasting

    def that_fit(self, finalists: list[Trial]) -> list[Trial]:
        """As many of them as there is time for, the best first and then the defaults, to be compared with: with all seeds, or with fewer; none where two do not fit."""
        if len(finalists) < 2:
            return []
        ordered = sorted(finalists, key=lambda trial: (trial is not finalists[0], trial.number != DEFAULTS))
        for seeds in range(self.tuning.most_seeds, 1, -1):
            needed = accumulate(self.seconds_of([trial], seeds) for trial in ordered)
            fitting = sum(seconds <= max(self.tuning.left, 0.0) for seconds in needed)
            if fitting > 1:
                self.seeds = seeds
                if fitting < len(finalists) or seeds < self.tuning.most_seeds:
                    self.search.notes.append(f"There was time to train {fitting} trials with {seeds} seeds.")
                return ordered[:fitting]
        self.search.notes.append("The best was trained with one seed only, for want of time: it may have been lucky.")
        return []

    def seconds_of(self, finalists: list[Trial], seeds: int) -> float:
        """What it takes to train these with so many seeds, as far as it is not done."""
        return sum(self.race.seconds_of(trial.entrant, [run for run in self.arena.runs_of(trial.entrant, seeds) if self.arena.finished(run) is None]) for trial in finalists)

    def settle(self) -> None:
        """Judge the finalists by all the seeds they have; the others leave the table."""
        for trial in self.search.trials:
            if trial in self.search.finalists:
                self.race.enter(trial.entrant, seeds=self.search.seeds)
                words = f"The defaults: trial 1 of {len(self.search.trials)}" if trial.number == DEFAULTS else f"Trial {trial.number} of {len(self.search.trials)}"
                self.race.remarks[trial.name] = f"{words}; {self.search.seeds} seeds."
            else:
                self.tuning.drop(trial)
        self.tuning.write()
