"""Recipes that train a transformer by the loop in `loop.py`: all of it or some of it, with what is added to it or without.

load       the backbone with a fresh head over the task's labels
prepare    the recipe's own: which weights move, what is put in
train      the loop, watched by `Guard`; a run that breaks starts once more with another seed and half the rates
finish     the recipe's own: what was put in becomes part of the weights
hand over  a plain Hugging Face folder, whatever was trained

Tried and left out (LOG.md): label smoothing of 0.1 (Szegedy et al., 2016), which cost `partial` 1.5 to 2.4 points of accuracy, gave `full` what chance
explains, and made log loss no better or worse; rates that fall by a tenth with every layer downwards, which gained nothing in `full` on cr (one seed).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ringsmith.adapt.balance import class_weights
from ringsmith.adapt.choose import metric_for
from ringsmith.adapt.classifier import Feed, scale_last_layer, scores_of, vectors_of
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.dropout import ease_dropout, set_dropout
from ringsmith.adapt.finetune_options import TOKENS_OF_GPU, FineTuneOptions
from ringsmith.adapt.firsthead import fit_first_head
from ringsmith.adapt.firsttoken import read_first_token
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.fused import fused_layers
from ringsmith.adapt.guard import Guard
from ringsmith.adapt.linear import to_proba
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.memory import notes_of, parts_for
from ringsmith.adapt.options import read_options
from ringsmith.adapt.pacing import Course, Pacing
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.reading import choose_reading
from ringsmith.adapt.recipe import FitFacts, Fitted, Recipe, Setting
from ringsmith.adapt.recompute import is_recomputed, keep_all
from ringsmith.adapt.restart import start_twice
from ringsmith.adapt.unknown import note_of_unknown
from ringsmith.backbones import Tokeniser, load_classifier, save_classifier
from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.load import best_device, set_threads
from ringsmith.backbones.meanlayer import is_read_by_mean
from ringsmith.backbones.pays import training_precision
from ringsmith.backbones.precision import Choice
from ringsmith.catalogue import LocalModel, inspect_folder
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps


class FineTuned(Fitted):
    """A fine-tuned transformer with its head: a plain Hugging Face model. Predicts in float32, so that it agrees with transformers' own pipeline.

    Attributes:
        module: the classifier.
        tokeniser: its tokenizer.
        model: the backbone it came from.
        options: what it was made with.
    """

    kind: ClassVar[type[FineTuneOptions]]

    def __init__(self, task: Task, steps: TextSteps, module: Any, tokeniser: Tokeniser, model: LocalModel, options: FineTuneOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.module = module.to(best_device()).eval()
        self.tokeniser = tokeniser
        self.model = model
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(scores_of(self.module, self._feed(texts, pairs)), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return vectors_of(self.module, self._feed(texts, pairs))

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            save_classifier(self.tokeniser, self.module, scratch)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.model, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Self:
        set_threads(threads)
        task, about = task_from_json(manifest["task"]), manifest["backbone"]
        model = inspect_folder(folder, name=about["name"], revision=about["revision"], licence=about["licence"])
        tokeniser, module = load_classifier(model, task.labels, multilabel=task.activation == "sigmoid")
        read_first_token(module)
        options = read_options(cls.kind, manifest["options"], recipe=cls.recipe)
        return cls(task, TextSteps.from_json(manifest["steps"]), module, tokeniser, model, options)

    def _feed(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Feed:
        return feed_of(self.tokeniser, self.steps, texts, pairs)


def feed_of(tokeniser: Tokeniser, steps: TextSteps, texts: Sequence[str], pairs: Sequence[str] | None) -> Feed:
    """Prepared and tokenised rows, ready for batches."""
    return Feed(tokeniser(steps.apply_all(texts), None if pairs is None else steps.apply_all(pairs)), tokeniser.pad_id)


class FineTuning(Recipe):
    """Tokenises once, trains, starts once more with another seed and half the rates if the run breaks, else refuses it."""

    fitted: ClassVar[type[FineTuned]]

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options: FineTuneOptions = read_options(self.fitted.kind, setting.options, recipe=self.name)

    @abstractmethod
    def prepare(self, module: Any) -> None:
        """Say which weights of the classifier move (``requires_grad``), or put in what shall move instead; in place, drawn from torch's own generator."""

    def feeds(self, module: Any, train: Feed, valid: Feed, budget: Budget) -> tuple[Feed, Feed]:
        """The rows as the prepared classifier takes them; what never changes on the way may be computed here, once."""
        del module, budget
        return train, valid

    def remarks(self) -> tuple[str, ...]:
        """What the reader should know of this fit, a sentence each."""
        return ()

    def finish(self, module: Any) -> Any:
        """The plain classifier of transformers that is handed over."""
        return module

    @property
    def finishes_as_trained(self) -> bool:
        """Whether what `finish` hands over scores as what was trained does, so that the scores need not be made again."""
        return True

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FineTuned:
        if budget.remaining() <= 0:
            raise BudgetError.of(f"The recipe {self.name!r}", budget.seconds, "it was over before it could begin")
        set_threads(self.setting.threads)
        watch = Stopwatch()

        def start(attempt: int, notes: tuple[str, ...]) -> FineTuned:
            return self._attempt(attempt, train, valid, budget, watch, notes)

        return start_twice(start, name=f"{self._model.name}+{self.name}", seed=self.setting.seed, slower="half the rates", budget=budget, watch=watch)

    @property
    def _model(self) -> LocalModel:
        assert self.setting.model is not None, "create_recipe sees to it"
        return self.setting.model

    def _attempt(self, attempt: int, train: TextSet, valid: TextSet, budget: Budget, watch: Stopwatch, notes: tuple[str, ...]) -> FineTuned:
        """One start: load, prepare, train, finish."""
        setting, options, seed = self.setting, self.options, self.setting.seed + attempt
        task = setting.task
        with watch.stage("load"):
            tokeniser, module = load_classifier(self._model, task.labels, multilabel=task.activation == "sigmoid", seed=seed)
        with watch.stage("tokenise"):
            rows, valid_rows = (feed_of(tokeniser, setting.steps, part.texts, part.pairs) for part in (train, valid))
        targets = task.targets(train.labels or [])
        weights = class_weights(options.class_weights, task, targets, metric_for(task, task.targets(valid.labels or []), setting.metric))
        guard = Guard(task, targets, valid, setting.metric, setting.floors, weights)
        with watch.stage("train"):
            choice = self._precision()
            pacing = self._pacing(attempt, len(train), low=choice.precision == "bfloat16")
            reading = choose_reading(module, self._reads, rows, targets, task.activation, valid_rows, guard.judge, low=pacing.low_precision, seed=seed, budget=budget)
            with own_chance(seed):
                self.prepare(module)
            read_first_token(module)
            set_dropout(module, options.dropout)
            loop = Loop(module, pacing, setting.report, pause=self._pause(attempt, reading))
            ease_dropout(module)
            rows, valid_rows = self.feeds(module, rows, valid_rows, budget)
            with loop.accelerator.autocast() if module.device.type == "cuda" else nullcontext():  # on CPUs its overhead was measured in float32
                loop.parts = parts_for(module, rows, pacing.max_tokens, pacing.max_rows)
            with fused_layers(module, low=pacing.low_precision):
                with loop.accelerator.autocast():
                    fit_first_head(module, rows, targets, task.activation, valid_rows, guard.judge, seed=seed, budget=budget)
                course = loop.train(rows, targets, valid_rows, guard, seed=seed, budget=budget, weights=weights)
        guard.finish()
        twice, moved = is_recomputed(module), sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
        keep_all(module)
        trained = loop.predict(valid_rows) if self.finishes_as_trained else None
        module = self.finish(module)
        scores = (loop.predict(valid_rows) if trained is None else trained)[guard.judge.known]
        scale = scale_last_layer(module, scores, guard.judge.targets, task.activation)
        chosen = {
            **_chosen(course),
            "metric": guard.judge.metric.name,
            "score_scale": scale,
            "precision": choice.note,
            **({} if weights is None else {"class_weights": "balanced"}),
        }
        total = sum(weight.numel() for weight in module.parameters())
        facts = FitFacts(
            total, moved, float(rows.tokens.cut.mean()), chosen, course.curves, watch.seconds,
            notes + reading + self.remarks() + _notes(course) + notes_of(loop.parts, twice=twice) + note_of_unknown(tokeniser, rows.tokens, self._model.name),
            hurried=course.planned != course.asked,
        )  # fmt: skip
        return self.fitted(task, setting.steps, module, tokeniser, self._model, options, facts)

    @property
    def _reads(self) -> str:
        """What the head is to read; where the folder says it, there is nothing to choose."""
        return "token" if is_read_by_mean(self._model.folder) else self.options.reads

    def _pause(self, attempt: int, reading: tuple[str, ...]) -> Pause | None:
        path = self.setting.pause
        return None if path is None else Pause(path, f"{path.name}, {self.name}, attempt {attempt}, {self.options}, {bool(reading)}")

    def _pacing(self, attempt: int, rows: int, *, low: bool) -> Pacing:
        pacing = self.options.pacing(attempt, rows, classes=len(self.setting.task.labels), width=self._model.hidden, low=low)
        return replace(pacing, max_tokens=TOKENS_OF_GPU) if self.options.max_tokens is None and best_device() == "cuda" else pacing

    def _precision(self) -> Choice:
        return training_precision(self.options.precision, self._model.hidden)


def _chosen(course: Course) -> dict[str, Any]:
    assert course.kept_step is not None, "the training is over"
    return {"step": course.kept_step, "epochs": round(course.epochs(course.kept_step), 2), "epochs_trained": round(course.epochs(course.steps), 3)}


def _notes(course: Course) -> tuple[str, ...]:
    return (f"{course.epochs(course.planned):.1f} epochs instead of {course.epochs(course.asked):.1f}: the budget allows no more.",) if course.planned != course.asked else ()
