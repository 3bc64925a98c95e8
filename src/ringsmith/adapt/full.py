"""The recipe `full`: every weight of the backbone is fine-tuned, by the loop in `loop.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import Judge, Mark
from ringsmith.adapt.classifier import scale_last_layer, scores_of, vectors_of
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.dropout import ease_dropout, set_dropout
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.linear import to_proba
from ringsmith.adapt.loop import Broken, Course, Loop, Pacing
from ringsmith.adapt.majority import class_shares
from ringsmith.adapt.options import hold, read_options
from ringsmith.adapt.recipe import FitFacts, Fitted, Recipe, Setting
from ringsmith.backbones import Tokeniser, Tokens, load_classifier, save_classifier
from ringsmith.backbones.load import best_device, set_threads
from ringsmith.backbones.pays import bfloat16_pays
from ringsmith.backbones.precision import Choice
from ringsmith.catalogue import LocalModel, inspect_folder
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

WORTHWHILE = 0.5
"""A second start needs at least this share of the time the first one took."""
TOO_EARLY = 0.4
"""Before this share of the planned steps a model that predicts one class only may still be on its way."""
FEWEST_EPOCHS, MOST_EPOCHS = 3, 20
WORTHWHILE_STEPS, STEPS_A_CLASS = 300, 40
"""Between these, as many epochs as give so many steps, or so many for each class."""
RATE, WIDTH, HEAD = 2e-4, 384, 10
"""The rate of a body that is 384 wide; wider ones have less, by the square: 5e-5 at BERT-base's 768, as in its paper. The head learns 10 times as fast."""


@dataclass(frozen=True)
class FullOptions:
    """Options of the recipe `full`; the figures behind the defaults are in LOG.md.

    Attributes:
        epochs: passes over the training rows; None for 3 (BERT's own figure), and more where few rows would make few steps (Mosbach et al.,
            2021): as many as give about 300 steps, or 40 a class where that is more, at most 20. Fewer where the budget allows no more.
        rate: highest learning rate of the body; None for 2e-4 up to 384 numbers a token, and less by the square of what is wider: 5e-5 for BERT-base.
        head_rate: highest learning rate of the head; None for 10 times `rate`.
        decay: weight decay (Loshchilov and Hutter, 2019); 0.01 as in BERT (Devlin et al., 2019, A.2).
        warm_up: share of the steps in which the rates rise; 0.1 as in BERT.
        max_rows: rows of a batch; 32 is the largest of BERT's own fine-tuning sizes.
        max_tokens: padded tokens of a batch; 1,024 was fastest on two cores.
        dropout: share of numbers left out at random while training, None for the model's own.
        clip: longest gradient; 1 as in BERT's reference code.
        patience: looks at the validation rows without a better mark before it stops.
        precision: ``"bfloat16"``, ``"float32"``, or ``"auto"``: bfloat16 where it is faster on this machine, as measured.
    """

    epochs: float | None = None
    rate: float | None = None
    head_rate: float | None = None
    decay: float = 0.01
    warm_up: float = 0.1
    max_rows: int = 32
    max_tokens: int = 1_024
    dropout: float | None = None
    clip: float = 1.0
    patience: int = 3
    precision: str = "auto"

    def __post_init__(self) -> None:
        above = (lambda value: value > 0, "above 0")
        at_least_1 = (lambda value: value >= 1, "at least 1")
        rules = [("clip", *above)] + [(name, *at_least_1) for name in ("max_rows", "max_tokens", "patience")]
        hold(
            self,
            (
                *rules,
                *((name, lambda value: value is None or value > 0, "above 0") for name in ("epochs", "rate", "head_rate")),
                ("dropout", lambda value: value is None or 0 <= value < 1, "from 0 to below 1"),
                ("decay", lambda value: value >= 0, "0 or more"),
                ("warm_up", lambda value: 0 <= value < 1, "from 0 to below 1"),
                ("precision", lambda value: value in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
            ),
        )

    def pacing(self, attempt: int, rows: int, *, classes: int, width: int, low: bool) -> Pacing:
        """How the loop walks in this attempt over so many training rows and classes, in a body so wide: after a collapse with half the rates."""
        steps = max(WORTHWHILE_STEPS, STEPS_A_CLASS * classes)
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, steps * self.max_rows / rows)) if self.epochs is None else self.epochs
        rate = RATE * min(1.0, (WIDTH / width) ** 2) if self.rate is None else self.rate
        head_rate = HEAD * rate if self.head_rate is None else self.head_rate
        share = 0.5**attempt
        return Pacing(epochs, rate * share, head_rate * share, self.decay, self.warm_up, self.max_rows, self.max_tokens, self.clip, self.patience, low)


