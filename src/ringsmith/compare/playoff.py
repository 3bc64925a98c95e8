"""The play-off: candidates that are tied are compared on more rows, in the time that is left.

It is held where one of them may be better than the one that would be taken, by a point or more, or is cheaper and may be as good. The training rows take turns at choosing then: in
each turn a quarter of them chooses, all that are tied are fitted anew on the others and the validation rows, and what they answer is pooled with
their answers on the validation rows. Test rows have no part in it, and the model that is handed over stays the one that was measured.

Racing candidates on ever more rows and dropping those that are shown to be worse is the F-race of Birattari et al. (2002). Here there are two looks, and p
values of the second are doubled. Of two candidates that are equal, 157 rows and then 892 call one better in 7.1 % of cases (157 alone in 5.0 %); of two
whose true difference is 1.5 standard errors of the first look, in 92 % (32 %).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil

from ringsmith.compare.arena import Run
from ringsmith.compare.choose import POINT
from ringsmith.compare.events import PlayOff
from ringsmith.compare.job import MODEL
from ringsmith.compare.race import Race
from ringsmith.compare.space import Entrant
from ringsmith.compare.standings import answers

SURE = 1.15
"""What forecasts are multiplied by: a run that is cut short would be compared unfairly."""


@dataclass(frozen=True)
class Played:
    """What became of a play-off.

    Attributes:
        candidates: those that played, the quickest to train first.
        rows: validation rows.
        further: rows of the turns that were played.
        turns: how many that were.
        planned: how many were to be played; where the command was killed meanwhile, the same command goes on to these.
        all_rows: validation rows and those of all turns there are.
        budget: seconds with which the same command would play the turns that are missing, None where that promises nothing more.
    """

    candidates: tuple[str, ...]
    rows: int
    further: int
    turns: int
    planned: int
    all_rows: int
    budget: float | None


def costs_money(entrant: Entrant) -> bool:
    """Whether a model behind an endpoint answers."""
    return entrant.model is not None and entrant.model.kind == "endpoint"


class Playoff:
    """The play-off after a race.

    Args:
        race: the race, ended.

    Attributes:
        contenders: those that are tied, the quickest to train first, and in the end those that played; one that breaks down is none any more.
        turns: what can be played; none where an answer costs money, which nobody is to pay five times unasked.
        played: how many turns were.
        planned: how many are to be, by this command or the one before it.
    """

    def __init__(self, race: Race) -> None:
        self.race, self.arena = race, race.arena
        tied = [race.known[name] for name, letter in race.verdict.letters.items() if letter == "A"]
        self.contenders: list[Entrant] = sorted(tied, key=lambda entrant: race.forecast(entrant).seconds)
        self.turns = () if any(costs_money(entrant) for entrant in tied) else self.arena.dataset.turns
        self.rows = len(self.arena.dataset.splits[0].valid)
        self.played = 0
        self.planned = int((self.arena.study.content.get("playoff") or {}).get("planned", 0))

    def run(self) -> bool:
        """Play as many turns as there is time for; whether it was stopped (Ctrl-C). Whole turns count, and each is in the table on disk when it ends.

        All that are tied play, or without the dearest of them where there is no time for those: what falls behind the others is not the best in any case.
        """
        if not self.turns or not self.undecided(self.contenders):
            self.arena.study.set(playoff=None)
            return False
        start, everyone, stopped = time.monotonic(), list(self.contenders), False
        for count in range(len(everyone), 1, -1):
            self.contenders = everyone[:count]
            self._recall()
            turns = self.affordable()
            if self.played or turns:
                break
        if turns > self.played and not self.undecided(self.contenders):
            turns = min(self.planned, turns)
        if turns > self.played:
            self.planned = turns
            self._note(everyone)
            stopped = self._play(turns)
        self.race.stages["play-off"] = time.monotonic() - start
        self._note(everyone, budget=self._budget_for([entrant for entrant in everyone if entrant.candidate.name not in self.race.others]))
        return stopped

    def _note(self, everyone: Sequence[Entrant], budget: float | None = None) -> None:
        """Write down what became of it so far."""
        names = tuple(entrant.candidate.name for entrant in (self.contenders if self.played else everyone))
        all_rows = self.rows + self.rows_of(len(self.turns))
        self.arena.study.set(playoff=asdict(Played(names, self.rows, self.rows_of(self.played), self.played, self.planned, all_rows, budget)))
        self.arena.study.write()

    def undecided(self, some: Sequence[Entrant]) -> bool:
        """Whether one of these may be better than what is taken, by a point or more, or is cheaper and may be as good."""
        names, verdict = {entrant.candidate.name for entrant in some}, self.race.verdict
        known = [contestant for contestant in self.race.contestants if contestant.name in names]
        taken = next((contestant for contestant in known if contestant.name == verdict.recommended), None)
        return taken is not None and any(self.arena.judge.at_most(other, taken) >= (-POINT if other.name in verdict.behind else POINT) for other in known if other is not taken)

    def rows_of(self, turns: int) -> int:
        """How many rows choose in the first so many turns."""
        return sum(len(turn.valid) for turn in self.turns[:turns])

    def affordable(self) -> int:
        """For how many turns there is time, all of which every contender plays; without a budget for all of them where rows are few."""
        from ringsmith.data.split import FEW_TO_CHOOSE

        first = self.arena.dataset.splits[0]
        if self.arena.budget.seconds is None and len(first.train) + len(first.valid) >= FEW_TO_CHOOSE:
            return 0
        left = self.race.left() - self._kept()
        return max(turns for turns in range(len(self.turns) + 1) if turns == 0 or self.seconds_of(self.contenders, turns) * SURE <= left)

    def seconds_of(self, some: Sequence[Entrant], turns: int) -> float:
        """What the first so many turns of these take, as far as they are not played."""
        return sum(self.race.forecast(run.entrant).seconds for run in self._missing(some, turns))

    def _missing(self, some: Sequence[Entrant], turns: int) -> list[Run]:
        return [run for index in range(turns) for entrant in some for run in self.arena.turn_of(entrant, index) if self.arena.finished(run) is None]

    def _kept(self) -> float:
        """Seconds to train the winner once more, where its model is of an earlier command and gone."""
        gone = [entrant for entrant in self.contenders if not (self.arena.place(self.arena.runs_of(entrant)[0]) / MODEL).exists()]
        return max((self.race.forecast(entrant).measured().seconds for entrant in gone), default=0.0)

    def _recall(self) -> None:
        """Count the turns that an earlier command played."""
        while self.played < len(self.turns) and not self._missing(self.contenders, self.played + 1):
            self._turn(self.played)
            self.played += 1

    def _play(self, turns: int) -> bool:
        known, names = self.rows_of(self.played), tuple(entrant.candidate.name for entrant in self.contenders)
        self.race.listener(PlayOff(names, self.rows + known, self.rows_of(turns) - known, turns - self.played))
        self.race.to_come = self._missing(self.contenders, turns)
        self.race.expect(len(self.race.to_come))
        try:
            while self.played < turns and len(self.contenders) > 1 and self._turn(self.played):
                self.played += 1
        except KeyboardInterrupt:
            return True
        finally:
            self.race.to_come = []
        return False

    def _turn(self, index: int) -> bool:
        """One turn; whether there was time for all. A candidate that breaks down in it loses its place, as in any fold."""
        for entrant in list(self.contenders):
            for run in self.arena.turn_of(entrant, index):
                result = self.arena.finished(run)
                if result is None:
                    result = self.race.perform(run, share=self._share(entrant), keep=False)
                    self.race.to_come.remove(run)
                if result.status == "dropped":
                    return False
                if result.status != "done":
                    self.contenders.remove(entrant)
                    self.race.to_come = [other for other in self.race.to_come if other.entrant is not entrant]
                    self.race.leave(entrant.candidate.name)
                    self.race.lose(entrant, result.status, f"{result.why} ({self.arena.which(run.split.name, run.seed)})")
                    break
        self._count(index)
        return True

    def _share(self, entrant: Entrant) -> float:
        """Among how many runs like this one's the time left is shared: dear ones get more of it than cheap ones."""
        return sum(self.race.forecast(run.entrant).seconds for run in self.race.to_come) / max(self.race.forecast(entrant).seconds, 1e-3)

    def _count(self, index: int) -> None:
        """Let the answers of a turn choose, and write the table."""
        for entrant in self.contenders:
            self.race.add(entrant.candidate.name, answers(self.arena, self.arena.turn_of(entrant, index)))
        self.race.rank()

    def _budget_for(self, some: Sequence[Entrant]) -> float | None:
        """Seconds with which the same command would let all rows choose between these; None where they do, or where that promises nothing."""
        turns = len(self.turns)
        if not self._missing(some, turns) or not self.undecided(some):
            return None
        return 60.0 * ceil((self.race.stages["prepare"] + self.race.reserve() + self._kept() + SURE * self.seconds_of(some, turns)) / 60)
