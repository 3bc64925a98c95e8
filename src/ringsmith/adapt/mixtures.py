"""Mixtures of a backbone's layers: what of (n, layers, hidden) a linear head gets to see.

Which layer carries what a task asks for is not known beforehand (Tenney et al., 2019: form early, meaning late), so the validation
rows choose. Every layer is scaled to length 1 before it is joined: later layers of some families are ten times longer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Layers = tuple[Vectors, Vectors | None]
"""Vectors (n, layers, hidden) of the texts, and of their pairs where they have any."""


def normalised(vectors: Vectors) -> Vectors:
    """Vectors (..., hidden) scaled to length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return result


def _joined(layers: Vectors) -> Vectors:
    return normalised(layers).reshape(len(layers), layers.shape[1] * layers.shape[2])


MIXTURES: dict[str, Callable[[Vectors], Vectors]] = {
    "all": _joined,
    "last": lambda layers: _joined(layers[:, -1:]),
    "last4": lambda layers: _joined(layers[:, -4:]),
    "mean": lambda layers: normalised(normalised(layers).mean(axis=1)),
}
"""Name -> what makes (n, d) of (n, layers, hidden)."""


def features(mixture: str, first: Vectors, second: Vectors | None) -> Vectors:
    """What the head sees of (n, layers, hidden): (n, d); of pairs (n, 4 d) as in `paired`."""
    one = MIXTURES[mixture](first)
    return one if second is None else paired(one, MIXTURES[mixture](second))


def paired(one: Vectors, two: Vectors) -> Vectors:
    """Pairs of vectors (n, d) as (n, 4 d): both, their distance and their product (Conneau et al., 2017, InferSent)."""
    return np.concatenate([one, two, np.abs(one - two), one * two], axis=1)
