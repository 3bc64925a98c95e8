"""Property tests have no deadline here: the first call of a language loads its dictionary."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("text", deadline=None)
settings.load_profile("text")
