"""The version, once: read from the installed package."""

from __future__ import annotations


def version() -> str:
    """Version of the installed Ringsmith; ``"0+unknown"`` where it runs from a folder that is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("ringsmith")
    except PackageNotFoundError:
        return "0+unknown"
