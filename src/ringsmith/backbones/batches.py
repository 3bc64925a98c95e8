"""Rows into batches of about equal work: sorted by length, so that almost nothing is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ringsmith.records import Rows

TOKENS_PER_BATCH = {"cpu": 1_024, "cuda": 32_768, "mps": 8_192}
"""Padded tokens of a batch, by device: larger ones leave a processor's caches, and smaller ones leave a GPU idle."""


def batches_by_tokens(lengths: Sequence[int] | npt.NDArray[np.integer], max_tokens: int, max_rows: int | None = None, *, one_length: bool = False) -> list[Rows]:
    """Every position once, in batches of similar length whose padded size (rows x longest row) stays within `max_tokens`.

    Args:
        lengths: n lengths in tokens.
        max_tokens: padded tokens of a batch; a longer row gets a batch of its own.
        max_rows: most rows of a batch, None for no limit.
        one_length: whether all rows of a batch must be equally long, for models that mix padding into their vectors.

    Returns:
        Arrays of positions, longest rows first (so that memory runs out at once or never); equal lengths keep their order.

    Examples:
        >>> [batch.tolist() for batch in batches_by_tokens([3, 9, 4, 3], max_tokens=10)]
        [[1], [2, 0], [3]]
        >>> [batch.tolist() for batch in batches_by_tokens([3, 9, 4, 3], max_tokens=10, one_length=True)]
        [[1], [2], [0, 3]]
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    longest_first = -sizes[order]
    batches, start = [], 0
    while start < len(order):
        fits = max(1, max_tokens // max(1, int(sizes[order[start]])))
        end = start + (fits if max_rows is None else min(fits, max_rows))
        if one_length:
            end = min(end, int(np.searchsorted(longest_first, longest_first[start], side="right")))
        batches.append(order[start:end])
        start = end
    return batches
