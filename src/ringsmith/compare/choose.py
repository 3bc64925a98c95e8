"""One choice from many candidates: validation rows choose, test rows report, and the cheapest of those that are as good as the best is taken.

- Runs of a candidate are pooled: with folds every row is judged once; with several seeds a row comes several times, and the bootstrap
  draws rows, not predictions.
- Tie groups and the recommendation see validation rows only. Test labels could be shuffled and the choice would be the same.
- Tied is not equal: few rows tie everything. Of those tied the cheapest is taken that is no more than a point behind the best; where losses judge, which know no points,
  within a standard error (Breiman et al., 1984, "Classification and Regression Trees", section 3.4.3). LOG.md has what the cheapest of all tied cost, and other rules.
- Costs that nobody feels (`contestants.UNFELT_ANSWER`) do not decide: of those tied that answer within a millisecond the better on validation is taken.
- What is no better than answering by the shares of the classes is refused, not ranked; what is cheap and not shown to be better is not taken where another is.
- Where rows come in groups, groups are compared; where these are too few to show anything, rows are, and it is said.
- Those that the validation rows call tied may be judged once more, by these and the rows of a play-off together; p values are doubled then.
- Where folds test, the figure to expect of the *choice* is nested: in every fold the winner on that fold's validation rows answers its test rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._wording import first_of, plural
from ringsmith.compare.advice import Case, explain
from ringsmith.compare.contestants import Contestant, Part, pool
from ringsmith.compare.space import BASELINE
from ringsmith.metrics import LEVEL, Metric, Tie, TieGroups, can_tell, compare_paired, evaluate, letter_after, tie_groups
from ringsmith.records import Floats, Score, Split

AS_CHEAP, SMALL_CHANGE = 1.25, 30.0
"""Costs this near to the cheapest are called equal: timings are not surer than that, and half a minute in all is worth no risk of a poorer model."""
ONE_ERROR = 0.317
"""The two-sided p value of a difference of one standard error."""
POINT = 0.01
"""A difference of figures between 0 and 1 that is worth no price, and more rows."""


@dataclass(frozen=True)
class Verdict:
    """What the validation rows say.

    Attributes:
        letters: candidate -> tie group, best first.
        ties: each candidate compared with the best.
        recommended: the candidate to take, None where nothing is worth taking.
        reason: why, in a sentence.
        refused: candidate -> why it is not ranked.
        honest: where folds test, the nested figure of the choice, with its text; else None.
        behind: those tied with the best that are cheaper than what is taken, and too far behind the best to be taken for that.
    """

    letters: Mapping[str, str] = field(default_factory=dict)
    ties: Sequence[Tie] = ()
    recommended: str | None = None
    reason: str = "nothing has finished yet"
    refused: Mapping[str, str] = field(default_factory=dict)
    honest: Mapping[str, Any] | None = None
    behind: Sequence[str] = ()


class Judge:
    """Knows the truth and the metric; remembers every figure it has computed.

    Args:
        metric: the metric that judges.
        y: targets of all rows of the table.
        shares: (number of splits, K) share of each class among the training rows of each split: the floor.
        groups: group of each row of the table, None where rows are independent.
        splits: names of the splits.
        seed: of the resampling.
    """

    def __init__(self, metric: Metric, y: npt.NDArray[Any], *, shares: Floats, splits: Sequence[str], groups: npt.NDArray[Any] | None = None, seed: int = 0) -> None:
        self.metric, self.y, self.shares, self.splits, self.groups, self.seed = metric, y, shares, splits, groups, seed
        self._values: dict[str, float] = {}
        self._tests: dict[str, Score | None] = {}

    def valid(self, contestant: Contestant) -> float:
        """The figure on the rows that choose."""
        if contestant.name not in self._values:
            self._values[contestant.name] = self.value(contestant.choosing)
        return self._values[contestant.name]

    def forget(self, name: str) -> None:
        """Forget the figures of a candidate that is about to change."""
        self._values.pop(name, None)
        self._tests.pop(name, None)

    def test(self, contestant: Contestant) -> Score | None:
        """The figure on the test rows with its interval; None where there are none."""
        if contestant.name not in self._tests:
            self._tests[contestant.name] = self.score(contestant.test) if len(contestant.test.positions) else None
        return self._tests[contestant.name]

    def value(self, part: Part) -> float:
        """The metric on these rows."""
        return self.metric.function(self.y[part.positions], part.proba)

    def score(self, part: Part) -> Score:
        """The metric on these rows, with its interval."""
        return evaluate(self.metric, self.y[part.positions], part.proba, groups=self.units(part), seed=self.seed)

    def units(self, part: Part) -> npt.NDArray[Any] | None:
        """What is drawn, or left out, as one: groups, or all answers to a row; None for single answers."""
        return part.repeated if self.groups is None else np.asarray(self.groups[part.positions])

    def too_few_groups(self, part: Part, others: int, looks: int = 1) -> int:
        """How many groups these rows are of, where that is so few that no difference from so many others could be shown; else 0."""
        number = 0 if self.groups is None else len(np.unique(self.groups[part.positions]))
        return 0 if can_tell(number, others, looks) else number

    def compared(self, part: Part, others: int, looks: int = 1) -> npt.NDArray[np.int64] | None:
        """What is drawn where candidates are compared: as `units`, but rows where all would be tied by groups, which would praise whatever is cheapest."""
        return part.repeated if self.too_few_groups(part, others, looks) else self.units(part)

    def floor(self, part: Part) -> float:
        """The figure of answering by the shares of the classes."""
        return self.metric.function(self.y[part.positions], self._guesses(part))

    def _guesses(self, part: Part) -> Floats:
        """The shares of the classes (n, K) where each of these rows was not trained on; turns of a play-off have those of the only split."""
        return self.shares[np.minimum(part.split, len(self.shares) - 1)]

    def check(self, splits: Sequence[Split]) -> None:
        """Make sure that the metric is defined on all that it will be asked for, before any time is spent.

        Raises:
            LabelError, OptionError: it is not.
        """
        parts = [(split.valid, number) for number, split in enumerate(splits)] + [(np.concatenate([split.test for split in splits]), 0)]
        for positions, number in parts:
            if len(positions):
                self.floor(Part(positions, positions, np.full(len(positions), number), np.zeros((0, 0))))

    def better(self, first: float, second: float) -> bool:
        """Whether the first figure is truly better than the second."""
        return first > second if self.metric.greater_is_better else first < second

    def decide(self, contestants: Sequence[Contestant]) -> Verdict:
        """Tie groups, recommendation and refusals of all that has finished."""
        refused = {c.name: why for c in contestants if (why := self._refusal(c))}
        able = [c for c in contestants if c.name not in refused]
        if not able:
            reason = "nothing is better than always answering the most frequent class" if refused else "nothing has finished"
            return Verdict(reason=reason, refused=refused)
        letters, ties = self._compared(able)
        tied = without_lucky_trials([c for c in able if letters[c.name] == "A"])
        near = self._near(tied, ties)
        taken, doubted = self._take_shown(near, best=ties[0].candidate)
        behind = [c.name for c in tied if c not in near and c.cost < taken.cost and c.candidate.recipe != BASELINE]
        values, level = {c.name: self.valid(c) for c in able}, [c.name for c in near]
        reason = explain(Case(taken, able, ties, self.metric, values, level, behind, self.groups is not None, doubted))
        if few := self.too_few_groups(taken.choosing, len(able) - 1, 1 if taken.further is None else 2):
            reason += f"; these are of {plural(few, 'group')}, too few to compare by, so rows were compared: other groups may say otherwise"
        return Verdict(letters, tuple(ties), taken.name, reason, refused, self._nested(able, taken), tuple(behind))

    def _compared(self, able: Sequence[Contestant]) -> tuple[dict[str, str], Sequence[Tie]]:
        """The tie group of each candidate, best first, and its comparison with the best: by the validation rows, and after a play-off by all rows that choose.

        Who falls behind in a play-off is not among the best any more; who was not in it stays where the validation rows put it.
        """
        found = self.groups_of([replace(c, further=None) for c in able])
        tied = [c for c in able if found.groups[c.name] == "A"]
        played = [c for c in tied if c.further is not None]
        if len(played) < 2:
            return dict(found.groups), found.ties
        again = self.groups_of(played)
        ahead = [c for c in tied if again.groups.get(c.name, "A") == "A"]
        best = again if len(played) == len(tied) else self.groups_of(ahead)
        letters = {name: "A" for name in best.groups if name in {c.name for c in ahead}}
        behind = [c for c in able if c.name not in letters]
        letters |= {name: letter_after(letter) for name, letter in self.groups_of(behind).groups.items()} if behind else {}
        ties = {tie.candidate: tie for tie in (*best.ties, *again.ties, *found.ties)[::-1]}
        order = [*best.groups, *(name for name in found.groups if name not in best.groups)]
        return letters, [replace(ties[name], group=letters[name]) for name in order]

    def groups_of(self, able: Sequence[Contestant]) -> TieGroups:
        """Candidates by their answers on the rows that all of them have: where all were in a play-off its rows count too, and it is a second look."""
        played = all(c.further is not None for c in able)
        parts = {c.name: c.choosing if played else c.valid for c in able}
        one = next(iter(parts.values()))
        answers = {name: part.proba for name, part in parts.items()}
        looks = 2 if played else 1
        return tie_groups(self.metric, self.y[one.positions], answers, groups=self.compared(one, len(able) - 1, looks), seed=self.seed, looks=looks)

    def at_most(self, one: Contestant, other: Contestant) -> float:
        """By how much the one may be better than the other: the far end of the 95 % interval, on the rows that both have."""
        first, second = (one.choosing, other.choosing) if one.further is not None and other.further is not None else (one.valid, other.valid)
        found = compare_paired(self.metric, self.y[first.positions], first.proba, second.proba, groups=self.compared(first, 1), seed=self.seed)
        return found.high if self.metric.greater_is_better else -found.low

    def _refusal(self, contestant: Contestant) -> str:
        if contestant.candidate.recipe == BASELINE:
            return ""
        value, floor = self.valid(contestant), self.floor(contestant.choosing)
        if self.better(value, floor):
            return ""
        return f"no better than the majority class: {self.metric.name} {value:.3f} on validation, {floor:.3f} without reading the text"

    def _near(self, tied: Sequence[Contestant], ties: Sequence[Tie]) -> list[Contestant]:
        """Those that are as good as the best of them: within a point, or, where losses judge, within a standard error, which does for the floor in any case.

        `ties` compare all with the best of all.
        """
        known = {tie.candidate: tie for tie in (ties if ties[0].candidate in {c.name for c in tied} else self.groups_of(tied).ties)}
        by_points = {c.name for c in tied if self.metric.uses != "scores" and c.candidate.recipe != BASELINE}
        return [c for c in tied if (round(abs(known[c.name].difference), 9) <= POINT if c.name in by_points else known[c.name].p_value > ONE_ERROR)]

    def _take_shown(self, tied: Sequence[Contestant], *, best: str) -> tuple[Contestant, list[str]]:
        """The cheapest of these that is shown to be better than the floor, and the names of those passed over; the floor itself where it is among them.

        If not even the best is shown to be better, the cheapest of all.
        """
        if floor := next((c for c in tied if c.candidate.recipe == BASELINE), None):
            return floor, []
        left, doubted = list(tied), list[str]()
        while left:
            taken = self._take(left)
            if self._beats_floor(taken):
                return taken, doubted
            left.remove(taken)
            doubted.append(taken.name)
            if taken.name == best:
                break
        return min(tied, key=lambda c: c.cost), doubted

    def _beats_floor(self, contestant: Contestant) -> bool:
        """Whether the rows that choose show it to be better than answering by the shares of the classes."""
        part = contestant.choosing
        found = compare_paired(self.metric, self.y[part.positions], part.proba, self._guesses(part), groups=self.compared(part, 1), seed=self.seed)
        return self.better(found.difference, 0.0) and found.p_value < LEVEL

    def _take(self, tied: Sequence[Contestant]) -> Contestant:
        """The best on validation among those that are about as cheap as the cheapest, or so cheap that nobody feels it."""
        least = min(c.cost for c in tied)
        cheap = [c for c in tied if c.unfelt or c.cost <= max(least * AS_CHEAP, least + SMALL_CHANGE)]
        best = cheap[0]
        for contestant in cheap[1:]:
            if self.better(self.valid(contestant), self.valid(best)):
                best = contestant
        return best

    def _nested(self, able: Sequence[Contestant], taken: Contestant) -> dict[str, Any] | None:
        """The pooled test answers of the winner of every fold's validation rows."""
        if len(np.unique(taken.test.split)) < 2:
            return None
        winners = {number: self._winner_of(able, number) for number in range(len(self.splits))}
        score = self.score(pool([winner.test.of_split(number) for number, winner in winners.items()]))
        text = (
            f"Choosing by validation within every fold scores {self.metric.name} {score.value:.3f} [{score.low:.3f}-{score.high:.3f}] on test rows that took no part in "
            f"the choice: {self._expected(taken, [winner.name for winner in winners.values()])}"
        )
        return {"text": text, **score.to_json(), "winners": {self.splits[number]: winner.name for number, winner in winners.items()}}

    def _expected(self, taken: Contestant, winners: Sequence[str]) -> str:
        """Whose figure the nested one is: the recommendation's only where every fold took that."""
        named, own = list(dict.fromkeys(winners)), self.test(taken)
        if named == [taken.name] or own is None:
            return "expect this of the recommendation on new data."
        whose = f"{named[0]}, which every fold took" if len(named) == 1 else f"what is chosen so on new data; the folds took {first_of(named, 3)}"
        return f"expect this of {whose}. What is recommended, {taken.name}, scores {own.value:.3f} on all test rows."

    def _winner_of(self, able: Sequence[Contestant], number: int) -> Contestant:
        best, best_value = able[0], self.value(able[0].valid.of_split(number))
        for contestant in able[1:]:
            value = self.value(contestant.valid.of_split(number))
            if self.better(value, best_value):
                best, best_value = contestant, value
        return best


def without_lucky_trials(tied: Sequence[Contestant]) -> list[Contestant]:
    """Without the trials of a search that are tied with their own defaults: the best of many looks better than it is.

    Of 20 settings tried on 400 validation rows the best is ahead by about two standard errors where all are equal, which is also what a tie
    group forgives. Taken all the same, such settings were level with the defaults or up to 2 points below them on test rows (LOG.md). That
    one of them was trained faster does not count: it may have found vectors that the defaults had to compute. Options that a user named are no
    trials: they are few, and meant.
    """
    names = {c.name for c in tied}
    return [c for c in tied if c.trial_of not in names]
