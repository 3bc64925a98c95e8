"""Vectors kept on disk by what they were made from, so that folds, recipes and re-runs do not compute them again.

Decisions:
- One space (folder) for each way to make vectors: weights, config, tokenizer, layers, pooling, precision. In it a row's key is a hash of its
  text, so folds share rows whatever their order.
- Files are written beside, flushed and renamed, and never changed: readers need no lock, and processes may write at the same time.
- A file that is cut off or of another shape is ignored and removed. A cache that cannot be written is no fault.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ringsmith._paths import cache_folder
from ringsmith.catalogue.weights import Tensor, read_header
from ringsmith.errors import ModelError

VERSION = 2
LIMIT_BYTES = 2_000_000_000
"""All spaces together; the files that were not used for longest go first."""
FEWEST_ROWS = 16
"""Fewer new rows than this are not worth a file."""
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class VectorCache:
    """Vectors (layers, hidden) of rows, all made in the same way.

    Attributes:
        folder: where this space's files lie.
        shape: layers and hidden size of one row.
        limit_bytes: of all spaces together.
    """

    folder: Path
    shape: tuple[int, int]
    limit_bytes: int = LIMIT_BYTES

    @classmethod
    def of(cls, made_from: Sequence[Any], shape: tuple[int, int]) -> VectorCache:
        """The space of vectors that were made from this: anything JSON can write."""
        name = hashlib.blake2b(json.dumps([VERSION, *made_from]).encode(), digest_size=12).hexdigest()
        return cls(cache_folder() / "vectors" / name, shape)

    def fill(self, keys: Keys, out: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Write the vectors that are known into `out` (n, layers, hidden); returns which rows those are (n,)."""
        found = np.zeros(len(keys), dtype=np.bool_)
        order = np.argsort(keys[:, 0], kind="stable")
        first = keys[order, 0]
        for shard_keys, values in self._shards():
            place = np.minimum(np.searchsorted(first, shard_keys[:, 0]), max(len(keys) - 1, 0))
            rows = order[place] if len(keys) else place[:0]
            same = (keys[rows] == shard_keys).all(axis=1) if len(keys) else np.zeros(0, dtype=np.bool_)
            if same.any():
                hits = np.flatnonzero(same)
                out[rows[hits]] = values[hits]
                found[rows[hits]] = True
        return found

    def store(self, keys: Keys, values: npt.NDArray[np.float32]) -> None:
        """Keep `values` (n, layers, hidden) under `keys` (n, 2), unless they are too few or would fill half the cache."""
        if len(keys) < FEWEST_ROWS or values.nbytes > self.limit_bytes / 2:
            return
        shard = self.folder / f"{hashlib.blake2b(keys.tobytes(), digest_size=12).hexdigest()}.safetensors"
        beside = shard.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_file({"keys": np.ascontiguousarray(keys), "values": np.ascontiguousarray(values)}, beside)
            with beside.open("r+b") as file:  # Windows flushes no file that was opened to be read
                os.fsync(file.fileno())
            beside.replace(shard)
            self._make_room()
        except (OSError, SafetensorError):  # what the disk refuses a library in Rust is no OSError
            with suppress(OSError):
                beside.unlink()

    def _shards(self) -> Iterator[tuple[Keys, npt.NDArray[np.float32]]]:
        """Keys and memory-mapped values of each sound file."""
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                parts = {tensor.name: tensor for tensor in read_header(path)}
                values = _map(path, parts["values"], "F32", self.shape)
                keys = _map(path, parts["keys"], "U64", (2,))[: len(values)]
                with suppress(OSError):  # a folder that may only be read serves as well
                    os.utime(path)
            except (ModelError, KeyError):
                with suppress(OSError):
                    path.unlink()
                continue
            except OSError:  # removed by another process just now
                continue
            yield keys, values

    def _make_room(self) -> None:
        """Remove the files that were not used for longest, until all spaces are within the limit."""
        files = []
        for path in self.folder.parent.glob("*/*"):
            try:
                state = path.stat()
            except OSError:
                continue
            files.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.limit_bytes:
                break
            with suppress(OSError):
                path.unlink()
            total -= size


def make_keys(texts: Sequence[str], pairs: Sequence[str] | None = None) -> Keys:
    """128 bits for each row, as two numbers, uint64 (n, 2)."""
    seconds: Sequence[str | None] = [None] * len(texts) if pairs is None else pairs
    digests = (hashlib.blake2b(_bytes(text, pair), digest_size=16).digest() for text, pair in zip(texts, seconds, strict=True))
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)


def _bytes(text: str, pair: str | None) -> bytes:
    """Text and pair so that no two rows give the same bytes: the length of the text stands between them."""
    first = text.encode("utf-8", "surrogatepass")
    return first if pair is None else b"%b\0%d\0%b" % (first, len(first), pair.encode("utf-8", "surrogatepass"))


def _map(path: Path, tensor: Tensor, dtype: str, row: tuple[int, ...]) -> npt.NDArray[Any]:
    """One tensor (n, *row) of a file, mapped into memory, not read."""
    if tensor.dtype != dtype or tensor.shape[1:] != row or tensor.numbers == 0:
        raise ModelError(f"{path}: {tensor.name} must be {dtype} with rows of {row}; got {tensor.dtype} {tensor.shape}")
    return np.memmap(path, dtype={"U64": np.uint64, "F32": np.float32}[dtype], mode="r", offset=tensor.begin, shape=tensor.shape)
