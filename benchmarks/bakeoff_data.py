"""The data sets of the bake-off, as their makers publish them, read into one form for each kind of task."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UCI = ("amazon_cells_labelled.txt", "imdb_labelled.txt", "yelp_labelled.txt")
TRAIN_SENTENCES = 2_500
"""Of the part-of-speech set, of its 12,544: a linear head learns little from the rest."""


@dataclass(frozen=True)
class Tagged:
    """Sentences with a label for each word."""

    words: list[list[str]]
    labels: list[list[str]]

    def first(self, count: int) -> Tagged:
        """Some of them."""
        return Tagged(self.words[:count], self.labels[:count])


@dataclass(frozen=True)
class Uses:
    """A word in a sentence, and a definition that may be that of another of its senses."""

    words: list[list[str]]
    places: list[int]
    definitions: list[list[str]]
    right: list[bool]


@dataclass(frozen=True)
class Likeness:
    """Pairs of sentences and how much alike people find them, 0 to 5."""

    first: list[list[str]]
    second: list[list[str]]
    scores: list[float]


def part_of_speech(data: Path) -> dict[str, Tagged]:
    """Universal Dependencies, English Web Treebank: 17 parts of speech."""
    folder = data / "ud-en-ewt"
    names = {"train": "en_ewt-ud-train.rebuilt.conllu", "valid": "en_ewt-ud-dev.conllu", "test": "en_ewt-ud-test.conllu"}
    parts = {part: _conll(folder / name, word=1, label=3) for part, name in names.items()}
    return {**parts, "train": parts["train"].first(TRAIN_SENTENCES)}


def entities(data: Path) -> dict[str, Tagged]:
    """WNUT 2017: new and rare entities of six kinds in what people post, as B-, I- and O."""
    folder = data / "wnut17"
    names = {"train": "wnut17train.conll", "valid": "emerging.dev.conll", "test": "emerging.test.annotated"}
    return {part: _conll(folder / name, word=0, label=1) for part, name in names.items()}


def _conll(path: Path, *, word: int, label: int) -> Tagged:
    """Rows of tab-separated fields, a blank line between sentences. In CoNLL-U, comments, multi-word tokens and empty nodes are left out."""
    found = Tagged([[]], [[]])
    for line in path.read_text(encoding="utf-8").split("\n"):
        fields = line.rstrip("\r").split("\t")
        if len(fields) <= label or not fields[word].strip():
            if found.words[-1] and not line.strip():
                found.words.append([])
                found.labels.append([])
        elif word == 0 or fields[0].isdecimal():
            found.words[-1].append(fields[word])
            found.labels[-1].append(fields[label])
    return found if found.words[-1] else Tagged(found.words[:-1], found.labels[:-1])


def words_in_context(data: Path) -> dict[str, Uses]:
    """WiC-TSV: the parts that have labels; the second one is reported on, and chooses nothing."""
    folder = data / "wic-tsv" / "en"
    return {part: _uses(folder / name, name[:5].lower().removesuffix("i").replace("devel", "dev")) for part, name in (("train", "Training"), ("test", "Development"))}


def _uses(folder: Path, stem: str) -> Uses:
    def lines(kind: str) -> list[str]:
        return (folder / f"{stem}_{kind}.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")

    examples = [line.split("\t") for line in lines("examples")]
    return Uses(
        [sentence.split() for _, _, sentence in examples],
        [int(place) for _, place, _ in examples],
        [line.split() for line in lines("definitions")],
        [label.strip() == "T" for label in lines("labels")],
    )


def likeness(data: Path) -> Likeness:
    """STS benchmark, its test part: nothing is trained or chosen."""
    with (data / "stsb-en" / "stsb-en-test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return Likeness([row[0].split() for row in rows], [row[1].split() for row in rows], [float(row[2]) for row in rows])


def passages(held_out: Path, count: int, *, shortest: int = 150, longest: int = 300) -> list[str]:
    """Paragraphs of about so many bytes from the text that nobody has seen."""
    lines = (line.strip() for line in held_out.read_text(encoding="utf-8").split("\n"))
    return [line for line in lines if shortest <= len(line.encode()) <= longest][:count]


def tables(data: Path, place: Path) -> dict[str, tuple[str, str | None]]:
    """Name -> the table that is learnt from, and the one that is reported on (None: a part of the first)."""
    place.mkdir(parents=True, exist_ok=True)
    banking = data / "banking77"
    return {
        "uci-sentiment": (str(_uci(data / "uci-sentiment", place)), None),
        "sms-spam": (str(data / "sms-spam" / "SMSSpamCollection"), None),
        "banking77": (str(banking / "train.csv"), str(banking / "test.csv")),
        "clinc150": (_clinc(data / "clinc150", place, "train"), _clinc(data / "clinc150", place, "test")),
    }


def _uci(folder: Path, place: Path) -> Path:
    """The three files as one table."""
    lines: list[str] = []
    for name in UCI:
        header, *rows = (folder / name).read_text(encoding="utf-8").split("\n")
        lines += rows if lines else [header, *rows]
    return _written(place / "uci-sentiment.tsv", (line for line in lines if line.strip()))


def _clinc(folder: Path, place: Path, part: str) -> str:
    rows = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))[part]
    return str(_written(place / f"clinc150-{part}.jsonl", (json.dumps({"text": text, "label": label}) for text, label in rows)))


def _written(path: Path, lines: Iterator[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path
