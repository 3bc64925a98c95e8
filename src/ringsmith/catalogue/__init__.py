"""WHAT CAN BE CHOSEN: the catalogue of models, and finding them on this machine."""

from __future__ import annotations

from ringsmith.catalogue.local import LocalModel

__all__ = ["LocalModel"]
