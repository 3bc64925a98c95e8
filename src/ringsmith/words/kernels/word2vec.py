"""word2vec over a stretch of sentences: skip-gram, CBOW, and both with subwords (Mikolov et al., 2013; Bojanowski et al., 2017).

    sentence   frequent words thinned out at random; what is left stands side by side
    centre     every word in turn, with a window drawn anew
    targets    the word and its negatives, and/or its path in the tree
    step       `steps`: everybody moves
    ahead      rows that the next centre needs are asked for while this one computes: a fifth of the time for skip-gram, half for CBOW

One call is one thread's work; several run at a time on the same weights without locks (Hogwild!, Recht et al., 2011). What is drawn at random
depends on the number of the stretch alone, not on who works on it.

Without subwords, skip-gram moves the vectors of the *context* words to tell the centre, as word2vec.c does: all of them share the centre's
negatives. With subwords the centre's n-grams tell each context word in turn, as in fastText.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ringsmith.words.kernels.chance import below, draw, seed
from ringsmith.words.kernels.simd import COMPILE, LANES, address
from ringsmith.words.kernels.steps import ROWS, gather, spread, step, step_one
from ringsmith.words.kernels.targets import Draws, prefetch_row, set_negatives, set_path

LOSS_EVERY = 16
"""The loss is told from one centre in so many."""


class Text(NamedTuple):
    """Numbers of words and where sentences start, as in `Corpus`."""

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]


class Weights(NamedTuple):
    """Both matrices, row after row in one dimension.

    Attributes:
        inputs: the word vectors; with subwords those of the n-grams follow.
        outputs: the words as targets, then inner nodes of the tree, then a blank row that stands in where six targets are not full.
        width: floats of a row, a multiple of 16; those beyond the dimension stay 0.
    """

    inputs: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float32]
    width: int


class Bags(NamedTuple):
    """The input rows of each word: itself, and its n-grams.

    Attributes:
        starts: (V + 1,) where a word's rows begin.
        rows: numbers of input rows.
        longest: rows of the word that has most.
    """

    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    longest: int


class Shape(NamedTuple):
    """How far a word looks, and at what.

    Attributes:
        window: words to either side, at most.
        shrink: draw a window from 1 to `window` for each word.
        plain: targets outside the tree: 0, or 1 + negatives.
        deepest: nodes of the longest path in the tree.
        mean: the vector that predicts is the mean of its parts, else their sum.
    """

    window: int
    shrink: bool
    plain: int
    deepest: int
    mean: bool


class Stretch(NamedTuple):
    """What one call works on.

    Attributes:
        first: number of the first sentence.
        last: number of the sentence after the last.
        rate_from: learning rate at the first word.
        rate_to: learning rate after the last; in between it falls with every sentence.
        number: what random numbers start from.
    """

    first: int
    last: int
    rate_from: float
    rate_to: float
    number: int


class Room(NamedTuple):
    """Scratch memory of one call."""

    kept: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float32]
    gradients: npt.NDArray[np.float32]
    hidden: npt.NDArray[np.float32]
    error: npt.NDArray[np.float32]
    state: npt.NDArray[np.uint64]


@njit(**COMPILE)
def make_room(text: Text, stretch: Stretch, shape: Shape, inputs: int, blank: int, width: int) -> Room:
    """Room for steps of up to `inputs` vectors; targets that never change are written down."""
    longest = 1
    for s in range(stretch.first, stretch.last):
        longest = max(longest, text.starts[s + 1] - text.starts[s])
    blocks = (shape.plain + shape.deepest + ROWS - 1) // ROWS
    rows, labels, rates = np.full(blocks * ROWS, blank, np.int64), np.zeros(blocks * LANES, np.float32), np.zeros(blocks * LANES, np.float32)
    if shape.plain:
        labels[0] = labels[ROWS] = rates[0] = rates[ROWS] = np.float32(1)
    gradients = np.zeros((inputs + 1) * ROWS + LANES, np.float32)
    hidden, error = np.zeros(width, np.float32), np.zeros(width, np.float32)
    return Room(np.empty(longest, np.int64), np.empty(inputs + 1, np.int64), rows, labels, rates, gradients, hidden, error, np.empty(1, np.uint64))


@njit(**COMPILE)
def thin(ids: Any, first: int, last: int, keep: Any, state: Any, kept: Any) -> int:
    """Words of a sentence that stay when frequent ones are dropped at random (Mikolov et al., 2013, section 2.3); returns how many."""
    count = 0
    for i in range(first, last):
        word = np.int64(ids[i])
        kept[count] = word
        count += draw(state) <= np.uint64(keep[word])
    return count


@njit(**COMPILE)
def reach(state: Any, window: int, shrink: bool) -> int:
    """Words to either side that the next centre looks at."""
    return 1 + below(state, window) if shrink else window


@njit(**COMPILE)
def rate_at(stretch: Stretch, begun: int, done: int, end: int) -> float:
    """Learning rate when word number `done` of `begun` to `end` is reached."""
    return np.float32(stretch.rate_from + (stretch.rate_to - stretch.rate_from) * (done - begun) / max(1, end - begun))


@njit(**COMPILE)
def targets_of(word: int, cursor: int, tables: Any, slots: Any, plain: int, blank: int, width: int) -> int:
    """Write down all targets of `word`; returns how many, a multiple of 6."""
    (table, starts, nodes, turns), (rows, labels, rates) = tables, slots
    if plain:
        set_negatives(rows, rates, word, table, cursor, plain - 1, width)
    return set_path(rows, labels, rates, plain, starts[word], starts[word + 1], nodes, turns, blank, width)


@njit(**COMPILE)
def look_ahead(outputs: Any, table: Any, cursor: int, size: int, negatives: int, row: int, width: int) -> int:
    """Ask for the output rows of the next centre; returns where its negatives begin."""
    cursor += negatives
    if cursor + negatives > size:
        cursor = 0
    for j in range(negatives):
        prefetch_row(outputs, np.int64(table[cursor + j]) * width, width)
    prefetch_row(outputs, row, width)
    return cursor


@njit(**COMPILE)
def skipgram(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: the centre is told from each context word; returns the loss of some pairs, and how many these were."""
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, 2 * window, blank, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, places, state, gradients = address(room.kept), address(room.places), address(room.state), address(room.gradients)
    tables = (address(draws.negatives), address(draws.path_starts), address(draws.path_nodes), address(draws.path_labels))
    slots = (address(room.rows), address(room.labels), address(room.rates))
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, pairs, centres = below(state, max(1, size - negatives)), 0.0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        rate = rate_at(stretch, begun, text.starts[s], end)
        for i in range(n):
            far, count = reach(state, window, shape.shrink), 0
            for j in range(max(0, i - far), min(n, i + far + 1)):
                places[count] = kept[j] * width
                count += j != i
            if not count:
                continue
            total = targets_of(kept[i], cursor, tables, slots, shape.plain, blank, width)
            cursor = look_ahead(outputs, tables[0], cursor, size, negatives, kept[min(i + 1, n - 1)] * width, width)
            prefetch_row(x, kept[min(i + window + 1, n - 1)] * width, width)
            watched = centres % LOSS_EVERY == 0
            loss += step(x, places, count, outputs, slots[0], total, slots[1], slots[2], rate, gradients, width, watched)
            pairs += count if watched else 0
            centres += 1
    return loss, pairs


