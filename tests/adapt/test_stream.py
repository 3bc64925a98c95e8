"""More rows than memory holds: which of several passes is handed over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ringsmith.adapt import stream
from ringsmith.adapt.choose import Judge, Mark
from ringsmith.adapt.linear import Linear
from ringsmith.adapt.recipe import silent
from ringsmith.adapt.stream import StreamSetting, fit_stream
from ringsmith.records import Budget, Rows


class Nobody:
    """Learns nothing of its hundred rows."""

    targets = np.zeros(100, dtype=np.int64)

    def learn(self, rows: Any, positions: Rows) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("marks", "taken"),
    [
        ([(-0.30, 0.9), (-0.60, 0.5)], 0),
        ([(-0.60, 0.5), (-0.30, 0.9), (-0.3001, 0.9)], 1),
        ([(-0.60, 0.5), (-0.30, 0.9), (-0.20, 0.9)], 2),
        ([(0.0, 0.0)] * 3, 2),
    ],
)
def test_the_best_of_the_passes_is_taken(monkeypatch: pytest.MonkeyPatch, marks: list[Mark], taken: int) -> None:
    """A pass that is worse ends the learning and is not handed over; the last one is where nothing tells them apart, there being no rows to judge by."""
    found = [Linear(np.full((1, 1), number, np.float32), np.zeros(1, np.float32)) for number in range(len(marks))]
    passes = iter(zip(marks, found, [StreamSetting(1.0, 1e-5)] * len(marks), strict=True))
    monkeypatch.setattr(stream, "best_of", lambda *_: next(passes))
    judge = Judge("accuracy", np.zeros(0, np.int64), np.zeros(0, np.int64))
    learners: Any = [Nobody()]
    streamed = fit_stream(lambda positions: None, learners, None, judge, "softmax", seed=0, threads=1, budget=Budget(), report=silent)  # type: ignore[arg-type, return-value]
    assert streamed.linear is found[taken]
    assert streamed.rows_seen == 100 * (taken + 1)
