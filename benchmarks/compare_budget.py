"""Is the promise kept? A whole `ringsmith compare` with a budget, measured from outside, start of the interpreter included.

    python benchmarks/compare_budget.py TABLE [--budget 2m] [--times 3] [--models minilm] [--out DIR]

Prints, for every time, seconds used over seconds given, what finished and what did not. The target: at most 1.02.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ringsmith.compare import parse_budget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--models", default=None)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "ringsmith-budget")
    options = parser.parse_args()
    given = parse_budget(options.budget)
    for number in range(options.times):
        shutil.rmtree(options.out, ignore_errors=True)
        command = [sys.executable, "-m", "ringsmith", "compare", options.table, "--budget", options.budget, "--out", str(options.out)]
        start = time.time()
        ended = subprocess.run([*command, *(["--models", options.models] if options.models else [])], capture_output=True, text=True)
        used = time.time() - start
        rows = json.loads((options.out / "leaderboard.json").read_text(encoding="utf-8"))
        study = json.loads((options.out / "study.json").read_text(encoding="utf-8"))
        print(f"{number + 1}: {used:.1f} of {given:.0f} s ({used / given:.3f}), exit code {ended.returncode}, stages {study['budget']['stages']}")
        for row in rows:
            print(f"   {row['candidate']}: {row['status']} {row['test'] if row['test'] is not None else ''} {row['why']}")


if __name__ == "__main__":
    main()
