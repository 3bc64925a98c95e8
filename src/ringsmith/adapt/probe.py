"""The recipe `probe`: the backbone stays frozen; a linear head learns on its vectors, encoded once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.borders import Movable, evened
from ringsmith.adapt.choose import surely_better
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.encoder import Encoder, Long, View, layers_of
from ringsmith.adapt.folder import MANIFEST, new_folder, write_manifest
from ringsmith.adapt.judgedpath import JudgedPath
from ringsmith.adapt.jury import Jury
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.adapt.mixtures import Vectors, features
from ringsmith.adapt.options import read_options
from ringsmith.adapt.probe_options import ProbeOptions
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting, in_chunks
from ringsmith.adapt.search import Search, Trial
from ringsmith.backbones import Backbone, load_backbone
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


class Head(Movable, Protocol):
    """What turns the vectors of a frozen backbone into scores."""

    def scores(self, rows: Floats) -> npt.NDArray[np.float32]:
        """Scores (n, K), or (n, 1) for two classes, of vectors (n, d)."""

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """What a file of it holds."""


class FittedProbe(Fitted):
    """A frozen backbone and a head.

    Attributes:
        backbone: as `load_backbone` gives it.
        head: scores of the mixture's columns, calibrated.
        mixture: name of the mixture of layers.
        long: what becomes of texts longer than the backbone takes.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "probe"
    made_with: ClassVar[type[ProbeOptions]] = ProbeOptions
    kind_of_head: ClassVar[Callable[..., Head]] = Linear

    def __init__(self, task: Task, steps: TextSteps, backbone: Backbone, head: Head, mixture: str, long: Long, options: ProbeOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.backbone = backbone
        self.head = head
        self.mixture = mixture
        self.long = long
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(in_chunks(lambda some, seconds: self.head.scores(self.embed(some, seconds)), texts, pairs), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return features(self.mixture, self._layers(texts), None if pairs is None else self._layers(pairs))

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            copy_backbone(self.backbone.model, scratch)
            save_file(self.head.arrays(), scratch / FILE)
            options = {**asdict(self.options), "mixtures": [self.mixture], "long": [self.long], "precision": self.backbone.precision}
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.backbone.model, options=options)

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Self:
        options = read_options(cls.made_with, manifest["options"], recipe=cls.recipe)
        about = manifest["backbone"]
        model = inspect_folder(folder, name=about["name"], revision=about["revision"], licence=about["licence"])
        known = options.precision == "float32" or options.precision in possible_precisions()
        backbone = load_backbone(model, threads=threads, precision=options.precision if known else "auto")
        head = cls.kind_of_head(**load_file(folder / FILE))
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), backbone, head, options.mixtures[0], options.long[0], options)

    def _layers(self, texts: Sequence[str]) -> Vectors:
        return layers_of(self.backbone, self.steps.apply_all(texts), self.long, pooling=self.options.pooling, cache=False)


class Probe(Recipe):
    """Encodes every row once, then tries mixtures of layers and strengths of the head; the validation rows choose, and of few rows all (see `Jury`)."""

    name: ClassVar[str] = "probe"
    fitted: ClassVar[type[FittedProbe]] = FittedProbe

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(self.fitted.made_with, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedProbe:
        assert self.setting.model is not None, "create_recipe sees to it"
        watch = Stopwatch()
        with watch.stage("load"):
            backbone = load_backbone(self.setting.model, threads=self.setting.threads, precision=self.options.precision)
        with watch.stage("encode"):
            seen = Encoder(backbone, self.setting, self.options.pooling, budget).see(train, valid, self.options.long)
        with watch.stage("train"):
            targets = self.setting.task.targets(seen.train.labels or [])
            found = self._search(seen.views, targets, Jury.of(self.setting.task, seen.train, valid, self.setting.metric, seed=self.setting.seed), budget)
        head, told, notes = evened(found.winner.model, found.winner.proba, found.judge, self.setting.task, targets)
        chosen = {**found.winner.setting, **told, "precision": backbone.precision_note}
        way: Long = chosen.get("long", next(iter(seen.views)))
        cut, hurried = seen.views[way].truncated_share, seen.hurried or found.cut_off
        facts = FitFacts(backbone.model.parameters + _size(head), _size(head), cut, chosen, {}, watch.seconds, seen.notes + found.notes + notes, hurried)
        return self.fitted(self.setting.task, self.setting.steps, backbone, head, str(chosen["mixture"]), way, self.options, facts)

    def _search(self, views: Mapping[Long, View], targets: npt.NDArray[Any], jury: Jury, budget: Budget) -> Search[Any]:
        """Every view and mixture along its path of strengths; one mixture's vectors are in memory at a time. The first stays unless another is surely better."""
        current: dict[tuple[Long, str], JudgedPath] = {}

        def trial(setting: Mapping[str, Any]) -> tuple[Linear, Floats]:
            way, name = setting.get("long", next(iter(views))), setting["mixture"]
            self.setting.report(Progress("train", found.tried, None, "settings", f"{name} C {setting['C']:g}"))
            if (way, name) not in current:
                current.clear()
                current[way, name] = JudgedPath(features(name, *views[way].train), features(name, *views[way].valid), targets, jury)
            return current[way, name].solve(setting["C"], budget)

        def better(one: Trial[Linear], other: Trial[Linear]) -> bool:
            kin = {**one.setting, "C": 0} == {**other.setting, "C": 0}
            return one.mark > other.mark if kin else surely_better(jury.judge, one.proba, other.proba)

        found = Search(trial, jury.judge, budget, better)
        for way, view in views.items():
            where = {"long": way} if len(views) > 1 else {}
            for name in self.options.mixtures if view.train[0].shape[1] > 1 else ("last",):
                found.climb({**where, "mixture": name, "C": strength} for strength in self.options.strengths)
        return found


def copy_backbone(model: LocalModel, folder: Path) -> None:
    """Copy a backbone's weights, config and tokenizer into `folder`, so that transformers' AutoModel loads it."""
    source = Path(model.folder)
    small = [path for path in source.iterdir() if path.is_file() and path.suffix in KEPT and path.name not in LEFT_OUT]
    for path in {*small, *weight_files(source)}:
        shutil.copyfile(path, folder / path.name)


def _size(head: Head) -> int:
    return sum(array.size for array in head.arrays().values())
