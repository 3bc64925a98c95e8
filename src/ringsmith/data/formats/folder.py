"""A folder of text files, one folder for each class (and above them, if you like, one for each split) -> `RawTable`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ringsmith._files import is_table
from ringsmith._wording import plural
from ringsmith.data.encoding import known_encoding, to_utf8
from ringsmith.data.names import split_kind
from ringsmith.data.raw import RawTable
from ringsmith.errors import ReadError

TEXTS = (".txt", ".text", ".md", "")


def read_folder(folder: Path, encoding: str | None = None) -> RawTable:
    """Every text file below `folder` as a row: its text, its folder's name as label, the split's name where there is one.

    Raises:
        ReadError: no text files in folders of classes; what was found instead is named.
        UnknownName: there is no such encoding.
    """
    files = sorted(path for path in _files(folder) if path.suffix.lower() in TEXTS)
    rows = [(path, path.relative_to(folder).parts) for path in files]
    classed = [(path, parts) for path, parts in rows if len(parts) > 1]
    if not classed:
        raise _nothing_here(folder, bool(files))
    split = all(len(parts) > 2 and split_kind(parts[0]) for _, parts in classed)
    encodings: set[str] = set()
    named = known_encoding(encoding)
    texts = [_read(path, named, encodings) for path, _ in classed]
    frame = pl.DataFrame({"text": texts, "label": [parts[1] if split else parts[0] for _, parts in classed], "file": ["/".join(parts) for _, parts in classed]})
    if split:
        frame = frame.with_columns(split=pl.Series([parts[0] for _, parts in classed]))
    left = len(rows) - len(classed)
    notes = [plural(left, "file lies in no class folder and was left out.", "files lie in no class folder and were left out.")] if left else []
    return RawTable(
        str(folder), "folder", frame, encoding=" and ".join(sorted(encodings)), text_column="text", label_column="label", split_column="split" if split else None, notes=notes
    )


def _files(folder: Path) -> Iterator[Path]:
    """Every file below `folder` that is not hidden, links followed; a folder that may not be read is a fault, for its texts would be missing without a word."""
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and not _leads_back(Path(place, name))]
        yield from (path for name in names if not name.startswith(".") and (path := Path(place, name)).is_file())


def _leads_back(folder: Path) -> bool:
    """Whether this is a link to one of the folders that lead to it: it would be followed for ever."""
    return folder.is_symlink() and folder.resolve() in {parent.resolve() for parent in folder.absolute().parents}


def _refuse(error: OSError) -> None:
    raise ReadError(f"{error.filename}: the folder cannot be read ({error.strerror}). Change its permissions or move it away.") from error


def _read(path: Path, named: str | None, encodings: set[str]) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: the file cannot be read ({error.strerror or error}). Change its permissions or move it away.") from error
    if not content:
        return ""
    text, encoding = to_utf8(content, str(path), named)
    encodings.add(encoding)
    return text.decode("utf-8").strip()


def _nothing_here(folder: Path, loose: bool) -> ReadError:
    tables = sorted(path.name for path in folder.iterdir() if is_table(path))
    if tables:
        return ReadError(
            f"{folder}: a folder must hold one sub-folder of text files for each class; this one holds tables ({', '.join(tables[:5])}). Name one: '{folder / tables[0]}'."
        )
    what = "text files, but none in a sub-folder" if loose else "no text files (.txt)"
    return ReadError(f"{folder}: a folder must hold one sub-folder of text files for each class, like '{folder.name}/positive/1.txt'; this one has {what}.")
