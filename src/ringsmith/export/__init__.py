"""FITTED MODEL -> FILES: what goes with a model when it is handed over."""

from __future__ import annotations

from ringsmith.export.card import write_card

__all__ = ["write_card"]
