"""The bake-off of pre-training methods: one text, as many parameters, as much compute, another objective each; then the same questions to all.

    python benchmarks/bakeoff.py ../shared/data/wiki-en/wiki-en.txt.xz --data ../shared/data --work build/bakeoff [--flops 8e12] [--seeds 0 1 2]
    python benchmarks/bakeoff.py ... --stage train --only bert gpt2        one step alone; what is done is never done again

    train      every contestant of `bakeoff_train.LINEUP`, teachers before their students, through `ringsmith.pretrain` and `ringsmith.words`
    evaluate   likelihood of unseen text, part of speech, entities, words in context, likeness, and four sets of labelled texts through Ringsmith's
               own recipes (`bakeoff_tasks.py`)
    table      everything as one JSON file and as Markdown tables, with intervals and ties, on a page of yours, too (`bakeoff_table.py`)

A run that was killed goes on: each training where it was, everything else at the first result that is missing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ringsmith.pretrain.options import STARTS

STAGES = ("train", "evaluate", "table")


def main() -> None:
    """All stages, or those that are asked for, for every seed."""
    asked = parse()
    asked.work.mkdir(parents=True, exist_ok=True)
    stages: dict[str, Callable[[argparse.Namespace, int], None]] = {"train": train_all, "evaluate": evaluate_all}
    for stage in asked.stage:
        if stage == "table":
            from bakeoff_table import write_table

            print(write_table(asked.work, asked.seeds, asked.page))
        else:
            for seed in asked.seeds:
                stages[stage](asked, seed)


def chosen(asked: argparse.Namespace) -> list[Any]:
    """The contestants that are asked for."""
    from bakeoff_train import LINEUP

    if unknown := sorted(set(asked.only or []) - set(LINEUP)):
        raise SystemExit(f"--only: there is no {', '.join(unknown)}; the contestants are {', '.join(LINEUP)}")
    return [one for one in LINEUP.values() if asked.only is None or one.name in asked.only]


def questions(asked: argparse.Namespace) -> dict[str, Any]:
    """The questions that are asked."""
    from bakeoff_tasks import tasks

    known = tasks(asked.recipes)
    if unknown := sorted(set(asked.tasks or []) - set(known)):
        raise SystemExit(f"--tasks: with these recipes there is no {', '.join(unknown)}; the questions are {', '.join(known)}")
    return {name: judge for name, judge in known.items() if asked.tasks is None or name in asked.tasks}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def train_all(asked: argparse.Namespace, seed: int) -> None:
    """One after the other."""
    from bakeoff_train import Plan, cut_corpus, train

    corpus, _ = cut_corpus(asked.source, asked.work, asked.megabytes)
    plan = Plan(
        corpus, asked.work, flops=asked.flops, vocabulary=asked.vocabulary, layers=asked.layers, hidden=asked.hidden, batch_tokens=asked.batch_tokens, rate=asked.rate,
        start=asked.start, precision=asked.precision, threads=asked.threads,
    )  # fmt: skip
    for one in chosen(asked):
        began = time.process_time()
        train(one, plan, seed, say)
        say(f"{one.name}, seed {seed}: trained ({time.process_time() - began:,.0f} CPU seconds)")


def evaluate_all(asked: argparse.Namespace, seed: int) -> None:
    """Every task of every contestant that is trained, each result a file."""
    import transformers

    transformers.logging.set_verbosity_error()  # that heads are left out is meant here
    transformers.logging.disable_progress_bar()
    for one in chosen(asked):
        place = asked.work / "models" / f"seed{seed}" / one.name
        if not (place / "facts.json").exists():
            say(f"{one.name}, seed {seed}: not trained yet")
            continue
        for task, judge in questions(asked).items():
            path = asked.work / "results" / f"seed{seed}" / one.name / f"{task}.json"
            if not path.exists():
                write(path, judge(place, asked.data, asked.work / "held_out.txt"))
                say(f"{one.name}, seed {seed}: {task}")


def write(path: Path, content: Any) -> None:
    """Beside its place, and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(content), encoding="utf-8")
    scratch.replace(path)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="plain text, blank lines between documents, may be .xz")
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled data sets")
    parser.add_argument("--work", type=Path, default=Path("build/bakeoff"), help="everything that is made")
    parser.add_argument("--stage", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--only", nargs="*", default=None, help="some contestants")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0], help="of the pre-training")
    parser.add_argument("--recipes", nargs="*", default=["probe"], help="for the labelled texts; word vectors take static in place of probe")
    parser.add_argument("--tasks", nargs="*", default=None, help="some questions, as their result files are called: pos uci-sentiment-full ...")
    parser.add_argument("--page", type=Path, default=None, help="a Markdown page whose tables are renewed, docs/bakeoff.md")
    parser.add_argument("--megabytes", type=float, default=64.0, help="of text to learn from; the text behind it is held out")
    parser.add_argument("--flops", type=float, default=8e12, help="of every transformer's training")
    for name, default in (("vocabulary", 7_168), ("layers", 2), ("hidden", 128), ("batch-tokens", 1_024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start", choices=STARTS, default=None, help="what a transformer knows before its first step")
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto")
    parser.add_argument("--threads", type=int, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
