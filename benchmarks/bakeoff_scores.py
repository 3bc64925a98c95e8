"""How good, how sure, and who is level with whom: figures that are made of parts (sentences, rows, passages), which the bootstrap draws.

All contestants of a task are judged on the same parts, so their differences are drawn together (paired bootstrap), and the p values of a round are
corrected by Holm, as in `ringsmith.metrics.ties`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ringsmith.metrics.intervals import percentiles
from ringsmith.metrics.significance import bootstrap_p, holm

Floats = npt.NDArray[np.float64]
DRAWS = 1_000
LEVEL = 0.05


def _ratio(drawn: Floats) -> Floats:
    """What is right, of all: parts are [right, all]."""
    return drawn[:, 0] / drawn[:, 1]


def _f1(drawn: Floats) -> Floats:
    """Parts are [found and there, found, there]."""
    return 2 * drawn[:, 0] / np.maximum(1, drawn[:, 1] + drawn[:, 2])


SUMS: dict[str, Callable[[Floats], Floats]] = {"accuracy": _ratio, "bits per byte": _ratio, "entity F1": _f1, "F1 of spam": _f1}
"""Metrics that follow from sums over the parts."""


def score(metric: str, parts: Floats) -> float:
    """The figure of all parts; for Spearman's correlation they are [score, truth]."""
    return float(SUMS[metric](parts.sum(0)[None])[0]) if metric in SUMS else _spearman(parts)


def _spearman(parts: Floats) -> float:
    return float(np.corrcoef(rankdata(parts[:, 0]), rankdata(parts[:, 1]))[0, 1])


def drawn(metric: str, parts: Floats) -> Floats:
    """The figure in each of `DRAWS` draws of the parts; the same draws for every contestant."""
    rng = np.random.default_rng(0)
    if metric in SUMS:
        counts = rng.multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=DRAWS)
        return SUMS[metric](counts @ parts)
    return np.array([_spearman(parts[rng.integers(len(parts), size=len(parts))]) for _ in range(DRAWS)])


def drawn_mean(metric: str, seeds: Sequence[Floats]) -> Floats:
    """The mean of the seeds' figures in each draw of the rows, which is the same for all seeds."""
    return np.asarray(np.mean([drawn(metric, parts) for parts in seeds], axis=0))


def with_interval(metric: str, parts: Floats) -> dict[str, Any]:
    """Value and 95 % interval."""
    low, high = percentiles(drawn(metric, parts))
    return {"metric": metric, "value": score(metric, parts), "low": low, "high": high, "parts": len(parts)}


def difference(metric: str, ours: Sequence[Floats], theirs: Sequence[Floats]) -> dict[str, float]:
    """How much higher `ours` is than `theirs`, the mean over their seeds, with the 95 % interval over the rows, which are drawn for all of them at once.

    >>> both, one = np.array([[1.0, 1], [1, 1], [0, 1]]), np.array([[1.0, 1], [0, 1], [0, 1]])
    >>> round(difference("accuracy", [both, both], [one, both])["value"], 3)
    0.167
    """
    low, high = percentiles(np.mean([drawn(metric, one) - drawn(metric, other) for one, other in zip(ours, theirs, strict=True)], axis=0))
    return {"value": float(np.mean([score(metric, one) - score(metric, other) for one, other in zip(ours, theirs, strict=True)])), "low": low, "high": high}


def tie_letters(metric: str, seeds: Mapping[str, Sequence[Floats]]) -> dict[str, str]:
    """Contestant -> letter: A for the best and all that cannot be told from it, B for the best of the rest and so on.

    Two are told apart where both the rows and the seeds do so: by the paired bootstrap over the rows of the mean of their seeds (Holm), and by the worst seed of one, which is
    better than the best seed of the other. Three runs are too few for a test over seeds, and enough to see that their order is not always the same.

    Args:
        metric: what the figures are; fewer bits are better, of all others more.
        seeds: contestant -> the parts of each of its seeds, of the same rows in the same order.

    >>> right, wrong = np.array([[1.0, 1]] * 90 + [[0, 1]] * 10), np.array([[1.0, 1]] * 50 + [[0, 1]] * 50)
    >>> tie_letters("accuracy", {"one": [right, right], "two": [wrong, wrong], "three": [wrong, right]})
    {'one': 'A', 'three': 'A', 'two': 'B'}
    """
    sign = -1 if metric == "bits per byte" else 1
    draws = {name: sign * drawn_mean(metric, parts) for name, parts in seeds.items()}
    values = {name: [sign * score(metric, one) for one in parts] for name, parts in seeds.items()}
    left = sorted(seeds, key=lambda name: -float(np.mean(values[name])))
    letters: dict[str, str] = {}
    while left:
        leader, *others = left
        p_values = holm([bootstrap_p(draws[name] - draws[leader]) for name in others])
        level = [name for name, p in zip(others, p_values, strict=True) if p >= LEVEL or max(values[name]) >= min(values[leader])]
        letters |= dict.fromkeys([leader, *level], chr(ord("A") + len(set(letters.values()))))
        left = [name for name in others if name not in level]
    return letters
