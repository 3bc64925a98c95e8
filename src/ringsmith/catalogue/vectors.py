"""Look at a file of word vectors without reading it: what form it has, how many words, how wide.

Only the first bytes are looked at, so that a plan can be made at once; whoever opens the file checks the rest. Text without a header and
packed files do not say how many words they hold: these are estimated from their size.
"""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np

from ringsmith._files import is_pickle
from ringsmith.catalogue.local import LocalModel
from ringsmith.catalogue.weights import hash_weights, read_header
from ringsmith.errors import ModelError

HEAD = 1 << 16
PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
FORMS = (".txt", ".vec", ".bin", ".glove", ".safetensors", ".npy", ".json", ".kv", ".w2v")
FASTTEXT = 793712314
PACKED_BYTES_A_NUMBER = 3
USUAL_WIDTH = 300


def is_vector_folder(folder: Path) -> bool:
    """Whether a folder holds static vectors (StaticEmbedding of sentence-transformers, Model2Vec) and no transformer."""
    if not folder.is_dir() or not all((folder / name).is_file() for name in ("model.safetensors", "tokenizer.json")):
        return False
    with suppress(OSError, ValueError):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return isinstance(config, dict) and config.get("model_type", "model2vec") == "model2vec"
    return True


def short_name(place: Path) -> str:
    """What a file of vectors is called in tables: its name without the endings of its form and packing.

    Examples:
        >>> short_name(Path("/data/glove.6B.100d.txt.gz")), short_name(Path("/data/potion"))
        ('glove.6B.100d', 'potion')
    """
    name = place.name
    for endings in (tuple(PACKED.values()), FORMS):
        name = next((name[: -len(ending)] for ending in endings if name.lower().endswith(ending) and len(name) > len(ending)), name)
    return name


def is_vector_name(name: str) -> bool:
    """Whether a name can only be that of a file.

    Examples:
        >>> is_vector_name("data/glove.txt.gz"), is_vector_name("bert-base-uncased")
        (True, False)
    """
    return name.lower().endswith((*FORMS, *(form + packing for form in FORMS for packing in PACKED.values())))


def inspect_vectors(place: Path, *, name: str) -> LocalModel:
    """The word vectors in a file or folder, as far as their first bytes tell.

    Args:
        place: word2vec text or binary, GloVe, fastText, safetensors, NumPy or JSON, also packed; or a folder of static vectors.
        name: what the user called it.

    Raises:
        ModelError: it is empty, a pickle, or nothing that is known.
    """
    file = place / "model.safetensors" if place.is_dir() else place
    try:
        rows, width = _shape(file)
    except OSError as error:
        raise ModelError(f"{place}: the file cannot be read ({error.strerror or error}). Check its permissions.") from error
    size = file.stat().st_size
    return LocalModel(name, str(place.resolve()), None, None, hash_weights([file]), round(size / 1e6, 1), "WordVectors", 0, width, rows * width, None, kind="vectors")


def _shape(file: Path) -> tuple[int, int]:
    """Words and numbers a word, counted or estimated."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if not head.strip() or is_pickle(head):
        got = "a pickle, which could run code" if head.strip() else "an empty file"
        raise ModelError(f"{file}: word vectors are text, word2vec binary, fastText, safetensors or NumPy; got {got}. Save them in one of these forms.")
    if head.startswith(tuple(PACKED)):
        return size // (PACKED_BYTES_A_NUMBER * USUAL_WIDTH) + 1, USUAL_WIDTH
    if head.startswith(b"\x93NUMPY"):
        return _of_numpy(file)
    if head[8:9] == b"{":
        return max((_two(tensor.shape, file) for tensor in read_header(file) if len(tensor.shape) == 2), default=(0, 0))
    if len(head) > 100 and (int.from_bytes(head[:4], "little") == FASTTEXT or head[2:4] == head[6:8] == b"\0\0"):
        return _of_fasttext(head)
    return _of_text(file, head, size)


def _of_fasttext(head: bytes) -> tuple[int, int]:
    """Magic and version (missing before 2017); twelve int32, dim the first, bucket the ninth; a float64; size and nwords of the dictionary."""
    base = 8 if int.from_bytes(head[:4], "little") == FASTTEXT else 0
    dim, buckets, words = (struct.unpack_from("<i", head, base + 4 * place)[0] for place in (0, 8, 15))
    return max(0, words + buckets), max(0, dim)


def _of_numpy(file: Path) -> tuple[int, int]:
    try:
        return _two(np.load(file, mmap_mode="r", allow_pickle=False).shape, file)
    except (ValueError, EOFError, SyntaxError) as error:
        raise ModelError(f"{file}: the NumPy file must be whole and hold numbers; {error}. Save or copy it again.") from error


def _two(shape: tuple[int, ...], file: Path) -> tuple[int, int]:
    if len(shape) != 2:
        raise ModelError(f"{file}: word vectors must be a matrix; got the shape {list(shape)}. Name the file that holds the vectors.")
    return shape[0], shape[1]


def _of_text(file: Path, head: bytes, size: int) -> tuple[int, int]:
    """By the header of word2vec's text and binary, or by the first line of GloVe's; JSON by its size."""
    fields = head.partition(b"\n")[0].split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return int(fields[0]), int(fields[1])
    if head.lstrip()[:1] == b"{":
        return size // (10 * USUAL_WIDTH) + 1, USUAL_WIDTH
    with suppress(ValueError):
        if len(fields) > 1 and b"\0" not in head:
            float(fields[-1])
            line = len(head) / max(1, head.count(b"\n"))
            return round(size / line), len(fields) - 1
    began = head[:24].decode("utf-8", "replace")
    raise ModelError(f"{file}: a model is a folder with config.json and model.safetensors, or a file of word vectors; this begins with {began!r}. Name one of these.")
