"""The recipe `distilled`: a transformer turned into word vectors (`distil.py`), averaged, with a linear head.

All else is the recipe `static`. The transformer is needed to fit, not to predict: the saved model holds word vectors alone and runs without torch.
"""

from __future__ import annotations

from typing import ClassVar

from ringsmith.adapt.recipe import Progress
from ringsmith.adapt.static import FittedStatic, Static
from ringsmith.adapt.static_options import DistilledOptions, StaticOptions
from ringsmith.errors import BudgetError
from ringsmith.records import Budget
from ringsmith.words.tokens import Tokens, vocabulary_of
from ringsmith.words.vectors import WordVectors


class FittedDistilled(FittedStatic):
    """Word vectors that came from a transformer, and a linear head; its attributes are those of `FittedStatic`."""

    recipe: ClassVar[str] = "distilled"
    made_with: ClassVar[type[StaticOptions]] = DistilledOptions


class Distilled(Static):
    """Distils the words of the training texts and of the backbone's vocabulary; goes on as `static` does."""

    name: ClassVar[str] = "distilled"
    given: ClassVar[str] = "distilled"
    fitted: ClassVar[type[FittedStatic]] = FittedDistilled

    @property
    def _given_width(self) -> int:
        assert isinstance(self.options, DistilledOptions)
        return self.options.width

    def _given(self, tokens: Tokens, budget: Budget) -> tuple[WordVectors | None, tuple[str, ...]]:
        from ringsmith.adapt.distil import DistilOptions, distill_static
        from ringsmith.backbones import load_backbone

        assert self.setting.model is not None, "create_recipe sees to it"
        assert isinstance(self.options, DistilledOptions)

        def told(done: int, total: int) -> None:
            if budget.remaining() <= 0:
                raise BudgetError.of("Distilling", budget.seconds, f"{done:,} of {total:,} words were done")
            self.setting.report(Progress("words", done, total, "words", "distilled"))

        backbone = load_backbone(self.setting.model, threads=self.setting.threads)
        how = DistilOptions(dim=self.options.width, states=self.options.states)
        words = vocabulary_of(tokens)[0].words
        vectors = distill_static(backbone, words, options=how, report=told)
        return vectors, (f"{len(vectors):,} words were distilled: those of the training texts and of the backbone's vocabulary.",)
