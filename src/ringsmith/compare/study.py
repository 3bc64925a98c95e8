"""The study: everything a report needs besides the table, in ``study.json``; and whose folder it is.

A folder belongs to one set of rows, splits, labels and text steps. More candidates, more time or another metric go on in it; other rows
do not.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ringsmith._version import version
from ringsmith.compare.files import plain, write_json
from ringsmith.compare.ledger import FILE as LEDGER
from ringsmith.compare.options import CompareOptions
from ringsmith.errors import InputError, UsageError
from ringsmith.records import SCHEMA, Record

FILE = "study.json"
OURS = ("work", "splits", "predictions", "leaderboard.csv", "leaderboard.json", "leaderboard.md", "report.html", FILE)
"""What a comparison writes before a run ends: it makes way for another comparison where none did."""
NOT_SETTINGS = ("command", "started")


class Study:
    """The content of ``study.json``, filled as things become known and written as a whole.

    Args:
        options: what is asked for.
        identity: whose folder it is.
        before: what an earlier comparison wrote, None for a new folder; stays until it is replaced part by part.

    Attributes:
        folder: where it lies.
        content: what will be written.
    """

    def __init__(self, options: CompareOptions, identity: Mapping[str, str], before: Mapping[str, Any] | None = None) -> None:
        self.folder = options.folder
        settings = {name: value for name, value in asdict(options).items() if name not in NOT_SETTINGS}
        self.content: dict[str, Any] = {
            **(before or {}),
            "schema": SCHEMA,
            "title": Path(options.data).name if options.data != "-" else "standard input",
            "created": time.strftime("%Y-%m-%d %H:%M:%S"),
            "ringsmith": version(),
            "command": options.command,
            "settings": settings,
            "identity": dict(identity),
        }

    def set(self, **parts: Any) -> None:
        """Add or replace parts."""
        self.content.update(parts)

    def write(self) -> Path:
        """Write it; the file is replaced as a whole."""
        path = self.folder / FILE
        write_json(path, self.content)
        return path


def read_study(folder: Path) -> dict[str, Any] | None:
    """What an earlier comparison wrote into this folder, None where there was none.

    Raises:
        InputError: it is not JSON, or of another schema.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: must be JSON as Ringsmith wrote it; {error}. Name another folder with --out.") from error
    if content.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema {SCHEMA} is read by this version of Ringsmith; got {content.get('schema')!r}. Name another folder with --out.")
    return content


def claim(folder: Path, identity: Mapping[str, str]) -> dict[str, Any] | None:
    """Make sure the folder is free or belongs to this comparison; what it holds already, or None. One in which no run ended is free.

    Raises:
        UsageError: it holds other files, or a comparison of other data or settings.
    """
    before = read_study(folder)
    if before is None:
        if folder.exists() and (strangers := sorted(path.name for path in folder.iterdir() if path.name not in ("work", "ledger.jsonl") and not path.name.startswith("."))):
            raise UsageError(
                f"--out: {folder} must be a new folder, or one that an earlier comparison wrote; it holds other files ({', '.join(strangers[:3])}). Name another one with --out."
            )
        return None
    known = before.get("identity", {})
    differing = [name for name, value in identity.items() if known.get(name) != value]
    if differing and _is_barren(folder):
        for name in OURS:
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink(missing_ok=True)
        return None
    if differing:
        raise UsageError(f"--out: {folder} holds a comparison with other {' and '.join(differing)}. Name another folder with --out, or delete this one to begin anew.")
    return before


def _is_barren(folder: Path) -> bool:
    """Whether no run ever ended in this folder: a budget that was too short, say."""
    ledger = folder / LEDGER
    return not ledger.exists() or not ledger.stat().st_size


def as_json(record: Record | None) -> Any:
    """A record as plain JSON types, None as None."""
    return None if record is None else plain(record.to_json())
