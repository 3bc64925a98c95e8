"""What the sampler proposes, what it is told, what mattered; and when a trial has fallen behind, held against the rule written slowly."""

from __future__ import annotations

import math
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringsmith.adapt.spaces import Choice, Range, Space
from ringsmith.compare.search import Told, importance, mark_of, propose
from ringsmith.compare.stopping import EARLIEST, FEWEST, behind, median_floors
from ringsmith.compare.trials import fits_space, options_of, settings_of

SPACE: Space = (
    Range("rate", 1e-5, 1e-2, "made up", log=True),
    Range("epochs", 1, 9, "made up", usual=3, whole=True),
    Choice("shape", ((1, 3), (2, 5), None), "made up", usual=(2, 5)),
)


def height(chosen: dict[str, Any]) -> float:
    """Best at a rate of 3e-4 and 5 epochs; the rate matters most, the shape not at all."""
    return -(math.log10(chosen["rate"] / 3e-4) ** 2) - 0.02 * (chosen["epochs"] - 5) ** 2


def searched(seed: int, trials: int = 25) -> list[Told]:
    """A search of `height`, the defaults first."""
    told = [Told({"epochs": 3, "shape": (2, 5)}, -1.0)]
    while len(told) < trials:
        chosen = propose(SPACE, told, seed=seed, tried={mark_of(one.settings) for one in told})
        assert chosen is not None
        told.append(Told(chosen, height(chosen)))
    return told


def test_a_proposal_hangs_on_the_seed_and_the_trials_before_it_alone() -> None:
    """The same trials, the same proposal, however often it is asked for; another seed, another one."""
    told = searched(0, 8)
    first, again = (propose(SPACE, told, seed=0, tried=set()) for _ in range(2))
    assert first == again
    assert first != propose(SPACE, told, seed=1, tried=set())
    assert first != propose(SPACE, told[:-1], seed=0, tried=set())


def test_proposals_stay_within_the_space_and_are_short() -> None:
    """Three digits, whole numbers whole, choices from the list."""
    for one in searched(1, 12)[1:]:
        assert 1e-5 <= one.settings["rate"] <= 1e-2
        assert one.settings["rate"] == float(f"{one.settings['rate']:.3g}")
        assert type(one.settings["epochs"]) is int
        assert one.settings["shape"] in ((1, 3), (2, 5), None)


def test_the_sampler_learns() -> None:
    """The last ten of 25 are better than the first ten, in every one of three searches."""
    for seed in range(3):
        marks = [one.mark or 0.0 for one in searched(seed)[1:]]
        assert fmean(marks[-10:]) > fmean(marks[:10])


def test_a_small_space_is_tried_to_its_end() -> None:
    """Six settings: each once, then none."""
    small: Space = (Range("epochs", 1, 2, "", usual=1, whole=True), Choice("shape", ("a", "b", "c"), "", usual="a"))
    told = [Told({"epochs": 1, "shape": "a"}, 0.5)]
    while (chosen := propose(small, told, seed=0, tried={mark_of(one.settings) for one in told})) is not None:
        told.append(Told(chosen, 0.5))
    assert len({mark_of(one.settings) for one in told}) == len(told) == 6


def test_what_broke_down_or_was_dropped_is_told_as_such() -> None:
    """A region in which all trials break down is left."""
    generator = np.random.default_rng(0)
    told = [Told({"rate": 1e-5 * 10 ** generator.uniform(0, 3), "epochs": 3, "shape": None}, None, 1.0) for _ in range(12)]
    told = [one if one.settings["rate"] > 1e-3 else Told(one.settings, 0.5, 0.5 if one.settings["rate"] < 1e-4 else 1.0) for one in told]
    rates = [proposal["rate"] for seed in range(20) if (proposal := propose(SPACE, told, seed=seed, tried=set())) is not None]
    assert max(rates) < 2e-3  # by chance, every fourth would be above


def test_importance_names_what_matters() -> None:
    """Of settings drawn evenly the rate explains nearly all, as it does of `height`; shares sum to one; too few trials say nothing."""
    draw = np.random.default_rng(0)
    drawn = [{"rate": 10 ** draw.uniform(-5, -2), "epochs": int(draw.integers(1, 10)), "shape": [(1, 3), (2, 5), None][draw.integers(3)]} for _ in range(30)]
    told = [Told(chosen, height(chosen)) for chosen in drawn]
    shares = importance(SPACE, told, seed=0)
    assert list(shares) == sorted(shares, key=lambda name: -shares[name])
    assert shares["rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert importance(SPACE, told[:6], seed=0) == {}


def test_options_are_those_that_differ_from_the_defaults() -> None:
    """And back again, also from JSON, which has no tuples."""
    chosen = {"rate": 1e-3, "epochs": 3, "shape": (1, 3)}
    options = options_of(SPACE, chosen)
    assert options == {"rate": 1e-3, "shape": [1, 3]}
    assert settings_of(SPACE, options) == chosen
    assert settings_of(SPACE, {}) == {"epochs": 3, "shape": (2, 5)}
    assert fits_space(SPACE, options)
    assert not fits_space(SPACE, {"rate": 1.0})
    assert not fits_space(SPACE, {"rate": 1e-3, "other": 1})
    assert not fits_space(SPACE, {"epochs": 4})  # without a rate: no trial of this space, whose proposals always have one


looks = st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1)), max_size=5, unique_by=lambda look: look[0]).map(sorted)


@settings(max_examples=80)
@given(st.lists(looks, max_size=9))
def test_floors_are_the_medians_of_running_averages(runs: list[list[tuple[float, float]]]) -> None:
    """Golovin et al., 2017, written slowly: at each share, of all runs that have looked by then, the median of the mean of their looks by then."""
    expected = {}
    for share in (0.25, 0.5, 0.75):
        averages = []
        for run in runs:
            by_then = [mark for at, mark in run if at <= share]
            if by_then:
                averages.append(sum(by_then) / len(by_then))
        if len(averages) >= FEWEST and any(at == share for run in runs for at, _ in run):
            expected[share] = median(averages)
    assert dict(median_floors(runs)) == pytest.approx(expected)
    assert min((share for share, _ in median_floors(runs)), default=1.0) >= EARLIEST


def test_a_trial_is_behind_only_below_the_median_of_enough_others() -> None:
    """Equal is not behind; four others are too few."""
    others = [0.5, 0.6, 0.7, 0.8, 0.9]
    assert behind(0.69, others) == 0.7
    assert behind(0.7, others) is None
    assert behind(0.1, others[:4]) is None
