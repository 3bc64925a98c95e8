"""A corpus as numbers: every document through the tokenizer once, into one file that is mapped into memory.

The file is a safetensors file: a header (JSON) and four tensors, so that any program that reads this format reads it. It is written from
front to back, beside its place, with room for the header kept free at its beginning, and renamed when it is whole.

    train               pieces of the documents to learn from, one after the other, each document closed by the piece that ends a document
    train_documents     where each begins, and where the last one ends (n + 1,)
    held_out            the same of the documents to judge by
    held_out_documents

Decisions:
- Numbers of 16 bits up to 65,536 pieces, else of 32.
- Which documents are held out follows from a hash of their text: the same ones in every run and for every tokenizer, and two copies of one
  document never stand on both sides.
- The header says what the file was made from (files, reading, tokenizer, share held out); it is used again where all of this is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ringsmith._files import disk_faults, written
from ringsmith.errors import MachineError
from ringsmith.pretrain.documents import Pass
from ringsmith.records import Progress, Report

HEADER = 4_096
"""Bytes kept free for the header."""
AT_ONCE = 1 << 22
"""Bytes of text that go through the tokenizer in one call."""
SPARE_BYTES = 1 << 26
"""Of the disk, left alone."""
NARROW = 1 << 16
PARTS = ("train", "held_out")
TYPES: dict[str, Any] = {"U16": np.uint16, "I32": np.int32, "I64": np.int64}
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class MadeFrom:
    """What a token file hangs on.

    Attributes:
        stamp: of the files and how they are read; None where the corpus is no file.
        tokeniser: hash of the tokenizer.
        end: number of the piece that ends a document.
        held_out: share of the documents to judge by.
    """

    stamp: str | None
    tokeniser: str
    end: int
    held_out: float


@dataclass(frozen=True)
class Counts:
    """What was read.

    Attributes:
        documents: in all.
        tokens: in all, the ends of documents included.
        text_bytes: of the documents, in UTF-8.
        held_out_bytes: of those that are held out.
        skipped: lines left out because they are not UTF-8.
        sha256: hash of all documents.
        unknown: of the tokens, those that the tokenizer does not know.
    """

    documents: int
    tokens: int
    text_bytes: int
    held_out_bytes: int
    skipped: int
    sha256: str
    unknown: int = 0


@dataclass(frozen=True, eq=False)
class Stretch:
    """Documents one after the other.

    Attributes:
        tokens: mapped, not read.
        documents: int64 (n + 1,), where each begins, and where the last one ends.
    """

    tokens: Numbers
    documents: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TokenFile:
    """A corpus in numbers.

    Attributes:
        path: the file.
        made_from: what it hangs on.
        counts: what was read.
        train: documents to learn from.
        held_out: documents to judge by; there may be none in a small corpus.
    """

    path: Path
    made_from: MadeFrom
    counts: Counts
    train: Stretch
    held_out: Stretch

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that a piece stands for, on average."""
        return self.counts.text_bytes / max(1, self.counts.tokens)


