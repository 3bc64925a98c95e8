"""The recipe without pre-training: tf-idf of word and character n-grams, and a calibrated linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.choose import Judge
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.linear import Linear, calibrate, fit_svm, to_proba
from ringsmith.adapt.ngrams import Ngrams, scale_columns, side_by_side
from ringsmith.adapt.options import hold, read_options
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting
from ringsmith.adapt.search import Search
from ringsmith.errors import BudgetError, UsageError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "tfidf.safetensors"
DENSE = 1 << 28
"""`embed` gives dense rows of at most this many numbers in all (1 GiB)."""
Matrix = sp.csr_matrix


@dataclass(frozen=True)
class TfidfOptions:
    """Options of the recipe `tfidf`.

    Attributes:
        strengths: values of C, rising; the search begins in the middle and the validation rows choose.
        word_weights: how much words count beside characters; the validation rows choose (in Korean they mostly harm).
        characters: shortest and longest character n-gram.
        min_rows: a term must occur in this many rows.
    """

    strengths: tuple[float, ...] = (0.06, 0.2, 0.6, 2.0, 6.0)
    word_weights: tuple[float, ...] = (1.0, 0.5, 0.0)
    characters: tuple[int, int] = (2, 5)
    min_rows: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "strengths", tuple(sorted(self.strengths)))
        object.__setattr__(self, "word_weights", tuple(self.word_weights))
        object.__setattr__(self, "characters", tuple(self.characters))
        hold(
            self,
            (
                ("strengths", lambda values: len(values) > 0 and all(value > 0 for value in values), "one or more numbers above 0"),
                ("word_weights", lambda values: len(values) > 0 and all(value >= 0 for value in values), "one or more numbers from 0 on"),
                ("characters", lambda pair: len(pair) == 2 and 1 <= pair[0] <= pair[1], "two lengths, the shorter first, from 1 on"),
                ("min_rows", lambda rows: rows >= 1, "at least 1"),
            ),
        )


class FittedTfidf(Fitted):
    """N-grams and a linear classifier.

    Attributes:
        ngrams: the vocabulary.
        linear: scores of its columns, calibrated.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "tfidf"

    def __init__(self, task: Task, steps: TextSteps, ngrams: Ngrams, linear: Linear, options: TfidfOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.ngrams = ngrams
        self.linear = linear
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(self.linear.scores(self._rows(texts, pairs)), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        rows = self._rows(texts, pairs)
        if rows.shape[0] * rows.shape[1] > DENSE:
            raise UsageError(f"The rows of 'tfidf' have {rows.shape[1]:,} columns, mostly zeros; {rows.shape[0]:,} of them do not fit in memory. Embed fewer texts at once, or with a 'probe' model.")
        return np.asarray(rows.toarray(), dtype=np.float32)

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            arrays = self.ngrams.save(scratch)
            save_file({**arrays, "weights": self.linear.weights, "bias": self.linear.bias}, scratch / FILE)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=None, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedTfidf:
        arrays = load_file(folder / FILE)
        linear = Linear(arrays["weights"], arrays["bias"])
        options = read_options(TfidfOptions, manifest["options"], recipe=cls.recipe)
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), Ngrams.load(folder, arrays), linear, options)

    def _rows(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Matrix:
        return rows_of(self.ngrams, self.steps.apply_all(texts), None if pairs is None else self.steps.apply_all(pairs))


class Tfidf(Recipe):
    """Counts n-grams, fits a support vector machine on them, chooses its strength on the validation rows and calibrates it there."""

    name: ClassVar[str] = "tfidf"
    fitted: ClassVar[type[Fitted]] = FittedTfidf

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(TfidfOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedTfidf:
        if budget.remaining() <= 0:
            raise BudgetError("The recipe 'tfidf' got a budget that is over before it began. Give it more time.")
        task, steps, watch = self.setting.task, self.setting.steps, Stopwatch()
        with watch.stage("features"):
            ngrams, rows = self._ngrams(train)
            valid_rows = rows_of(ngrams, steps.apply_all(valid.texts), None if valid.pairs is None else steps.apply_all(valid.pairs))
        with watch.stage("train"):
            targets = task.targets(train.labels or [])
            judge = Judge.of(task, valid, by_loss=True)
            found: Search[Linear] = Search(lambda setting: self._trial(setting, ngrams, rows, targets, valid_rows, judge), judge, budget)
            self._walk(found)
        linear = found.winner.model
        numbers = linear.weights.size + linear.bias.size
        facts = FitFacts(numbers + ngrams.size, numbers, 0.0, dict(found.winner.setting), {}, watch.seconds, found.notes)
        return FittedTfidf(task, steps, ngrams, linear, self.options, facts)

    def _ngrams(self, train: TextSet) -> tuple[Ngrams, Matrix]:
        """The vocabulary of the training rows (of both texts of pairs), and their rows."""
        texts = self.setting.steps.apply_all(train.texts)
        pairs = None if train.pairs is None else self.setting.steps.apply_all(train.pairs)
        ngrams, rows = Ngrams.fit(texts + (pairs or []), shape=self.options.characters, min_rows=self.options.min_rows)
        return ngrams, rows if pairs is None else side_by_side(rows[: len(texts)], rows[len(texts) :])

    def _walk(self, found: Search[Linear]) -> None:
        """The weights of words first, at the middle strength; then, with the best of them, up or down the strengths as long as it helps."""
        strengths = self.options.strengths
        middle = len(strengths) // 2
        found.each({"word_weight": weight, "C": strengths[middle]} for weight in self.options.word_weights)
        start = found.winner
        weight = start.setting["word_weight"]
        found.climb(({"word_weight": weight, "C": strength} for strength in strengths[middle + 1 :]), start.mark)
        if found.winner is start:
            found.climb(({"word_weight": weight, "C": strength} for strength in reversed(strengths[:middle])), start.mark)

    def _trial(self, setting: Mapping[str, float], ngrams: Ngrams, rows: Matrix, targets: npt.NDArray[Any], valid_rows: Matrix, judge: Judge) -> tuple[Linear, Floats]:
        """Fit one setting and calibrate it; returned with the probabilities of all validation rows."""
        self.setting.report(Progress("train", 0, None, "settings", f"C {setting['C']:g}"))
        weights = ngrams.column_weights(setting["word_weight"], rows.shape[1])
        linear = fit_svm(scale_columns(rows, weights), targets, len(self.setting.task.labels), strength=setting["C"], seed=self.setting.seed)
        linear = Linear(linear.weights * weights, linear.bias)
        if len(judge.known):
            linear = calibrate(linear, linear.scores(valid_rows[judge.known]), judge.targets, self.setting.task.activation)
        return linear, to_proba(linear.scores(valid_rows), self.setting.task.activation)


def rows_of(ngrams: Ngrams, texts: Sequence[str], pairs: Sequence[str] | None) -> Matrix:
    """Sparse rows of prepared texts, or of pairs of them."""
    first = ngrams.transform(texts)
    return first if pairs is None else side_by_side(first, ngrams.transform(pairs))
