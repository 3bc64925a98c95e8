"""What contrastive fine-tuning lowers: the loss of vectors that lie apart and should not, or together and should not.

    pairs      over all pairs of a batch: every row looks for its like among the others
    centres    every class has a centre, learnt with the body: every row looks for its own among those of all classes, in the batch or not

Pairs are dear to classes that never meet: of 77 classes 16 are in a batch of 64 rows, and the others are not pushed away (figures in LOG.md).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn
from torch.nn import functional

from ringsmith.records import Rows

FAR = -1e9
"""In place of a row's cosine to itself; infinity would have no gradient where a row is alone."""


class Goal(Protocol):
    """What is lowered.

    Attributes:
        weights: what is learnt beside the body, and left behind after training.
    """

    weights: list[nn.Parameter]

    def loss(self, vectors: torch.Tensor, rows: Rows) -> torch.Tensor:
        """Of the vectors of these rows, each of length 1: a scalar."""


class Pairs:
    """Pairs of a batch, see `contrastive_loss`.

    Args:
        targets: of all rows, see `alikeness`.
        temperature: what cosines are divided by.
    """

    def __init__(self, targets: torch.Tensor, temperature: float) -> None:
        self.targets, self.temperature = targets, temperature
        self.weights: list[nn.Parameter] = []

    def loss(self, vectors: torch.Tensor, rows: Rows) -> torch.Tensor:
        return contrastive_loss(vectors, alikeness(self.targets[torch.from_numpy(rows)]).to(vectors.device), self.temperature)


class Centres:
    """A centre for each class: softmax over cosines to all of them (Zhai and Wu, 2019), which needs no second row of the class in the batch.

    Args:
        classes: int64, of all rows.
        begin: (classes, d), where the centres begin, of any length.
        temperature: what cosines are divided by.
    """

    def __init__(self, classes: torch.Tensor, begin: torch.Tensor, temperature: float) -> None:
        self.classes, self.temperature = classes, temperature
        self.centres = nn.Parameter(functional.normalize(begin.float(), dim=1))
        self.weights = [self.centres]

    def loss(self, vectors: torch.Tensor, rows: Rows) -> torch.Tensor:
        cosines = vectors @ functional.normalize(self.centres, dim=1).T
        return functional.cross_entropy(cosines / self.temperature, self.classes[torch.from_numpy(rows)].to(vectors.device))


def alikeness(targets: torch.Tensor) -> torch.Tensor:
    """How alike the labels of two rows are, from 0 to 1: float32 (n, n).

    Args:
        targets: columns (n,): 1 for the same class, else 0. Or bool (n, K) for several labels a row: the share of their labels that both have
            (Jaccard's index); two rows without any are alike.

    Examples:
        >>> alikeness(torch.tensor([[True, True, False], [False, True, False]]))[0].tolist()
        [1.0, 0.5]
    """
    if targets.ndim == 1:
        return (targets[:, None] == targets).float()
    labels = targets.float()
    both = labels @ labels.T
    either = labels.sum(dim=1)[:, None] + labels.sum(dim=1) - both
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def contrastive_loss(vectors: torch.Tensor, alike: torch.Tensor, temperature: float) -> torch.Tensor:
    """The supervised contrastive loss (Khosla et al., 2020, equation 2), each pair weighted by how alike its labels are.

    Each row picks its like among all others by a softmax over cosines; the loss is how surely it fails. Rows with no like in the batch only
    push the others apart. With classes the weights are 0 and 1, and this is the paper's formula, its mean taken over rows instead of its sum.

    Args:
        vectors: (n, d), each of length 1.
        alike: (n, n), from 0 to 1, see `alikeness`.
        temperature: what cosines are divided by: small cares about the nearest most.

    Returns:
        A scalar; 0 where no two rows are alike.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logs = (vectors @ vectors.T / temperature).masked_fill(itself, FAR).log_softmax(dim=1)
    weights = alike.masked_fill(itself, 0.0)
    total = weights.sum(dim=1)
    told = total > 0
    return -((weights * logs).sum(dim=1)[told] / total[told]).sum() / told.sum().clamp(min=1)
