"""From a text file to a vocabulary and numbered words, in turns with gensim's `build_vocab` (which numbers nothing).

    python benchmarks/words/reading.py CORPUS [--threads 2] [--rounds 3] [--out FILE]

Prints JSON: words a second of each round, the median of the rounds' ratios, and whether the counts are the same.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outcome import hand_in, machine


def ours(corpus: Path, threads: int) -> Any:
    from ringsmith.words.corpus import read_corpus

    return read_corpus(corpus, threads=threads)


def gensim(workers: int, **source: Any) -> Any:
    from gensim.models import Word2Vec

    model = Word2Vec(min_count=5, workers=workers)
    model.build_vocab(**source)
    return model.wv


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = run()
    return time.perf_counter() - started, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    from gensim.models.word2vec import LineSentence

    path, threads = options.corpus, options.threads
    contenders: dict[str, Callable[[], Any]] = {
        "ringsmith": lambda: ours(path, threads),
        "gensim_line_sentence": lambda: gensim(threads, corpus_iterable=LineSentence(str(path))),
        "gensim_corpus_file": lambda: gensim(threads, corpus_file=str(path)),
    }
    ours(Path(__file__), threads)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    found: dict[str, Any] = {}
    for _ in range(options.rounds):
        for name, run in contenders.items():
            took, found[name] = timed(run)
            seconds[name].append(took)
    corpus, theirs = found["ringsmith"], found["gensim_corpus_file"]
    counts = dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))
    result = {
        "words": corpus.total_words,
        "vocabulary": len(corpus.vocabulary),
        "threads": threads,
        **machine(),
        "words_per_second": {name: [round(corpus.total_words / took) for took in taken] for name, taken in seconds.items()},
        "times_as_fast": {name: round(statistics.median(a / b for a, b in zip(seconds[name], seconds["ringsmith"], strict=True)), 2) for name in contenders},
        "same_counts": counts == {word: theirs.get_vecattr(word, "count") for word in theirs.key_to_index},
    }
    hand_in(result, options.out)


if __name__ == "__main__":
    main()
