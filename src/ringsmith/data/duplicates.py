"""Which rows say the same, and what that means for splits: exact, the same but for case and punctuation, nearly the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from ringsmith.data.near import BETWEEN, near_pairs
from ringsmith.records import Label, Rows, Split, TextSet

I64 = npt.NDArray[np.int64]
NEAR_LIMIT = 0.2
"""Above this share of the training rows near duplicates stay: they are the nature of the data (templates), not an accident."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """For each row the position of the first row that is alike, int64 (n,).

    Attributes:
        exact: ... letter for letter.
        same: ... but for case, blanks, punctuation and Unicode form.
        near: ... or nearly (see `near`).
        near_rows: number of rows compared for near duplicates.
        unchecked: number of near pairs believed by their signatures alone.
    """

    exact: I64
    same: I64
    near: I64
    near_rows: int
    unchecked: int


def find_duplicates(texts: TextSet, *, seed: int = 0) -> Duplicates:
    """Compare all rows (pairs of texts as a whole)."""
    whole = wholes(texts)
    exact = firsts(whole.hash().to_numpy())
    plain = normalised(whole)
    same = firsts(plain.hash().to_numpy())
    one_each = np.flatnonzero(same == np.arange(len(same)))
    found = near_pairs(plain.gather(one_each), seed=seed)
    near = joined(same, one_each[found.pairs] if len(found.pairs) else found.pairs)
    return Duplicates(exact, same, near, found.rows + len(same) - len(one_each), found.unchecked)


def wholes(texts: TextSet) -> pl.Series:
    """Each row's text, with its second one behind it."""
    whole = _strings(texts.texts)
    return whole if texts.pairs is None else whole + BETWEEN + _strings(texts.pairs)


def _strings(texts: Sequence[str]) -> pl.Series:
    """These texts; in those that hold half an emoji a question mark stands for it."""
    listed = texts if isinstance(texts, list) else list(texts)
    try:
        return pl.Series(listed, dtype=pl.String)
    except UnicodeEncodeError:
        return pl.Series([text.encode("utf-8", "replace").decode() for text in listed], dtype=pl.String)


def normalised(texts: pl.Series) -> pl.Series:
    """Lower case, NFKC, letters and digits only, one blank between words; texts without any (emoji) as they are."""
    # Normalising is slow, and changes nothing in ASCII.
    wide = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if len(wide):
        # scatter changes the series it is called on.
        texts = texts.clone().scatter(wide, texts.gather(wide).str.normalize("NFKC"))
    plain = texts.str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}\x1f]+", " ").str.strip_chars(" ")
    return pl.select(pl.when(plain.str.contains(r"[\p{L}\p{N}]")).then(plain).otherwise(texts)).to_series()


def firsts(keys: npt.NDArray[np.uint64]) -> I64:
    """For each row the first position with the same key."""
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first[group].astype(np.int64)


def joined(same: I64, pairs: I64) -> I64:
    """`same` with the groups of `pairs` joined: each row points to the first row of its group."""
    parents = same.tolist()  # a list: reading single cells of an array is slow
    for one, other in pairs.tolist():
        a, b = _root(parents, one), _root(parents, other)
        parents[max(a, b)] = min(a, b)
    root = np.array(parents, dtype=np.int64)
    while True:
        further = root[root]
        if (further == root).all():
            return root
        root = further


def _root(parents: list[int], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A split without leaks, and how many rows left each side."""

    split: Split
    train: int
    valid: int
    near_kept: int


def without_leaks(split: Split, duplicates: Duplicates, test: Rows) -> Cleaned:
    """`split` without training rows that validation or test has too, and without validation rows that test has too.

    Near duplicates stay where they are more than a fifth of the training rows; exact ones always leave. A split that only chooses has no test
    rows: `test` are those of the split that has.
    """
    judged = split if len(split.test) else replace(split, test=test)
    (train, valid), exact = _leaving(judged, duplicates.near), _leaving(judged, duplicates.same)
    near_kept = int(train.sum() - exact[0].sum())
    if near_kept > NEAR_LIMIT * len(split.train):
        train, valid = exact
    else:
        near_kept = 0
    return Cleaned(Split(split.name, split.train[~train], split.valid[~valid], split.test), int(train.sum()), int(valid.sum()), near_kept)


def _leaving(split: Split, group: I64) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    in_test = np.isin(group[split.valid], group[split.test])
    judged = np.concatenate([group[split.test], group[split.valid]])
    return np.isin(group[split.train], judged), in_test


@dataclass(frozen=True, eq=False)
class Conflicts:
    """Texts with more than one label: their number, their rows' number, and the positions of the rows of up to five of them."""

    texts: int
    rows: int
    examples: list[I64]


def find_conflicts(labels: Sequence[Label], same: I64) -> Conflicts:
    """Rows that are the same but for case and punctuation, and labelled differently."""
    twice = np.flatnonzero(np.bincount(same, minlength=len(same))[same] > 1)
    names = ["\x1f".join(labels[i]) if isinstance(labels[i], tuple) else cast(str, labels[i]) for i in twice.tolist()]
    frame = pl.DataFrame({"group": same[twice], "at": twice, "label": pl.Series(names, dtype=pl.String)})
    bad = frame.filter(pl.col("label").n_unique().over("group") > 1).sort("group", "at")
    groups = bad["group"].unique(maintain_order=True)
    examples = [bad.filter(pl.col("group") == group)["at"].to_numpy() for group in groups.head(5)]
    return Conflicts(len(groups), len(bad), examples)
