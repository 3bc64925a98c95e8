"""Two million rows through a whole comparison: memory of driver and run together, sampled from outside.

    python benchmarks/compare_two_million.py [--rows 2000000] [--recipes majority,tfidf] [--folder DIR]

The table is that of `data_two_million.py`. The target: at most 4 GB at any time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from data_two_million import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--recipes", default="majority,tfidf")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    path, out = options.folder / f"ringsmith-{options.rows}.csv", options.folder / "ringsmith-large"
    if not path.exists():
        write_table(path, options.rows)
    shutil.rmtree(out, ignore_errors=True)
    start = time.time()
    process = subprocess.Popen([sys.executable, "-m", "ringsmith", "compare", str(path), "--recipes", options.recipes, "--out", str(out), "--no-curve"])
    peaks = {"driver": 0.0, "runs": 0.0, "together": 0.0}
    while process.poll() is None:
        try:
            driver = psutil.Process(process.pid)
            now = {"driver": driver.memory_info().rss, "runs": sum(child.memory_info().rss for child in driver.children(recursive=True))}
        except psutil.Error:
            continue
        now["together"] = now["driver"] + now["runs"]
        peaks = {name: max(peaks[name], now[name] / 2**20) for name in peaks}
        time.sleep(0.2)
    print(f"{options.rows:,} rows in {time.time() - start:.0f} s, exit code {process.returncode}; peak MB: " + ", ".join(f"{name} {peak:,.0f}" for name, peak in peaks.items()))


if __name__ == "__main__":
    main()
