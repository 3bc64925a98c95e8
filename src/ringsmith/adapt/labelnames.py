"""The name of a class as one more row of it, where its rows are few and the texts speak of the names.

Where 'card_arrival' has four rows its name says as much as one of them, and no row says it so plainly: 77 classes of 4 rows each are told apart better
by 5 to 7 points with their names, of 8 rows by 1 to 3, of 32 no more (LOG.md). SetFit's library (`get_templated_dataset`) makes all rows of names where
there are no others. Names that the texts do not speak of (ham and spam) are noise: they are learnt from only where more rows than chance allows lie
nearer to the name of their own class than to any other's, by the words and letters that they share; or where all classes were described, by somebody
who means what is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ringsmith.errors import UnknownName
from ringsmith.records import Rows, TextSet
from ringsmith.tasks import Task

FEW = 16
"""A class with more training rows than this does without its name."""
SURE = 3.0
"""Standard errors by which the rows that are nearest to their own name must be more than by chance."""
CHARACTERS = (2, 5)
"""Lengths of the n-grams by which names and rows are held together."""


def in_plain_words(labels: Sequence[str], describe: Mapping[str, str] | None = None) -> list[str]:
    """The words that stand for each label: as described, or its own name with blanks for underscores.

    Raises:
        UnknownName: a label is described that the data do not have.

    Examples:
        >>> in_plain_words(["card_arrival", "1"], {"1": "lost card"})
        ['card arrival', 'lost card']
    """
    for label in describe or {}:
        if label not in labels:
            raise UnknownName.of("label", label, labels)
    return [" ".join(re.sub(r"[_\s]+", " ", (describe or {}).get(label, label)).split()) for label in labels]


def with_names(train: TextSet, task: Task, words: Sequence[str], *, meant: bool = False) -> TextSet:
    """The rows, and below them the names of their rare classes; the rows alone where the names are none, or neither meant nor what the texts speak of.

    Args:
        train: labelled texts.
        task: one label a row; of several labels, and of pairs of texts, no name is a row.
        words: of each of the task's labels; empty to do without.
        meant: whether somebody described all of them, so that the texts need not speak of them.

    Examples:
        >>> from ringsmith.tasks import Classification
        >>> texts = ["where is my card", "card came late", "the card is here", "rate of exchange", "what rate today", "exchange for euros", "which rate applies"]
        >>> rows = TextSet(texts * 2, (["new_card"] * 3 + ["exchange_rate"] * 4) * 2)
        >>> with_names(rows, Classification(["exchange_rate", "new_card"]), ["exchange rate", "new card"]).texts[-2:]
        ['exchange rate', 'new card']
    """
    named = speaking(train, task, words, meant=meant)
    if not len(named):
        return train
    rows = np.concatenate([train.rows, train.rows.max() + 1 + np.arange(len(named))])
    groups = None if train.groups is None else [*train.groups, *[""] * len(named)]
    return replace(train, texts=[*train.texts, *(words[k] for k in named)], labels=[*(train.labels or ()), *(task.labels[k] for k in named)], groups=groups, rows=rows)


def speaking(train: TextSet, task: Task, words: Sequence[str], *, meant: bool = False) -> Rows:
    """The numbers of the rare classes whose names are worth a row: all of them or none."""
    none = np.empty(0, np.int64)
    if task.kind != "classification" or train.pairs is not None or not train.labels or len(set(words)) < len(task.labels):
        return none
    targets = task.targets(train.labels)
    sizes = np.bincount(targets, minlength=len(words))
    rare = np.flatnonzero((sizes > 0) & (sizes <= FEW))
    if not len(rare) or not (meant or _told(np.flatnonzero(np.isin(targets, rare)), train, targets, words)):
        return none
    return rare


def _told(rows: Rows, train: TextSet, targets: Rows, words: Sequence[str]) -> bool:
    """Whether these rows lie nearer to the name of their own class than chance allows: a row that shares nothing with any name says nothing."""
    from ringsmith.adapt.ngrams import Ngrams  # here: whoever asks for the words of a label needs no scipy

    ngrams, _ = Ngrams.fit([*(train.texts[i] for i in rows), *words], shape=CHARACTERS, min_rows=1)
    near = np.asarray((ngrams.transform([train.texts[i] for i in rows]) @ ngrams.transform(words).T).todense())
    said = near.max(axis=1) > 0
    nearest, own = near[said].argmax(axis=1), targets[rows][said]
    if not len(own):
        return False
    expected = float(np.bincount(own, minlength=len(words)) @ np.bincount(nearest, minlength=len(words))) / len(own)
    error = math.sqrt(expected * (1 - expected / len(own)))
    return float((nearest == own).sum()) > expected + SURE * error and expected < len(own)
