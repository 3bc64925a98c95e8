"""A few rows of each class: the recipe `fewshot` against SetFit (its trainer, its defaults), from the same MiniLM folder.

Each run has a process of its own; they take turns, split by split. A split is drawn by its seed: so many rows of each class to learn from, and
test rows that nobody saw. All get the same rows in all: SetFit looks at no validation rows, so ours gets none either and takes its usual settings.
Seconds are those of training, without imports and loading (`train`), and of the whole process (`process`); `cpu` counts the processor's time in
training (ours with loading), which other work on the machine does not change.

SetFit's defaults make 23,408 steps of 16 pairs of 8 rows a class of banking77: hours on two cores. ``--max-steps`` cuts it (a setting of its own, its
schedule ends there); the result then also says how many steps the defaults ask for, and the seconds they would take at its pace. ``--iterations 20`` is
the setting of SetFit's paper: so many pairs of a class and as many of two for every row. The contender `setfit-steps` is SetFit's training with layers
that multiply in bfloat16 (`setfit_steps.py`): its accuracy counts, its seconds do not.
``--classes`` takes so many classes only, drawn by the split's seed. ``--memory ROWS`` measures the peak of one fit on that many rows instead.

    python benchmarks/fewshot.py --data ../shared/data [--only uci-sentiment banking77] [--splits 0 1 2] [--max-steps 300] --out fewshot.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77, uci_sentiment

SETFIT_BATCH = 16
MEMORY_SECONDS = 120


SETS: dict[str, Callable[[Path], tuple[Rows, Rows | None]]] = {
    "uci-sentiment": lambda folder: (uci_sentiment(folder), None),
    "banking77": lambda folder: (banking77(folder), banking77(folder, "test")),
}
"""The rows to learn from, and those to test on where they were published."""


def draw(data: Path, name: str, seed: int, *, each: int, tests: int, classes: int | None) -> tuple[Rows, Rows]:
    """`each` rows of every class to learn from, and at most `tests` others, by chance."""
    (texts, labels), given = SETS[name](data / name)
    generator = np.random.default_rng(seed)
    kept = set(generator.permutation(sorted(set(labels)))[:classes].tolist())
    order = [i for i in generator.permutation(len(texts)) if labels[i] in kept]
    count: dict[str, int] = dict.fromkeys(kept, 0)
    train: list[int] = []
    others: list[int] = []
    for i in order:
        (train if count[labels[i]] < each else others).append(i)
        count[labels[i]] += 1
    test_texts, test_labels = given or (texts, labels)
    held = [i for i in generator.permutation(len(test_texts)) if test_labels[i] in kept] if given else others
    return ([texts[i] for i in train], [labels[i] for i in train]), ([test_texts[i] for i in held[:tests]], [test_labels[i] for i in held[:tests]])


def ours(recipe: str, train: Rows, test: Rows, seed: int, threads: int, budget: float | None = None) -> dict[str, Any]:
    """One of our recipes with its default options and no validation rows."""
    from ringsmith.adapt import Setting, create_recipe
    from ringsmith.catalogue import resolve
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    model = resolve("minilm", policy="never", offline=True)
    start = time.process_time()
    fitted = create_recipe(recipe, Setting(infer_task(train[1]), model, seed=seed, threads=threads)).fit(TextSet(*train), TextSet([], []), Budget(budget))
    cpu = time.process_time() - start
    right = np.mean([guess == label for guess, label in zip(fitted.predict(test[0]), test[1], strict=True)])
    seconds = sum(value for stage, value in fitted.facts.seconds.items() if stage != "load")
    return {"train": seconds, "cpu": cpu, "accuracy": float(right), "steps": len(fitted.facts.curves.get("loss", ()))}


def setfit(train: Rows, test: Rows, seed: int, threads: int, max_steps: int | None, iterations: int | None) -> dict[str, Any]:
    """SetFit's own trainer with its defaults; checkpoints and reports are off, which only saves it time."""
    trainer, numbers = setfit_trainer(train, seed, threads, iterations)
    asked = steps_of_defaults(train[1])
    if max_steps is not None and asked > max_steps:
        trainer.args.max_steps = max_steps
    start, worked = time.perf_counter(), time.process_time()
    trainer.train()
    seconds, cpu = time.perf_counter() - start, time.process_time() - worked
    steps = int(trainer.st_trainer.state.global_step)
    found = {"train": seconds, "cpu": cpu, "accuracy": accuracy(trainer.model, test, numbers), "steps": steps}
    return {**found, "steps_of_defaults": asked, "train_of_defaults": seconds * asked / steps}


