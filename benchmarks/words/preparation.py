"""What one vector for `bank` mixes, and what case, stems and lemmas do to vocabulary, coverage and scores: one training for each preparation.

    python benchmarks/words/preparation.py CORPUS --sets FOLDER [--only case ...] [--out preparation.json]

CORPUS is plain text with its capitals (also packed); its first `--megabytes` are read. FOLDER holds sets of judged pairs (EN-*.txt) and
questions-words.txt. The result file is added to, so that each preparation can be run on its own.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ringsmith.text import TextSteps
from ringsmith.words.homonyms import Questionnaire, judge_preparation
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.questions import read_analogies, read_pairs
from ringsmith.words.sources import decoded, file_blocks

PREPARATIONS = {
    "case": ("tokenise", "punctuation"),
    "lower": ("tokenise", "punctuation", "lower"),
    "stem": ("tokenise", "punctuation", "lower", "stem"),
    "lemma": ("tokenise", "punctuation", "lemmatise:en", "lower"),
}
SETS = {"WS-353": "EN-WS-353-ALL.txt", "SimLex": "EN-SIMLEX-999.txt", "MEN": "EN-MEN-TR-3k.txt", "SimVerb": "EN-SimVerb-3500.txt", "RareWords": "EN-RW-STANFORD.txt"}
TOGETHER = [("US", "us"), ("May", "may"), ("Turkey", "turkey"), ("Polish", "polish"), ("AIDS", "aids"), ("universe", "university"), ("policy", "police"), ("general", "generic")]
SENSES = {
    "bank": {"money": ["loan", "deposit", "credit", "finance", "investment"], "river": ["shore", "river", "creek", "valley", "stream"]},
    "plant": {"factory": ["factory", "refinery", "manufacturing", "steel", "reactor"], "living": ["flower", "leaf", "seed", "tree", "crop"]},
    "apple": {"company": ["software", "microsoft", "computer", "ibm", "macintosh"], "fruit": ["fruit", "pear", "orange", "juice", "banana"]},
    "bass": {"music": ["guitar", "drums", "vocals", "keyboard", "saxophone"], "fish": ["fish", "trout", "salmon", "fishing", "lake"]},
    "crane": {"machine": ["truck", "tower", "lift", "machine", "cargo"], "bird": ["bird", "heron", "goose", "duck", "feathers"]},
    "mercury": {
        "planet": ["planet", "venus", "orbit", "mars", "moon"],
        "metal": ["metal", "lead", "copper", "zinc", "toxic"],
        "music": ["album", "freddie", "queen", "song", "band"],
    },
}


def first_lines(path: Path, megabytes: float) -> list[str]:
    left, lines = int(megabytes * 1e6), []
    for line in decoded(file_blocks(path)):
        left -= len(line.encode("utf-8", "surrogateescape")) + 1
        if left < 0:
            break
        if line.strip():
            lines.append(line)
    return lines


def questionnaire(folder: Path) -> Questionnaire:
    return Questionnaire({name: read_pairs(folder / file) for name, file in SETS.items()}, read_analogies(folder / "questions-words.txt"), TOGETHER, SENSES)


def run(lines: list[str], asked: Questionnaire, steps: tuple[str, ...], options: argparse.Namespace) -> dict[str, Any]:
    start = time.perf_counter()
    training = Word2VecOptions(dim=100, epochs=options.epochs, seed=options.seed, deterministic=True)
    found = judge_preparation(lines, TextSteps(steps), asked, training, threads=options.threads)
    return {**asdict(found), "seconds": round(time.perf_counter() - start, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=PREPARATIONS, default=list(PREPARATIONS))
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/words-preparation.json"))
    options = parser.parse_args()
    lines, asked = first_lines(options.corpus, options.megabytes), questionnaire(options.sets)
    about = {"corpus": options.corpus.name, "megabytes": options.megabytes, "lines": len(lines), "seed": options.seed, "epochs": options.epochs, "dim": 100, "min_count": 5}
    before = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    kept = before.get("preparations", {}) if before.get("about") == about else {}
    for name in options.only:
        kept[name] = run(lines, asked, PREPARATIONS[name], options)
        print(name, kept[name]["vocabulary"], round(kept[name]["coverage"], 4), kept[name]["seconds"])
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps({"about": about, "preparations": kept}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
