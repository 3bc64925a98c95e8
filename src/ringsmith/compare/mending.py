"""After a race: what had too little time is done once more, where enough is left now.

Forecasts are guesses, and a run may have been dropped, or have learnt from a part of its rows, though seconds are over at the end; or the command is the same with a longer
budget. A candidate that was dropped is raced once more, the cheapest first. Of a candidate in the table all runs are done once more that were cut short, the best candidate
first; such a run has a place of its own and takes that of the first one when it ended well, so that nothing can be lost by it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

from ringsmith.compare.arena import Arena, Run
from ringsmith.compare.job import MODEL
from ringsmith.compare.race import Race
from ringsmith.compare.space import Entrant
from ringsmith.records import RunResult

MENDED = "-mended"
"""Behind the name of its split in the identity of a run that is done once more."""
MORE = 1.5
"""So many times the seconds that it had a run must get to be done once more."""


class Mending:
    """The second tries after a race.

    Args:
        race: the race, ended.
    """

    def __init__(self, race: Race) -> None:
        self.race, self.arena = race, race.arena

    def run(self) -> bool:
        """Do what there is time for; whether it was stopped (Ctrl-C). The table is on disk in any case."""
        start = time.monotonic()
        try:
            tried = [self._try(entrant) for entrant in self._lost()] + [self._mend(entrant) for entrant in self._hurried()]
        except KeyboardInterrupt:
            return True
        finally:
            self.race.to_come = []
        if any(tried):
            self.race.stages["second tries"] = time.monotonic() - start
        return False

    def _lost(self) -> list[Entrant]:
        """Candidates that had no time, the cheapest first."""
        lost = [self.race.known[row.candidate] for row in self.race.others.values() if row.status in ("dropped", "skipped")]
        return sorted(lost, key=lambda entrant: self.race.seconds_of(entrant, self.race.todo(entrant)))

    def _try(self, entrant: Entrant) -> bool:
        """Let a candidate race once more, if it fits by now, and the run that was dropped gets more time than it had; whether it did."""
        todo = self.race.todo(entrant)
        if self.race.obstacle(entrant, todo) or not all(gets_more(self.race, run, share=len(todo)) for run in todo[:1] if run.key in self.arena.ledger.runs):
            return False
        self.race.expect(len(todo) + self.arena.averages)
        self.race.compete(entrant)
        return True

    def _hurried(self) -> list[Entrant]:
        """Candidates of the table some of whose runs were cut short, the best first."""
        ranked = [self.race.known[row.candidate] for row in self.race.rows if row.status == "done"]
        return [entrant for entrant in ranked if any(is_short(self.arena, run) for run in self.race.runs_of(entrant))]

    def _mend(self, entrant: Entrant) -> bool:
        """Do the runs of a candidate once more that were cut short, if there is time for all of them; where a mean is taken, those too whose models are gone."""
        short, mean = [run for run in self.race.runs_of(entrant) if is_short(self.arena, run)], entrant.candidate.name in self.race.means
        again = [run for run in self.race.runs_of(entrant) if run in short or (mean and not (self.arena.place(run) / MODEL).exists())]
        known, unseen = self.race.forecast(entrant), self.race.unseen(entrant)
        seconds = replace(known, fit=max(known.fit, unseen.fit)).of(len(again), sum(run.measures for run in again))
        if seconds > self.race.left() - self.race.seconds_of_mean(entrant) or not all(gets_more(self.race, run, share=len(again)) for run in short):
            return False
        self.race.to_come = list(again)
        self.race.expect(len(again) + self.arena.averages)
        done: list[tuple[Run, RunResult]] = []
        for number, run in enumerate(again):
            result = done_again(self.race, run, finishing=self.race.reserve() + self.race.seconds_of_mean(entrant), share=len(again) - number)
            if result is None:
                break
            self.race.to_come.remove(run)
            done.append((run, result))
        for run, result in done if not mean or len(done) == len(again) else []:  # of some of the folds there is no mean
            take(self.arena, run, result)
        self.race.compete(entrant)
        return True


def is_short(arena: Arena, run: Run) -> bool:
    """Whether a run came to its end, but had too little time for all of its work."""
    result = arena.finished(run)
    return result is not None and result.status == "done" and result.short_seconds is not None


def gets_more(race: Race, run: Run, *, share: float = 1) -> bool:
    """Whether a run that had too little time would clearly get more now."""
    had = race.arena.ledger.runs[run.key].short_seconds
    return had is not None and race.seconds_for(run, left=race.left() - race.seconds_of_mean(run.entrant), share=share) >= MORE * max(had, 0.0)


def done_again(race: Race, run: Run, *, finishing: float, share: float = 1) -> RunResult | None:
    """Do a run once more in a place of its own; its result if it ended well, to be taken in the place of the first one. See `Race.perform`."""
    result = race.perform(_other(race.arena, run), share=share, keep=True if race.arena.averages else None, finishing=finishing)
    return replace(result, run=run.key) if result.status == "done" else None


def take(arena: Arena, run: Run, result: RunResult) -> None:
    """Put what `done_again` left into the place of the first one."""
    other = _other(arena, run)
    if (arena.study.content.get("best") or {}).get("run") == run.key:  # another model than the one that lies there
        arena.study.set(best=None)
        arena.study.write()
    shutil.rmtree(arena.place(run), ignore_errors=True)
    arena.place(other).rename(arena.place(run))
    arena.predictions(other).replace(arena.predictions(run))
    arena.ledger.append(result)


def _other(arena: Arena, run: Run) -> Run:
    return replace(run, key=arena.key_of(run.entrant, run.split.name + MENDED, run.seed), instead_of=run.key)
