"""The recipe `prompt`: a pre-trained model is asked, not trained; the labels' own words say what they mean.

    causal model   likelihood of each label's words after instruction, examples and text (`prompt_likelihood`)
    NLI model      whether "This text is about <label>." follows from the text (`prompt_entailment`)
    encoder        nearness of the text to the label's words (`prompt_similarity`)
    endpoint       a chat model's answer, mapped to a label (`prompt_endpoint`)

The kind of model says which. From the rows it takes examples (causal models, endpoints), which inclination to take away, and one
temperature: validation rows choose all three.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ringsmith._optional import try_import
from ringsmith.adapt.choose import Judge, Mark
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.folder import new_folder, write_json, write_manifest
from ringsmith.adapt.options import read_options
from ringsmith.adapt.prompt_calibrate import Calibration, Evidence, calibrations
from ringsmith.adapt.prompt_way import Given, PromptOptions, Report, Saved, Way, describe_note, label_words
from ringsmith.adapt.recipe import FitFacts, Fitted, Pace, Progress, Recipe, Setting
from ringsmith.catalogue import LocalModel, inspect_folder
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "prompt.json"
WAYS = {
    "likelihood": "ringsmith.adapt.prompt_likelihood:Likelihood",
    "entailment": "ringsmith.adapt.prompt_entailment:Entailment",
    "similarity": "ringsmith.adapt.prompt_similarity:Similarity",
    "endpoint": "ringsmith.adapt.prompt_endpoint:Asked",
}
MOST_VALID = 500
"""Validation rows that are asked to choose by: a temperature and one of a few settings need no more, and each costs a full answer."""
FEWEST_VALID, FIRST = 20, 16
SHARE = 0.6
"""Of the time left, this share may go into a candidate's validation rows."""


