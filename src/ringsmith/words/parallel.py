"""Work on several threads with answers in order: kernels let go of Python's lock, so threads are enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ringsmith._machine import cores

MOST_A_CORE = 4
T = TypeVar("T")
R = TypeVar("R")


def threads_of(wanted: int | None) -> int:
    """How many threads work: all cores for None; and no more than four a core, which would only wait for each other, each with memory of its own."""
    return min(wanted or cores(), MOST_A_CORE * cores())


def in_order(work: Callable[[T], R], items: Iterable[T], *, threads: int) -> Iterator[R]:
    """`work` of every item, in the order of the items, with at most twice as many under way as there are threads.

    Examples:
        >>> list(in_order(str.upper, ["a", "b", "c"], threads=2))
        ['A', 'B', 'C']
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
