"""Blocks of text, or lists of tokens -> provisional numbers on a shelf, and every word that was seen with its count."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError
from ringsmith.records import Progress, Report
from ringsmith.words.idfile import Shelf
from ringsmith.words.kernels import scan as kernel
from ringsmith.words.table import BYTES_PER_WORD, Table

Numbers = npt.NDArray[np.int32]
TOKENS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Seen:
    """All words of a corpus.

    Attributes:
        words: each as text, or as bytes that may not be UTF-8.
        counts: how often each occurs.
        firsts: a position that grows with the first occurrence.
        places: for each table of the shelf, provisional number -> place in `words`; -1 where the word was dropped early.
        total: occurrences of all words, those dropped included.
        long: words left out because they have more than 1,000 bytes.
        nuls: NUL bytes, taken for blanks.
        pruned: words seen at most so often were dropped early, 0 where none was.
    """

    words: list[str] | Table
    counts: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    places: list[Numbers]
    total: int
    long: int = 0
    nuls: int = 0
    pruned: int = 0


@dataclass
class _Meter:
    """Tells a listener how far the reading is and how fast."""

    report: Report
    total_bytes: int | None
    started: float
    done_bytes: int = 0
    words: int = 0

    def add(self, size: int, words: int) -> None:
        self.done_bytes += size
        self.words += words
        rate = self.words / max(time.perf_counter() - self.started, 1e-9)
        # Unpacked bytes can be more than the bytes on disk.
        total = None if self.total_bytes is None else max(self.total_bytes, self.done_bytes)
        self.report(Progress("read", self.done_bytes, total, "bytes", f"{self.words:,} words, {rate / 1e6:.1f} M/s"))


def scan_blocks(blocks: Iterable[bytes], shelf: Shelf, *, threads: int, memory_bytes: int, total_bytes: int | None, report: Report) -> Seen:
    """Scan the blocks on several threads, each with a table of its own, and put the numbers on the shelf in the order of the text."""
    tables = [Table(max(memory_bytes // BYTES_PER_WORD // threads, 1_000)) for _ in range(threads)]
    idle: SimpleQueue[int] = SimpleQueue()
    for number in range(threads):
        idle.put(number)

    def work(block: bytes, base: int) -> tuple[int, Numbers]:
        number = idle.get()
        try:
            return number, np.concatenate(tables[number].scan(np.frombuffer(block, dtype=np.uint8), base))
        finally:
            idle.put(number)

    meter, total, base = _Meter(report, total_bytes, time.perf_counter()), 0, 0
    waiting: deque[tuple[int, Future[tuple[int, Numbers]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in _bounded(blocks, waiting, 2 * threads):
            if block is not None:
                waiting.append((len(block), pool.submit(work, block, base)))
                base += len(block)
                continue
            size, job = waiting.popleft()
            number, found = job.result()
            shelf.append(number, found)
            words = int((found >= 0).sum())
            total += words
            meter.add(size, words)
    return _merged(tables, total)


def _bounded(blocks: Iterable[bytes], waiting: deque[tuple[int, Future[tuple[int, Numbers]]]], most: int) -> Iterator[bytes | None]:
    """The blocks, and None whenever an answer must be waited for: too many are under way, or no block is left."""
    for block in blocks:
        yield block
        if len(waiting) >= most:
            yield None
    while waiting:
        yield None


def _merged(tables: list[Table], total: int) -> Seen:
    first, places = tables[0], []
    for number, table in enumerate(tables):
        where = np.arange(len(table), dtype=np.int32) if number == 0 else first.absorb(table)
        place = np.full(table.state[kernel.NEXT], -1, dtype=np.int32)
        # The first table's own numbers are read before others are added to it: they have none there.
        place[table.numbers[: len(where)]] = where
        places.append(place)
    n = len(first)
    long = int(first.state[kernel.LONG])
    return Seen(first, first.counts[:n], first.firsts[:n], places, total + long, long, int(first.state[kernel.NULS]), first.pruned)


def scan_tokens(sentences: Iterable[Iterable[str]], shelf: Shelf, *, memory_bytes: int, report: Report) -> Seen:
    """Number the tokens of every sentence; tokens are taken as they are, white space in them included."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    counts, total, most = np.zeros(0, dtype=np.int64), 0, memory_bytes // (2 * BYTES_PER_WORD)
    meter = _Meter(report, None, time.perf_counter())
    for part in _numbered(sentences, numbers):
        shelf.append(0, part)
        known = part[part >= 0]
        counts = np.concatenate([counts, np.zeros(len(numbers) - len(counts), dtype=np.int64)]) + np.bincount(known, minlength=len(numbers))
        total += len(known)
        meter.add(0, len(known))
        if len(numbers) > most:
            raise InputError(f"The corpus has more than {most:,} different tokens, which is what 'memory_bytes' leaves room for. Give more, or read the text from a file.")
    words = list(numbers)
    if strange := [word for word in words if not isinstance(word, str)]:
        raise InputError(f"Every token must be a string; got {strange[0]!r} of type {type(strange[0]).__name__}. Turn the tokens into strings first.")
    everything = np.arange(len(words))
    return Seen(words, counts, everything, [everything.astype(np.int32)], total)


def _numbered(sentences: Iterable[Iterable[str]], numbers: defaultdict[str, int]) -> Iterator[Numbers]:
    part: list[int] = []
    for number, sentence in enumerate(sentences, 1):
        if isinstance(sentence, str):
            raise InputError(f"Sentence {number:,}: all sentences must be lists of tokens, as the first is; got a string. Split it, or pass strings only.")
        try:
            part.extend(map(numbers.__getitem__, sentence))
        except TypeError as error:
            raise InputError(f"Sentence {number:,}: a sentence must be a list of strings ({error}). Check how the tokens were made.") from error
        part.append(kernel.SENTENCE_END)
        if len(part) >= TOKENS_AT_ONCE:
            yield np.array(part, dtype=np.int32)
            part = []
    yield np.array(part, dtype=np.int32)
