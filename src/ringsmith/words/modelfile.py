"""A word2vec model on disk, to train on in another process: one safetensors file, no pickle.

    inputs      (V or V + buckets, d) float32
    outputs     (V + ..., d) float32
    counts      (V,) int64
    words       uint8: the words' UTF-8, one after the other
    word_ends   (V,) int64: where each word ends
    metadata    the options and how far the training was, as JSON

To use the vectors alone, `save_vectors` writes half of it, in any form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ringsmith._files import disk_faults, is_pickle, path_of, written
from ringsmith.errors import OptionError, ReadError
from ringsmith.words.files.contract import whole_characters
from ringsmith.words.files.mapped import PackedWords, Tensor, header_of, map_tensor, pack_words
from ringsmith.words.model import Word2VecModel, aligned, target_rows
from ringsmith.words.neighbours import Floats
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.vocabulary import Vocabulary

FORMAT, SCHEMA = "ringsmith-word2vec", "1"
KINDS = {"inputs": (2, "F32"), "outputs": (2, "F32"), "counts": (1, "I64"), "words": (1, "U8"), "word_ends": (1, "I64")}
"""Name of an array -> its dimensions and its type."""
STATE = ("losses", "loss_total", "trained_words", "seconds")


def save_model(model: Word2VecModel, path: str | Path, *, extra: Mapping[str, Any] | None = None) -> Path:
    """Write the model; the file appears whole or not at all.

    Args:
        model: what to write.
        path: any name; ``.safetensors`` tells others what it is.
        extra: JSON types to keep with it; `load_extra` gives them back.

    Raises:
        MachineError: the place may not be written, or the disk is full.
    """
    from safetensors.numpy import save_file

    place = path_of(path)
    with whole_characters(place):
        content, ends = pack_words(model.vocabulary.words)
    arrays = {"inputs": model.inputs, "outputs": model.outputs, "counts": model.vocabulary.counts, "words": content, "word_ends": ends}
    state = {"options": asdict(model.options), **{name: getattr(model, name) for name in STATE}, "extra": dict(extra or {})}
    metadata = {"format": FORMAT, "schema": SCHEMA, "state": json.dumps(state)}
    with disk_faults(place), written(place) as scratch:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, scratch, metadata=metadata)
    return place


def load_model(path: str | Path) -> Word2VecModel:
    """The model that `save_model` wrote, in memory.

    Raises:
        ReadError: there is no such file, it is damaged, or something else.
    """
    place = path_of(path)
    tensors, state = _open(place)
    try:
        options = Word2VecOptions(**{**state["options"], "subwords": tuple(lengths) if (lengths := state["options"]["subwords"]) else None})
        progress = {name: state[name] for name in STATE}
    except (KeyError, TypeError, OptionError) as error:
        raise _damaged(place, "its options are none of this version") from error
    vocabulary = _vocabulary(place, tensors)
    size = len(vocabulary)
    inputs = _matrix(place, tensors["inputs"], size + (options.buckets if options.subwords else 0), options.dim)
    outputs = _matrix(place, tensors["outputs"], target_rows(size, options), options.dim)
    return Word2VecModel(vocabulary, options, inputs, outputs, **progress)


def load_extra(path: str | Path) -> dict[str, Any]:
    """What was kept with a model.

    Raises:
        ReadError: as for `load_model`.
    """
    extra = _open(path_of(path))[1].get("extra")
    return extra if isinstance(extra, dict) else {}


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The arrays, checked but not read, and the metadata."""
    _refuse_pickle(path)
    tensors, metadata = header_of(path)
    if metadata.get("format") != FORMAT:
        raise ReadError(f"{path}: a saved word2vec model says format {FORMAT!r}; got {metadata.get('format')!r}. Files of vectors alone are opened by open_vectors.")
    if metadata.get("schema") != SCHEMA:
        raise ReadError(f"{path}: schema {SCHEMA} is read by this version of Ringsmith; got {metadata.get('schema')!r}. Install the version that wrote it.")
    for name, (dimensions, kind) in KINDS.items():
        if name not in tensors or (len(tensors[name].shape), tensors[name].dtype) != (dimensions, kind):
            raise _damaged(path, f"{name!r} is missing or of another kind")
    try:
        state = json.loads(metadata.get("state", ""))
    except ValueError as error:
        raise _damaged(path, "its metadata are no JSON") from error
    if not isinstance(state, dict) or not isinstance(state.get("options"), dict):
        raise _damaged(path, "its options are missing")
    return tensors, state


def _refuse_pickle(path: Path) -> None:
    """The files of gensim are pickles."""
    if path.is_file():
        with path.open("rb") as file:
            if is_pickle(file.read(9)):
                raise ReadError(
                    f"{path}: pickles (gensim's own save) are not opened, because they can run code. Load it where it was made and call "
                    "model.wv.save_word2vec_format('vectors.bin', binary=True); Ringsmith opens that file."
                )


def _vocabulary(path: Path, tensors: Mapping[str, Tensor]) -> Vocabulary:
    """Words and counts, copied."""
    content, ends, counts = (np.array(map_tensor(path, tensors[name])) for name in ("words", "word_ends", "counts"))
    if not len(ends) or len(ends) != len(counts) or ends[0] < 0 or ends[-1] != len(content) or (np.diff(ends) < 0).any() or (counts < 0).any():
        raise _damaged(path, "'words', 'word_ends' and 'counts' do not fit together")
    return Vocabulary(tuple(PackedWords(content, ends)), counts)


def _matrix(path: Path, tensor: Tensor, rows: int, dim: int) -> Floats:
    """A matrix as the kernels want it; its shape is what the options say."""
    if tensor.shape != (rows, dim):
        raise _damaged(path, f"a matrix of {rows:,} x {dim} has the shape {tensor.shape}")
    matrix = aligned(rows, dim)
    matrix[:] = map_tensor(path, tensor)
    return matrix


def _damaged(path: Path, why: str) -> ReadError:
    return ReadError(f"{path}: a saved word2vec model must be whole; {why}. Copy it again, or train it anew.")
