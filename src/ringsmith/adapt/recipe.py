"""The contract every way of adapting a model keeps: `Recipe.fit` returns a `Fitted` and changes nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from ringsmith.catalogue import LocalModel
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.records import Progress as Progress
from ringsmith.records import Report as Report
from ringsmith.records import silent as silent
from ringsmith.tasks import Task
from ringsmith.text import TextSteps

Needs = Literal["nothing", "transformer", "vectors"]
Scores = npt.NDArray[np.float32]
CHUNK_ROWS = 8_192
"""Texts whose vectors are in memory at a time while many are predicted."""


@dataclass(frozen=True)
class Setting:
    """All that a recipe is given besides the rows.

    Attributes:
        task: what the labels mean.
        model: the backbone on this machine, None for recipes that need none.
        options: hyper-parameters that differ from the defaults of the recipe's own options dataclass.
        steps: preparation of every text, saved with the model and applied again at prediction.
        seed: seed of everything random.
        threads: CPU threads to use, None for all cores of this machine.
        report: is told where the work stands.
        floors: (share of the planned steps, least mark), in this order: a run of a search whose best mark on the validation rows is lower
            from there on is not worth going on with; see `floors.Floors`. Recipes that do not look on their way leave it alone.
        pause: a file in which a recipe that trains for long may keep where it stands, so that a killed run goes on from there; None for nowhere.
        metric: name of the metric that will judge what is fitted (as `metrics.parse_metric` takes it); None for the one that fits the validation rows.
    """

    task: Task
    model: LocalModel | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: TextSteps = field(default_factory=TextSteps)
    seed: int = 0
    threads: int | None = None
    report: Report = silent
    floors: tuple[tuple[float, float], ...] = ()
    pause: Path | None = None
    metric: str | None = None


@dataclass(frozen=True)
class FitFacts:
    """What is worth knowing about a fit; goes to the ledger as it is.

    Attributes:
        parameters: number of parameters a prediction uses.
        trained_parameters: how many of them were trained here.
        truncated_share: share of training rows whose text the model cuts off; 0 where nothing is cut.
        chosen: hyper-parameters that were chosen on the validation rows, and by which ``"metric"`` where there is a curve of it.
        curves: recorded series by name: ``"loss"`` and ``"step"``, ``"valid"`` (the metric on the validation rows) ...
        seconds: wall-clock seconds by stage within `fit`: ``"load"``, ``"encode"``, ``"train"`` ...
        notes: anything a reader should know, a sentence each ("restarted once with seed 1").
        hurried: whether the budget cut the training short, so that what is poor may be good with more time.
    """

    parameters: int = 0
    trained_parameters: int = 0
    truncated_share: float = 0.0
    chosen: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hurried: bool = False


@dataclass(frozen=True)
class Pace:
    """How long single answers took.

    Attributes:
        seconds: of each answer.
        at_once: how many were asked for side by side.
    """

    seconds: tuple[float, ...]
    at_once: int


class Fitted(ABC):
    """A model that was adapted: predicts, embeds, saves.

    Attributes:
        recipe: name of the recipe that made it.
        task: what its scores mean: column k of `predict_proba` is ``task.labels[k]``.
        steps: preparation applied to every text first.
        facts: what is worth knowing about the fit; empty after loading.
        pairs: whether it was trained on pairs of texts, None where its folder does not say.
    """

    recipe: ClassVar[str]
    pairs: bool | None = None

    def __init__(self, task: Task, steps: TextSteps, facts: FitFacts | None = None) -> None:
        self.task = task
        self.steps = steps
        self.facts = facts or FitFacts()

    @abstractmethod
    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """Probabilities, float32 (n, K): rows sum to 1 for classification, each on its own for multi-label."""

    @abstractmethod
    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """The vectors the head sees, float32 (n, d).

        Raises:
            UsageError: the recipe has no vectors.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model into the empty or missing `folder`: safetensors and JSON only, `ringsmith.json` last."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Fitted:
        """The model that `save` wrote; `manifest` is its `ringsmith.json`."""

    @classmethod
    def mean(cls, models: Sequence[Self]) -> Self:
        """One model of several that were fitted alike on different rows, where `registry.Entry.own_mean` says so; all others are averaged by their files (`soup`)."""
        raise NotImplementedError

    def pace(self) -> Pace | None:
        """What answers really took, where to ask again would only look them up; None where predicting once more costs the same once more."""
        return None

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Any]:
        """The predicted label of each text (a tuple of labels for multi-label)."""
        return list(self.task.decode(self.predict_proba(texts, pairs)))


def in_chunks(scores: Callable[[Sequence[str], Sequence[str] | None], Scores], texts: Sequence[str], pairs: Sequence[str] | None) -> Scores:
    """What `scores` gives for n texts (n, K), asked for `CHUNK_ROWS` of them at a time."""
    parts = [slice(start, start + CHUNK_ROWS) for start in range(0, max(1, len(texts)), CHUNK_ROWS)]
    return np.concatenate([scores(texts[part], None if pairs is None else pairs[part]) for part in parts])


def draw(rows: TextSet, most: int, seed: int) -> TextSet:
    """At most this many of the rows, drawn by chance."""
    return rows if len(rows) <= most else rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False)))


class Recipe(ABC):
    """A way to adapt: made from a `Setting`, fitted on rows. What it needs and does in half a sentence stands in `registry.ENTRIES`.

    Attributes:
        name: as in `RECIPES` and ``--recipes``.
        fitted: the kind of model that `fit` returns and a saved folder is loaded as.
        imports: modules that `fit` imports when it comes to them and that take long; runs in one process after the other may share them.
        learns_names: whether the name of a rare class may be one more row of it, see `labelnames`.
        setting: all it was given besides the rows.
    """

    name: ClassVar[str]
    fitted: ClassVar[type[Fitted]]
    imports: ClassVar[tuple[str, ...]] = ()
    learns_names: ClassVar[bool] = True

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @abstractmethod
    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Learn from `train`, choose by `valid`, end before `budget` does.

        Args:
            train: the rows to fit on, labels included.
            valid: the rows to choose hyper-parameters and the stopping point by.
            budget: wall clock; a recipe that cannot finish returns the best it has by then.

        Raises:
            RunRefused: the result is broken (NaN, predicts one class only) and a restart did not mend it.
            BudgetError: not even one useful step fits.
            RunDropped: it fell below the setting's floors.
        """
