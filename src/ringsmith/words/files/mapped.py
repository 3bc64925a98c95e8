"""Our own form: one safetensors file that opens at once, however large, because it is mapped and not read.

    vectors     (V, d) float32, float16 or int8
    scales      (V,) float32, beside int8
    counts      (V,) int64, where they are known
    words       uint8: the words' UTF-8, one after the other
    word_ends   (V,) int64: where each word ends

and where words that are not there get a vector from their spelling (schema 2):

    ngrams          (B, d) float32 or float16: vectors of character n-grams, by fastText's hash
    ngram_lengths   (2,) int64: characters of the shortest and the longest
    ngram_hashes    (B,) int64, ascending: the values of the hash that have a row; missing where each has one
    ngram_modulus   (1,) int64, beside them: how many values the hash has

Any reader of safetensors can read it. The header is checked against the length of the file before anything is mapped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ringsmith._files import no_such_file
from ringsmith.errors import InputError, ReadError
from ringsmith.words.files.contract import Format, ReadOptions, Target
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.vectors import WordVectors

FORMAT = "ringsmith-word-vectors"
PLAIN, SPELT = "1", "2"
"""Schemas: words alone, so that versions that know no other open them; and with n-grams."""
TYPES = {"F32": "<f4", "F16": "<f2", "I8": "i1", "I64": "<i8", "U8": "u1"}
LARGEST_HEADER = 100 << 20
KNOWN: dict[str, tuple[int, tuple[str, ...]]] = {
    "vectors": (2, ("F32", "F16", "I8")),
    "scales": (1, ("F32",)),
    "counts": (1, ("I64",)),
    "words": (1, ("U8",)),
    "word_ends": (1, ("I64",)),
    "ngrams": (2, ("F32", "F16")),
    "ngram_lengths": (1, ("I64",)),
    "ngram_hashes": (1, ("I64",)),
    "ngram_modulus": (1, ("I64",)),
}
"""Name of a tensor -> how many dimensions and which types it may have."""


class PackedWords(Sequence[str]):
    """Words decoded from one piece of bytes when they are asked for.

    Args:
        content: their UTF-8, one after the other.
        ends: (V,) where each ends.
    """

    def __init__(self, content: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
        self._content, self._ends = content, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            rows = range(*at.indices(len(self)))
            return list(self._span(rows.start, rows.stop)) if rows.step == 1 else [self[row] for row in rows]
        row = range(len(self))[at]
        start = int(self._ends[row - 1]) if row else 0
        return _decoded(self._content[start : self._ends[row]].tobytes())

    def __iter__(self) -> Iterator[str]:
        return self._span(0, len(self))

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def _span(self, first: int, last: int) -> Iterator[str]:
        ends = [int(self._ends[first - 1]) if first else 0, *self._ends[first:last].tolist()]
        content, spans = self._content[ends[0] : ends[-1]].tobytes(), pairwise(end - ends[0] for end in ends)
        if content.isascii():
            text = content.decode()
            return (text[start:stop] for start, stop in spans)
        return (_decoded(content[start:stop]) for start, stop in spans)


def _decoded(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError as error:
        raise ReadError(f"The words of a mapped file must be UTF-8; got the bytes {piece[:40]!r}. The file is damaged: copy or download it again.") from error


def pack_words(words: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The words' UTF-8 one after the other, and where each ends."""
    pieces = [word.encode() for word in words]
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), np.cumsum([len(piece) for piece in pieces], dtype=np.int64)


@dataclass(frozen=True)
class Tensor:
    """Where one array lies in a safetensors file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header_of(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """The arrays and the metadata of a safetensors file, checked against its length; positions count from the file's start.

    Raises:
        ReadError: there is no such file, it is no safetensors file, or it is cut off.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            content = json.loads(file.read(length)) if 2 <= length <= min(LARGEST_HEADER, size - 8) else None
        if not isinstance(content, dict):
            raise _damaged(path, "its header is cut off or no JSON")
        metadata = content.pop("__metadata__", {})
        tensors = {name: _tensor(path, name, fields, 8 + length, size) for name, fields in content.items()}
    except FileNotFoundError:
        raise no_such_file(path) from None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    except OSError as error:
        raise ReadError(f"{path}: this file cannot be read ({error.strerror or error}). Check its permissions.") from error
    return tensors, metadata if isinstance(metadata, dict) else {}


def _tensor(path: Path, name: str, fields: Any, base: int, size: int) -> Tensor:
    match fields:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(begin), int(end)]} if all(type(n) is int and n >= 0 for n in shape):
            if not 0 <= begin <= end <= size - base:
                raise _damaged(path, f"{name!r} lies beyond its end")
            if dtype in TYPES and end - begin != np.dtype(TYPES[dtype]).itemsize * _product(shape):
                raise _damaged(path, f"{name!r} has another size than its shape {shape}")
            return Tensor(dtype, tuple(shape), base + begin, base + end)
    raise _damaged(path, f"{name!r} is not described as it must be")


def _product(shape: Sequence[int]) -> int:
    product = 1
    for number in shape:
        product *= number
    return product


def _damaged(path: Path, why: str) -> ReadError:
    return ReadError(f"{path}: a safetensors file must describe what it holds; {why}. Copy or download it again.")


