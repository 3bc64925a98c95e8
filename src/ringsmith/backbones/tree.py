"""Sequences that begin alike as a tree, so that every beginning is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class LabelTree:
    """The beginnings of K token sequences: a node for each different one, the whole sequences left out (nothing follows them).

    Attributes:
        ids: int64 (m,): the last token of each beginning.
        depths: int64 (m,): its length less one: its position counted from the end of what stands before.
        visible: bool (m, m): whether node i sees node j, which is itself or begins it.
        steps: int64 (s, 2): for every token of every sequence the column that predicts it (0: what stands before, 1 + i: node i) and the token.
        owners: int64 (s,): whose token it is.
    """

    ids: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int64]
    visible: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> LabelTree:
        """The tree of these sequences, none of them empty.

        Examples:
            >>> tree = LabelTree.of([[5], [7, 8], [7, 9]])
            >>> tree.ids.tolist(), tree.steps.tolist(), tree.owners.tolist()
            ([7], [[0, 5], [0, 7], [1, 8], [0, 7], [1, 9]], [0, 1, 1, 2, 2])
        """
        nodes: dict[tuple[int, ...], int] = {}
        steps, owners = [], []
        for owner, sequence in enumerate(sequences):
            for end, token in enumerate(sequence):
                start = tuple(sequence[:end])
                column = 1 + nodes.setdefault(start, len(nodes)) if start else 0
                steps.append((column, token))
                owners.append(owner)
        visible = np.array([[other == start[: len(other)] for other in nodes] for start in nodes], dtype=np.bool_).reshape(len(nodes), len(nodes))
        ids, depths = np.array([start[-1] for start in nodes], dtype=np.int64), np.array([len(start) - 1 for start in nodes], dtype=np.int64)
        return cls(ids, depths, visible, np.array(steps, dtype=np.int64), np.array(owners, dtype=np.int64))
