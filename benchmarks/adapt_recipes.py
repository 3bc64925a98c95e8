"""Speed and quality of the ways to adapt one backbone, side by side: the same rows, the same split, the same threads, one after the other.

Each has a process of its own: the next one would find the kernels and products that the first one made ready.
Tokens per second are those of the training rows, padding left out, over the wall clock of the whole training (what the recipe computes once and
its looks at the validation rows included). Recipes may carry options: ``lora:rank=16``.

    python benchmarks/adapt_recipes.py --data ../shared/data [--only uci-sentiment cr banking77] [--recipes probe partial lora full] [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77, customer_reviews, uci_sentiment

READERS = {"uci-sentiment": uci_sentiment, "cr": customer_reviews, "banking77": banking77}
"""Of banking77 the training rows alone: its test rows are for reports."""


def split(rows: Rows, seed: int, share: float) -> dict[str, Rows]:
    """80 / 10 / 10 of `share` of the rows, stratified."""
    texts, labels = rows
    generator = np.random.default_rng(seed)
    parts: dict[str, Rows] = {"train": ([], []), "valid": ([], []), "test": ([], [])}
    for label in sorted(set(labels)):
        order = generator.permutation([i for i, name in enumerate(labels) if name == label])
        order = order[: max(10, round(len(order) * share))]
        tenth = max(1, len(order) // 10)
        for name, positions in (("valid", order[:tenth]), ("test", order[tenth : 2 * tenth]), ("train", order[2 * tenth :])):
            parts[name][0].extend(texts[i] for i in positions)
            parts[name][1].extend(labels[i] for i in positions)
    return parts


def options_of(words: str) -> dict[str, Any]:
    """``rank=16,method=dora`` as options."""
    return {name: _value(value) for name, value in (pair.split("=", 1) for pair in re.split(r",(?=\w+=)", words) if pair)}


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return word


def run(recipe: str, parts: dict[str, Rows], seed: int, threads: int) -> dict[str, Any]:
    """One fit and what came of it."""
    from ringsmith.adapt import Setting, create_recipe
    from ringsmith.catalogue import resolve
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    name, _, words = recipe.partition(":")
    rows = {part: TextSet(*found) for part, found in parts.items()}
    setting = Setting(infer_task(parts["train"][1]), resolve("minilm", policy="never", offline=True), options=options_of(words), seed=seed, threads=threads)
    start = time.perf_counter()
    fitted: Any = create_recipe(name, setting).fit(rows["train"], rows["valid"], Budget())
    fit_seconds = time.perf_counter() - start
    facts = fitted.facts
    accuracy = {part: share_right(fitted, parts[part]) for part in ("valid", "test")}
    found = {"recipe": recipe, "seed": seed, **accuracy, "fit_seconds": fit_seconds, "trained_share": facts.trained_parameters / max(1, facts.parameters), "notes": facts.notes}
    if "epochs_trained" not in facts.chosen:
        return found
    tokens = int(fitted.tokeniser(parts["train"][0]).lengths.sum()) * facts.chosen["epochs_trained"]
    seconds = facts.seconds["train"]
    return {**found, "train_seconds": seconds, "tokens_per_second": tokens / seconds, "epochs": facts.chosen["epochs_trained"], "precision": facts.chosen["precision"]}


def share_right(fitted: Any, rows: Rows) -> float:
    """Accuracy."""
    return float(np.mean([guess == label for guess, label in zip(fitted.predict(rows[0]), rows[1], strict=True)]))


def summary(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each data set and recipe: means over the seeds (standard errors beside), the median speed."""
    found = []
    for data, recipe in dict.fromkeys((one["data"], one["recipe"]) for one in runs):
        mine = [one for one in runs if (one["data"], one["recipe"]) == (data, recipe)]
        line: dict[str, Any] = {"data": data, "recipe": recipe, "seeds": len(mine), "trained_share": mine[0]["trained_share"]}
        for part in ("valid", "test"):
            values = [one[part] for one in mine]
            line[part] = round(statistics.mean(values), 4)
            line[f"{part}_error"] = round(statistics.stdev(values) / len(values) ** 0.5, 4) if len(values) > 1 else None
        for figure in ("fit_seconds", "tokens_per_second"):
            line[figure] = round(statistics.median(one[figure] for one in mine), 1) if all(figure in one for one in mine) else None
        found.append(line)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(READERS), choices=list(READERS))
    parser.add_argument("--recipes", nargs="*", default=["probe", "partial", "lora", "full"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of each data set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    runs = []
    for data in chosen.only:
        rows = READERS[data](chosen.data / data)
        for seed in chosen.seeds:
            parts = split(rows, seed, chosen.share)
            for recipe in chosen.recipes:
                with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                    runs.append({"data": data, **apart.submit(run, recipe, parts, seed, chosen.threads).result()})
                print(json.dumps(runs[-1]), flush=True)
    for line in (lines := summary(runs)):
        print(json.dumps(line))
    if chosen.out:
        chosen.out.write_text(json.dumps({"summary": lines, "runs": runs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