@njit(**COMPILE)
def cbow(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: the centre is told from all its context words together; returns the loss of some centres, and how many these were."""
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, 2 * window * bags.longest, blank, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, places, state, gradients = address(room.kept), address(room.places), address(room.state), address(room.gradients)
    hidden, error, bag_starts, bag_rows = address(room.hidden), address(room.error), address(bags.starts), address(bags.rows)
    tables = (address(draws.negatives), address(draws.path_starts), address(draws.path_nodes), address(draws.path_labels))
    slots = (address(room.rows), address(room.labels), address(room.rates))
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, pairs, centres = below(state, max(1, size - negatives)), 0.0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        rate = rate_at(stretch, begun, text.starts[s], end)
        for i in range(n):
            far, count = reach(state, window, shape.shrink), 0
            for j in range(max(0, i - far), min(n, i + far + 1)):
                if j != i:
                    count = add_bag(places, count, kept[j], bag_starts, bag_rows, width)
            if not count:
                continue
            total = targets_of(kept[i], cursor, tables, slots, shape.plain, blank, width)
            cursor = look_ahead(outputs, tables[0], cursor, size, negatives, kept[min(i + 1, n - 1)] * width, width)
            prefetch_row(x, kept[min(i + window + 1, n - 1)] * width, width)
            watched = centres % LOSS_EVERY == 0
            gather(x, places, count, 1 / count if shape.mean else 1.0, hidden, error, width)
            loss += step_one(hidden, error, outputs, slots[0], total, slots[1], slots[2], rate, gradients, width, watched)
            spread(x, places, count, 1.0 if shape.mean else 1 / count, error, width)
            pairs += watched
            centres += 1
    return loss, pairs


@njit(**COMPILE)
def subword_skipgram(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: each context word is told from the centre's n-grams; returns the loss of some pairs, and how many these were."""
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, bags.longest, blank, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, places, state, gradients = address(room.kept), address(room.places), address(room.state), address(room.gradients)
    hidden, error, bag_starts, bag_rows = address(room.hidden), address(room.error), address(bags.starts), address(bags.rows)
    tables = (address(draws.negatives), address(draws.path_starts), address(draws.path_nodes), address(draws.path_labels))
    slots = (address(room.rows), address(room.labels), address(room.rates))
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, pairs, centres = below(state, max(1, size - negatives)), 0.0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        rate = rate_at(stretch, begun, text.starts[s], end)
        for i in range(n):
            far, watched = reach(state, window, shape.shrink), centres % LOSS_EVERY == 0
            count = add_bag(places, 0, kept[i], bag_starts, bag_rows, width)
            gather(x, places, count, 1 / count, hidden, error, width)
            for j in range(max(0, i - far), min(n, i + far + 1)):
                if j == i:
                    continue
                total = targets_of(kept[j], cursor, tables, slots, shape.plain, blank, width)
                cursor = look_ahead(outputs, tables[0], cursor, size, negatives, kept[min(j + 1, n - 1)] * width, width)
                loss += step_one(hidden, error, outputs, slots[0], total, slots[1], slots[2], rate, gradients, width, watched)
                pairs += watched
            spread(x, places, count, 1.0, error, width)
            centres += 1
    return loss, pairs


@njit(**COMPILE)
def add_bag(places: Any, count: int, word: int, starts: Any, rows: Any, width: int) -> int:
    """Add the input rows of `word` to the places; returns how many there are now."""
    for at in range(starts[word], starts[word + 1]):
        places[count] = np.int64(rows[at]) * width
        count += 1
    return count
