"""The records that travel between stages: frozen, typed, and (where they are written to disk) versioned JSON.

What is written carries ``"schema"``; a record of another schema or with an unknown field is refused, never guessed at.
`TextSet` and `Split` hold the data in memory; `Budget` holds the clock; the others are lines of files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from ringsmith.errors import InputError

SCHEMA = 1
Status = Literal["done", "dropped", "refused", "failed", "skipped"]
Label = str | tuple[str, ...]
"""One label, or (multi-label) the tuple of a row's labels, sorted, possibly empty."""
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
FEWER = ("-half", "-quarter")
"""Ends of the names of splits that have so many of another's training rows, for learning curves."""
FINE_TUNED = frozenset({"full", "lora", "partial"})
"""Recipes whose model is a plain transformer with a head, whatever was trained: transformers alone loads and runs it."""
PLAIN = re.compile(r"(?!(?:true|false|none)$)(?![\s'])(?:(?![,=\[\]()\"\\]|[^\S ]).)+(?<!\s)", re.IGNORECASE)
"""Words that need no quotes where options are written in brackets: a part of a sentence without anything that means something there."""


@dataclass(frozen=True)
class Record:
    """Base of the records that are written: `to_json` and `from_json` with a schema version."""

    def to_json(self) -> dict[str, Any]:
        """This record as plain JSON types, with its schema version first."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The record a `to_json` wrote.

        Raises:
            InputError: no object, another schema version, an unknown field or a missing one.
        """
        if not isinstance(content, Mapping):
            raise InputError(f"{cls.__name__}: must be an object of named fields; got {str(content)[:40]!r}.")
        content = dict(content)
        schema = content.pop("schema", None)
        if schema != SCHEMA:
            raise InputError(
                f"{cls.__name__}: schema {SCHEMA} is read by this version of Ringsmith; got {schema!r}. Write it again with this version, or install the one that wrote it."
            )
        known = {f.name for f in dataclasses.fields(cls)}
        needed = {f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        if unknown := sorted(content.keys() - known):
            raise InputError(f"{cls.__name__}: unknown field {', '.join(unknown)}. It was written by another version of Ringsmith, or by hand; remove it.")
        if missing := sorted(needed - content.keys()):
            raise InputError(f"{cls.__name__}: the field {', '.join(missing)} is missing. The file is cut off or was changed by hand.")
        return cls(**content)


@dataclass(frozen=True, eq=False)
class TextSet:
    """Texts with what belongs to them, row by row, in the order of the table.

    Attributes:
        texts: n strings.
        labels: n labels (see `Label`), or None where they are unknown.
        pairs: n second texts (a question's answer, a premise's hypothesis), or None.
        groups: n group names (an author, a document) that no split may cut apart, ``""`` for a row that stands alone, or None.
        rows: n row numbers in the source: 0 is its first data row. Defaults to 0 ... n-1.
    """

    texts: Sequence[str]
    labels: Sequence[Label] | None = None
    pairs: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    rows: Rows = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(len(self.texts), dtype=np.int64))
        for name in ("labels", "pairs", "groups", "rows"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.texts):
                raise InputError(f"TextSet: {name} must be as long as texts ({len(self.texts)}); got {len(column)}.")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: Rows | Sequence[int]) -> TextSet:
        """The rows at these positions (not row numbers), in this order."""

        def pick(column: Sequence[Any] | None) -> list[Any] | None:
            return None if column is None else [column[i] for i in index]

        return TextSet([self.texts[i] for i in index], pick(self.labels), pick(self.pairs), pick(self.groups), self.rows[np.asarray(index, dtype=np.int64)])


@dataclass(frozen=True)
class LearningCurve:
    """How good a candidate is by the number of rows it learns from; gains are in the metric's own unit, positive where more rows are better.

    Attributes:
        candidate: its name.
        rows: training rows (of several splits their mean), rising: a quarter, a half, all.
        values: the figure on the same validation rows with each.
        gain: what the last doubling brought.
        low: lower end of its 95 % interval (over the validation rows).
        high: upper end.
        next: what another doubling may bring, see `metrics.next_gain`.
        text: all this in a sentence.
    """

    candidate: str
    rows: Sequence[int]
    values: Sequence[float]
    gain: float
    low: float
    high: float
    next: float
    text: str


@dataclass(frozen=True, eq=False)
class Split:
    """Positions in a `TextSet` of the rows to train on, to choose by and to report on; disjoint.

    Attributes:
        name: ``"holdout"``, ``"user"``, or ``"fold-1"`` ...
        train: positions to fit on.
        valid: positions to choose by (hyper-parameters, early stopping, the winner).
        test: positions used once, for reporting.
    """

    name: str
    train: Rows
    valid: Rows
    test: Rows


def several_test(rows: Iterable[int]) -> bool:
    """Whether several splits test, as the folds of a cross-validation do; else folds, if there are any, choose in turns, and the first one has the test rows.

    Args:
        rows: number of test rows of each split.

    Examples:
        >>> several_test([62, 62, 61]), several_test([770, 0, 0])
        (True, False)
    """
    return sum(map(bool, rows)) > 1


