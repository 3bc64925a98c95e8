"""Does a word mean the same in two sentences? Contextual vectors against the one static vector, by a threshold on the cosine.

Two sets. `semcor`: the same word in two sentences of SemCor, half of the pairs with one sense of WordNet and half with two; at most so many pairs a word. The threshold
and the mixture of layers are chosen on words of brown1, and judged by other words, in brown2 and in Senseval 2 and 3. `wic-tsv`: a word in a sentence beside "WORD: definition";
chosen on the training rows, judged by the development rows (the test rows have no labels). No pair, and in `semcor` no word, is in both parts.

`groups`: the best silhouette of k-means for words of SemCor with one sense and for words with several, and how well the groups agree with the senses (adjusted Rand).

    python benchmarks/senses.py --data ../shared/data [--model minilm] [--only semcor wic-tsv groups] [--vectors glove.txt] --out senses.json
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.load import load_backbone
from ringsmith.backbones.senses import Use, contextual_vectors
from ringsmith.catalogue import resolve
from ringsmith.visible.contexts import ContextPair, word_in_context
from ringsmith.visible.groups import group

A_WORD = 6
"""Pairs of one word at most, so that no word decides."""
LAYERS = ("last", "last4", "all", "0", "1", "2", "3", "4", "5", "6")
TAGS = ("NN", "NNS", "VB", "VBD", "VBN", "VBG", "VBZ", "VBP", "JJ")


@dataclass(frozen=True)
class Tagged:
    """A use of a word with its sense."""

    use: Use
    lemma: str
    sense: str


def tagged(path: Path) -> Iterator[Tagged]:
    """The uses of content words in a file of SemCor: a token a line (word, lemma, tag, sense), an empty line between sentences."""
    words: list[list[str]] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in [*file, "\n"]:
            parts = line.rstrip("\n").split("\t")
            if len(parts) == 4 and not line.startswith("# "):
                words.append(parts)
            elif words:
                yield from _uses(words)
                words = []


def _uses(words: Sequence[Sequence[str]]) -> Iterator[Tagged]:
    text, places = "", []
    for word, *_ in words:
        places.append(len(text))
        text += word.replace("_", " ") + " "
    for start, (word, lemma, tag, sense) in zip(places, words, strict=True):
        if tag in TAGS and "%" in sense and "_" not in word:
            yield Tagged(Use(text.rstrip(), start, start + len(word)), f"{lemma.lower()}/{tag[0]}", sense.split(";")[0])


def pairs_of(found: Sequence[Tagged], *, seed: int, most: int) -> list[ContextPair]:
    """Pairs of uses of one word, as many with one sense as with two, drawn by chance."""
    draw = random.Random(seed)
    by_word: dict[str, list[Tagged]] = defaultdict(list)
    for one in found:
        by_word[one.lemma].append(one)
    same, different = list[ContextPair](), list[ContextPair]()
    for lemma in sorted(by_word):
        uses = by_word[lemma]
        if len({one.sense for one in uses}) < 2:
            continue
        for wanted, kept in ((True, same), (False, different)):
            candidates = [(a, b) for _ in range(200) for a, b in [draw.sample(uses, 2)] if (a.sense == b.sense) is wanted and a.use.sentence != b.use.sentence]
            chosen = list({(a.use, b.use): None for a, b in candidates if a.use.sentence < b.use.sentence})[: A_WORD // 2]
            kept += [ContextPair(a, b, wanted) for a, b in chosen]
    count = min(len(same), len(different), most // 2)
    return [*draw.sample(same, count), *draw.sample(different, count)]


def semcor(data: Path, *, seed: int, most: int) -> dict[str, list[ContextPair]]:
    """Pairs to choose by, and to judge by: half of the words each."""
    files = {name: list(tagged(data / "semcor30" / f"{name}.tsv.gz")) for name in ("brown1", "brown2", "senseval2", "senseval3")}
    words = sorted({one.lemma for part in files.values() for one in part})
    ours = set(random.Random(seed).sample(words, len(words) // 2))
    judge = [one for name in ("brown2", "senseval2", "senseval3") for one in files[name] if one.lemma not in ours]
    return {"choose": pairs_of([one for one in files["brown1"] if one.lemma in ours], seed=seed, most=most), "judge": pairs_of(judge, seed=seed + 1, most=most)}


def wic_tsv(data: Path) -> dict[str, list[ContextPair]]:
    """A word in its sentence beside the same word before a definition."""
    parts = {}
    for name, folder, stem in (("choose", "Training", "train"), ("judge", "Development", "dev")):
        place = data / "wic-tsv" / "en" / folder
        rows = [(place / f"{stem}_{kind}.txt").read_text(encoding="utf-8").splitlines() for kind in ("examples", "definitions", "labels")]
        parts[name] = [_defined(example, definition, label == "T") for example, definition, label in zip(*rows, strict=True)]
    known = set(parts["choose"])
    parts["judge"] = [pair for pair in parts["judge"] if pair not in known]
    return parts


def _defined(example: str, definition: str, same: bool) -> ContextPair:
    word, place, sentence = example.split("\t")
    words = sentence.split(" ")
    start = sum(len(one) + 1 for one in words[: int(place)])
    end = start + len(words[int(place)])
    return ContextPair(Use(sentence, start, end), Use(f"{word.replace('_', ' ')}: {definition}", 0, len(word)), same)


def static_table(path: Path, pairs: Sequence[ContextPair]) -> dict[str, Any]:
    """Vectors of the pairs' words from a file of word vectors."""
    from ringsmith.words.files import open_vectors

    vectors = open_vectors(path)
    forms = {form for pair in pairs for use in (pair.one, pair.other) for form in (use.form, use.form.lower())}
    return {form: vectors.vector(form) for form in forms if form in vectors}


