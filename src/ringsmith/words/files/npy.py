r"""A NumPy matrix with a list of words beside it: ``name.npy`` and ``name.words.txt`` (one word a line), and counts in ``name.counts.npy``.

It is how vectors leave gensim without pickle:

    np.save("wv.npy", wv.vectors)
    Path("wv.words.txt").write_text("\n".join(wv.index_to_key), encoding="utf-8")

gensim's own ``save`` writes a pickle, which can run code when it is opened; it is refused here.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._files import no_such_file, written
from ringsmith.errors import ReadError
from ringsmith.words.files.contract import Format, ReadOptions, Target, decode_words, refuse_words, without_duplicates
from ringsmith.words.neighbours import norms_of
from ringsmith.words.vectors import WordVectors


def beside(path: Path, suffix: str) -> Path:
    """The file with the words (``".words.txt"``) or counts (``".counts.npy"``) of a matrix."""
    return path.with_name(path.name.removesuffix(".npy") + suffix)


def read_npy(path: Path, options: ReadOptions) -> WordVectors:
    """Vectors from a NumPy matrix, mapped, with the words beside it.

    Raises:
        ReadError: no words beside it, another shape or type, a damaged file.
    """
    matrix, places = _load(path), beside(path, ".words.txt")
    if matrix.ndim != 2 or matrix.dtype not in (np.float32, np.float64, np.float16) or not matrix.size:
        raise ReadError(f"{path}: it must hold a matrix of floating-point numbers; got {matrix.dtype} of the shape {matrix.shape}. Save it with np.save(path, vectors).")
    try:
        lines = places.read_bytes().removesuffix(b"\n").split(b"\n")
    except FileNotFoundError:
        raise ReadError(
            f"{path}: the words must lie beside it in {places.name!r}, one a line; there is no such file. In gensim: "
            f"Path({places.name!r}).write_text('\\n'.join(wv.index_to_key), encoding='utf-8')."
        ) from None
    if len(lines) != len(matrix):
        raise ReadError(f"{places}: there must be one word a line for each of the {len(matrix):,} rows of {path.name}; got {len(lines):,}. Write both again.")
    words, replaced = decode_words(lines[: options.most], places, options.errors, first=1)
    counts = _load(beside(path, ".counts.npy")) if beside(path, ".counts.npy").exists() else None
    if counts is not None and (counts.shape != (len(matrix),) or counts.dtype.kind not in "iu"):
        raise ReadError(f"{beside(path, '.counts.npy')}: it must hold one whole number for each of the {len(matrix):,} words; got {counts.dtype} of the shape {counts.shape}.")
    matrix = matrix[: options.most]
    norms_of(matrix)  # a space with NaN is refused now, with its row
    floats = matrix.astype(np.float32) if matrix.dtype == np.float64 else matrix
    vectors = WordVectors(words, floats, None if counts is None else counts[: options.most].astype(np.int64))
    return without_duplicates(vectors, path, replaced=replaced)


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        with warnings.catch_warnings():  # NumPy's advice on files of Python 2 is not for our users
            warnings.simplefilter("ignore", UserWarning)
            return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise no_such_file(path) from None
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, KeyError, OverflowError, MemoryError, RecursionError, TokenError) as error:
        raise ReadError(f"{path}: this is no whole NumPy file ({str(error)[:80] or type(error).__name__}). Save it again with np.save(path, vectors).") from error


def write_npy(vectors: WordVectors, target: Target) -> None:
    """Write the matrix (float32 or float16) to the target, and words and counts beside it; none takes its place before all are written."""
    refuse_words(vectors, target.name, forbidden=r"\n", what="a list with one word a line")
    _save(target.path, vectors.matrix if vectors.matrix.dtype in (np.float32, np.float16) else vectors.decoded(slice(None)))
    with ExitStack() as together:
        words = together.enter_context(written(beside(target.name, ".words.txt")))
        words.write_bytes("".join(f"{word}\n" for word in vectors.words).encode())
        if vectors.counts is not None:
            _save(together.enter_context(written(beside(target.name, ".counts.npy"))), vectors.counts)
    if vectors.counts is None:
        beside(target.name, ".counts.npy").unlink(missing_ok=True)


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    """As ``np.save`` does, which where the disk is full does not tell the system's error."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


NPY = Format(
    "npy",
    "a NumPy matrix, with the words beside it in NAME.words.txt (how vectors leave gensim without pickle)",
    (".npy",),
    read_npy,
    write_npy,
    companions=lambda path: (beside(path, ".words.txt"), beside(path, ".counts.npy")),
)
