"""What a comparison found, as an object: the table, the ties, the model to take, the searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ringsmith.compare import Comparison
from ringsmith.errors import ModelError
from ringsmith.serve import Predictor, load


@dataclass(frozen=True)
class Result:
    """What a comparison found; everything also lies as files in `folder`.

    Attributes:
        comparison: the rows, the choice and its reason, as records.
    """

    comparison: Comparison

    def __repr__(self) -> str:
        return f"Result({str(self.folder)!r}, recommended={self.recommended!r})"

    def __str__(self) -> str:
        """The table and the advice, as Markdown."""
        from ringsmith.compare.leaderboard import as_markdown

        return f"{as_markdown(self.comparison.rows)}\nTake {self.comparison.advice}"

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return str(self)

    @property
    def folder(self) -> Path:
        """Where everything was written."""
        return self.comparison.folder

    @property
    def leaderboard(self) -> Any:
        """The table as a polars DataFrame, best first."""
        from ringsmith.data import as_frame

        return as_frame([asdict(row) for row in self.comparison.rows])

    @property
    def recommended(self) -> str | None:
        """Name of the candidate to take, None where nothing is worth taking."""
        return self.comparison.recommended

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return self.comparison.reason

    @property
    def ties(self) -> Mapping[str, Sequence[str]]:
        """Tie group -> its candidates, best group first. Within a group the validation rows cannot tell them apart."""
        groups: dict[str, list[str]] = {}
        for row in self.comparison.rows:
            if row.tie_group is not None:
                groups.setdefault(row.tie_group, []).append(row.candidate)
        return groups

    @cached_property
    def best(self) -> Predictor:
        """The recommended model, loaded when it is first asked for.

        Raises:
            ModelError: the comparison recommends none.
        """
        if self.comparison.best is None:
            raise ModelError(f"{self.folder}: this comparison hands over no model: {self.reason}")
        return load(self.comparison.best)

    @property
    def learning(self) -> Any:
        """Learning curves as a polars DataFrame: a row for each candidate and number of rows it learnt from; empty where there was no time for them."""
        from ringsmith.data import as_frame

        return as_frame(
            [
                {"candidate": curve["candidate"], "rows": rows, "valid": value}
                for curve in self.comparison.learning
                for rows, value in zip(curve["rows"], curve["values"], strict=True)
            ]
        )

    @property
    def trials(self) -> Any:
        """The trials of every search as a polars DataFrame, in the order in which they were begun: a row each, a column for each option; empty without a search."""
        from ringsmith.data import as_frame

        rows = [(search["candidate"], trial) for search in self.comparison.search for trial in search["trials"]]
        shown = ("number", "status", "valid", "seconds", "why")
        return as_frame([{"searched": name, **{key: trial[key] for key in shown}, **trial["settings"]} for name, trial in rows])

    @property
    def importance(self) -> Mapping[str, Mapping[str, float]]:
        """Candidate that was searched -> option -> its share in how much the trials differ (fANOVA), the largest first."""
        return {search["candidate"]: dict(search["importance"]) for search in self.comparison.search}

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.folder / "report.html"
