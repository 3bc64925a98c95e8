"""Two million rows: seconds and peak memory of reading, splitting, checking and storing a CSV.

    python benchmarks/data_two_million.py [--rows 2000000] [--folder DIR]

Writes the CSV if it is not there: reviews of about 100 characters from a vocabulary of 50,000 made-up words, with multi-line cells, quotes,
empty cells, 1 % exact and 1 % near duplicates. The target: well under 4 GB, and seconds, not minutes.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from ringsmith.data import check, fingerprint, plan_splits, read_table, store


def write_table(path: Path, rows: int, seed: int = 0) -> None:
    """A CSV with the traps of real ones."""
    rng = np.random.default_rng(seed)
    words = ["".join(letters) for letters in (rng.choice(list("abcdefghijklmnoprstuvwyz"), size=size) for size in rng.integers(2, 10, 50_000))]
    shares = 1 / (np.arange(len(words)) + 10)
    last = "first row"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label"])
        for begin in range(0, rows, 10_000):
            count = min(10_000, rows - begin)
            lengths = rng.integers(4, 31, count)
            drawn = np.split(rng.choice(len(words), size=lengths.sum(), p=shares / shares.sum()), np.cumsum(lengths)[:-1])
            for row, chance, numbers in zip(range(begin, begin + count), rng.random(count), drawn, strict=True):
                text = last if chance < 0.02 else " ".join(words[number] for number in numbers)
                text = text + " indeed" if chance < 0.01 else text
                last = text
                if chance > 0.99:
                    text = f'She said "{text}",\nand left'
                elif chance > 0.989:
                    text = ""
                writer.writerow([row, text, ("bad", "good", "fair")[zlib.crc32(text.encode()) % 3]])


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    path = options.folder / f"ringsmith-{options.rows}.csv"
    if not path.exists():
        write_table(path, options.rows)
    print(f"{path.name}: {path.stat().st_size / 2**20:.0f} MB; before reading {peak_mb():.0f} MB")

    def timed(name: str, began: float) -> float:
        print(f"{name:12} {time.perf_counter() - began:7.1f} s   peak {peak_mb():7.0f} MB")
        return time.perf_counter()

    began = time.perf_counter()
    table = read_table(path)
    began = timed("read", began)
    plan = plan_splits(table.texts, seed=0)
    began = timed("split", began)
    _, findings = check(plan.texts, plan.splits)
    began = timed("check", began)
    store(options.folder / "ringsmith-rows.arrow", plan.texts)
    began = timed("store", began)
    fingerprint(plan.texts)
    timed("fingerprint", began)
    print(f"rows read {table.findings.rows_read:,}, used {table.findings.rows_used:,}, dropped {dict(table.findings.dropped)}")
    print(f"exact duplicates {findings.exact_duplicates:,}, near {findings.near_duplicates:,}, leaks {dict(findings.leaks)}; {list(findings.notes)}")


if __name__ == "__main__":
    main()
