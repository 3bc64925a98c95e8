"""Rows into layers of vectors within a budget and a bound on memory: what does not fit is left out, and said.

Texts longer than the backbone takes are seen in two ways, between which the validation rows choose: cut off, or read in windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.mixtures import Layers, Vectors
from ringsmith.adapt.recipe import Progress, Setting
from ringsmith.adapt.unknown import note_of_unknown
from ringsmith.backbones import Backbone, encode
from ringsmith.backbones.encoding import Report
from ringsmith.backbones.pooling import Pooling
from ringsmith.backbones.windows import encode_windows, split_long
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, TextSet

Long = Literal["cut", "windows"]
"""What becomes of a text longer than the backbone takes: its end is ``cut`` off, or it is read in ``windows`` whose vectors are averaged."""
SAMPLE = 2_000
"""Rows that tell how much of the texts a backbone does not know."""
WORTH_READING = 0.02
"""Windows are tried where at least this share of the validation texts is cut off."""
MEMORY_BYTES = 1 << 30
"""All vectors of a fit together; above it only the last layer is kept."""
SHARE = 0.7
"""Of the time left, this share may go into encoding; the rest is for the head and for saving."""
FEWEST_ROWS = 20
EACH = 8
"""Characters that a text costs besides its own: special tokens and padding."""


@dataclass(frozen=True, eq=False)
class View:
    """The rows of a fit, with long texts treated in one way.

    Attributes:
        train: vectors of the training rows.
        valid: vectors of the validation rows.
        truncated_share: share of the training texts of which something is not seen.
    """

    train: Layers
    valid: Layers
    truncated_share: float


@dataclass(frozen=True, eq=False)
class Seen:
    """What a frozen backbone sees of the rows of a fit.

    Attributes:
        train: the training rows that were used.
        views: the ways in which long texts were treated, one only where hardly any is long.
        notes: what a reader should know, as sentences.
        hurried: whether the budget left something out.
    """

    train: TextSet
    views: Mapping[Long, View]
    notes: tuple[str, ...]
    hurried: bool


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

    def see(self, train: TextSet, valid: TextSet, ways: Sequence[Long]) -> Seen:
        """The rows in the first of these ways, and in the others where texts are long, as far as memory and time allow.

        Raises:
            BudgetError: the first way does not fit the budget.
        """
        first, *others = ways if self.truncated_share(valid) >= WORTH_READING else ways[:1]
        layers, notes = self.layers_that_fit(len(train) + len(valid), train.pairs is not None)
        if others and self.layers_that_fit((len(train) + len(valid)) * len(ways), train.pairs is not None)[0] != "all":
            others, notes = [], (*notes, "Long texts were treated in one way only: memory allows no more.")
        start = self.budget.used()
        valid_layers = self.encode(valid, layers, first)
        train, more = self.rows_that_fit(train)
        views = {first: View(self.encode(train, layers, first), valid_layers, self.truncated_share(train, first))}
        seconds = self.budget.used() - start
        for way in others:
            try:
                views[way] = self._other_view(train, valid, layers, way, seconds)
            except BudgetError:
                notes = (*notes, f"Long texts were not tried as {way!r}: the budget allows no more.")
        return Seen(train, views, notes + more + self._unknown(valid), hurried=bool(more) or len(views) <= len(others))

    def _unknown(self, rows: TextSet) -> tuple[str, ...]:
        """A note where the backbone does not know much of what these rows are written in."""
        tokeniser = self.backbone.tokeniser
        return note_of_unknown(tokeniser, tokeniser(self._texts(rows.take(np.arange(min(len(rows), SAMPLE))))), self.backbone.model.name)

    def _other_view(self, train: TextSet, valid: TextSet, layers: Literal["all", "last"], way: Long, seconds: float) -> View:
        """Another way for the same rows, within a share of the time that is left, `seconds` being what the first one took.

        Raises:
            BudgetError: it does not fit.
        """
        encoder = Encoder(self.backbone, self.setting, self.pooling, self.budget.part(self.budget.remaining() * SHARE / 2))
        windows = len(split_long(self.backbone.tokeniser, self._texts(train)).parts) / max(1, len(self._texts(train))) if way == "windows" else 1.0
        if seconds * windows > encoder.budget.remaining():
            raise BudgetError(f"To treat long texts as {way!r} does not fit the budget. Give it more time.")
        return View(encoder.encode(train, layers, way), encoder.encode(valid, layers, way), encoder.truncated_share(train, way))

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
            needed = f"{len(rows):,} rows need about {sizes.sum() / self.characters_per_second:.1f} s, and {self.budget.remaining():.1f} s are left"
            if affordable <= 0:
                needed = "it was over before the training rows were encoded; to load the model and to encode the validation rows took all of it"
            raise BudgetError.of(f"Encoding with {self.backbone.model.name!r}", self.budget.seconds, needed)
        return rows.take(kept), (f"{len(kept):,} of {len(rows):,} training rows were used, drawn by chance: the budget allows no more.",)

    def encode(self, rows: TextSet, layers: Literal["all", "last"], way: Long = "cut") -> Layers:
        """Vectors (n, layers, hidden) of the texts and of their pairs; notes the pace.

        Raises:
            BudgetError: the budget ended before all were encoded.
        """
        start = self.budget.used()
        encoded = self._vectors(rows.texts, layers, way), None if rows.pairs is None else self._vectors(rows.pairs, layers, way)
        if size := _sizes(rows).sum():  # no rows show no pace
            self.characters_per_second = size / max(self.budget.used() - start, 1e-3)
        return encoded

    def truncated_share(self, rows: TextSet, way: Long = "cut") -> float:
        """Share of the texts and pairs of which the backbone does not see everything."""
        if way == "cut":
            return self.backbone.truncated_share(self._texts(rows))
        return float(split_long(self.backbone.tokeniser, self._texts(rows)).cut.mean()) if len(rows) else 0.0

    def _texts(self, rows: TextSet) -> list[str]:
        return self.setting.steps.apply_all([*rows.texts, *(rows.pairs or [])])

    def _vectors(self, texts: Sequence[str], layers: Literal["all", "last"], way: Long) -> Vectors:
        return layers_of(self.backbone, self.setting.steps.apply_all(texts), way, layers=layers, pooling=self.pooling, report=self._report)

    def _report(self, done: int, total: int) -> None:
        if self.budget.remaining() <= 0:
            raise BudgetError.of(f"Encoding with {self.backbone.model.name!r}", self.budget.seconds, f"{done:,} of {total:,} rows were done")
        self.setting.report(Progress("encode", done, total, "rows"))


def layers_of(
    backbone: Backbone, texts: Sequence[str], way: Long, *, layers: Literal["all", "last"] = "all", pooling: Pooling, cache: bool = True, report: Report | None = None
) -> Vectors:
    """Vectors (n, layers, hidden) of texts that are prepared already."""
    if way == "cut":
        return encode(backbone, texts, layers=layers, pooling=pooling, cache=cache, report=report)
    return encode_windows(backbone, split_long(backbone.tokeniser, texts), layers=layers, pooling=pooling, cache=cache, report=report)


def _sizes(rows: TextSet) -> npt.NDArray[np.int64]:
    """Work of each row (n,), in characters: of text and pair, and a few for what every text costs."""
    texts = np.fromiter((len(text) for text in rows.texts), dtype=np.int64, count=len(rows))
    pairs = 0 if rows.pairs is None else np.fromiter((len(text) + EACH for text in rows.pairs), dtype=np.int64, count=len(rows))
    return np.asarray(texts + EACH + pairs)
