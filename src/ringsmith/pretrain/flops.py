"""What a step of training costs: the floating-point operations of its matrix products, counted by formula.

A product of (a, b) with (b, c) is 2 a b c operations; forward once, and backward twice that, for the gradient of either factor. Attention is counted
whole, masked or not, as transformers computes it; normalisations, activations and the optimiser are left out, as everywhere where FLOPs are compared. What is
special is counted as it is done here: the output layer at predicted positions only, XLNet's second stream, ELECTRA's generator, a teacher's forward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ringsmith.errors import UnknownName
from ringsmith.pretrain.shapes import Shape

TRAINED = 3
"""Forward and backward together, in forwards."""


@dataclass(frozen=True)
class Sequence:
    """One sequence of a batch.

    Attributes:
        length: pieces the model sees.
        predicted: how many of them are predicted, in the mean.
        vocabulary: number of pieces to choose from.
    """

    length: int
    predicted: float
    vocabulary: int


def count_flops(architecture: str, shape: Shape, vocabulary: int, predicted: float, *, teacher: Shape | None = None) -> float:
    """Operations of one step of training, for each sequence of `shape.length` pieces.

    Args:
        architecture: a name in `shapes.ARCHITECTURES`, trained by its own objective.
        shape: of the model.
        vocabulary: number of pieces.
        predicted: positions of a sequence that are predicted: `Objective.predicted`.
        teacher: its shape where a student is trained.

    Raises:
        UnknownName: there is no such architecture.

    Examples:
        >>> count_flops("bert", Shape(2, 128, 2, 512, 128), 8_000, 19)
        470925312
    """
    if architecture not in _STEPS:
        raise UnknownName.of("architecture", architecture, _STEPS)
    asked = _STEPS[architecture](shape, Sequence(shape.length, predicted, vocabulary))
    return asked if teacher is None else asked + count_forward(architecture, teacher, vocabulary, predicted)


def count_forward(architecture: str, shape: Shape, vocabulary: int, predicted: float) -> float:
    """Operations of a plain model's forward alone, for each sequence; not for the architectures of two streams or two models."""
    return _STEPS[architecture](shape, Sequence(shape.length, predicted, vocabulary)) / TRAINED


def count_skipgram(words: float, dim: int, window: int, negative: int) -> float:
    """Operations of one pass of skip-gram with negatives, window drawn anew for each word; the ends of sentences are not seen.

    Each of a word's neighbours (`window` + 1 in the mean, on both sides) and each of its targets (itself and the negatives) take a product for the score
    and one for the gradient of either.

    Args:
        words: occurrences, without those that are thinned out.
        dim: numbers of a vector.
        window: words to either side, at most.
        negative: words drawn for each word that is told.

    Examples:
        >>> count_skipgram(1_000, 128, 5, 5)
        27648000
    """
    return words * (window + 1) * (1 + negative) * TRAINED * 2 * dim


def _product(rows: float, inputs: float, outputs: float) -> float:
    return 2 * rows * inputs * outputs


def _body(shape: Shape, length: int, *, gated: bool = False) -> float:
    """Blocks: four products for attention, two (three with a gate) feed-forward, each piece with each piece twice."""
    h, f = shape.hidden, shape.feed_forward
    block = 4 * _product(length, h, h) + (3 if gated else 2) * _product(length, h, f) + 2 * _product(length, h, length)
    return shape.layers * block


def _masked(shape: Shape, sequence: Sequence, *, gated: bool = False) -> float:
    head = _product(sequence.predicted, shape.hidden, shape.hidden) + _product(sequence.predicted, shape.hidden, sequence.vocabulary)
    return TRAINED * (_body(shape, sequence.length, gated=gated) + head)


def _causal(shape: Shape, sequence: Sequence) -> float:
    """The last piece of a sequence predicts nothing and is not looked at."""
    length = sequence.length - 1
    return TRAINED * (_body(shape, length) + _product(length, shape.hidden, sequence.vocabulary))


def _replaced(shape: Shape, sequence: Sequence) -> float:
    """Generator with its way in and out of the shared embeddings' width, then the discriminator with its two products for every piece."""
    small, length, k = shape.generator(), sequence.length, sequence.predicted
    generator = _product(length, shape.hidden, small.hidden) + _body(small, length)
    guesses = _product(k, small.hidden, shape.hidden) + _product(k, shape.hidden, sequence.vocabulary)
    tells = _body(shape, length) + _product(length, shape.hidden, shape.hidden) + _product(length, shape.hidden, 1)
    return TRAINED * (generator + guesses + tells)


def _permuted(shape: Shape, sequence: Sequence) -> float:
    """Two streams over shared keys, values and relative positions (twice as many as pieces).

    Nothing comes back into the positions and into the places of the targets, which are not learnt, nor through the last block's content, which nothing reads.
    """
    h, f, length, k = shape.hidden, shape.feed_forward, sequence.length, sequence.predicted
    shared = 2 * _product(length, h, h)
    positions = _product(2 * length, h, h)
    attention = 4 * _product(length, h, length)
    content = 2 * _product(length, h, h) + attention + 2 * _product(length, h, f)
    query = 2 * _product(k, h, h) + attention + 2 * _product(k, h, f)
    placing = 2 * _product(k, h, length)
    forward_and_back = TRAINED * (shared + content + query) + 2 * (positions + placing)
    return shape.layers * forward_and_back - 2 * content + TRAINED * _product(k, h, sequence.vocabulary)


_STEPS: dict[str, Callable[[Shape, Sequence], float]] = {
    "bert": _masked,
    "distilbert": _masked,
    "distilgpt2": _causal,
    "electra": _replaced,
    "gpt2": _causal,
    "modernbert": partial(_masked, gated=True),
    "roberta": _masked,
    "xlnet": _permuted,
}
