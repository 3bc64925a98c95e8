"""Attention carried through all layers (attention rollout: Abnar and Zuidema, 2020, section 3)."""

from __future__ import annotations

import numpy as np

from ringsmith.inspection import Floats


def roll_out(attention: Floats) -> Floats:
    """How much of each token is in each token at the top, if attention were all that moves: float32 (T, T), rows sum to 1.

    A layer passes on half of a token as it is (the residual connection) and half of what its heads, all alike, look at:
    A = 0.5 W + 0.5 I, and the layers' products are taken from the bottom up.

    Args:
        attention: (layers, heads, T, T), rows sum to 1.

    Examples:
        >>> roll_out(np.array([[[[0.0, 1.0], [0.0, 1.0]]]], dtype=np.float32)).tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """
    width = attention.shape[-1]
    carried = np.eye(width)
    for layer in attention.astype(np.float64).mean(axis=1):
        mixed = 0.5 * layer + 0.5 * np.eye(width)
        carried = mixed / mixed.sum(axis=1, keepdims=True) @ carried
    return carried.astype(np.float32)
