"""What the tests of the command line share: made-up rows, and how a command ended."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

WORDS = ("awful hate broken sad terrible poor bad worst", "great love nice happy super fine excellent lovely")
OTHER = "phone battery screen box order service camera today again really this that was the my it when since table door"
Rows = Sequence[tuple[str, str]]
Write = Callable[..., Path]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Ringsmith = Callable[..., Ended]


def reviews(count: int = 60) -> list[tuple[str, str]]:
    """Short texts of two classes that words can tell apart; no two are alike."""
    draw = random.Random(3)
    other = OTHER.split()
    rows = []
    for number in range(count):
        chosen = [*draw.sample(WORDS[number % 2].split(), 3), *draw.sample(other, 5)]
        draw.shuffle(chosen)
        rows.append((" ".join(chosen), ("bad", "good")[number % 2]))
    return rows


def as_csv(rows: Rows, header: str = "text,label") -> bytes:
    """The rows as a CSV file."""
    return "".join([f"{header}\n", *(f"{text},{label}\n" for text, label in rows)]).encode()


def refused(ended: Ended, sentence: str) -> None:
    """Hold the end of a command against the rule: exit code 2, this sentence and nothing else."""
    said = " ".join(ended.err.split())
    assert ended.code == 2, ended
    assert said.startswith("ringsmith: ")
    assert re.search(sentence, said), f"{sentence!r} is not in {said!r}"
    assert "Traceback" not in said
    assert "Errno" not in said