class FittedFull(Fitted):
    """A fine-tuned transformer with its head: a plain Hugging Face model. Predicts in float32, so that it agrees with transformers' own pipeline.

    Attributes:
        module: the classifier.
        tokeniser: its tokenizer.
        model: the backbone it came from.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "full"

    def __init__(self, task: Task, steps: TextSteps, module: Any, tokeniser: Tokeniser, model: LocalModel, options: FullOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.module = module.to(best_device()).eval()
        self.tokeniser = tokeniser
        self.model = model
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(scores_of(self.module, self._tokens(texts, pairs), self.tokeniser.pad_id), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return vectors_of(self.module, self._tokens(texts, pairs), self.tokeniser.pad_id)

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            save_classifier(self.tokeniser, self.module, scratch)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.model, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedFull:
        set_threads(threads)
        task, about = task_from_json(manifest["task"]), manifest["backbone"]
        model = inspect_folder(folder, name=about["name"], revision=about["revision"], licence=about["licence"])
        tokeniser, module = load_classifier(model, task.labels, multilabel=task.activation == "sigmoid")
        options = read_options(FullOptions, manifest["options"], recipe=cls.recipe)
        return cls(task, TextSteps.from_json(manifest["steps"]), module, tokeniser, model, options)

    def _tokens(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Tokens:
        return self.tokeniser(self.steps.apply_all(texts), None if pairs is None else self.steps.apply_all(pairs))


class Full(Recipe):
    """Tokenises once, trains, starts once more with another seed and half the rates if the run breaks, else refuses it."""

    name: ClassVar[str] = "full"
    fitted: ClassVar[type[Fitted]] = FittedFull

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(FullOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedFull:
        assert self.setting.model is not None, "create_recipe sees to it"
        if budget.remaining() <= 0:
            raise BudgetError("The recipe 'full' got a budget that is over before it began. Give it more time.")
        set_threads(self.setting.threads)
        watch = Stopwatch()
        try:
            return self._attempt(0, train, valid, budget, watch, ())
        except Broken as error:
            first = error
        if budget.remaining() < sum(watch.seconds.values()) * WORTHWHILE:
            raise RunRefused(f"{self.setting.model.name}+full is not ranked: {first}, and no time was left to start again.") from first
        try:
            return self._attempt(1, train, valid, budget, watch, (f"It was started again with seed {self.setting.seed + 1} and half the rates because {first}.",))
        except Broken as error:
            raise RunRefused(f"{self.setting.model.name}+full is not ranked: {error}, and starting again with half the rates did not mend it.") from error

    def _attempt(self, attempt: int, train: TextSet, valid: TextSet, budget: Budget, watch: Stopwatch, notes: tuple[str, ...]) -> FittedFull:
        """One start: load, tokenise, train."""
        setting, options, seed = self.setting, self.options, self.setting.seed + attempt
        assert setting.model is not None, "create_recipe sees to it"
        with watch.stage("load"):
            tokeniser, module = load_classifier(setting.model, setting.task.labels, multilabel=setting.task.activation == "sigmoid", seed=seed)
        with watch.stage("tokenise"):
            tokens, valid_tokens = (tokeniser(setting.steps.apply_all(part.texts), None if part.pairs is None else setting.steps.apply_all(part.pairs)) for part in (train, valid))
        targets = setting.task.targets(train.labels or [])
        guard = Guard(setting.task, targets, valid)
        with watch.stage("train"):
            choice = bfloat16_pays(setting.model.hidden) if options.precision == "auto" else Choice(options.precision, f"{options.precision} (asked for)")  # type: ignore[arg-type]
            pacing = options.pacing(attempt, len(train), classes=len(setting.task.labels), width=setting.model.hidden, low=choice.precision == "bfloat16")
            set_dropout(module, options.dropout)
            loop = Loop(module, tokeniser.pad_id, pacing, setting.report)
            ease_dropout(module)
            course = loop.train(tokens, targets, valid_tokens, guard, seed=seed, budget=budget)
        guard.finish()
        known = guard.judge.known
        scale = scale_last_layer(module, loop.predict(valid_tokens)[known], guard.judge.targets, setting.task.activation)
        chosen = {**_chosen(course), "score_scale": scale, "precision": choice.note}
        weights = sum(weight.numel() for weight in module.parameters())
        facts = FitFacts(weights, weights, float(tokens.cut.mean()), chosen, course.curves, watch.seconds, notes + _notes(course))
        return FittedFull(setting.task, setting.steps, module, tokeniser, setting.model, options, facts)


class Guard:
    """Marks the validation rows at every look, and calls a run broken that predicts one class only or is no better than the majority."""

    def __init__(self, task: Task, targets: npt.NDArray[Any], valid: TextSet) -> None:
        self.activation = task.activation
        self.judge = Judge.of(task, valid)
        self.floor = self.judge(np.tile(class_shares(task, targets), (len(valid), 1)))
        self.varied = len(np.unique(self.judge.targets, axis=0)) > 1
        self.best: tuple[Mark, bool] | None = None

    def __call__(self, scores: npt.NDArray[np.float32], progress: float) -> Mark:
        """Mark of these scores, at this share of the planned steps.

        Raises:
            Broken: too late to predict one class only with a loss no better than the majority's.
        """
        if not len(self.judge.known):
            return progress, 0.0  # nothing to judge by: the last look is the best
        proba = to_proba(scores, self.activation)
        mark = self.judge(proba)
        decided = proba.argmax(axis=1) if self.activation == "softmax" else proba >= 0.5
        constant = self.varied and len(np.unique(decided[self.judge.known], axis=0)) == 1
        if self.best is None or mark > self.best[0]:
            self.best = mark, constant
        if constant and progress >= TOO_EARLY and mark[1] <= self.floor[1]:
            raise Broken("it predicts one class only")
        return mark

    def finish(self) -> None:
        """Hold the best look against the majority.

        Raises:
            Broken: it predicts one class only, or marks no higher.
        """
        if self.best is None or not self.varied:
            return
        mark, constant = self.best
        if constant:
            raise Broken("it predicts one class only")
        if mark <= self.floor:
            raise Broken(f"on the validation rows it is no better than the majority class ({self.judge.metric} {mark[0]:.3f} against {self.floor[0]:.3f})")


def _chosen(course: Course) -> dict[str, Any]:
    looks = course.curves["valid"]
    best = max(range(len(looks)), key=lambda look: (looks[look], -course.curves["valid_log_loss"][look]))
    step, last = course.curves["valid_step"][best], len(course.curves["loss"])
    return {"step": step, "epochs": round(course.epochs(step), 2), "epochs_trained": round(course.epochs(last), 3)}


def _notes(course: Course) -> tuple[str, ...]:
    if course.planned == course.asked:
        return ()
    return (f"{course.epochs(course.planned):.1f} epochs instead of {course.epochs(course.asked):.1f}: the budget allows no more.",)
