"""Rows into layers of vectors within a budget and a bound on memory: what does not fit is left out, and said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.mixtures import Layers, Vectors
from ringsmith.adapt.recipe import Progress, Setting
from ringsmith.backbones import Backbone, encode
from ringsmith.backbones.pooling import Pooling
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, TextSet

MEMORY_BYTES = 1 << 30
"""All vectors of a fit together; above it only the last layer is kept."""
SHARE = 0.7
"""Of the time left, this share may go into encoding; the rest is for the head and for saving."""
FEWEST_ROWS = 20
EACH = 8
"""Characters that a text costs besides its own: special tokens and padding."""


class Encoder:
    """Encodes the rows of one fit.

    Args:
        backbone: the frozen body.
        setting: steps, seed and listener.
        pooling: how a text's tokens become one vector.
        budget: wall clock of the fit.
    """

    def __init__(self, backbone: Backbone, setting: Setting, pooling: Pooling, budget: Budget) -> None:
        self.backbone = backbone
        self.setting = setting
        self.pooling = pooling
        self.budget = budget
        self.characters_per_second: float = float("inf")

    def layers_that_fit(self, rows: int, pairs: bool) -> tuple[Literal["all", "last"], tuple[str, ...]]:
        """``"all"``, or ``"last"`` and a note where the vectors of all layers would not fit in memory."""
        needed = rows * (1 + pairs) * self.backbone.layers * self.backbone.hidden * 4
        if needed <= MEMORY_BYTES:
            return "all", ()
        return "last", (f"Only the last layer was used: the vectors of all {self.backbone.layers} would take {needed / 1e9:.1f} GB.",)

    def rows_that_fit(self, rows: TextSet) -> tuple[TextSet, tuple[str, ...]]:
        """All rows, or as many drawn by chance as can be encoded in the time left, at the pace of what was encoded before, and a note.

        Raises:
            BudgetError: hardly any row fits.
        """
        sizes = _sizes(rows)
        affordable = self.characters_per_second * self.budget.remaining() * SHARE
        if sizes.sum() <= affordable:
            return rows, ()
        order = np.random.default_rng(self.setting.seed).permutation(len(rows))
        kept = np.sort(order[np.cumsum(sizes[order]) <= affordable])
        if len(kept) < FEWEST_ROWS:
            left = f"{max(self.budget.remaining(), 0):.1f} s are left for {len(rows):,} rows"
            raise BudgetError(f"Encoding with {self.backbone.model.name!r} does not fit the budget: {left}. Give it more time.")
        return rows.take(kept), (f"{len(kept):,} of {len(rows):,} training rows were used, drawn by chance: the budget allows no more.",)

    def encode(self, rows: TextSet, layers: Literal["all", "last"]) -> Layers:
        """Vectors (n, layers, hidden) of the texts and of their pairs; notes the pace.

        Raises:
            BudgetError: the budget ended before all were encoded.
        """
        start = self.budget.used()
        encoded = self._vectors(rows.texts, layers), None if rows.pairs is None else self._vectors(rows.pairs, layers)
        self.characters_per_second = _sizes(rows).sum() / max(self.budget.used() - start, 1e-3)
        return encoded

    def truncated_share(self, rows: TextSet) -> float:
        """Share of the rows whose text or pair the backbone cuts off."""
        texts = [*rows.texts, *(rows.pairs or [])]
        return self.backbone.truncated_share(self.setting.steps.apply_all(texts))

    def _vectors(self, texts: Sequence[str], layers: Literal["all", "last"]) -> Vectors:
        return encode(self.backbone, self.setting.steps.apply_all(texts), layers=layers, pooling=self.pooling, report=self._report)

    def _report(self, done: int, total: int) -> None:
        if self.budget.remaining() <= 0:
            raise BudgetError(f"Encoding with {self.backbone.model.name!r} does not fit the budget: {done:,} of {total:,} rows were done when it ended. Give it more time.")
        self.setting.report(Progress("encode", done, total, "rows"))


def _sizes(rows: TextSet) -> npt.NDArray[np.int64]:
    """Work of each row (n,), in characters: of text and pair, and a few for what every text costs."""
    texts = np.fromiter((len(text) for text in rows.texts), dtype=np.int64, count=len(rows))
    pairs = 0 if rows.pairs is None else np.fromiter((len(text) + EACH for text in rows.pairs), dtype=np.int64, count=len(rows))
    return np.asarray(texts + EACH + pairs)
