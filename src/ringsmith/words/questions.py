"""Files of questions about vectors: analogies, pairs with human judgements, sets with outliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ringsmith._files import no_such_file, path_of
from ringsmith.errors import ReadError

SHOWN = 60
SUFFIXES = (".txt", ".tsv", ".csv")
"""Of files of questions within a folder."""


class Question(NamedTuple):
    """`a` is to `b` as `c` is to `d`."""

    a: str
    b: str
    c: str
    d: str


class Pair(NamedTuple):
    """Two words and how alike people find them, on any scale."""

    one: str
    other: str
    score: float


@dataclass(frozen=True)
class Section:
    """Analogies of one kind.

    Attributes:
        name: of the kind: ``"capital-common-countries"``.
        questions: its questions.
    """

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class OutlierSet:
    """Words that belong together, and some of which each does not (Camacho-Collados and Navigli 2016).

    Attributes:
        name: of the set.
        words: those that belong together, usually 8.
        outliers: asked about one at a time.
    """

    name: str
    words: tuple[str, ...]
    outliers: tuple[str, ...]


def read_analogies(path: str | Path) -> tuple[Section, ...]:
    """Analogies as in ``questions-words.txt``: four words a line; ``: name`` begins a section.

    Raises:
        ReadError: no such file, a line without four words, no question at all.
    """
    place, sections = path_of(path), list[tuple[str, list[Question]]]()
    for number, line in _lines(place):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        fields = line.split()
        if len(fields) != 4:
            raise ReadError(f"{place}:{number}: a line must hold four words, or ': ' and the name of a section; got {line[:SHOWN]!r}. Mend the line.")
        if not sections:
            sections.append(("all", []))
        sections[-1][1].append(Question(*fields))
    if not any(questions for _, questions in sections):
        raise ReadError(f"{place}: there must be at least one analogy, four words a line; got none. Check that this is the right file.")
    return tuple(Section(name, tuple(questions)) for name, questions in sections if questions)


def read_pairs(path: str | Path) -> tuple[Pair, ...]:
    """Pairs of words with a number: parted by tabs, commas or blanks; lines with ``#`` and a heading are left out.

    The number is the first one behind the two words, so that tables with further columns (SimLex-999's own) can be read.

    Raises:
        ReadError: no such file, a line without words and number, no pair at all.
    """
    place, pairs = path_of(path), list[Pair]()
    for number, line in _lines(place):
        if line.startswith("#"):
            continue
        if (pair := _pair(line)) is not None:
            pairs.append(pair)
        elif pairs or number > 1:
            raise ReadError(f"{place}:{number}: a line must hold two words and a number; got {line[:SHOWN]!r}. Mend the line.")
    if not pairs:
        raise ReadError(f"{place}: there must be at least one pair of words with a number; got none. Check that this is the right file.")
    return tuple(pairs)


def read_outliers(path: str | Path) -> tuple[OutlierSet, ...]:
    """Sets as in the 8-8-8 data: one word a line, an empty line, the outliers; a file for each set, or a folder of such files.

    Raises:
        ReadError: no such file, fewer than two words or no outlier.
    """
    place = path_of(path)
    files = sorted(place.glob("*.txt")) if place.is_dir() else [place]
    if not files:
        raise ReadError(f"{place}: the folder must hold sets of words as .txt files; it holds none. Check the path.")
    return tuple(_outlier_set(file) for file in files)


def _outlier_set(path: Path) -> OutlierSet:
    words, _, outliers = _text(path).strip().replace("\r\n", "\n").partition("\n\n")
    one, other = words.split(), outliers.split()
    if len(one) < 2 or not other:
        raise ReadError(f"{path}: a set must hold two words or more, an empty line, and outliers; got {len(one)} and {len(other)}. Mend the file.")
    return OutlierSet(path.stem, tuple(one), tuple(other))


def _pair(line: str) -> Pair | None:
    mark = next((mark for mark in ("\t", ",", ";") if mark in line), None)
    fields = [field.strip() for field in line.split(mark)]
    if len(fields) < 3:
        return None
    one, other, *rest = fields
    if _number(other) is not None and len(rest) > 1:
        return None  # a word and its vector, not two words
    score = next((number for field in rest if (number := _number(field)) is not None), None)
    return Pair(one, other, score) if one and other and score is not None else None


def _number(field: str) -> float | None:
    try:
        number = float(field)
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise no_such_file(path) from None
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: the file must be UTF-8; byte {error.start} is not. Write it again in UTF-8.") from error
    except OSError as error:
        raise ReadError(f"{path}: this file cannot be read ({error.strerror or error}). Check its permissions.") from error


Questions = tuple[Section, ...] | tuple[Pair, ...] | tuple[OutlierSet, ...]


def read_questions(path: str | Path) -> Questions:
    """A file of any of the three kinds, told by its first lines: sections, or four words a line; pairs with numbers, most of them; or single words.

    Raises:
        ReadError: as the reader of its kind.
    """
    place = path_of(path)
    lines = [line for _, line in _lines(place)][:20]
    if any(line.startswith(":") for line in lines):
        return read_analogies(place)
    if 2 * sum(_pair(line) is not None for line in lines) < len(lines):  # a heading, and a line or two to be mended, make no other kind
        if all(len(line.split()) == 1 for line in lines):
            return read_outliers(place)
        if all(len(line.split()) == 4 for line in lines):
            return read_analogies(place)
    return read_pairs(place)


def question_sets(path: str | Path) -> dict[str, Questions]:
    """A file of questions, or a folder of files each of its own kind, by name; sets with outliers in one folder are one.

    Raises:
        ReadError: as the reader of each kind; or the folder holds no file of questions.
    """
    place = path_of(path)
    if not place.is_dir():
        return {place.name: read_questions(place)}
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    if not files:
        raise ReadError(f"{place}: the folder must hold questions as .txt, .tsv or .csv files; it holds none. Check the path.")
    found = {file.name: read_questions(file) for file in files}
    outliers = [one for questions in found.values() for one in questions if isinstance(one, OutlierSet)]
    others = {name: questions for name, questions in found.items() if not isinstance(questions[0], OutlierSet)}
    return others | ({place.name: tuple(outliers)} if outliers else {})
