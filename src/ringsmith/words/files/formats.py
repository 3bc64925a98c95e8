"""Which forms there are, how a file's form is told from its content, and how the form of a new one is chosen."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ringsmith._files import disk_faults, inner_suffix, is_one_of, is_pickle, no_such_file, path_of, refuse_source, written
from ringsmith.errors import OptionError, ReadError, UnknownName
from ringsmith.records import Report, silent
from ringsmith.words.files.binary import WORD2VEC_BINARY
from ringsmith.words.files.contract import DEFAULT, Format, ReadOptions, Target, whole_characters
from ringsmith.words.files.fasttext import FASTTEXT, MAGIC, looks_old
from ringsmith.words.files.json import JSON
from ringsmith.words.files.mapped import SAFETENSORS
from ringsmith.words.files.npy import NPY
from ringsmith.words.files.packed import head_of, is_packed
from ringsmith.words.files.static import STATIC, TOKENIZER, WEIGHTS
from ringsmith.words.files.text import GLOVE, LOOKED_AT, WORD2VEC_TEXT, header_of, shown
from ringsmith.words.vectors import WordVectors

FORMATS: dict[str, Format] = {form.name: form for form in (WORD2VEC_TEXT, WORD2VEC_BINARY, GLOVE, FASTTEXT, SAFETENSORS, NPY, STATIC, JSON)}
"""Name -> form."""
BY_SUFFIX: dict[str, Format] = {suffix: form for form in FORMATS.values() for suffix in form.suffixes} | {".txt": WORD2VEC_TEXT}
STREAMS = (WORD2VEC_TEXT, WORD2VEC_BINARY, GLOVE)
"""Forms that may be packed when they are written."""
HEAD = 1 << 16
BLANK = re.compile(r"[ \t\r]")
"""What no word holds that is written as text."""


def open_vectors(path: str | Path, form: str | None = None, *, options: ReadOptions = DEFAULT) -> WordVectors:
    """Vectors from a file or folder; its form is told from its content.

    Args:
        path: word2vec text or binary, GloVe, fastText (.vec, .bin), safetensors, NumPy, JSON, or a folder of static vectors; text and
            word2vec binary also packed (.gz, .xz, .bz2, .zst).
        form: a name in `FORMATS`, where the content could mislead; None to tell it from the content.
        options: how to read.

    Returns:
        The vectors; their `notes` say what was found (words that came twice ...).

    Raises:
        ReadError: no such file, empty, cut off, NaN, or no form of vectors that is known. UnknownName: another `form`.
    """
    place = path_of(path)
    if form is not None and form not in FORMATS:
        raise UnknownName.of("form of vector files", form, FORMATS)
    return (FORMATS[form] if form else tell(place)).read(place, options)


def save_vectors(vectors: WordVectors, path: str | Path, form: str | None = None, *, report: Report = silent) -> Path:
    """Write vectors; the file (or folder) appears whole or not at all, and an old one stays if the disk is full, or if it holds something else.

    Args:
        vectors: what to write.
        path: its suffix chooses the form: .txt and .vec word2vec text, .bin word2vec binary, .glove GloVe, .safetensors, .npy; the first
            three also packed: .txt.gz, .bin.zst ...; no suffix: a folder for sentence-transformers and Model2Vec.
        form: a name in `FORMATS`; None to go by the suffix.
        report: is told where a long writing stands.

    Returns:
        The path.

    Raises:
        OptionError: the suffix says nothing, the form is only read, or it cannot hold these words; or `check_target` says no. MachineError: the disk is full ...
    """
    place = path_of(path)
    chosen = _form_to_write(place, form)
    assert chosen.write is not None
    if not len(vectors):
        raise OptionError(f"{place}: there must be at least one word to write; got none. Check where the vectors come from.")
    check_target(place, form)
    with disk_faults(place), whole_characters(place):
        if chosen.is_folder:
            _write_folder(chosen, vectors, place, report)
        else:
            with written(place) as scratch:
                chosen.write(vectors, Target(scratch, place, report))
    return place


def check_target(path: str | Path, form: str | None = None, *, sources: Sequence[str | Path] = ()) -> None:
    """Refuse a place where vectors may not be written: it is known before anything is read.

    They may where nothing is, in the place of an empty file, and of vectors in a form that is written here. Lines without a header are vectors only
    where that form is written: a table of texts and figures looks the same. So it is with the files beside it, which must be those of the old vectors.

    Args:
        path: as for `save_vectors`.
        form: as there.
        sources: what is read, where that may be files.

    Raises:
        OptionError: the suffix says no form that can be written, or the file, one that is written beside it, or the folder is one that is read, or holds
            something else. MachineError: the place may not be written.
    """
    place = path_of(path)
    chosen = _form_to_write(place, form)
    refuse_source(place, *sources)
    with disk_faults(place):
        if chosen.is_folder and _holds_something(place):
            raise OptionError(f"{place}: static vectors are written into a new or an empty folder; this holds something else. Name another one.")
        if not chosen.is_folder and place.is_dir():
            raise OptionError(f"{place}: vectors are written into a new file; this is a folder. Name another place.")
        there = _vectors_there(place, chosen)
        if there is None and _holds_something(place):
            raise OptionError(f"{place}: vectors are written into a new file, or in the place of vectors; this file holds something else. Name another place, or remove it.")
        for file in chosen.companions(place):
            if _holds_something(file) and (there is not chosen or is_one_of(file, *sources)):
                raise OptionError(f"{file}: this file is written together with {place.name}, but it holds something else. Name another place.")
        with tempfile.TemporaryFile(dir=place.parent):
            pass


def _holds_something(place: Path) -> bool:
    return place.exists() and (any(place.iterdir()) if place.is_dir() else place.stat().st_size > 0)


def _vectors_there(place: Path, chosen: Format) -> Format | None:
    """The form of the vectors that the new ones take the place of; None where nothing is, or something else."""
    try:
        form = tell(place)
        if form.write is None or (form is GLOVE and chosen is not GLOVE):
            return None
        found = form.read(place, ReadOptions(most=LOOKED_AT, errors="replace"))
    except ReadError:
        return None
    if form is GLOVE and found.dimensions == 1:
        return None
    return None if form in (GLOVE, WORD2VEC_TEXT) and any(BLANK.search(word) for word in found.words) else form


def keeps_ngrams(path: str | Path, form: str | None = None) -> bool:
    """Whether a file of this name (or form) holds vectors of n-grams, too."""
    return _form_to_write(path_of(path), form).keeps_ngrams


def _form_to_write(path: Path, name: str | None) -> Format:
    if name is not None and name not in FORMATS:
        raise UnknownName.of("form of vector files", name, FORMATS)
    form = FORMATS[name] if name else BY_SUFFIX.get(inner_suffix(path), STATIC if not path.suffix else None)
    if form is None:
        raise OptionError(f"{path}: the suffix must say the form: {', '.join(sorted(BY_SUFFIX))}, or none for a folder; got {path.suffix!r}. Rename it or name the form.")
    if form.write is None:
        raise OptionError(f"{path}: the form {form.name!r} is only read. Choose one of {', '.join(sorted(other.name for other in FORMATS.values() if other.write))}.")
    if is_packed(path) and form not in STREAMS:
        raise OptionError(f"{path}: the form {form.name!r} cannot be packed, because it is mapped when it is opened. Leave out {path.suffix!r}.")
    return form


def _write_folder(form: Format, vectors: WordVectors, place: Path, report: Report) -> None:
    assert form.write is not None
    scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        form.write(vectors, Target(scratch / "new", place, report))
        if place.exists():
            place.rmdir()
        (scratch / "new").rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def tell(path: Path) -> Format:
    """The form of a file or folder, by its content.

    Raises:
        ReadError: nothing is there, it is empty, a pickle, or unknown.
    """
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            raise ReadError(f"{path}: a folder of static vectors must hold {WEIGHTS} and {TOKENIZER}; it does not. Name a file of vectors, or such a folder.")
        return STATIC
    if not path.exists():
        raise no_such_file(path)
    head = head_of(path, HEAD)
    if not head:
        raise ReadError(f"{path}: the file is empty. Vectors need a line for each word; check how it was written.")
    if is_pickle(head) or (head.startswith(b"PK\x03\x04") and b"data.pkl" in head):
        raise ReadError(
            f"{path}: pickles (gensim's own save, .pt, .pkl) are not opened, because they can run code. Load it where it was made and call "
            "wv.save_word2vec_format('vectors.bin', binary=True), then name that file."
        )
    form = _by_magic(path, head) or _by_lines(head)
    if form is None:
        raise ReadError(f"{path}: this is no form of word vectors that is known; it begins with {shown(head[:40])}. Known: {', '.join(FORMATS)}.")
    return form


def _by_magic(path: Path, head: bytes) -> Format | None:
    length = int.from_bytes(head[:8], "little")
    if head.startswith(b"\x93NUMPY"):
        return NPY
    if head[:4] == MAGIC.to_bytes(4, "little"):
        return FASTTEXT
    if head[8:9] == b"{" and 2 <= length < path.stat().st_size:
        return SAFETENSORS
    if head.lstrip()[:1] == b"{" and b'"' in head and b"[" in head:
        return JSON
    return FASTTEXT if looks_old(head, path.stat().st_size) else None


def _by_lines(head: bytes) -> Format | None:
    """Text or word2vec binary, by the first two lines."""
    line, _, rest = head.partition(b"\n")
    header = header_of(line)
    if header is None:
        return GLOVE if _is_row(line) or _is_row(rest.partition(b"\n")[0]) else None
    second = rest.partition(b"\n")[0]
    # A vector of text fits into the first 64 kB or is as wide as promised so far: its fields are numbers. Raw floats are not.
    fields = second.split()[1:] if second != rest else second.split()[1:-1]
    return WORD2VEC_TEXT if (fields and all(_is_number(field) for field in fields[-header.width :])) or not rest.strip() else WORD2VEC_BINARY


def _is_row(line: bytes) -> bool:
    fields = line.split()
    return len(fields) > 1 and _is_number(fields[-1]) and b"\0" not in line


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field
