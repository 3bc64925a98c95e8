"""From 4 rows a class to all of them: which recipe leads where, and whether choosing by the validation rows finds it.

    python benchmarks/envelope.py --data ../shared/data [--only banking77 clinc150] [--sizes 4 8 16 32 64 all] [--seeds 0] [--out envelope.json]

For every size so many rows of each class are drawn from the published training rows and given to `ringsmith compare`, which splits them as it sees
fit, chooses by its validation rows and reports on the published test rows. The *envelope* is the test score of what it chose at each size. It is
held against the test score of every single recipe at that size: `regret` is how many points the best of them lies above what was chosen. The
*crossover* is the size from which on a recipe leads that did not lead before.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77, clinc150

SETS = {"banking77": banking77, "clinc150": clinc150}


def draw(rows: Rows, each: int | None, seed: int) -> Rows:
    """`each` rows of every class by chance (all where there are fewer, or for None), in the order of the file."""
    texts, labels = rows
    generator = np.random.default_rng(seed)
    kept: list[int] = []
    for label in sorted(set(labels)):
        mine = [number for number, name in enumerate(labels) if name == label]
        kept += mine if each is None else generator.permutation(mine)[:each].tolist()
    return [texts[number] for number in sorted(kept)], [labels[number] for number in sorted(kept)]


def write(rows: Rows, path: Path) -> Path:
    """One table with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(*rows, strict=True)])
    return path


def compare(train: Rows, test: Rows, place: Path, options: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """The leaderboard of one size, without those that failed."""
    place.mkdir()
    tables = [str(write(train, place / "train.csv")), "--test", str(write(test, place / "test.csv"))]
    how = ["--models", options.model, "--recipes", ",".join(options.recipes), "--seed", str(seed), "--threads", str(options.threads), "--offline", "--json"]
    done = subprocess.run([sys.executable, "-m", "ringsmith", "compare", *tables, *how, "--out", str(place / "out")], stdout=subprocess.PIPE, text=True, check=True)
    kept = ("candidate", "valid", "test", "test_low", "test_high", "recommended", "train_seconds")
    return [{key: row[key] for key in kept} for row in json.loads(done.stdout)["leaderboard"] if row["status"] == "done"]


def size_of(word: str) -> int | None:
    """``all`` as None."""
    return None if word == "all" else int(word)


def line(data: str, each: str, seed: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What was chosen at one size, and what would have been best."""
    chosen, best = (max(rows, key=lambda row: row[part]) for part in ("valid", "test"))
    return {
        "data": data,
        "rows_a_class": each,
        "seed": seed,
        "chosen": chosen["candidate"],
        "test": chosen["test"],
        "best": best["candidate"],
        "best_test": best["test"],
        "regret": round(100 * (best["test"] - chosen["test"]), 2),
        "advised": next((row["candidate"] for row in rows if row["recommended"]), None),
    }


def crossovers(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Where the lead on the test rows passes to another candidate, a sentence each."""
    found, leader = [], None
    for one in lines:
        if one["best"] != leader:
            found.append(f"{one['data']}: {one['best']} leads from {one['rows_a_class']} rows a class on")
        leader = one["best"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--sizes", nargs="+", default=["4", "8", "16", "32", "64", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--tests", type=int, help="at most so many test rows of each class")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--recipes", nargs="+", default=["tfidf", "probe", "head", "prompt", "fewshot", "full"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines, tables = [], []
    for name in options.only:
        train, test = (SETS[name](options.data / name, part) for part in ("train", "test"))
        test = draw(test, options.tests, 0)
        for seed in options.seeds:
            mine = []
            for each in options.sizes:
                with tempfile.TemporaryDirectory() as folder:
                    rows = compare(draw(train, size_of(each), seed), test, Path(folder) / "run", options, seed)
                tables.append({"data": name, "rows_a_class": each, "seed": seed, "candidates": rows})
                mine.append(line(name, each, seed, rows))
                print(json.dumps(mine[-1]), flush=True)
            lines += mine
            print("\n".join(crossovers(mine)), flush=True)
    if options.out:
        options.out.write_text(json.dumps({"envelope": lines, "tables": tables}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
