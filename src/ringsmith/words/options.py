"""How word2vec is trained: every default once; and the names of the ways in which words make a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ringsmith._rules import is_whole
from ringsmith.errors import OptionError

Weighting = Literal["mean", "tfidf", "sif"]
FARTHEST, MOST_NEGATIVES = (1 << 31) - 1, 1_000
"""A window that reaches beyond any sentence, up to which numbers are drawn evenly; and more negatives than anybody has found a use for."""
WEIGHTINGS: tuple[Weighting, ...] = ("mean", "tfidf", "sif")
"""How words make a sentence, see `ringsmith.words.sentences.SentenceOptions`."""


@dataclass(frozen=True, kw_only=True)
class Word2VecOptions:
    """Options of `train_word2vec`.

    Attributes:
        method: ``"skipgram"`` (a word is told from each neighbour) or ``"cbow"`` (from all of them together).
        dim: numbers of a vector.
        window: words to either side that are looked at, at most; within a sentence, however large it is.
        shrink: draw the window anew for each word, from 1 to `window`, so that near words weigh more, as word2vec.c does.
        negative: words drawn at random for each word that is told, up to 1,000; 0 for none, which wants `hierarchical`.
        hierarchical: hierarchical softmax over a Huffman tree, instead of negatives or beside them.
        sample: words with a larger share of the corpus are thinned out; 0 keeps all.
        noise_power: negatives are drawn by count ** noise_power.
        mean: CBOW predicts from the mean of its context, else from the sum.
        epochs: passes over the corpus.
        rate: learning rate at the start; it falls linearly over all words of all epochs. None: 0.05 for CBOW by the mean, else 0.025, as in word2vec.c.
        min_rate: learning rate at the end. None: 0.0001, or the rate at the start where that is lower.
        subwords: shortest and longest character n-gram of fastText's subword vectors, or None for whole words only.
        buckets: n-grams are hashed to so many vectors.
        shuffle: stretches of the corpus come in another order in every epoch.
        seed: of the first vectors and all that is drawn.
        deterministic: one thread trains, whatever `threads` says, so that every run gives the same bits.

    Raises:
        OptionError: a value outside its range.
    """

    method: Literal["skipgram", "cbow"] = "skipgram"
    dim: int = 100
    window: int = 5
    shrink: bool = True
    negative: int = 5
    hierarchical: bool = False
    sample: float = 1e-3
    noise_power: float = 0.75
    mean: bool = True
    epochs: int = 5
    rate: float | None = None
    min_rate: float | None = None
    subwords: tuple[int, int] | None = None
    buckets: int = 2_000_000
    shuffle: bool = True
    seed: int = 0
    deterministic: bool = False

    def __post_init__(self) -> None:
        if faults := [sentence for holds, sentence in self._rules() if not holds]:
            raise OptionError("\n".join(faults))

    @property
    def averages(self) -> bool:
        """Whether a word is told from a mean."""
        return self.method == "cbow" and self.mean

    @property
    def first_rate(self) -> float:
        """The learning rate at the start."""
        return self._usual_rate if self.rate is None else self.rate

    @property
    def last_rate(self) -> float:
        """The learning rate at the end."""
        return min(1e-4, self.first_rate) if self.min_rate is None else self.min_rate

    @property
    def _usual_rate(self) -> float:
        return 0.05 if self.averages else 0.025

    def _rules(self) -> list[tuple[bool, str]]:
        """What must hold, and what to say where it does not."""
        usual = "Use {}, the usual value, or leave it out."
        least = {"dim": (1, 100), "window": (1, 5), "epochs": (1, 5), "buckets": (1, 2_000_000), "negative": (0, 5), "seed": (0, 0)}
        counts = [
            (is_whole(value := getattr(self, name)) and value >= low, f"'{name}' must be a whole number, at least {low}; got {value!r}. {usual.format(f'{common:,}')}")
            for name, (low, common) in least.items()
        ]
        return [
            *counts,
            (self.method in ("skipgram", "cbow"), f"'method' must be 'skipgram' or 'cbow'; got {self.method!r}. {usual.format('skipgram')}"),
            (self.negative != 0 or self.hierarchical, "'negative' is 0 and 'hierarchical' is off; one of them must tell right from wrong. Use negative=5, or hierarchical=True."),
            (0 <= self.sample < 1, f"'sample' must be from 0 to below 1; got {self.sample}. {usual.format('0.001')}"),
            (not is_whole(self.negative) or self.negative <= MOST_NEGATIVES, f"'negative' must be at most {MOST_NEGATIVES:,}; got {self.negative!r}. {usual.format(5)}"),
            (math.isfinite(self.noise_power), f"'noise_power' must be a finite number; got {self.noise_power}. {usual.format(0.75)}"),
            (0 < self.first_rate <= 1, f"'rate' must be above 0 and at most 1; got {self.rate}. {usual.format(self._usual_rate)}"),
            (
                self.min_rate is None or 0 <= self.min_rate <= self.first_rate,
                f"'min_rate' must be from 0 to 'rate' ({self.first_rate}); got {self.min_rate}. {usual.format(0.0001)}",
            ),
            (_are_lengths(self.subwords), f"'subwords' must be two lengths, the shorter first, from 1 up; got {self.subwords}. {usual.format('(3, 6)')}"),
        ]


def _are_lengths(value: object) -> bool:
    """Whether this is None or two lengths of n-grams."""
    match value:
        case None:
            return True
        case (int(short), int(long)):
            return 1 <= short <= long
    return False
