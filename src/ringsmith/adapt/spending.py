"""What asking an endpoint may cost, and what it has cost: no question is put that could pass the ceiling.

The account is a file of lines, one for each answer that was paid, so that all runs of a comparison, one after the other or side by
side, share one ceiling, and a comparison that goes on knows what it has spent. Where a line cannot be read (the disk was full), nobody
knows that, and under a ceiling nothing more is asked.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from ringsmith._files import sync
from ringsmith.errors import BudgetError


class Account:
    """Adds up dollars under a ceiling; safe between threads.

    Args:
        path: file of what was spent, None to keep it in memory only.
        ceiling: dollars, None for no limit.
    """

    def __init__(self, path: Path | None, ceiling: float | None) -> None:
        self.path, self.ceiling = path, ceiling
        self._reserved = 0.0
        self._own = 0.0
        self._read = self._lines = 0
        self._damaged: int | None = None
        self._lock = threading.Lock()

    @property
    def spent(self) -> float:
        """Dollars so far, those of other processes included."""
        if self.path is None or not self.path.exists():
            return self._own
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if line.endswith(b"\n"):
                    self._read += len(line)
                    self._lines += 1
                    dollars = _dollars(line) if line.strip() else 0.0
                    self._own += dollars or 0.0
                    self._damaged = self._lines if dollars is None else self._damaged
        return self._own

    def reserve(self, dollars: float) -> None:
        """Set `dollars` aside for a question, the most that it can cost.

        Raises:
            BudgetError: the ceiling could be passed; says how far spending went.
        """
        with self._lock:
            spent = self.spent
            if self.ceiling is not None and self._damaged is not None:
                rule = f"{self.path}:{self._damaged}: a line must say what was spent ({json.dumps({'dollars': 0.25})}); this one cannot be read, so nothing more is asked"
                raise BudgetError(f"--spend-at-most: {rule}. Write in its place what may have been spent, or delete the line, and run the same command again.")
            if self.ceiling is not None and spent + self._reserved + dollars > self.ceiling:
                asked = f", ${self._reserved:.4f} may go to questions under way" if self._reserved else ""
                reached = f"${spent:.4f} of ${self.ceiling:.4f} are spent{asked}, and the next answer can cost ${dollars:.4f}"
                raise BudgetError(f"--spend-at-most: {reached}; nothing more is asked. What was answered is kept: raise the ceiling and run the same command again.")
            self._reserved += dollars

    def settle(self, reserved: float, dollars: float | None) -> None:
        """What was set aside is free again; `dollars` of it were spent, None where no answer came."""
        with self._lock:
            self._reserved -= reserved
            if not dollars:
                return
            if self.path is None:
                self._own += dollars
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - 1, 0))
                begun = file.read(1) not in (b"", b"\n")  # a line that was cut off stays one of its own
                file.write(("\n" * begun + json.dumps({"dollars": dollars}) + "\n").encode())  # one write: lines of several processes do not mix
                sync(self.path)


def _dollars(line: bytes) -> float | None:
    """What a line says was spent, None where that cannot be read."""
    try:
        dollars = float(json.loads(line)["dollars"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return dollars if 0 <= dollars < float("inf") else None
