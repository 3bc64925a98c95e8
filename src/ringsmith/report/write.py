"""A file is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ringsmith.errors import MachineError


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text beside `path` and rename it into place.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise MachineError(f"{path}: must be writable; got {error.strerror or error}. Make room or give permission, then run the command again.") from error
    return path
