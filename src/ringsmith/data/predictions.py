"""Texts to predict in, predictions out: the input's own columns plus ``prediction`` and ``score``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ringsmith._files import DELIMITED, held, put, refuse_source
from ringsmith._wording import plural
from ringsmith.data.cells import as_strings
from ringsmith.data.columns import Asked, find_columns
from ringsmith.data.encoding import to_utf8
from ringsmith.data.formats.delimited import PROSE, read_lines
from ringsmith.data.formats.header import nameless, share_asked
from ringsmith.data.names import HEADER_WORDS, plain
from ringsmith.data.raw import RawTable
from ringsmith.data.read import EMPTY_PAIR, EMPTY_TEXT, NOT_TEXT, label_table, read_raw, read_source, with_encoding_told
from ringsmith.data.shape import is_there, open_objects, shaped
from ringsmith.data.source import Source, open_source, path_of
from ringsmith.data.table import Inputs
from ringsmith.data.tags import refuse_words
from ringsmith.errors import MachineError, OptionError, ReadError
from ringsmith.records import Label

PREDICTION, SCORE, PAIR = "prediction", "score", "pair"
NONE_TO_READ = {EMPTY_TEXT: "no text", EMPTY_PAIR: "no second text"}
"""Why a row has no answer, where a look at it tells as much; with other reasons the first such rows are told."""
BINARY = (".parquet", ".arrow")
"""Files that hold bytes as they are."""


def read_texts(
    source: Any,
    *,
    text: str | None = None,
    pair: str | None = None,
    known: Sequence[str] = (),
    known_pair: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    offline: bool = False,
) -> Inputs:
    """The texts of a file, of standard input (``"-"``), of memory, or one quoted text.

    Args:
        source: anything `read_table` reads, a text file with one text a line, or the text itself.
        text: the text column; None: it is found.
        pair: the column of second texts; the second text itself where `source` is a text.
        known: names the text column had in training, tried first; several columns that were joined are one name with commas.
        known_pair: the same for the column of second texts.
        encoding: as for `read_table`.
        delimiter: as for `read_table`.
        offline: refuse addresses on the network.

    Raises:
        ReadError: a path that is not there, a file that cannot be read, or a text of blanks.
        ColumnError: which column is the text is not clear.
        UnknownName: there is no such encoding.
        OptionError: nothing is delimited so.

    Examples:
        >>> read_texts("Great phone, awful battery").texts.texts
        ['Great phone, awful battery']
    """
    if isinstance(source, str) and not source.strip():
        raise ReadError("A text, a file or '-' must be given; got nothing but blanks. Check the command (an unset variable?).")
    if isinstance(source, str) and source != "-" and not source.startswith("hf://") and is_quoted_text(source):
        raw, pair, known, known_pair = _quoted(source, pair), None if pair is None else PAIR, (), None
    else:
        wanted = [*(known if text is None else [text]), pair or known_pair]
        raw = _raw(source, wanted, encoding, delimiter, may_be_lines=text is None and delimiter is None, offline=offline)
    opened = open_objects(raw)
    asked = Asked(text=text or _as_in_training(known, opened), pair=pair)
    if pair is None and known_pair not in (None, asked.text):
        asked = replace(asked, pair=_as_in_training([known_pair], opened))
    table = shaped(opened, asked)
    columns = find_columns(table, asked, need_labels=False)
    read = label_table(table, replace(columns, label=None, split=None))
    lines = read.texts.rows + 1 if raw.lines is None else raw.lines[read.texts.rows]
    return Inputs(read.texts, read.findings, raw.frame, lines.tolist(), [*raw.notes, *(_other_columns(known, opened, columns.text) if text is None else [])])


def _as_in_training(known: Sequence[str], table: RawTable) -> str | None:
    """The column that a model learnt from, as far as it is here: of several that were joined those that are, with commas."""
    here = [[part.strip() for part in name.split(",") if is_there(part, table)] for name in known]
    return next((name if is_there(name, table) else ",".join(parts) for name, parts in zip(known, here, strict=True) if parts or is_there(name, table)), None)


def _other_columns(known: Sequence[str], table: RawTable, read: str) -> list[str]:
    """A sentence where a table's texts are read from other columns than the model learnt from; the only column of a table is taken for what it is."""
    if not known or any(is_there(name, table) for name in known) or (table.format in ("lines", "folder") and not table.header):
        return []
    learnt = [part.strip() for part in known[0].split(",")]
    if len(table.frame.columns) == 1 == len(learnt):
        return []
    lacking = [part for part in learnt if not is_there(part, table)]
    none = "which is not here;" if len(learnt) == 1 else f"joined; {' and '.join(map(repr, lacking))} {'is' if len(lacking) == 1 else 'are'} not here, and"
    return [f"The model learnt from {_named(learnt)}, {none} {_named(read.split(','))} was read (--text names another)."]


