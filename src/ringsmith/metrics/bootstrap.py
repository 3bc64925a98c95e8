"""A metric, or the difference of one between two candidates, on many resamples of the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from ringsmith.metrics.inputs import Array, Floats, Ints, Scored
from ringsmith.metrics.resample import Prepared, Statistic, affordable, draws, merge
from ringsmith.metrics.scores import Metric
from ringsmith.metrics.smooth import add_versions, single_rows

LARGE = 20_000
"""Cells beyond which a random part of the rows is resampled instead of all ..."""
MANY_UNITS = 2_000
"""... where that part holds at least this many rows or groups."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Resampled figures.

    Attributes:
        values: (B,) one for each resample, NaN where undefined.
        value: the figure that they scatter around.
        units: how many independent rows or groups there are.
    """

    values: Floats
    value: float
    units: int


def bootstrap(metric: Metric, contestants: Sequence[Scored], groups: Sequence[str] | Array | None, *, seed: int, resamples: int) -> Drawn:
    """Resamples of a metric of one contestant, or of the first one's minus the second one's.

    Metrics of labels and of an order get right and wrong versions of some rows added (see `smooth`), unless rows come in groups. Of very many rows that
    cannot be merged a random part is resampled, and the scatter, which shrinks with the root of the number of rows, is scaled to all.
    """
    unit = None if groups is None else single_rows(groups, contestants[0].y)
    smooth = metric.uses != "scores" and (groups is None or unit is not None)
    scored, of_unit, versions = add_versions(contestants, unit) if smooth else (contestants, groups, 0)
    prepared = [metric.prepare(each) for each in scored]
    cells = merge([each.codes for each in prepared], of_unit, versions=versions)
    statistic = _difference(prepared, cells.rows)
    value = float(statistic(cells.counts[None])[0])
    if len(cells.rows) > LARGE and (part := _part(contestants[0].rows, groups, seed)) is not None:
        drawn = bootstrap(metric, [each.take(part) for each in contestants], None if groups is None else np.asarray(groups)[part], seed=seed, resamples=resamples)
        return Drawn(value + (drawn.values - drawn.value) * sqrt(drawn.units / cells.units), value, cells.units)
    count = affordable(cells, resamples, sum(each.cost for each in prepared))
    return Drawn(np.concatenate([statistic(weights) for weights in draws(cells, seed=seed, resamples=count)]), value, cells.units)


def _difference(prepared: Sequence[Prepared], rows: Ints) -> Statistic:
    one, *other = [each.pick(rows) for each in prepared]
    return (lambda weights: one(weights) - other[0](weights)) if other else one


def _part(rows: int, groups: Sequence[str] | Array | None, seed: int) -> Ints | None:
    """Rows of randomly chosen rows or groups, about half of `LARGE`; None where there would be too few."""
    units, unit = (rows, np.arange(rows)) if groups is None else _numbered(groups)
    chosen = LARGE * units // (2 * rows)
    if chosen < MANY_UNITS or chosen >= units:
        return None
    kept = np.zeros(units, dtype=np.bool_)
    kept[np.random.default_rng(seed).choice(units, chosen, replace=False)] = True
    return np.flatnonzero(kept[unit])


def _numbered(groups: Sequence[str] | Array) -> tuple[int, Ints]:
    names, unit = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), unit
