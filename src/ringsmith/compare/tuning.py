"""The search: the best candidates are tried with other settings, the finalists with other seeds, all within what is left of the budget.

    trial      the defaults first, then what the sampler proposes; each is a candidate like any other and runs like any other
    named      what competes by itself is no trial; of those that differ in their options alone the best is searched
    pruning    a run below the floors of the runs before it stops, and so does a trial that is behind after some of its folds
    finals     the best three and the defaults are trained with two more seeds each, if the recipe depends on them; what all of them have counts,
               so the luckiest does not win
    memory     the ledger alone: the trials in it are taken up again in their order, whatever stopped the search before

Marks are figures on the validation rows; the test rows have no part in it. A search of many trials makes the best of them look better than
it is, which more seeds mend in part only: the test rows, which only report, show what is left of the gain.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import Any

from ringsmith.adapt import idle_options
from ringsmith.adapt.spaces import Space, settings_in, space_of
from ringsmith.compare.arena import Run
from ringsmith.compare.events import SearchEnded, Searching, TrialEnded
from ringsmith.compare.final import FINALISTS, IMPORTANCE_SECONDS, Final, Search
from ringsmith.compare.job import MODEL
from ringsmith.compare.race import Race
from ringsmith.compare.search import Told, importance, mark_of, propose
from ringsmith.compare.space import Entrant
from ringsmith.compare.standings import answers
from ringsmith.compare.stopping import behind, fell_behind, looks_of, median_floors
from ringsmith.compare.trials import DEFAULTS, Trial, axes_facts, entrant_with, fits_space, in_words, options_of, settings_of, write_trials
from ringsmith.records import Candidate, RunResult

SEARCHED = 3
"""Candidates of a comparison that are searched, at most."""
LEAST_SEEDS = 3
"""With so many a finalist is trained."""
FINAL_SHARE = 1 / 3
"""Of the time that is left for a search, this share is kept for the finals, at most."""


class Tuning:
    """Searches after a race.

    Args:
        race: the race, ended; what it knows of time and forecasts goes on.
    """

    def __init__(self, race: Race) -> None:
        self.race, self.arena = race, race.arena
        self.metric = race.arena.dataset.metric
        self.sign = 1 if self.metric.greater_is_better else -1
        self.most_seeds = max(LEAST_SEEDS, race.arena.options.seeds)
        self.searches = [Search(base, space_for(base), race.arena.options.search) for base in self.bases()]
        self.kept_seconds = 0.0

    def run(self) -> bool:
        """Search; whether it was stopped (Ctrl-C) before its end. The table is on disk in any case."""
        start, stopped = time.monotonic(), False
        try:
            self.begin()
            while waiting := [search for search in self.searches if not search.over]:
                for search in waiting:
                    self.next(search)
            self.kept_seconds = 0.0
            for search in self.searches:
                Final(self, search).run()
        except KeyboardInterrupt:
            stopped = True
        self.conclude()
        self.race.stages["search"] = time.monotonic() - start
        return stopped

    def bases(self) -> list[Entrant]:
        """What is searched: the best candidates that have a space, one of each recipe on each model; the only one there is, even where its defaults broke down."""
        entrants = self.arena.entrants
        if len(entrants) == 1:
            return [entrant for entrant in entrants if space_for(entrant)]
        best: dict[str, Entrant] = {}
        for entrant in (self.race.known[row.candidate] for row in self.race.rows if row.status == "done"):
            if space_for(entrant):
                best.setdefault(entrant.candidate.stem, entrant)
        return list(best.values())[:SEARCHED]

    def begin(self) -> None:
        """Take up what the ledger knows, keep time for the finals, tell the listener."""
        for search in self.searches:
            search.queue = [search.base, *self.remembered(search)]
            self.race.listener(Searching(search.base.candidate.name, tuple(axis.name for axis in search.space), search.wanted, len(search.queue)))
        self.keep()

    def keep(self) -> None:
        """Keep time for the finals: as much as they need, a third of what is left at most, and nothing where that is not even enough for two more runs."""
        self.kept_seconds = 0.0
        one_seed = sum(self.race.forecast(search.base).of(self.runs_each) for search in self.searches if search.seed_matters is not False)
        kept = min(one_seed * (self.most_seeds - 1) * (FINALISTS + 1), self.left * FINAL_SHARE)
        self.kept_seconds = kept if kept >= 2 * one_seed else 0.0

    def expect(self, final: int = 0) -> None:
        """Tell the race how many runs are to come, as far as can be told: so many of a final that has begun, and those of searches without one."""
        self.race.expect(final + sum(self.to_come(search) for search in self.searches if not search.in_final))

    def to_come(self, search: Search) -> int:
        """Runs of trials that are not begun or not ended, and of the final if it is to be worth while."""
        unknown = 0 if search.over else max(0, search.wanted - len(search.trials) - len(search.queue))
        known = sum(self.missing(entrant, 1) for entrant in search.queue if entrant is not search.base)
        others = min(FINALISTS + 1, search.wanted) - 1
        final = 0 if search.seed_matters is False else self.final_runs * others + self.missing(search.base, self.most_seeds)
        return unknown * self.runs_each + known + final

    def missing(self, entrant: Entrant, seeds: int) -> int:
        """Runs of a candidate with so many seeds that are not done."""
        return sum(self.arena.finished(run) is None for run in self.arena.runs_of(entrant, seeds))

    @property
    def runs_each(self) -> int:
        """Runs of one candidate with one seed."""
        return len(self.arena.dataset.splits)

    @property
    def final_runs(self) -> int:
        """Runs of one finalist besides those with the first seed."""
        return self.runs_each * (self.most_seeds - 1)

    @property
    def left(self) -> float:
        """Seconds left for trials."""
        return self.race.left() - self.kept_seconds - IMPORTANCE_SECONDS

    def remembered(self, search: Search) -> list[Entrant]:
        """The trials that the ledger knows, in the order in which they were begun; of other rows, weights or spaces none, and none that competes by itself."""
        found, named = dict[str, Entrant](), {entrant.candidate.key for entrant in self.arena.entrants}
        for result in self.arena.ledger.runs.values():
            candidate = Candidate.from_json(result.candidate)
            if result.seed != self.arena.options.seed or candidate.key in named or (entrant := self.as_trial(search, candidate)) is None:
                continue
            if self.arena.key_of(entrant, result.split, result.seed) == result.run:
                found.setdefault(candidate.key, entrant)
        return list(found.values())

    def as_trial(self, search: Search, candidate: Candidate) -> Entrant | None:
        """The candidate as a trial of the search; None where its settings are not of the space."""
        searched = {name: value for name, value in candidate.options.items() if name not in search.base.candidate.options}
        entrant = entrant_with(search.base, searched, "a trial of an earlier search")
        return entrant if entrant.candidate.key == candidate.key and fits_space(search.space, searched) else None

    def next(self, search: Search) -> None:
        """One more trial: one that the ledger knows, or a new one; the search is over where there is none, or no time for it."""
        self.expect()
        remembered = bool(search.queue)
        entrant = search.queue.pop(0) if remembered else self.propose(search)
        trial = None if entrant is None else self.perform(search, entrant)
        if trial is not None:
            search.trials.append(trial)
            self.tell(search)
            self.show(search)
            if trial.number == DEFAULTS and trial.mark is not None:
                Final(self, search).look_at_seeds(trial)
                self.keep()
        elif not remembered or not search.trials:
            if entrant is not None:
                search.notes.append(f"There was time for {len(search.trials)} of {search.wanted} trials.")
            search.over = True

    def propose(self, search: Search) -> Entrant | None:
        """A candidate with settings that none has yet, neither a trial nor one that competes by itself; None where there are enough trials, or no others."""
        if len(search.trials) >= search.wanted:
            return None
        named = [trial for entrant in self.arena.entrants if (trial := self.as_trial(search, entrant.candidate))]
        taken = [trial.settings for trial in search.trials] + [settings_of(search.space, entrant.candidate.options) for entrant in named]
        settings = propose(search.space, self.told(search), seed=self.arena.options.seed, tried={mark_of(settings) for settings in taken})
        if settings is None:
            search.notes.append(f"All {settings_in(search.space) or len(search.trials)} settings of the space were tried.")
            return None
        return entrant_with(search.base, options_of(search.space, settings), f"trial {len(search.trials) + 1} of the search")

    def told(self, search: Search) -> list[Told]:
        """The trials as the sampler is told of them."""
        return [trial.told(runs=self.runs_each, sign=self.sign) for trial in search.trials]

    def perform(self, search: Search, entrant: Entrant) -> Trial | None:
        """All runs of a trial with the first seed, one split after the other, as long as it is not behind; None where there is no time for it."""
        trial = Trial(len(search.trials) + 1, entrant, settings_of(search.space, entrant.candidate.options), (), (), "done")
        self.race.known[trial.name] = entrant
        runs = self.arena.runs_of(entrant, 1)
        for at, run in enumerate(runs):
            result = self.result_of(search, trial, run, runs_left=len(runs) - at)
            if result is None:
                return None
            trial = replace(trial, results=(*trial.results, result))
            self.race.results[trial.name] = list(trial.results)
            if result.status != "done":
                return replace(trial, status=result.status, why=result.why)
            trial = replace(trial, marks=(*trial.marks, self.mark(runs[: at + 1])))
            floor = behind(self.sign * trial.marks[-1], [self.sign * other.marks[at] for other in search.trials if other.status == "done"])
            if floor is not None and at + 1 < len(runs):
                why = f"after {at + 1} of {len(runs)} folds it had reached {trial.marks[-1]:.3f}, behind {self.sign * floor:.3f}, the median of the trials before it"
                return replace(trial, status="dropped", why=why)
        return replace(trial, why=" ".join(dict.fromkeys(result.why for result in trial.results if result.why)))

    def result_of(self, search: Search, trial: Trial, run: Run, *, runs_left: int) -> RunResult | None:
        """How one run of a trial ended, by the ledger or by doing it; None where there is no time.

        The defaults had their chance in the race. What failed once is not tried again: the next proposals hang on its failure.
        """
        ended = self.arena.ledger.runs.get(run.key)
        if trial.number == DEFAULTS or (ended is not None and ended.status == "failed"):
            return ended
        if known := self.arena.finished(run):
            return known
        if self.race.forecast(run.entrant).of(runs_left, int(run.measures)) > self.left:
            return None
        kept = self.race.reserve() + self.kept_seconds + IMPORTANCE_SECONDS
        result = self.race.perform(run, share=runs_left, finishing=kept, trial=trial.number, floors=self.floors(search, run.number))
        return None if result.status == "dropped" and not fell_behind(result) else result

    def floors(self, search: Search, at: int) -> tuple[tuple[float, float], ...]:
        """Of the run on split number `at`: what earlier trials showed there."""
        return median_floors([looks for trial in search.trials if len(trial.marks) > at and (looks := looks_of(trial.results[at]))])

    def mark(self, runs: list[Run]) -> float:
        """The figure on the validation rows of these runs together."""
        return self.arena.judge.value(answers(self.arena, runs))

    def best(self, search: Search) -> list[Trial]:
        """The trials that came to their end, the best first; of equals the earlier."""
        done = [trial for trial in search.trials if trial.mark is not None]
        return sorted(done, key=lambda trial: (-self.sign * (trial.mark or 0.0), trial.number))

    def tell(self, search: Search) -> None:
        """Tell the listener of the last trial."""
        trial, best = search.trials[-1], self.best(search)
        seconds, total = trial.seconds, max(search.wanted, len(search.trials) + len(search.queue))
        first = bool(best) and best[0] is trial
        words = "the defaults" if trial.number == DEFAULTS else in_words(trial.settings)
        self.race.listener(TrialEnded(search.base.candidate.name, trial.number, total, words, trial.status, trial.mark, first, seconds, trial.why))

    def show(self, search: Search) -> None:
        """Put the best trials into the table, take out those that no longer are, and write everything."""
        best = self.best(search)[:FINALISTS]
        for trial in search.trials:
            if trial.number == DEFAULTS:
                self.race.remarks[trial.name] = f"The defaults: trial 1 of {len(search.trials)}."
            elif trial in best:
                self.race.remarks[trial.name] = f"Trial {trial.number} of {len(search.trials)}."
                if not self.takes_part(trial):
                    self.race.enter(trial.entrant, seeds=1)
            else:
                self.drop(trial)
        self.write()

    def takes_part(self, trial: Trial) -> bool:
        """Whether it is in the table."""
        return any(contestant.name == trial.name for contestant in self.race.contestants)

    def drop(self, trial: Trial) -> None:
        """Out of the table, and its models off the disk."""
        if self.takes_part(trial):
            self.race.leave(trial.name)
        for run in self.arena.runs_of(trial.entrant, self.most_seeds):
            shutil.rmtree(self.arena.place(run) / MODEL, ignore_errors=True)

    def conclude(self) -> None:
        """Say what mattered, and write everything once more."""
        self.race.expect(0)
        for search in self.searches:
            if self.race.left() > IMPORTANCE_SECONDS / 2:
                search.importance = importance(search.space, self.told(search), seed=self.arena.options.seed)
            dropped = sum(trial.status == "dropped" for trial in search.trials)
            if dropped:
                search.notes.append(f"{dropped} of {len(search.trials)} trials were stopped early because they fell behind.")
            self.race.listener(SearchEnded(search.base.candidate.name, tuple(search.notes)))
        self.write()

    def write(self) -> None:
        """The table, the study and ``trials.csv``."""
        self.arena.study.set(search=[self.facts(search) for search in self.searches])
        self.race.rank()
        write_trials(self.arena.folder, [(search.base.candidate.name, search.trials) for search in self.searches])

    def facts(self, search: Search) -> dict[str, Any]:
        """A search, for ``study.json``."""
        return {
            "candidate": search.base.candidate.name,
            "wanted": search.wanted,
            "axes": axes_facts(search.space),
            "trials": [trial.facts() for trial in search.trials],
            "finalists": [trial.number for trial in search.finalists],
            "seeds": search.seeds,
            "importance": search.importance,
            "notes": search.notes,
        }


def space_for(entrant: Entrant) -> Space:
    """What can be searched of a candidate; what was asked for stays as it is, and what does nothing beside it or with this model is left out."""
    recipe, options, model = entrant.candidate.recipe, entrant.candidate.options, entrant.model
    settled = options.keys() | idle_options(recipe, options, model).keys()
    return tuple(axis for axis in space_of(recipe, model.hidden if model and model.kind == "transformer" else None) if axis.name not in settled)