def _named(columns: Sequence[str]) -> str:
    """Columns by their names.

    Examples:
        >>> _named(["body"]), _named(["title", " body"])
        ("the column 'body'", "the columns 'title', 'body'")
    """
    return f"the column{'s' if len(columns) > 1 else ''} {', '.join(repr(name.strip()) for name in columns)}"


def _quoted(text: str, second: str | None) -> RawTable:
    """A table of one text, or of one pair."""
    if second is not None and not second.strip():
        raise ReadError("The second text must be given where there is a --pair; got nothing but blanks. Check the command (an unset variable?).")
    return read_raw([{"text": text} if second is None else {"text": text, PAIR: second}])


def _raw(source: Any, columns: Sequence[str | None], encoding: str | None, delimiter: str | None, *, may_be_lines: bool, offline: bool) -> RawTable:
    """The cells of a source; `columns` as in `Source`."""
    if not isinstance(source, (str, Path)) or str(source).startswith("hf://") or (str(source) != "-" and path_of(source).is_dir()):
        return read_raw(source, encoding=encoding, delimiter=delimiter, offline=offline)
    opened = open_source(source, encoding, delimiter, columns)
    if may_be_lines and opened.suffix not in (*DELIMITED, *NOT_TEXT) and (lines := _as_lines(opened)) is not None:
        return with_encoding_told(lines, opened)
    return _first_row_told(read_source(opened), opened.suffix)


def _first_row_told(table: RawTable, suffix: str) -> RawTable:
    """`table` with a note where the first row of its only column may be its name."""
    if table.header is not False or table.lines is None or table.frame.width > 1 or suffix not in DELIMITED or len((table.frame.row(0)[0] or "").split()) >= PROSE:
        return table
    return replace(table, notes=[*table.notes, nameless(table.frame)])


def is_quoted_text(source: str) -> bool:
    """Whether an argument is a text itself: no file of that name, and not written like one.

    Examples:
        >>> is_quoted_text("Great phone"), is_quoted_text("reviews.csv"), is_quoted_text("data/reviews")
        (True, False, False)
    """
    try:
        if Path(source).expanduser().exists():
            return False
    except (OSError, ValueError, RuntimeError):
        return True
    looks_like_path = not any(blank in source for blank in " \n\t") and ("/" in source or "\\" in source or "." in source.strip("."))
    return not looks_like_path


def _as_lines(source: Source) -> RawTable | None:
    """One text a line, where nothing says that the file is a table: no tab, no known column name, no JSON, no binary format."""
    head = source.content[:4096]
    if head.startswith((b"PAR1", b"ARROW1", b"PK", b"{", b"[", b"\xff\xff\xff\xff", b"\xd0\xcf")):
        return None
    content, encoding = to_utf8(source.content, source.name, source.encoding)
    refuse_words(source, content)
    first = content.split(b"\n", 1)[0].decode("utf-8").strip("\r")
    cells = [cell.strip("\"' ") for mark in ",;|\t" for cell in first.split(mark)]
    if b"\t" in content[:4096] or share_asked(cells, source.columns) or any(plain(cell) in HEADER_WORDS for cell in cells):
        return None
    return read_lines(source, content, encoding)


def write_predictions(out: Path | str | None, inputs: Inputs, predictions: Sequence[Label | None], scores: Sequence[float]) -> list[str]:
    """Write the input's columns plus ``prediction`` and ``score``; rows without a text have neither.

    Args:
        out: file to write: ``.csv``, ``.tsv``, ``.jsonl``, ``.json``, ``.parquet`` or ``.arrow``; None writes CSV to standard output.
        inputs: what `read_texts` gave.
        predictions: one label (or tuple of labels) for each row of ``inputs.texts``.
        scores: the probability of each prediction.

    Returns:
        What a reader should know, a sentence each.

    Raises:
        OptionError: as in `check_out`.
        MachineError: no permission, or the disk is full.
    """
    frame, notes = predicted(inputs, predictions, scores)
    if out is not None:
        check_out(out)
    suffix = ".csv" if out is None else Path(out).suffix.lower()
    frame, lost = holdable(frame, suffix)
    notes += [f"A {suffix} file cannot hold bytes: {', '.join(map(repr, lost))} left out. A .parquet file keeps them."] if lost else []
    if out is None:
        sys.stdout.write(flat(frame).write_csv())
        return notes
    try:
        lies = write_whole(frame, Path(out).resolve())
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MachineError(f"{out}: the predictions cannot be written ({reason}). Check the folder's permissions and the space left.") from error
    return notes if lies == Path(out).resolve() else [*notes, f"{held(lies)}."]


