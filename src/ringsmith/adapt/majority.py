"""The floor: the shares of the classes among the training rows, whatever the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.options import read_options
from ringsmith.adapt.recipe import FitFacts, Fitted, Recipe, Setting
from ringsmith.errors import UsageError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "shares.safetensors"


@dataclass(frozen=True)
class MajorityOptions:
    """It has none."""


class FittedMajority(Fitted):
    """Gives every text the same probabilities: the share of each class (multi-label: of the rows that carry the label).

    Attributes:
        shares: float32 (K,).
    """

    recipe: ClassVar[str] = "majority"

    def __init__(self, task: Task, steps: TextSteps, shares: npt.NDArray[np.float32], facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.shares = shares

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return np.tile(self.shares, (len(texts), 1))

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        raise UsageError("The recipe 'majority' looks at no text and has no vectors. Embed with a 'probe' or 'full' model.")

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            save_file({"shares": self.shares}, scratch / FILE)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=None, options={})

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedMajority:
        del threads  # there is nothing to compute
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), load_file(folder / FILE)["shares"])


class Majority(Recipe):
    """Counts the classes."""

    name: ClassVar[str] = "majority"
    fitted: ClassVar[type[Fitted]] = FittedMajority
    learns_names: ClassVar[bool] = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        read_options(MajorityOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedMajority:
        task = self.setting.task
        shares = task.shares(task.targets(train.labels or []))
        return FittedMajority(task, self.setting.steps, shares, FitFacts(parameters=len(shares), trained_parameters=len(shares)))
