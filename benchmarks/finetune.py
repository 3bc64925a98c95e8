"""Fine-tuning speed at equal quality: the recipe `full` against `transformers.Trainer`, on real sentences.

Each run has a process of its own; the kinds take turns, seed by seed, on the same split (80 / 10 / 10) with the same threads:
    trainer        Trainer with its defaults: batches of 8 in random order, 3 epochs, 5e-5, float32
    grouped        the same with batches of 32 rows of similar length
    grouped-bf16   the same in bfloat16
    ours           the recipe `full` with its defaults
Tokens per second are tokens of training rows, padding left out, over the wall clock of the whole training (ours includes the fitting of its head and
its looks at the validation rows). With few rows to learn from Trainer's 3 epochs end far from where ours ends; ``--epochs`` gives it more, so that the
seconds to equal accuracy can be compared too.

    python benchmarks/finetune.py ../shared/data/uci-sentiment --seeds 0 1 2 --out finetune.json
    python benchmarks/finetune.py ../shared/data/banking77 --most-rows 3000 --kinds trainer grouped grouped-bf16 ours
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sets import Rows, banking77, uci_sentiment

Parts = dict[str, Rows]
MODEL = "minilm"


KINDS: dict[str, dict[str, Any]] = {
    "trainer": {},
    "grouped": {"per_device_train_batch_size": 32, "train_sampling_strategy": "group_by_length"},
    "grouped-bf16": {"per_device_train_batch_size": 32, "train_sampling_strategy": "group_by_length", "bf16": True, "use_cpu": True},
}
"""What each kind of Trainer is told beside its defaults."""


def read(folder: Path) -> Rows:
    """Texts and labels: banking77's training rows, or UCI sentiment."""
    return banking77(folder) if (folder / "train.csv").exists() else uci_sentiment(folder)


def some(rows: Rows, most: int | None) -> Rows:
    """At most so many rows, drawn by chance once for all seeds."""
    kept = np.sort(np.random.default_rng(0).permutation(len(rows[0]))[:most])
    return [rows[0][row] for row in kept], [rows[1][row] for row in kept]


def split(rows: Rows, seed: int) -> Parts:
    """80 / 10 / 10, stratified."""
    texts, labels = rows
    generator, parts = np.random.default_rng(seed), {"train": ([], []), "valid": ([], []), "test": ([], [])}
    for label in sorted(set(labels)):
        order = generator.permutation([i for i, name in enumerate(labels) if name == label])
        cuts = {"valid": order[: len(order) // 10], "test": order[len(order) // 10 : len(order) // 5], "train": order[len(order) // 5 :]}
        for name, positions in cuts.items():
            parts[name][0].extend(texts[i] for i in positions)
            parts[name][1].extend(labels[i] for i in positions)
    return parts


def ours(parts: Parts, seed: int, threads: int, model: str = MODEL, options: dict[str, Any] | None = None) -> dict[str, float]:
    """The recipe `full` with its default options, or others."""
    from ringsmith.adapt import Setting, create_recipe
    from ringsmith.catalogue import resolve
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    rows = {name: TextSet(*part) for name, part in parts.items()}
    setting = Setting(infer_task(parts["train"][1]), resolve(model, policy="never", offline=True), options or {}, seed=seed, threads=threads)
    fitted: Any = create_recipe("full", setting).fit(rows["train"], rows["valid"], Budget())
    tokens = int(fitted.tokeniser(parts["train"][0]).lengths.sum()) * fitted.facts.chosen["epochs_trained"]
    right = np.mean([guess == label for guess, label in zip(fitted.predict(parts["test"][0]), parts["test"][1], strict=True)])
    return {"tokens": tokens, "seconds": fitted.facts.seconds["train"], "accuracy": float(right)}


def trainer(parts: Parts, seed: int, threads: int, told: dict[str, Any], model: str = MODEL) -> dict[str, float]:
    """`transformers.Trainer` with what it is told beside its defaults."""
    import torch
    import transformers

    from ringsmith.catalogue import resolve

    torch.set_num_threads(threads)
    folder = resolve(model, policy="never", offline=True).folder
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    transformers.set_seed(seed)
    names = sorted(set(parts["train"][1]))
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(names), dtype=torch.float32)

    def encode(part: Rows) -> list[dict[str, Any]]:
        found = tokenizer(part[0], truncation=True)
        return [
            {"input_ids": ids, "attention_mask": mask, "labels": names.index(label)} for ids, mask, label in zip(found["input_ids"], found["attention_mask"], part[1], strict=True)
        ]

    train, test = encode(parts["train"]), encode(parts["test"])
    with tempfile.TemporaryDirectory() as scratch:
        arguments = transformers.TrainingArguments(scratch, seed=seed, report_to=[], save_strategy="no", disable_tqdm=True, **told)
        machine = transformers.Trainer(module, arguments, train_dataset=train, data_collator=transformers.DataCollatorWithPadding(tokenizer))
        start = time.perf_counter()
        machine.train()
        seconds = time.perf_counter() - start
        guesses = machine.predict(test)
    tokens = sum(len(row["input_ids"]) for row in train) * arguments.num_train_epochs
    return {"tokens": tokens, "seconds": seconds, "accuracy": float((guesses.predictions.argmax(axis=1) == guesses.label_ids).mean())}


def run(kind: str, seed: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, str(chosen.data), "--one", kind, "--seeds", str(seed), "--threads", str(chosen.threads), "--model", chosen.model]
    command += [part for option in ("most_rows", "epochs") if getattr(chosen, option) for part in (f"--{option.replace('_', '-')}", str(getattr(chosen, option)))]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    return {"kind": kind, "seed": seed, **found, "tokens_per_second": found["tokens"] / found["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=["trainer", "ours"], choices=(*KINDS, "ours"))
    parser.add_argument("--most-rows", type=int)
    parser.add_argument("--model", default=MODEL, help="a name or a folder")
    parser.add_argument("--epochs", type=int, help="of Trainer, in the place of its 3")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=(*KINDS, "ours"))
    chosen = parser.parse_args()
    if chosen.one:
        parts, seed = split(some(read(chosen.data), chosen.most_rows), chosen.seeds[0]), chosen.seeds[0]
        told = KINDS.get(chosen.one, {}) | ({} if chosen.epochs is None else {"num_train_epochs": chosen.epochs})
        found = ours(parts, seed, chosen.threads, chosen.model) if chosen.one == "ours" else trainer(parts, seed, chosen.threads, told, chosen.model)
        print(json.dumps(found))
        return
    runs = []
    for seed in chosen.seeds:
        for kind in chosen.kinds:
            runs.append(run(kind, seed, chosen))
            print(json.dumps(runs[-1]), flush=True)
    mine = {kind: [found for found in runs if found["kind"] == kind] for kind in chosen.kinds}
    speed = {kind: statistics.median(found["tokens_per_second"] for found in mine[kind]) for kind in mine}
    accuracy = {kind: statistics.mean(found["accuracy"] for found in mine[kind]) for kind in mine}
    ratio = {kind: speed["ours"] / speed[kind] for kind in mine if kind != "ours" and "ours" in speed}
    summary = {"tokens_per_second": speed, "ratio": ratio, "accuracy": accuracy, "threads": chosen.threads, "runs": runs}
    print(json.dumps({key: value for key, value in summary.items() if key != "runs"}))
    if chosen.out:
        chosen.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
