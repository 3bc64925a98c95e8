"""The real sets of labelled texts that several benchmarks read, as texts and labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

Rows = tuple[list[str], list[str]]


def uci_sentiment(folder: Path) -> Rows:
    """Sentences and labels of the three files, split at line feeds only (some sentences hold a NEL)."""
    rows = [line.rsplit("\t", 1) for path in sorted(folder.glob("*_labelled.txt")) for line in path.read_bytes().decode("utf-8").split("\n")]
    kept = [(row[0].strip(), row[1].strip()) for row in rows if len(row) == 2 and row[1].strip() in ("0", "1")]
    return [text for text, _ in kept], [label for _, label in kept]


def customer_reviews(folder: Path) -> Rows:
    """The label first, one blank, the sentence."""
    rows = [line.split(" ", 1) for line in (folder / "custrev.all").read_text(encoding="latin-1").split("\n") if line.strip()]
    return [text for _, text in rows], [label for label, _ in rows]


def banking77(folder: Path, part: str = "train") -> Rows:
    """The training or the test rows (``"test"``), as they were published."""
    with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def clinc150(folder: Path, part: str = "train") -> Rows:
    """The 150 intents, rows that belong to none left out."""
    rows = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))[part]
    return [text for text, _ in rows], [label for _, label in rows]
