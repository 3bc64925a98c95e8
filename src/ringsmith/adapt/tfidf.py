"""The recipe without pre-training: tf-idf of word and character n-grams, and a calibrated linear classifier."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ringsmith._machine import cores
from ringsmith.adapt.borders import evened
from ringsmith.adapt.choose import Judge
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.hashing import HashedNgrams
from ringsmith.adapt.jury import Jury, calibrated
from ringsmith.adapt.linear import Linear, fit_svm, to_proba
from ringsmith.adapt.ngrams import FILE as VOCABULARY
from ringsmith.adapt.ngrams import Ngrams
from ringsmith.adapt.options import hold, read_options, rising
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting, draw, in_chunks
from ringsmith.adapt.search import Search
from ringsmith.adapt.sparse import Matrix, scale_columns, side_by_side
from ringsmith.adapt.stream import Learner, StreamSetting, fit_stream
from ringsmith.errors import BudgetError, RunRefused, UsageError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps

FILE = "tfidf.safetensors"
DENSE = 1 << 28
"""`embed` gives dense rows of at most this many numbers in all (1 GiB)."""
BYTES_EACH = 50
"""Memory that each number of the vocabulary's way takes at its peak: counts, weights, a scaled copy, and liblinear's own."""
WHOLE_FIT = 4
"""A whole fit takes about this many times the making of its rows."""
SAMPLE_ROWS, IDF_ROWS, VALID_ROWS = 1_000, 100_000, 20_000
"""Rows to foresee the cost by, to take document frequencies from, and to choose by where the rows are streamed."""
MACHINES = 12
"""So many machines are learnt side by side at most, settings times classes, while at least one setting is tried."""
WEIGHT_BYTES = 1 << 29


@dataclass(frozen=True)
class TfidfOptions:
    """Options of the recipe `tfidf`.

    Attributes:
        strengths: values of C, rising; the search begins in the middle and the validation rows choose.
        word_weights: how much words count beside characters; the validation rows choose (in Korean they mostly harm).
        alphas: shrinking of the weights where the rows are streamed.
        most_nonzeros: above so many numbers the rows are hashed and streamed; 20 million take about 1 GB.
        characters: shortest and longest character n-gram.
        min_rows: a term must occur in this many rows.
    """

    strengths: tuple[float, ...] = (0.06, 0.2, 0.6, 2.0, 6.0)
    word_weights: tuple[float, ...] = (1.0, 0.5, 0.0)
    alphas: tuple[float, ...] = (1e-5, 1e-6)
    most_nonzeros: int = 20_000_000
    characters: tuple[int, int] = (2, 5)
    min_rows: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "strengths", rising(self.strengths))
        object.__setattr__(self, "word_weights", tuple(self.word_weights))
        object.__setattr__(self, "alphas", tuple(self.alphas))
        object.__setattr__(self, "characters", tuple(self.characters))
        hold(
            self,
            (
                ("strengths", lambda values: len(values) > 0 and all(value > 0 for value in values), "one or more numbers above 0"),
                ("word_weights", lambda values: len(values) > 0 and all(value >= 0 for value in values), "one or more numbers from 0 on"),
                ("characters", lambda pair: len(pair) == 2 and 1 <= pair[0] <= pair[1], "two lengths, the shorter first, from 1 on"),
                ("alphas", lambda values: len(values) > 0 and all(value > 0 for value in values), "one or more numbers above 0"),
                ("min_rows", lambda rows: rows >= 1, "at least 1"),
            ),
        )


class FittedTfidf(Fitted):
    """N-grams and a linear classifier.

    Attributes:
        ngrams: the vocabulary, or how terms are hashed.
        linear: scores of its columns, calibrated.
        options: what it was made with.
    """

    recipe: ClassVar[str] = "tfidf"

    def __init__(self, task: Task, steps: TextSteps, ngrams: Ngrams | HashedNgrams, linear: Linear, options: TfidfOptions, facts: FitFacts | None = None) -> None:
        super().__init__(task, steps, facts)
        self.ngrams = ngrams
        self.linear = linear
        self.options = options

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(in_chunks(lambda some, seconds: self.linear.scores(self._rows(some, seconds)), texts, pairs), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        rows = self._rows(texts, pairs)
        if rows.shape[0] * rows.shape[1] > DENSE:
            raise UsageError(f"{rows.shape[0]:,} rows of 'tfidf' with {rows.shape[1]:,} columns do not fit in memory. Embed fewer texts at once, or with a 'probe' model.")
        return np.asarray(rows.toarray(), dtype=np.float32)

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            arrays = self.ngrams.save(scratch)
            save_file({**arrays, "weights": self.linear.weights, "bias": self.linear.bias}, scratch / FILE)
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=None, options=asdict(self.options))

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> FittedTfidf:
        del threads  # n-grams are counted by one
        arrays = load_file(folder / FILE)
        linear = Linear(arrays["weights"], arrays["bias"])
        options = read_options(TfidfOptions, manifest["options"], recipe=cls.recipe)
        ngrams = (Ngrams if VOCABULARY in manifest["files"] else HashedNgrams).load(folder, arrays)
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), ngrams, linear, options)

    @classmethod
    def mean(cls, models: Sequence[FittedTfidf]) -> FittedTfidf:
        """One model of several that were fitted alike on different rows: the terms of all, with the mean of their weights, 0 where a model does not know the term.

        But for how long the rows are, which hangs on the terms that are known, it answers with the mean of their scores.
        """
        first = models[0]
        ngrams, places = united([model.ngrams for model in models])
        classes, copies = len(first.linear.bias), first.linear.weights.shape[1] // first.ngrams.size  # pairs have the columns three times
        weights = np.zeros((classes, copies, ngrams.size))
        for model, columns in zip(models, places, strict=True):
            weights[:, :, columns] += model.linear.weights.reshape(classes, copies, -1)
        bias = np.stack([model.linear.bias for model in models]).mean(axis=0)
        linear = Linear((weights / len(models)).reshape(classes, -1).astype(np.float32), bias.astype(np.float32))
        return cls(first.task, first.steps, ngrams, linear, first.options)

    def _rows(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Matrix:
        return rows_of(self.ngrams, self.steps.apply_all(texts), None if pairs is None else self.steps.apply_all(pairs))


class Tfidf(Recipe):
    """Counts n-grams and fits a support vector machine on them; the validation rows choose its strength and calibrate it, and of few rows all (see `Jury`)."""

    name: ClassVar[str] = "tfidf"
    fitted: ClassVar[type[Fitted]] = FittedTfidf
    imports: ClassVar[tuple[str, ...]] = ("sklearn.svm",)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(TfidfOptions, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedTfidf:
        watch = Stopwatch()
        with watch.stage("estimate"):
            outlook = foresee(train, self.setting.steps, self.options, self.setting.seed)
        if budget.remaining() <= 0:
            raise BudgetError.of("The recipe 'tfidf'", budget.seconds, "it was over before it could begin")
        if outlook.nonzeros > self.options.most_nonzeros or outlook.seconds > budget.remaining():
            return self._fit_stream(train, valid, budget, watch, outlook)
        with watch.stage("features"):
            targets, jury = self.setting.task.targets(train.labels or []), Jury.of(self.setting.task, train, valid, self.setting.metric, seed=self.setting.seed)
            counted = self._counted(train, targets, valid)
            turns = self._turns(train, targets, jury)
            judge = jury.judge if turns else jury.alone
        with watch.stage("train"):
            found: Search[Linear] = Search(lambda setting: self._trial(setting, counted, turns, judge), judge, budget)
            self._walk(found)
        ngrams, (linear, told, notes) = counted.ngrams, evened(found.winner.model, found.winner.proba, judge, self.setting.task, targets)
        chosen = {**found.winner.setting, **told}
        if chosen["word_weight"] == 0:
            ngrams, linear = without_words(ngrams, linear)
        return self._fitted(ngrams, linear, chosen, watch, found.notes + notes, hurried=found.cut_off)

    def _fitted(self, ngrams: Ngrams | HashedNgrams, linear: Linear, chosen: Mapping[str, Any], watch: Stopwatch, notes: tuple[str, ...], *, hurried: bool) -> FittedTfidf:
        numbers = int(linear.weights.size + linear.bias.size)
        facts = FitFacts(numbers + ngrams.size, numbers, 0.0, chosen, {}, watch.seconds, notes, hurried)
        return FittedTfidf(self.setting.task, self.setting.steps, ngrams, linear, self.options, facts)

    def _counted(self, train: TextSet, targets: npt.NDArray[Any], asked: TextSet) -> Counted:
        """Rows to learn from, and others that are asked, over the vocabulary of the first."""
        ngrams, rows = self._vocabulary(train)
        return Counted(ngrams, rows, targets, rows_of(ngrams, *prepared(asked, self.setting.steps)))

    def _turns(self, train: TextSet, targets: npt.NDArray[Any], jury: Jury) -> list[tuple[npt.NDArray[np.bool_], Counted]]:
        """Which training rows are asked of what the others taught, part by part, each with a vocabulary of its own; nothing where they do not judge, or are too few for one."""
        try:
            return [(part, self._counted(train.take(np.flatnonzero(~part)), targets[~part], train.take(np.flatnonzero(part)))) for part in jury.turns]
        except RunRefused:
            return []

    def _vocabulary(self, train: TextSet) -> tuple[Ngrams, Matrix]:
        """The vocabulary of the training rows (of both texts of pairs), and their rows.

        Raises:
            RunRefused: it is empty.
        """
        texts, pairs = prepared(train, self.setting.steps)
        ngrams, rows = Ngrams.fit(texts + (pairs or []), shape=self.options.characters, min_rows=self.options.min_rows)
        if not ngrams.size:
            raise RunRefused("every training text is empty" if self.options.min_rows == 1 else f"no term occurs in {self.options.min_rows:,} training texts ('min_rows')")
        return ngrams, rows if pairs is None else side_by_side(rows[: len(texts)], rows[len(texts) :])

    def _fit_stream(self, train: TextSet, valid: TextSet, budget: Budget, watch: Stopwatch, outlook: Outlook) -> FittedTfidf:
        """Rows that do not fit in memory or in the budget: hashed, made chunk by chunk."""
        setting, options, task = self.setting, self.options, self.setting.task
        machines = 1 if task.activation == "softmax" and len(task.labels) == 2 else len(task.labels)
        tried = [StreamSetting(weight, alpha) for weight in options.word_weights for alpha in options.alphas][: max(1, MACHINES // machines)]
        bits = hash_bits(machines * len(tried) * (1 if train.pairs is None else 3))
        with watch.stage("features"):
            sample = draw(train, IDF_ROWS, setting.seed)
            ngrams = HashedNgrams(bits, options.characters).weighed(prepared(sample, setting.steps)[0])
            judged = draw(valid, VALID_ROWS, setting.seed)
            judge = Judge.of(task, judged, setting.metric, by_loss=True)
            judged = judged.take(judge.known)
            judge = Judge.of(task, judged, setting.metric, by_loss=True)
            valid_rows = rows_of(ngrams, *prepared(judged, setting.steps))
        with watch.stage("train"):
            targets = task.targets(train.labels or [])
            columns = ngrams.size * (1 if train.pairs is None else 3)
            learners = [Learner(one, ngrams.column_weights(one.word_weight, columns), targets, len(task.labels), setting.seed) for one in tried]
            found = fit_stream(
                lambda positions: rows_of(ngrams, *prepared(train.take(positions), setting.steps)),
                learners, valid_rows, judge, task.activation, seed=setting.seed, threads=setting.threads or cores(), budget=budget, report=setting.report,
            )  # fmt: skip
        note = f"{outlook.reason}: terms were hashed into {ngrams.size:,} columns, and {found.rows_seen:,} rows were learnt from ({found.rows_seen / len(train):.2g} passes)."
        linear, told, notes = evened(found.linear, to_proba(found.linear.scores(valid_rows), task.activation), judge, task, targets)
        return self._fitted(ngrams, linear, {**asdict(found.setting), **told}, watch, (note, *notes), hurried=outlook.nonzeros <= outlook.most)

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

    def _trial(self, setting: Mapping[str, float], counted: Counted, turns: Sequence[tuple[npt.NDArray[np.bool_], Counted]], judge: Judge) -> tuple[Linear, Floats]:
        """Fit one setting and calibrate it; returned with the probabilities of the rows that judge."""
        self.setting.report(Progress("train", 0, None, "settings", f"C {setting['C']:g}"))
        classes, seed = len(self.setting.task.labels), self.setting.seed
        linear = counted.solve(setting, classes, seed)
        crossed = [(part, others.solve(setting, classes, seed).scores(others.asked)) for part, others in turns]
        return calibrated(linear, crossed, linear.scores(counted.asked), judge, self.setting.task.activation)


@dataclass(frozen=True, eq=False)
class Counted:
    """Rows over one vocabulary.

    Attributes:
        ngrams: that of the rows that are learnt from.
        rows: these (n, d).
        targets: theirs, as `Task.targets` gives them.
        asked: other rows (m, d).
    """

    ngrams: Ngrams
    rows: Matrix
    targets: npt.NDArray[Any]
    asked: Matrix

    def solve(self, setting: Mapping[str, float], classes: int, seed: int) -> Linear:
        """The machines of one setting."""
        weights = self.ngrams.column_weights(setting["word_weight"], self.rows.shape[1])
        linear = fit_svm(scale_columns(self.rows, weights), self.targets, classes, strength=setting["C"], seed=seed)
        return Linear(linear.weights * weights, linear.bias)


@dataclass(frozen=True)
class Outlook:
    """What the vocabulary's way would cost.

    Attributes:
        nonzeros: numbers that are not zero in all training rows together.
        seconds: to count, fit and choose.
        most: numbers that may be kept.
    """

    nonzeros: float
    seconds: float
    most: int

    @property
    def reason(self) -> str:
        """Why that way was not taken."""
        if self.nonzeros > self.most:
            return f"All rows at once would take about {self.nonzeros * BYTES_EACH / 1e9:.0f} GB"
        return f"All rows at once would take about {self.seconds:.0f} s"


def foresee(train: TextSet, steps: TextSteps, options: TfidfOptions, seed: int) -> Outlook:
    """Measured on some rows drawn by chance."""
    sample = draw(train, SAMPLE_ROWS, seed)
    start = time.perf_counter()
    texts, pairs = prepared(sample, steps)
    _, rows = Ngrams.fit(texts + (pairs or []), shape=options.characters, min_rows=1)
    share = len(train) / max(1, len(sample))
    return Outlook(rows.nnz * share, (time.perf_counter() - start) * share * WHOLE_FIT, options.most_nonzeros)


def prepared(rows: TextSet, steps: TextSteps) -> tuple[list[str], list[str] | None]:
    """Texts and pairs after their steps."""
    return steps.apply_all(rows.texts), None if rows.pairs is None else steps.apply_all(rows.pairs)


def hash_bits(machines: int) -> int:
    """Columns (as a power of two) with which so many machines stay within `WEIGHT_BYTES`."""
    return int(np.clip(np.floor(np.log2(WEIGHT_BYTES / (machines * 12))), 15, 21))


def united(several: Sequence[Ngrams | HashedNgrams]) -> tuple[Ngrams | HashedNgrams, list[npt.NDArray[np.int64]]]:
    """One of several of a kind, and the columns in which those of each now stand."""
    hashed = [one for one in several if isinstance(one, HashedNgrams)]
    return HashedNgrams.union(hashed) if hashed else Ngrams.union([one for one in several if isinstance(one, Ngrams)])


def without_words(ngrams: Ngrams, linear: Linear) -> tuple[Ngrams, Linear]:
    """Vocabulary and weights without the words, which were given no weight."""
    kept = np.tile(ngrams.column_weights(0.0, ngrams.size) > 0, linear.weights.shape[1] // max(1, ngrams.size))
    return ngrams.without_words(), Linear(np.ascontiguousarray(linear.weights[:, kept]), linear.bias)


def rows_of(ngrams: Ngrams | HashedNgrams, texts: Sequence[str], pairs: Sequence[str] | None) -> Matrix:
    """Sparse rows of prepared texts, or of pairs of them."""
    first = ngrams.transform(texts)
    return first if pairs is None else side_by_side(first, ngrams.transform(pairs))
