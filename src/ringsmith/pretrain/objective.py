"""What is to be learnt from plain text: the contract every objective keeps, and the list of them.

An objective knows three things: which model of transformers it trains, how a batch of whole sequences becomes inputs and targets, and what is
lowered. Everything else (the corpus, its tokens, the steps, the clock, the files) is the same for all of them.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ringsmith.errors import UnknownName

if TYPE_CHECKING:
    import torch

    from ringsmith.catalogue import LocalModel
    from ringsmith.pretrain.shapes import Shape

VocabularyKind = Literal["wordpiece", "bytes", "unigram"]
Batch = dict[str, "torch.Tensor"]
IGNORED = -100
"""In ``labels``: a position that is not predicted, as everywhere in transformers."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """What an objective needs to know of the vocabulary.

    Attributes:
        size: pieces in it.
        pad: number of the piece that fills rows up.
        start: number of the piece a sequence starts with.
        end: number of the piece that ends a sequence, and a document.
        mask: number of the piece that hides another one; None where the vocabulary has none.
        special: numbers of all pieces that stand for no text.
        begins_word: (size,) bool, whether a piece begins a word (for masks over whole words).
    """

    size: int
    pad: int
    start: int
    end: int
    mask: int | None
    special: tuple[int, ...]
    begins_word: npt.NDArray[np.bool_]


class Objective(ABC):
    """One way of learning from plain text.

    Args:
        pieces: the vocabulary.
    """

    name: ClassVar[str]
    vocabulary: ClassVar[VocabularyKind]
    """What kind of vocabulary is trained where none is given."""
    crosses_documents: ClassVar[bool] = True
    """Whether a sequence may hold the end of one document and the beginning of the next (between them stands `Pieces.end`)."""
    framed: ClassVar[bool] = True
    """Whether a sequence stands between `Pieces.start` and `Pieces.end`; otherwise it is cut out of the text as it comes, each document closed by `end`."""
    tells_likelihood: ClassVar[bool] = True
    """Whether the loss is the mean negative log likelihood of the predicted pieces in nats, so that perplexity and bits per byte follow from it."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    @abstractmethod
    def create(self, shape: Shape, *, seed: int) -> Any:
        """The model of transformers with random weights; the global generator is left as it was."""

    @abstractmethod
    def adopt(self, model: LocalModel) -> Any:
        """A pre-trained model with the head this objective trains.

        Raises:
            ModelError: its architecture does not learn this way.
        """

    @abstractmethod
    def batch(self, rows: npt.NDArray[np.int64], generator: np.random.Generator) -> Batch:
        """Inputs and targets (CPU) of whole sequences (n, length); `rows` is left as it was. Pure but for the generator.

        The first dimension of every tensor is n: where memory or processes ask for it, a batch is cut into parts of its rows.
        """

    def weight(self, batch: Batch) -> int:
        """How many positions a batch predicts: the parts of a batch are weighed by it, so that together they take the step of the whole."""
        return int((batch["labels"] != IGNORED).sum()) if "labels" in batch else int(batch["input_ids"].numel())

    @abstractmethod
    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """What is lowered, a scalar: the mean over the predicted positions of this batch."""

    def finish(self, module: Any) -> Any:
        """The model that is saved: where two were trained, the one that is kept."""
        return module


@dataclass(frozen=True)
class Entry:
    """One line of the list: where the class is, and what it does, in half a sentence."""

    place: str
    summary: str


ENTRIES: dict[str, Entry] = {}
"""Name -> objective. A new objective is one file, one test and one line here."""


def find_objective(name: str) -> type[Objective]:
    """The class of the objective called `name`.

    Raises:
        UnknownName: there is none.
    """
    if name not in ENTRIES:
        raise UnknownName.of("objective", name, ENTRIES)
    module, _, cls = ENTRIES[name].place.partition(":")
    found: type[Objective] = getattr(importlib.import_module(module), cls)
    return found
