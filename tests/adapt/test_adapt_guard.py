"""When one class for all validation rows shows that a training is broken."""

from __future__ import annotations

import numpy as np
import pytest

from ringsmith.adapt.guard import Broken, Guard
from ringsmith.records import TextSet
from ringsmith.tasks import Classification


def guard(rare: int, rows: int) -> Guard:
    """Over so many validation rows, of which the last are of the rare class; the training rows have the same shares."""
    labels = ["a"] * (rows - rare) + ["b"] * rare
    task = Classification(["a", "b"])
    return Guard(task, task.targets(labels), TextSet(["t"] * rows, [*labels]), None)


def leaning(rare: int, rows: int) -> np.ndarray:
    """Scores that call all rows common, but the rare ones less surely than the others."""
    scores = np.tile(np.array([4, 0], np.float32), (rows, 1))
    scores[rows - rare :, 0] = 0.1
    return scores


def test_a_model_that_finds_none_of_few_rare_rows_is_judged_by_its_loss() -> None:
    """2 of 40 rows: as many right as the majority; it is kept where its log loss is lower, and broken where it is so sure that it is higher."""
    one = guard(2, 40)
    one(leaning(2, 40), 1.0)
    assert one.sound()
    one.finish()
    other = guard(2, 40)
    other(np.tile(np.array([8, 0], np.float32), (40, 1)), 1.0)
    with pytest.raises(Broken, match="on the validation rows it is no better than the majority class"):
        other.finish()


@pytest.mark.parametrize(("missed", "refused"), [(19, False), (20, True)])
def test_a_model_that_misses_twenty_rows_of_other_classes_is_broken(missed: int, refused: bool) -> None:
    """However sure it is of the others."""
    one = guard(missed, 60)
    one(leaning(missed, 60), 1.0)
    assert one.sound() == (not refused)
    if refused:
        with pytest.raises(Broken, match="it predicts one class only"):
            one.finish()
    else:
        one.finish()
