"""Random numbers inside kernels: xorshift64 (Marsaglia, 2003), a state of its own for each piece of work, so that results do not depend on who does it.

All take the state's address: an array of one uint64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ringsmith._kernels.simd import COMPILE


@njit(**COMPILE)
def seed(state: Any, number: int) -> None:
    """Start from `number`; neighbouring numbers give unrelated streams (splitmix64, Steele et al., 2014)."""
    z = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    state[0] = z if z != np.uint64(0) else np.uint64(1)


@njit(**COMPILE)
def draw(state: Any) -> Any:
    """The next 32 random bits."""
    z = state[0]
    z ^= z << np.uint64(13)
    z ^= z >> np.uint64(7)
    z ^= z << np.uint64(17)
    state[0] = z
    return z >> np.uint64(32)


@njit(**COMPILE)
def below(state: Any, limit: int) -> Any:
    """A whole number from 0 to `limit` - 1, for limits far below 2^32."""
    return np.int64((draw(state) * np.uint64(limit)) >> np.uint64(32))
