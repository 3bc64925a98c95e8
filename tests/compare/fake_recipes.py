"""Recipes with behaviour, small enough to know by heart what they do.

Texts of the tests are ``"<label> #<number>"``; what a fake answers follows from the number, so every figure can be worked out by hand.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.floors import Floors
from ringsmith.adapt.folder import write_manifest
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe
from ringsmith.adapt.spaces import Choice, Range
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import task_from_json
from ringsmith.text import TextSteps


class FakeFitted(Fitted):
    """Reads the label in the text and is wrong in every row whose number `wrong` divides (0: never)."""

    recipe: ClassVar[str] = "fake"

    def __init__(self, task: Any, steps: Any, wrong: int, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.wrong = wrong

    def answer(self, text: str) -> int:
        """Column of the answer."""
        label, _, number = text.partition(" #")
        column = self.task.labels.index(label) if label in self.task.labels else 0
        return (column + 1) % len(self.task.labels) if self.wrong and int(number) % self.wrong == 0 else column

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """0.9 for the answer, the rest for the others."""
        count = len(self.task.labels)
        scores = np.full((len(texts), count), 0.1 / (count - 1), dtype=np.float32)
        scores[np.arange(len(texts)), [self.answer(text) for text in texts]] = 0.9
        return scores

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """No vectors."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """The manifest alone."""
        folder.mkdir(parents=True)
        write_manifest(folder, recipe=type(self).__name__, task=self.task, steps=self.steps, model=None, options={"wrong": self.wrong})

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Fitted:
        """Not needed here."""
        raise NotImplementedError


class Tenth(Recipe):
    """Wrong in every tenth row; quick."""

    name: ClassVar[str] = "tenth"
    wrong: ClassVar[int] = 10
    seconds: ClassVar[float] = 0.0

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Wait `seconds`, telling how far it is."""
        end = time.monotonic() + self.seconds
        self.setting.report(Progress("train", 0, 10, "steps", "loss 0.5"))
        while time.monotonic() < end:
            time.sleep(0.02)
            self.setting.report(Progress("train", 5, 10))
        facts = FitFacts(parameters=7, trained_parameters=3, chosen={"seconds": budget.seconds}, notes=(f"fitted on {len(train)} rows",))
        return FakeFitted(self.setting.task, self.setting.steps, self.wrong, facts)


class Third(Tenth):
    """Wrong in every third row."""

    wrong: ClassVar[int] = 3


class Slow(Tenth):
    """Never wrong, and slow to train."""

    wrong: ClassVar[int] = 0
    seconds: ClassVar[float] = 0.4


class Slower(Slow):
    """Slow enough to be killed meanwhile."""

    seconds: ClassVar[float] = 1.2


class Fragile(Slow):
    """Never wrong, but breaks down where it does not learn from row 110."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look for it."""
        if not any(text.endswith("#110") for text in train.texts):
            raise RunRefused("collapsed twice")
        return super().fit(train, valid, budget)


class SlowTenth(Slow):
    """Like `Tenth`, and slow to train."""

    wrong: ClassVar[int] = 10


class Learner(Tenth):
    """Wrong in every k-th row, k being a fifteenth of the rows it learnt from; it learns nothing from fewer than 60 where `stubborn`."""

    stubborn: ClassVar[bool] = False

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Count the rows."""
        if self.stubborn and len(train) < 60:
            raise RunRefused("collapsed twice")
        return FakeFitted(self.setting.task, self.setting.steps, len(train) // 15)


class FittedMean(FakeFitted):
    """Keeps `wrong` among its weights, so that the mean of several models is one that errs by the mean of their numbers."""

    recipe: ClassVar[str] = "averaged"

    def save(self, folder: Path) -> None:
        """A tensor of one number."""
        folder.mkdir(parents=True)
        save_file({"wrong": np.array([self.wrong], dtype=np.float32)}, folder / "weights.safetensors")
        write_manifest(folder, recipe=self.recipe, task=self.task, steps=self.steps, model=None, options={})

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Fitted:
        """Back again."""
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), round(load_file(folder / "weights.safetensors")["wrong"].item()))


class Averaged(Tenth):
    """Of five folds the models are wrong in every 3rd, 9th, 10th, 14th and 14th row; their mean in every tenth."""

    name: ClassVar[str] = "averaged"
    fitted: ClassVar[type[Fitted]] = FittedMean
    every: ClassVar[tuple[int, ...]] = (3, 9, 10, 14, 14)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Which fold it is, the first validation row tells."""
        fold = min(int(text.partition(" #")[2]) for text in valid.texts) // 2
        return FittedMean(self.setting.task, self.setting.steps, self.every[fold])


