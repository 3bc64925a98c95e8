"""Batches: every row once, within the budget, of similar length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.backbones import batches_by_tokens

LENGTHS = st.lists(st.integers(1, 60), max_size=80)


@given(LENGTHS, st.integers(1, 200), st.none() | st.integers(1, 9))
def test_every_row_once_and_within_the_budget(lengths: list[int], max_tokens: int, max_rows: int | None) -> None:
    """Each position is in exactly one batch; a batch's padded size fits, or it is one long row."""
    batches = batches_by_tokens(lengths, max_tokens, max_rows)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(lengths[i] for i in batch) <= max_tokens or len(batch) == 1
        assert max_rows is None or len(batch) <= max_rows


@given(LENGTHS)
def test_longest_first(lengths: list[int]) -> None:
    """Read in order, the batches' lengths never rise, and equal lengths keep their order."""
    order = [int(position) for batch in batches_by_tokens(lengths, 100) for position in batch]
    assert order == sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))


@given(LENGTHS, st.integers(1, 200), st.none() | st.integers(1, 9))
def test_one_length_a_batch(lengths: list[int], max_tokens: int, max_rows: int | None) -> None:
    """Asked for rows of one length, no batch has another, and two of the same length follow each other only where the first is full."""
    batches = batches_by_tokens(lengths, max_tokens, max_rows, one_length=True)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    most = [max(1, min(max_tokens // lengths[batch[0]], max_rows or 99)) for batch in batches]
    for batch, fits in zip(batches, most, strict=True):
        assert len({lengths[i] for i in batch}) == 1
        assert len(batch) <= fits
    for (batch, following), fits in zip(pairwise(batches), most, strict=False):
        assert len(batch) == fits or lengths[batch[0]] > lengths[following[0]]


def test_arrays_are_welcome() -> None:
    """Lengths may be any array of integers."""
    assert [batch.tolist() for batch in batches_by_tokens(np.array([2, 2, 2], dtype=np.int32), 4)] == [[0, 1], [2]]
