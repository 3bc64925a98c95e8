"""The Huffman tree of hierarchical softmax: frequent words have short paths (Mikolov et al., 2013, section 2.1)."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Paths:
    """Every word's path from the root.

    Attributes:
        starts: (V + 1,) where a word's path begins in `nodes` and `labels`.
        nodes: inner nodes passed, 0 to V - 2.
        labels: 1 where the path goes on with code 0, 0 where with code 1 (word2vec trains on 1 - code).
    """

    starts: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int32]
    labels: npt.NDArray[np.float32]

    @property
    def deepest(self) -> int:
        """Nodes of the longest path."""
        return int(np.diff(self.starts).max(initial=0))


def no_paths(words: int) -> Paths:
    """What stands for the tree where there is none."""
    return Paths(np.zeros(words + 1, np.int64), np.zeros(1, np.int32), np.zeros(1, np.float32))


def huffman_paths(counts: npt.NDArray[np.int64]) -> Paths:
    """Paths in the Huffman tree over words with these counts; one word alone has no path.

    Examples:
        >>> paths = huffman_paths(np.array([5, 3, 2]))
        >>> np.diff(paths.starts).tolist(), paths.nodes.tolist(), paths.labels.tolist()
        ([1, 2, 2], [1, 1, 0, 1, 0], [1.0, 0.0, 0.0, 0.0, 1.0])
    """
    words = len(counts)
    parent, code = np.zeros(2 * words, np.int64), np.zeros(2 * words, np.int8)
    heap = [(int(count), number) for number, count in enumerate(counts)]
    heapq.heapify(heap)
    for node in range(words, 2 * words - 1):
        small, large = heapq.heappop(heap), heapq.heappop(heap)
        parent[small[1]], parent[large[1]], code[large[1]] = node, node, 1
        heapq.heappush(heap, (small[0] + large[0], node))
    return _trace(words, parent, code)


def _trace(words: int, parent: npt.NDArray[np.int64], code: npt.NDArray[np.int8]) -> Paths:
    """All words climb to the root at once, a step at a time; then each path is turned round."""
    root, at, level = 2 * words - 2, np.arange(words), 0
    owners, depths, nodes, codes = [], [], [], []
    while len(climbing := np.flatnonzero(at != root)):
        place = at[climbing]
        owners.append(climbing)
        depths.append(np.full(len(climbing), -level))
        nodes.append(parent[place] - words)
        codes.append(code[place])
        at[climbing], level = parent[place], level + 1
    if not owners:
        return no_paths(words)
    owner, depth = np.concatenate(owners), np.concatenate(depths)
    order = np.lexsort((depth, owner))
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=words))])
    return Paths(starts, np.concatenate(nodes)[order].astype(np.int32), (1 - np.concatenate(codes)[order]).astype(np.float32))
