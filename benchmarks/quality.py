"""Quality on real data sets, through the command line as a user would: banking77, SMS spam, UCI sentiment, NSMC.

    python benchmarks/quality.py --data ../shared/data [--only uci-sentiment ...] [--out quality.json]

Every figure comes with its seed, its split and its 95 % interval, as `ringsmith compare` printed them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

UCI = ("amazon_cells_labelled.txt", "imdb_labelled.txt", "yelp_labelled.txt")


def join_uci(folder: Path, place: Path) -> Path:
    """The three files as one table: 3,000 rows under one header."""
    lines = []
    for name in UCI:
        header, *rows = (folder / name).read_text(encoding="utf-8").split("\n")
        lines += rows if lines else [header, *rows]
    path = place / "uci-sentiment.tsv"
    path.write_text("\n".join(line for line in lines if line.strip()) + "\n", encoding="utf-8", newline="\n")
    return path


def cases(data: Path, place: Path) -> dict[str, list[str]]:
    """Name -> arguments of `ringsmith compare`."""
    banking, nsmc = data / "banking77", data / "nsmc-sample"
    return {
        "banking77": [str(banking / "train.csv"), "--test", str(banking / "test.csv"), "--recipes", "majority,tfidf,probe,full"],
        "sms-spam": [str(data / "sms-spam" / "SMSSpamCollection"), "--folds", "5", "--metric", "f1:spam", "--recipes", "majority,tfidf,probe"],
        "uci-sentiment": [str(join_uci(data / "uci-sentiment", place)), "--folds", "5", "--recipes", "majority,tfidf,probe"],
        "nsmc-sample": [str(nsmc / "ratings_train.txt"), "--test", str(nsmc / "ratings_test.txt"), "--recipes", "majority,tfidf"],
    }


def measure(name: str, arguments: list[str], place: Path, seed: int) -> dict[str, Any]:
    """One comparison: its table, its advice, the command."""
    command = [sys.executable, "-m", "ringsmith", "compare", *arguments, "--models", "minilm", "--seed", str(seed), "--out", str(place / name), "--offline", "--json", "--no-curve"]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    kept = ("candidate", "status", "metric", "valid", "test", "test_low", "test_high", "tie_group", "recommended", "train_seconds", "latency_ms_p50", "rows_per_second", "why")
    rows = [{key: row[key] for key in kept} for row in found["leaderboard"]]
    return {"command": " ".join(["ringsmith", *command[3:]]), "seconds": time.perf_counter() - start, "honest": found["honest"], "reason": found["reason"], "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/quality.json"))
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in cases(options.data, Path(folder)).items():
            if options.only is None or name in options.only:
                results[name] = measure(name, arguments, Path(folder), options.seed)
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
