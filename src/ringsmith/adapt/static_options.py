"""Options of the recipes that stand on word vectors, in a file without Numba: they are held against their rules before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ringsmith.adapt.options import Conditional, hold, rising
from ringsmith.words.options import WEIGHTINGS, Weighting

if TYPE_CHECKING:
    from ringsmith.catalogue import LocalModel

Method = Literal["word2vec", "glove"]
Subwords = tuple[int, int] | Literal["auto"] | None


@dataclass(frozen=True)
class OwnOptions:
    """How the vectors of the training texts are made.

    Attributes:
        method: ``"word2vec"`` (skip-gram) or ``"glove"``.
        dim: numbers of a vector.
        window: words to either side, at most.
        epochs: passes over the texts, None to go by their number of words.
        rate: learning rate of word2vec at the start.
        subwords: shortest and longest character n-gram of word2vec, ``"auto"`` for what suits the script, None for whole words only.
        buckets: n-grams are hashed to so many vectors.
        min_count: words that occur less often are left out.
    """

    method: Method
    dim: int
    window: int
    epochs: int | None
    rate: float
    subwords: Subwords
    buckets: int
    min_count: int


OF_OWN = ("dim", "window", "epochs", "rate", "subwords", "buckets", "min_count")
"""Options of the vectors that are trained on the texts."""
OF_WORD2VEC = ("rate", "subwords", "buckets")


@dataclass(frozen=True)
class StaticOptions(Conditional):
    """Options of the recipe `static`.

    Attributes:
        weightings: how words are weighted, the likeliest first; the validation rows choose.
        strengths: values of C, rising; the search climbs as long as it helps.
        join: with vectors from a file: try them also side by side with vectors trained on the training texts.
        most_words: the first so many words of a file stay in the model, and all words of the training texts.
        dim: numbers of a vector that is trained here.
        window: words to either side that are looked at.
        epochs: passes over the training texts; None: by their number of words, 20 for few, 5 for many.
        rate: learning rate of word2vec at the start.
        subwords: shortest and longest character n-gram of word2vec's subwords; ``"auto"``: 3 and 6, in East Asian scripts 1 and 3; None for whole words only.
        buckets: vectors that n-grams share, at most; fewer where the texts hold fewer n-grams.
        min_count: words that occur less often are not trained.
    """

    weightings: tuple[Weighting, ...] = ("mean", "tfidf", "sif")
    strengths: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
    join: bool = True
    most_words: int = 100_000
    dim: int = 200
    window: int = 10
    epochs: int | None = None
    rate: float = 0.05
    subwords: Subwords = "auto"
    buckets: int = 50_000
    min_count: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weightings", tuple(self.weightings))
        object.__setattr__(self, "strengths", rising(self.strengths))
        object.__setattr__(self, "subwords", tuple(self.subwords) if isinstance(self.subwords, list) else self.subwords)
        at_least_1: Any = lambda number: number >= 1  # noqa: E731
        hold(
            self,
            (
                ("weightings", lambda names: len(names) > 0 and set(names) <= set(WEIGHTINGS), f"some of {', '.join(WEIGHTINGS)}"),
                ("strengths", lambda values: len(values) > 0 and all(value > 0 for value in values), "one or more numbers above 0"),
                ("epochs", lambda number: number is None or number >= 1, "at least 1"),
                ("rate", lambda number: 0 < number <= 1, "above 0 and at most 1"),
                ("subwords", lambda pair: pair in (None, "auto") or (len(pair) == 2 and 1 <= pair[0] <= pair[1]), "auto, or two lengths, the shorter first, from 1 on"),
                *((name, at_least_1, "at least 1") for name in ("most_words", "dim", "window", "buckets", "min_count")),
            ),
        )

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        found = {"buckets": "with subwords=none"} if self.subwords is None else {}
        if model is None:
            return found
        if model.kind != "method":
            return found | self._beside_given()
        found |= dict.fromkeys(("join", "most_words"), f"with {model.name}, where all vectors are the texts' own")
        return found | (dict.fromkeys(OF_WORD2VEC, "with glove, but with word2vec") if model.name == "glove" else {})

    def _beside_given(self) -> dict[str, str]:
        """What does nothing where vectors are given that are not the texts' own."""
        return {} if self.join else dict.fromkeys(OF_OWN, "with join=false, which leaves out the texts' own vectors")

    def own(self, method: str) -> OwnOptions:
        """How vectors of the training texts are made."""
        return OwnOptions("glove" if method == "glove" else "word2vec", self.dim, self.window, self.epochs, self.rate, self.subwords, self.buckets, self.min_count)


@dataclass(frozen=True)
class DistilledOptions(StaticOptions):
    """Options of the recipe `distilled`, besides those of `static`.

    Attributes:
        width: numbers of a distilled vector; 256 as in Model2Vec.
        states: which hidden states are looked at: the ``"embeddings"``, the ``"last"`` layer, both ``"ends"``, or ``"all"``.
    """

    width: int = 256
    states: str = "embeddings"

    def __post_init__(self) -> None:
        super().__post_init__()
        hold(self, (("width", lambda number: number >= 1, "at least 1"), ("states", lambda name: name in ("embeddings", "last", "ends", "all"), "embeddings, last, ends or all")))

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        return super().idle(model) | self._beside_given() | {"most_words": "without a file of vectors"}
