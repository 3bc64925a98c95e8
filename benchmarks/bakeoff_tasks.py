"""What every contestant is asked: how likely a text is, and what a linear head or a plain cosine finds in its frozen vectors of words.

Validation rows choose the strength of a head and training rows a threshold; test rows are looked at once, for the table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bakeoff_data import LABELLED, Tagged, entities, labelled, likeness, part_of_speech, passages, words_in_context
from bakeoff_scores import score, with_interval
from bakeoff_vectors import ContextualWords, Floats, StaticWords, likelihoods, word_vectors

from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.catalogue import resolve
from ringsmith.errors import RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import infer_task

STRENGTHS = (1.0, 10.0, 100.0)
PASSAGES = 60
RATE = 1e-3
"""Of `full`, for bodies of 128 numbers; of 6e-5 (its own, for wider ones), 3e-4, 1e-3 and 2e-3 the best on uci-sentiment's validation rows, from random weights as from BERT's."""
RATE_OF_LORA = 5e-3
"""Of `lora`, found in the same way: of 2e-3 (its own), 5e-3 and 1e-2 BERT's best; random weights have theirs at 2e-3, and neither learns at 2e-2."""
OPTIONS: dict[str, dict[str, Any]] = {"probe": {"precision": "float32"}, "full": {"rate": RATE}, "lora": {"rate": RATE_OF_LORA}}
Words = StaticWords | ContextualWords
Parts = npt.NDArray[np.float64]


def likelihood(place: Path, _data: Path, held_out: Path) -> dict[str, Any] | None:
    """Bits for each byte, and perplexity for each piece, of passages that nobody has seen; None for a model that tells no likelihood."""
    told = None if (place / "vectors.safetensors").exists() else likelihoods(place, passages(held_out, PASSAGES))
    if told is None:
        return None
    parts = np.array([[-nats / math.log(2), size] for nats, _, size in told])
    perplexity = math.exp(-sum(nats for nats, _, _ in told) / sum(pieces for _, pieces, _ in told))
    return _result("bits per byte", parts, perplexity=perplexity, pieces_a_passage=sum(pieces for _, pieces, _ in told) / len(told))


def pos(place: Path, data: Path, _held_out: Path) -> dict[str, Any]:
    """Part of speech by a linear head: accuracy, drawn by sentences."""
    parts = part_of_speech(data)
    found, facts = tagged(word_vectors(place), parts, "accuracy", _right)
    return _result("accuracy", found, **facts)


def ner(place: Path, data: Path, _held_out: Path) -> dict[str, Any]:
    """Named entities by a linear head: F1 of whole entities, drawn by sentences."""
    parts = entities(data)
    found, facts = tagged(word_vectors(place), parts, "entity F1", _entities)
    return _result("entity F1", found, **facts)


def wic(place: Path, data: Path, _held_out: Path) -> dict[str, Any]:
    """Whether a definition is that of the sense a word has here: cosine of the word's vector and the definition's mean, above a threshold."""
    words, parts = word_vectors(place), words_in_context(data)
    cosines = {}
    for name, uses in parts.items():
        seen = np.stack([vectors[at] for vectors, at in zip(words.encode(uses.words), uses.places, strict=True)])
        cosines[name] = _cosine(seen, _means(words.encode(uses.definitions)))
    threshold = best_threshold(cosines["train"], np.array(parts["train"].right))
    right = (cosines["test"] > threshold) == np.array(parts["test"].right)
    return _result("accuracy", np.column_stack([right, np.ones(len(right))]), threshold=threshold)


def sts(place: Path, data: Path, _held_out: Path) -> dict[str, Any]:
    """Likeness of two sentences: Spearman's correlation of the cosine of their mean vectors with people's judgement; nothing is trained."""
    words, pairs = word_vectors(place), likeness(data)
    cosines = _cosine(*(_means(words.encode(side)) for side in (pairs.first, pairs.second)))
    return _result("Spearman", np.column_stack([cosines, pairs.scores]))


def classify(place: Path, data: Path, name: str, recipe: str) -> dict[str, Any] | None:
    """A set of labelled texts through one of Ringsmith's own recipes; None for a recipe that the model is not made for, the reason alone where it learns nothing.

    Word vectors go through `static`, without the vectors of the training texts which it would try as well: those are not what is compared. What is
    adapted has the seed of its pre-training, so that what differs between two seeds is what either brings.
    """
    static = (place / "vectors.safetensors").exists()
    if static and recipe != "probe":
        return None
    parts = labelled(data, name)
    rows = {part: TextSet(some.texts, some.labels) for part, some in parts.items()}
    options = {"join": False} if static else OPTIONS.get(recipe, {})
    model, seed = resolve(str(place / "vectors.safetensors" if static else place)), json.loads((place / "facts.json").read_text(encoding="utf-8"))["seed"]
    setting = Setting(infer_task(parts["train"].labels), model, options=options, seed=seed)
    try:
        fitted = create_recipe("static" if static else recipe, setting).fit(rows["train"], rows["valid"], Budget())
    except RunRefused as error:
        return {"refused": str(error)}
    found, truth = fitted.predict(parts["test"].texts), parts["test"].labels
    if name == "sms-spam":
        return _result("F1 of spam", np.array([[one == other == "spam", one == "spam", other == "spam"] for one, other in zip(found, truth, strict=True)], dtype=float))
    return _result("accuracy", np.array([[one == other, 1] for one, other in zip(found, truth, strict=True)], dtype=float))