def map_tensor(path: Path, tensor: Tensor) -> npt.NDArray[Any]:
    """An array mapped from the file; nothing is read until it is used."""
    if not _product(tensor.shape):
        return np.empty(tensor.shape, dtype=TYPES[tensor.dtype])
    return np.memmap(path, dtype=TYPES[tensor.dtype], mode="r", offset=tensor.begin, shape=tensor.shape)


def read_mapped(path: Path, options: ReadOptions) -> WordVectors:
    """Open one of our safetensors files: mapped, words decoded when they are asked for.

    Raises:
        ReadError: it is damaged, or safetensors of something else.
    """
    tensors, metadata = header_of(path)
    if metadata.get("format") != FORMAT or not {"vectors", "words", "word_ends"} <= tensors.keys():
        raise ReadError(f"{path}: a safetensors file of word vectors says format {FORMAT!r}; got {', '.join(sorted(tensors)[:6]) or 'nothing'}. Name another file.")
    if metadata.get("schema") not in (PLAIN, SPELT):
        raise ReadError(f"{path}: schemas {PLAIN} and {SPELT} are read by this version of Ringsmith; got {metadata.get('schema')!r}. Install the version that wrote it.")
    for name, (dimensions, types) in KNOWN.items():
        if (tensor := tensors.get(name)) and (len(tensor.shape) != dimensions or tensor.dtype not in types):
            raise _damaged(path, f"{name!r} has the type {tensor.dtype} and the shape {list(tensor.shape)}")
    arrays = {name: map_tensor(path, tensors[name]) for name in KNOWN if name in tensors}
    _check_shapes(path, arrays)
    ngrams = _ngrams(path, arrays) if metadata["schema"] == SPELT else None
    vectors = WordVectors(PackedWords(arrays["words"], arrays["word_ends"]), arrays["vectors"], arrays.get("counts"), arrays.get("scales"), ngrams=ngrams)
    return vectors if options.most is None else vectors.take(slice(options.most))


def _check_shapes(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    ends, matrix = arrays["word_ends"], arrays["vectors"]
    lengths = {name: len(arrays[name]) for name in ("vectors", "scales", "counts", "word_ends") if name in arrays}
    if len(set(lengths.values())) != 1 or not matrix.size:
        raise _damaged(path, f"its arrays have different lengths or none: {', '.join(f'{name} {length:,}' for name, length in lengths.items())}")
    if (matrix.dtype == np.int8) != ("scales" in arrays):
        raise _damaged(path, "int8 vectors and 'scales' belong together")
    if ends[0] < 0 or ends[-1] != len(arrays["words"]) or (np.diff(ends) < 0).any():
        raise _damaged(path, "'word_ends' does not cut 'words' into words")


def _ngrams(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> Ngrams:
    """The n-grams, mapped as all else is."""
    if not {"ngrams", "ngram_lengths"} <= arrays.keys() or len(arrays["ngram_lengths"]) != 2 or arrays["ngrams"].shape[1] != arrays["vectors"].shape[1]:
        raise _damaged(path, "'ngrams' and 'ngram_lengths' are missing, or of another width than the vectors")
    modulus = int(arrays["ngram_modulus"][0]) if arrays.get("ngram_modulus", np.empty(0)).size else None
    shortest, longest = map(int, arrays["ngram_lengths"])
    try:
        return Ngrams(arrays["ngrams"], shortest, longest, arrays.get("ngram_hashes"), modulus)
    except InputError as error:
        raise _damaged(path, "its n-grams do not fit together") from error


def write_mapped(vectors: WordVectors, target: Target) -> None:
    """Write our safetensors form, in the precision that the vectors have."""
    from safetensors.numpy import save_file

    content, ends = pack_words(vectors.words)
    matrix = vectors.matrix if vectors.matrix.dtype in (np.float32, np.float16, np.int8) else vectors.matrix.astype(np.float32)
    arrays = {"vectors": matrix, "words": content, "word_ends": ends, "counts": vectors.counts, "scales": vectors.scales, **_spelling(vectors.ngrams)}
    metadata = {"format": FORMAT, "schema": SPELT if vectors.ngrams else PLAIN}
    save_file({key: np.ascontiguousarray(array) for key, array in arrays.items() if array is not None}, target.path, metadata=metadata)


def _spelling(ngrams: Ngrams | None) -> dict[str, npt.NDArray[Any] | None]:
    """The arrays of n-grams, if there are any."""
    if ngrams is None:
        return {}
    buckets = ngrams.buckets if ngrams.buckets.dtype in (np.float32, np.float16) else ngrams.buckets.astype(np.float32)
    modulus = None if ngrams.modulus is None else np.array([ngrams.modulus], dtype=np.int64)
    return {"ngrams": buckets, "ngram_lengths": np.array([ngrams.shortest, ngrams.longest], dtype=np.int64), "ngram_hashes": ngrams.hashes, "ngram_modulus": modulus}


SAFETENSORS = Format("safetensors", "Ringsmith's own: mapped, opens at once; float32, float16 or int8", (".safetensors",), read_mapped, write_mapped, keeps_ngrams=True)
