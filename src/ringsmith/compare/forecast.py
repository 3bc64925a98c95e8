"""How long will it take, and how much memory? Answered without loading torch, and better after every run.

A transformer's work is counted: 24 x layers x hidden^2 operations a token for the matrices and 4 x layers x hidden x length for attention
(Kaplan et al. 2020, table 1, with d_ff = 4 x hidden; times 3 for a training step), over the speed of a matrix product measured here. All
constants are priors from one 2-core machine; `Forecaster.learn` replaces them by what the runs of this comparison really took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ringsmith.catalogue import LocalModel
from ringsmith.compare.machine import Machine
from ringsmith.compare.space import Entrant
from ringsmith.records import RunResult

CHARS_PER_TOKEN = 4.0
"""A word piece of Latin script; scripts without spaces have about one token a character (`tokens_of`)."""
SPECIAL_TOKENS = 2
LONGEST = 512
"""Tokens of a text that are read where the model itself knows no limit."""
EFFICIENCY = 0.6
"""Share of the matrix-product speed that a whole float32 forward pass of small batches reaches."""
SAMPLE = 2000
TRAINING, MOST_EPOCHS, ROWS_OF_A_BATCH = 3, 20, 32
FORKED_SECONDS, IMPORT_SECONDS = 1.0, 6.0
"""Where runs share their imports: to start one of them, and what those on a transformer import, once for all."""
LEARNED, GUESSED = 1.25, 2.5
"""What forecasts are stretched by where a deadline hangs on them, see `Forecaster.sure`."""
SECONDS_PER_MB_OF_VECTORS = 0.02
"""To parse a file of word vectors; forms that are mapped take less."""
VECTORS_IN_MEMORY = 3.0
"""Times its size on disk that a file of word vectors takes at its peak, a packed one included."""
AT_LEAST = 0.2
"""Share of what is the same for every number of rows that is needed at least: on a machine that has compiled what it runs."""
STREAMED_MB = 1_000.0
"""What recipes keep of features at most before they stream them or take fewer."""
SECONDS_PER_ANSWER, MOST_ASKED = 0.15, 500
"""Of a model behind an endpoint, several asked at once; to choose by, no more validation rows are asked than these."""
SAVING_SECONDS, SAVING_A_MODEL_SECONDS = 0.7, 1.3
"""To save, and to end the process; where a pre-trained model is part of it."""
MEASURING_SECONDS, MEASURING_A_MODEL_SECONDS = 0.3, 1.2
"""Single predictions, which the first run of a candidate measures for all of them."""


@dataclass(frozen=True)
class Workload:
    """The rows of one run, and how long their texts are.

    Attributes:
        train: rows to fit on.
        other: rows to choose by and to report on.
        chars: mean length of a text in characters (pairs together).
        tokens: lengths of a sample of the texts in tokens of a usual tokenizer.
        classes: different labels.
    """

    train: int
    other: int
    chars: float
    tokens: tuple[int, ...]
    classes: int = 2

    def tokens_per_row(self, longest: int | None) -> float:
        """Mean number of tokens of a text that is cut at `longest`."""
        return float(np.minimum(np.asarray(self.tokens), longest or LONGEST).mean())


@dataclass(frozen=True)
class Cost:
    """What is known of a recipe before it ran here.

    Attributes:
        start_seconds: to start its process and import what it stands on.
        passes: forward passes over the training rows.
        epochs: passes that train, each as dear as three forward ones (times `share`): at least so many ...
        steps: ... and where rows are few as many as give about this many batches, as far as `MOST_EPOCHS`.
        steps_a_class: the same for each class, if that is more.
        least_steps: batches after which there is something worth having, but never less than one pass; None where all of the work is needed.
        seconds_per_megachar: work that grows with the text and needs no transformer.
        once_seconds: work that is the same for every number of rows, of which `AT_LEAST` is needed where nothing stands in its way.
        windows: in so many windows a text may be read that is longer than the model takes, once more for fitting, and again to predict.
        once_tokens: tokens, one word's at a time, that go through the model whatever the rows.
        share: of a training pass, what is left of it where layers are frozen.
    """

    start_seconds: float
    passes: float = 0.0
    epochs: float = 0.0
    steps: int = 0
    steps_a_class: int = 0
    least_steps: int | None = None
    seconds_per_megachar: float = 0.0
    once_seconds: float = 0.0
    windows: int = 1
    once_tokens: int = 0
    share: float = 1.0

    def asked(self, options: Mapping[str, Any]) -> Cost:
        """The same where `options` say how many passes train."""
        epochs = options.get("epochs")
        return replace(self, epochs=epochs, steps=0, steps_a_class=0) if self.epochs and epochs is not None else self

    def forwards(self, work: Workload) -> float:
        """Forward passes over the training rows in all."""
        return self.passes + TRAINING * self.share * self._epochs(work)

    def least_forwards(self, work: Workload) -> float:
        """Forward passes after which there is something worth having."""
        if self.least_steps is None:
            return self.forwards(work)
        return self.passes + TRAINING * self.share * min(self._epochs(work), max(1.0, self.least_steps * ROWS_OF_A_BATCH / max(work.train, 1)))

    def _epochs(self, work: Workload) -> float:
        steps = max(self.steps, self.steps_a_class * work.classes)
        return max(self.epochs, min(MOST_EPOCHS, steps * ROWS_OF_A_BATCH / max(work.train, 1)))


COSTS: dict[str, Cost] = {
    "majority": Cost(start_seconds=1.0),
    "tfidf": Cost(start_seconds=2.5, seconds_per_megachar=5.0),
    "static": Cost(start_seconds=3.0, seconds_per_megachar=16.0, once_seconds=3.0),
    "distilled": Cost(start_seconds=7.0, seconds_per_megachar=16.0, once_seconds=3.0, once_tokens=90_000),
    "probe": Cost(start_seconds=7.0, passes=1.0, windows=16),
    "head": Cost(start_seconds=7.0, passes=3.0, windows=16),
    "fewshot": Cost(start_seconds=8.0, passes=3.0, epochs=1, steps=125, least_steps=1),
    "prompt": Cost(start_seconds=7.0, passes=1.0),
    "partial": Cost(start_seconds=8.0, passes=2.0, epochs=3, steps=300, steps_a_class=15, least_steps=60, share=0.5),
    "lora": Cost(start_seconds=9.0, passes=2.0, epochs=3, steps=300, steps_a_class=15, least_steps=60),
    "full": Cost(start_seconds=8.0, passes=2.0, epochs=3, steps=300, steps_a_class=15, least_steps=60),
}
"""Recipe -> prior. A recipe without a line is taken for the dearest until it has run once."""
UNKNOWN = Cost(start_seconds=8.0, passes=2.0, epochs=3, steps=300, steps_a_class=15, least_steps=60, seconds_per_megachar=12.0)


@dataclass(frozen=True)
class Forecast:
    """Seconds and memory of one run.

    Attributes:
        start: seconds until the first row is worked on.
        fit: seconds to learn.
        rest: seconds to predict and save.
        least: seconds of all this after which there is something worth having.
        memory_mb: highest resident memory.
        once: seconds besides of a run on the first split, which measures single predictions for all of them.
    """

    start: float
    fit: float
    rest: float
    least: float
    memory_mb: float
    once: float = 0.0

    @property
    def seconds(self) -> float:
        """Of a run that measures nothing."""
        return self.start + self.fit + self.rest

    def of(self, runs: int, measured: int = 1) -> float:
        """Seconds of so many runs, some of which measure."""
        return runs * self.seconds + measured * self.once

    def measured(self) -> Forecast:
        """Of a run that measures."""
        return replace(self, rest=self.rest + self.once, least=self.least + self.once, once=0.0)


@dataclass
class Forecaster:
    """Forecasts for one machine; learns from every run that ended.

    Attributes:
        machine: the machine.
        shares_imports: whether runs are forks of a process that has imported already.
        ratios: recipe -> seconds of work really taken over seconds of the prior.
        starts: recipe -> seconds really taken to start.
    """

    machine: Machine
    shares_imports: bool = False
    ratios: dict[str, float] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)

    def forecast(self, entrant: Entrant, workload: Workload) -> Forecast:
        """What one run of this candidate on these rows will take."""
        recipe = entrant.candidate.recipe
        cost = COSTS.get(recipe, UNKNOWN).asked(entrant.candidate.options)
        backbone = backbone_of(entrant)
        fit, least, rest = self._work(cost, entrant.model, workload)
        ratio = self.ratios.get(recipe, self._ratio_of_kin(entrant))
        prior = max(self.starts.values(), default=FORKED_SECONDS) if self.shares_imports else cost.start_seconds  # a fork is a fork
        start = self.starts.get(recipe, max(prior, *self._of_kin(self.starts, entrant), 0.0))
        after = rest * ratio + (SAVING_A_MODEL_SECONDS if backbone else SAVING_SECONDS)
        once = MEASURING_A_MODEL_SECONDS if backbone else MEASURING_SECONDS
        return Forecast(start, fit * ratio, after, start + least * ratio + after, _memory_mb(cost, entrant.model, workload), once)

    def sure(self, entrant: Entrant) -> float:
        """By what factor to stretch a forecast on which a deadline hangs: little where such a run has ended here, much where it is a guess."""
        known = entrant.candidate.recipe in self.ratios or bool(self._of_kin(self.ratios, entrant))
        return LEARNED if known else GUESSED

    def learn(self, entrant: Entrant, workload: Workload, result: RunResult) -> None:
        """Hold the forecast against a run that ended well.

        Of a run on a model it is the speed of its predictions that tells: its fit also loads the model and tries settings of the head,
        which would count many times over in a longer run.
        """
        seconds = result.seconds
        if result.status != "done" or not {"start", "fit", "predict"} <= seconds.keys():
            return
        recipe = entrant.candidate.recipe
        self.starts[recipe] = seconds["start"]
        if (backbone := backbone_of(entrant)) is not None:
            if result.rows_per_second:
                windows = COSTS.get(recipe, UNKNOWN).windows if result.chosen.get("long") == "windows" else 1
                self.ratios[recipe] = 1 / (result.rows_per_second * seconds_per_row(backbone, workload, self.machine, windows=windows))
            return
        fit, _, rest = self._work(COSTS.get(recipe, UNKNOWN), entrant.model, workload)
        prior = fit + rest
        if prior > 0.5:  # a shorter one says nothing about the speed
            self.ratios[recipe] = (seconds["fit"] + seconds["predict"]) / prior

    def _work(self, cost: Cost, model: LocalModel | None, workload: Workload) -> tuple[float, float, float]:
        """Seconds to fit, to fit at least, and to predict."""
        if model is not None and model.kind == "endpoint":
            fit = SECONDS_PER_ANSWER * min(workload.other, MOST_ASKED)
            return fit, fit, SECONDS_PER_ANSWER * workload.other
        text = cost.seconds_per_megachar * workload.chars / 1e6 * 2 / max(self.machine.cores, 1)
        if model is None or model.kind != "transformer" or not cost.passes:
            fit = text * workload.train + cost.once_seconds + (model.size_mb * SECONDS_PER_MB_OF_VECTORS if model else 0.0)
            fit += cost.once_tokens * 24 * model.layers * model.hidden**2 / (self.machine.gflops * 1e9 * EFFICIENCY) if model else 0.0
            return fit, fit - (1 - AT_LEAST) * cost.once_seconds, 0.2 * text * workload.other
        per_row, whole = (seconds_per_row(model, workload, self.machine, windows=windows) for windows in (1, cost.windows))
        again = whole if whole > per_row else 0.0
        fit, least = ((text + forwards * per_row + again) * workload.train for forwards in (cost.forwards(workload), cost.least_forwards(workload)))
        return fit, least, whole * workload.other

    def _ratio_of_kin(self, entrant: Entrant) -> float:
        """What other recipes that start from a model have taught, for one that has not run yet."""
        kin = self._of_kin(self.ratios, entrant)
        return float(np.median(kin)) if kin else 1.0

    def _of_kin(self, known: Mapping[str, float], entrant: Entrant) -> list[float]:
        return [value for recipe, value in known.items() if COSTS.get(recipe, UNKNOWN).passes > 0] if backbone_of(entrant) else []


def may_be_cut_short(entrant: Entrant) -> bool:
    """Whether its recipe has something worth having before all of its work is done."""
    return COSTS.get(entrant.candidate.recipe, UNKNOWN).least_steps is not None


def stands_on_transformer(entrant: Entrant) -> bool:
    """Whether it starts from a transformer, whatever it makes of it."""
    return entrant.model is not None and entrant.model.kind == "transformer"


def backbone_of(entrant: Entrant) -> LocalModel | None:
    """The transformer it reads texts with, None where there is none: word vectors, distilled ones too, cost by the text, not by layers."""
    reads = COSTS.get(entrant.candidate.recipe, UNKNOWN).passes > 0
    return entrant.model if reads and entrant.model is not None and entrant.model.kind == "transformer" else None


def seconds_per_row(model: LocalModel, workload: Workload, machine: Machine, *, windows: int = 1) -> float:
    """Seconds of one forward pass over a text of mean length, which is read in so many windows at most."""
    seen = workload.tokens_per_row((model.max_tokens or LONGEST) * windows)
    length = min(seen, model.max_tokens or LONGEST)
    operations = seen * (24 * model.layers * model.hidden**2 + 4 * model.layers * model.hidden * length)
    return operations / (machine.gflops * 1e9 * EFFICIENCY)


def workload(texts: Sequence[str], pairs: Sequence[str] | None, *, train: int, other: int, classes: int = 2, seed: int = 0) -> Workload:
    """The workload of a run, from a sample of all texts."""
    index = np.random.default_rng(seed).choice(len(texts), size=min(SAMPLE, len(texts)), replace=False)
    sample = [texts[i] if pairs is None else f"{texts[i]} {pairs[i]}" for i in index]
    return Workload(train, other, float(np.mean([len(text) for text in sample])), tuple(tokens_of(text) for text in sample), classes)


def tokens_of(text: str) -> int:
    """About how many tokens a usual tokenizer makes of a text.

    Examples:
        >>> tokens_of("Great phone, awful battery"), tokens_of("재미있는 영화")
        (8, 8)
    """
    wide = sum(character > "\u2e7f" for character in text)  # Chinese, Japanese, Korean and all that follows
    return SPECIAL_TOKENS + round((len(text) - wide) / CHARS_PER_TOKEN) + wide


def _memory_mb(cost: Cost, model: LocalModel | None, rows: Workload) -> float:
    text = (rows.train + rows.other) * (rows.chars * 2 + 200) / 1e6
    if model is None or model.kind != "transformer":
        text += model.size_mb * VECTORS_IN_MEMORY if model else 0.0
        return 150 + text + min(cost.seconds_per_megachar * rows.train * rows.chars * 12 / 1e6, STREAMED_MB)
    weights = model.parameters * (16 if cost.epochs else 4) / 1e6
    vectors = 0.0 if cost.epochs else min((rows.train + rows.other) * (model.layers + 1) * model.hidden * 4 / 1e6, STREAMED_MB)
    return 500 + text + weights + vectors
