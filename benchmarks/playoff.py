"""What a play-off is worth: the choice of one split against that of the same split and a play-off, judged by rows that had no part in either.

    python benchmarks/playoff.py --data ../shared/data [--only uci cr banking20] [--seeds 0 1 2] [--rows 1200] [--out playoff.json]

For every set and seed so many rows are drawn and split as ``ringsmith compare`` splits them; up to 1,500 of the others are added to its test rows. What it
would take before its play-off and what it takes after it are scored on these:
    before, after   test figures of the two, in points
    best            the best test figure of any candidate
    gain            after - before, with the standard error of that difference over the test rows; 0 where there was nothing to play for
``--out`` is rewritten after every comparison.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sets

from ringsmith.compare.dataset import Table
from ringsmith.compare.events import PlayOff, Ranked
from ringsmith.compare.files import read_arrays
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import compare_table
from ringsmith.data import ReadFindings, check, plan_splits
from ringsmith.records import TextSet

MOST_JUDGED = 1_500
SETS = {"uci": ("uci-sentiment", sets.uci_sentiment), "cr": ("cr", sets.customer_reviews), "banking20": ("banking77", sets.banking77)}
"""Name -> folder, reader; of banking77 the first 20 classes."""


def table_of(rows: list[tuple[str, str]], used: int, seed: int) -> Table:
    """So many rows drawn and split, with up to 1,500 of the others among the test rows."""
    order = np.random.default_rng(seed).permutation(len(rows))
    texts = TextSet([rows[at][0] for at in order[: used + MOST_JUDGED]], [rows[at][1] for at in order[: used + MOST_JUDGED]])
    plan = plan_splits(texts.take(np.arange(used)), seed=seed)
    (first,) = plan.splits
    first = replace(first, test=np.concatenate([first.test, np.arange(used, len(texts))]))
    cleaned, checked = check(texts, [first], turns=plan.turns, seed=seed)
    read = ReadFindings("made", "memory", ["text", "label"], "text", used, used)
    return Table(texts, tuple(cleaned[:1]), plan.how, "en", (read,), checked, turns=tuple(cleaned[1:]))


def measure(table: Table, recipes: list[str], seed: int, threads: int, folder: Path) -> dict[str, Any]:
    """One comparison: what was taken before its play-off and after it, on the test rows."""
    seen: list[Any] = []
    options = CompareOptions(data="made.csv", models=("minilm",), recipes=tuple(recipes), seed=seed, budget=7200.0, out=folder, threads=threads, offline=True)
    found = compare_table(table, options, lambda event: seen.append(event) if isinstance(event, Ranked | PlayOff) else None)
    began = next((at for at, event in enumerate(seen) if isinstance(event, PlayOff)), len(seen))
    before = next(row.candidate for event in reversed(seen[:began]) for row in event.rows if row.recommended)
    figures = {row.candidate: row.test for row in found.rows if row.test is not None}
    keys = json.loads((folder / "study.json").read_text(encoding="utf-8"))["keys"]
    right = {name: right_rows(folder / "predictions" / f"{keys[name]}.npz", table) for name in (before, str(found.recommended))}
    difference = right[str(found.recommended)].astype(float) - right[before]
    return {
        "before": before,
        "after": found.recommended,
        "played": found.playoff,
        "figures": figures,
        "gain": 100 * float(difference.mean()),
        "error": 100 * float(difference.std() / np.sqrt(len(difference))),
        "short_of_best": 100 * (max(figures.values()) - figures[str(found.recommended)]),
        "short_before": 100 * (max(figures.values()) - figures[before]),
        "seconds": found.seconds,
    }


def right_rows(file: Path, table: Table) -> np.ndarray:
    """Which test rows a candidate has right."""
    arrays = read_arrays(file)
    labels = sorted({str(table.texts.labels[at]) for at in table.splits[0].train}) if table.texts.labels else []
    truth = [str(table.texts.labels[at]) for at in table.splits[0].test] if table.texts.labels else []
    return np.array([labels[answer] == true for answer, true in zip(arrays["test_proba"].argmax(axis=1), truth, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=1_200)
    parser.add_argument("--recipes", nargs="+", default=["tfidf", "probe", "full"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("playoff.json"))
    asked = parser.parse_args()
    results = []
    for seed in asked.seeds:
        for name in asked.only:
            folder, read = SETS[name]
            rows = list(zip(*read(asked.data / folder), strict=True))
            if name == "banking20":
                kept = sorted({label for _, label in rows})[:20]
                rows = [(text, label) for text, label in rows if label in kept]
            with tempfile.TemporaryDirectory() as scratch:
                result = measure(table_of(rows, asked.rows, seed), asked.recipes, seed, asked.threads, Path(scratch) / "out")
            results.append({"data": name, "seed": seed, "rows": asked.rows, **result})
            asked.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
            print(name, seed, result["before"], "->", result["after"], f"{result['gain']:+.2f} ({result['error']:.2f})", flush=True)


if __name__ == "__main__":
    main()
