"""The leaderboard in the terminal: as many columns as there is room for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringsmith._wording import size_of
from ringsmith.cli._shell import escape
from ringsmith.compare import Row
from ringsmith.compare.plan import clock

GIGABYTE, SMALL = 1024.0, 0.95
"""In megabytes; below the latter a size is not rounded to whole ones."""
WORTH_SAYING = 0.01
"""Share of texts that are cut from which on it is said."""
NARROW, NAME = 56, 6
"""Below this width the interval stands below its figure, and names have so many letters at least."""


@dataclass(frozen=True)
class Column:
    """One column: its heading, the text of a cell, and the console width from which on it is shown."""

    heading: str
    cell: Callable[[Row], str]
    from_width: int = 0


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _memory(megabytes: float | None) -> str:
    if megabytes is None or megabytes < SMALL:
        return "-" if megabytes is None else size_of(megabytes)
    return f"{megabytes / GIGABYTE:.1f} GB" if megabytes >= GIGABYTE else f"{megabytes:.0f} MB"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g} ms" if value < 10 else f"{value:.0f} ms"


def _with_interval(row: Row, between: str) -> str:
    figure = _or_dash(row.test, "{:.3f}")
    return figure if row.test_low is None or row.test_high is None else f"{figure}{between}[{row.test_low:.3f}-{row.test_high:.3f}]"


COLUMNS = (
    Column("on valid", lambda row: _or_dash(row.valid, "{:.3f}"), 64),
    Column("train", lambda row: "-" if row.train_seconds is None else clock(row.train_seconds), 44),
    Column("1 row", lambda row: _milliseconds(row.latency_ms_p50), 84),
    Column("rows/s", lambda row: _or_dash(row.rows_per_second, "{:,.0f}"), 94),
    Column("memory", lambda row: _memory(row.peak_memory_mb), 104),
    Column("size", lambda row: _memory(row.size_mb), 112),
)


def print_leaderboard(console: Console, rows: Sequence[Row]) -> None:
    """Print the ranked candidates as a table; below it what is to be said of them, and the others with their reasons."""
    ranked = [row for row in rows if row.status == "done"]
    metric = rows[0].metric if rows else "score"
    shown = [column for column in COLUMNS if console.width >= column.from_width]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    between = "\n" if console.width < NARROW else " "
    for heading, justify in (("#", "right"), ("tie", "center"), ("candidate", "left"), (f"{metric}{between}on test", "left")):
        table.add_column(escape(heading), justify=justify, no_wrap=heading != "candidate", overflow="fold", min_width=NAME if heading == "candidate" else None)  # type: ignore[arg-type]
    for column in shown:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for number, row in enumerate(ranked, start=1):
        cells = [str(number), row.tie_group or "-", escape(foldable(row.candidate)) + (" *" if row.recommended else ""), _with_interval(row, between).replace("[", "\\[")]
        table.add_row(*cells, *(column.cell(row) for column in shown), style="bold green" if row.recommended else None)
    console.print(table)
    for row in rows:
        if remarks := " ".join(filter(None, [row.why, cut_off(row.truncated_share)])):
            status = Text() if row.status == "done" else Text.assemble(" ", (row.status, "yellow"), ":")
            print_hanging(console, Text("  -  ", style="dim"), Text.assemble(f"{foldable(row.candidate)}:", status, f" {remarks}"))


def cut_off(share: float | None) -> str:
    """What is said of texts that go on behind what a model reads; nothing where these are hardly any.

    Examples:
        >>> cut_off(0.348), cut_off(0.002), cut_off(None)
        ('35% of the texts are longer than what it reads.', '', '')
    """
    return f"{share:.0%} of the texts are longer than what it reads." if share is not None and share >= WORTH_SAYING else ""


def print_hanging(console: Console, head: Text, text: Text) -> None:
    """Print `text` beside `head`; its further lines begin below its first one, and no line ends in blanks."""
    blanks = Text(" " * cell_len(head.plain))
    for number, line in enumerate(text.wrap(console, max(console.width - len(blanks), 1), overflow="fold")):
        line.rstrip()
        console.print(Text.assemble(blanks if number else head, line), soft_wrap=True)


def foldable(name: str) -> str:
    """A candidate's name with room for line breaks between its options.

    Examples:
        >>> foldable("minilm+full[epochs=2,rate=0.0001]")
        'minilm+full[epochs=2, rate=0.0001]'
    """
    return re.sub(r",(?! )", ", ", name)
