"""What pre-training says it will take of the memory, before its first step, beside what it took.

    python benchmarks/pretrain_memory.py [--shapes 128x2x128 4096x4x256] [--objectives mlm clm] [--precision float32 bfloat16] [--batch-tokens 4096] [--vocabulary N]

A shape is length x layers x width; each is trained for some steps on made-up words, in a process of its own. Printed, a line of JSON each, are MB on top of what the process held
before: told (gradients, moments, and what a batch keeps), and taken (the most that was in memory at once, as the system counts).
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

SHAPES = ("128x2x128", "1024x2x128", "4096x2x128", "128x4x256", "1024x4x256", "4096x4x256")
STEPS = 6
MEGABYTE = 1 << 20


def child(folder: Path, asked: dict[str, Any]) -> dict[str, float]:
    """Train once."""
    import psutil

    from ringsmith.adapt import memory
    from ringsmith.pretrain import options, training

    told: dict[str, float] = {}
    reckon = memory.bytes_of_rows

    def noted(module: Any, forward: Any, length: int) -> tuple[float, float]:
        told["held"] = psutil.Process().memory_info().rss / MEGABYTE
        once, each = reckon(module, forward, length)
        told["told"] = (memory.fixed_bytes(module) + once + max(1, asked["batch_tokens"] // length) * each) / MEGABYTE
        return once, each

    memory.bytes_of_rows = noted
    training.pretrain(folder / "corpus.txt", options.PretrainOptions(out=folder / "model", work=folder / "work", steps=STEPS, looks=2, start="random", **asked))
    return {"told": told["told"], "taken": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - told["held"]}


def main() -> None:
    """Every shape, objective and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=SHAPES)
    parser.add_argument("--objectives", nargs="+", default=("mlm",))
    parser.add_argument("--precision", nargs="+", default=("float32",))
    parser.add_argument("--batch-tokens", type=int, default=4_096)
    parser.add_argument("--vocabulary", type=int, default=4_096)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(Path(args.child[0]), json.loads(args.child[1]))))
        return
    with tempfile.TemporaryDirectory() as place:
        draw = random.Random(0)
        words = ["".join(draw.choices("abcdefghiklmnoprstu", k=draw.randint(2, 9))) for _ in range(5_000)]
        (Path(place) / "corpus.txt").write_text("\n\n".join(" ".join(draw.choices(words, k=400)) for _ in range(300)), encoding="utf-8")
        for shape, objective, precision in product(args.shapes, args.objectives, args.precision):
            length, layers, hidden = map(int, shape.split("x"))
            asked = {"length": length, "layers": layers, "hidden": hidden, "objective": objective, "precision": precision, "batch_tokens": args.batch_tokens}
            with tempfile.TemporaryDirectory(dir=place) as folder:
                (Path(folder) / "corpus.txt").symlink_to(Path(place) / "corpus.txt")
                done = subprocess.run(
                    [sys.executable, __file__, "--child", folder, json.dumps(asked | {"vocabulary": args.vocabulary})], check=True, stdout=subprocess.PIPE, text=True
                )
            found = json.loads(done.stdout.splitlines()[-1])
            print(json.dumps({"shape": shape, "objective": objective, "precision": precision, **{name: round(value) for name, value in found.items()}}), flush=True)


if __name__ == "__main__":
    main()