def write_tokens(path: Path, corpus: Pass, tokeniser: Any, made_from: MadeFrom, *, threads: int, total: int | None, report: Report) -> TokenFile:
    """Read a corpus once and write it down in numbers.

    Args:
        path: the file; its folder is made.
        corpus: one pass over it.
        tokeniser: of transformers.
        made_from: goes into the header.
        threads: of the tokenizer.
        total: bytes of the corpus on disk, None where they are not known.
        report: is told how far it is.

    Raises:
        InputError: there is no text. ReadError: it cannot be read.
        MachineError: the disk has no room for it (told within the first megabytes, from what they took).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = "U16" if len(tokeniser) <= NARROW else "I32"
    with disk_faults(path), written(path) as scratch, scratch.open("wb") as file, tempfile.TemporaryFile(dir=path.parent) as aside:
        file.write(bytes(HEADER))
        writer = _Writer(dtype, made_from, {"train": file, "held_out": aside}, tokeniser.unk_token_id)
        for batch in _encoded(corpus, tokeniser, threads):
            writer.add(batch)
            _check_room(path, writer.size, corpus.done, total)
            report(Progress("tokenise", corpus.done, total, "bytes", writer.pace(corpus.text_bytes)))
        if not writer.documents:
            raise corpus.corpus.nothing()
        writer.finish(file, aside, corpus)
    return open_tokens(path)


def open_tokens(path: Path) -> TokenFile:
    """A token file, mapped into memory.

    Raises:
        ValueError, KeyError, OSError: it is none.
    """
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    about = header.pop("__metadata__")
    start, size = HEADER, path.stat().st_size

    def tensor(name: str) -> Numbers:
        begin, end = header[name]["data_offsets"]
        if start + end > size:
            raise ValueError(f"{path}: cut off")
        count = header[name]["shape"][0]
        return np.memmap(path, TYPES[header[name]["dtype"]], "r", start + begin, (count,)) if count else np.zeros(0, TYPES[header[name]["dtype"]])

    parts = []
    for name in PARTS:
        documents = np.asarray(tensor(f"{name}_documents"))
        parts.append(Stretch(tensor(name)[: documents[-1]], documents))
    return TokenFile(path, MadeFrom(**json.loads(about["made_from"])), Counts(**json.loads(about["counts"])), *parts)


def find_tokens(path: Path, made_from: MadeFrom) -> TokenFile | None:
    """The token file at `path`, where there is one that was made from just this."""
    try:
        found = open_tokens(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.made_from == made_from and made_from.stamp is not None else None


def hash_tokeniser(tokeniser: Any) -> str:
    """Hash of what a tokenizer does."""
    what = tokeniser.backend_tokenizer.to_str() if tokeniser.is_fast else json.dumps(sorted(tokeniser.get_vocab().items()))
    return hashlib.sha256(what.encode()).hexdigest()


def is_held_out(document: str, share: float) -> bool:
    """Whether this document is one to judge by.

    Examples:
        >>> sum(is_held_out(f"Document {number}", 0.1) for number in range(10_000)) / 10_000
        0.0988
    """
    return int.from_bytes(hashlib.blake2b(document.encode(), digest_size=8).digest(), "little") < share * 2**64


class _Writer:
    """Puts documents down, those held out aside; knows where each one begins."""

    def __init__(self, dtype: str, made_from: MadeFrom, files: Mapping[str, IO[bytes]], unknown: int | None) -> None:
        self.dtype, self.made_from, self.files = dtype, made_from, files
        self.unknown = None if unknown == made_from.end else unknown  # GPT-2's has one name for both, and knows every text
        self.width = int(np.dtype(TYPES[dtype]).itemsize)
        self.ends = {name: array("q", [0]) for name in PARTS}
        self.held_out_bytes = self.documents = self.unknown_tokens = 0
        self.started = time.monotonic()

    @property
    def tokens(self) -> int:
        """Pieces so far."""
        return sum(ends[-1] for ends in self.ends.values())

    @property
    def size(self) -> int:
        """Written so far, or to be."""
        return self.tokens * self.width + 8 * self.documents

    def add(self, batch: list[tuple[str, list[int]]]) -> None:
        """Put some documents down."""
        kept: dict[str, list[list[int]]] = {name: [] for name in PARTS}
        for document, numbers in batch:
            name = "held_out" if is_held_out(document, self.made_from.held_out) else "train"
            self.held_out_bytes += len(document.encode()) if name == "held_out" else 0
            kept[name].append(numbers)
            self.ends[name].append(self.ends[name][-1] + len(numbers) + 1)
        end = [self.made_from.end]
        for name, documents in kept.items():
            flat = np.fromiter(chain.from_iterable(chain(numbers, end) for numbers in documents), TYPES[self.dtype])
            self.files[name].write(flat.tobytes())
            self.unknown_tokens += 0 if self.unknown is None else int((flat == self.unknown).sum())
        self.documents += len(batch)

    def pace(self, text_bytes: int) -> str:
        """How fast it goes."""
        return f"{text_bytes / 1e6 / max(1e-9, time.monotonic() - self.started):.1f} MB/s · {self.tokens:,} tokens"

    def finish(self, file: IO[bytes], aside: IO[bytes], corpus: Pass) -> None:
        """Put what stands aside behind the rest, and the header in front of it."""
        layout, end = dict[str, Any](), 0
        for name in PARTS:
            if name == "held_out":
                aside.seek(0)
                shutil.copyfileobj(aside, file, AT_ONCE)
            starts = np.frombuffer(self.ends[name], np.int64)
            filler = -int(starts[-1]) * self.width % 8 // self.width  # numbers of 64 bits begin where 8 divides
            file.write(bytes(filler * self.width) + starts.tobytes())
            for tensor, dtype, count, width in ((name, self.dtype, int(starts[-1]) + filler, self.width), (f"{name}_documents", "I64", len(starts), 8)):
                layout[tensor] = {"dtype": dtype, "shape": [count], "data_offsets": [end, end := end + count * width]}
        counts = Counts(self.documents, self.tokens, corpus.text_bytes, self.held_out_bytes, corpus.skipped, corpus.sha256, self.unknown_tokens)
        about = {"format": "ringsmith-tokens", "made_from": json.dumps(asdict(self.made_from)), "counts": json.dumps(asdict(counts))}
        file.seek(0)
        file.write((HEADER - 8).to_bytes(8, "little") + json.dumps({"__metadata__": about, **layout}).encode().ljust(HEADER - 8))


def _encoded(corpus: Pass, tokeniser: Any, threads: int) -> Iterator[list[tuple[str, list[int]]]]:
    """Documents with their pieces, some megabytes of text at a time."""
    held, size = list[str](), 0
    with tokeniser_threads(threads):
        for document in corpus:
            held.append(document)
            size += len(document)
            if size >= AT_ONCE:
                yield list(zip(held, _numbers(tokeniser, held), strict=True))
                held, size = [], 0
        if held:
            yield list(zip(held, _numbers(tokeniser, held), strict=True))


def _numbers(tokeniser: Any, documents: list[str]) -> list[list[int]]:
    """The pieces of each document, none added."""
    if not tokeniser.is_fast:
        return [list(numbers) for numbers in tokeniser(documents, add_special_tokens=False, verbose=False)["input_ids"]]
    backend = tokeniser.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [found.ids for found in backend.encode_batch_fast(documents, add_special_tokens=False)]


@contextmanager
def tokeniser_threads(threads: int) -> Iterator[None]:
    """Within the block the library `tokenizers` works in so many threads (it reads their number once in a process)."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def _check_room(path: Path, written_bytes: int, done: int, total: int | None) -> None:
    """Refuse before the disk is full: what is still to come is told from what came."""
    if not total or not done:
        return
    to_come = written_bytes * max(0.0, total / done - 1)
    if to_come > (free := free_bytes(path.parent)) - SPARE_BYTES:
        needed, room = ((bytes_ / 1e9) for bytes_ in (written_bytes + to_come, written_bytes + free))
        raise MachineError(f"{path}: the disk must hold the corpus in numbers, about {needed:.2f} GB; {room:.2f} GB are free. Free some space, or name another place with --work.")
