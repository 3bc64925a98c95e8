"""word2vec by the compiled kernels of the CPU and by large batches on a GPU, side by side: words a second and quality.

    python benchmarks/words/gpu.py CORPUS [--megabytes 100] [--device cuda] [--methods skipgram cbow] [--dims 100] [--rounds 3] [--epochs 3]
                                   [--seeds 0] [--questions FOLDER] [--threads N] [--out FILE]

Prints JSON. CORPUS: plain text, a sentence in each line; its first --megabytes are used. Speed: --rounds single epochs in turns after one that warms
up; words of the text over the seconds of training. Quality, with --questions (a folder with questions-words.txt and EN-*.txt): --epochs epochs for each
seed, both sides, per cent of the analogies and Spearman x 100. For a lent GPU: 100 MB, one dimension, one seed are 14 epochs of 17 M words on each side,
a minute or less of two CPU cores' time; the GPU's own time is not known, since it was never run on one by its authors.
``--device cpu`` runs the batches on torch's CPU: slow, and only to see that they run.

To compare with: FULL-W2V (Randall, Allen and Ge, ICS 2021) reports 5.72 times the best earlier program on one V100; BlazingText (Gupta and Khare, 2017)
43 M words/s on 8 GPUs. On 3 epochs of 17 M words one CPU thread does 4 M words/s here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from glove import scores
from outcome import hand_in, machine
from word2vec import first

from ringsmith.records import silent
from ringsmith.words.batches import check_device, gpu_of_this_machine, train_in_batches
from ringsmith.words.corpus import Corpus, read_corpus
from ringsmith.words.model import Word2VecModel, make_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.word2vec import train_word2vec

Train = Callable[[Word2VecOptions], Word2VecModel]


def sides(corpus: Corpus, device: str, threads: int | None) -> dict[str, Train]:
    """Both ways to train."""

    def on_device(options: Word2VecOptions) -> Word2VecModel:
        model = make_model(corpus.vocabulary, options)
        train_in_batches(corpus, options, model, device, silent, None)
        return model

    return {"kernels": lambda options: train_word2vec(corpus, options, threads=threads), device: on_device}


def speed(runs: dict[str, Train], options: Word2VecOptions, words: int, rounds: int) -> dict[str, Any]:
    """Words a second of single epochs, in turns."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, train in runs.items():
            seconds = train(replace(options, epochs=1)).seconds
            found[name] += [words / seconds] if number else []  # the first one warms up
    (kernels, batches) = found.values()
    ratios = [ours / theirs for ours, theirs in zip(batches, kernels, strict=True)]
    return {"words_per_second": {name: [round(value) for value in values] for name, values in found.items()}, "times_as_fast": round(statistics.median(ratios), 2)}


def quality(runs: dict[str, Train], options: Word2VecOptions, seeds: list[int], questions: Path) -> dict[str, Any]:
    """Scores of each seed, and their means."""
    models = {name: [train(replace(options, seed=seed)) for seed in seeds] for name, train in runs.items()}
    judged = {name: [scores(model.vectors, questions) for model in found] for name, found in models.items()}
    means = {name: {key: round(statistics.mean(each[key] for each in found), 2) for key in found[0]} for name, found in judged.items()}
    return {"scores": judged, "mean_scores": means, "losses": {name: [model.losses for model in found] for name, found in models.items()}}


def name_of(device: str) -> str:
    """What the device calls itself."""
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--device", choices=["cuda", "mps", "cpu"], default=gpu_of_this_machine() or "cpu")
    parser.add_argument("--methods", nargs="+", default=["skipgram", "cbow"], choices=["skipgram", "cbow"])
    parser.add_argument("--dims", type=int, nargs="+", default=[100])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--questions", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    check_device(given.device)
    started, results = time.perf_counter(), []
    with first(given.corpus, given.megabytes) as path:
        corpus = read_corpus(path, threads=given.threads)
    runs = sides(corpus, given.device, given.threads)
    for method in given.methods:
        for dim in given.dims:
            options = Word2VecOptions(method=method, dim=dim, epochs=given.epochs)
            found = speed(runs, options, corpus.words, given.rounds) if given.rounds else {}
            found |= quality(runs, options, given.seeds, given.questions) if given.questions else {}
            results.append({"method": method, "dim": dim, **found})
    facts = {"words": corpus.words, "vocabulary": len(corpus.vocabulary), "device": name_of(given.device), "threads": given.threads, **machine()}
    hand_in({**facts, "results": results, "seconds": round(time.perf_counter() - started, 1)}, given.out)


if __name__ == "__main__":
    main()
