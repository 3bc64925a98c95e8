"""The corpus in stretches that threads take in turn: who works on what, at which learning rate, and how far all of them are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SMALLEST, LARGEST = 1_000, 50_000
"""Words of a stretch: large enough that calling a kernel costs nothing, small enough that the rate falls smoothly and nobody waits at the end."""
STRETCHES = 200
"""A small corpus is cut into about so many."""


def cut(starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sentence numbers at which stretches begin, and the number of sentences.

    Examples:
        >>> cut(np.arange(0, 100_001, 100)).tolist()[:3]
        [0, 10, 20]
    """
    words = int(starts[-1])
    size = min(LARGEST, max(SMALLEST, words // STRETCHES))
    points = np.searchsorted(starts, np.arange(0, words, size))
    return np.unique(np.append(points, len(starts) - 1))


@dataclass(frozen=True)
class Piece:
    """A stretch at its place in the whole training.

    Attributes:
        first: its first sentence.
        last: the sentence after its last.
        before: words of all epochs that come before it.
        words: how many it has.
        total: words of all epochs.
        number: its own in all epochs; random numbers start from it.
    """

    first: int
    last: int
    before: int
    words: int
    total: int
    number: int

    @property
    def from_share(self) -> float:
        """Share of all words of all epochs that come before it."""
        return self.before / self.total

    @property
    def to_share(self) -> float:
        """The same after it."""
        return (self.before + self.words) / self.total

    def chance(self, seed: int) -> int:
        """What its random numbers start from, below 2^63 whatever the seed."""
        return (self.number * 1_000_003 + seed) % (1 << 63)


def pieces(starts: npt.NDArray[np.int64], epochs: int, *, shuffle: bool, seed: int, before: int = 0) -> Iterator[Piece]:
    """All stretches of all epochs, in the order in which they are taken; `before` epochs went before, and their random numbers are not used again."""
    bounds = cut(starts)
    total, done, generator = int(starts[-1]) * epochs, 0, np.random.default_rng([seed, 1, before] if before else [seed, 1])
    for epoch in range(before, before + epochs):
        for at in generator.permutation(len(bounds) - 1) if shuffle else range(len(bounds) - 1):
            first, last = int(bounds[at]), int(bounds[at + 1])
            words = int(starts[last] - starts[first])
            yield Piece(first, last, done, words, total, epoch * len(bounds) + int(at))
            done += words


def work_through(items: Iterator[Piece], threads: int, work: Callable[[Piece], None], tell: Callable[[], None]) -> None:
    """Have so many threads take one piece after the other; `tell` is called a few times a second by this thread.

    An exception in a worker or in `tell` (also Ctrl-C) stops all of them after the piece they are at.
    """
    lock, stop = threading.Lock(), threading.Event()

    def take() -> Piece | None:
        with lock:
            return None if stop.is_set() else next(items, None)

    def worker() -> None:
        while (piece := take()) is not None:
            work(piece)

    with ThreadPoolExecutor(threads) as pool:
        try:
            waiting: set[Future[None]] = {pool.submit(worker) for _ in range(threads)}
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                tell()
        finally:
            stop.set()
