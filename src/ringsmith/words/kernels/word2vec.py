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

from ringsmith._kernels.simd import COMPILE, LANES, address
from ringsmith.words.kernels.chance import below, draw, seed
from ringsmith.words.kernels.own import Own, copies, hand_on, row_of
from ringsmith.words.kernels.steps import ROWS, gather, spread, step, step_sides
from ringsmith.words.kernels.targets import Draws as Draws
from ringsmith.words.kernels.targets import prefetch_row, set_blanks, set_negatives, set_path, set_plain, set_rates

LOSS_EVERY = 17
"""The loss is told from one centre in so many: a prime, so that sentences of one length do not show the same places each time."""


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
        own_inputs: this thread's own copies of the words' inputs; none where there are subwords.
        own_outputs: and of the words as targets.
    """

    inputs: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float32]
    width: int
    own_inputs: Own
    own_outputs: Own


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
    """Scratch memory of one call; what has two sides stands there one after the other."""

    kept: npt.NDArray[np.int64]
    spots: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    places_right: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    rows_right: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float32]
    gradients: npt.NDArray[np.float32]
    hidden: npt.NDArray[np.float32]
    error: npt.NDArray[np.float32]
    state: npt.NDArray[np.uint64]


@njit(**COMPILE)
def make_room(text: Text, stretch: Stretch, shape: Shape, bag: int, width: int) -> Room:
    """Room for steps of the neighbours of a word, as many as a window or the longest sentence has, each of up to `bag` vectors."""
    longest = 1
    for s in range(stretch.first, stretch.last):
        longest = max(longest, text.starts[s + 1] - text.starts[s])
    inputs = min(2 * shape.window, longest) * bag
    blocks = (shape.plain + shape.deepest + ROWS - 1) // ROWS
    kept, spots, places, places_right = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(inputs + 1, np.int64), np.empty(inputs + 1, np.int64)
    rows, rows_right = np.empty(blocks * ROWS, np.int64), np.empty(blocks * ROWS, np.int64)
    labels, rates, gradients = np.zeros(blocks * LANES, np.float32), np.zeros(blocks * LANES, np.float32), np.zeros((inputs + 1) * ROWS + LANES, np.float32)
    hidden, error = np.zeros(2 * width, np.float32), np.zeros(2 * width, np.float32)
    return Room(kept, spots, places, places_right, rows, rows_right, labels, rates, gradients, hidden, error, np.empty(1, np.uint64))


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
def rate_at(stretch: Stretch, begun: int, done: int, end: int) -> Any:
    """Learning rate when word number `done` of `begun` to `end` is reached."""
    return np.float32(stretch.rate_from + (stretch.rate_to - stretch.rate_from) * (done - begun) / max(1, end - begun))


@njit(**COMPILE)
def place_inputs(kept: Any, n: int, seen: int, own: Any, width: int, spots: Any) -> int:
    """Where the input rows of a sentence lie; one word in `every` hands its copy on. Returns how many words were seen so far."""
    for i in range(n):
        spots[i] = row_of(kept[i], own, width)
    for i in range(-seen % own[2], n, own[2]):
        hand_on(kept[i], own, width)
    return seen + n


@njit(**COMPILE)
def hand_on_targets(word: int, cursor: int, tables: Any, negatives: int, width: int) -> None:
    """Hand on the copies that the next step would move."""
    table, _, _, own = tables
    hand_on(word, own, width)
    for j in range(negatives):
        hand_on(np.int64(table[cursor + j]), own, width)


@njit(**COMPILE)
def targets_of(word: int, cursor: int, tables: Any, slots: Any, side: int, plain: int, width: int) -> tuple[int, bool]:
    """Write down the targets of `word`: how many without blanks, and whether a negative is the word itself."""
    table, starts, path, own = tables
    clash = set_negatives(slots, side, word, table, cursor, plain - 1, own, width) if plain else False
    return set_path(slots, side, plain, path, starts[word], starts[word + 1], width), clash


@njit(**COMPILE)
def look_ahead(outputs: Any, tables: Any, cursor: int, size: int, negatives: int, ahead: int, word: int, width: int) -> int:
    """Ask for the output rows of `word`, whose turn comes `ahead` targets from now; returns where the negatives of the very next one begin."""
    table, _, _, own = tables
    peek = max(0, min(cursor + ahead * negatives, size - negatives))
    for j in range(negatives):
        prefetch_row(outputs, row_of(np.int64(table[peek + j]), own, width), width)
    prefetch_row(outputs, row_of(word, own, width), width)
    cursor += negatives
    return 0 if cursor + negatives > size else cursor


@njit(**COMPILE)
def skipgram(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: the centre is told from each context word; returns the loss of some pairs, and how many these were."""
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, 1, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, spots, places, state, gradients = address(room.kept), address(room.spots), address(room.places), address(room.state), address(room.gradients)
    own, own_outputs = copies(weights.own_inputs, weights.inputs), copies(weights.own_outputs, weights.outputs)
    tables = (address(draws.negatives), address(draws.path_starts), (address(draws.path_nodes), address(draws.path_labels)), own_outputs)
    slots = (address(room.rows), address(room.labels), address(room.rates))
    fixed = set_plain(slots, 0, shape.plain, blank)
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, pairs, centres, seen = below(state, max(1, size - negatives)), 0.0, 0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        seen, rate = place_inputs(kept, n, seen, own, width, spots), rate_at(stretch, begun, text.starts[s], end)
        for i in range(n):
            far, count = reach(state, window, shape.shrink), 0
            for j in range(max(0, i - far), min(n, i + far + 1)):
                places[count] = spots[j]
                count += j != i
            if not count:
                continue
            if centres % own_outputs[2] == 0:
                hand_on_targets(kept[i], cursor, tables, negatives, width)
            found, clash = targets_of(kept[i], cursor, tables, slots, 0, shape.plain, width)
            total = set_blanks(slots, 0, found, 0, blank) if shape.deepest else fixed
            cursor = look_ahead(outputs, tables, cursor, size, negatives, 1, kept[min(i + 1, n - 1)], width)
            prefetch_row(x, spots[min(i + window + 1, n - 1)], width)
            watched = centres % LOSS_EVERY == 0
            loss += step(x, places, count, outputs, slots[0], total, slots[1], slots[2], rate, gradients, width, watched)
            pairs += count if watched else 0
            centres += 1
            if clash:
                set_rates(slots, 0, shape.plain, 1.0)
    room.state[0] = 0  # what was made room for is freed after its last use, and addresses of it count for none
    return loss, pairs


