"""Pass after pass over a corpus, whoever does the work: what was done is written into the model and told, also where it is stopped."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

from ringsmith.errors import RunRefused
from ringsmith.records import Progress, Report
from ringsmith.words.corpus import Corpus
from ringsmith.words.model import Word2VecModel
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.stretches import Piece, pieces

AfterEpoch = Callable[[Word2VecModel], None]
"""Is given the model after every epoch, still in training."""


class Passes(ABC):
    """One call of a training.

    Attributes:
        told_every: the loss is told from one in so many.
        done: words so far.
        loss: sum of the losses of this epoch, as far as they are told.
        pairs: how many these are.
    """

    told_every: ClassVar[int] = 1

    def __init__(self, corpus: Corpus, options: Word2VecOptions, model: Word2VecModel, report: Report, after_epoch: AfterEpoch | None) -> None:
        self.corpus, self.options, self.model, self.report, self.after_epoch = corpus, options, model, report, after_epoch
        self.began, self.done, self.loss, self.pairs = time.perf_counter(), 0, 0.0, 0

    @abstractmethod
    def work_on(self, plan: Iterator[Piece], tell: Callable[[], None]) -> None:
        """Train on the pieces of a plan, and call `tell` a few times a second; what was learnt is in the model at the end, also where it is stopped."""

    def run(self) -> None:
        """Epoch after epoch."""
        plan = pieces(self.corpus.starts, self.options.epochs, shuffle=self.options.shuffle, seed=self.options.seed, before=len(self.model.losses))
        self.began = time.perf_counter()
        for epoch in range(self.options.epochs):
            self._epoch(_until(plan, (epoch + 1) * self.corpus.words))
            if self.after_epoch is not None:
                self.after_epoch(self.model)

    def _epoch(self, plan: Iterator[Piece]) -> None:
        """One pass; what was done is written down also where it is stopped."""
        model, began, before = self.model, time.perf_counter(), self.done
        self.loss, self.pairs = 0.0, 0
        try:
            self.work_on(plan, self.tell)
        finally:
            model.seconds += time.perf_counter() - began
            model.trained_words += self.done - before
            model.loss_total += self.loss * self.told_every
        if not math.isfinite(float(model.inputs.sum())):
            raise RunRefused(
                f"The vectors became infinite in epoch {len(model.losses) + 1}; the learning rate is too high for this corpus. "
                f"Train anew with a 'rate' below {self.options.first_rate}."
            )
        model.losses.append(self.loss / max(1, self.pairs))

    def rate_at(self, share: float) -> float:
        """Learning rate when such a share of all words of all epochs is behind."""
        return self.options.first_rate + (self.options.last_rate - self.options.first_rate) * share

    def tell(self) -> None:
        """Say how far the training is."""
        pace = self.done / max(1e-9, time.perf_counter() - self.began)
        note = f"{pace / 1e6:.2f} M words/s, loss {self.loss / self.pairs:.3f}" if self.pairs else ""
        self.report(Progress("train", self.done, self.corpus.words * self.options.epochs, "words", note))


def _until(plan: Iterator[Piece], words: int) -> Iterator[Piece]:
    """Pieces of the plan until so many words are behind."""
    for piece in plan:
        yield piece
        if piece.before + piece.words >= words:
            return
