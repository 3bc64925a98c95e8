"""What every family of vector files keeps to, and the sentences they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ringsmith.errors import OptionError, ReadError
from ringsmith.records import Report, silent
from ringsmith.words.vectors import WordVectors

Errors = Literal["refuse", "replace"]


@dataclass(frozen=True)
class ReadOptions:
    """How vectors are read.

    Attributes:
        most: read only so many words, the first of the file; None for all.
        errors: what to do with a word that is not UTF-8: ``"refuse"`` the file, or ``"replace"`` the bytes by U+FFFD and say how many words that were.
        report: is told where a long reading stands.

    Raises:
        OptionError: `most` below 1, or another way with errors.
    """

    most: int | None = None
    errors: Errors = "refuse"
    report: Report = silent

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise OptionError(f"'most' must be at least 1; got {self.most}. Leave it out to read all words.")
        if self.errors not in ("refuse", "replace"):
            raise OptionError(f"'errors' must be 'refuse' or 'replace'; got {self.errors!r}. Use 'refuse', or leave it out.")


DEFAULT = ReadOptions()


@dataclass(frozen=True)
class Target:
    """Where vectors are written.

    Attributes:
        path: where to write; nothing lies there.
        name: the path that it becomes when all is written.
        report: is told where a long writing stands.
    """

    path: Path
    name: Path
    report: Report = silent


@dataclass(frozen=True)
class Format:
    """A family of files: how it is told, read and written.

    Attributes:
        name: as the user names it.
        summary: what it is, for a list.
        suffixes: file names that end so are written in this form.
        read: path and options -> vectors; raises `ReadError`.
        write: vectors and where they go -> the file; None where it is only read.
        is_folder: whether it is a folder rather than a file.
        keeps_ngrams: whether vectors of n-grams, for words that are not there, are written, too.
        companions: path -> the files that are written, or removed, together with it.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, ReadOptions], WordVectors]
    write: Callable[[WordVectors, Target], None] | None = None
    is_folder: bool = False
    keeps_ngrams: bool = False
    companions: Callable[[Path], tuple[Path, ...]] = lambda _: ()


def decode_words(pieces: Sequence[bytes], path: Path, errors: Errors, *, first: int, unit: str = "line") -> tuple[list[str], int]:
    """Words from their bytes, and how many of them were not UTF-8.

    Args:
        pieces: the bytes of each word.
        path: for the error.
        errors: see `ReadOptions`.
        first: number of the first word's line or record.
        unit: ``"line"`` or ``"word"``: what is counted.

    Raises:
        ReadError: a word is not UTF-8 and `errors` says to refuse.
    """
    try:
        return [piece.decode() for piece in pieces], 0
    except UnicodeDecodeError:
        broken = [at for at, piece in enumerate(pieces) if not is_utf8(piece)]
    if errors == "refuse":
        where = f"{path}:{first + broken[0]}" if unit == "line" else f"{path}, word {first + broken[0]:,}"
        raise ReadError(f"{where}: words must be UTF-8; got the bytes {pieces[broken[0]][:40]!r}. Write the file in UTF-8, or read it with errors='replace' (--errors replace).")
    return [piece.decode(errors="replace") for piece in pieces], len(broken)


def is_utf8(piece: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def without_duplicates(vectors: WordVectors, path: Path, *, replaced: int = 0) -> WordVectors:
    """The vectors with every word once, the first kept; what was found is added to the notes."""
    notes = list(vectors.notes)
    if replaced:
        notes.append(f"{path.name}: {replaced:,} {'word was' if replaced == 1 else 'words were'} not UTF-8; the broken bytes are U+FFFD now.")
    if len(vectors.index) < len(vectors):
        rows = sorted(vectors.index.values())
        lost = len(vectors) - len(rows)
        known = set(rows)
        example = next(word for row, word in enumerate(vectors.words) if row not in known)
        notes.append(f"{path.name}: {lost:,} {'word stands' if lost == 1 else 'words stand'} there more than once (such as {example!r}); the first of each is kept.")
        vectors = vectors.take(rows)
    return replace(vectors, notes=tuple(notes)) if notes else vectors


def refuse_words(vectors: WordVectors, path: Path, *, forbidden: str, what: str) -> None:
    """Refuse words that a form has no way to hold.

    Raises:
        OptionError: such a word is there.
    """
    import re

    pattern = re.compile(f"[{forbidden}]")
    for word in vectors.words:
        if not word or pattern.search(word):
            raise OptionError(f"{path}: {what} holds no word that is empty or has a blank in it; got {word!r}. Save as .safetensors, or rename the word.")


@contextmanager
def whole_characters(path: Path) -> Iterator[None]:
    """Refuse words with half of a surrogate pair, which no file can hold, when they are met within the block.

    Raises:
        OptionError: such a word is there.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise OptionError(f"{path}: words must be of whole characters; got one with half of a pair, {error.object[error.start]!r}. Clean the texts, or rename the word.") from error