def setfit_steps(train: Rows, test: Rows, seed: int, threads: int, iterations: int | None) -> dict[str, Any]:
    """SetFit's training step by step, in bfloat16."""
    from setfit_steps import Steps, batches_of

    trainer, numbers = setfit_trainer(train, seed, threads, iterations)
    model, worked = trainer.model, time.process_time()
    start, batches = time.perf_counter(), batches_of(trainer)
    steps = Steps(model.model_body, train[0], len(batches))
    with steps.training():
        for pairs in batches:
            steps.step(pairs)
    model.fit(train[0], [numbers[label] for label in train[1]], num_epochs=1)
    return {"train": time.perf_counter() - start, "cpu": time.process_time() - worked, "accuracy": accuracy(model, test, numbers), "steps": steps.done}


def setfit_trainer(train: Rows, seed: int, threads: int, iterations: int | None) -> tuple[Any, dict[str, int]]:
    """SetFit's trainer, and the labels' numbers."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from setfit_steps import trainer_of

    torch.set_num_threads(threads)
    numbers = {label: number for number, label in enumerate(sorted(set(train[1])))}
    return trainer_of(train[0], [numbers[label] for label in train[1]], seed, iterations), numbers


def accuracy(model: Any, test: Rows, numbers: dict[str, int]) -> float:
    """Share of the test rows that SetFit's model gets right."""
    guesses = np.asarray(model.predict(test[0], show_progress_bar=False))
    return float(np.mean(guesses == np.array([numbers[label] for label in test[1]])))


def steps_of_defaults(labels: list[str]) -> int:
    """Steps that SetFit's defaults make: all pairs, a row with itself included, the fewer kind repeated up to the number of the other."""
    counts = np.unique(labels, return_counts=True)[1]
    same = int((counts * (counts + 1) // 2).sum())
    other = len(labels) * (len(labels) + 1) // 2 - same
    return math.ceil(2 * max(same, other) / SETFIT_BATCH)


def memory(data: Path, rows: int, threads: int) -> dict[str, Any]:
    """Peak of one fit on so many rows: banking77's, over and over, each with a number of its own."""
    (texts, labels), _ = banking77(data)
    many = [f"{texts[i % len(texts)]} {i}" for i in range(rows)], [labels[i % len(labels)] for i in range(rows)]
    found = ours("fewshot", many, (texts[:500], labels[:500]), 0, threads, MEMORY_SECONDS)
    return {**found, "rows": rows, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024}


def one(chosen: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own measures."""
    if chosen.memory:
        return memory(chosen.data, chosen.memory, chosen.threads)
    name, seed = chosen.only[0], chosen.splits[0]
    train, test = draw(chosen.data, name, seed, each=chosen.rows, tests=chosen.tests, classes=chosen.classes)
    if chosen.one == "setfit":
        return setfit(train, test, seed, chosen.threads, chosen.max_steps, chosen.iterations)
    if chosen.one == "setfit-steps":
        return setfit_steps(train, test, seed, chosen.threads, chosen.iterations)
    return ours(chosen.one, train, test, seed, chosen.threads)


def run(chosen: argparse.Namespace, contender: str, name: str, split: int) -> dict[str, Any]:
    """One run in a process of its own."""
    arguments = ["--data", chosen.data, "--one", contender, "--only", name, "--splits", split, "--rows", chosen.rows, "--tests", chosen.tests, "--threads", chosen.threads]
    arguments += [part for option in ("max_steps", "iterations", "classes") if getattr(chosen, option) for part in (f"--{option.replace('_', '-')}", getattr(chosen, option))]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)  # what it says of its progress is let through
    return {"contender": contender, "set": name, "split": split, **json.loads(done.stdout.splitlines()[-1]), "process": time.perf_counter() - start}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean accuracy with its standard error, and median seconds, of each contender on each set."""
    found: dict[str, Any] = {}
    for name, contender in sorted({(entry["set"], entry["contender"]) for entry in runs}):
        mine = [entry for entry in runs if (entry["set"], entry["contender"]) == (name, contender)]
        accuracies = [entry["accuracy"] for entry in mine]
        error = statistics.stdev(accuracies) / math.sqrt(len(mine)) if len(mine) > 1 else None
        seconds = {key: statistics.median(entry[key] for entry in mine) for key in ("train", "cpu", "process", "train_of_defaults") if key in mine[0]}
        found[f"{name} {contender}"] = {"accuracy": statistics.mean(accuracies), "standard_error": error, "splits": len(mine), **seconds}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--splits", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--rows", type=int, default=8, help="of each class")
    parser.add_argument("--classes", type=int)
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--contenders", nargs="+", default=["setfit", "fewshot"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one")
    chosen = parser.parse_args()
    if chosen.one or chosen.memory:
        print(json.dumps(one(chosen)))
        return
    runs = []
    for name in chosen.only:
        for split in chosen.splits:
            for contender in chosen.contenders:
                runs.append(run(chosen, contender, name, split))
                print(json.dumps(runs[-1]), flush=True)
                if chosen.out:
                    chosen.out.write_text(json.dumps({"summary": summary(runs), "runs": runs}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary(runs), indent=1))


if __name__ == "__main__":
    main()
