"""Memory as kernels want it: numpy's own begins 16 bytes behind a cache line, so that every vector of 16 floats would lie across two of them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ringsmith._kernels.simd import LANES

LINE_BYTES = 4 * LANES


def lines(*shape: int) -> npt.NDArray[np.float32]:
    """Zeros of this shape that begin at a multiple of 64 bytes; with a last axis of whole blocks of 16, every block fills one cache line.

    Examples:
        >>> lines(3, 32).ctypes.data % 64
        0
    """
    count = math.prod(shape)
    room = np.zeros(count + LANES, np.float32)
    begin = -room.ctypes.data % LINE_BYTES // room.itemsize
    return room[begin : begin + count].reshape(shape)


def on_lines(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A copy that begins at a multiple of 64 bytes.

    Examples:
        >>> on_lines(np.ones(2, np.float32)).tolist()
        [1.0, 1.0]
    """
    copy = lines(*array.shape)
    copy[:] = array
    return copy
