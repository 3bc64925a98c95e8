"""Ten nearest words of many queries, side by side: ringsmith (float32, float16, int8, one at a time) and gensim's `most_similar` in a loop.

    python benchmarks/words/nearest.py [--words 400000] [--width 300] [--queries 1000] [--rounds 3] [--gensim-queries 100] [--out FILE]

Prints JSON: queries a second of each round, the medians of the rounds' ratios, and whether the answers are the same. The vectors are random
numbers, which is the hardest case for "the same answers": neighbours lie close together. gensim is asked fewer queries, its time is scaled.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from outcome import hand_in, machine


def gensim_loop(vectors: Any, words: list[str], count: int) -> tuple[float, list[list[str]]]:
    """Queries a second, and the answers."""
    started = time.perf_counter()
    answers = [[word for word, _ in vectors.most_similar(query, topn=10)] for query in words[:count]]
    return count / (time.perf_counter() - started), answers


def ours(vectors: Any, words: list[str], *, loop: bool = False) -> tuple[float, list[list[str]]]:
    """Queries a second, all at once or one at a time, and the answers."""
    started = time.perf_counter()
    found = [vectors.nearest(word) for word in words] if loop else vectors.nearest(words)
    return len(words) / (time.perf_counter() - started), [[word for word, _ in line] for line in found]


def same(one: list[list[str]], other: list[list[str]]) -> float:
    """Share of the queries with the very same ten words in the same order."""
    return float(np.mean([a == b for a, b in zip(one, other, strict=False)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--gensim-queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    from gensim.models import KeyedVectors

    from ringsmith.words.quantise import quantise
    from ringsmith.words.vectors import WordVectors

    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((options.words, options.width), dtype=np.float32)
    names = [f"w{row}" for row in range(options.words)]
    theirs = KeyedVectors(options.width)
    theirs.index_to_key, theirs.key_to_index, theirs.vectors = names, {name: row for row, name in enumerate(names)}, matrix
    theirs.fill_norms()
    vectors = WordVectors(names, matrix)
    half, half_loss = quantise(vectors, "float16", probed=100)
    small, small_loss = quantise(vectors, "int8", probed=100)
    for space in (vectors, half, small):
        _ = space.scale, space.index
    words = [names[row] for row in rng.permutation(options.words)[: options.queries]]
    rates: dict[str, list[float]] = {}
    answers: dict[str, list[list[str]]] = {}
    for _ in range(options.rounds):
        for name, run in (
            ("gensim", lambda: gensim_loop(theirs, words, options.gensim_queries)),
            ("ringsmith", lambda: ours(vectors, words)),
            ("ringsmith_float16", lambda: ours(half, words)),
            ("ringsmith_int8", lambda: ours(small, words)),
            ("ringsmith_one_at_a_time", lambda: ours(vectors, words[: options.gensim_queries], loop=True)),
        ):
            rate, answers[name] = run()
            rates.setdefault(name, []).append(round(rate, 2))
    result = {
        "words": options.words,
        "width": options.width,
        "queries": options.queries,
        "queries_per_second": rates,
        "times_as_fast_as_gensim": {name: round(statistics.median(a / b for a, b in zip(values, rates["gensim"], strict=True)), 2) for name, values in rates.items()},
        "same_answers_as_gensim": {name: same(answers["gensim"], lines) for name, lines in answers.items()},
        "loss": {loss.precision: {"cosine_worst": loss.cosine_worst, "neighbours_kept": loss.neighbours_kept} for loss in (half_loss, small_loss)},
        "machine": machine(),
    }
    hand_in(result, options.out)


if __name__ == "__main__":
    main()
