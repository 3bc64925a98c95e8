"""The ledger: one line for every run that ended, appended and synced, never changed.

Whatever stops the process, the lines before stay whole: a last line that was cut off in the middle is left out on reading and cut
away before the next one is written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ringsmith._files import patiently
from ringsmith.errors import InputError
from ringsmith.records import RunResult

FILE = "ledger.jsonl"


class Ledger:
    """The runs that ended, on disk and in memory; a later line of the same run takes the place of an earlier one.

    Attributes:
        path: the file.
        runs: run's identity -> its result.

    Raises:
        InputError: a line that is not the last cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.runs: dict[str, RunResult] = {}
        if self.path.exists():
            self._restore()

    def _restore(self) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                result = RunResult.from_json(json.loads(line))
            except (ValueError, RecursionError, InputError) as error:
                raise InputError(f"{self.path}:{number}: must be a run's result as JSON; {error} Delete this line to run that candidate again.") from error
            self.runs[result.run] = result
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))

    def append(self, result: RunResult) -> None:
        """Write one result down so that not even a power cut loses it."""
        line = json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False) + "\n"
        with patiently(lambda: self.path.open("ab")) as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.runs[result.run] = result