class Apart(Averaged):
    """Four of five models are never wrong, and the mean of all always is: what lies between them is no good."""

    name: ClassVar[str] = "apart"
    every: ClassVar[tuple[int, ...]] = (0, 0, 0, 0, 5)


class Hasty(Averaged):
    """The same; with less than 8 seconds its model is wrong in every 10th row, for want of time."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look at the clock."""
        fitted = super().fit(train, valid, budget)
        return fitted if budget.remaining() >= 8 else FittedMean(self.setting.task, self.setting.steps, 10, FitFacts(hurried=True))


class Stubborn(Learner):
    """Refused where rows are few."""

    stubborn: ClassVar[bool] = True


class Majority(Tenth):
    """Always the first class."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Nothing to learn."""
        return OneAnswer(self.setting.task, self.setting.steps, 0)


class OneAnswer(FakeFitted):
    """The first class for every text."""

    def answer(self, text: str) -> int:
        """The first."""
        return 0


class Constant(Majority):
    """A broken model: one answer, although it is not meant to."""


class Hurried(Constant):
    """The same, because its time was up."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Say so."""
        return OneAnswer(self.setting.task, self.setting.steps, 0, FitFacts(notes=("The budget ended it early.",), hurried=True))


class Rushed(Tenth):
    """Wrong in every third row where it has less than 8 seconds, for want of time; else in every tenth. Breaks down with time if that is asked for."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look at the clock."""
        hurried = budget.remaining() < 8
        if not hurried and os.environ.get("RINGSMITH_TEST_BREAKS"):
            raise BudgetError("it takes longer than was thought")
        facts = FitFacts(notes=("Some rows were used: the budget allows no more.",) if hurried else (), hurried=hurried)
        return FakeFitted(self.setting.task, self.setting.steps, 3 if hurried else 10, facts)


class Pressed(Tenth):
    """Wrong in every tenth row; does nothing in less than 8 seconds."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look at the clock."""
        if budget.remaining() < 8:
            raise BudgetError("not one step fits")
        return super().fit(train, valid, budget)


class NotANumber(Tenth):
    """Its scores are NaN in one row."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Fit as usual."""
        return _NotANumber(self.setting.task, self.setting.steps, 10)


class _NotANumber(FakeFitted):
    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """One NaN in the first row."""
        scores = super().predict_proba(texts, pairs)
        scores[0, 0] = np.nan
        return scores


class Timid(Tenth):
    """Never wrong, but where it does not learn from row 10: there it answers all alike, though not with the same scores."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look for it."""
        knows = any(text.endswith("#10") for text in train.texts)
        return (FakeFitted if knows else _Timid)(self.setting.task, self.setting.steps, 0, FitFacts(hurried=not knows))


class _Timid(FakeFitted):
    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """0.6 for the first class, and up to 0.01 more."""
        first = np.array([[0.6 + 0.001 * (int(text.partition(" #")[2]) % 10)] for text in texts], dtype=np.float32)
        return np.concatenate([first, 1 - first], axis=1)


class Guess(Tenth):
    """Never right: worse than the majority class."""

    wrong: ClassVar[int] = 1


class Crash(Tenth):
    """Has a fault."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Divide by zero."""
        raise ZeroDivisionError("a fault of the recipe")


