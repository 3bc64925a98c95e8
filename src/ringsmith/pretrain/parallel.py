"""Parallel text in: each text beside its translation, line by line; and parts of it that share no source text.

    two files     line n of the second is the translation of line n of the first
    one table     ``.csv``, or lines with a tab between the two; of more columns those that the first row names (``en,fr``), of lines with tabs else the first two
    packed        any of these as ``.gz``, ``.xz``, ``.bz2``, ``.zst``, or in a ``.zip`` that holds one such file beside what is none (a licence)
    in memory     ``("A text.", "Its translation.")``, one after the other

Which part a pair belongs to hangs on the letters of its source text alone: "Run!" and "run." with all their translations stand on one side, in
every run and on every machine.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringsmith._files import no_such_file, path_of
from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.words.sources import file_blocks

HEADS = re.compile(
    r"[a-z]{2,3}([-_][A-Za-z]{2,4})?|(?i:source|target|src|trg|tgt|original|translation|"
    "arabic|bengali|chinese|czech|danish|dutch|english|finnish|french|german|greek|hebrew|hindi|hungarian|indonesian|italian|japanese|korean|norwegian|persian|polish|"
    "portuguese|romanian|russian|spanish|swedish|thai|turkish|ukrainian|vietnamese)"
)
"""A first row of such names is no pair of texts: ``source,target``, ``en,fr``, ``en,pt-BR``, ``English,French``."""
SHARE_OF_PAIRS = 0.9
"""A file is a table of pairs when so many of its first lines have at least two columns."""
SAMPLE = 1_000


@dataclass(frozen=True)
class Pairs:
    """Texts and their translations.

    Attributes:
        sources: what is translated.
        targets: its translations, as many.
        notes: what was left out, and how much of it: a sentence each.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Sequence[int]) -> Pairs:
        """Some of them."""
        return Pairs(tuple(self.sources[row] for row in rows), tuple(self.targets[row] for row in rows))


@dataclass(frozen=True)
class Parts:
    """Pairs to learn from, to choose by and to report on."""

    train: Pairs
    valid: Pairs
    test: Pairs


def read_parallel(source: str | Path, target: str | Path | None = None) -> Pairs:
    """All pairs of texts, each once; those with an empty side are left out, and said.

    Args:
        source: a table of two columns; with `target` a file with one text a line.
        target: the file with their translations.

    Raises:
        ReadError: a file that is not there, is damaged, or is not UTF-8 throughout.
        InputError: files of unequal length, a row without two columns, or no pair at all.
    """
    if target is None:
        pairs, first = _table(str(source), _text(source))
        return _cleaned(pairs, str(source), first)
    left, right = _text(source).split("\n"), _text(target).split("\n")
    _check_lengths(left, right, str(source), str(target))
    return _cleaned(list(zip(left, right, strict=True)), f"{source} and {target}")


def pairs_of(given: Iterable[Sequence[str]]) -> Pairs:
    """Pairs of texts that are in memory, each once; those with an empty side are left out, and said.

    Raises:
        InputError: one that is no pair of texts, or no pair at all.

    Examples:
        >>> pairs_of([("Go.", "Va !"), ("Go.", "Va !")]).notes
        ('1 pair that was there before was left out.',)
    """
    pairs: list[tuple[str, str]] = []
    for number, pair in enumerate(given, 1):
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise InputError(f"Pairs must be of two texts each, a text and its translation; number {number:,} is {str(pair)[:60]!r}. Mend it, or leave it out.")
        pairs.append((pair[0], pair[1]))
    return _cleaned(pairs, "The pairs")


def split_pairs(pairs: Pairs, *, valid: int, test: int) -> Parts:
    """Pairs to learn from, and about so many to choose by and to report on; all pairs of one source text stand in one part.

    Raises:
        InputError: there are not two different source texts, one to learn from and one to choose by.
        OptionError: hardly anything would be left to learn from.
    """
    places = [_place(text) for text in pairs.sources]
    if len(set(places)) < 2:
        raise InputError("Two different source texts are needed at least, one to learn from and one to choose by; the text has a single one. Bring more pairs.")
    if valid + test > len(pairs) // 2:
        raise OptionError(f"'valid' and 'test' may take at most half of the {len(pairs):,} pairs; got {valid:,} and {test:,}. Ask for less, or bring more pairs.")
    groups: dict[bytes, list[int]] = {}
    for row, place in enumerate(places):
        groups.setdefault(place, []).append(row)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for _, rows in sorted(groups.items()):
        part = 0 if len(parts[0]) < test else 1 if len(parts[1]) < valid else 2
        parts[part].extend(rows)
    taken = [pairs.take(sorted(rows)) for rows in parts]
    return Parts(train=taken[2], valid=taken[1], test=taken[0])


def _place(text: str) -> bytes:
    """Where a source text stands in the order that is cut into parts: a hash of its letters and digits, case left out."""
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
    return hashlib.blake2b((letters or text).encode(), digest_size=8).digest()


