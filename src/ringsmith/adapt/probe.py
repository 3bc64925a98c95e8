"""The recipe `probe`: the backbone stays frozen; a linear head learns on its vectors, encoded once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.choose import Judge
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.encoder import Encoder
from ringsmith.adapt.folder import MANIFEST, new_folder, write_manifest
from ringsmith.adapt.linear import Linear, calibrate, to_proba
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.adapt.mixtures import MIXTURES, Layers, Vectors, features
from ringsmith.adapt.options import hold, read_options
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting
from ringsmith.adapt.search import Search
from ringsmith.backbones import Backbone, encode, load_backbone
from ringsmith.backbones.load import Precision
from ringsmith.backbones.pooling import Pooling
from ringsmith.backbones.precision import possible_precisions
from ringsmith.catalogue import LocalModel
from ringsmith.catalogue.inspect import inspect_folder, weight_files
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "head.safetensors"
KEPT = (".json", ".txt", ".model")
LEFT_OUT = (MANIFEST, FILE, "modules.json", "config_sentence_transformers.json", "data_config.json")
"""Files of a backbone's folder that would claim to be something the saved folder is not."""


@dataclass(frozen=True)
class ProbeOptions:
    """Options of the recipe `probe`.

    Attributes:
        mixtures: the mixtures of layers that are tried (see `MIXTURES`), the likeliest first; the validation rows choose.
        strengths: values of C, rising; each mixture walks up as long as it helps.
        pooling: how a text's tokens become one vector.
        precision: what the backbone multiplies in: ``"float32"``, ``"bfloat16"``, ``"int8"``, or ``"auto"``: the fastest that was measured to
            give the same vectors on this machine. It is saved with the model, which keeps it wherever the machine has it.
    """

    mixtures: tuple[str, ...] = ("all", "last4")
    strengths: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    pooling: Pooling = "mean"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mixtures", tuple(self.mixtures))
        object.__setattr__(self, "strengths", tuple(sorted(self.strengths)))
        hold(
            self,
            (
                ("mixtures", lambda names: len(names) > 0 and set(names) <= MIXTURES.keys(), f"some of {', '.join(MIXTURES)}"),
                ("strengths", lambda values: len(values) > 0 and values[0] > 0, "one or more numbers above 0"),
                ("precision", lambda name: name in ("auto", "float32", "bfloat16", "int8"), "auto, float32, bfloat16 or int8"),
                ("pooling", lambda name: name in ("mean", "cls", "last"), "mean, cls or last"),
            ),
        )


class FittedProbe(Fitted):
    """A frozen backbone and a linear head.

    Attributes:
        backbone: as `load_backbone` gives it.
        head: scores of the mixture's columns, calibrated.
        mixture: name of the mixture of layers.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "probe"

    def __init__(self, task: Task, steps: TextSteps, backbone: Backbone, head: Linear, mixture: str, options: ProbeOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.backbone = backbone
        self.head = head
        self.mixture = mixture
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(self.head.scores(self.embed(texts, pairs)), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return features(self.mixture, self._layers(texts), None if pairs is None else self._layers(pairs))

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            copy_backbone(self.backbone.model, scratch)
            save_file({"weights": self.head.weights, "bias": self.head.bias}, scratch / FILE)
            options = {**asdict(self.options), "mixtures": [self.mixture], "precision": self.backbone.precision}
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.backbone.model, options=options)

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedProbe:
        options = read_options(ProbeOptions, manifest["options"], recipe=cls.recipe)
        about = manifest["backbone"]
        model = inspect_folder(folder, name=about["name"], revision=about["revision"], licence=about["licence"])
        known = options.precision == "float32" or options.precision in possible_precisions()
        backbone = load_backbone(model, threads=threads, precision=options.precision if known else "auto")
        arrays = load_file(folder / FILE)
        head = Linear(arrays["weights"], arrays["bias"])
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), backbone, head, options.mixtures[0], options)

    def _layers(self, texts: Sequence[str]) -> Vectors:
        return encode(self.backbone, self.steps.apply_all(texts), layers="all", pooling=self.options.pooling, cache=False)


class Probe(Recipe):
    """Encodes every row once, then tries mixtures of layers and strengths of the head on the validation rows."""

    name: ClassVar[str] = "probe"
    fitted: ClassVar[type[Fitted]] = FittedProbe

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(ProbeOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedProbe:
        assert self.setting.model is not None, "create_recipe sees to it"
        watch = Stopwatch()
        with watch.stage("load"):
            backbone = load_backbone(self.setting.model, threads=self.setting.threads, precision=self.options.precision)
        with watch.stage("encode"):
            encoder = Encoder(backbone, self.setting, self.options.pooling, budget)
            layers, notes = encoder.layers_that_fit(len(train) + len(valid), train.pairs is not None)
            valid_layers = encoder.encode(valid, layers)
            train, more_notes = encoder.rows_that_fit(train)
            train_layers = encoder.encode(train, layers)
            cut = encoder.truncated_share(train)
        with watch.stage("train"):
            found = self._search(train_layers, self.setting.task.targets(train.labels or []), valid_layers, Judge.of(self.setting.task, valid, by_loss=True), budget)
        head, chosen = found.winner.model, dict(found.winner.setting) | {"precision": backbone.precision_note}
        facts = FitFacts(backbone.model.parameters + _size(head), _size(head), cut, chosen, {}, watch.seconds, notes + more_notes + found.notes)
        return FittedProbe(self.setting.task, self.setting.steps, backbone, head, str(chosen["mixture"]), self.options, facts)

    def _search(self, train_layers: Layers, targets: npt.NDArray[Any], valid_layers: Layers, judge: Judge, budget: Budget) -> Search[Linear]:
        """Every mixture along its path of strengths; one mixture's vectors are in memory at a time."""
        task = self.setting.task
        names = self.options.mixtures if train_layers[0].shape[1] > 1 else ("last",)
        current: dict[str, tuple[LogisticPath, Vectors]] = {}

        def trial(setting: Mapping[str, Any]) -> tuple[Linear, Floats]:
            name = setting["mixture"]
            self.setting.report(Progress("train", found.tried, None, "settings", f"{name} C {setting['C']:g}"))
            if name not in current:
                current.clear()
                current[name] = LogisticPath(features(name, *train_layers), targets, len(task.labels), task.activation), features(name, *valid_layers)
            path, valid_rows = current[name]
            head = path.solve(setting["C"], budget)
            if len(judge.known):
                head = calibrate(head, head.scores(valid_rows[judge.known]), judge.targets, task.activation)
            return head, to_proba(head.scores(valid_rows), task.activation)

        found: Search[Linear] = Search(trial, judge, budget)
        for name in names:
            found.climb({"mixture": name, "C": strength} for strength in self.options.strengths)
        return found


def copy_backbone(model: LocalModel, folder: Path) -> None:
    """Copy a backbone's weights, config and tokenizer into `folder`, so that transformers' AutoModel loads it."""
    source = Path(model.folder)
    small = [path for path in source.iterdir() if path.is_file() and path.suffix in KEPT and path.name not in LEFT_OUT]
    for path in {*small, *weight_files(source)}:
        shutil.copyfile(path, folder / path.name)


def _size(head: Linear) -> int:
    return int(head.weights.size + head.bias.size)
