"""Word vectors from a file, cut to what a model needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ringsmith.adapt.recipe import Progress, Report
from ringsmith.errors import ModelError
from ringsmith.words.files import ReadOptions, open_vectors
from ringsmith.words.quantise import LARGEST_HALF
from ringsmith.words.sentences import look_up
from ringsmith.words.tokens import Tokens
from ringsmith.words.vectors import WordVectors


def most_frequent(path: Path, tokens: Tokens, most: int, *, report: Report) -> tuple[WordVectors, tuple[str, ...]]:
    """The first `most` words of a file, as files begin with the most frequent, and all words of the texts; float32 becomes float16.

    Returns:
        The vectors, and what a reader should know.

    Raises:
        ReadError: the file is missing, damaged, or no form of vectors that is known.
        ModelError: it holds NaN, infinity, or nothing.
    """
    opened = open_vectors(path, options=ReadOptions(report=lambda progress: report(Progress("words", progress.done, progress.total, progress.unit, progress.note))))
    needed = look_up(opened, tokens.words)
    rows = np.union1d(np.arange(min(most, len(opened))), needed[needed >= 0])
    vectors = opened.take(rows)
    if not len(vectors) or not np.isfinite(vectors.decoded(slice(None))).all():
        raise ModelError(f"{path}: word vectors must be finite numbers; got {'NaN or infinity' if len(vectors) else 'no word'}. Make or download the file again.")
    kept = (f"Of the {len(opened):,} words of {path.name} the model keeps {len(vectors):,}: the most frequent and those of the texts.",) if len(vectors) < len(opened) else ()
    small = vectors.matrix.dtype == np.float32 and np.abs(vectors.matrix).max() < LARGEST_HALF
    matrix = vectors.matrix.astype(np.float16) if small else np.array(vectors.matrix)
    return replace(vectors, words=list(vectors.words), matrix=matrix, counts=None), (*opened.notes, *kept)
