"""RESULTS -> PAGE: one HTML file that holds all of a comparison; needs neither torch nor a network, only what `compare` wrote."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write the comparison's page beside its files, all at once, and return its path: ``folder/report.html``.

    Args:
        folder: what `ringsmith compare` wrote; a comparison that was stopped makes a page of what is finished.

    Raises:
        InputError: the folder is not a comparison's, or one of its files is broken.
        MachineError: the page cannot be written.
    """
    from ringsmith.report.page import render
    from ringsmith.report.summarise import summarise
    from ringsmith.report.write import write_text

    folder = Path(folder)
    return write_text(folder / "report.html", render(summarise(folder)))
