"""What to try next, and what mattered: Optuna's only home.

Nothing of Optuna is stored. A proposal hangs on the space, the seed and the trials before it alone: the study is made anew from them each
time, so that a search that was killed goes on to the very proposals it would have made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ringsmith._optional import try_import
from ringsmith.adapt.spaces import Axis, Range, Space, as_tuple
from ringsmith.records import digest

STARTUP = 5
"""Trials before the sampler begins to learn from them; until then settings are drawn by chance. Of 12 or 20 trials of a made-up, noisy function of
six options, 5 found better ones than Optuna's 10 (LOG.md)."""
TRIES, DRAWS = 4, 100
"""How often the sampler is asked for settings that were not tried yet, then chance; after that all of the space counts as tried."""
DIGITS = 3
"""Significant digits of a proposed number: nobody can tell a rate of 0.000183 from 0.00018312907."""
FEWEST = 8
"""Trials with fewer than these come to nothing about what mattered."""


@dataclass(frozen=True)
class Told:
    """One trial as the sampler is told of it.

    Attributes:
        settings: option -> value; an option whose value is the recipe's own affair is left out.
        mark: how good it was, greater is better; None where it broke down, or ended before there was anything to judge.
        share: how far it came: 1 for a trial that came to its end, less for one that was dropped.
    """

    settings: Mapping[str, Any]
    mark: float | None
    share: float = 1.0


def propose(space: Space, told: Sequence[Told], *, seed: int, tried: Collection[str]) -> dict[str, Any] | None:
    """Settings for the next trial, by the tree-structured Parzen estimator (Bergstra et al., 2011); None where all were tried.

    Args:
        space: what is searched.
        told: the trials so far, the defaults first.
        seed: of the search.
        tried: `mark_of` of all settings that need not be tried again.

    Raises:
        MissingExtra: Optuna is not installed.
    """
    optuna = load()
    drawn = int(digest([seed, [axis.name for axis in space], len(told)])[:8], 16)
    samplers = ((optuna.samplers.TPESampler(seed=drawn, n_startup_trials=STARTUP), TRIES), (optuna.samplers.RandomSampler(seed=drawn), DRAWS))
    with quiet(optuna):
        for sampler, times in samplers:
            study = optuna.create_study(direction="maximize", sampler=sampler)
            study.add_trials([_frozen(space, one) for one in told])
            for _ in range(times):
                settings = _settings(space, study.ask({axis.name: _distribution(axis) for axis in space}).params)
                if mark_of(settings) not in tried:
                    return settings
    return None


def importance(space: Space, told: Sequence[Told], *, seed: int) -> dict[str, float]:
    """The share of each option in how much the trials differ, the largest first, by fANOVA (Hutter et al., 2014); empty for too few trials.

    With 20 trials of a made-up function whose shares are known, Optuna's quicker PED-ANOVA put the first option first in one search of four,
    fANOVA in eleven of twelve.
    """
    whole = [one for one in told if one.share == 1 and one.mark is not None and all(axis.name in one.settings for axis in space)]
    if len(whole) < FEWEST or len({one.mark for one in whole}) < 2 or len(space) < 2:
        return {}
    optuna = load()
    with quiet(optuna):
        study = optuna.create_study(direction="maximize")
        study.add_trials([_frozen(space, one) for one in whole])
        found = optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed))
    return {str(name): float(share) for name, share in found.items()}


def mark_of(settings: Mapping[str, Any]) -> str:
    """By what settings are told to be the same."""
    return digest(sorted((name, as_tuple(value)) for name, value in settings.items()))


def load() -> ModuleType:
    """Optuna.

    Raises:
        MissingExtra: it is not installed.
    """
    return try_import("optuna", purpose="a search of hyper-parameters")


@contextmanager
def quiet(optuna: ModuleType) -> Iterator[None]:
    """Within the block Optuna keeps its log to itself."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(axis: Axis) -> Any:
    distributions = load().distributions
    if not isinstance(axis, Range):
        return distributions.CategoricalDistribution(tuple(range(len(axis.values))))
    if axis.whole:
        return distributions.IntDistribution(round(axis.low), round(axis.high), log=axis.log)
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def _settings(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What Optuna drew, as values of the options."""
    return {axis.name: _value(axis, drawn[axis.name]) for axis in space}


def _value(axis: Axis, drawn: Any) -> Any:
    if not isinstance(axis, Range):
        return axis.values[drawn]
    return int(drawn) if axis.whole else min(max(float(f"{drawn:.{DIGITS}g}"), axis.low), axis.high)


def _frozen(space: Space, one: Told) -> Any:
    """A trial as Optuna keeps it. One that broke down is worse than any that was dropped, however early."""
    optuna = load()
    known = [axis for axis in space if axis.name in one.settings]
    values = {axis.name: one.settings[axis.name] for axis in known}
    params = {axis.name: values[axis.name] if isinstance(axis, Range) else axis.values.index(as_tuple(values[axis.name])) for axis in known}
    whole = one.share == 1 and one.mark is not None
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if whole else optuna.trial.TrialState.PRUNED,
        params=params,
        distributions={axis.name: _distribution(axis) for axis in known},
        value=one.mark if whole else None,
        intermediate_values={} if whole or one.mark is None else {round(100 * one.share): one.mark},
    )
