"""Which training rows are shown as examples: every label in turn, short ones, drawn by chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringsmith.records import Label, TextSet

SHORT = 60
"""Of the lengths of all texts, the percentile up to which a row may be an example: a long one costs room and time in every prompt."""


@dataclass(frozen=True)
class Shot:
    """One example.

    Attributes:
        text: its text, prepared as all others are.
        pair: its second text, None where there is none.
        label: its label as it stands in the data.
    """

    text: str
    pair: str | None
    label: Label


def draw_shots(rows: TextSet, count: int, *, known: Sequence[str], seed: int) -> list[Shot]:
    """At most `count` examples: one of each label, then a second of each ..., in mixed order; fewer draws begin like more.

    Args:
        rows: prepared training rows.
        count: how many.
        known: the labels there are; rows of others are no examples.
        seed: of the drawing.
    """
    lengths = np.array([len(text) + len(rows.pairs[i] if rows.pairs else "") for i, text in enumerate(rows.texts)])
    longest = np.percentile(lengths, SHORT) if len(lengths) else 0
    rounds: dict[Label, int] = defaultdict(int)
    ranked: list[tuple[int, int, Shot]] = []
    seen: set[tuple[str, str | None]] = set()
    labels = set(known)
    for number in np.random.default_rng(seed).permutation(len(rows)):
        label, text, pair = (rows.labels or [])[number], rows.texts[number], rows.pairs[number] if rows.pairs else None
        names = (label,) if isinstance(label, str) else label
        if lengths[number] > longest or not text.strip() or (text, pair) in seen or not set(names) <= labels:
            continue
        seen.add((text, pair))
        ranked.append((rounds[label], len(ranked), Shot(text, pair, label)))
        rounds[label] += 1
    return [shot for _, _, shot in sorted(ranked, key=lambda item: item[:2])[:count]]
