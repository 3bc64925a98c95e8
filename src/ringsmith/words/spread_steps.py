"""What many workers learnt apart, put together into what one would have learnt from all of their text.

Between two meetings a row goes a share s = 1 - exp(-x) of its way to where its words draw it, where x grows with the number of its steps and with
the learning rate. One worker that took the steps of all W would have gone 1 - exp(-W x). So the mean step of the workers is multiplied by

    (1 - exp(-W x)) / (1 - exp(-x))

which is W, the plain sum, for rare words and n-grams (x near 0), and 1, the plain mean, for those that every worker had brought to their place
already. Measured, too (LOG.md): the mean for all rows learns as slowly as one worker alone, and the sum for all overshoots and runs away with 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith.words.huffman import huffman_paths
from ringsmith.words.kernels.word2vec import Bags
from ringsmith.words.neighbours import Floats
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.sampling import keep_shares, noise_shares
from ringsmith.words.vocabulary import Vocabulary

Shares = npt.NDArray[np.float64]
PULL = 1.0
"""x of one step at a learning rate of 1, by trial (LOG.md): below 0.2 training with 8 workers runs away."""


@dataclass(frozen=True, eq=False)
class Moved:
    """Rows of a matrix: steps to add, or what they are now.

    Attributes:
        rows: (n,) their numbers, each once.
        values: (n, d) float32.
    """

    rows: npt.NDArray[np.int64]
    values: Floats


def steps_per_word(vocabulary: Vocabulary, options: Word2VecOptions, bags: Bags) -> tuple[Shares, Shares]:
    """How many steps each row of inputs and outputs makes on average for each word of the text that is read.

    Args:
        vocabulary: the words with their counts.
        options: how they are trained.
        bags: the input rows of each word.

    Returns:
        Two arrays, one number for each row.
    """
    counts = vocabulary.counts
    kept = counts * keep_shares(counts, options.sample) / counts.sum()
    width = options.window + 1 if options.shrink else 2 * options.window
    inputs = np.bincount(bags.rows, weights=np.repeat(kept * width, np.diff(bags.starts)))
    told = kept * (1 if options.method == "cbow" else width)
    outputs = [(told if options.negative else np.zeros_like(told)) + options.negative * told.sum() * noise_shares(counts, options.noise_power)]
    if options.hierarchical:
        paths = huffman_paths(counts)
        outputs.append(np.bincount(paths.nodes, weights=np.repeat(told, np.diff(paths.starts)), minlength=len(counts) - 1))
    return np.asarray(inputs, dtype=np.float64), np.concatenate([*outputs, [0.0]])


def gain(x: Shares, workers: int) -> Shares:
    """What the mean step of so many workers is multiplied by, 1 to `workers`.

    Examples:
        >>> gain(np.array([0.0, 1e-9, 0.1, 100.0]), 4).round(3).tolist()
        [4.0, 4.0, 3.464, 1.0]
    """
    small = x < 1e-6
    safe = np.where(small, 1.0, x)
    return np.where(small, workers, np.expm1(-workers * safe) / np.expm1(-safe))


def put_together(matrix: Floats, steps: list[Moved], gains: Shares) -> Moved:
    """Move `matrix` by the mean of the steps of all workers times the gain of each row; what moved, and to where.

    Args:
        matrix: (rows, d), as it was when they parted.
        steps: of each worker; a row that it did not move made a step of 0.
        gains: (rows,).

    Examples:
        >>> matrix = np.zeros((3, 1), dtype=np.float32)
        >>> one, other = (np.array([[2.0]], dtype=np.float32), np.array([[4.0], [6.0]], dtype=np.float32))
        >>> moved = put_together(matrix, [Moved(np.array([0]), one), Moved(np.array([0, 2]), other)], np.array([1.0, 1.0, 2.0]))
        >>> moved.rows.tolist(), matrix.tolist()
        ([0, 2], [[3.0], [0.0], [6.0]])
    """
    factors, touched = (gains / len(steps)).astype(np.float32), np.zeros(len(matrix), dtype=np.bool_)
    for moved in steps:
        matrix[moved.rows] += moved.values * factors[moved.rows, None]
        touched[moved.rows] = True
    rows = np.flatnonzero(touched)
    return Moved(rows, matrix[rows])
