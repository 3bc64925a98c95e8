"""Any source -> labelled texts: open, recognise, read, find the columns, drop what cannot be used, and say all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith.data import names
from ringsmith.data.cells import as_strings, as_texts
from ringsmith.data.columns import Asked, Columns, find_columns, quoted
from ringsmith.data.encoding import to_utf8
from ringsmith.data.findings import ReadFindings
from ringsmith.data.formats import columnar, json
from ringsmith.data.formats.delimited import read_delimited
from ringsmith.data.formats.folder import read_folder
from ringsmith.data.formats.hub import read_hub
from ringsmith.data.formats.memory import read_memory
from ringsmith.data.labels import Labels, read_labels
from ringsmith.data.raw import RawTable
from ringsmith.data.shape import is_there, open_objects, shaped
from ringsmith.data.source import PACKERS, Source, is_office, open_source, path_of
from ringsmith.data.table import LabelledTable
from ringsmith.data.tags import refuse_tags, refuse_words
from ringsmith.data.times import read_times
from ringsmith.errors import ColumnError, InputError, ReadError
from ringsmith.records import Label, TextSet

BINARY_FORMATS: dict[bytes, Callable[[Source], RawTable]] = {
    b"PAR1": columnar.read_parquet,
    b"ARROW1": columnar.read_arrow,
    b"\xff\xff\xff\xff": columnar.read_arrow_stream,
    columnar.XLS: columnar.read_excel,
}
NOT_TEXT = (".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods", *(f".{kind}" for kind in PACKERS))
"""Suffixes of files that are no text."""
BYTES_SAY_IT = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
"""Encodings that cannot be mistaken: by the mark at the beginning of the file, or because no other bytes are like these."""
MOST_BYTES = 5_000_000
"""Longest text that is taken: a Bible in one cell."""
EMPTY_TEXT, NO_LABEL, EMPTY_PAIR, NO_SPLIT = "empty text", "no label", "empty second text", "no split"


def read_table(
    source: Any,
    *,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    need_labels: bool = True,
    label_separator: str | None = None,
    multilabel: bool | None = None,
    offline: bool = False,
) -> LabelledTable:
    """The labelled texts of a source, with an account of every row.

    Args:
        source: path of a file (CSV, TSV, JSONL, JSON, Parquet, Arrow, XLSX; also ``.gz``, ``.zst``, ``.xz``) or of a folder with one sub-folder of text files
            for each class; ``"-"`` for standard input; an ``hf://`` address; a polars or pandas data frame; rows like ``[(text, label), ...]``.
        text: name (or number from 1) of the text column; several, joined by commas, are joined to one text; None: it is found.
        label: the same for the label column; several columns of 0 and 1, joined by commas, make rows with several labels.
        pair: the same for second texts; None: there are none, unless the names say so (premise and hypothesis).
        group: column of groups that no split may cut apart.
        time: column of times; splits made from them test on the latest rows.
        split: column that names each row's split; None: one is used if its name and values say so.
        encoding: of a text file, where it is not found or found wrongly: ``"cp1250"``; what is UTF-8 or has a byte order mark is read as that all the same.
        delimiter: what stands between the cells of a CSV file or its like, where it is none of comma, semicolon, tab and bar, or found wrongly: ``"^"``.
        need_labels: False reads texts alone.
        label_separator: what stands between several labels of a row; None: it is found.
        multilabel: True: a row may have several labels, and bars, semicolons or commas part them even where that is not beyond doubt; False: each has one; None: it
            is found.
        offline: refuse addresses on the network.

    Raises:
        ReadError: the source cannot be read as a table.
        ColumnError: a column is missing or ambiguous.
        LabelError: the labels cannot be used.
        UnknownName: there is no such encoding.
        OptionError: nothing is delimited so.
        NotAtHand: an ``hf://`` address with `offline`, or the network does not answer.

    Examples:
        >>> table = read_table([("Great phone", "good"), ("Awful battery", "bad"), ("", "bad")])
        >>> len(table.texts), table.findings.dropped
        (2, {'empty text': 1})
    """
    asked = Asked(text, label, pair, group, time, split)
    table = read_raw(source, encoding=encoding, delimiter=delimiter, columns=asked.names(), offline=offline)
    table = shaped(table, asked)
    columns = find_columns(table, asked, need_labels=need_labels)
    return label_table(table, columns, label_separator=label_separator, multilabel=multilabel)


def read_like(
    source: Any,
    findings: ReadFindings,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    need_labels: bool = True,
    label_separator: str | None = None,
    offline: bool = False,
) -> LabelledTable:
    """A second source (``--test``) read with the columns of a first one; group, time and split columns may be missing in it.

    Several labels of a row are parted by what parts them in the first, where `label_separator` says nothing else.

    Raises:
        ColumnError: another column is missing in it.
    """
    named = (findings.text_column, findings.label_column, findings.pair_column)
    table = open_objects(read_raw(source, encoding=encoding, delimiter=delimiter, columns=named, offline=offline))
    group, time = (name if name is not None and is_there(name, table) else None for name in (findings.group_column, findings.time_column))
    asked = Asked(findings.text_column, findings.label_column if need_labels else None, findings.pair_column, group, time)
    lacking = [name for name in (asked.text, asked.label, asked.pair) if name is not None and not is_there(name, table)]
    if lacking:
        raise ColumnError(
            f"{table.source}: the second table must have the columns of the first, {findings.source}; there is none called {' and none called '.join(map(repr, lacking))}. "
            f"Its columns are: {quoted(table.frame.columns)}. Give them the same names in both."
        )
    table = shaped(table, asked)
    separator = label_separator or findings.label_separator or ""
    columns = replace(find_columns(table, asked, need_labels=need_labels), split=None)
    return label_table(table, columns, label_separator=separator, multilabel=findings.multilabel)


def read_raw(source: Any, *, encoding: str | None = None, delimiter: str | None = None, columns: Iterable[str | None] = (), offline: bool = False) -> RawTable:
    """The cells of any source, not yet understood; `columns` as in `Source`."""
    if not isinstance(source, (str, Path)):
        return read_memory(source)
    if str(source).startswith("hf://"):
        if told := [f"--{name} {value}" for name, value in (("encoding", encoding), ("delimiter", delimiter)) if value is not None]:
            raise ReadError(f"{source}: files at such an address are read as UTF-8 with commas or, in .tsv, tabs; got {told[0]}. Download the file and name it, or leave it out.")
        return read_hub(str(source), offline=offline)
    if str(source) != "-" and (path := path_of(source)).is_dir():
        return read_folder(path, encoding)
    return read_source(open_source(source, encoding, delimiter, columns))


def read_source(source: Source) -> RawTable:
    """One file's bytes: recognised by content, not by name.

    Raises:
        ReadError: binary, wrong encoding, broken, without rows, or words with their tags.
    """
    if source.content.startswith(b"PK") and is_office(source.content):
        return with_delimiter_told(columnar.read_excel(source), source)
    for magic, reader in BINARY_FORMATS.items():
        if source.content.startswith(magic):
            return with_delimiter_told(reader(source), source)
    return misnamed_told(_read_text(source), source)


def _read_text(source: Source) -> RawTable:
    content, encoding = to_utf8(source.content, source.name, source.encoding)
    if not content.strip():
        raise ReadError(f"{source.name}: the file holds blanks only. A table needs a header and at least a few rows; check how it was written.")
    refuse_words(source, content)
    table = (json.looks_like_json(content) and _read_json(source, content, encoding)) or read_delimited(source, content, encoding)
    return with_encoding_told(with_delimiter_told(table, source), source)


def misnamed_told(table: RawTable, source: Source) -> RawTable:
    """`table`, which is text, with a note where its name says that the file is none.

    Raises:
        ReadError: and it is no table either: a page that speaks of an error, or the like, in the place of a file.
    """
    if source.suffix not in NOT_TEXT:
        return table
    if table.frame.width < 2 or source.content.lstrip().startswith(b"<"):
        first = names.shorten(source.content[:200].decode("utf-8", errors="replace"))
        raise ReadError(
            f"{source.name}: the name ends in {source.suffix}, but the file is text that begins with {first!r}. Fetch it again, or name it for what it is (.csv, .txt)."
        )
    return replace(table, notes=[f"The name ends in {source.suffix}, but the file is text and was read as that ({table.format}).", *table.notes])


def with_delimiter_told(table: RawTable, source: Source) -> RawTable:
    """`table` with a note where the user named a delimiter and there is none."""
    if source.delimiter is None or table.delimiter is not None:
        return table
    return replace(table, notes=(*table.notes, f"The file is {table.format}, which has no delimiter: --delimiter was not needed."))


def with_encoding_told(table: RawTable, source: Source) -> RawTable:
    """`table` with a note where its encoding was guessed, or is another than the user said."""
    found = table.encoding or ""
    if source.encoding is None and found not in BYTES_SAY_IT:
        note = f"Read as {found}; name another with --encoding if letters look wrong."
    elif source.encoding is not None and not source.encoding.startswith(found.removesuffix("-sig")):
        note = f"The file is {found}, as its bytes say, and not {source.encoding}."
    else:
        return table
    return replace(table, notes=(note, *table.notes))


def _read_json(source: Source, content: bytes, encoding: str) -> RawTable | None:
    """JSON Lines, a document, or objects in sequence; None where it is none of them and not called so (a CSV may begin with ``[`` too)."""
    lines = source.suffix in (".jsonl", ".ndjson")
    if json.looks_like_lines(content) or (lines and b"\n" not in content.strip()):
        return json.read_jsonl(source, content, encoding)
    if _is_document(content):
        return json.read_json(source, content, encoding)
    if (rows := json.in_sequence(content)) is not None:
        return json.read_json_objects(source, rows, encoding)
    if lines or source.suffix == ".json":
        return (json.read_jsonl if lines else json.read_json)(source, content, encoding)
    return None


def _is_document(content: bytes) -> bool:
    """Whether text that begins with a bracket is JSON as a whole."""
    try:
        json.load(content, "")
    except ReadError:
        return False
    return True


def label_table(table: RawTable, columns: Columns, *, label_separator: str | None = None, multilabel: bool | None = None) -> LabelledTable:
    """Raw cells -> usable rows, with every other row counted by reason."""
    frame = table.frame
    texts = as_texts(frame[columns.text]).fill_null("")
    pairs = None if columns.pair is None else as_texts(frame[columns.pair]).fill_null("")
    for column in (texts, pairs):
        if column is not None:
            refuse_giants(table, column)
    labels = None if columns.label is None else read_labels(table, columns.label, separator=label_separator, several=multilabel)
    if labels is not None and columns.label is not None:
        refuse_tags(table.source, columns.label, labels.values)
    if labels is not None and multilabel and not labels.multilabel:
        labels = replace(labels, values=[(str(value),) for value in labels.values], multilabel=True)
    reasons = {reason: _mask(positions, len(frame)) for reason, positions in table.faults.items()}
    reasons[EMPTY_TEXT] = (texts.str.strip_chars() == "").to_numpy()
    if pairs is not None:
        reasons[EMPTY_PAIR] = (pairs.str.strip_chars() == "").to_numpy()
    if labels is not None:
        reasons[NO_LABEL] = labels.missing
    splits = _stripped(frame, columns.split)
    if splits is not None and (splits != "").any():
        reasons[NO_SPLIT] = (splits == "").to_numpy()
    keep, dropped, examples = _sort_out(table, reasons)
    if not len(keep):
        what = "; ".join(f"{count:,} have {reason}" for reason, count in dropped.items())
        raise InputError(
            f"{table.source}: rows with a text{' and a label' if labels else ''} are needed; of {len(frame):,} rows {what} (text column: {columns.text!r}). "
            f"Name {'other columns with --text and --label' if labels else 'another column with --text'}, or mend the table."
        )
    times, of_times = (None, ()) if columns.time is None else read_times(table, columns.time, keep)
    notes = (*table.notes, *columns.notes, *(labels.notes if labels else ()), *of_times)
    found = _findings(table, columns, len(keep), dropped, examples, labels, notes)
    return LabelledTable(
        _text_set(texts, labels, pairs, _stripped(frame, columns.group), keep),
        found,
        None if splits is None else splits.gather(keep).to_list(),
        times,
    )


def refuse_giants(table: RawTable, texts: pl.Series) -> None:
    """Raise where a cell is longer than any text: nearly always a quote that is never closed.

    Raises:
        InputError: file, line, column and length.
    """
    lengths = texts.str.len_bytes()
    if int(lengths.max() or 0) > MOST_BYTES:  # type: ignore[arg-type]
        at = int(lengths.arg_max() or 0)
        raise InputError(
            f"{table.source}: {table.place(at)}: a text may have at most {MOST_BYTES / 1e6:.0f} MB; got {lengths[at] / 1e6:.1f} MB in {texts.name!r}. "
            "A quote that is never closed is the usual cause: mend it, or cut the text into rows."
        )


def _mask(positions: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rows, dtype=np.bool_)
    mask[positions] = True
    return mask


def _stripped(frame: pl.DataFrame, column: str | None) -> pl.Series | None:
    """Names of groups or splits without blanks around them, as labels are: "ann" and "ann " are one author."""
    return None if column is None else as_strings(frame[column]).fill_null("").str.strip_chars()


def _sort_out(table: RawTable, reasons: dict[str, npt.NDArray[np.bool_]]) -> tuple[npt.NDArray[np.int64], dict[str, int], dict[str, list[str]]]:
    """Positions to keep; reason -> rows (each row has one reason, the first that fits); reason -> places."""
    gone = np.zeros(len(table.frame), dtype=np.bool_)
    dropped: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    for reason, mask in reasons.items():
        new = np.flatnonzero(mask & ~gone)
        if len(new):
            dropped[reason] = len(new)
            examples[reason] = [table.place(int(position)) for position in new[:3]]
        gone |= mask
    return np.flatnonzero(~gone), dropped, examples


def _text_set(texts: pl.Series, labels: Labels | None, pairs: pl.Series | None, groups: pl.Series | None, keep: npt.NDArray[np.int64]) -> TextSet:
    whole = len(keep) == len(texts)

    def pick(column: pl.Series | None) -> list[str] | None:
        return None if column is None else (column if whole else column.gather(keep)).to_list()

    values: Sequence[Label] | None = None if labels is None else labels.values if whole else [labels.values[i] for i in keep]
    return TextSet(pick(texts) or [], values, pick(pairs), pick(groups), keep.astype(np.int64))


def _findings(table: RawTable, columns: Columns, used: int, dropped: dict[str, int], examples: dict[str, list[str]], labels: Labels | None, notes: Sequence[str]) -> ReadFindings:
    return ReadFindings(
        source=table.source,
        format=table.format,
        columns=list(table.frame.columns),
        text_column=columns.text,
        rows_read=len(table.frame),
        rows_used=used,
        compression=table.compression,
        encoding=table.encoding,
        delimiter=table.delimiter,
        quote=table.quote,
        header=table.header,
        label_column=columns.label,
        pair_column=columns.pair,
        group_column=columns.group,
        time_column=columns.time,
        split_column=columns.split,
        dropped=dropped,
        examples=examples,
        multilabel=labels is not None and labels.multilabel,
        label_separator=labels.separator if labels else None,
        notes=list(notes),
    )
