"""What each attention head does with a text: which place it looks at, and how broadly (after Clark, Khandelwal, Levy and Manning, 2019, section 3).

Decisions:
- A head is named after a place that gets more than half of its attention, as in the paper; names need no threshold that was fitted to anything.
- Rows that see one token only (the first of a causal model) say nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ringsmith.inspection import Floats, Head, Pattern

HALF = 0.5
BROAD = 0.8
"""A head looks broadly from this entropy on, as a share of the highest there could be: even attention on 5 of 6 tokens, or on 20 of 40, has it."""


def describe_heads(attention: Floats, *, special: Sequence[bool]) -> tuple[Head, ...]:
    """A summary of each head, layer by layer.

    Args:
        attention: (layers, heads, T, T), rows sum to 1.
        special: T marks of tokens that stand for no text.
    """
    causal = is_causal(attention)
    return tuple(
        describe_head(weights, special=special, causal=causal, layer=layer + 1, head=head + 1) for layer, heads in enumerate(attention) for head, weights in enumerate(heads)
    )


def is_causal(attention: Floats) -> bool:
    """Whether no token sees one behind it."""
    return attention.shape[-1] > 1 and not np.triu(attention, 1).any()


def describe_head(weights: Floats, *, special: Sequence[bool], causal: bool = False, layer: int = 1, head: int = 1) -> Head:
    """A summary of one head from its weights (T, T).

    Examples:
        >>> before = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
        >>> describe_head(before, special=[False] * 3, causal=True).pattern
        'previous'
    """
    width = len(weights)
    seen = np.arange(1, width + 1) if causal else np.full(width, width)
    rows = np.flatnonzero(seen > 1)
    if not len(rows):
        return Head(layer, head, "self", 0.0, 0.0, 1.0, 1.0, 0.0, 0.0)
    w = weights.astype(np.float64)
    others = np.flatnonzero(np.asarray(special) & (np.arange(width) > 0))
    places = {
        "previous": _mean(w[rows[rows > 0], rows[rows > 0] - 1]),
        "next": _mean(w[rows[rows < width - 1], rows[rows < width - 1] + 1]),
        "self": _mean(w[rows, rows]),
        "first": _mean(w[rows, 0]),
        "separator": _mean(w[np.ix_(rows, others)].sum(axis=1)),
    }
    entropy = float((-(w[rows] * np.log(np.maximum(w[rows], 1e-30))).sum(axis=1) / np.log(seen[rows])).mean())
    previous, following, self_, first, separator = (round(value, 6) for value in places.values())
    return Head(layer, head, name_of(places, entropy), previous, following, self_, first, separator, round(entropy, 6))


def name_of(places: dict[str, float], entropy: float) -> Pattern:
    """The pattern of a head.

    Examples:
        >>> name_of({"previous": 0.7, "first": 0.2}, 0.3), name_of({"previous": 0.2}, 0.9), name_of({"previous": 0.4}, 0.5)
        ('previous', 'broad', 'mixed')
    """
    best = max(places, key=lambda name: places[name])
    if places[best] > HALF:
        return best  # type: ignore[return-value]
    return "broad" if entropy >= BROAD else "mixed"


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Over the rows that have such a place: the last token has no next."""
    return float(values.mean()) if len(values) else 0.0
