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

CODES = frozenset(
    (  # noqa: SIM905
        "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv "
        "ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my "
        "na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr "
        "ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
        "afr ara aze ben bul ces cmn cym dan deu ell eng epo est eus fas fin fra glg guj heb hin hrv hun hye ind isl ita jpn kaz khm kor lav mkd msa mya nep nld nor pes pol "
        "por ron rus slk slv spa sqi srp swa swe tgl tha tur ukr urd uzb vie yue zho zul "
    ).split()
)
"""Of languages: all of ISO 639-1, and those of three letters that are no words of English."""
CODE = re.compile(r"([a-z]{2,3})(?:[-_][A-Za-z]{2,4})?")
"""How they are written, a country or a script behind them or not."""
NAMES = frozenset(
    (  # noqa: SIM905
        "source target src trg tgt original translation arabic bengali chinese czech danish dutch english finnish french german greek hebrew hindi hungarian "
        "indonesian italian japanese korean norwegian persian polish portuguese romanian russian spanish swedish thai turkish ukrainian vietnamese"
    ).split()
)
"""Other names that columns have. A first row of two such is no pair of texts: ``source,target``, ``en,fr``, ``en,pt-BR``, ``eng,fra``, ``English,French``."""
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
        pairs, names = _table(str(source), _text(source))
        return _cleaned(pairs, str(source), names)
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
    """Pairs to learn from, and about so many to choose by and to report on; all pairs of one source text stand in one part, more than half of all to learn from.

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
        part = 2 if 2 * len(rows) > len(pairs) else 0 if len(parts[0]) < test else 1 if len(parts[1]) < valid else 2
        parts[part].extend(rows)
    taken = [pairs.take(sorted(rows)) for rows in parts]
    return Parts(train=taken[2], valid=taken[1], test=taken[0])


def _place(text: str) -> bytes:
    """Where a source text stands in the order that is cut into parts: a hash of its letters and digits, case left out."""
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
    return hashlib.blake2b((letters or text).encode(), digest_size=8).digest()


def _text(source: str | Path) -> str:
    """All of a file (``'-'``: standard input), unpacked, with the line ends of Unix (from an old Mac's or Windows') and none behind the last line.

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
    text = text.replace("\r\n", "\n")
    return (text if "\n" in text else text.replace("\r", "\n")).removesuffix("\n")


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


def _table(name: str, text: str) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """The two columns of each row that its first one names, else the first two, and these names.

    Raises:
        InputError: a row with fewer columns, or a table of more than two in which it is not said which they are.
        ReadError: quotes that are not closed.
    """
    tabs = "\t" in text.partition("\n")[0] or not _is_csv(name)
    rows = [line.split("\t") for line in text.split("\n")] if tabs else _quoted_rows(name, text)
    short = next((number for number, row in enumerate(rows, 1) if len(row) < 2 and any(row)), None)
    if short is not None:
        hint = "Put a tab between a text and its translation, or name the file of the translations with --target."
        raise InputError(f"{name}: every line must hold a text and its translation; line {short:,} has {len(rows[short - 1])} column: {rows[short - 1][0][:60]!r}. {hint}")
    heads = [cell.strip() for cell in rows[0]]
    named = [at for at, head in enumerate(heads) if _names_a_column(head) and not (len(heads) > 2 and head.lower() == "id")]
    headed = len({heads[at] for at in named}) == len(named) == 2
    if not headed and len(rows[0]) > 2 and not tabs:
        columns = ", ".join(map(repr, rows[0][:6]))
        way_out = "Name the two columns after their languages in its first row (en,fr), or leave the others out."
        raise InputError(f"{name}: a table of pairs must hold a text and its translation; this one has {len(rows[0])} columns ({columns}). {way_out}")
    left, right = named if headed else (0, 1)
    pairs = [(row[left], row[right]) if len(row) > max(left, right) else ("", "") for row in rows]
    return (pairs[1:], (heads[left], heads[right])) if headed else (pairs, ())


def _quoted_rows(name: str, text: str) -> list[list[str]]:
    """The rows of a table with commas, whose cells may stand in quotes.

    Raises:
        ReadError: a quote that is closed nowhere, or not at the end of its cell; says where the row begins.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[list[str]] = []
    line = 1
    try:
        for row in reader:
            rows.append(row)
            line = reader.line_num + 1
    except csv.Error as error:
        rule = 'cells must end where a comma or a line does, those in quotes behind the closing one, with quotes of their own written twice ("")'
        raise ReadError(f"{name}: {rule}; in the row that begins in line {line:,} one does not ({error}). Mend this row, or write lines with a tab between the two.") from error
    return rows


def _names_a_column(head: str) -> bool:
    """Whether this is the name of a language, or of a side.

    Examples:
        >>> [_names_a_column(head) for head in ("en", "pt-BR", "zh_Hans", "English", "yes")]
        [True, True, True, True, False]
    """
    code = CODE.fullmatch(head)
    return head.lower() in NAMES or (code is not None and code[1] in CODES)


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


def _cleaned(pairs: list[tuple[str, str]], name: str, columns: tuple[str, ...] = ()) -> Pairs:
    """Blanks around texts cut off, each pair once, none with an empty side; `columns` are the names in the line before the first, where one holds such.

    Raises:
        InputError: nothing is left.
    """
    stripped = [(left.strip(), right.strip()) for left, right in pairs]
    full = [pair for pair in stripped if all(pair)]
    kept = list(dict.fromkeys(full))
    if not kept:
        raise InputError(f"{name}: there must be at least one text with its translation; got {len(pairs):,} lines and no pair with words on both sides. Check the files.")
    notes = [f"The first line was taken for the names of the columns: {', '.join(columns)}."] if columns else []
    if empty := len(stripped) - len(full):
        at = next(line for line, pair in enumerate(stripped, 2 if columns else 1) if not all(pair))
        notes.append(f"{_counted(empty)} with an empty side {_were(empty)} left out, the first in line {at:,}.")
    if twice := len(full) - len(kept):
        notes.append(f"{_counted(twice)} that {_were(twice)} there before {_were(twice)} left out.")
    return Pairs(tuple(left for left, _ in kept), tuple(right for _, right in kept), tuple(notes))


def _counted(number: int) -> str:
    return "1 pair" if number == 1 else f"{number:,} pairs"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
