"""Where the numbers of a corpus are kept while it is read: first in memory, then, if they are many or a folder is named, in a file."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ringsmith._files import disk_faults

HEADER_BYTES = 128
"""What NumPy's header takes for every one-dimensional array of plain numbers."""


class GrowingArray:
    """A one-dimensional array that is appended to, and at last read: in memory, or as a ``.npy`` file that appears when it is finished.

    Args:
        dtype: of its numbers.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.path: Path | None = None
        self.parts: list[npt.NDArray[Any]] = []
        self.size = 0
        self.scratch: Path | None = None
        self.file: BinaryIO | None = None

    def to_disk(self, path: Path) -> None:
        """Go on in a file beside `path`, with what is in memory so far."""
        self.path, self.scratch = path, path.with_name(f".{path.name}.{os.getpid()}")
        parts, self.parts = self.parts, []
        with disk_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.scratch.open("w+b")
            try:
                self.file.write(bytes(HEADER_BYTES))
                for part in parts:
                    self.file.write(part.data)
            except BaseException:
                self.drop()
                raise

    def append(self, part: npt.NDArray[Any]) -> None:
        """Put `part` behind what is there."""
        part = np.ascontiguousarray(part, dtype=self.dtype)
        self.size += len(part)
        if self.file is None:
            self.parts.append(part)
        elif self.path is not None:
            with disk_faults(self.path):
                self.file.write(part.data)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """A copy of a stretch; of a file only."""
        assert self.file is not None
        self.file.seek(HEADER_BYTES + start * self.dtype.itemsize)
        return np.frombuffer(self.file.read((stop - start) * self.dtype.itemsize), dtype=self.dtype)

    def write(self, start: int, part: npt.NDArray[Any]) -> None:
        """Put `part` over what stands at `start`; of a file only."""
        assert self.file is not None
        assert self.path is not None
        with disk_faults(self.path):
            self.file.seek(HEADER_BYTES + start * self.dtype.itemsize)
            self.file.write(part.data)

    def finish(self, size: int | None = None) -> npt.NDArray[Any]:
        """The first `size` numbers (None: all), read-only and mapped where they are in a file."""
        size = self.size if size is None else size
        if self.file is None:
            return np.concatenate(self.parts)[:size] if self.parts else np.empty(0, dtype=self.dtype)
        assert self.path is not None
        assert self.scratch is not None
        with disk_faults(self.path):
            self.file.truncate(HEADER_BYTES + size * self.dtype.itemsize)
            self.file.seek(0)
            np.lib.format.write_array_header_1_0(self.file, {"descr": self.dtype.str, "fortran_order": False, "shape": (size,)})
            assert self.file.tell() == HEADER_BYTES
            self.file.close()
            self.scratch.replace(self.path)
        return np.load(self.path, mmap_mode="r", allow_pickle=False) if size else np.empty(0, dtype=self.dtype)

    def drop(self) -> None:
        """Leave nothing half-written behind."""
        if self.file is not None and self.scratch is not None:
            with suppress(OSError):
                self.file.close()
            self.scratch.unlink(missing_ok=True)


class Shelf:
    """The two arrays of a corpus, together in memory or together in a folder.

    Args:
        folder: where the files go; None: memory, or beyond `memory_bytes` a folder of its own, see `keep_while`.
        memory_bytes: bound of what stays in memory.
    """

    def __init__(self, folder: Path | None, memory_bytes: int) -> None:
        self.folder, self.memory_bytes = folder, memory_bytes
        self.temporary: str | None = None
        self.ids, self.starts = GrowingArray(np.int32), GrowingArray(np.int64)
        self.spans: list[tuple[int, int, int]] = []
        if folder is not None:
            self._to(folder)

    def _to(self, folder: Path) -> None:
        try:
            self.ids.to_disk(folder / "ids.npy")
            self.starts.to_disk(folder / "starts.npy")
        except BaseException:
            self.drop()
            raise

    def append(self, table: int, part: npt.NDArray[np.int32]) -> None:
        """Provisional numbers of one block, in the order of the text."""
        self.spans.append((table, self.ids.size, self.ids.size + len(part)))
        self.ids.append(part)
        # A quarter: the table of words takes most of the memory, and at the end the parts stand beside the whole.
        if self.ids.path is None and self.ids.size * 4 > self.memory_bytes // 4:
            self.temporary = tempfile.mkdtemp(prefix="ringsmith-corpus-")
            self._to(Path(self.temporary))

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        """The blocks again: which table, and its numbers."""
        if self.ids.file is None:
            parts, self.ids.parts = self.ids.parts[::-1], []
            for table, _, _ in self.spans:
                yield table, parts.pop()
        else:
            for table, start, stop in self.spans:
                yield table, self.ids.read(start, stop)

    def put(self, start: int, part: npt.NDArray[np.int32]) -> None:
        """Final numbers: they never need more room than the provisional ones did."""
        if self.ids.file is None:
            self.ids.parts.append(part)
        else:
            self.ids.write(start, part)

    def keep_while(self, *arrays: npt.NDArray[Any]) -> None:
        """Remove the temporary folder when these arrays are gone."""
        if self.temporary is not None:
            remove_after(self.temporary, *arrays)

    def drop(self) -> None:
        """Leave nothing half-written behind."""
        self.ids.drop()
        self.starts.drop()
        if self.temporary is not None:
            rmtree(self.temporary, ignore_errors=True)


def remove_after(folder: str, *arrays: npt.NDArray[Any]) -> None:
    """Remove a temporary folder when `arrays`, mapped from its files, are gone.

    Windows removes no file that is mapped still: what is left when the first of them goes is removed with the last.
    """
    for array in arrays:
        if isinstance(array.base, mmap):
            weakref.finalize(array.base, rmtree, folder, ignore_errors=True)
