"""Safetensors files, checked and counted by their headers; nothing is loaded.

A file is eight bytes (the header's length, little endian), a JSON header (name -> dtype, shape, begin and end), and the
numbers, one tensor after the other without a gap. A file that was cut off does not end where its header says.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ringsmith._paths import cache_folder
from ringsmith.errors import ModelError

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "U16": 2, "U32": 4, "U64": 8, "BOOL": 1}
"""Safetensors' dtype -> bytes of one number."""
LARGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Tensor:
    """One tensor of a safetensors file: where its numbers lie, in bytes from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_header(path: Path) -> list[Tensor]:
    """The tensors of a safetensors file, checked against its size.

    Raises:
        ModelError: the file is no safetensors file, or it is cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= LARGEST_HEADER:
            raise ModelError(f"{path}: not a safetensors file: its header must have 2 to {LARGEST_HEADER:,} bytes; got {length:,} in a file of {size:,}. Fetch or save it again.")
        if 8 + length > size:
            raise _cut_off(path, 8 + length, size)
        header = file.read(length)
    tensors = _parse(path, header, 8 + length)
    expected = max((tensor.end for tensor in tensors), default=8 + length)
    if expected != size:
        raise _cut_off(path, expected, size)
    return tensors


def _cut_off(path: Path, expected: int, size: int) -> ModelError:
    state = "cut off" if size < expected else "longer than its header says"
    return ModelError(f"{path}: the safetensors file is {state}: its header asks for {expected:,} bytes; got {size:,}. Fetch or copy it again.")


def _parse(path: Path, header: bytes, offset: int) -> list[Tensor]:
    try:
        content = json.loads(header)
        tensors = [
            Tensor(name, item["dtype"], tuple(item["shape"]), item["data_offsets"][0] + offset, item["data_offsets"][1] + offset)
            for name, item in content.items()
            if name != "__metadata__"
        ]
        sound = all(0 <= offset <= t.begin and t.end - t.begin == t.numbers * BYTES[t.dtype] and all(d >= 0 for d in t.shape) for t in tensors)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: the header of the safetensors file cannot be read ({type(error).__name__}: {error}). Fetch or save it again.") from error
    tensors.sort(key=lambda tensor: tensor.begin)
    ends = [offset, *(tensor.end for tensor in tensors)]
    if not sound or any(tensor.begin != end for tensor, end in zip(tensors, ends, strict=False)):
        raise ModelError(f"{path}: the header of the safetensors file contradicts itself (tensors must lie end to end, each as long as its shape). Fetch or save it again.")
    return tensors


def count_parameters(files: Sequence[Path]) -> int:
    """How many floating-point numbers the files hold (positions and other integers are no parameters)."""
    return sum(tensor.numbers for path in files for tensor in read_header(path) if "F" in tensor.dtype)


def hash_weights(files: Sequence[Path]) -> str:
    """SHA-256 over the files in order of their names; remembered by path, size and time of change.

    Of one file it is what ``sha256sum`` prints.
    """
    stamp = [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(files)]
    note = cache_folder() / "hashes" / f"{hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                found.update(block)
    _remember(note, {"stamp": stamp, "sha256": found.hexdigest()})
    return found.hexdigest()


def _remember(note: Path, content: dict[str, object]) -> None:
    """Write beside and rename; a cache that cannot be written is no fault."""
    beside = note.with_suffix(f".{os.getpid()}.tmp")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(note)
    except OSError:
        with suppress(OSError):
            beside.unlink()
