"""Pre-training speed: a BERT of 2 layers x 128 over 30,522 pieces in sequences of 128, against `transformers.Trainer`.

Each run has a process of its own; the kinds take turns, round by round, on the same sequences with the same threads:

    defaults   Trainer with DataCollatorForLanguageModeling, as they come: 8 sequences, float32
    best       the same in bfloat16 with as many sequences as we take (--rows)
    ours       `ringsmith.pretrain`

Tokens per second are counted over the wall clock from the fifth step to the last, so that what is laid out or compiled once is left out for all.

    python benchmarks/pretrain.py corpus.txt --rounds 3 --out pretrain.json
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

KINDS = ("defaults", "best", "ours")
LENGTH, PIECES, WARM = 128, 30_522, 5
SHAPE = {"layers": 2, "hidden": 128, "heads": 2, "feed_forward": 512}


def sequences(corpus: Path, work: Path) -> Any:
    """The sequences all kinds learn from, and their tokenizer; made once, kept in `work`."""
    from ringsmith.pretrain.documents import Corpus, Reading
    from ringsmith.pretrain.objective import find_objective
    from ringsmith.pretrain.options import PretrainOptions
    from ringsmith.pretrain.packing import divide
    from ringsmith.pretrain.prepare import prepare
    from ringsmith.pretrain.vocabulary import read_pieces
    from ringsmith.records import silent

    options = PretrainOptions(out=work / "model", vocabulary=PIECES, work=work)
    ready = prepare(Corpus(corpus, Reading()), find_objective("mlm"), None, options, threads=2, report=silent, say=lambda *_: None)
    pieces = read_pieces(ready.tokeniser)
    return ready.tokeniser, pieces, divide(ready.file, pieces, LENGTH, crosses_documents=True, share=0.01)[0]


class Clock:
    """The pace of the steps behind the first `warm` ones."""

    def __init__(self, warm: int = WARM) -> None:
        self.times: list[float] = []
        self.warm = warm

    def step(self) -> None:
        self.times.append(time.perf_counter())

    def pace(self, tokens: int) -> float:
        """Tokens a second, where a step has so many."""
        return tokens * (len(self.times) - self.warm) / (self.times[-1] - self.times[self.warm - 1])


def ours(corpus: Path, work: Path, rows: int, steps: int, threads: int) -> dict[str, float]:
    """The command's own way."""
    from ringsmith.pretrain.options import PretrainOptions
    from ringsmith.pretrain.training import pretrain

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        options = PretrainOptions(
            out=Path(folder) / "model", vocabulary=PIECES, length=LENGTH, batch_tokens=rows * LENGTH, steps=steps, threads=threads, work=work, looks=1, look_tokens=1, **SHAPE
        )
        made = pretrain(corpus, options, report=lambda progress: clock.step() if progress.stage == "train" else None)
    return {"tokens_per_second": clock.pace(rows * LENGTH), "loss": made.facts.curves["loss"][-1]}


def trainer(corpus: Path, work: Path, rows: int, steps: int, threads: int, *, low: bool) -> dict[str, float]:
    """`transformers.Trainer` with its defaults but for the number of steps, and with `low` its faster precision."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    tokeniser, pieces, train = sequences(corpus, work)
    from ringsmith.pretrain.shapes import Shape, make_config

    numbers = np.random.default_rng(0).permutation(len(train))[: rows * steps]
    dataset = [{"input_ids": row} for row in train.rows(numbers)]
    model = transformers.BertForMaskedLM(make_config("bert", Shape(**SHAPE, length=LENGTH), pieces))
    clock = Clock()

    class Told(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.step()

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder, max_steps=steps, per_device_train_batch_size=rows, bf16=low, report_to=[], save_strategy="no", disable_tqdm=True, use_cpu=True
        )
        collator = transformers.DataCollatorForLanguageModeling(tokeniser)
        machine = transformers.Trainer(model, arguments, train_dataset=dataset, data_collator=collator, callbacks=[Told()])
        machine.train()
    return {"tokens_per_second": clock.pace(rows * LENGTH)}


def one(kind: str, chosen: argparse.Namespace) -> dict[str, float]:
    """One run, in this process."""
    place = (chosen.corpus, chosen.work)
    if kind == "ours":
        return ours(*place, chosen.rows, chosen.steps, chosen.threads)
    rows = 8 if kind == "defaults" else chosen.rows
    return trainer(*place, rows, chosen.steps, chosen.threads, low=kind == "best")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "ringsmith-pretrain")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=KINDS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one, chosen)))
        return
    sequences(chosen.corpus, chosen.work)
    runs = []
    shared = [flag for name in ("rows", "steps", "threads", "work") for flag in (f"--{name}", str(getattr(chosen, name)))]
    for number in range(chosen.rounds):
        for kind in KINDS:
            done = subprocess.run([sys.executable, __file__, str(chosen.corpus), "--one", kind, *shared], capture_output=True, text=True, check=True)
            runs.append({"kind": kind, "round": number, **json.loads(done.stdout.splitlines()[-1])})
            print(json.dumps(runs[-1]), flush=True)
    median = {kind: statistics.median(run["tokens_per_second"] for run in runs if run["kind"] == kind) for kind in KINDS}
    summary = {
        "tokens_per_second": median,
        "over_defaults": median["ours"] / median["defaults"],
        "over_best": median["ours"] / median["best"],
        "threads": chosen.threads,
        "runs": runs,
    }
    print(json.dumps({key: value for key, value in summary.items() if key != "runs"}))
    if chosen.out:
        chosen.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
