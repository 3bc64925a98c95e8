"""Prediction side by side: a fitted `probe` against `SentenceTransformer.encode` and scikit-learn's logistic regression, on the same texts, in turns.

    python benchmarks/predict.py --data ../shared/data [--rows 3000] [--rounds 3] [--threads 2] [--out predict.json]

Both learn from the same rows of banking77's training file (`--train` of them; not in the time) and predict its test rows, which neither has seen; the
encoder is the same MiniLM folder, each with its defaults. Prints JSON: rows a second of each round, the median of the ratios, both accuracies.
The target: 3 x. Nothing of ours is cached between the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77

Predict = Callable[[list[str]], Sequence[str]]


def some(rows: Rows, most: int) -> Rows:
    """At most so many rows, by chance."""
    kept = np.random.default_rng(0).permutation(len(rows[0]))[:most]
    return [rows[0][row] for row in kept], [rows[1][row] for row in kept]


def ours(train: Rows, threads: int) -> Predict:
    """The recipe `probe` with its defaults; a tenth of the rows chooses."""
    from ringsmith.adapt import Setting, create_recipe
    from ringsmith.catalogue import resolve
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    texts, labels = train
    cut = len(texts) // 10
    setting = Setting(infer_task(labels), resolve("minilm", policy="never", offline=True), threads=threads)
    fitted: Any = create_recipe("probe", setting).fit(TextSet(texts[cut:], labels[cut:]), TextSet(texts[:cut], labels[:cut]), Budget())
    return fitted.predict  # type: ignore[no-any-return]


def peer(train: Rows, threads: int) -> Predict:
    """What people write by hand."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    from ringsmith.catalogue import resolve

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(str(resolve("minilm", policy="never", offline=True).folder), device="cpu")
    head = LogisticRegression(max_iter=1000).fit(encoder.encode(train[0]), train[1])
    return lambda texts: head.predict(encoder.encode(texts)).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--train", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    train = some(banking77(options.data / "banking77"), options.train)
    texts, labels = some(banking77(options.data / "banking77", "test"), options.rows)
    contenders = {"ours": ours(train, options.threads), "sentence-transformers + scikit-learn": peer(train, options.threads)}
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    accuracy = {}
    for _ in range(options.rounds):
        for name, predict in contenders.items():
            started = time.perf_counter()
            guesses = predict(texts)
            speeds[name].append(round(len(texts) / (time.perf_counter() - started), 1))
            accuracy[name] = float(np.mean([guess == label for guess, label in zip(guesses, labels, strict=True)]))
    mine, other = speeds.values()
    ratio = round(statistics.median(x / y for x, y in zip(mine, other, strict=True)), 2)
    found = {"rows_per_second": speeds, "ratio": ratio, "accuracy": accuracy, "rows": len(texts), "threads": options.threads}
    print(json.dumps(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
