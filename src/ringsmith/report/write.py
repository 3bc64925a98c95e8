"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from ringsmith._files import put
from ringsmith.errors import MachineError
from ringsmith.report.wording import clean


def write_text(path: Path, text: str) -> Path:
    """Write a page beside `path` and rename it into place, what no page can hold replaced; folders that are not there are made. Returns where it lies, see `put`.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return put(path, lambda scratch: scratch.write_text(clean(text), encoding="utf-8", newline="\n"))
    except OSError as error:
        raise MachineError(f"{path}: must be writable; got {error.strerror or error}. Make room or give permission, then run the command again.") from error
