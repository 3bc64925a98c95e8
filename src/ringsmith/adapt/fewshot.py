"""The recipe `fewshot`: the body learns from few rows to put texts of one class together, then a linear head on its vectors tells the classes.

As SetFit (Tunstall et al., 2022), which encodes both texts of every pair. Here each text of a batch is encoded once and meets all others of
the batch, so that a forward pass over m texts gives m (m - 1) / 2 pairs instead of m / 2 (`contrastive.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from safetensors.numpy import load_file, save_file

from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.contrastive import ContrastiveLoop
from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.fewshot_options import FewShotOptions
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.adapt.lookout import Lookout, vectors_of
from ringsmith.adapt.options import read_options
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.recipe import FitFacts, Fitted, Recipe, Setting, draw
from ringsmith.adapt.restart import start_twice
from ringsmith.adapt.unknown import note_of_unknown
from ringsmith.backbones import Backbone, load_backbone, save_classifier
from ringsmith.backbones.pays import training_precision
from ringsmith.catalogue import inspect_folder
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "head.safetensors"
ROWS_FOR_THE_HEAD = 8_192
"""The head learns from at most so many rows, drawn by chance: after the body has parted the classes, more rows tell it little."""


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
            raise BudgetError.of(f"The recipe {self.name!r}", budget.seconds, "it was over before it could begin")
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
            loop = ContrastiveLoop(backbone, options.pooling, pacing, options.loss, options.temperature, setting.report)
            course = loop.train(tokens, setting.task.targets(train.labels or []), lookout, seed=seed, budget=budget)
            seen = lookout.choose()
        weights, head = sum(weight.numel() for weight in backbone.module.parameters()), seen.head.weights.size + seen.head.bias.size
        chosen = {"epochs": round(course.epochs(seen.step), 2), "C": seen.strength, "metric": lookout.guard.judge.metric.name, "precision": choice.note}
        curves, notes = {**course.curves, **lookout.curves}, notes + note_of_unknown(backbone.tokeniser, tokens, backbone.model.name)
        facts = FitFacts(
            weights + head, weights - loop.frozen + head, float(tokens.cut.mean()), chosen, curves, watch.seconds,
            notes + remarks(course, len(train), lookout.judged), hurried=course.steps < course.asked,
        )  # fmt: skip
        return FittedFewShot(setting.task, setting.steps, backbone, seen.head, options, facts)


def rows_for_the_head(train: TextSet, seed: int) -> TextSet:
    """All rows, or as many drawn by chance as the head learns from."""
    return draw(train, ROWS_FOR_THE_HEAD, seed)


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