@njit(**COMPILE)
def cbow(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: the centre is told from all its context words together; returns the loss of some centres, and how many these were.

    A centre of the first half of the sentence and one of the second go side by side, with the same negatives: five rows to fetch instead of ten.
    """
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, bags.longest, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, spots, state, gradients = address(room.kept), address(room.spots), address(room.state), address(room.gradients)
    hidden, error, bag = address(room.hidden), address(room.error), (address(bags.starts), address(bags.rows), bags.longest)
    own, own_outputs = copies(weights.own_inputs, weights.inputs), copies(weights.own_outputs, weights.outputs)
    tables = (address(draws.negatives), address(draws.path_starts), (address(draws.path_nodes), address(draws.path_labels)), own_outputs)
    left, right = (address(room.rows), address(room.labels), address(room.rates)), (address(room.rows_right), address(room.labels), address(room.rates))
    fixed = max(set_plain(left, 0, shape.plain, blank), set_plain(right, ROWS, shape.plain, blank))
    places, places_right = address(room.places), address(room.places_right)
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, told, steps, seen = below(state, max(1, size - negatives)), 0.0, 0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        seen, rate, half = place_inputs(kept, n, seen, own, width, spots), rate_at(stretch, begun, text.starts[s], end), (n + 1) // 2
        for i in range(half if n > 1 else 0):
            j, watched, more, count_right, clash_right = i + half, steps % LOSS_EVERY == 0, 0, 0, False
            if steps % own_outputs[2] == 0:
                hand_on_targets(kept[i], cursor, tables, negatives, width)
                hand_on(kept[min(j, n - 1)], own_outputs, width)
            count = context_of(kept, spots, n, i, reach(state, window, shape.shrink), places, bag, width)
            found, clash = targets_of(kept[i], cursor, tables, left, 0, shape.plain, width)
            if j < n:
                count_right = context_of(kept, spots, n, j, reach(state, window, shape.shrink), places_right, bag, width)
                more, clash_right = targets_of(kept[j], cursor, tables, right, ROWS, shape.plain, width)
                prefetch_row(outputs, row_of(kept[min(j + 1, n - 1)], own_outputs, width), width)
            else:
                set_rates(right, ROWS, shape.plain, 0.0)
            cursor = look_ahead(outputs, tables, cursor, size, negatives, 1, kept[i + 1], width)
            total = level(left, right, found, more, blank) if shape.deepest else fixed
            prefetch_row(x, spots[min(i + window + 1, n - 1)], width)
            prefetch_row(x, spots[min(j + window + 1, n - 1)], width)
            gather(x, places, count, 1 / count if shape.mean else 1.0, hidden, error, 0, width)
            gather(x, places_right, count_right, 1 / max(1, count_right) if shape.mean else 1.0, hidden, error, width, width)
            loss += step_sides(hidden, error, outputs, left[0], right[0], total, left[1], left[2], rate, gradients, width, watched)
            spread(x, places, count, 1.0 if shape.mean else 1 / count, error, 0, width)
            spread(x, places_right, count_right, 1.0 if shape.mean else 1 / max(1, count_right), error, width, width)
            if clash:
                set_rates(left, 0, shape.plain, 1.0)
            if clash_right or j >= n:
                set_rates(right, ROWS, shape.plain, 1.0)
            told += (1 + (j < n)) * watched
            steps += 1
    room.state[0] = 0  # what was made room for is freed after its last use, and addresses of it count for none
    return loss, told


@njit(**COMPILE)
def subword_skipgram(text: Text, weights: Weights, bags: Bags, draws: Draws, shape: Shape, stretch: Stretch) -> tuple[float, int]:
    """Train on a stretch: each context word is told from the centre's n-grams, two side by side; returns the loss of some pairs, and how many these were."""
    width, window = weights.width, shape.window
    blank, size, negatives = len(weights.outputs) - width, len(draws.negatives), max(0, shape.plain - 1)
    room = make_room(text, stretch, shape, bags.longest, width)
    ids, keep, x, outputs = address(text.ids), address(draws.keep), address(weights.inputs), address(weights.outputs)
    kept, state, gradients, hidden, error = address(room.kept), address(room.state), address(room.gradients), address(room.hidden), address(room.error)
    bag, places, order = (address(bags.starts), address(bags.rows), bags.longest), address(room.places), np.empty(len(room.kept) + 1, np.int64)
    own_outputs = copies(weights.own_outputs, weights.outputs)
    tables = (address(draws.negatives), address(draws.path_starts), (address(draws.path_nodes), address(draws.path_labels)), own_outputs)
    left, right = (address(room.rows), address(room.labels), address(room.rates)), (address(room.rows_right), address(room.labels), address(room.rates))
    fixed = max(set_plain(left, 0, shape.plain, blank), set_plain(right, ROWS, shape.plain, blank))
    begun, end = text.starts[stretch.first], text.starts[stretch.last]
    seed(state, stretch.number)
    cursor, loss, pairs, centres = below(state, max(1, size - negatives)), 0.0, 0, 0
    for s in range(stretch.first, stretch.last):
        n = thin(ids, text.starts[s], text.starts[s + 1], keep, state, kept)
        rate = rate_at(stretch, begun, text.starts[s], end)
        for i in range(n):
            far, found, watched = reach(state, window, shape.shrink), 0, centres % LOSS_EVERY == 0
            for j in range(max(0, i - far), min(n, i + far + 1)):
                order[found] = kept[j]
                found += j != i
            count = add_bag(places, 0, kept[i], bag, width)
            gather(x, places, count, 1 / count, hidden, error, 0, width)
            gather(x, places, count, 1 / count, hidden, error, width, width)
            if centres % own_outputs[2] == 0 and found:
                hand_on_targets(order[0], cursor, tables, negatives, width)
            for j in range(0, found, 2):
                (total, clash), more, clash_right = targets_of(order[j], cursor, tables, left, 0, shape.plain, width), 0, False
                cursor = look_ahead(outputs, tables, cursor, size, negatives, 2, order[min(j + 2, found - 1)], width)
                if j + 1 < found:
                    more, clash_right = targets_of(order[j + 1], cursor, tables, right, ROWS, shape.plain, width)
                    cursor = look_ahead(outputs, tables, cursor, size, negatives, 2, order[min(j + 3, found - 1)], width)
                else:
                    set_rates(right, ROWS, shape.plain, 0.0)
                total = level(left, right, total, more, blank) if shape.deepest else fixed
                loss += step_sides(hidden, error, outputs, left[0], right[0], total, left[1], left[2], rate, gradients, width, watched)
                if clash:
                    set_rates(left, 0, shape.plain, 1.0)
                if clash_right or j + 1 >= found:
                    set_rates(right, ROWS, shape.plain, 1.0)
            spread(x, places, count, 1.0, error, 0, width)
            spread(x, places, count, 1.0, error, width, width)
            pairs += found * watched
            centres += 1
    room.state[0] = 0  # what was made room for is freed after its last use, and addresses of it count for none
    return loss, pairs


@njit(**COMPILE)
def level(left: Any, right: Any, total: int, more: int, blank: int) -> int:
    """Fill the shorter of two sides up with blanks; returns how many targets both have then."""
    set_blanks(right, ROWS, more, total, blank)
    return set_blanks(left, 0, total, more, blank)


@njit(**COMPILE)
def context_of(kept: Any, spots: Any, n: int, centre: int, far: int, places: Any, bag: Any, width: int) -> int:
    """Input rows of all words up to `far` words from the centre; returns how many."""
    count = 0
    for j in range(max(0, centre - far), min(n, centre + far + 1)):
        if bag[2] == 1:
            places[count] = spots[j]
            count += j != centre
        elif j != centre:
            count = add_bag(places, count, kept[j], bag, width)
    return count


@njit(**COMPILE)
def add_bag(places: Any, count: int, word: int, bag: Any, width: int) -> int:
    """Add the input rows of `word` to the places; returns how many there are now."""
    starts, rows, _ = bag
    for at in range(starts[word], starts[word + 1]):
        places[count] = np.int64(rows[at]) * width
        count += 1
    return count
