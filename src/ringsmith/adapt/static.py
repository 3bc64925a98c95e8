"""The recipe `static`: the mean of a text's word vectors, with a linear head.

The vectors are trained on the user's own training texts, or come from a file, or both stand side by side; the validation rows choose.

Vectors of 1,000 short texts are weak: a word that was seen three times has no meaning yet. Trained on the texts alone they were level with n-grams
(`tfidf`) on spam and below them on every other set tried, up to 12,800 texts (LOG.md); what they offer is an answer in a third of the time, and room
for a file of vectors, which brings what the texts cannot teach.

What was chosen on real sets (LOG.md): subwords on (the largest gain, most in Korean), 200 numbers, window 10, 20 passes over small corpora,
each text scaled to length 1. Taking out the common component (SIF) harms where the vectors are the texts' own: there the plain mean wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ringsmith.adapt.borders import evened
from ringsmith.adapt.choose import Judge
from ringsmith.adapt.clock import Stopwatch
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.folder import new_folder, write_manifest
from ringsmith.adapt.linear import Linear, calibrate, to_proba
from ringsmith.adapt.mixtures import normalised, paired
from ringsmith.adapt.options import read_options
from ringsmith.adapt.ownwords import own_vectors
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting, draw, in_chunks
from ringsmith.adapt.search import Search
from ringsmith.adapt.static_options import StaticOptions
from ringsmith.adapt.wordfile import most_frequent
from ringsmith.catalogue import LocalModel
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet
from ringsmith.tasks import Task, task_from_json
from ringsmith.text import TextSteps
from ringsmith.words.sentences import SentenceEncoder, SentenceOptions, fit_sentences, look_up
from ringsmith.words.tokens import Tokens, read_tokens
from ringsmith.words.vectors import WordVectors

FILE = "head.safetensors"
MEMORY_BYTES = 1 << 30
"""All vectors of the rows of a fit together, and a scaled copy of them; of more rows some are drawn by chance."""
ENOUGH_TO_JUDGE = 20_000
"""Validation rows that are kept where memory does not hold all rows, and half of those that it holds at most: the others are to learn from."""
Encoders = Sequence[SentenceEncoder]
Vectors = tuple[WordVectors, ...]


class FittedStatic(Fitted):
    """Word vectors and a linear head.

    Attributes:
        encoders: one, or two side by side.
        head: scores of their columns, calibrated.
        options: what it was made with.
        source: the file or the transformer that words came from, None where all are the training texts' own.
    """

    recipe: ClassVar[str] = "static"
    made_with: ClassVar[type[StaticOptions]] = StaticOptions

    def __init__(
        self, task: Task, steps: TextSteps, encoders: Encoders, head: Linear, options: StaticOptions, source: LocalModel | None = None, facts: FitFacts | None = None
    ) -> None:
        super().__init__(task, steps, facts)
        self.encoders = tuple(encoders)
        self.head = head
        self.options = options
        self.source = source

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return to_proba(in_chunks(lambda some, seconds: self.head.scores(self.embed(some, seconds)), texts, pairs), self.task.activation)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return features(self.encoders, *(None if column is None else read_tokens(self.steps.apply_all(column)) for column in (texts, pairs)))

    def save(self, folder: Path) -> None:
        with new_folder(folder) as scratch:
            for number, encoder in enumerate(self.encoders):
                place = scratch / f"words-{number}"
                place.mkdir()
                encoder.save(place)
            save_file({"weights": self.head.weights, "bias": self.head.bias}, scratch / FILE)
            options = {**asdict(self.options), "weightings": [encoder.options.weighting for encoder in self.encoders]}
            write_manifest(scratch, recipe=self.recipe, task=self.task, steps=self.steps, model=self.source, options=options)

    @classmethod
    def load(cls, folder: Path, manifest: Mapping[str, Any], *, threads: int | None = None) -> Self:
        del threads  # sparse rows are multiplied by one
        options = read_options(cls.made_with, manifest["options"], recipe=cls.recipe)
        encoders = [SentenceEncoder.load(folder / f"words-{number}", SentenceOptions(weighting=name)) for number, name in enumerate(options.weightings)]
        arrays = load_file(folder / FILE)
        about = manifest["backbone"]
        source = about and LocalModel(about["name"], "", about["revision"], about["licence"], about["weights_sha256"], 0.0, "WordVectors", 0, 0, 0, None, kind="vectors")
        return cls(task_from_json(manifest["task"]), TextSteps.from_json(manifest["steps"]), encoders, Linear(arrays["weights"], arrays["bias"]), options, source)


@dataclass(frozen=True, eq=False)
class Rows:
    """Tokens of some rows, of both texts of pairs."""

    first: Tokens
    second: Tokens | None

    @classmethod
    def of(cls, rows: TextSet, steps: TextSteps) -> Rows:
        """The rows after their steps."""
        return cls(read_tokens(steps.apply_all(rows.texts)), None if rows.pairs is None else read_tokens(steps.apply_all(rows.pairs)))

    @property
    def all(self) -> Tokens:
        """Both texts' tokens, one after the other."""
        if self.second is None:
            return self.first
        words = [*self.first.words, *self.second.words]
        ids = np.concatenate([self.first.ids, self.second.ids + len(self.first.words)]).astype(np.int32)
        return Tokens(words, ids, np.concatenate([self.first.starts, self.second.starts[1:] + self.first.starts[-1]]))


