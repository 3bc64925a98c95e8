"""Every benchmark, one after the other (never at once: they would slow each other), JSON into benchmarks/results.

    python benchmarks/run.py [--data FOLDER] [--only startup encode ...]

What needs the real data sets that lie beside a developer's checkout, or a GPU, is left out, and said, where there are none.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SHARED = HERE.parents[1] / "shared" / "data"
CORPUS = RESULTS / "wiki.txt"
NEED_A_GPU = ("gpu", "utilisation")


def commands(data: Path) -> dict[str, tuple[bool, list[str]]]:
    """Name -> whether it needs the real data, and its arguments."""
    return {
        "startup": (False, ["startup.py", "--out", str(RESULTS / "startup.json")]),
        "encode": (True, ["encode.py", "--out", str(RESULTS / "encode.json")]),
        "predict": (True, ["predict.py", "--data", str(data), "--out", str(RESULTS / "predict.json")]),
        "finetune": (True, ["finetune.py", str(data / "uci-sentiment"), "--out", str(RESULTS / "finetune.json")]),
        "adapt-recipes": (True, ["adapt_recipes.py", "--data", str(data), "--out", str(RESULTS / "adapt-recipes.json")]),
        "fewshot": (True, ["fewshot.py", "--data", str(data), "--max-steps", "300", "--out", str(RESULTS / "fewshot.json")]),
        "envelope": (True, ["envelope.py", "--data", str(data), "--out", str(RESULTS / "envelope.json")]),
        "quality": (True, ["quality.py", "--data", str(data), "--out", str(RESULTS / "quality.json")]),
        "budget": (True, ["compare_budget.py", str(data / "banking77" / "train.csv"), "--budget", "2m"]),
        "vectors-nearest": (False, ["words/nearest.py", "--out", str(RESULTS / "vectors-nearest.json")]),
        "vectors-files": (False, ["words/files.py", "--out", str(RESULTS / "vectors-files.json")]),
        "words-corpus": (True, ["words/corpus.py", str(data / "wiki-en" / "wiki-en.txt.xz"), str(CORPUS)]),
        "words-reading": (True, ["words/reading.py", str(CORPUS), "--out", str(RESULTS / "words-reading.json")]),
        "words-word2vec": (True, ["words/word2vec.py", str(CORPUS), "--out", str(RESULTS / "words-word2vec.json")]),
        "words-quality": (True, ["words/word2vec.py", str(CORPUS), "--quality", str(data / "wordvec-eval"), "--out", str(RESULTS / "words-quality.json")]),
        "words-whole": (True, ["words/word2vec.py", str(CORPUS), "--whole", "--out", str(RESULTS / "words-whole.json")]),
        "words-glove": (True, ["words/glove.py", str(CORPUS), "--questions", str(data / "wordvec-eval"), "--out", str(RESULTS / "words-glove.json")]),
        "words-preparation": (
            True,
            ["words/preparation.py", str(data / "wiki-en" / "wiki-en.txt.xz"), "--sets", str(data / "wordvec-eval"), "--out", str(RESULTS / "words-preparation.json")],
        ),
        "pretrain": (True, ["pretrain.py", str(CORPUS), "--out", str(RESULTS / "pretrain.json")]),
        "pretrain-memory": (False, ["pretrain_memory.py"]),
        "translation": (True, ["translation.py", str(data / "tatoeba-en-fr" / "fra-eng.zip"), "--out", str(RESULTS / "translation")]),
        "senses": (True, ["senses.py", "--data", str(data), "--out", str(RESULTS / "senses.json")]),
        "bakeoff": (True, ["bakeoff.py", str(data / "wiki-en" / "wiki-en.txt.xz"), "--data", str(data), "--work", str(RESULTS / "bakeoff")]),
        "gpu": (True, ["gpu.py", "--data", str(data), "--corpus", str(CORPUS), "--out", str(RESULTS / "gpu.jsonl")]),
        "utilisation": (False, ["utilisation.py", "--out", str(RESULTS / "utilisation.json")]),
        "coverage": (False, ["interval_coverage.py", "--out", str(RESULTS / "coverage.json")]),
        "learning-curve": (True, ["learning_curve.py", "--data", str(data), "--out", str(RESULTS / "learning_curve.json")]),
        "data": (False, ["data_two_million.py"]),
        "compare": (False, ["compare_two_million.py"]),
    }


def has_gpu() -> bool:
    """Whether torch sees one."""
    import torch

    return torch.cuda.is_available()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name, (needs_data, arguments) in commands(options.data).items():
        if options.only is not None and name not in options.only:
            continue
        if needs_data and not options.data.is_dir():
            print(f"{name}: left out, the real data sets are not in {options.data} (--data FOLDER)")
            continue
        if name in NEED_A_GPU and not has_gpu():
            print(f"{name}: left out, there is no GPU here")
            continue
        print(f"{name}: {' '.join(arguments)}", flush=True)
        with (RESULTS / f"{name}.log").open("w", encoding="utf-8") as log:
            done = subprocess.run([sys.executable, str(HERE / arguments[0]), *arguments[1:]], stdout=log, check=False)
        print(f"{name}: {'done' if done.returncode == 0 else f'failed ({done.returncode})'}, see {RESULTS / f'{name}.log'}", flush=True)


if __name__ == "__main__":
    main()
