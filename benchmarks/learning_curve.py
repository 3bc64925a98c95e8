"""How far learning curves can be trusted: what they said of the next doubling, and what it then brought.

Rows are drawn, a fifth as many validate; a recipe learns from a quarter, a half and all of them, as `ringsmith compare` has it learn, and then from
twice as many, which its curve did not see. Up to 1,500 other rows say what every doubling truly brought.

    next       what the curve said that the next doubling would bring, in points; `brought` is what it brought; `error` the root of the mean squared difference
               of the two; `nothing` the same for the guess that it brings nothing
    holds      share of the intervals of the last doubling that hold what it brought on the other rows

    python benchmarks/learning_curve.py --data ../shared/data [--only uci-sentiment cr banking77] [--sizes 200 400 800] [--seeds 8] --out learning_curve.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77, customer_reviews, uci_sentiment

from ringsmith.adapt import Setting, create_recipe
from ringsmith.catalogue import resolve
from ringsmith.data import with_fewer
from ringsmith.metrics import compare_paired, next_gain
from ringsmith.records import Budget, Floats, Split, TextSet
from ringsmith.tasks import Classification

SETS = {"uci-sentiment": uci_sentiment, "cr": customer_reviews, "banking77": banking77}
JUDGES = 1_500


def answers(recipe: str, rows: TextSet, train: Any, valid: Any, asked: Sequence[str], threads: int, seed: int) -> Floats:
    """The probabilities that the recipe gives to these texts after learning from those rows."""
    setting = Setting(Classification(sorted({str(label) for label in rows.labels or ()})), None if recipe == "tfidf" else resolve("minilm"), seed=seed, threads=threads)
    return create_recipe(recipe, setting).fit(rows.take(train), rows.take(valid), Budget()).predict_proba(asked)


def point(recipe: str, rows: TextSet, size: int, seed: int, threads: int) -> dict[str, float]:
    """One draw: what was said and what was brought, in shares of the rows."""
    order = np.random.default_rng(seed).permutation(len(rows))
    judges, valid, train = np.split(order[: JUDGES + size // 5 + 2 * size], [JUDGES, JUDGES + size // 5])
    shares = [split.train for split in with_fewer(rows, Split("all", np.sort(train[:size]), valid, judges), seed)][::-1]
    labels = sorted({str(label) for label in rows.labels or ()})
    y = np.array([labels.index(str((rows.labels or [])[at])) for at in np.concatenate([valid, judges])])
    told = [answers(recipe, rows, part, valid, [rows.texts[at] for at in (*valid, *judges)], threads, seed) for part in (*shares, train[:size], train)]
    watched, truth = (np.array([(p[at].argmax(axis=1) == y[at]).mean() for p in told]) for at in (slice(0, len(valid)), slice(len(valid), None)))
    paired = compare_paired("accuracy", y[: len(valid)], told[2][: len(valid)], told[1][: len(valid)], seed=seed)
    further = next_gain([*(len(part) for part in shares), size], [1 - value for value in watched[:3]])
    return {"next": further, "brought": truth[3] - truth[2], "holds": float(paired.low <= truth[2] - truth[1] <= paired.high)}


def measure(rows: Rows, name: str, recipe: str, size: int, seeds: int, threads: int) -> dict[str, Any]:
    """Figures of one set, recipe and size over its draws, in points."""
    found = [point(recipe, TextSet(*rows), size, seed, threads) for seed in range(seeds)]
    said, brought = (100 * np.array([one[key] for one in found]) for key in ("next", "brought"))
    figures = {"next": said.mean(), "brought": brought.mean(), "error": np.sqrt(((said - brought) ** 2).mean()), "nothing": np.sqrt((brought**2).mean())}
    return {
        "data": name,
        "recipe": recipe,
        "rows": size,
        "draws": seeds,
        **{key: round(float(value), 2) for key, value in figures.items()},
        "holds": float(np.mean([one["holds"] for one in found])),
    }


def main() -> None:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--recipes", nargs="+", default=["tfidf", "probe"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[200, 400, 800])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    results = []
    for name in asked.only:
        rows = SETS[name](asked.data / name)
        for recipe in asked.recipes:
            for size in asked.sizes:
                if JUDGES + size // 5 + 2 * size <= len(rows[0]):
                    results.append(measure(rows, name, recipe, size, asked.seeds, asked.threads))
                    print(json.dumps(results[-1]), flush=True)
                    if asked.out:
                        asked.out.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
