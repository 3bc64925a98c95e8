"""Runs of a search that fall behind are stopped at the look that shows it."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.recipes import WORDS, toy
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.floors import Floors
from ringsmith.catalogue import LocalModel
from ringsmith.compare.stopping import looks_of, median_floors
from ringsmith.errors import RunDropped
from ringsmith.records import Budget, RunResult
from ringsmith.tasks import Classification


def test_without_floors_every_look_is_noted_and_none_stops() -> None:
    """What most runs do."""
    look = Floors(())
    for share in (0.25, 0.5, 1.0):
        look(share, 0.1)
    assert look.curves == {"valid": [0.1, 0.1, 0.1], "valid_share": [0.25, 0.5, 1.0]}


def test_the_floor_of_a_look_is_the_last_one_at_or_before_it() -> None:
    """0.6 holds from a quarter on, 0.8 from a half on; rounding of a share does not matter."""
    look = Floors(((0.25, 0.6), (0.5, 0.8)))
    look(0.2, 0.1)
    look(0.49, 0.6)
    with pytest.raises(RunDropped, match=r"^at 50 % of its steps it had reached 0\.600 on the validation rows, less than the 0\.800 that runs before it") as caught:
        look(0.1 + 0.2 + 0.2 - 1e-12, 0.5)
    assert caught.value.curves == {"valid": [0.1, 0.6, 0.5], "valid_share": [0.2, 0.49, pytest.approx(0.5)], "floor": [0.8]}


def test_the_best_look_so_far_counts() -> None:
    """A mark that was high enough once stays so (Golovin et al., 2017)."""
    look = Floors(((0.5, 0.8),))
    look(0.4, 0.85)
    look(0.6, 0.2)


def test_the_last_look_never_stops_a_run() -> None:
    """What is done is kept, however low."""
    Floors(((0.5, 0.8),))(1.0, 0.1)


def test_fine_tuning_stops_at_the_first_look_below_its_floor(tiny_bert: LocalModel) -> None:
    """Nothing is better than an accuracy of 1.1; what it had shown by then goes with the error. Without floors the looks and their shares are among the curves."""
    rows, task = toy(), Classification(sorted(WORDS))
    options = {"epochs": 4, "precision": "float32"}
    train, valid = rows.take(np.arange(8, 48)), rows.take(np.arange(8))
    with pytest.raises(RunDropped, match=r"at \d+ % of its steps it had reached \d\.\d{3} on the validation rows, less than the 1\.100") as caught:
        create_recipe("full", Setting(task, tiny_bert, options, threads=1, floors=((0.2, 1.1),))).fit(train, valid, Budget(None))
    assert caught.value.curves["floor"] == [1.1]
    assert 0.2 <= caught.value.curves["valid_share"][-1] < 1
    none = valid.take(np.arange(0))  # no row to judge by: no run is broken, however little it learns
    curves = create_recipe("full", Setting(task, tiny_bert, options, threads=1)).fit(train, none, Budget(None)).facts.curves
    assert len(curves["valid_share"]) == len(curves["valid"])
    assert curves["valid_share"][-1] == 1


def test_few_shot_runs_set_floors_and_stop_below_them(tiny_bert: LocalModel) -> None:
    """Its looks before the first step, half way and at the end carry their shares of the plan, so that a search sets a floor half way by them."""
    rows, task = toy(), Classification(sorted(WORDS))
    train, valid = rows.take(np.arange(8, 48)), rows.take(np.arange(8))
    options = {"epochs": 2, "max_rows": 16, "precision": "float32"}
    curves = create_recipe("fewshot", Setting(task, tiny_bert, options, threads=1)).fit(train, valid, Budget(None)).facts.curves
    looks = looks_of(RunResult("run", {}, "holdout", 0, "done", curves=curves))
    assert [share for share, _ in looks] == pytest.approx([0, 0.5, 1])
    assert [mark for _, mark in looks] == curves["valid"]
    ((half, _),) = median_floors([looks] * 5)
    with pytest.raises(RunDropped, match=r"^at 50 % of its steps it had reached \d\.\d{3} on the validation rows, less than the 1\.100"):
        create_recipe("fewshot", Setting(task, tiny_bert, options, threads=1, floors=((half, 1.1),))).fit(train, valid, Budget(None))
