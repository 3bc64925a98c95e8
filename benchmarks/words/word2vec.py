"""word2vec side by side with gensim on the same file: speed of training, quality of the vectors, and the whole command.

    python benchmarks/words/word2vec.py CORPUS [--megabytes 100] [--threads 2] [--rounds 3] [--dims 100 300] [--methods skipgram cbow] [--out FILE]
    python benchmarks/words/word2vec.py CORPUS --quality SETS [--seeds 0 1 2] [--epochs 3] [--rate 0.025] [--restrict 30000]
    python benchmarks/words/word2vec.py CORPUS --whole [--epochs 3] [--form .txt]

Prints JSON. CORPUS: plain text, a sentence in each line; its first --megabytes are used. Both libraries: window 5, negative 5, sample 1e-3,
min_count 5; gensim reads by LineSentence with as many workers as we have threads.

Speed: one epoch of training each in turns, words read beforehand here, read line by line during training by gensim, which knows no other way
(its `corpus_file` decays the learning rate wrongly with several workers). words/s: words of the text over the seconds; the ratio is that of the
seconds of a round, the figure the median of the rounds. Quality: --epochs with several seeds, judged by gensim's own evaluation for both: analogies
(questions-words.txt among the --restrict most frequent words), Spearman x 100 on WS-353, SimLex, MEN and RareWords. Whole: processes, from a text
file to a file of vectors.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from outcome import hand_in, machine

PAIRS = {"ws353": "EN-WS-353-ALL.txt", "simlex": "EN-SIMLEX-999.txt", "men": "EN-MEN-TR-3k.txt", "rarewords": "EN-RW-STANFORD.txt"}
SCRIPT = """
import sys
from gensim.models import Word2Vec
from gensim.models.word2vec import LineSentence
source, out, sg, dim, epochs, workers, rate = sys.argv[1:]
model = Word2Vec(LineSentence(source), sg=int(sg), vector_size=int(dim), epochs=int(epochs), workers=int(workers), alpha=float(rate))
model.wv.save_word2vec_format(out, binary=out.endswith(".bin"))
"""
Train = Callable[[int, int], Any]
"""Seed, epochs -> gensim's KeyedVectors."""


@contextmanager
def first(corpus: Path, megabytes: float) -> Iterator[Path]:
    """A file with the first so many megabytes of the corpus, cut after a line."""
    with tempfile.TemporaryDirectory() as folder, corpus.open("rb") as source:
        part = source.read(int(megabytes * 1e6))
        path = Path(folder) / "corpus.txt"
        path.write_bytes(part[: part.rfind(b"\n") + 1] or part)
        yield path


def timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def ours(path: Path, method: str, dim: int, threads: int, rate: float) -> tuple[Callable[[], Any], Train]:
    """One epoch of training, and a whole training."""
    from gensim.models import KeyedVectors

    from ringsmith.words.corpus import read_corpus
    from ringsmith.words.model import make_model
    from ringsmith.words.options import Word2VecOptions
    from ringsmith.words.word2vec import train_word2vec

    corpus = read_corpus(path, threads=threads)
    options = Word2VecOptions(method=method, dim=dim, epochs=1, rate=rate)  # type: ignore[arg-type]
    model = make_model(corpus.vocabulary, options)

    def train(seed: int, epochs: int) -> KeyedVectors:
        trained = train_word2vec(corpus, replace(options, epochs=epochs, seed=seed), threads=threads)
        vectors = KeyedVectors(dim)
        vectors.add_vectors(list(corpus.vocabulary.words), trained.inputs)
        return vectors

    return lambda: train_word2vec(corpus, model=model, threads=threads), train


def gensim(path: Path, method: str, dim: int, threads: int, rate: float) -> tuple[Callable[[], Any], Train]:
    """One epoch of training, and a whole training."""
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    lines, sg = LineSentence(str(path)), int(method == "skipgram")
    model = Word2Vec(vector_size=dim, sg=sg, workers=threads, alpha=rate)
    model.build_vocab(lines)

    def train(seed: int, epochs: int) -> Any:
        return Word2Vec(lines, vector_size=dim, sg=sg, workers=threads, epochs=epochs, seed=seed + 1, alpha=rate).wv

    return lambda: model.train(lines, total_examples=model.corpus_count, epochs=1), train


CONTENDERS = {"ringsmith": ours, "gensim": gensim}


