"""What was found while reading and checking: two records that the report prints as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringsmith.records import Record


@dataclass(frozen=True)
class ReadFindings(Record):
    """How a source was read, and what became of its rows.

    ``rows_read == rows_used + sum(dropped.values())`` always holds: no row is lost silently.

    Attributes:
        source: path, address, ``"standard input"`` or ``"memory"``.
        format: ``"delimited"``, ``"jsonl"``, ``"json"``, ``"parquet"``, ``"arrow"``, ``"excel"``, ``"folder"``, ``"lines"`` or ``"memory"``.
        compression: ``"gz"``, ``"zst"``, ``"xz"``, ``"bz2"`` or ``"zip"``; None where there is none.
        encoding: Python's name of the encoding; None where the format has its own.
        delimiter: the byte between cells; None where the format has none.
        quote: the byte around cells; None where quotes are plain text.
        header: whether the first row names the columns; None where the format has its own names.
        columns: all column names, in order.
        text_column: the column of the texts.
        label_column: the column of the labels; None where labels are not needed.
        pair_column: the column of second texts, or None.
        group_column: the column of groups, or None.
        time_column: the column of times, or None.
        split_column: the column of split names, or None.
        rows_read: number of data rows in the source (headers and blank lines do not count).
        rows_used: number of rows that can be learnt from.
        dropped: reason -> number of rows left out for it.
        examples: reason -> up to three places (``"line 17"``, ``"row 4"``).
        multilabel: whether a row may have several labels.
        label_separator: what stands between the labels of a row in one cell, None where nothing does.
        notes: everything else that was found or decided, one sentence each.
    """

    source: str
    format: str
    columns: Sequence[str]
    text_column: str
    rows_read: int
    rows_used: int
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    label_column: str | None = None
    pair_column: str | None = None
    group_column: str | None = None
    time_column: str | None = None
    split_column: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    multilabel: bool = False
    label_separator: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class DataFindings(Record):
    """What the rows are like, and what is wrong with them.

    Attributes:
        rows: number of rows checked.
        language: the likely language as a two-letter code, or ``"unknown"``.
        language_share: share of the evidence that speaks for it: of the common words of this language and the next likely, or of the letters.
        scripts: writing system -> share of the letters.
        classes: label -> number of rows, largest first (in multi-label data a row counts for each of its labels).
        majority_share: share of the rows that carry the largest class.
        rare_classes: label -> number of rows to learn from (training and validation), for classes with fewer than `rare_below`.
        rare_below: what counts as rare.
        balance: entropy of the classes over its largest value: 1 = all classes alike, towards 0 = one class only.
        labels_per_row: mean number of labels of a row (1 in single-label data).
        exact_duplicates: rows whose text (and pair) another row before them has, letter for letter.
        near_duplicates: further rows that differ from an earlier one only in case, blanks and punctuation, or hardly (`near_threshold`).
        near_threshold: smallest share of common character 5-grams that counts as a near duplicate.
        near_rows_checked: number of rows that were compared for near duplicates (all, unless the data are huge; then `notes` says so).
        duplicate_examples: up to five pairs ``{"rows": [a, b], "texts": [first, second], "kind": "exact" | "near"}``; row numbers of the source.
        leaks: split name -> ``{"train": rows taken out of training, "valid": rows taken out of validation}``.
        conflicts: number of distinct texts that carry more than one label.
        conflicting_rows: number of rows with such a text.
        conflict_examples: up to five ``{"text", "labels": {label: count}, "rows"}``.
        words: length of the texts in words, or in characters where words are not parted by blanks: ``{"min", "q05", "q25", "median", "q75", "q95", "max", "mean"}``.
        characters: the same in characters.
        words_histogram: ``{"edges": k + 1 numbers, "counts": k numbers}``.
        pairs: whether the rows are pairs of texts.
        groups: number of groups, None without a group column.
        notes: what a reader should know, one sentence each.
    """

    rows: int
    language: str = "unknown"
    language_share: float = 0.0
    scripts: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    majority_share: float = 0.0
    rare_classes: Mapping[str, int] = field(default_factory=dict)
    rare_below: int = 0
    balance: float = 0.0
    labels_per_row: float = 1.0
    exact_duplicates: int = 0
    near_duplicates: int = 0
    near_threshold: float = 0.0
    near_rows_checked: int = 0
    duplicate_examples: Sequence[Mapping[str, Any]] = ()
    leaks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    conflicts: int = 0
    conflicting_rows: int = 0
    conflict_examples: Sequence[Mapping[str, Any]] = ()
    words: Mapping[str, float] = field(default_factory=dict)
    characters: Mapping[str, float] = field(default_factory=dict)
    words_histogram: Mapping[str, Sequence[float]] = field(default_factory=dict)
    pairs: bool = False
    groups: int | None = None
    notes: Sequence[str] = ()
