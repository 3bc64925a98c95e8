"""The recipe `fewshot`: the body learns from few rows to put texts of one class together, then a linear head on its vectors tells the classes.

As SetFit (Tunstall et al., 2022), which encodes both texts of every pair. Here each text of a batch is encoded once and meets all others of
the batch, so that a forward pass over m texts gives m (m - 1) / 2 pairs instead of m / 2 (`contrastive.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.contrastive import ContrastiveLoop
from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.adapt.lookout import Lookout, vectors_of
from ringsmith.adapt.options import hold, read_options
from ringsmith.adapt.pacing import Course, Pacing
from ringsmith.adapt.recipe import FitFacts, Fitted, Recipe, Setting
from ringsmith.adapt.restart import start_twice
from ringsmith.backbones import Backbone, load_backbone, save_classifier
from ringsmith.backbones.pays import training_precision
from ringsmith.backbones.pooling import Pooling
from ringsmith.catalogue import inspect_folder
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "head.safetensors"
VISITS = 4_000
"""Rows that training looks at in all, however many there are ..."""
FEWEST_EPOCHS, MOST_EPOCHS = 1.0, 10.0
"""... in passes between these."""
RATE, WIDTH = 1e-4, 384
"""The rate of a body that is 384 wide; wider ones have less, by the square."""
DECAY, WARM_UP, CLIP = 0.01, 0.1, 1.0
"""As in the recipe `full`."""
ROWS_FOR_THE_HEAD = 8_192
"""The head learns from at most so many rows, drawn by chance: after the body has parted the classes, more rows tell it little."""


@dataclass(frozen=True)
class FewShotOptions:
    """Options of the recipe `fewshot`; the figures behind the defaults are in LOG.md.

    Attributes:
        epochs: passes over the training rows; None for as many as look at 4,000 rows in all, from 1 to 10. Fewer where the budget allows no more.
        rate: highest learning rate; None for 1e-4 up to 384 numbers a token, and less by the square of what is wider.
        temperature: what cosines are divided by in the loss: small cares most about the nearest rows.
        max_rows: rows of a batch, between all of which pairs are made.
        max_tokens: tokens of a batch; long texts make smaller batches.
        strengths: values of C for the head; the validation rows choose, and without any the first is taken.
        pooling: how a text's tokens become one vector.
        precision: what training multiplies in: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.
    """

    epochs: float | None = None
    rate: float | None = None
    temperature: float = 0.3
    max_rows: int = 64
    max_tokens: int = 4_096
    strengths: tuple[float, ...] = (10.0, 100.0, 1000.0, 1.0)
    pooling: Pooling = "mean"
    precision: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "strengths", tuple(self.strengths))
        hold(
            self,
            (
                *((name, lambda value: value is None or value > 0, "above 0") for name in ("epochs", "rate")),
                ("temperature", lambda value: value > 0, "above 0"),
                ("max_rows", lambda value: value >= 8, "at least 8"),
                ("max_tokens", lambda value: value >= 1, "at least 1"),
                ("strengths", lambda values: len(values) > 0 and min(values) > 0, "one or more numbers above 0"),
                ("pooling", lambda name: name in ("mean", "cls", "last"), "mean, cls or last"),
                ("precision", lambda name: name in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )

    def pacing(self, attempt: int, rows: int, *, width: int, low: bool) -> Pacing:
        """How the loop walks in this attempt over so many rows, in a body so wide: after a collapse with half the rate."""
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, VISITS / max(1, rows))) if self.epochs is None else self.epochs
        rate = 0.5**attempt * (RATE * min(1.0, (WIDTH / width) ** 2) if self.rate is None else self.rate)
        return Pacing(epochs, rate, rate, DECAY, WARM_UP, self.max_rows, self.max_tokens, CLIP, patience=1, low_precision=low)


class FittedFewShot(Fitted):
    """A fine-tuned body, a plain Hugging Face model, and a linear head on its vectors. Predicts in float32.

    Attributes:
        backbone: the body, fine-tuned; its `model` is the one it came from.
        head: scores of vectors of length 1.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "fewshot"

    def __init__(self, task: Task, steps: TextSteps, backbone: Backbone, head: Linear, options: FewShotOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.backbone = backbone
        self.head = head
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(self.head.scores(self.embed(texts, pairs)), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        prepared = self.steps.apply_all(texts), None if pairs is None else self.steps.apply_all(pairs)
        return vectors_of(self.backbone, *prepared, self.options.pooling)

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            save_classifier(self.backbone.tokeniser, self.backbone.module, scratch)
            save_file({"weights": self.head.weights, "bias": self.head.bias}, scratch / FILE)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.backbone.model, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedFewShot:
        about, arrays = manifest["backbone"], load_file(folder / FILE)
        model = inspect_folder(folder, name=about["name"], revision=about["revision"], licence=about["licence"])
        backbone = load_backbone(model, threads=threads, precision="float32")
        options = read_options(FewShotOptions, manifest["options"], recipe=cls.recipe)
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), backbone, Linear(arrays["weights"], arrays["bias"]), options)