TASKS: dict[str, Callable[[Path, Path, Path], dict[str, Any] | None]] = {"likelihood": likelihood, "pos": pos, "ner": ner, "wic": wic, "sts": sts}
"""Name -> what does it, given the model's folder, the data sets and the text that was held out."""


def tasks(recipes: Sequence[str]) -> dict[str, Callable[[Path, Path, Path], dict[str, Any] | None]]:
    """All tasks: those above, and every set of labelled texts with every recipe."""
    sets = {f"{name}-{recipe}": partial(_set, name, recipe) for name in LABELLED for recipe in recipes}
    return {**TASKS, **sets}


def _set(name: str, recipe: str, place: Path, data: Path, _held_out: Path) -> dict[str, Any] | None:
    return classify(place, data, name, recipe)


def _result(metric: str, parts: Parts, **facts: Any) -> dict[str, Any]:
    return {**with_interval(metric, parts), **facts, "units": parts.tolist()}


def tagged(words: Words, parts: dict[str, Tagged], metric: str, count: Callable[[Sequence[str], Sequence[str]], list[float]]) -> tuple[Parts, dict[str, Any]]:
    """What a linear head on frozen vectors finds in the test sentences: parts for the metric, one for each sentence."""
    labels = sorted({label for sentence in parts["train"].labels for label in sentence})
    rows = {name: np.concatenate(words.encode(part.words)) for name, part in parts.items()}
    length = np.float32(max(np.sqrt(rows["train"].var(axis=0).sum()), 1e-6))
    wanted = np.array([labels.index(label) for sentence in parts["train"].labels for label in sentence])
    path = LogisticPath(rows["train"] / length, wanted, len(labels), "softmax")
    best: tuple[float, Any, float] | None = None
    for strength in STRENGTHS:
        head = path.solve(strength, Budget(None))
        value = score(metric, _counted(head.scores(rows["valid"] / length), parts["valid"], labels, count))
        if best is None or value > best[0]:
            best = value, head, strength
    assert best is not None
    return _counted(best[1].scores(rows["test"] / length), parts["test"], labels, count), {"valid": best[0], "strength": best[2]}


def _counted(scores: Floats, part: Tagged, labels: list[str], count: Callable[[Sequence[str], Sequence[str]], list[float]]) -> Parts:
    guesses = iter(scores.argmax(1).tolist())
    return np.array([count([labels[next(guesses)] for _ in sentence], sentence) for sentence in part.labels], dtype=np.float64)


def _right(found: Sequence[str], truth: Sequence[str]) -> list[float]:
    return [sum(one == other for one, other in zip(found, truth, strict=True)), len(truth)]


def _entities(found: Sequence[str], truth: Sequence[str]) -> list[float]:
    ours, theirs = entities_of(found), entities_of(truth)
    return [len(ours & theirs), len(ours), len(theirs)]


def entities_of(labels: Sequence[str]) -> set[tuple[int, int, str]]:
    """Where each entity begins and ends, and its kind; an I- that follows nothing of its kind begins one, as in CoNLL's own script.

    >>> sorted(entities_of(["B-person", "I-person", "O", "I-group", "B-group"]))
    [(0, 2, 'person'), (3, 4, 'group'), (4, 5, 'group')]
    """
    found, begin, kind = set(), 0, ""
    for place, label in enumerate([*labels, "O"]):
        mark, _, now = label.partition("-")
        if kind and (mark != "I" or now != kind):
            found.add((begin, place, kind))
            kind = ""
        if now and not kind:
            begin, kind = place, now
    return found


def _means(sentences: list[Floats]) -> Floats:
    """The mean of those words of each sentence that have a vector."""
    return np.stack([vectors.sum(0) / max(1, int(vectors.any(1).sum())) for vectors in sentences])


def _cosine(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1).astype(np.float64) / np.maximum(lengths, 1e-9)


def best_threshold(cosines: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The threshold that parts most of them rightly.

    >>> best_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, False, True, True]))
    0.5
    """
    order = np.argsort(cosines)
    sorted_cosines, truth = cosines[order], right[order]
    hits = np.concatenate([[0], np.cumsum(~truth)]) + np.concatenate([np.cumsum(truth[::-1])[::-1], [0]])
    at = int(hits.argmax())
    edges = np.concatenate([[sorted_cosines[0] - 1], sorted_cosines, [sorted_cosines[-1] + 1]])
    return float((edges[at] + edges[at + 1]) / 2)
