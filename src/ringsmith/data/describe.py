"""Figures about the rows: lengths, classes, balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no blanks between words."""
QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
BINS = 30


def lengths_of(texts: pl.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(words, characters) of each text; words are what stands between blanks, and each character of a script without blanks.

    Examples:
        >>> lengths_of(pl.Series(["so good!", "とても 良いです", "もうiPhone 5"]))[0].tolist()
        [2, 7, 4]
    """
    words = texts.str.count_matches(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
    return words.to_numpy().astype(np.int64), texts.str.len_chars().to_numpy().astype(np.int64)


def quantiles_of(values: npt.NDArray[np.int64]) -> dict[str, float]:
    """Least, quantiles, largest and mean."""
    found = np.quantile(values, list(QUANTILES.values()))
    return {**{name: round(float(value), 1) for name, value in zip(QUANTILES, found, strict=True)}, "mean": round(float(values.mean()), 2)}


def histogram_of(values: npt.NDArray[np.int64]) -> dict[str, list[float]]:
    """Counts in up to 30 bins of one width up to the 99th percentile; the last bin holds everything above.

    Examples:
        >>> histogram_of(np.array([1, 2, 2, 3]))
        {'edges': [1.0, 2.0, 3.0, 4.0], 'counts': [1.0, 2.0, 1.0]}
    """
    low, high = int(values.min()), int(np.ceil(np.quantile(values, 0.99))) + 1
    width = max(1, -(-(high - low) // BINS))
    edges = np.arange(low, high + width, width)
    counts = np.histogram(np.minimum(values, edges[-1] - 1), bins=edges)[0]
    edges[-1] = max(edges[-1], int(values.max()) + 1)
    return {"edges": [float(edge) for edge in edges], "counts": [float(count) for count in counts]}


def balance_of(counts: Mapping[str, int]) -> float:
    """Entropy of the classes over its largest value: 1 = all alike, towards 0 = one class only.

    Examples:
        >>> balance_of({"a": 5, "b": 5})
        1.0
    """
    shares = np.array([count for count in counts.values() if count], dtype=np.float64)
    if len(shares) < 2:
        return 0.0
    shares /= shares.sum()
    return round(float(-(shares * np.log(shares)).sum() / np.log(len(shares))), 4)


def first_words(texts: Sequence[str], most: int = 120) -> list[str]:
    """Texts on one line, shortened, for examples."""
    return [text if len(text := " ".join(whole[: 4 * most].split())) <= most else text[: most - 1] + "…" for whole in texts]
