"""A corpus named on the command line: of a table its text column, found and read as `compare` does; anything else goes to the words as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ringsmith._files import is_table
from ringsmith.data.encoding import known_encoding
from ringsmith.errors import ColumnError, OptionError
from ringsmith.records import Progress, Report, silent

if TYPE_CHECKING:
    from ringsmith.words.sources import Source

LARGEST_BYTES = 256_000_000
"""Larger tables are read a part at a time, by the name of their column."""


@dataclass(frozen=True)
class Texts:
    """Where words are read from.

    Attributes:
        source: for `read_corpus`.
        column: for `CorpusOptions`: the column of a table too large to be read at once.
        notes: what was found, a sentence each.
        found: the column that the texts were read from, in UTF-8; None where it was not looked for, or they were read in another encoding.
        encoding: of plain text that is still to be read; None for UTF-8.
    """

    source: Source
    column: str | None = None
    notes: tuple[str, ...] = ()
    found: str | None = None
    encoding: str | None = None


def texts_of(corpus: str, column: str | None, encoding: str | None = None, delimiter: str | None = None, report: Report = silent) -> Texts:
    """The texts of what the user named.

    Raises:
        ColumnError: no such column, or which one holds the texts is not clear; all are listed. ReadError: the table cannot be read.
        OptionError: a table too large to look for its column, a file too large for another encoding than UTF-8 or another delimiter, or nothing is
            delimited so. UnknownName: no such encoding.
    """
    path = Path(corpus).expanduser()
    if column is None and encoding is None and delimiter is None and not is_table(path):
        return Texts(corpus)
    size = path.stat().st_size if path.is_file() else 0
    for name, value, instead in (("--encoding", encoding, "Convert the texts to UTF-8 first"), ("--delimiter", delimiter, "Write the table with commas first")):
        if value is not None and (size > LARGEST_BYTES or path.is_dir()):
            got = "a folder" if path.is_dir() else "a larger one"
            raise OptionError(f"{corpus}: {name} is for one file of at most {LARGEST_BYTES / 1e6:.0f} MB; got {got}. {instead}.")
    if size > LARGEST_BYTES:
        if column is None:
            raise OptionError(
                f"{corpus}: a table of more than {LARGEST_BYTES / 1e6:.0f} MB is read a part at a time; this one has {size / 1e6:,.0f} MB. Name its text column with --column."
            )
        return Texts(corpus, column)
    return _column_of(corpus if corpus == "-" else path, column, encoding, delimiter, report)


def _column_of(source: str | Path, column: str | None, encoding: str | None, delimiter: str | None, report: Report) -> Texts:
    """All texts of one column."""
    from ringsmith.data import read_texts

    report(Progress("read", 0, None, "rows"))
    try:
        found = read_texts(source, text=column, encoding=encoding, delimiter=delimiter)
    except ColumnError as error:
        raise ColumnError(str(error).replace("--text", "--column")) from error  # what other commands call --text
    facts = found.findings
    written = [facts.encoding, f"delimiter {facts.delimiter!r}"] if facts.delimiter else []
    notes = [f"Texts: column {facts.text_column!r} ({', '.join(filter(None, [f'{facts.rows_used:,} rows', *written]))})."]
    return Texts(found.texts.texts, None, (*notes, *(note.replace("--text", "--column") for note in facts.notes)), facts.text_column if facts.encoding in (None, "utf-8") else None)


def documents_of(corpus: str, column: str | None, encoding: str | None = None, report: Report = silent) -> Texts:
    """The same for who reads a table a part at a time, and again: the name of its text column, or the texts where it cannot be read so by that name.

    Raises:
        ColumnError: which column holds the texts is not clear; all are listed. ReadError: the table cannot be read. OptionError: it is too large to look.
        UnknownName: no such encoding.
    """
    path = Path(corpus).expanduser()
    if column is None and not is_table(path):
        return Texts(corpus, encoding=known_encoding(encoding))
    if encoding is not None:
        return texts_of(corpus, column, encoding, report=report)
    if column is not None:
        return Texts(corpus, column)
    from ringsmith.words.tables import column_names

    texts = texts_of(corpus, None, report=report)
    if texts.found in column_names(path):
        return replace(texts, source=corpus, column=texts.found)
    return replace(texts, notes=tuple(note.replace("name another with --encoding", "write it as UTF-8") for note in texts.notes))
