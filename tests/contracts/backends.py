"""What every place where runs happen must keep. A backend's test file inherits `BackendContract` and names the backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from ringsmith.adapt.recipe import Progress, silent
from ringsmith.compare.backends import Backend
from ringsmith.compare.job import MODEL, PREDICTIONS, read_result

NEVER = float("inf")


class BackendContract:
    """Inherit, and name the class. `make_job` writes a job of a fake recipe."""

    kind: ClassVar[type[Backend]]

    def most_memory_mb(self) -> float:
        """More than the fake recipe's run can hold in a process of its own: an interpreter with scikit-learn and torch."""
        return 2000.0

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """The backend under test; closed twice, which must do no harm."""
        backend = self.kind(threads=1)
        yield backend
        backend.close()
        backend.close()

    def test_a_good_run_is_done_and_leaves_model_answers_and_result(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Everything the comparison needs afterwards lies in the folder, and the answers are right."""
        made = make_job("tenth")
        result = backend.run(made.path, until=NEVER, report=silent)
        assert (result.status, result.run, result.split, result.seed, result.parameters) == ("done", "run-tenth", "holdout", 3, 7)
        assert result.why == "fitted on 20 rows"
        assert result == read_result(made.path)
        assert (made.path / MODEL / "ringsmith.json").exists()
        with np.load(made.path / PREDICTIONS) as answers:
            assert answers["test_position"].tolist() == answers["test_row"].tolist() == [6, 7, 14, 15, 22, 23, 30, 31, 38, 39]
            right = answers["test_proba"].argmax(axis=1) == answers["test_row"] % 2
            assert right.tolist() == [row % 10 != 0 for row in (6, 7, 14, 15, 22, 23, 30, 31, 38, 39)]
            assert answers["valid_proba"].dtype == np.float32

    def test_a_good_run_is_measured(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Time by stage, latency, throughput, memory and size are known."""
        result = backend.run(make_job("tenth").path, until=NEVER, report=silent)
        assert {"start", "fit", "predict", "save", "measure", "total"} <= result.seconds.keys()
        assert sum(result.seconds[stage] for stage in ("start", "fit", "predict", "save", "measure")) <= result.seconds["total"]
        assert 0 < result.latency_ms["p50"] <= result.latency_ms["p95"]
        assert result.rows_per_second is not None
        assert result.rows_per_second > 100
        assert result.peak_memory_mb is not None
        assert 20 < result.peak_memory_mb <= self.most_memory_mb()
        assert result.size_mb is not None
        assert 0 < result.size_mb < 0.01

    @pytest.mark.parametrize(
        ("fake", "status", "why"),
        [
            ("crash", "failed", "ZeroDivisionError: a fault of the recipe"),
            ("refuses", "refused", "collapsed twice"),
            ("notime", "dropped", "not one step fits"),
            ("notanumber", "refused", "its scores are not numbers (NaN) in 2 of 20 rows"),
            ("constant", "refused", "predicts one class only: 'a' for all 20 rows"),
        ],
    )
    def test_a_bad_run_ends_with_its_reason(self, backend: Backend, make_job: Callable[[str], Any], fake: str, status: str, why: str) -> None:
        """Nothing a recipe does raises here."""
        result = backend.run(make_job(fake).path, until=NEVER, report=silent)
        assert (result.status, result.why, result.run) == (status, why, f"run-{fake}")

    def test_the_baseline_may_give_one_answer_only(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """What is meant to predict one class is not refused for it."""
        assert backend.run(make_job("majority").path, until=NEVER, report=silent).status == "done"

    def test_progress_comes_in_the_calling_thread(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The listener sees what the recipe reported."""
        seen: list[tuple[int, Progress]] = []
        backend.run(make_job("tenth").path, until=NEVER, report=lambda progress: seen.append((threading.get_ident(), progress)))
        assert seen[0] == (threading.get_ident(), Progress("train", 0, 10, "steps", "loss 0.5"))
        assert [progress.stage for _, progress in seen] == ["train", "predict", "measure"]

    def test_a_run_that_outstays_its_time_is_dropped(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """The hard end comes soon after the deadline."""
        made = make_job("sleeps")
        start = time.monotonic()
        result = backend.run(made.path, until=start + 1.2, report=silent)
        assert (result.status, result.why) == ("dropped", "did not end in the time there was")
        assert 1.2 <= time.monotonic() - start < 2.2

    def test_a_closed_backend_can_be_used_again(self, backend: Backend, make_job: Callable[[str], Any]) -> None:
        """Closing ends what was kept between runs, not the backend."""
        assert backend.run(make_job("tenth").path, until=NEVER, report=silent).status == "done"
        backend.close()
        assert backend.run(make_job("majority").path, until=NEVER, report=silent).status == "done"
