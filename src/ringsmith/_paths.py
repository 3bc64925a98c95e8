"""Where Ringsmith keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder for caches: ``$RINGSMITH_CACHE``, or the platform's own place; not created here."""
    if place := os.environ.get("RINGSMITH_CACHE"):
        return Path(place).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("ringsmith", appauthor=False)
