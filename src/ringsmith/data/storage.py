"""`TextSet` <-> an Arrow file that worker processes map into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

from ringsmith.errors import MachineError, ReadError
from ringsmith.records import Label, Rows, TextSet


def store(path: Path, texts: TextSet) -> None:
    """Write `texts` to `path` as Arrow IPC: beside it first, then renamed, so that a reader never sees half a file.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame_of(texts).write_ipc(beside)
        beside.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise MachineError(f"{path}: the rows cannot be written ({error}). Free some space or choose another folder with --out.") from error


def restore(path: Path, positions: Rows | Sequence[int] | None = None) -> TextSet:
    """The `TextSet` that `store` wrote.

    Args:
        path: the Arrow file.
        positions: positions (not row numbers) to read, in this order; None for all.

    Raises:
        ReadError: the file is missing or damaged.
    """
    try:
        lazy = pl.scan_ipc(path, glob=False)  # a folder may be called "runs [old]"
        frame = (lazy if positions is None else lazy.select(pl.all().gather(pl.Series(np.asarray(positions, dtype=np.int64))))).collect()
        columns = {name: frame[name].to_list() for name in frame.columns if name != "row"}
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReadError(f"{path}: the stored rows cannot be read ({error}). Delete the folder and run again.") from error
    labels = columns.get("label")
    if labels is not None and frame["label"].dtype == pl.List(pl.String):
        labels = [tuple(names) for names in labels]
    return TextSet(columns["text"], labels, columns.get("pair"), columns.get("group"), frame["row"].to_numpy().astype(np.int64))


def frame_of(texts: TextSet) -> pl.DataFrame:
    """The columns ``row``, ``text`` and, where there are any, ``label``, ``pair``, ``group``."""
    columns = [pl.Series("row", texts.rows), pl.Series("text", _listed(texts.texts), dtype=pl.String)]
    if texts.labels is not None:
        several = any(isinstance(label, tuple) for label in texts.labels)
        columns.append(pl.Series("label", _label_cells(texts.labels) if several else _listed(texts.labels), dtype=pl.List(pl.String) if several else pl.String))
    columns += [pl.Series(name, _listed(cells), dtype=pl.String) for name, cells in (("pair", texts.pairs), ("group", texts.groups)) if cells is not None]
    return pl.DataFrame(columns)


def _listed(cells: Iterable[object]) -> list[object]:
    return cells if isinstance(cells, list) else list(cells)


def _label_cells(labels: Sequence[Label]) -> list[list[str]]:
    return [[label] if isinstance(label, str) else list(label) for label in labels]


def fingerprint(texts: TextSet) -> str:
    """SHA-256 over texts, pairs, labels and groups in order: the same rows give the same 64 digits, from whatever file they came.

    Examples:
        >>> fingerprint(TextSet(["a"], ["x"])) == fingerprint(TextSet(["a"], ["x"], rows=[7])) != fingerprint(TextSet(["a"], ["y"]))
        True
    """
    total = hashlib.sha256()
    for name, column in (("text", texts.texts), ("pair", texts.pairs), ("label", texts.labels), ("group", texts.groups)):
        if column is None:
            continue
        total.update(f"\x00{name}\x00{len(column)}\x00".encode())
        for start in range(0, len(column), 10_000):
            cells = ["\x1f".join(cell) if isinstance(cell, tuple) else str(cell) for cell in column[start : start + 10_000]]
            total.update("".join(f"{len(cell)}:{cell}" for cell in cells).encode("utf-8", errors="surrogatepass"))
    return total.hexdigest()
