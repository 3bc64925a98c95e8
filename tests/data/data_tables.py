"""Types that the tests of `data` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]
"""``write(name, content, encoding="utf-8")``: the path of a new file."""
