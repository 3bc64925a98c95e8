"""What word2vec draws by: which frequent words are dropped, and how often each word is a negative (Mikolov et al., 2013, sections 2.2 and 2.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LARGEST = 2**32 - 1
FEWEST_SLOTS, MOST_SLOTS, SLOTS_A_WORD = 1 << 20, 1 << 27, 64


def keep_shares(counts: npt.NDArray[np.int64], sample: float) -> npt.NDArray[np.float64]:
    """Share of each word's occurrences that stay: (sqrt(f / t) + 1) * t / f, at most 1.

    That is what word2vec.c and gensim do; the paper's own formula, sqrt(t / f), drops more.

    Args:
        counts: (V,) occurrences.
        sample: t, the share of the corpus from which on a word is thinned out; 0 keeps everything.

    Examples:
        >>> keep_shares(np.array([900, 100]), 0.1).round(3).tolist()
        [0.444, 1.0]
    """
    if not sample:
        return np.ones(len(counts))
    times = counts / (sample * counts.sum())
    shares: npt.NDArray[np.float64] = np.minimum(1.0, (np.sqrt(times) + 1) / times)
    return shares


def keep_thresholds(counts: npt.NDArray[np.int64], sample: float) -> npt.NDArray[np.uint32]:
    """`keep_shares` as bounds on 32 random bits: a word stays when these are not above its bound."""
    return (keep_shares(counts, sample) * LARGEST).astype(np.uint32)


def noise_shares(counts: npt.NDArray[np.int64], power: float) -> npt.NDArray[np.float64]:
    """Share of the negatives that each word is: counts ** power over their sum, whatever the power.

    Examples:
        >>> noise_shares(np.array([90, 10]), 1.0).round(3).tolist(), noise_shares(np.array([90, 10]), -900.0).tolist()
        ([0.9, 0.1], [0.0, 1.0])
    """
    weights = (counts / (counts.max() if power > 0 else counts.min())) ** power  # at most 1: counts themselves would overflow
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def negative_table(counts: npt.NDArray[np.int64], power: float, generator: np.random.Generator) -> npt.NDArray[np.int32]:
    """Word numbers in random order, each about as often as counts ** power says.

    Read in sequence it gives independent draws for as long as it lasts; at least 64 slots a word keep rounding small, and every word has at least one.

    Args:
        counts: (V,) occurrences.
        power: 0.75 in the paper; 0 draws all words alike, 1 by their frequency.
        generator: of the order.

    Examples:
        >>> table = negative_table(np.array([90, 10]), 1.0, np.random.default_rng(0))
        >>> len(table), round(float((table == 0).mean()), 3)
        (1048576, 0.9)
    """
    slots = min(MOST_SLOTS, max(FEWEST_SLOTS, SLOTS_A_WORD * len(counts)))
    ends = np.round(np.cumsum(noise_shares(counts, power)) * slots).astype(np.int64)
    times = np.maximum(1, np.diff(ends, prepend=0))
    table = np.repeat(np.arange(len(counts), dtype=np.int32), times)
    generator.shuffle(table)
    return table
