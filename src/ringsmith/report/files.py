"""What a comparison left in its folder, read and cleaned: nothing is computed here.

The texts of the test rows may be many: their labels are streamed once, their texts are fetched only for the rows a page shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError
from ringsmith.records import SCHEMA, RunResult
from ringsmith.report.wording import clean

T = TypeVar("T")
Json = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one candidate said about the test rows.

    Attributes:
        proba: float (n, K) probabilities.
        position: int (n,) line of each row in ``rows.jsonl``.
    """

    proba: npt.NDArray[np.float64]
    position: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Study:
    """The files of one comparison.

    Attributes:
        folder: where they lie.
        study: ``study.json``.
        board: ``leaderboard.json``, best first.
        runs: the last line of each run in ``ledger.jsonl``, in the order they ended.
    """

    folder: Path
    study: Json
    board: Sequence[Json]
    runs: Sequence[RunResult]


def read_study(folder: Path) -> Study:
    """All small files of a comparison's folder.

    Raises:
        InputError: the folder is not a comparison's, or one of its files is broken or of another schema.
    """
    study = _read_json(folder / "study.json")
    if type(study) is not dict or study.get("schema") != SCHEMA:
        got = study.get("schema") if type(study) is dict else type(study).__name__
        remedy = "Run `ringsmith compare` again, or install the version that wrote it."
        raise InputError(f"{folder / 'study.json'}: schema {SCHEMA} is read by this version of Ringsmith; got {got!r}. {remedy}")
    board = _read_json(folder / "leaderboard.json")
    return Study(folder, clean(study), clean(board), _read_runs(folder / "ledger.jsonl"))


def read_predictions(study: Study, candidate: str) -> Predictions | None:
    """What a candidate said about the test rows; None where nothing was kept.

    Raises:
        InputError: the file is broken.
    """
    path = study.folder / "predictions" / f"{study.study.get('keys', {}).get(candidate)}.npz"
    if not path.exists() or not rows_file(study).exists():
        return None

    def read() -> Predictions:
        # Opened here: np.load leaves its own handle open where the archive is broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Predictions(arrays["test_proba"].astype(np.float64), arrays["test_position"].astype(np.int64))

    found = _guarded(path, read)
    return found if len(found.position) else None


def rows_file(study: Study) -> Path:
    """Where the test rows stand, a line each."""
    return study.folder / "predictions" / "rows.jsonl"


def row_labels(study: Study) -> list[Any]:
    """The true label (multi-label: list of labels) of every test row, in the order of the file."""
    return [row["label"] for _, row in _lines(rows_file(study))]


def rows_at(study: Study, positions: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The test rows on these lines, by line."""
    wanted = set(positions)
    return dict(_lines(rows_file(study), wanted=wanted))


def _read_json(path: Path) -> Any:
    return _guarded(path, lambda: json.loads(path.read_text(encoding="utf-8")))


def _read_runs(path: Path) -> tuple[RunResult, ...]:
    if not path.exists():
        return ()
    results = (_guarded(path, lambda line=line: RunResult.from_json(line)) for _, line in _lines(path))  # type: ignore[misc]
    return tuple({result.run: result for result in results}.values())


def _lines(path: Path, *, wanted: set[int] | None = None) -> Iterator[tuple[int, Any]]:
    """The lines of a JSONL file with their numbers from 0; a last line that was cut off is left out."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if line.endswith(b"\n") and (wanted is None or number in wanted):
                yield number, clean(_guarded(path, lambda line=line: json.loads(line)))  # type: ignore[misc]


def _guarded(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except FileNotFoundError as error:
        raise InputError(f"{path} must be there to make a report; it is not. Name the folder that `ringsmith compare` wrote.") from error
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise InputError(f"{path}: must be as `ringsmith compare` wrote it; got {error}. Run it again with the same --out: what is finished is kept.") from error
