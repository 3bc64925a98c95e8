"""Made-up spaces for the tests of vectors."""

from __future__ import annotations

import numpy as np

from ringsmith.words.vectors import WordVectors

WORDS = ["the", "of", "naïve", "Москва", "東京", "U.S.", "don't", "🙂", "new\u00a0york", "x"]


def small(width: int = 7, *, counts: bool = True, seed: int = 0) -> WordVectors:
    """Ten words in several scripts with numbers of many sizes."""
    rng = np.random.default_rng(seed)
    matrix = (rng.normal(size=(len(WORDS), width)) * 10.0 ** rng.integers(-6, 6, size=(len(WORDS), width))).astype(np.float32)
    return WordVectors(WORDS, matrix, np.arange(len(WORDS), 0, -1) if counts else None)


def random_space(rows: int = 500, width: int = 20, seed: int = 0) -> WordVectors:
    """Random vectors of different lengths."""
    rng = np.random.default_rng(seed)
    matrix = (rng.normal(size=(rows, width)) * rng.uniform(0.1, 5, size=(rows, 1))).astype(np.float32)
    return WordVectors([f"w{row}" for row in range(rows)], matrix, np.arange(rows, 0, -1))
