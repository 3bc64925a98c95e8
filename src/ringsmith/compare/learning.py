"""Learning curves: what fewer labels would have done, and what twice as many may do, found in the time that is left.

Once the model is handed over, the recommended candidate, those that are tied with the best and the best of each other recipe are fitted on a half and on
a quarter of the training rows, judged by the same validation rows. What the last doubling brought is a paired comparison; what another may bring follows
from a power law through the three figures. Nothing of it has a part in the choice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import fmean

from ringsmith.compare.arena import Run
from ringsmith.compare.contestants import Contestant
from ringsmith.compare.events import FewerRows
from ringsmith.compare.playoff import SURE, costs_money
from ringsmith.compare.race import Race
from ringsmith.compare.space import BASELINE, Entrant
from ringsmith.compare.standings import answers
from ringsmith.metrics import compare_paired, next_gain
from ringsmith.records import FEWER, LearningCurve

LEAST, MOST = 30.0, 600.0
"""Without a budget curves may take as long as the race took, but half a minute in any case, and ten minutes at most."""


class LearningCurves:
    """The curves after a race.

    Args:
        race: the race, ended, its play-off played.
    """

    def __init__(self, race: Race) -> None:
        self.race, self.arena = race, race.arena

    def run(self) -> bool:
        """Draw the curves there is time for; whether it was stopped (Ctrl-C). Those that an earlier command drew are there at once."""
        if not self.arena.dataset.fewer or self.arena.options.search:
            return False
        start, stopped = time.monotonic(), False
        ordered = self._in_order()
        chosen = self._affordable([self.race.known[contestant.name] for contestant in ordered])
        self.arena.study.write()  # it says whose model lies there, whatever ends the curves
        try:
            if todo := [run for entrant in chosen for run in self._missing(entrant)]:
                self.race.listener(FewerRows(tuple(dict.fromkeys(run.entrant.candidate.name for run in todo)), len(todo)))
            for at, entrant in enumerate(chosen):
                self.race.to_come = [run for other in chosen[at:] for run in self._missing(other)]
                self.race.expect(len(self.race.to_come))
                if not self._fit(entrant, start):
                    break
        except KeyboardInterrupt:
            stopped = True
        finally:
            self.race.to_come = []
        self.race.stages["learning curves"] = time.monotonic() - start
        curves = [self._curve(contestant) for contestant in ordered if self._complete(self.race.known[contestant.name])]
        self.arena.study.set(learning=[asdict(curve) for curve in curves])
        self.arena.study.write()
        return stopped

    def _in_order(self) -> list[Contestant]:
        """Those whose curve says something: the recommended one, then, the quickest first, all that are tied with the best and the best of each recipe."""
        letters, recommended = self.race.verdict.letters, self.race.verdict.recommended
        known = {contestant.name: contestant for contestant in self.race.contestants}
        ranked = [known[name] for name in letters if name in known and known[name].candidate.recipe != BASELINE]
        unpaid = [contestant for contestant in ranked if not costs_money(self.race.known[contestant.name])]
        leaders = {contestant.candidate.recipe: contestant.name for contestant in reversed(unpaid)}  # letters are best first
        telling = [c for c in unpaid if c.name == recommended or letters[c.name] == "A" or c.name == leaders[c.candidate.recipe]]
        return sorted(telling, key=lambda c: (c.name != recommended, self.race.forecast(self.race.known[c.name]).seconds))

    def _affordable(self, entrants: Sequence[Entrant]) -> list[Entrant]:
        """Those that there is time for, the first ones first."""
        left, chosen = self._left(time.monotonic()), []
        for entrant in entrants:
            if (seconds := SURE * self._seconds(entrant)) <= left:
                left -= seconds
                chosen.append(entrant)
        return chosen

    def _left(self, start: float) -> float:
        """Seconds that the curves may still take, having begun then."""
        if self.arena.budget.seconds is not None:  # curves can be done without, the promise of the budget not: a report may take twice as long
            return self.race.left() - self.race.finishing_seconds
        spent = sum(result.seconds["total"] for results in self.race.results.values() for result in results)
        return start + min(max(LEAST, spent), MOST) - time.monotonic()

    def _missing(self, entrant: Entrant) -> list[Run]:
        return [run for level in range(len(FEWER)) for run in self.arena.fewer_of(entrant, level) if self.arena.finished(run) is None]

    def _seconds(self, entrant: Entrant) -> float:
        """What the missing runs of a candidate take: the fit by the forecaster's share for so many rows, which for fine-tuning falls slower than the rows."""
        known, whole = self.race.forecast(entrant), self.arena.dataset.workload
        rows = max(1, len(self.arena.dataset.splits[0].train))

        def fit(train: int) -> float:
            return self.race.forecaster.forecast(entrant, replace(whole, train=max(1, train))).fit

        return sum(known.start + known.rest + known.fit * fit(len(run.split.train)) / max(fit(rows), 1e-9) for run in self._missing(entrant))

    def _fit(self, entrant: Entrant, start: float) -> bool:
        """Fit a candidate on fewer rows; whether there was time. One that is refused so has no curve."""
        for run in self._missing(entrant):
            if self._seconds(entrant) > self._left(start):
                return False
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
        half, quarter = (answers(self.arena, self.arena.fewer_of(self.race.known[contestant.name], level)) for level in range(len(FEWER)))
        valid = contestant.valid
        values = tuple(judge.value(part) for part in (quarter, half, valid))
        paired = compare_paired(metric, judge.y[valid.positions], valid.proba, half.proba, groups=judge.compared(valid, 1), seed=judge.seed)
        gain, low, high = (paired.difference, paired.low, paired.high) if metric.greater_is_better else (-paired.difference, -paired.high, -paired.low)
        rows = (*(self._rows(level) for level in reversed(range(len(FEWER)))), round(fmean(len(split.train) for split in self.arena.dataset.splits)))
        further = next_gain(rows, [1 - value if metric.greater_is_better else value for value in values])
        text = said(contestant.name, rows, (gain, low, high), further, points=metric.uses != "scores")
        return LearningCurve(contestant.name, rows, values, gain, low, high, further, text)

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
        >>> said("tfidf", [131, 262, 525], (-0.03, -0.05, -0.01), 0.0, points=True)
        'with 525 training rows in place of 262 tfidf is worse: -3.0 points [-5.0 to -1.0]'
    """
    # + 0: a little less than nothing is nothing, not -0.0
    value, low, high, more = (f"{round(100 * number, 1) + 0:.1f}" if points else f"{round(number, 3) + 0:.3f}" for number in (*gained, further))
    start, unit = f"{rows[-1]:,} training rows in place of {rows[-2]:,}", " points" if points else ""
    figure = f"{value}{unit} [{low} to {high}]"
    if gained[2] < 0:
        return f"with {start} {name} is worse: {figure}"
    if gained[1] <= 0:
        return f"{start} brought {name} nothing that the validation rows show: {figure}"
    return f"{start} brought {name} {figure}; twice as many may bring about {more} more"
