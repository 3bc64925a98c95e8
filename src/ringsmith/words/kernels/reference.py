"""word2vec written slowly, from the papers, in float64: the truth that the kernels are held to.

Everything is spelt out: one pair, one target, one formula at a time. Random numbers are the kernels' own, so that both see the same windows and negatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MASK = 2**64 - 1
Matrix = npt.NDArray[np.float64]
Targets = list[tuple[int, float]]
"""Output rows with their labels."""


@dataclass
class Chance:
    """xorshift64, started by splitmix64, on Python's whole numbers."""

    state: int

    @classmethod
    def of(cls, number: int) -> Chance:
        """Started from `number`."""
        z = (number * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return cls(z ^ (z >> 31) or 1)

    def draw(self) -> int:
        """The next 32 bits."""
        z = self.state
        z ^= (z << 13) & MASK
        z ^= z >> 7
        z ^= (z << 17) & MASK
        self.state = z
        return z >> 32

    def below(self, limit: int) -> int:
        """A whole number below `limit`."""
        return (self.draw() * limit) >> 32


@dataclass
class Twin:
    """A training in which nothing is fast.

    Attributes:
        sentences: numbers of words.
        inputs: (rows, dim), moved in place.
        outputs: (rows, dim), moved in place.
        bags: input rows of each word.
        keep: bound on 32 random bits for each word to stay.
        table: negatives in the order in which they are drawn.
        paths: of each word the (output row, label) on its way through the tree.
        window: words to either side.
        shrink: draw the window anew each time.
        negative: negatives for each target.
        mean: CBOW by the mean, else the sum.
    """

    sentences: list[list[int]]
    inputs: Matrix
    outputs: Matrix
    bags: list[list[int]]
    keep: list[int]
    table: list[int]
    paths: list[list[tuple[int, float]]]
    window: int = 5
    shrink: bool = True
    negative: int = 5
    mean: bool = True

    def start(self, number: int) -> None:
        """Begin a stretch."""
        self.chance = Chance.of(number)
        self.cursor = self.chance.below(max(1, len(self.table) - self.negative))

    def thinned(self, sentence: list[int]) -> list[int]:
        """The sentence without what is dropped."""
        return [word for word in sentence if self.chance.draw() <= self.keep[word]]

    def reach(self) -> int:
        """The window of the next centre."""
        return 1 + self.chance.below(self.window) if self.shrink else self.window

    def targets(self, word: int) -> list[Targets]:
        """Output rows and labels that tell a word, six at a time; a negative that is the word itself leaves its place empty."""
        found = self.same_targets(word)
        self.go_on()
        return found

    def same_targets(self, word: int) -> list[Targets]:
        """The same, and the next word gets the same negatives."""
        places: list[tuple[int, float] | None] = [(word, 1.0)] if self.negative else []
        places += [(other, 0.0) if other != word else None for other in self.table[self.cursor : self.cursor + self.negative]]
        places += self.paths[word]
        return [[place for place in places[at : at + 6] if place] for at in range(0, len(places), 6)]

    def centres(self, rates: list[float]) -> Iterator[tuple[int, list[int], float]]:
        """Every centre with its context words and its learning rate."""
        for sentence, rate in zip(self.sentences, rates, strict=True):
            kept = self.thinned(sentence)
            for i, centre in enumerate(kept):
                far = self.reach()
                yield centre, kept[max(0, i - far) : i] + kept[i + 1 : i + far + 1], rate

    def go_on(self) -> None:
        """To the next negatives."""
        self.cursor += self.negative
        if self.cursor + self.negative > len(self.table):
            self.cursor = 0

    def skipgram(self, rates: list[float]) -> None:
        """With g = (label - sigmoid(x . o)) rate; x += sum g o; o += sum g x: the context words tell the centre."""
        for centre, context, rate in self.centres(rates):
            for targets in self.targets(centre) if context else ():
                self.pairs(context, targets, rate)

    def pairs(self, context: list[int], targets: Targets, rate: float) -> None:
        """All context words with all targets, scored before anything moves. A word that stands in the context twice moves twice, one after the other."""
        slopes = [[(label - sigmoid(float(self.inputs[word] @ self.outputs[row]))) * rate for row, label in targets] for word in context]
        before = [self.outputs[row].copy() for row, _ in targets]
        for word, row_slopes in zip(context, slopes, strict=True):
            old = self.inputs[word].copy()
            for (row, _), output, g in zip(targets, before, row_slopes, strict=True):
                self.inputs[word] += g * output
                self.outputs[row] += g * old

    def cbow(self, rates: list[float]) -> None:
        """With h = mean of the context's rows; o += g h; every row += sum g o. By the sum, every row gets its share of the error.

        Two centres half a sentence apart go side by side, with the same negatives: both look before either moves.
        """
        for sentence, rate in zip(self.sentences, rates, strict=True):
            kept = self.thinned(sentence)
            half = (len(kept) + 1) // 2
            for i in range(half if len(kept) > 1 else 0):
                self.together([self.told(kept, j) for j in (i, i + half) if j < len(kept)], rate)
                self.go_on()

    def told(self, kept: list[int], centre: int) -> Side:
        """What tells the word at this place: its rows, their vector, its targets."""
        far = self.reach()
        rows = [row for word in kept[max(0, centre - far) : centre] + kept[centre + 1 : centre + far + 1] for row in self.bags[word]]
        return Side(rows, self.inputs[rows].sum(axis=0) / (len(rows) if self.mean else 1), self.same_targets(kept[centre]))

    def subword_skipgram(self, rates: list[float]) -> None:
        """With h = mean of the centre's n-grams; it tells the context words, two side by side."""
        for centre, context, rate in self.centres(rates):
            hidden = self.inputs[self.bags[centre]].mean(axis=0)
            errors = [self.errors([Side([], hidden, self.targets(word)) for word in context[at : at + 2]], rate) for at in range(0, len(context), 2)]
            for row in self.bags[centre]:
                self.inputs[row] += sum((error for pair in errors for error in pair), np.zeros_like(hidden))

    def together(self, sides: list[Side], rate: float) -> None:
        """Steps of one or two centres that look before either moves."""
        for side, error in zip(sides, self.errors(sides, rate), strict=True):
            for row in side.rows:
                self.inputs[row] += error / (1 if self.mean else len(side.rows))

    def errors(self, sides: list[Side], rate: float) -> list[Matrix]:
        """What moves each side's vector; all targets are moved, six of each side at a time."""
        errors = [np.zeros_like(side.hidden) for side in sides]
        for six in range(max(len(side.targets) for side in sides)):
            blocks = [side.targets[six] if six < len(side.targets) else [] for side in sides]
            slopes = [[(label - sigmoid(float(side.hidden @ self.outputs[row]))) * rate for row, label in block] for side, block in zip(sides, blocks, strict=True)]
            for side, block, row_slopes, error in zip(sides, blocks, slopes, errors, strict=True):
                error += sum((g * self.outputs[row] for (row, _), g in zip(block, row_slopes, strict=True)), np.zeros_like(error))
                for (row, _), g in zip(block, row_slopes, strict=True):
                    self.outputs[row] += g * side.hidden
        return errors


@dataclass
class Side:
    """One vector and what it tells.

    Attributes:
        rows: the input rows it is made of.
        hidden: the vector.
        targets: six at a time.
    """

    rows: list[int]
    hidden: Matrix
    targets: list[Targets]


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def pair_loss(x: Matrix, targets: list[tuple[Matrix, float]]) -> float:
    """-log of the probability of all labels (equation 4 of the paper, with the sign of a loss)."""
    return -sum(math.log(sigmoid(float(x @ o)) if label else sigmoid(-float(x @ o))) for o, label in targets)