def speed(path: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rounds in turns for each method and dimension."""
    words, results = sum(len(line.split()) for line in path.open("rb")), []
    for method in options.methods:
        for dim in options.dims:
            runs = {name: make(path, method, dim, options.threads, options.rate)[0] for name, make in CONTENDERS.items()}
            runs["ringsmith"]()  # compiled kernels are loaded
            seconds: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(options.rounds):
                for name, run in runs.items():
                    seconds[name].append(timed(run))
            results.append({"method": method, "dim": dim, "words": words, **compared(seconds, words)})
    return results


def compared(seconds: dict[str, list[float]], words: int) -> dict[str, Any]:
    """Words a second of every round, and how many times as fast we are."""
    ratios = [theirs / own for theirs, own in zip(seconds["gensim"], seconds["ringsmith"], strict=True)]
    return {
        "words_per_second": {name: [round(words / taken) for taken in each] for name, each in seconds.items()},
        "ratios": [round(ratio, 2) for ratio in ratios],
        "times_as_fast": round(statistics.median(ratios), 2),
    }


def quality(path: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Scores of every seed, their means, and the differences of the means."""
    results = []
    for method in options.methods:
        for dim in options.dims:
            scores: dict[str, list[dict[str, float]]] = {}
            for name, make in CONTENDERS.items():
                train = make(path, method, dim, options.threads, options.rate)[1]
                scores[name] = [judged(train(seed, options.epochs), options.quality, options.restrict) for seed in options.seeds]
            means = {name: {key: statistics.mean(each[key] for each in rows) for key in rows[0]} for name, rows in scores.items()}
            spread = {key: max(each[key] for each in scores["gensim"]) - min(each[key] for each in scores["gensim"]) for key in means["gensim"]}
            results.append({
                "method": method, "dim": dim, "epochs": options.epochs, "rate": options.rate, "restrict": options.restrict, "scores": scores, "mean": rounded(means["ringsmith"]),
                "mean_gensim": rounded(means["gensim"]), "spread_gensim": rounded(spread),
                "difference": rounded({key: value - means["gensim"][key] for key, value in means["ringsmith"].items()}),
            })  # fmt: skip
    return results


def judged(vectors: Any, sets: Path, restrict: int) -> dict[str, float]:
    """Per cent of the analogies, Spearman x 100 of the pairs: by gensim."""
    accuracy, _ = vectors.evaluate_word_analogies(str(sets / "questions-words.txt"), restrict_vocab=restrict)
    pairs = {name: vectors.evaluate_word_pairs(str(sets / file))[1][0] for name, file in PAIRS.items()}
    return rounded({"analogies": 100 * accuracy, **{name: 100 * float(value) for name, value in pairs.items()}})


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 2) for name, value in figures.items()}


def whole(path: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Processes: text in, file of vectors out."""
    results = []
    for method in options.methods:
        for dim in options.dims:
            out, epochs, threads, rate = str(path.parent / f"vectors{options.form}"), str(options.epochs), str(options.threads), str(options.rate)
            command = ["vectors", "train", str(path), "--out", out, "--method", method, "--dim", str(dim), "--epochs", epochs, "--threads", threads, "--rate", rate]
            commands = {
                "ringsmith": [sys.executable, "-m", "ringsmith", *command],
                "gensim": [sys.executable, "-c", SCRIPT, str(path), out, str(int(method == "skipgram")), str(dim), epochs, threads, rate],
            }
            subprocess.run([*commands["ringsmith"], "--epochs", "1"], check=True, capture_output=True)  # compiles what is not compiled yet
            seconds: dict[str, list[float]] = {name: [] for name in commands}
            for _ in range(options.rounds):
                for name, each in commands.items():
                    seconds[name].append(timed(lambda each=each: subprocess.run(each, check=True, capture_output=True)))
            ratios = [theirs / own for theirs, own in zip(seconds["gensim"], seconds["ringsmith"], strict=True)]
            results.append({
                "method": method, "dim": dim, "epochs": options.epochs, "form": options.form,
                "seconds": {name: [round(value, 2) for value in each] for name, each in seconds.items()},
                "ratios": [round(ratio, 2) for ratio in ratios], "times_as_fast": round(statistics.median(ratios), 2),
            })  # fmt: skip
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dims", type=int, nargs="+", default=None)
    parser.add_argument("--methods", nargs="+", default=["skipgram", "cbow"], choices=["skipgram", "cbow"])
    parser.add_argument("--quality", type=Path, default=None, metavar="SETS", help="folder with questions-words.txt and the EN-*.txt sets")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.025, help="learning rate at the start, of both: gensim's default; word2vec.c has 0.05 for CBOW, as we do")
    parser.add_argument("--restrict", type=int, default=30_000)
    parser.add_argument("--form", default=".txt", choices=[".txt", ".bin"])
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    options.dims = options.dims or ([100] if options.quality or options.whole else [100, 300])
    import gensim

    with first(options.corpus, options.megabytes) as path:
        run = quality if options.quality else whole if options.whole else speed
        result = {
            run.__name__: run(path, options),
            "megabytes": round(path.stat().st_size / 1e6, 1),
            "threads": options.threads,
            "machine": {**machine(), "processor": platform.processor() or platform.machine(), "gensim": gensim.__version__},
        }
    hand_in(result, options.out)


if __name__ == "__main__":
    main()