class Static(Recipe):
    """Makes or opens word vectors, averages them, and tries sources, weightings and strengths of the head on the validation rows."""

    name: ClassVar[str] = "static"
    given: ClassVar[str] = "file"
    fitted: ClassVar[type[FittedStatic]] = FittedStatic

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = read_options(self.fitted.made_with, setting.options, recipe=self.name)

    def fit(self, train: TextSet, valid: TextSet, budget: Budget) -> FittedStatic:
        watch, setting = Stopwatch(), self.setting
        with watch.stage("read"):
            train, valid, notes = self._rows_in_memory(train, valid)
            rows, valid_rows = Rows.of(train, setting.steps), Rows.of(valid, setting.steps)
        if budget.remaining() <= 0:
            raise BudgetError.of(f"The recipe {self.name!r}", budget.seconds, "it was over before it could begin")
        with watch.stage("words"):
            spaces, more, cut = self._spaces(rows.all, budget)
        with watch.stage("train"):
            judge = Judge.of(setting.task, valid, setting.metric, by_loss=True)
            targets = setting.task.targets(train.labels or [])
            found = self._search(spaces, (rows, valid_rows), targets, judge, budget)
        encoders, head = found.winner.model
        head, told, moved = evened(head, found.winner.proba, judge, setting.task, targets)
        notes = (*notes, *more, *cut, *unknown_notes(encoders, valid_rows.all), *found.notes, *moved)
        source = setting.model if setting.model and setting.model.kind != "method" else None
        trained = trained_of(encoders, head, spaces.get(self.given, ()))
        facts = FitFacts(parameters_of(encoders, head), trained, 0.0, {**found.winner.setting, **told}, {}, watch.seconds, notes, hurried=found.cut_off or bool(cut))
        return self.fitted(setting.task, setting.steps, encoders, head, self.options, source, facts)

    def _rows_in_memory(self, train: TextSet, valid: TextSet) -> tuple[TextSet, TextSet, tuple[str, ...]]:
        """All rows, or as many drawn by chance as have room for their vectors, and a note."""
        room = max(2, MEMORY_BYTES // (4 * self._width * 2 * (1 if train.pairs is None else 4)))
        if len(train) + len(valid) <= room:
            return train, valid, ()
        judged = draw(valid, min(ENOUGH_TO_JUDGE, room // 2), self.setting.seed)
        learnt = draw(train, room - len(judged), self.setting.seed)
        used = [f"{len(some):,} of {len(rows):,} {name} rows" for some, rows, name in ((learnt, train, "training"), (judged, valid, "validation")) if len(some) < len(rows)]
        return learnt, judged, (f"{' and '.join(used)} were used, drawn by chance: memory allows no more.",)

    @property
    def _width(self) -> int:
        """Numbers of a text's vectors that stand side by side at most."""
        given = self._given_width
        return given + self.options.dim if self.options.join or not given else given

    @property
    def _given_width(self) -> int:
        """Numbers of a vector that does not come from the training texts; 0 where there are none."""
        model = self.setting.model
        return model.hidden if model is not None and model.kind == "vectors" else 0

    def _spaces(self, tokens: Tokens, budget: Budget) -> tuple[dict[str, Vectors], tuple[str, ...], tuple[str, ...]]:
        """Name -> the vectors that stand side by side: ``own``, or the name of what is given and ``both``; notes, and those of what the budget cut short."""
        (given, notes), cut = self._given(tokens, budget), tuple[str, ...]()
        spaces: dict[str, Vectors] = {} if given is None else {self.given: (given,)}
        if given is None or self.options.join:
            model = self.setting.model
            method = model.name if model is not None and model.kind == "method" else "word2vec"
            own, cut = own_vectors(tokens, self.options.own(method), budget, seed=self.setting.seed, threads=self.setting.threads, report=self.setting.report)
            spaces["own" if given is None else "both"] = (own,) if given is None else (given, own)
        return spaces, notes, cut

    def _given(self, tokens: Tokens, budget: Budget) -> tuple[WordVectors | None, tuple[str, ...]]:
        """Vectors that do not come from the training texts, None where there are none, and notes."""
        del budget  # a file is read in seconds
        model = self.setting.model
        if model is None or model.kind != "vectors":
            return None, ()
        return most_frequent(Path(model.folder), tokens, self.options.most_words, report=self.setting.report)

    def _search(self, spaces: Mapping[str, Vectors], rows: tuple[Rows, Rows], targets: npt.NDArray[Any], judge: Judge, budget: Budget) -> Search[tuple[Encoders, Linear]]:
        """The first source and weighting walk all strengths; the others begin one below what was best so far."""
        current: dict[tuple[str, str], _Trial] = {}

        def trial(setting: Mapping[str, Any]) -> tuple[tuple[Encoders, Linear], Floats]:
            words, weighting = setting["words"], setting["weighting"]
            self.setting.report(Progress("train", found.tried, None, "settings", f"{words} {weighting} C {setting['C']:g}"))
            if (words, weighting) not in current:
                current.clear()
                current[words, weighting] = _Trial(spaces[words], SentenceOptions(weighting=weighting), rows, targets, self.setting.task)
            return current[words, weighting].solve(setting["C"], judge, budget)

        found: Search[tuple[Encoders, Linear]] = Search(trial, judge, budget)
        for words in spaces:
            for weighting in self.options.weightings:
                found.climb(self._strengths(words, weighting, found))
        return found

    def _strengths(self, words: str, weighting: str, found: Search[Any]) -> Iterator[dict[str, Any]]:
        strengths = self.options.strengths
        first = 0 if found.best is None else max(0, strengths.index(found.winner.setting["C"]) - 1)
        yield from ({"words": words, "weighting": weighting, "C": strength} for strength in strengths[first:])


class _Trial:
    """One source of vectors in one weighting: its rows are made once, its strengths share a path."""

    def __init__(self, spaces: Sequence[WordVectors], options: SentenceOptions, rows: tuple[Rows, Rows], targets: npt.NDArray[Any], task: Task) -> None:
        self.task = task
        both = rows[0].all
        self.encoders = [fit_sentences(vectors, both, options) for vectors in spaces]
        train = features(self.encoders, rows[0].first, rows[0].second)
        self.valid = features(self.encoders, rows[1].first, rows[1].second)
        self.length = np.float32(max(np.sqrt((train - train.mean(axis=0)).var(axis=0).sum()), 1e-6))
        self.path = DensePath(train / self.length, targets, len(task.labels), task.activation)

    def solve(self, strength: float, judge: Judge, budget: Budget) -> tuple[tuple[Encoders, Linear], Floats]:
        """Encoders and calibrated head, and the probabilities of the validation rows; C is told for rows of variance 1."""
        head = self.path.solve(strength, budget)
        head = Linear(head.weights / self.length, head.bias)
        if len(judge.known):
            head = calibrate(head, head.scores(self.valid[judge.known]), judge.targets, self.task.activation)
        return (self.encoders, head), to_proba(head.scores(self.valid), self.task.activation)


def features(encoders: Encoders, first: Tokens | None, second: Tokens | None) -> npt.NDArray[np.float32]:
    """What the head sees: every encoder's vectors at length 1, side by side (n, d); of pairs (n, 4 d)."""
    assert first is not None, "there are always texts"
    one, two = (None if tokens is None else np.concatenate([normalised(encoder.encode(tokens).matrix) for encoder in encoders], axis=1) for tokens in (first, second))
    assert one is not None, "of texts there are vectors"
    return one if two is None else paired(one, two)


def unknown_notes(encoders: Encoders, tokens: Tokens) -> Iterator[str]:
    """What a reader should know of words without a vector of their own, told by the validation texts."""
    if not len(tokens.ids):
        return
    rows = np.stack([look_up(encoder.vectors, tokens.words) for encoder in encoders])
    spoken = np.array([any(map(str.isalnum, word)) for word in tokens.words])[tokens.ids]
    share = float((rows.max(axis=0)[tokens.ids] < 0)[spoken].mean()) if spoken.any() else 0.0
    spelt = any(encoder.vectors.ngrams is not None for encoder in encoders)
    if round(share, 3):
        yield f"{share:.1%} of the words of the validation texts have no vector{' but that of their character n-grams' if spelt else ' and were left out'}."
    known = np.max([encoder.encode(tokens).known for encoder in encoders], axis=0)
    if (empty := int((known == 0).sum())) > 0:
        yield f"{empty:,} of {len(tokens):,} validation texts hold no known word; they get the same answer."


def parameters_of(encoders: Encoders, head: Linear) -> int:
    """Numbers that a prediction uses."""
    buckets = sum(encoder.vectors.ngrams.buckets.size for encoder in encoders if encoder.vectors.ngrams is not None)
    return int(sum(encoder.vectors.matrix.size + encoder.components.size for encoder in encoders) + buckets + head.weights.size + head.bias.size)


def trained_of(encoders: Encoders, head: Linear, given: Sequence[WordVectors]) -> int:
    """How many of them were trained here: all that were not given."""
    return parameters_of([encoder for encoder in encoders if not any(encoder.vectors is vectors for vectors in given)], head)