def context(backbone: Backbone, parts: dict[str, list[ContextPair]], vectors: Path | None) -> dict[str, Any]:
    """Scores of every mixture of layers and of static vectors; which mixture the choosing part takes."""
    started = time.perf_counter()
    scores = word_in_context(backbone, parts["choose"], parts["judge"], layers=LAYERS)
    chosen = max(scores[:-1], key=lambda one: one.chosen_accuracy)
    found = {"pairs": {name: len(part) for name, part in parts.items()}, "chosen": chosen.to_json(), "static": scores[-1].to_json(), "all": [one.to_json() for one in scores]}
    if vectors is not None:
        table = static_table(vectors, [*parts["choose"], *parts["judge"]])
        found["static from file"] = word_in_context(backbone, parts["choose"], parts["judge"], layers=("last",), static=table)[-1].to_json()
    return {**found, "seconds": round(time.perf_counter() - started, 1)}


def groups(backbone: Backbone, data: Path, *, layers: str, words: int, seed: int) -> dict[str, Any]:
    """Best silhouettes of words with one sense and of words with two frequent ones, and how well groups agree with senses."""
    from sklearn.metrics import adjusted_rand_score

    by_word: dict[str, list[Tagged]] = defaultdict(list)
    for one in tagged(data / "semcor30" / "brown1.tsv.gz"):
        by_word[one.lemma].append(one)
    counts = {lemma: sorted((sum(one.sense == sense for one in uses) for sense in {one.sense for one in uses}), reverse=True) for lemma, uses in by_word.items()}
    kinds = {
        "one": [lemma for lemma, sizes in counts.items() if len(sizes) == 1 and 15 <= sizes[0] <= 100],
        "several": [lemma for lemma, sizes in counts.items() if len(sizes) > 1 and sizes[1] >= 6 and sizes[1] / sum(sizes) >= 0.25 and sum(sizes) <= 100],
    }
    found: dict[str, Any] = {}
    for kind, lemmas in kinds.items():
        drawn = random.Random(seed).sample(sorted(lemmas), min(words, len(lemmas)))
        silhouettes, agreement = list[float](), list[float]()
        for lemma in drawn:
            vectors = contextual_vectors(backbone, [one.use for one in by_word[lemma]], layers=(layers,))[layers]
            grouping = group(vectors, plain=-1.0)
            silhouettes.append(round(grouping.silhouette or 0.0, 4))
            agreement.append(round(float(adjusted_rand_score([one.sense for one in by_word[lemma]], grouping.numbers)), 4))
        found[kind] = {"words": len(drawn), "silhouette": dict(zip(("q10", "q50", "q90"), np.quantile(silhouettes, [0.1, 0.5, 0.9]).round(4).tolist(), strict=True)),
                       "agreement": float(np.mean(agreement)) if kind == "several" else None, "each": dict(zip(drawn, silhouettes, strict=True))}  # fmt: skip
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--only", nargs="*", default=["semcor", "wic-tsv", "groups"])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--most", type=int, default=3_000, help="pairs of a part")
    parser.add_argument("--layers", default="last", help="mixture of layers that groups are made of")
    parser.add_argument("--words", type=int, default=40, help="words of each kind")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    backbone = load_backbone(resolve(asked.model, policy="never"), threads=asked.threads, precision="float32")
    found: dict[str, Any] = {"model": asked.model, "seed": asked.seed, "options": {key: str(value) for key, value in vars(asked).items()}}
    if "semcor" in asked.only:
        found["semcor"] = context(backbone, semcor(asked.data, seed=asked.seed, most=asked.most), asked.vectors)
    if "wic-tsv" in asked.only:
        found["wic-tsv"] = context(backbone, wic_tsv(asked.data), asked.vectors)
    if "groups" in asked.only:
        found["groups"] = groups(backbone, asked.data, layers=asked.layers, words=asked.words, seed=asked.seed)
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