@dataclass(frozen=True)
class Budget:
    """A wall-clock promise: `seconds` from `started` on; None means no limit.

    Kept by the machine's steady clock, which all of its processes share: a clock that is set (after a start from an image, say) neither ends nor extends it.

    Examples:
        >>> Budget(None).remaining()
        inf
        >>> Budget(60, started=time.monotonic() - 50).remaining() <= 10
        True
    """

    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """The end, by `time.monotonic` (comparable between the processes of a machine); infinity without a limit."""
        return float("inf") if self.seconds is None else self.started + self.seconds

    def used(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def remaining(self) -> float:
        """Seconds to go: negative when it is over, infinite without a limit."""
        return self.deadline - time.monotonic()

    def part(self, seconds: float) -> Budget:
        """A budget of `seconds` from now on that never outlasts this one."""
        now = time.monotonic()
        limit = min(seconds, self.deadline - now)
        return Budget(None if limit == float("inf") else limit, started=now)


@dataclass(frozen=True)
class Candidate(Record):
    """What is compared: backbone x recipe x hyper-parameters.

    Attributes:
        model: the model's name as the user gave it (``"minilm"``, a hub name, a folder), or None where the recipe needs none.
        recipe: name of the recipe.
        options: hyper-parameters that differ from the recipe's defaults.
    """

    recipe: str
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``"minilm+probe"``, or ``"tfidf"`` where the recipe needs no model; options are appended in brackets, as they may be asked for.

        Examples:
            >>> Candidate("lora", "minilm", {"rank": 16, "layers": ["query", "value"], "alpha": None}).name
            'minilm+lora[alpha=none,layers=[query,value],rank=16]'
        """
        options = ",".join(f"{key}={write_value(value)}" for key, value in sorted(self.options.items()))
        return f"{self.stem}[{options}]" if options else self.stem

    @property
    def stem(self) -> str:
        """The name without the options: the same for all that differ in nothing else."""
        return self.recipe if self.model is None else f"{self.model}+{self.recipe}"

    @property
    def key(self) -> str:
        """12 hexadecimal digits that tell this candidate from every other; part of file names."""
        return digest(self.to_json())[:12]


def write_value(value: Any) -> str:
    """An option's value as it is written in the brackets of a candidate's name, and read there again.

    Examples:
        >>> write_value((1.0, None)), write_value(True), write_value("dora")
        ('[1.0,none]', 'true', 'dora')
        >>> write_value("In one word, please."), write_value("16")
        ('"In one word, please."', '"16"')
    """
    if isinstance(value, list | tuple):
        return f"[{','.join(map(write_value, value))}]"
    if isinstance(value, str) and (not PLAIN.fullmatch(value) or _is_number(value)):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Score(Record):
    """One figure and how sure it is: the value with a 95 % interval.

    Attributes:
        metric: name of the metric.
        value: the figure itself.
        low: lower end of the interval, None where it was not asked for.
        high: upper end.
        rows: number of rows it was computed on.
    """

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    rows: int = 0


@dataclass(frozen=True)
class RunResult(Record):
    """One line of the ledger: one candidate trained once on one split with one seed.

    Attributes:
        run: identity of the run: candidate, split, seed and data.
        candidate: the candidate, as `Candidate.to_json` gives it.
        split: name of the split.
        seed: seed of everything random in the run.
        status: done, dropped (out of the race), refused (broken), failed (an error) or skipped (not begun).
        why: the reason where the status is not ``done``; a note otherwise.
        seconds: wall-clock seconds by stage: load, train, predict, save, total ...
        latency_ms: one row at a time: ``{"p50": ..., "p95": ...}``.
        rows_per_second: prediction in bulk.
        peak_memory_mb: highest resident memory of the run's process.
        size_mb: size on disk of the fitted model.
        truncated_share: share of rows whose text the model cuts off.
        parameters: number of parameters of the model, and how many were trained.
        chosen: hyper-parameters that the recipe chose on the validation rows.
        curves: what was recorded during training, by name.
        environment: versions, threads and precision it ran with; the revision and hash of the backbone.
        short_seconds: how long it was given to learn, where that was too short for all of its work (``done``) or for any of it (``dropped``); else None.
    """

    run: str
    candidate: Mapping[str, Any]
    split: str
    seed: int
    status: Status
    why: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    rows_per_second: float | None = None
    peak_memory_mb: float | None = None
    size_mb: float | None = None
    truncated_share: float | None = None
    parameters: int | None = None
    trained_parameters: int | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    short_seconds: float | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        result, hints = super().from_json(content), get_type_hints(cls)
        if wrong := [name for name, hint in hints.items() if not _fits(getattr(result, name), hint)]:
            raise InputError(f"{cls.__name__}: the field {', '.join(wrong)} holds something else than a run writes; got {str(getattr(result, wrong[0]))[:40]!r}.")
        return result


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value out of JSON is what an annotation says; what a list holds is not looked at."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Literal:
        return value in parts
    if kind is UnionType:
        return any(_fits(value, part) for part in parts)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(_fits(each, parts[1]) for each in value.values())
    return kind is Any or isinstance(value, int | float if kind is float else kind)


def digest(content: Any) -> str:
    """SHA-256 of the canonical JSON of `content`, in hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Progress:
    """Where a long step stands: shown as a bar, never stored.

    Attributes:
        stage: what is being done: ``"encode"``, ``"train"`` ...
        done: units done so far.
        total: units in all, None where it is not known.
        unit: what is counted: ``"rows"``, ``"steps"``.
        note: a figure worth seeing: ``"loss 0.31"``.
    """

    stage: str
    done: float
    total: float | None = None
    unit: str = "steps"
    note: str = ""


def silent(_: Progress) -> None:
    """The listener that says nothing."""


Report = Callable[[Progress], None]
"""Is told where a long step stands."""
