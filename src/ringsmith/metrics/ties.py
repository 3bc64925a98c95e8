"""Which candidates cannot be told apart: tie groups.

A tie is *not* a proof that two candidates are equally good. It says only that these rows do not show a difference: with few rows a real
difference stays unseen, and everything ties. How large a difference the rows leave possible is said by its interval, not by the letter.
Three further limits of letters: A candidate is compared with the leader of a group, not with each member, so the last of group A and
the first of group B may well be tied with each other. The leader is the best *on these rows*, in part by luck, so p values against it
are somewhat too small; Holm's correction counters that in part. And Holm's correction covers the comparisons with one leader, not all
groups together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringsmith.errors import InputError
from ringsmith.metrics.inputs import Array
from ringsmith.metrics.intervals import RESAMPLES
from ringsmith.metrics.scores import Metric, metric_of
from ringsmith.metrics.significance import Paired, compare_paired, holm, smallest_p
from ringsmith.records import Record

LEVEL = 0.05
"""A candidate is worse than a leader when its adjusted p value is below this."""


@dataclass(frozen=True)
class Tie(Record):
    """One comparison of a candidate with a leader.

    Attributes:
        candidate: name of the candidate.
        value: its figure.
        group: the letter of its group: A holds the best.
        against: the leader it was compared with; the best is compared with itself.
        difference: the candidate's figure minus the leader's.
        low: lower end of the difference's 95 % interval.
        high: upper end.
        p_value: two-sided, of this comparison alone.
        p_adjusted: corrected for the number of comparisons with this leader (Holm), and of looks (Bonferroni).
    """

    candidate: str
    value: float
    group: str
    against: str
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float


@dataclass(frozen=True)
class TieGroups(Record):
    """What the rows say about the order of the candidates.

    Attributes:
        metric: name of the metric.
        groups: candidate -> letter, best candidate first.
        ties: each candidate compared with the best of all, in the same order.
        tests: every comparison that was made, round by round: with the best, then with the leader of group B ...
    """

    metric: str
    groups: Mapping[str, str]
    ties: Sequence[Tie]
    tests: Sequence[Tie]


def tie_groups(
    metric: str | Metric, y: Array, candidates: Mapping[str, Array], *, groups: Sequence[str] | Array | None = None, seed: int = 0, resamples: int = RESAMPLES, looks: int = 1
) -> TieGroups:
    """Candidates in groups that these rows cannot tell apart from the group's leader.

    Group A is the best and every candidate not significantly worse than it (Holm-adjusted p >= 0.05); the best of the rest leads
    group B, and so on. A tie is no proof of equality: see the head of this module.

    Args:
        metric: a name in `METRICS`, or what `parse_metric` gave.
        y: targets of n rows.
        candidates: name -> probabilities (n, K) on these rows. Of equal figures the first named leads.
        groups: (n,) as for `interval`.
        seed: of the resampling; all comparisons share their resamples.
        resamples: how many are drawn for each comparison.
        looks: how many times these candidates are compared, this time included: once on some of the rows and once more on all of them are 2.

    Examples:
        >>> import numpy as np
        >>> y = np.zeros(100, dtype=int)
        >>> right = lambda n: np.eye(2)[[0] * n + [1] * (100 - n)]
        >>> dict(tie_groups("accuracy", y, {"poor": right(50), "good": right(90), "better": right(92)}).groups)
        {'better': 'A', 'good': 'A', 'poor': 'B'}
    """
    if not candidates:
        raise InputError("Tie groups need at least one candidate; got none.")
    chosen = metric_of(metric)
    values = {name: chosen.function(y, p) for name, p in candidates.items()}
    left = sorted(values, key=lambda name: -values[name] if chosen.greater_is_better else values[name])
    letters: dict[str, str] = {}
    rounds: list[tuple[str, list[str], list[Paired]]] = []
    while left:
        leader, *others = left
        tests = [compare_paired(chosen, y, candidates[name], candidates[leader], groups=groups, seed=seed, resamples=resamples) for name in others]
        letter = letter_of(len(rounds))
        tied = [name for name, adjusted in zip(others, corrected(tests, looks), strict=True) if adjusted >= LEVEL]
        letters |= dict.fromkeys([leader, *tied], letter)
        rounds.append((leader, others, tests))
        left = [name for name in others if name not in tied]
    order = sorted(letters, key=lambda name: list(values).index(name))
    order.sort(key=lambda name: -values[name] if chosen.greater_is_better else values[name])
    records = [_records(leader, others, tests, corrected(tests, looks), values, letters) for leader, others, tests in rounds]
    return TieGroups(chosen.name, {name: letters[name] for name in order}, records[0], [tie for ties in records for tie in ties])


def corrected(tests: Sequence[Paired], looks: int) -> list[float]:
    """The p values of these tests, corrected for being several and for so many looks at the same candidates."""
    return [min(1.0, looks * p) for p in holm([test.p_value for test in tests])]


def _records(leader: str, others: Sequence[str], tests: Sequence[Paired], adjusted: Sequence[float], values: Mapping[str, float], letters: Mapping[str, str]) -> list[Tie]:
    first = Tie(leader, values[leader], letters[leader], leader, 0.0, 0.0, 0.0, 1.0, 1.0)
    return [first] + [
        Tie(name, values[name], letters[name], leader, test.difference, test.low, test.high, test.p_value, p) for name, test, p in zip(others, tests, adjusted, strict=True)
    ]


def can_tell(units: int, others: int, looks: int = 1) -> bool:
    """Whether so many rows or groups can put any of so many other candidates behind the best, whatever the answers are.

    Examples:
        >>> can_tell(5, 1), can_tell(6, 1), can_tell(6, 4), can_tell(8, 4)
        (False, True, False, True)
    """
    return looks * others * smallest_p(units) < LEVEL


def letter_of(number: int) -> str:
    """A, B ... Z, AA, AB ... for 0, 1 ...

    Examples:
        >>> letter_of(0), letter_of(25), letter_of(26)
        ('A', 'Z', 'AA')
    """
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else letter_of(number // 26 - 1) + letter


def letter_after(letter: str) -> str:
    """The next one.

    Examples:
        >>> letter_after("A"), letter_after("Z"), letter_after("AZ")
        ('B', 'AA', 'BA')
    """
    return letter_of(sum((ord(one) - ord("A") + 1) * 26**place for place, one in enumerate(reversed(letter))))
