"""The data sets of the bake-off, as their makers publish them, read into one form for each kind of task."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

UCI = ("amazon_cells_labelled.txt", "imdb_labelled.txt", "yelp_labelled.txt")
TRAIN_SENTENCES = 2_500
"""Of the part-of-speech set, of its 12,544: a linear head learns little from the rest."""


MOST_ROWS = 3_000
"""Of the sets with many classes, to learn from and to choose by."""


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


@dataclass(frozen=True)
class Rows:
    """Texts with a label each."""

    texts: list[str]
    labels: list[str]

    @classmethod
    def of(cls, pairs: list[tuple[str, str]]) -> Rows:
        """Of (text, label)."""
        return cls([text for text, _ in pairs], [label for _, label in pairs])


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


def labelled(data: Path, name: str) -> dict[str, Rows]:
    """Texts and labels of one set: to learn from, to choose by, to report on. The same rows for every contestant and seed."""
    return LABELLED[name](data)


def _uci(data: Path) -> dict[str, Rows]:
    """Sentences of three kinds of reviews, 2 classes; some hold a NEL, so lines end at line feeds alone."""
    lines = (line for name in UCI for line in (data / "uci-sentiment" / name).read_text(encoding="utf-8").split("\n")[1:])
    rows = [(text.strip(), label.strip()) for text, tab, label in (line.rpartition("\t") for line in lines) if tab]
    return _split(rows, test=True)


def _sms(data: Path) -> dict[str, Rows]:
    """Messages, spam or not, each text once."""
    lines = (data / "sms-spam" / "SMSSpamCollection").read_text(encoding="utf-8").split("\n")
    once = {text: label for label, tab, text in (line.partition("\t") for line in lines) if tab}
    return _split(list(once.items()), test=True)


def _banking(data: Path) -> dict[str, Rows]:
    """Intents of a bank's customers, 77 classes, official test rows."""
    parts = {}
    for part in ("train", "test"):
        with (data / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            parts[part] = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return {**_split(parts["train"], most=MOST_ROWS), "test": Rows.of(parts["test"])}


def _clinc(data: Path) -> dict[str, Rows]:
    """Intents of all kinds, 150 classes, official test rows, those out of scope left out."""
    parts = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    return {**_split([(text, label) for text, label in parts["train"]], most=MOST_ROWS), "test": Rows.of([(text, label) for text, label in parts["test"]])}


def _split(pairs: list[tuple[str, str]], *, test: bool = False, most: int | None = None) -> dict[str, Rows]:
    """Stratified: 15 % to choose by, 15 % to report on where there are no other rows for that, of at most so many rows in all."""
    generator = np.random.default_rng(0)
    parts: dict[str, list[tuple[str, str]]] = {"train": [], "valid": [], **({"test": []} if test else {})}
    labels = np.array([label for _, label in pairs])
    for label in np.unique(labels):
        order = generator.permutation(np.flatnonzero(labels == label))
        order = order[: None if most is None else max(2, round(len(order) * most / len(pairs)))]
        cut = max(1, round(0.15 * len(order)))
        for part, some in (("valid", order[:cut]), *([("test", order[cut : 2 * cut]), ("train", order[2 * cut :])] if test else [("train", order[cut:])])):
            parts[part].extend(pairs[row] for row in some)
    return {part: Rows.of(some) for part, some in parts.items()}


LABELLED = {"uci-sentiment": _uci, "sms-spam": _sms, "banking77": _banking, "clinc150": _clinc}
