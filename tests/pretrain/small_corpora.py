"""What the tests of pre-training share: made-up text in documents, and options that train a tiny model in a moment."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from ringsmith.pretrain.options import PretrainOptions

SUBJECTS = ("dog", "cat", "bird", "fox", "king", "queen", "smith", "child")
VERBS = ("sees", "hears", "finds", "loves", "follows", "forgets")
OBJECTS = ("ring", "river", "tower", "forest", "crown", "hammer")


def sentences(count: int, seed: int = 0) -> list[str]:
    """Sentences of a small language: some words follow others more often than not."""
    draw = random.Random(seed)
    out = []
    for _ in range(count):
        subject = draw.randrange(len(SUBJECTS))
        verb = VERBS[(subject + (draw.random() < 0.2)) % len(VERBS)]
        out.append(f"The {SUBJECTS[subject]} {verb} the {draw.choice(OBJECTS)} and the {draw.choice(OBJECTS)}.")
    return out


def documents(count: int, each: int = 6) -> list[str]:
    """Documents of some sentences, a sentence a line."""
    made = sentences(count * each)
    return ["\n".join(made[start : start + each]) for start in range(0, len(made), each)]


def write_corpus(path: Path, count: int = 60) -> Path:
    """Documents with a blank line between them."""
    path.write_text("\n\n".join(documents(count)) + "\n", encoding="utf-8")
    return path


def tiny(folder: Path, **changes: Any) -> PretrainOptions:
    """A model of one layer of 16 without a head start, sequences of 16, in float32."""
    usual = PretrainOptions(
        out=folder / "model", layers=1, hidden=16, heads=2, length=16, batch_tokens=128, steps=12, looks=3, held_out=0.1, threads=1, precision="float32", work=folder / "work",
        start="random",
    )  # fmt: skip
    return replace(usual, **changes)