def _text(source: str | Path) -> str:
    """All of a file (``'-'``: standard input), unpacked, with the line ends of Unix and none behind the last line.

    Raises:
        ReadError: not there, damaged, empty, or not UTF-8.
    """
    content = _content(None if str(source) == "-" else path_of(source))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReadError(
            f"{source}:{line}: the text must be UTF-8; byte 0x{content[error.start]:02x} in this line is not (byte {error.start:,} of the text). "
            "Mend the line, or convert the file: iconv -f ENCODING -t UTF-8."
        ) from error
    if not text.strip():
        raise ReadError(f"{source}: parallel text is needed; the file holds none. Check how it was written.")
    return text.replace("\r\n", "\n").removesuffix("\n")


def _content(path: Path | None) -> bytes:
    """The bytes of a file, unpacked."""
    if path is not None and not path.exists():
        raise no_such_file(path)
    if path is not None and path.is_file() and zipfile.is_zipfile(path):
        return _member(path)
    return b"".join(file_blocks(path)).removesuffix(b"\n")  # the line end that stands behind every file there


def _member(path: Path) -> bytes:
    """The one table of pairs in a zip file, or its only file.

    Raises:
        ReadError: damaged, or it holds several such files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX/")]
            contents = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ReadError(f"{path}: the zip file is cut off or damaged ({error}). Copy or download it again.") from error
    found = [name for name in names if len(names) == 1 or _has_columns(contents[name])]
    if len(found) != 1:
        held = ", ".join(map(repr, names[:5])) or "no file"
        raise ReadError(f"{path}: the zip file must hold exactly one table of pairs; {len(found)} of its {len(names)} files are such: {held}. Unpack it and name the file.")
    return contents[found[0]]


def _has_columns(content: bytes) -> bool:
    """Whether nearly all of the first lines hold a tab."""
    lines = content[: 1 << 16].splitlines()[:SAMPLE]
    return bool(lines) and sum(b"\t" in line for line in lines) >= SHARE_OF_PAIRS * len(lines)


def _table(name: str, text: str) -> tuple[list[tuple[str, str]], int]:
    """The two columns of each row that its first one names, else the first two, and the line of the first pair.

    Raises:
        InputError: a row with fewer columns, or a table of more than two in which it is not said which they are.
    """
    tabs = "\t" in text.partition("\n")[0] or not _is_csv(name)
    rows = [line.split("\t") for line in text.split("\n")] if tabs else list(csv.reader(io.StringIO(text)))
    short = next((number for number, row in enumerate(rows, 1) if len(row) < 2 and any(row)), None)
    if short is not None:
        hint = "Put a tab between a text and its translation, or name the file of the translations with --target."
        raise InputError(f"{name}: every line must hold a text and its translation; line {short:,} has {len(rows[short - 1])} column: {rows[short - 1][0][:60]!r}. {hint}")
    named = [at for at, cell in enumerate(rows[0]) if HEADS.fullmatch(cell.strip()) and not (len(rows[0]) > 2 and cell.strip().lower() == "id")]
    headed = len(named) == 2
    if not headed and len(rows[0]) > 2 and not tabs:
        columns = ", ".join(map(repr, rows[0][:6]))
        way_out = "Name the two columns after their languages in its first row (en,fr), or leave the others out."
        raise InputError(f"{name}: a table of pairs must hold a text and its translation; this one has {len(rows[0])} columns ({columns}). {way_out}")
    left, right = named if headed else (0, 1)
    pairs = [(row[left], row[right]) if len(row) > max(left, right) else ("", "") for row in rows]
    return (pairs[1:], 2) if headed else (pairs, 1)


def _is_csv(name: str) -> bool:
    return ".csv" in (suffix.lower() for suffix in Path(name).suffixes)


def _check_lengths(left: list[str], right: list[str], source: str, target: str) -> None:
    """Refuse files of unequal length.

    Raises:
        InputError: says which line is the first without a partner.
    """
    if len(left) == len(right):
        return
    alone, texts = (source, left) if len(left) > len(right) else (target, right)
    first = min(len(left), len(right)) + 1
    raise InputError(
        f"Line by line, {target} must be the translation of {source}; they have {len(right):,} and {len(left):,} lines. "
        f"The first without a partner is line {first:,} of {alone}: {texts[first - 1][:60]!r}. Look there, or for a line that was lost before."
    )


def _cleaned(pairs: list[tuple[str, str]], name: str, first: int = 1) -> Pairs:
    """Blanks around texts cut off, each pair once, none with an empty side; `first` is the line of the first.

    Raises:
        InputError: nothing is left.
    """
    stripped = [(left.strip(), right.strip()) for left, right in pairs]
    full = [pair for pair in stripped if all(pair)]
    kept = list(dict.fromkeys(full))
    if not kept:
        raise InputError(f"{name}: there must be at least one text with its translation; got {len(pairs):,} lines and no pair with words on both sides. Check the files.")
    notes = []
    if empty := len(stripped) - len(full):
        at = next(line for line, pair in enumerate(stripped, first) if not all(pair))
        notes.append(f"{_counted(empty)} with an empty side {_were(empty)} left out, the first in line {at:,}.")
    if twice := len(full) - len(kept):
        notes.append(f"{_counted(twice)} that {_were(twice)} there before {_were(twice)} left out.")
    return Pairs(tuple(left for left, _ in kept), tuple(right for _, right in kept), tuple(notes))


def _counted(number: int) -> str:
    return "1 pair" if number == 1 else f"{number:,} pairs"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
