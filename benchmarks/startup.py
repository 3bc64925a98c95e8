"""How long `import ringsmith` and `ringsmith --help` take: processes from start to end, the interpreter's own start subtracted and shown.

python benchmarks/startup.py [--rounds 15] [--out startup.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = {"python": ["-c", "pass"], "import ringsmith": ["-c", "import ringsmith"], "ringsmith --help": ["-m", "ringsmith", "--help"]}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/startup.json"))
    options = parser.parse_args()
    rounds = [{name: seconds(arguments) for name, arguments in PROGRAMS.items()} for _ in range(options.rounds + 1)][1:]
    medians = {name: statistics.median(one[name] for one in rounds) for name in PROGRAMS}
    beyond = {name: statistics.median(one[name] - one["python"] for one in rounds) for name in PROGRAMS if name != "python"}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rounds": options.rounds, "median_seconds": medians, "median_seconds_beyond_python": beyond}, indent=1) + "\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