def check_out(out: Path | str, source: str | None = None) -> None:
    """Fail on a file that cannot be written to before anything is predicted.

    Args:
        out: the file.
        source: what is predicted, where it may be a file: it is not to be replaced.

    Raises:
        OptionError: an unknown ending, a folder, a file where a folder would have to be, or the very file that is read.
        MachineError: no permission to write there.
    """
    path = Path(out)
    if path.suffix.lower() not in WRITERS:
        raise OptionError(f"'out' must end in {', '.join(WRITERS)}; got {path.name!r}. Use .csv.")
    if path.is_dir():
        raise OptionError(f"'out' must be a file; {path} is a folder. Name a file, such as {path / 'predictions.csv'}.")
    if source is not None:
        refuse_source(path, source)
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise OptionError(f"'out' must be a file in a folder; got {str(path)!r}, where {above.name!r} is a file. Name another place.")
    if not os.access(above, os.W_OK):
        raise MachineError(f"{path}: the predictions cannot be written (no permission to write into {above}). Name another place, or change its permissions.")


def write_whole(frame: pl.DataFrame, path: Path) -> Path:
    """Write beside `path` and rename at the end: the file appears whole or not at all, and an older one stays until then. Returns where it lies, see `put`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return put(path, lambda scratch: WRITERS[path.suffix.lower()](frame, scratch))


def remarks(inputs: Inputs) -> list[str]:
    """What is to be said of the answers: what reading found, texts from other columns than in training, and rows without an answer, with the reason."""
    unanswered = []
    for reason, count in inputs.findings.dropped.items():
        places = f" (e.g. {', '.join(inputs.findings.examples[reason])})" if reason not in NONE_TO_READ else ""
        unanswered.append(f"{plural(count, 'row has', 'rows have')} {NONE_TO_READ.get(reason, reason)} and no prediction{places}.")
    return [*inputs.notes, *unanswered]


def predicted(inputs: Inputs, predictions: Sequence[Label | None], scores: Sequence[float]) -> tuple[pl.DataFrame, list[str]]:
    """The input table with two more columns (older ones of the same names are replaced)."""
    frame: pl.DataFrame = inputs.table
    old = [name for name in (PREDICTION, SCORE) if name in frame.columns]
    notes = [f"The input's own {'columns' if len(old) > 1 else 'column'} {' and '.join(map(repr, old))} {'were' if len(old) > 1 else 'was'} replaced."] if old else []
    notes += remarks(inputs)
    several = any(isinstance(label, tuple) for label in predictions)
    at = inputs.texts.rows
    label_cells: list[Any] = [None] * len(frame)
    score_cells = np.full(len(frame), np.nan)
    for position, label in zip(at.tolist(), predictions, strict=True):
        label_cells[position] = list(label) if isinstance(label, tuple) else label
    score_cells[at] = np.asarray(scores, dtype=np.float64)
    cells = pl.Series(PREDICTION, label_cells, dtype=pl.List(pl.String) if several else pl.String)
    return frame.drop(old).with_columns(cells, pl.Series(SCORE, score_cells).round(6).fill_nan(None)), notes


def holdable(frame: pl.DataFrame, suffix: str) -> tuple[pl.DataFrame, list[str]]:
    """`frame` without what a file of this kind cannot hold, and the names of the columns that are gone: bytes that are no text. Any object is written as text."""
    columns = {column.name: _as_written(column, suffix) for column in frame}
    return pl.DataFrame([column for column in columns.values() if column is not None]), [name for name, column in columns.items() if column is None]


def _as_written(column: pl.Series, suffix: str) -> pl.Series | None:
    if column.dtype == pl.Object:
        return as_strings(column)
    if suffix in BINARY or "Binary" not in str(column.dtype):
        return column
    try:
        return column.cast(pl.String) if column.dtype == pl.Binary else None
    except pl.exceptions.ComputeError:
        return None


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` as delimited text can hold it: predicted lists joined by ``|``, other nested cells as JSON."""
    columns = []
    for name, kind in frame.schema.items():
        column = frame[name]
        if isinstance(kind, pl.List) and kind.inner == pl.String:
            columns.append(column.list.join("|"))
        elif kind.is_nested():
            columns.append(pl.Series(name, [None if cell is None else json.dumps(cell, ensure_ascii=False, default=str) for cell in column.to_list()], dtype=pl.String))
        else:
            columns.append(column)
    return pl.DataFrame(columns)


WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    ".csv": lambda frame, path: flat(frame).write_csv(path),
    ".tsv": lambda frame, path: flat(frame).write_csv(path, separator="\t"),
    ".jsonl": lambda frame, path: frame.write_ndjson(path),
    ".json": lambda frame, path: frame.write_json(path),
    ".parquet": lambda frame, path: frame.write_parquet(path),
    ".arrow": lambda frame, path: frame.write_ipc(path),
}