class FewShot(Recipe):
    """Tokenises once, trains the body, chooses among the looks; starts once more with another seed and half the rate if the run breaks, else refuses it."""

    name: ClassVar[str] = "fewshot"
    fitted: ClassVar[type[Fitted]] = FittedFewShot

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(FewShotOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedFewShot:
        if budget.remaining() <= 0:
            raise BudgetError(f"The recipe {self.name!r} got a budget that is over before it began. Give it more time.")
        assert self.setting.model is not None, "create_recipe sees to it"
        watch = Stopwatch()

        def start(attempt: int, notes: tuple[str, ...]) -> FittedFewShot:
            return self._attempt(attempt, train, valid, budget, watch, notes)

        return start_twice(start, name=f"{self.setting.model.name}+{self.name}", seed=self.setting.seed, slower="half the rate", budget=budget, watch=watch)

    def _attempt(self, attempt: int, train: TextSet, valid: TextSet, budget: Budget, watch: Stopwatch, notes: tuple[str, ...]) -> FittedFewShot:
        """One start: load, tokenise, train, choose."""
        setting, options, seed = self.setting, self.options, self.setting.seed + attempt
        assert setting.model is not None, "create_recipe sees to it"
        with watch.stage("load"):
            backbone = load_backbone(setting.model, threads=setting.threads, precision="float32")
        with watch.stage("tokenise"):
            tokens = backbone.tokeniser(setting.steps.apply_all(train.texts), None if train.pairs is None else setting.steps.apply_all(train.pairs))
        with watch.stage("train"):
            choice = training_precision(options.precision, backbone.hidden)
            pacing = options.pacing(attempt, len(train), width=backbone.hidden, low=choice.precision == "bfloat16")
            ease_dropout(backbone.module)
            backbone.module.eval()  # what it put in is new, and begins in training mode
            lookout = Lookout(backbone, setting, options.pooling, options.strengths, rows_for_the_head(train, seed), valid, budget)
            loop = ContrastiveLoop(backbone, options.pooling, pacing, options.temperature, setting.report)
            course = loop.train(tokens, setting.task.targets(train.labels or []), lookout, seed=seed, budget=budget)
            seen = lookout.choose()
        weights, head = sum(weight.numel() for weight in backbone.module.parameters()), seen.head.weights.size + seen.head.bias.size
        chosen = {"epochs": round(course.epochs(seen.step), 2), "C": seen.strength, "precision": choice.note}
        curves = {**course.curves, **lookout.curves}
        facts = FitFacts(weights + head, weights - loop.frozen + head, float(tokens.cut.mean()), chosen, curves, watch.seconds, notes + remarks(course, len(train), lookout.judged))
        return FittedFewShot(setting.task, setting.steps, backbone, seen.head, options, facts)


def rows_for_the_head(train: TextSet, seed: int) -> TextSet:
    """All rows, or as many drawn by chance as the head learns from."""
    if len(train) <= ROWS_FOR_THE_HEAD:
        return train
    return train.take(np.sort(np.random.default_rng(seed).choice(len(train), ROWS_FOR_THE_HEAD, replace=False)))


def remarks(course: Course, rows: int, judged: int) -> tuple[str, ...]:
    """What the reader should know of this fit, a sentence each."""
    notes = []
    if course.asked == 0:
        notes.append("The body stayed as it was: no class has two rows, so that there was nothing to pull together.")
    elif course.steps < course.asked:
        notes.append(f"{course.epochs(course.steps):.1f} epochs instead of {course.epochs(course.asked):.1f}: the budget allows no more.")
    if rows > ROWS_FOR_THE_HEAD:
        notes.append(f"The head learned from {ROWS_FOR_THE_HEAD:,} of {rows:,} training rows, drawn by chance.")
    if not judged:
        notes.append("There were no validation rows: usual settings were taken, and probabilities are not calibrated.")
    return tuple(notes)
