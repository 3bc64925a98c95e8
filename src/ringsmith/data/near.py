"""Near duplicates among many texts in almost linear time: MinHash signatures, banded, then checked one by one.

Broder (1997), "On the resemblance and containment of documents": the share of equal minima of two sets under random orders estimates their
Jaccard similarity. Two rows become candidates where a band of two minima agrees (six bands; at similarity 0.8 that finds 99.8 %); a
candidate counts where the character 5-grams themselves have a Jaccard similarity of 0.8 or more. Of pairs of texts both must: two questions
about one long text are different rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import polars as pl

WINDOW = 5
HASHES = 12
BAND = 2
THRESHOLD = 0.8
LIKELY = 7
"""Candidates with fewer equal minima (of 12) are not worth checking: at similarity 0.8 only 3 in 100 have fewer."""
SURE = 10
"""From this many equal minima on, pairs beyond the limit of checks are believed unchecked."""
SHORTEST = 20
"""Shorter texts are compared as a whole only: one word changes them too much."""
LONGEST = 2_000
"""Characters of a text that are looked at; of either text of a pair, half as many."""
BETWEEN = "\x1f"
"""What stands between the texts of a pair."""
CHUNK_CHARACTERS = 1 << 16
"""Texts hashed at once: the working arrays then stay in the cache of one core, which makes this three times faster than 1 << 22."""
MOST_CHARACTERS = 400_000_000
MOST_CHECKS = 50_000

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of positions (first < second), int64 (m, 2); how many rows were compared; how many pairs were believed by their signatures."""

    pairs: I64
    rows: int
    unchecked: int


def near_pairs(texts: pl.Series, *, seed: int = 0, most_characters: int = MOST_CHARACTERS) -> NearPairs:
    """Pairs of rows whose texts hardly differ; of k alike rows each is paired with an earlier one, not all with all.

    Args:
        texts: n normalised texts, or pairs of texts with `BETWEEN` between; all different.
        seed: of the hash functions, and of the sample where there are too many characters.
        most_characters: beyond this a random sample of the rows is compared.
    """
    texts, paired = beginnings(texts), bool(texts.str.contains(BETWEEN, literal=True).all())
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    rows = np.flatnonzero(lengths >= SHORTEST)
    rng = np.random.default_rng(seed)
    if lengths[rows].sum() > most_characters:
        rows = np.sort(rng.choice(rows, size=int(len(rows) * most_characters / lengths[rows].sum()), replace=False))
    chosen = texts.gather(rows)
    minima = signatures(chosen, lengths[rows], rng)
    pairs = candidates(minima)
    equal = (minima[pairs[:, 0]] == minima[pairs[:, 1]]).sum(axis=1)
    pairs, equal = pairs[equal >= LIKELY], equal[equal >= LIKELY]
    # A signature does not tell which of two texts it is that agrees, so that no pair of texts is believed.
    most = len(pairs) if paired else MOST_CHECKS
    checked = check_pairs(chosen, pairs[:most])
    believed = pairs[most:][equal[most:] >= SURE]
    return NearPairs(rows[np.concatenate([checked, believed])].reshape(-1, 2), len(rows) + int((lengths < SHORTEST).sum()), len(believed))


def beginnings(texts: pl.Series) -> pl.Series:
    """What is looked at of each text, or of both texts of each pair."""
    first, second = texts.str.splitn(BETWEEN, 2).struct.unnest().get_columns()
    both = first.str.head(LONGEST // 2) + BETWEEN + second.str.head(LONGEST // 2)
    return both.zip_with(second.is_not_null(), texts.str.head(LONGEST))


def signatures(texts: pl.Series, lengths: I64, rng: np.random.Generator) -> U32:
    """The least hash of each text's 5-grams under 12 hash functions, uint32 (n, 12); every text has 5 characters or more."""
    factors = rng.integers(1, 1 << 31, size=HASHES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    out = np.empty((len(texts), HASHES), dtype=np.uint32)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    begin = 0
    while begin < len(texts):
        end = max(begin + 1, int(np.searchsorted(bounds, bounds[begin] + CHUNK_CHARACTERS, side="right")) - 1)
        grams, starts = hashed_grams("".join(texts[begin:end].to_list()), lengths[begin:end])
        mixed, shifted = np.empty_like(grams), np.empty_like(grams)
        for k, factor in enumerate(factors):
            np.multiply(grams, factor, out=mixed)
            np.right_shift(mixed, np.uint32(15), out=shifted)
            mixed ^= shifted
            out[begin:end, k] = np.minimum.reduceat(mixed, starts)
        begin = end
    return out


def hashed_grams(joined: str, lengths: I64) -> tuple[U32, I64]:
    """A hash of each 5-gram that lies within one text, and where each text's begin."""
    codes = np.frombuffer(joined.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
    grams = np.zeros(len(codes) - WINDOW + 1, dtype=np.uint32)
    for offset in range(WINDOW):
        grams = grams * np.uint32(0x01000193) + codes[offset : offset + len(grams)] * np.uint32(0x9E3779B1)
    grams ^= grams >> np.uint32(16)
    grams *= np.uint32(0x85EBCA6B)
    grams ^= grams >> np.uint32(13)
    whole = np.ones(len(codes), dtype=np.bool_)
    ends = np.cumsum(lengths)
    for back in range(1, WINDOW):
        whole[ends - back] = False
    counts = lengths - WINDOW + 1
    return grams[whole[: len(grams)]], np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def candidates(minima: U32) -> I64:
    """Pairs (first row of a bucket, another row of it) over all bands, each once, int64 (m, 2)."""
    found = []
    for band in range(0, HASHES, BAND):
        key = (minima[:, band].astype(np.uint64) << np.uint64(32)) | minima[:, band + 1]
        order = np.argsort(key, kind="stable").astype(np.int64)
        fresh = np.concatenate([[True], key[order][1:] != key[order][:-1]]) if len(order) else np.empty(0, np.bool_)
        first = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))] if len(order) else order
        found.append(np.stack([first[~fresh], order[~fresh]], axis=1))
    pairs = np.concatenate(found)
    code = np.unique(pairs[:, 0] * np.int64(len(minima) + 1) + pairs[:, 1])
    return np.stack([code // (len(minima) + 1), code % (len(minima) + 1)], axis=1)


def check_pairs(texts: pl.Series, pairs: I64) -> I64:
    """The pairs that are `alike`."""
    good = [alike(one, other) for one, other in zip(texts.gather(pairs[:, 0]).to_list(), texts.gather(pairs[:, 1]).to_list(), strict=True)]
    return pairs[np.array(good, dtype=np.bool_)]


def alike(one: str, other: str) -> bool:
    """Whether the sets of 5-grams have a Jaccard similarity of at least `THRESHOLD`, those of both texts where there are two.

    Examples:
        >>> alike("the same long text" + BETWEEN + "yes", "the same long text" + BETWEEN + "no")
        False
    """
    return all(first == second or jaccard(first, second) >= THRESHOLD for first, second in zip_longest(one.split(BETWEEN, 1), other.split(BETWEEN, 1), fillvalue=""))


def jaccard(one: str, other: str) -> float:
    """Share of the character 5-grams of either text that both have.

    Examples:
        >>> jaccard("abcdef", "abcdeg")
        0.3333333333333333
    """
    first = {one[i : i + WINDOW] for i in range(len(one) - WINDOW + 1)}
    second = {other[i : i + WINDOW] for i in range(len(other) - WINDOW + 1)}
    return len(first & second) / max(len(first | second), 1)
