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
from ringsmith.pretrain.options import TRANSLATES
from ringsmith.pretrain.pieces import Pieces

if TYPE_CHECKING:
    import torch

    from ringsmith.catalogue import LocalModel
    from ringsmith.pretrain.shapes import Shape

VocabularyKind = Literal["wordpiece", "bytes", "unigram"]
Batch = dict[str, "torch.Tensor"]
IGNORED = -100
"""In ``labels``: a position that is not predicted, as everywhere in transformers."""


@dataclass(frozen=True)
class NoOptions:
    """Of an objective that has nothing to choose."""


class Objective(ABC):
    """One way of learning from plain text.

    Args:
        pieces: the vocabulary.
        options: of `options_kind`; None for its defaults.
    """

    name: ClassVar[str]
    architecture: str
    """What `create` makes, as `shapes` and `vocabulary` call it."""
    vocabulary: ClassVar[VocabularyKind]
    """What kind of vocabulary is trained where none is given."""
    options_kind: ClassVar[type[Any]] = NoOptions
    """A frozen dataclass: what can be chosen."""
    crosses_documents: bool = True
    """Whether a sequence may hold the end of one document and the beginning of the next (between them stands `Pieces.end`)."""
    inherits: ClassVar[bool] = False
    """Whether what `create` makes has learnt already (a student, of its teacher), so that `start` may give it nothing."""
    tells_likelihood: bool = True
    """Whether the loss is the mean negative log likelihood of the predicted pieces in nats, so that their perplexity follows from it."""
    predicts_all: ClassVar[bool] = False
    """Whether every piece is predicted, from those before it: the likelihood is the text's then, and bits per byte follow from it."""

    def __init__(self, pieces: Pieces, options: Any = None) -> None:
        self.pieces = pieces
        self.options = self.options_kind() if options is None else options

    @classmethod
    def vocabulary_folder(cls, options: Any) -> str | None:  # noqa: ARG003 - the contract's parameter
        """The model folder whose vocabulary must be taken (a teacher's); None where any will do."""
        return None

    def natural_shape(self) -> Shape | None:
        """The shape that is trained where none is asked for (a student's, from its teacher); None where the objective does not mind."""
        return None

    @abstractmethod
    def create(self, shape: Shape, *, seed: int) -> Any:
        """The model of transformers with random weights, in training mode; the global generator is left as it was.

        Raises:
            OptionError: the objective cannot be trained with this shape.
        """

    @abstractmethod
    def adopt(self, model: LocalModel) -> Any:
        """A pre-trained model with the head this objective trains.

        Raises:
            ModelError: its architecture does not learn this way.
        """

    @abstractmethod
    def batch(self, rows: npt.NDArray[np.int64], generator: np.random.Generator) -> Batch:
        """Inputs and targets (CPU) of whole sequences (n, length) without padding; `rows` is left as it was. Pure but for the generator.

        The first dimension of every tensor is n: where memory or processes ask for it, a batch is cut into parts of its rows.
        """

    def weight(self, batch: Batch) -> int:
        """How many positions a batch predicts: the parts of a batch are weighed by it, so that together they take the step of the whole."""
        return int((batch["labels"] != IGNORED).sum()) if "labels" in batch else int(batch["input_ids"].numel())

    @abstractmethod
    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """What is lowered, a scalar: the mean over the predicted positions of this batch.

        Args:
            module: what `create` or `adopt` gave, not a wrapper around it: its parts are called one by one.
            batch: on the module's device.
        """

    @abstractmethod
    def predicted(self, length: int) -> float:
        """How many positions of a sequence are predicted, in the mean; for counting what a step costs."""

    def finish(self, module: Any) -> Any:
        """The model that is saved: where two were trained, the one that is kept."""
        return module


@dataclass(frozen=True)
class Entry:
    """One line of the list: where the class is, and what it does, in half a sentence."""

    place: str
    summary: str


_PLACE = "ringsmith.pretrain.objectives"
ENTRIES: dict[str, Entry] = {
    "clm": Entry(f"{_PLACE}.clm:Causal", "each piece from all before it (GPT-2)"),
    "distil": Entry(f"{_PLACE}.distil:Distil", "a student of half the layers learns what its teacher says (DistilBERT, DistilGPT-2)"),
    "mlm": Entry(f"{_PLACE}.mlm:Masked", "15 % of the pieces hidden, the same ones at every visit of a copy (BERT)"),
    "mlm-dynamic": Entry(f"{_PLACE}.mlm_dynamic:MaskedAnew", "15 % of the pieces hidden, others at every visit (RoBERTa)"),
    "modern": Entry(f"{_PLACE}.modern:Modern", "30 % of the pieces hidden, rotary positions, normalisation first (ModernBERT)"),
    "plm": Entry(f"{_PLACE}.plm:Permuted", "a sixth of the pieces, one after the other in an order drawn by chance (XLNet)"),
    "rtd": Entry(f"{_PLACE}.rtd:Replaced", "which pieces a small generator has replaced (ELECTRA)"),
}
"""Name -> objective. A new objective is one file, one test and one line here."""


def check_objective(name: str) -> None:
    """Make sure that there is an objective called `name`, without loading torch.

    Raises:
        UnknownName: there is none.
    """
    if name not in (*ENTRIES, TRANSLATES):
        raise UnknownName.of("objective", name, [*ENTRIES, TRANSLATES])


def find_objective(name: str) -> type[Objective]:
    """The class of the objective called `name`, which learns from plain text.

    Raises:
        UnknownName: there is none.
    """
    if name not in ENTRIES:
        raise UnknownName.of("objective", name, [*ENTRIES, TRANSLATES])
    module, _, cls = ENTRIES[name].place.partition(":")
    found: type[Objective] = getattr(importlib.import_module(module), cls)
    return found
