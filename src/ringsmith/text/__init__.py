"""STRING -> TOKENS, pure functions."""

from __future__ import annotations

from ringsmith.text.steps import TextSteps

__all__ = ["TextSteps"]
