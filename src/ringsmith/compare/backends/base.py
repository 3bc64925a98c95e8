"""The contract of every place where runs happen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from ringsmith.adapt.recipe import Report
from ringsmith.records import RunResult

OUT_OF_TIME = "did not end in the time there was"


class Backend(ABC):
    """Does one job at a time: timings of runs side by side would not be worth much.

    Attributes:
        name: as in ``--on``.
        threads: CPU threads of a run.
        memory_mb: memory a run may take.
    """

    name: ClassVar[str]

    def __init__(self, *, threads: int, memory_mb: float = float("inf")) -> None:
        self.threads = threads
        self.memory_mb = memory_mb

    @abstractmethod
    def run(self, folder: Path, *, until: float, report: Report) -> RunResult:
        """Do the job that lies in `folder` and say how it ended.

        Args:
            folder: holds ``job.json``; afterwards also what `compare.job` writes.
            until: when the run must be over, by `time.monotonic`; infinity for no limit.
            report: is told where the run stands, in the calling thread.

        Returns:
            The run's own result; ``failed`` with the reason where the run broke down without one, ``dropped`` where time ran out. Nothing
            a run does raises here, and nothing of it is left running.
        """

    @property
    def shares_imports(self) -> bool:
        """Whether runs share what they import, so that `prepare` does once what each would do for itself."""
        return False

    def prepare(self, place: str, kind: str | None) -> None:  # noqa: B027 - most places have nothing to prepare
        """Do what runs share, unless it is done: so it counts as the time of none of them. `run` does without where nobody has called this.

        Args:
            place: ``"module:Class"`` of a recipe that is about to run.
            kind: kind of its model, None where it starts from none.
        """

    def close(self) -> None:  # noqa: B027 - most places have nothing to end
        """End what was kept running between runs; `run` may be called again, and starts it anew."""
