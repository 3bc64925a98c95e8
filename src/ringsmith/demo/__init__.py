"""The data of the demo: short customer-support messages, written for it. What they are and are not: DATACARD.md beside this file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from pathlib import Path


def messages() -> AbstractContextManager[Path]:
    """Path of ``messages.csv`` (columns ``message`` and ``intent``), valid inside the ``with`` block."""
    return as_file(files("ringsmith.demo").joinpath("messages.csv"))
