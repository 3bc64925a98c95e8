"""Scores of vectors in the shape that gensim gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import pearsonr, spearmanr

from ringsmith._files import path_of
from ringsmith.errors import InputError
from ringsmith.words.intrinsic import evaluate_analogies, numbered
from ringsmith.words.neighbours import unit
from ringsmith.words.questions import Question, read_analogies
from ringsmith.words.vectors import WordVectors


def analogies(space: WordVectors, path: str | Path, most: int, *, fold: bool, dummy: bool) -> tuple[float, list[dict[str, Any]]]:
    """Accuracy, and for each section and for all the right and the wrong questions; with `dummy` unknown ones are wrong."""
    sections = read_analogies(path)
    scores = evaluate_analogies(space, sections, most=most, fold=fold)
    lists = []
    for section, right, wrong in zip(sections, scores.right, scores.wrong, strict=True):
        known = {*right, *wrong}
        bad = [question for question in section.questions if question in {*wrong} or question not in known] if dummy else wrong
        lists.append({"section": section.name, "correct": _spelt(right, fold), "incorrect": _spelt(bad, fold)})
    total = {"section": "Total accuracy", **{key: [question for each in lists for question in each[key]] for key in ("correct", "incorrect")}}
    answered = len(total["correct"]) + len(total["incorrect"])
    return len(total["correct"]) / answered if answered else 0.0, [*lists, total]


def _spelt(questions: Any, fold: bool) -> list[tuple[str, ...]]:
    return [tuple(word.upper() if fold else word for word in Question(*question)) for question in questions]


def pairs(space: WordVectors, path: str | Path, delimiter: str, encoding: str, most: int, *, fold: bool, dummy: bool) -> tuple[Any, Any, float]:
    """Pearson, Spearman (each a figure and a p-value), per cent of unknown pairs; lines that are no pair are skipped, as gensim does.

    Raises:
        InputError: fewer than two pairs are known.
    """
    table, gold, found, unknown = numbered(space, fold=fold, most=most), [], [], 0
    for line in path_of(path).read_text(encoding=encoding).split("\n"):
        fields = line.upper().split(delimiter) if fold else line.split(delimiter)
        if line.startswith("#") or len(fields) != 3 or (score := _number(fields[2])) is None:
            continue
        if fields[0] in table and fields[1] in table:
            one, other = unit(space.decoded(np.array([table[fields[0]], table[fields[1]]])))
            gold.append(score)
            found.append(float(one @ other))
        else:
            unknown += 1
            if dummy:
                gold.append(score)
                found.append(0.0)
    if len(gold) < 2:
        raise InputError(f"{path}: at least two pairs must have both words among the vectors; {len(gold)} has. Check the delimiter and the case of the words.")
    return pearsonr(gold, found), spearmanr(gold, found), unknown / (len(gold) if dummy else len(gold) + unknown) * 100


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
