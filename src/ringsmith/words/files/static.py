"""A folder that sentence-transformers (`StaticEmbedding`) and Model2Vec (`StaticModel`) load: a text's vector is the mean of its words'.

    model.safetensors     "embeddings" (V, d); with [UNK], a row of zeros, where the words have none
    tokenizer.json        a vocabulary of whole words; small letters where all words are written so
    config.json           Model2Vec's;  modules.json: sentence-transformers'

Model2Vec leaves unknown words out of the mean; sentence-transformers counts them as zeros, which shortens the mean and does not turn it.
"""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import Any

import numpy as np

from ringsmith.errors import ReadError
from ringsmith.words.files.contract import Format, ReadOptions, Target, without_duplicates
from ringsmith.words.files.mapped import header_of, map_tensor
from ringsmith.words.neighbours import norms_of
from ringsmith.words.vectors import WordVectors

UNKNOWN = "[UNK]"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
KEYS = ("embeddings", "embedding.weight")


def write_static(vectors: WordVectors, target: Target) -> None:
    """Write the folder: float16 stays float16, all else becomes float32."""
    from safetensors.numpy import save_file

    target.path.mkdir()
    matrix = vectors.matrix if vectors.matrix.dtype == np.float16 else vectors.decoded(slice(None))
    words = list(vectors.words)
    if UNKNOWN not in vectors.index:
        words, matrix = [*words, UNKNOWN], np.concatenate([matrix, np.zeros((1, vectors.dimensions), dtype=matrix.dtype)])
    save_file({"embeddings": np.ascontiguousarray(matrix)}, target.path / WEIGHTS, metadata={"format": "pt"})
    _write_json(target.path / TOKENIZER, tokenizer_of(words))
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": vectors.dimensions, "seq_length": 1_000_000, "normalize": False}
    _write_json(target.path / "config.json", config)
    _write_json(target.path / "modules.json", [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}])


def tokenizer_of(words: list[str]) -> dict[str, Any]:
    """What `tokenizers` calls a WordLevel tokenizer, as JSON: text cut into words and marks, each a row."""
    small = all(word == word.lower() for word in words if word != UNKNOWN)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"} if small else None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: row for row, word in enumerate(words)}, "unk_token": UNKNOWN},
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", newline="\n")


def read_static(folder: Path, options: ReadOptions) -> WordVectors:
    """The tokens of such a folder with their vectors, mapped; the row of zeros for unknown words is left out.

    Raises:
        ReadError: files are missing or do not fit together.
    """
    tensors, _ = header_of(folder / WEIGHTS)
    key = next((key for key in KEYS if key in tensors), None)
    if key is None or len(tensors[key].shape) != 2 or tensors[key].dtype not in ("F32", "F16") or {"mapping", "weights"} & tensors.keys():
        raise ReadError(f"{folder}: {WEIGHTS} must hold one matrix of numbers, 'embeddings', with a row for each word; got {', '.join(sorted(tensors)[:6]) or 'nothing'}.")
    matrix, words = map_tensor(folder / WEIGHTS, tensors[key]), _tokens(folder / TOKENIZER)
    if sorted(words.values()) != list(range(len(matrix))):
        raise ReadError(f"{folder}: {TOKENIZER} must name each of the {len(matrix):,} rows of {WEIGHTS} once; it names {len(words):,}. Save the model again.")
    norms_of(matrix)
    names = sorted(words, key=words.__getitem__)
    if names[-1] == UNKNOWN and not matrix[-1].any():
        names, matrix = names[:-1], matrix[:-1]
    return without_duplicates(WordVectors(names[: options.most], matrix[: options.most]), folder)


def _tokens(path: Path) -> dict[str, int]:
    try:
        model = json.loads(path.read_bytes())["model"]
        vocabulary = model["vocab"]
        pairs = vocabulary.items() if isinstance(vocabulary, dict) else [(token, row) for row, (token, _) in enumerate(vocabulary)]
        return {str(token): operator.index(row) for token, row in pairs}
    except FileNotFoundError:
        raise ReadError(f"{path.parent}: a folder of static vectors must hold {TOKENIZER} beside {WEIGHTS}; it is not there. Save the model again.") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReadError(f"{path}: this is no tokenizer of whole words ({type(error).__name__}: {error}). Save the model again.") from error


STATIC = Format("static", "a folder that sentence-transformers and Model2Vec load", (), read_static, write_static, is_folder=True)
