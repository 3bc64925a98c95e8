"""The choice in words: why a candidate is taken, what is at stake, what is saved, and what is in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ringsmith._wording import first_of
from ringsmith.compare.contestants import Contestant
from ringsmith.compare.space import BASELINE
from ringsmith.metrics import Metric, Tie


@dataclass(frozen=True, eq=False)
class Case:
    """What a choice rests on.

    Attributes:
        taken: the candidate that is taken.
        able: all that are ranked.
        ties: each compared with the best, the best first.
        metric: what judges.
        values: candidate -> its figure.
        level: those that are as good as the best.
        behind: those tied with the best that are cheaper than what is taken, and too far behind to be taken for that.
        grouped: whether groups are what more is needed of.
        doubted: those tied with the best that are not shown to be better than guessing, the cheapest first; the one taken among them where the best is, too.
    """

    taken: Contestant
    able: Sequence[Contestant]
    ties: Sequence[Tie]
    metric: Metric
    values: Mapping[str, float]
    level: Sequence[str]
    behind: Sequence[str]
    grouped: bool
    doubted: Sequence[str]

    @property
    def needed(self) -> str:
        """What there should be more of."""
        return f"more {'groups of labelled rows' if self.grouped else 'labelled rows'} are needed"


def explain(case: Case) -> str:
    """Why this candidate is taken, in a sentence."""
    doubted = case.doubted
    if case.taken.name not in doubted:
        doubts = f"; {first_of(doubted, 3)}, tied with it, {'is' if len(doubted) == 1 else 'are'} not shown to be better than guessing" if doubted else ""
        return _why(replace(case, ties=[tie for tie in case.ties if tie.candidate not in doubted])) + doubts
    shown = "that it is" if len(case.able) == 1 else "that the best of those tied is"
    return f"{_why(case)}; {shown} better than guessing may still be chance: {case.needed}"


def _why(case: Case) -> str:
    """Why, by the ties that are left of it."""
    taken, able, ties, metric, values = case.taken, case.able, case.ties, case.metric, case.values
    best = ties[0].candidate
    rows = min(len(np.unique(c.choosing.positions)) for c in able if c.name in (taken.name, best))
    if len(able) == 1 and taken.candidate.recipe == BASELINE:
        return f"nothing else has finished that is better than always answering the most frequent class ({metric.name} {values[taken.name]:.3f} on {rows:,} validation rows)"
    if len(able) == 1:
        return f"the only candidate that has finished and is better than guessing ({metric.name} {values[taken.name]:.3f} on {rows:,} validation rows)"
    if taken.candidate.recipe == BASELINE:
        return f"no candidate is shown to be better than always answering the most frequent class on {rows:,} validation rows; {case.needed}"
    tied = [tie for tie in ties if tie.group == "A"]
    if taken.name != best:
        of_best = next(c for c in able if c.name == best)
        tie = next(tie for tie in tied if tie.candidate == taken.name)
        if of_best.trial_of == taken.name:
            return f"no setting that was tried is shown to be better than the defaults: the best, {best}, is tied with them ({_p(tie.p_adjusted)} on {rows:,} validation rows)"
        return f"tied with the best, {best} ({_p(tie.p_adjusted)} on {rows:,} validation rows{at_stake(tie, metric)}), {saving(taken, of_best)}"
    start = f"the best on {rows:,} validation rows ({metric.name} {values[best]:.3f})"
    if len(tied) > 1:
        others = [tie.candidate for tie in tied[1:] if tie.candidate in case.level]
        return start + _as_good(taken, able, others) + _too_far(taken, [c for c in able if c.name in case.behind], tied, metric)
    if case.doubted and taken.name not in case.doubted:  # those are tied with it, and do not count
        return start
    second = ties[1]
    return f"better on {rows:,} validation rows than all others: {metric.name} {values[best]:.3f} against {second.value:.3f} of {second.candidate} ({_p(second.p_adjusted)})"


def _as_good(taken: Contestant, able: Sequence[Contestant], others: Sequence[str]) -> str:
    """That none of these, as good as what is taken, would be taken for its price."""
    if not others:
        return ""
    named = first_of(sorted(others), 3)
    if all(taken.cost <= c.cost for c in able if c.name in others):
        return f", and also the cheapest of those tied with it ({named})"
    return f", and what those tied with it ({named}) may save nobody would feel" if taken.unfelt else f", and none that is tied with it ({named}) is clearly cheaper"


def _too_far(taken: Contestant, cheaper: Sequence[Contestant], ties: Sequence[Tie], metric: Metric) -> str:
    """That these are cheaper and tied with it, and by how much they are behind."""
    if not cheaper:
        return ""
    known = [next(tie for tie in ties if tie.candidate == c.name) for c in cheaper]
    least = _told(min(abs(tie.difference) for tie in known), metric)
    if len(cheaper) > 1:
        return f"; {first_of([c.name for c in cheaper], 3)}, tied with it and cheaper, are {least} behind or more"
    return f"; {cheaper[0].name}, tied with it ({_p(known[0].p_adjusted)}), {saving(cheaper[0], taken).removeprefix('and ')}, is {least} behind"


def at_stake(tie: Tie, metric: Metric) -> str:
    """By how much the best may be better than a candidate that is tied with it: the far end of the difference's 95 % interval."""
    most = -tie.low if metric.greater_is_better else tie.high
    return f"; it may be up to {_told(most, metric)} better" if most > 0 else ""


def saving(taken: Contestant, best: Contestant) -> str:
    """How much cheaper the one is than the other, where it shows most.

    Examples:
        >>> from ringsmith.compare.contestants import Part
        >>> from ringsmith.records import Candidate
        >>> part = Part(np.arange(2), np.arange(2), np.zeros(2, int), np.eye(2))
        >>> cheap, dear = (Contestant(Candidate(name), part, part, train, 10.0) for name, train in (("tfidf", 2.0), ("full", 80.0)))
        >>> saving(cheap, dear)
        '40 x cheaper to train'
    """
    train, answer = best.train_seconds / max(taken.train_seconds, 1e-3), best.answer_seconds / max(taken.answer_seconds, 1e-3)
    if train >= 1.5 or answer >= 1.5:
        return " and ".join(f"{_times(ratio)} x cheaper to {verb}" for ratio, verb in ((train, "train"), (answer, "run")) if ratio >= 1.5)
    return "and cheaper to train and to run together"


def _told(difference: float, metric: Metric) -> str:
    return f"{difference:.3f}" if metric.uses == "scores" else f"{100 * difference:.1f} points"


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 3 else f"{ratio:,.0f}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2f}" if value >= 0.01 else f"p = {value:.3f}"
