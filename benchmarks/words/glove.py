"""GloVe from a text file to vectors, stage by stage, and how good the vectors are: the settings of Stanford's demonstration, dimension 100.

    python benchmarks/words/glove.py CORPUS [--threads 2] [--dim 100] [--window 10] [--iterations 15] [--x-max 10] [--seeds 1 2 3]
                                     [--questions FOLDER] [--out FILE]

CORPUS is a text in text8's manner, one paragraph a line; FOLDER holds questions-words.txt and EN-*.txt (the sets of the vecto and
word-embeddings-benchmarks projects). Prints JSON: seconds of reading, counting, cutting and of each iteration, seconds in all (compilation
excluded: a small corpus goes through first), loss, and the scores of each seed with their means. Stanford's program, built with -Ofast, on 17 M
words of Wikipedia at the same settings (its own cost .0309): analogies among the first 30,000 words 34.0, WS-353 36.7, SimLex 19.1, MEN 47.9, RareWords 22.9; 229 s.
Another seed of it: 33.5, 35.4, 18.9, 46.7, 23.8.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from outcome import hand_in, machine

SETS = {"ws353": "EN-WS-353-ALL.txt", "simlex": "EN-SIMLEX-999.txt", "men": "EN-MEN-TR-3k.txt", "rare_words": "EN-RW-STANFORD.txt"}
ANALOGIES = "questions-words.txt"


def train(source: Any, options: argparse.Namespace, seed: int) -> tuple[dict[str, Any], Any]:
    """Seconds of every stage, and the model."""
    from ringsmith.words.cooccurrence import CooccurrenceOptions, count_cooccurrences
    from ringsmith.words.corpus import read_corpus
    from ringsmith.words.glove import GloveOptions, fit_glove

    marks = [time.perf_counter()]
    corpus = read_corpus(source, threads=options.threads)
    marks.append(time.perf_counter())
    counts = count_cooccurrences(corpus, CooccurrenceOptions(window=options.window), threads=options.threads)
    marks.append(time.perf_counter())
    ends: list[float] = []
    settings = GloveOptions(dim=options.dim, iterations=options.iterations, x_max=options.x_max, seed=seed)
    model = fit_glove(counts, settings, threads=options.threads, after_iteration=lambda _: ends.append(time.perf_counter()))
    steps = [later - earlier for earlier, later in pairwise(ends)]
    step = statistics.median(steps) if steps else 0.0
    facts = {
        "seed": seed,
        "words": corpus.total_words,
        "vocabulary": len(corpus.vocabulary),
        "entries": len(counts),
        "seconds": {
            "read": marks[1] - marks[0],
            "count": marks[2] - marks[1],
            "cut": max(ends[0] - marks[2] - step, 0.0),
            "iteration_median": step,
            "all": ends[-1] - marks[0],
        },
        "read_words_per_second": corpus.total_words / (marks[1] - marks[0]),
        "iteration_seconds_per_5m_entries": step * 5e6 / len(counts),
        "losses": model.losses,
    }
    return facts, model


def scores(vectors: Any, folder: Path) -> dict[str, float]:
    """Accuracy of the analogies and Spearman's correlation with people, in per cent."""
    from ringsmith.words.intrinsic import evaluate_analogies, evaluate_pairs
    from ringsmith.words.questions import read_analogies, read_pairs

    sections = read_analogies(folder / ANALOGIES)
    found = {"analogies": evaluate_analogies(vectors, sections).total.accuracy, "analogies_30k": evaluate_analogies(vectors, sections, most=30_000).total.accuracy}
    found |= {name: evaluate_pairs(vectors, read_pairs(folder / file), resamples=100).spearman for name, file in SETS.items()}
    return {name: round(100 * float(score or 0), 2) for name, score in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--x-max", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--questions", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    train(["a rose is a rose is a rose"] * 100, argparse.Namespace(**vars(options) | {"iterations": 2}), 1)
    runs = []
    for seed in options.seeds:
        facts, model = train(options.corpus, options, seed)
        runs.append(facts | ({"scores": scores(model.vectors, options.questions)} if options.questions else {}))
    settings = {name: getattr(options, name) for name in ("threads", "dim", "window", "iterations", "x_max")}
    result: dict[str, Any] = {"settings": settings, **machine(), "runs": runs}
    if options.questions:
        result["mean_scores"] = {name: round(statistics.mean(run["scores"][name] for run in runs), 2) for name in runs[0]["scores"]}
    hand_in(result, options.out)


if __name__ == "__main__":
    main()
