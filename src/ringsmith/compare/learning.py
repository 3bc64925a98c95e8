"""Learning curves: what fewer labels would have done, and what twice as many may do, found in the time that is left.

The recommended candidate, and after it the others, are fitted on a half and on a quarter of the training rows, judged by the same validation rows. What the last
doubling brought is a paired comparison; what another may bring follows from a power law through the three figures. Nothing of it has a part in the choice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from ringsmith.compare.arena import Run
from ringsmith.compare.choose import Contestant, Part, pool
from ringsmith.compare.events import FewerRows
from ringsmith.compare.files import read_arrays
from ringsmith.compare.playoff import SURE, costs_money
from ringsmith.compare.race import Race
from ringsmith.compare.space import BASELINE, Entrant
from ringsmith.compare.standings import part_of
from ringsmith.metrics import compare_paired, next_gain
from ringsmith.records import FEWER

LEAST, MOST = 30.0, 600.0
"""Without a budget curves may take as long as the race took, but half a minute in any case, and ten minutes at most."""


@dataclass(frozen=True)
class LearningCurve:
    """How good a candidate is by the number of rows it learns from; gains are in the metric's own unit, positive where more rows are better.

    Attributes:
        candidate: its name.
        rows: training rows (of several splits their mean), rising: a quarter, a half, all.
        values: the figure on the same validation rows with each.
        gain: what the last doubling brought.
        low: lower end of its 95 % interval (over the validation rows).
        high: upper end.
        next: what another doubling may bring, see `metrics.next_gain`.
        text: all this in a sentence.
    """

    candidate: str
    rows: tuple[int, ...]
    values: tuple[float, ...]
    gain: float
    low: float
    high: float
    next: float
    text: str


class LearningCurves:
    """The curves after a race.

    Args:
        race: the race, ended, its play-off played.
    """

    def __init__(self, race: Race) -> None:
        self.race, self.arena = race, race.arena

    def run(self) -> bool:
        """Draw the curves there is time for; whether it was stopped (Ctrl-C). Those that an earlier command drew are there at once."""
        if not self.arena.dataset.fewer:
            return False
        start, stopped = time.monotonic(), False
        chosen = self._affordable()
        todo = [run for entrant in chosen for run in self._missing(entrant)]
        if todo:
            self.race.listener(FewerRows(tuple(entrant.candidate.name for entrant in chosen if self._missing(entrant)), len(todo)))
            self.race.expect(len(todo))
            self.race.to_come = todo
        try:
            for entrant in chosen:
                if not self._fit(entrant):
                    break
        except KeyboardInterrupt:
            stopped = True
        finally:
            self.race.to_come = []
        self.race.stages["learning curves"] = time.monotonic() - start
        curves = [self._curve(contestant) for contestant in self._in_order() if self._complete(self.race.known[contestant.name])]
        self.arena.study.set(learning=[asdict(curve) for curve in curves])
        self.arena.study.write()
        return stopped

    def _in_order(self) -> list[Contestant]:
        """Those whose curve says something: the recommended one, then the others, the quickest first."""
        ranked = [contestant for contestant in self.race.contestants if contestant.name in self.race.verdict.letters and contestant.candidate.recipe != BASELINE]
        unpaid = [contestant for contestant in ranked if not costs_money(self.race.known[contestant.name])]
        return sorted(unpaid, key=lambda c: (c.name != self.race.verdict.recommended, self.race.forecast(self.race.known[c.name]).seconds))

    def _affordable(self) -> list[Entrant]:
        """As many of them as there is time for, one after the other."""
        chosen: list[Entrant] = []
        entrants = [self.race.known[contestant.name] for contestant in self._in_order()]
        left = self._left(entrants)
        for entrant in entrants:
            left -= SURE * sum(self._seconds(run) for run in self._missing(entrant))
            if left < 0:
                break
            chosen.append(entrant)
        return chosen

    def _left(self, entrants: Sequence[Entrant]) -> float:
        """Seconds that the curves may take."""
        if self.arena.budget.seconds is not None:
            return self.race.left() - self.race.to_refit(entrants)
        return min(max(LEAST, sum(result.seconds["total"] for results in self.race.results.values() for result in results)), MOST)

    def _missing(self, entrant: Entrant) -> list[Run]:
        return [run for level in range(len(FEWER)) for run in self.arena.fewer_of(entrant, level) if self.arena.finished(run) is None]

    def _seconds(self, run: Run) -> float:
        """What a run on a share of the rows takes."""
        forecast, first = self.race.forecast(run.entrant), self.arena.dataset.splits[0]
        return forecast.start + forecast.rest + forecast.fit * len(run.split.train) / max(1, len(first.train))

    def _fit(self, entrant: Entrant) -> bool:
        """Fit a candidate on fewer rows; whether there was time. One that is refused so has no curve."""
        for run in self._missing(entrant):
            result = self.race.perform(run, keep=False)
            self.race.to_come = [other for other in self.race.to_come if other.key != run.key]
            if result.status != "done":
                return result.status != "dropped"
        return True

    def _complete(self, entrant: Entrant) -> bool:
        """Whether all its runs on fewer rows are done."""
        found = [self.arena.finished(run) for level in range(len(FEWER)) for run in self.arena.fewer_of(entrant, level)]
        return all(result is not None and result.status == "done" for result in found)

    def _curve(self, contestant: Contestant) -> LearningCurve:
        judge, metric = self.arena.judge, self.arena.dataset.metric
        half, quarter = (self._answers(self.arena.fewer_of(self.race.known[contestant.name], level)) for level in range(len(FEWER)))
        valid = contestant.valid
        values = tuple(judge.value(part) for part in (quarter, half, valid))
        paired = compare_paired(metric, judge.y[valid.positions], valid.proba, half.proba, groups=judge.compared(valid, 1), seed=judge.seed)
        gain, low, high = (paired.difference, paired.low, paired.high) if metric.greater_is_better else (-paired.difference, -paired.high, -paired.low)
        rows = (*(self._rows(level) for level in reversed(range(len(FEWER)))), round(fmean(len(split.train) for split in self.arena.dataset.splits)))
        further = next_gain(rows, [1 - value if metric.greater_is_better else value for value in values])
        text = said(contestant.name, rows, (gain, low, high), further, points=metric.uses != "scores")
        return LearningCurve(contestant.name, rows, values, gain, low, high, further, text)

    def _answers(self, runs: Sequence[Run]) -> Part:
        return pool([part_of(read_arrays(self.arena.predictions(run)), "valid", run.number) for run in runs])

    def _rows(self, level: int) -> int:
        return round(fmean(len(some[level].train) for some in self.arena.dataset.fewer))


def said(name: str, rows: Sequence[int], gained: tuple[float, float, float], further: float, *, points: bool) -> str:
    """What a curve says, in a sentence.

    Args:
        name: of the candidate.
        rows: training rows, the last two of which are told.
        gained: what the last doubling brought, with the ends of its interval.
        further: what another may bring.
        points: whether to tell hundredths.

    Examples:
        >>> said("tfidf", [131, 262, 525], (0.041, 0.012, 0.07), 0.0253, points=True)
        '525 training rows in place of 262 brought tfidf 4.1 points [1.2 to 7.0]; twice as many may bring about 2.5 more'
        >>> said("tfidf", [131, 262, 525], (0.004, -0.012, 0.02), 0.001, points=True)
        '525 training rows in place of 262 brought tfidf nothing that the validation rows show: 0.4 points [-1.2 to 2.0]'
    """
    value, low, high, more = (f"{round(100 * number, 1) + 0:.1f}" if points else f"{round(number, 3) + 0:.3f}" for number in (*gained, further))
    unit = " points" if points else ""
    start = f"{rows[-1]:,} training rows in place of {rows[-2]:,} brought {name}"
    if gained[1] <= 0:
        return f"{start} nothing that the validation rows show: {value}{unit} [{low} to {high}]"
    return f"{start} {value}{unit} [{low} to {high}]; twice as many may bring about {more} more"