class FittedPrompt(Fitted):
    """A model that is asked.

    Attributes:
        way: how.
        calibration: scores -> probabilities.
        model: the model that is asked.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "prompt"

    def __init__(self, task: Task, steps: TextSteps, way: Way, calibration: Calibration, model: LocalModel, options: PromptOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.way, self.calibration, self.model, self.options = way, calibration, model, options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return self.calibration(score_rows(self.way, self.steps, TextSet(texts, pairs=pairs)), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return self.way.embed(self.steps.apply_all(texts), None if pairs is None else self.steps.apply_all(pairs))

    def pace(self) -> Pace | None:
        return self.way.pace()

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            content = self.way.save(scratch)
            write_json(scratch / FILE, {"way": self.way.name, "content": content})
            self.calibration.save(scratch)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.model, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedPrompt:
        saved = json.loads((folder / FILE).read_bytes().decode("utf-8", "surrogatepass"))
        task, about = task_from_json(manifest["task"]), manifest["backbone"]
        names = {name: about[name] for name in ("name", "revision", "licence")}
        model = endpoint_model(saved["content"], about) if saved["way"] == "endpoint" else inspect_folder(folder, **names)
        way = way_class(saved["way"]).load(Saved(saved["content"], model, task, threads))
        return cls(task, TextSteps.from_json(manifest["steps"]), way, Calibration.load(folder), model, read_options(PromptOptions, manifest["options"], recipe=cls.recipe))


@dataclass(frozen=True, eq=False)
class Best:
    """What the validation rows like best so far."""

    mark: Mark
    way: Way
    calibration: Calibration
    calibrated: str


class Prompt(Recipe):
    """Asks the validation rows with every candidate and takes the one under which their labels are likeliest."""

    name: ClassVar[str] = "prompt"
    fitted: ClassVar[type[Fitted]] = FittedPrompt
    learns_names: ClassVar[bool] = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(PromptOptions, {**_told(setting.model), **setting.options}, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedPrompt:
        model, task = self.setting.model, self.setting.task
        assert model is not None, "create_recipe sees to it"
        watch, notes, cut = Stopwatch(), describe_note(label_words(task, self.options.describe)), list[str]()
        # By chance and in no order: the first of them must stand for all, also where a table is sorted by class.
        chosen = np.random.default_rng(self.setting.seed).permutation(len(valid))[:MOST_VALID]
        train, valid = _prepared(train, self.setting.steps), _prepared(valid.take(chosen), self.setting.steps)
        shares = task.shares(task.targets(train.labels)) if train.labels else np.full(len(task.labels), 1 / len(task.labels))
        best: Best | None = None
        for way in self._candidates(model, train, budget, watch):
            if best is not None and self._no_time_for_another(watch, budget, cut):
                break
            with watch.stage("ask"):
                valid = self._that_fit(way, valid, budget, cut) if best is None else valid
                best = max(filter(None, (best, *self._judged(way, valid, shares, budget))), key=lambda found: found.mark)
        assert best is not None, "every way has a candidate"
        return FittedPrompt(task, self.setting.steps, best.way, best.calibration, model, self.options, self._facts(best, train, watch, (*notes, *cut), hurried=bool(cut)))

    def _candidates(self, model: LocalModel, train: TextSet, budget: Budget, watch: Stopwatch) -> Iterator[Way]:
        """As the way gives them; what it takes to make them counts as loading."""
        ways = way_class(way_of(model)).candidates(Given(self.setting, self.options, train, budget))
        while True:
            with watch.stage("load"):
                way = next(ways, None)
            if way is None:
                return
            yield way

    def _that_fit(self, way: Way, valid: TextSet, budget: Budget, cut: list[str]) -> TextSet:
        """As many validation rows as can be asked in the time left, at the pace of the first few; `cut` is told where these are not all.

        Raises:
            BudgetError: hardly any.
        """
        if budget.seconds is None or not len(valid):
            return valid
        start = budget.used()
        score_rows(way, TextSteps(), valid.take(range(min(FIRST, len(valid)))), self._reporter(budget, len(valid)))
        each = max(budget.used() - start, 1e-4) / min(FIRST, len(valid))
        fitting = int(SHARE * budget.remaining() / each)
        if fitting >= len(valid):
            return valid
        if fitting < FEWEST_VALID:
            reached = f"an answer takes {each:.2f} s, and {max(budget.remaining(), 0):.1f} s are left"
            raise BudgetError.of(f"Prompting {_name(self.setting)!r}", budget.seconds, reached)
        cut.append(f"{fitting:,} of {len(valid):,} validation rows were asked: the budget allows no more.")
        return valid.take(range(fitting))

    def _no_time_for_another(self, watch: Stopwatch, budget: Budget, cut: list[str]) -> bool:
        if watch.seconds["ask"] * 1.5 <= budget.remaining():
            return False
        cut.append("Prompts with more examples were not tried: the budget allows no more.")
        return True

    def _judged(self, way: Way, valid: TextSet, shares: Floats, budget: Budget) -> Iterator[Best]:
        """The candidate under each calibration."""
        activation, judge = self.setting.task.activation, Judge.of(self.setting.task, valid, self.setting.metric, by_loss=True)
        raw = score_rows(way, TextSteps(), valid, self._reporter(budget))
        blank = None if activation == "sigmoid" else way.blank_scores(pairs=valid.pairs is not None)
        for name, calibration in calibrations(Evidence(raw[judge.known], judge.targets, blank, shares), activation):
            yield Best(judge(calibration(raw, activation)), way, calibration, name)

    def _reporter(self, budget: Budget, rows: int | None = None) -> Report:
        """Tells how far it is, and ends it in time; `rows` are those to be asked in all, where these are the first of them."""

        def report(done: int, total: int) -> None:
            if budget.remaining() <= 0:
                asked = f"{done:,} of {rows or total:,} rows were asked, and the test rows need time, too"
                raise BudgetError.of(f"Prompting {_name(self.setting)!r}", budget.seconds, asked)
            self.setting.report(Progress("ask", done, total, "rows"))

        return report

    def _facts(self, best: Best, train: TextSet, watch: Stopwatch, notes: Sequence[str], *, hurried: bool) -> FitFacts:
        size = best.calibration.scale.size + best.calibration.shift.size
        sample = _some(train, MOST_VALID, self.setting.seed)
        chosen = {"way": best.way.name, **best.way.chosen, "calibration": best.calibrated, "scale": round(float(best.calibration.scale.mean()), 3)}
        cut = best.way.truncated_share(sample.texts, sample.pairs)
        return FitFacts(best.way.parameters + size, size, cut, chosen, {}, watch.seconds, (*best.way.notes(), *notes), hurried)


def way_of(model: LocalModel) -> str:
    """How a model of this kind is asked, from its config alone."""
    if model.kind == "endpoint":
        return "endpoint"
    try_import("torch", purpose="the recipe 'prompt' with a model on this machine")
    from ringsmith.backbones.causal import is_causal
    from ringsmith.backbones.entailment import entailment_columns

    if entailment_columns(model) is not None:
        return "entailment"
    return "likelihood" if is_causal(model) else "similarity"


def way_class(name: str) -> type[Way]:
    """The class of a way, imported only now: an endpoint needs no torch.

    Raises:
        MissingExtra: any other way does, and it is not installed.
    """
    if name != "endpoint":
        try_import("torch", purpose="the recipe 'prompt' with a model on this machine")
    module, _, cls = WAYS[name].partition(":")
    found: type[Way] = getattr(importlib.import_module(module), cls)
    return found


def endpoint_model(content: Mapping[str, Any], about: Mapping[str, Any]) -> LocalModel:
    """The model behind an endpoint as a saved folder tells it."""
    settings = content["settings"]
    return LocalModel(about["name"], settings["url"], None, None, about["weights_sha256"], 0.0, "endpoint", 0, 0, 0, None, kind="endpoint", settings=settings)


def score_rows(way: Way, steps: TextSteps, rows: TextSet, report: Report | None = None) -> Floats:
    """Scores (n, K) of rows, equal ones asked once."""
    prepared = _prepared(rows, steps)
    keys = list(zip(prepared.texts, prepared.pairs or prepared.texts, strict=True))
    first = {key: number for number, key in reversed(list(enumerate(keys)))}
    unique = sorted(first.values())
    place = {number: at for at, number in enumerate(unique)}
    asked = prepared.take(unique)
    scores = way.scores(asked.texts, asked.pairs, report)
    return scores[np.array([place[first[key]] for key in keys], dtype=np.int64)]


def _prepared(rows: TextSet, steps: TextSteps) -> TextSet:
    return replace(rows, texts=steps.apply_all(rows.texts), pairs=None if rows.pairs is None else steps.apply_all(rows.pairs))


def _some(rows: TextSet, most: int, seed: int) -> TextSet:
    """All rows, or `most` of them drawn by chance."""
    return rows if len(rows) <= most else rows.take(np.sort(np.random.default_rng(seed).permutation(len(rows))[:most]))


def _told(model: LocalModel | None) -> dict[str, Any]:
    """What was said of the labels where the model was named."""
    describe = model.settings.get("describe") if model is not None else None
    return {"describe": describe} if describe else {}


def _name(setting: Setting) -> str:
    return setting.model.name if setting.model is not None else ""
