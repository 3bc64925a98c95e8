"""One picture of the page: its drawing in two widths, what it shows in words, and its data as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A chart that also speaks to those who cannot see it.

    Attributes:
        name: stem of its ids on the page.
        title: heading.
        caption: how to read it, in a sentence or two.
        alternative: what it shows, in words.
        wide: SVG for screens and paper.
        narrow: SVG for phones; None where `wide` is small enough.
        head: column names of the table.
        body: its lines, ready to be shown.
    """

    name: str
    title: str
    caption: str
    alternative: str
    wide: str
    narrow: str | None
    head: Sequence[str]
    body: Sequence[Sequence[str]]
