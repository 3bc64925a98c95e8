"""The table of a comparison: one row for each candidate, best first, and the same in three file formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ringsmith._wording import as_cell, size_of
from ringsmith.compare.files import write_json, write_table
from ringsmith.compare.plan import clock
from ringsmith.records import Status

NAME = "leaderboard"


@dataclass(frozen=True)
class Row:
    """One candidate.

    Attributes:
        candidate: its name.
        model: name of its backbone, None where it has none.
        recipe: name of its recipe.
        status: done, dropped, refused, failed or skipped; only ``done`` is ranked.
        metric: name of the metric that judges.
        valid: the figure on the validation rows, and those of a play-off, by which the choice is made.
        test: the figure on the test rows, for reporting.
        test_low: lower end of its 95 % interval.
        test_high: upper end.
        tie_group: ``"A"`` for those that the validation rows cannot tell from the best, and so on.
        recommended: whether to take it: the cheapest of group A that is as good as the best, see `choose`.
        train_seconds: seconds to fit, the longest of its runs (later ones may find vectors already computed); of what is not ranked all that its runs took.
        latency_ms_p50: milliseconds to predict one row, median.
        latency_ms_p95: the same, 95th percentile.
        rows_per_second: prediction in bulk.
        peak_memory_mb: highest resident memory of a run's process.
        size_mb: size on disk of the fitted model.
        truncated_share: share of rows whose text it cuts off.
        parameters: parameters a prediction uses.
        why: the reason for the status; a note where it is done.
    """

    candidate: str
    model: str | None
    recipe: str
    status: Status
    metric: str
    valid: float | None = None
    test: float | None = None
    test_low: float | None = None
    test_high: float | None = None
    tie_group: str | None = None
    recommended: bool = False
    train_seconds: float | None = None
    latency_ms_p50: float | None = None
    latency_ms_p95: float | None = None
    rows_per_second: float | None = None
    peak_memory_mb: float | None = None
    size_mb: float | None = None
    truncated_share: float | None = None
    parameters: int | None = None
    why: str = ""


COLUMNS = tuple(field.name for field in fields(Row))
"""The columns, in the order of every file."""


def write_leaderboard(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write the table as JSON, CSV and Markdown; each file is replaced as a whole. Returns where they lie."""
    write_json(folder / f"{NAME}.json", [asdict(row) for row in rows])
    return [folder / f"{NAME}.json", write_table(folder / f"{NAME}.csv", as_csv(rows)), write_table(folder / f"{NAME}.md", as_markdown(rows))]


def as_csv(rows: Sequence[Row]) -> str:
    """The table as CSV; what is not known is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return out.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """The table as people read it: the ranked candidates, then the others with their reasons.

    Examples:
        >>> print(as_markdown([Row("tfidf", None, "tfidf", "done", "accuracy", 0.9, 0.88, 0.86, 0.9, "A", True, 72)]))
        | # | tie | candidate | accuracy on test | on valid | train | 1 row | rows/s | memory | size |
        |--:|:---:|---|---|--:|--:|--:|--:|--:|--:|
        | 1 | A | **tfidf** (take this) | 0.880 [0.860-0.900] | 0.900 | 1:12 | - | - | - | - |
        <BLANKLINE>
    """
    ranked = [row for row in rows if row.status == "done"]
    metric = as_cell(rows[0].metric) if rows else "score"
    lines = [f"| # | tie | candidate | {metric} on test | on valid | train | 1 row | rows/s | memory | size |", "|--:|:---:|---|---|--:|--:|--:|--:|--:|--:|"]
    lines += [f"| {' | '.join(_cells(number, row))} |" for number, row in enumerate(ranked, start=1)]
    others = [f"- {row.candidate}: {row.status}: {row.why}" for row in rows if row.status != "done"]
    return "\n".join([*lines, "", *others, *([""] if others else [])])


def _cells(number: int, row: Row) -> list[str]:
    name = f"**{as_cell(row.candidate)}** (take this)" if row.recommended else as_cell(row.candidate)
    test = f"{row.test:.3f}" if row.test is not None else "-"
    if row.test_low is not None and row.test_high is not None:
        test += f" [{row.test_low:.3f}-{row.test_high:.3f}]"
    seconds = "-" if row.train_seconds is None else clock(row.train_seconds)
    return [
        *(str(number), row.tie_group or "-", name, test, _figure(row.valid, "{:.3f}"), seconds),
        *(
            _figure(row.latency_ms_p50, "{:.3g} ms"),
            _figure(row.rows_per_second, "{:,.0f}"),
            _figure(row.peak_memory_mb, "{:,.0f} MB"),
            "-" if row.size_mb is None else size_of(row.size_mb),
        ),
    ]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
