"""What a page says, as frozen records: numbers and sentences, no markup, no files.

`summarise.summarise` fills them, `page.render` shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringsmith.records import LearningCurve, several_test
from ringsmith.report.search import Search

Fact = tuple[str, str]
"""A name and its value, both ready to be shown."""


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard, with the keys of ``leaderboard.json``; None where nothing was measured."""

    candidate: str
    model: str | None
    recipe: str
    status: str
    metric: str
    valid: float | None
    test: float | None
    test_low: float | None
    test_high: float | None
    tie_group: str | None
    recommended: bool
    train_seconds: float | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    rows_per_second: float | None
    peak_memory_mb: float | None
    size_mb: float | None
    truncated_share: float | None
    parameters: int | None
    why: str

    @property
    def ranked(self) -> bool:
        """Whether it has a place in the table."""
        return self.status == "done"


@dataclass(frozen=True)
class Metric:
    """The metric that judged."""

    name: str
    summary: str
    greater_is_better: bool


@dataclass(frozen=True)
class Headline:
    """The answer.

    Attributes:
        candidate: what to take, None where nothing can be recommended.
        reason: why, in a sentence.
        standing: its line of the leaderboard, None with `candidate`.
        honest: a sentence on the score to expect on new rows, empty where there is none.
        baseline: the majority class's score on the same rows, None where it did not run.
    """

    candidate: str | None
    reason: str
    standing: Standing | None
    honest: str = ""
    baseline: float | None = None


@dataclass(frozen=True)
class Tie:
    """One paired test on the validation rows: how much `candidate` falls behind `against`."""

    candidate: str
    against: str
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    group: str
    verdict: str


@dataclass(frozen=True)
class Pair:
    """Rows of one class that were taken for another; `share` of the rows of the true class."""

    truth: str
    predicted: str
    rows: int
    share: float


@dataclass(frozen=True)
class ClassScore:
    """How well one class is told.

    Attributes:
        label: the class.
        rows: how many rows are of it.
        predicted: how many rows were said to be of it.
        precision: share of the predicted ones that are right, None where there are none.
        recall: share of its rows that were found, None where there are none.
        recall_low: lower end of the 95 % interval (Wilson's) of `recall`.
        recall_high: upper end.
        f1: harmonic mean of precision and recall, 0 where both are nothing.
    """

    label: str
    rows: int
    predicted: int
    precision: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float


@dataclass(frozen=True)
class Mistake:
    """One wrong prediction."""

    row: int
    text: str
    pair: str | None
    truth: str
    predicted: str
    probability: float
    split: str


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence: how sure they were and how often they were right, with the ends of its 95 % interval."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float
    least: float
    most: float


@dataclass(frozen=True)
class Diagnosis:
    """Where the recommended candidate errs.

    Attributes:
        labels: the K class names.
        confusion: K x K counts, truth by prediction; empty for multi-label data and for more classes than anybody could read.
        pairs: what is most often taken for what.
        classes: one line for each class.
        mistakes: the most confident wrong predictions.
        rows: predictions looked at.
        wrong: how many of them are wrong.
        unknown: rows whose true label the training rows never had; always wrong.
        bins: the reliability diagram.
        ece: expected calibration error, None where nothing can be said.
        ece_by_chance: what it would be at most (in 95 of 100 draws) on so many rows, were the model right as often as it says.
    """

    labels: Sequence[str]
    confusion: Sequence[Sequence[int]]
    pairs: Sequence[Pair]
    classes: Sequence[ClassScore]
    mistakes: Sequence[Mistake]
    rows: int
    wrong: int
    unknown: int
    bins: Sequence[Bin]
    ece: float | None
    ece_by_chance: float | None


@dataclass(frozen=True)
class Curve:
    """Values recorded during training, in order."""

    run: str
    values: Sequence[float]


@dataclass(frozen=True)
class Findings:
    """What was found in the data.

    Attributes:
        facts: how the table was read.
        read: rows in the source, `used`: rows learnt from, `dropped`: reason, rows, places.
        rows: rows looked at, those of a second table included; `classes`, `about` and `lengths` speak of all of them.
        test: name of the second table, how many of its rows test, the number of the first of them; None without one.
        classes: label and rows, largest first.
        rare: names of the classes with few rows.
        about: duplicates, leaks, conflicts, language, as facts.
        duplicates: kind, row numbers, both texts.
        conflicts: text, labels with counts, row numbers.
        lengths: edges and counts of the histogram in words, empty where unknown.
        unit: what stands for a word there: a character where no blanks part words.
        truncated: candidate and share of rows it cuts off, where it cuts any.
        splits: name, train, valid, test rows.
        split_notes: how the rows were split, and what was found on the way.
        notes: everything else, a sentence each.
    """

    facts: Sequence[Fact]
    read: int
    used: int
    rows: int
    test: tuple[str, int, int] | None
    dropped: Sequence[tuple[str, int, str]]
    classes: Sequence[tuple[str, int]]
    rare: Sequence[str]
    about: Sequence[Fact]
    duplicates: Sequence[tuple[str, str, str, str]]
    conflicts: Sequence[tuple[str, str, str]]
    lengths: tuple[Sequence[float], Sequence[int]]
    unit: str
    truncated: Sequence[tuple[str, float]]
    splits: Sequence[tuple[str, int, int, int]]
    split_notes: Sequence[str]
    notes: Sequence[str]

    @property
    def in_turns(self) -> bool:
        """Whether several splits test."""
        return several_test(test for *_, test in self.splits)


@dataclass(frozen=True)
class Usage:
    """How to call the recommended model: commands to copy.

    Attributes:
        folder: the fitted model's folder.
        shell: for a terminal.
        python: for Python.
        pipeline: for transformers alone, None where the model is not a transformer of its own.
    """

    folder: str
    shell: str
    python: str
    pipeline: str | None


@dataclass(frozen=True)
class Method:
    """How the comparison was made, to do it again."""

    command: str
    settings: Sequence[Fact]
    machine: Sequence[Fact]
    versions: Sequence[Fact]
    backbone_head: Sequence[str]
    backbones: Sequence[Sequence[str]]
    budget: Sequence[Fact]
    plan: Sequence[tuple[str, float | None, str]]
    chosen: Sequence[Fact]


@dataclass(frozen=True)
class Summary:
    """Everything a page says.

    `valid_metric`: what the curves of `valid` show; None where runs do not say, or do not agree. `playoff`: a sentence on
    what more rows said of those that were tied, empty where none did.
    """

    title: str
    created: str
    version: str
    kind: str
    metric: Metric
    headline: Headline
    board: Sequence[Standing]
    ties: Sequence[Tie]
    diagnosis: Diagnosis | None
    losses: Sequence[Curve]
    valid: Sequence[Curve]
    valid_metric: str | None
    findings: Findings
    usage: Usage | None
    method: Method
    searches: Sequence[Search] = ()
    playoff: str = ""
    learning: Sequence[LearningCurve] = ()
