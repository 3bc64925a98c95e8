"""Helpers for tables on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_tables import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes to a file of this name in the test's folder, and give its path."""

    def run(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return run
