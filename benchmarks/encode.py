"""Encoding side by side: ringsmith, sentence-transformers and transformers' pipeline on the same sentences, in turns, in one process.

    python benchmarks/encode.py [--rows 10000] [--rounds 3] [--data FILE] [--precision auto] [--without pipeline] [--out FILE]

Prints JSON: rows a second of each round, the medians of the rounds' ratios, and the cosine of our vectors to their float32 ones.
The sentences are real: questions to a bank, text messages and reviews that lie beside a developer's checkout (banking77, sms-spam,
uci-sentiment, cr), or the lines of FILE. The targets: 3 x sentence-transformers' defaults, 6 x the pipeline with batch_size=32, cosine
0.999. Quiet machine: a neighbour that computes slows the one that waits for all cores most.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
Vectors = npt.NDArray[np.float32]


def read_sentences(rows: int, data: Path | None) -> list[str]:
    """`rows` different sentences, shuffled with a fixed seed."""
    texts = data.read_text(encoding="utf-8", errors="replace").splitlines() if data else list(_shared())
    different = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    random.Random(0).shuffle(different)
    if len(different) < rows:
        raise SystemExit(f"{rows:,} different sentences are needed; got {len(different):,}. Give a larger file with --data, or fewer --rows.")
    return different[:rows]


def _shared() -> list[str]:
    texts: list[str] = []
    for name in ("train.csv", "test.csv"):
        with (SHARED / "banking77" / name).open(encoding="utf-8", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    lines = (SHARED / "sms-spam" / "SMSSpamCollection").read_text(encoding="utf-8", errors="replace").splitlines()
    texts += [line.partition("\t")[2] for line in lines]
    for path in sorted((SHARED / "uci-sentiment").glob("*_labelled.txt")):
        texts += [line.rpartition("\t")[0] for line in path.read_text(encoding="utf-8").split("\n")]
    texts += [line[2:] for line in (SHARED / "cr" / "custrev.all").read_text(encoding="utf-8", errors="replace").splitlines()]
    return texts


Run = Callable[[list[str]], tuple[float, Vectors]]
"""Encodes texts; gives the seconds it took and the vectors (n, hidden)."""


def timed(encode: Callable[[list[str]], Any]) -> Run:
    def run(texts: list[str]) -> tuple[float, Vectors]:
        started = time.perf_counter()
        vectors = encode(texts)
        return time.perf_counter() - started, np.asarray(vectors)

    return run


def ours(precision: Any, layers: Any, facts: dict[str, Any]) -> Run:
    from ringsmith.backbones import encode, load_backbone
    from ringsmith.catalogue import resolve

    started = time.perf_counter()
    backbone = load_backbone(resolve("minilm", offline=True), precision=precision)
    facts["load_seconds"], facts["precision"], facts["threads"] = round(time.perf_counter() - started, 2), backbone.precision_note, backbone.threads
    return timed(lambda texts: encode(backbone, texts, layers=layers, cache=False)[:, -1])


def sentence_transformers(folder: str) -> Run:
    from sentence_transformers import SentenceTransformer

    return timed(SentenceTransformer(folder, device="cpu").encode)


def pipeline(folder: str) -> Run:
    import transformers

    pipe = transformers.pipeline("feature-extraction", model=folder, device="cpu", batch_size=32)

    def run(texts: list[str]) -> tuple[float, Vectors]:
        # A thousand at a time, because its lists of numbers take 300 kB a text; the means we take of them are not in its time.
        seconds, vectors = 0.0, []
        for start in range(0, len(texts), 1_000):
            part = texts[start : start + 1_000]
            started = time.perf_counter()
            states = pipe(part)
            seconds += time.perf_counter() - started
            lengths = [len(ids) for ids in pipe.tokenizer(part)["input_ids"]]
            vectors += [np.asarray(state[0][:length], dtype=np.float32).mean(axis=0) for state, length in zip(states, lengths, strict=True)]
        return seconds, np.stack(vectors)

    return run


def cosine(a: Vectors, b: Vectors) -> dict[str, float]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    similar = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    return {"mean": round(float(similar.mean()), 6), "percentile_1": round(float(np.quantile(similar, 0.01)), 6), "min": round(float(similar.min()), 6)}


def times(a: list[float], b: list[float]) -> float:
    """Median over the rounds of how many times as fast `a` is."""
    return round(statistics.median(x / y for x, y in zip(a, b, strict=True)), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    texts, facts = read_sentences(options.rows, options.data), {}
    import torch
    from transformers.utils import logging

    from ringsmith.catalogue import resolve

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = resolve("minilm", offline=True).folder
    contenders: dict[str, Run] = {
        "ringsmith": ours(options.precision, "last", facts),
        "ringsmith_all_layers": ours(options.precision, "all", {}),
        "ringsmith_float32": ours("float32", "last", {}),
        "sentence_transformers": sentence_transformers(folder),
        "pipeline": pipeline(folder),
    }
    contenders = {name: run for name, run in contenders.items() if name not in options.without}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    vectors: dict[str, Vectors] = {}
    for run in contenders.values():
        run(texts[:200])
    for _ in range(options.rounds):
        for name, run in contenders.items():
            torch.set_num_threads(facts["threads"])
            seconds, vectors[name] = run(texts)
            rates[name].append(round(len(texts) / seconds, 1))
    others = [name for name in ("sentence_transformers", "pipeline") if name in contenders]
    own = [name for name in contenders if name.startswith("ringsmith")]
    result = {
        "rows": len(texts),
        "words": sum(len(text.split()) for text in texts),
        **facts,
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "torch": torch.__version__, "load_average": os.getloadavg()[0]},
        "rows_per_second": rates,
        "median": {name: statistics.median(values) for name, values in rates.items()},
        "times_as_fast": {name: {other: times(rates[name], rates[other]) for other in others} for name in own},
        "cosine": {name: {other: cosine(vectors[name], vectors[other]) for other in others} for name in own},
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
