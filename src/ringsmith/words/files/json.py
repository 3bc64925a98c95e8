"""JSON as ml5.js has it: ``{"vectors": {"word": [0.1, ...], ...}}``, or the inner object alone. Read only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ringsmith.errors import ReadError
from ringsmith.words.files.contract import Format, ReadOptions
from ringsmith.words.files.packed import opened
from ringsmith.words.files.rows import Rows
from ringsmith.words.vectors import WordVectors


def read_json(path: Path, options: ReadOptions) -> WordVectors:
    """Vectors from a JSON object of lists of numbers.

    Raises:
        ReadError: no such object, lists of different lengths, or what is no number.
    """
    with opened(path) as (stream, _):
        content = stream.read()
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: this is no whole JSON file ({error}). Copy or download it again.") from error
    table = table.get("vectors", table) if isinstance(table, dict) else table
    if not isinstance(table, dict) or not table or not all(isinstance(line, list) for line in table.values()):
        raise ReadError(f"{path}: a JSON file of vectors must hold an object of words with lists of numbers; got {type(table).__name__}. Check that this is the right file.")
    width = len(next(iter(table.values())))
    for word, line in table.items():
        if len(line) != width or not width or not all(type(number) in (int, float) for number in line):
            raise ReadError(f"{path}: every word must have {width or 'some'} numbers, as the first has; {word!r} has {len(line)} values. Mend the file.")
    rows = Rows(path, options, width, "word")
    rows.add([word.encode(errors="replace") for word in table], _matrix(path, list(table.values())), 1)
    return rows.vectors()


def _matrix(path: Path, lines: list[list[float]]) -> np.typing.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            return np.array(lines, dtype=np.float64).astype(np.float32)
    except OverflowError as error:
        raise ReadError(f"{path}: vectors must hold numbers that fit into float32; got a larger one. Mend the file.") from error


JSON = Format("json", "JSON as ml5.js has it (read only)", (), read_json)