class Refuses(Tenth):
    """Knows that it is broken."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Say so."""
        raise RunRefused("collapsed twice")


class NoTime(Tenth):
    """Finds that not one step fits."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Say so."""
        raise BudgetError("not one step fits")


class Sleeps(Tenth):
    """Pays no heed to its budget, but tells where it stands."""

    seconds: ClassVar[float] = 60.0


class Deaf(Tenth):
    """Pays no heed to anything, and has a child that does not either. Writes the child's number into ``child.txt``."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Sleep."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(os.environ["RINGSMITH_TEST_FILE"]).write_text(str(child.pid), encoding="ascii")
        time.sleep(60)
        raise AssertionError


class KillsItself(Tenth):
    """Ends as the operating system ends a process when memory runs out."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Kill."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


class Exits(Tenth):
    """Ends the process with a word on standard error."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Leave."""
        sys.stderr.write("illegal instruction\n")
        sys.stderr.flush()
        os._exit(7)


class Hog(Tenth):
    """Takes 20 MB after 20 MB of memory, and holds it."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Take up to 2 GB."""
        held = []
        for _ in range(100):
            held.append(np.ones(20 << 17))
            time.sleep(0.01)
        raise AssertionError(len(held))


class Prints(Tenth):
    """Writes to standard output, as libraries do."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Print, then fit."""
        sys.stdout.write("not for you\n")
        os.write(1, b"nor this\n")
        return super().fit(train, valid, budget)


class Tunable(Tenth):
    """Wrong in every `wrong`-th row: the smaller, the worse. It judges itself on its way and stops below its floors."""

    looks: ClassVar[bool] = True
    noise: ClassVar[int] = 1

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look at half of its steps and at all of them, then answer; 2 crashes and 3 refuses."""
        self.setting.report(Progress("train", 1, 2))
        time.sleep(float(os.environ.get("RINGSMITH_TEST_SECONDS", "0")))
        wrong = int(self.setting.options.get("wrong", 5)) + self.setting.seed % 2 * self.noise
        if wrong == 2:
            raise ZeroDivisionError("too often wrong")
        if wrong == 3:
            raise RunRefused("collapsed")
        look = Floors(self.setting.floors)
        for share in (0.5, 1.0) if self.looks else ():
            look(share, 1 - 1 / wrong)
        return FakeFitted(self.setting.task, self.setting.steps, wrong, FitFacts(curves=look.curves))


class Quiet(Tunable):
    """The same without looks on its way."""

    looks: ClassVar[bool] = False


class Steady(Tunable):
    """The same with any seed."""

    noise: ClassVar[int] = 0


class Fickle(Tunable):
    """Breaks down with any seed but the first."""

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Look at the seed."""
        if self.setting.seed:
            raise RunRefused("collapsed")
        return super().fit(train, valid, budget)


class Listening(Tenth):
    """Says what will judge it."""

    name: ClassVar[str] = "listening"

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> Fitted:
        """Put it where the ledger keeps it."""
        return FakeFitted(self.setting.task, self.setting.steps, self.wrong, FitFacts(chosen={"metric": self.setting.metric}))


FAKES = (
    Tenth,
    Listening,
    Third,
    Slow,
    Slower,
    Fragile,
    Learner,
    Stubborn,
    Averaged,
    Apart,
    Hasty,
    SlowTenth,
    Majority,
    Constant,
    Hurried,
    Rushed,
    Pressed,
    NotANumber,
    Timid,
    Guess,
    Crash,
    Refuses,
    NoTime,
    Sleeps,
    Deaf,
    KillsItself,
    Exits,
    Hog,
    Prints,
    Tunable,
    Quiet,
    Steady,
    Fickle,
)
PLACES = {cls.__name__.lower(): f"fake_recipes:{cls.__name__}" for cls in FAKES}
TUNABLE = (Range("wrong", 2, 40, "made up", usual=5, log=True, whole=True), Choice("colour", ("red", "green"), "made up", usual="red"))
"""What can be searched of `Tunable`."""
