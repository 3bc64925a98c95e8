"""What one comparison is asked to do; every default of `ringsmith compare` stands here, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic as now
from typing import TYPE_CHECKING, Literal

from ringsmith._rules import Rule, hold
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.adapt.endpoint_settings import EndpointSettings

FetchPolicy = Literal["never", "if-missing", "always"]
MOST_SEED = 2**31 - 1
"""What every library that draws random numbers takes, with room for the seeds that follow it."""
MOST_THREADS = 1024
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
SPAN = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s)?")


def parse_budget(text: str) -> float:
    """A stretch of time as seconds.

    Args:
        text: hours, minutes and seconds, in this order, at least one of them: ``"1h30m"``, ``"10m"``, ``"2m30s"``, ``"90s"``.

    Raises:
        OptionError: not written like that, or nothing at all.

    Examples:
        >>> parse_budget("2m30s"), parse_budget("1h30m")
        (150.0, 5400.0)
    """
    found = SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    seconds = sum(float(value) * UNITS[unit] for unit, value in found.groupdict().items() if value) if found else 0.0
    if seconds <= 0 and (text.strip() == "0" or (found and any(found.groups()))):
        raise OptionError(f"'budget' must be more than 0 seconds; got {text!r}. Leave it out for no limit.")
    if seconds <= 0:
        hint = f" Write {text.strip()}s or {text.strip()}m." if text.strip().isdecimal() and int(text) else ""
        raise OptionError(f"'budget' must be a time such as 90s, 10m, 2m30s or 1h30m; got {text!r}.{hint or ' Leave it out for no limit.'}")
    return seconds


def read_words(pairs: Sequence[str]) -> dict[str, str]:
    """``LABEL=WORDS`` as a mapping.

    Raises:
        OptionError: one of them is not written like that.

    Examples:
        >>> read_words(["0=bad film", "1=good film"])
        {'0': 'bad film', '1': 'good film'}
    """
    found = {}
    for pair in pairs:
        label, equals, words = pair.partition("=")
        if not equals or not words.strip():
            raise OptionError(f"--describe must be LABEL=WORDS, such as 1='a good film'; got {pair!r}.")
        found[label.strip()] = words.strip()
    return found


COLUMNS = ("text", "label", "pair", "group", "time", "split")
"""Options that name columns."""


RULES: tuple[Rule, ...] = (
    ("seeds", lambda number: number >= 1, "at least 1"),
    ("search", lambda number: number == 0 or number >= 2, "0 (the defaults alone) or at least 2 (the defaults are the first)"),
    ("seed", lambda seed: 0 <= seed <= MOST_SEED, f"from 0 to {MOST_SEED:,}"),
    ("folds", lambda folds: folds is None or folds == 0 or folds >= 2, "0 (one split) or at least 2"),
    ("min_rows", lambda rows: rows is None or rows >= 1, "at least 1"),
    ("threads", lambda threads: threads is None or 1 <= threads <= MOST_THREADS, f"from 1 to {MOST_THREADS:,}"),
    ("budget", lambda seconds: seconds is None or seconds > 0, "more than 0 seconds"),
    ("fetch", lambda policy: policy in ("never", "if-missing", "always"), "never, if-missing or always"),
    ("models", lambda names: names is None or len(names) > 0, "at least one name"),
    ("recipes", lambda names: names is None or len(names) > 0, "at least one name"),
    *((role, lambda name: isinstance(name, str | None), "the name of a column, or several as 'title,body'") for role in COLUMNS),
)


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """One comparison: which rows, which candidates, how long.

    Attributes:
        data: the table: a file, a folder, an address, or ``"-"`` for standard input.
        text: name of the text column, or several with commas between, None to find it.
        label: name of the label column, None to find it.
        pair: name of a second text column, None where there is none.
        group: name of a column whose rows no split may cut apart.
        time: name of a column to split by in order: the newest rows test.
        split: name of a column that says ``train``, ``valid`` or ``test``.
        test: a second table to report on, None to take part of `data`.
        encoding: of both tables, where it is not UTF-8 and not found, or found wrongly; None to find it.
        delimiter: what stands between the cells of both tables, as far as they are CSV or its like; None to find it.
        task: name of the task, None to tell it from the labels.
        models: names of backbones, files of word vectors and groups, None for the group ``default``.
        recipes: names of recipes, with options in brackets where they have any: ``"lora[rank=16]"``; None for those that compete by default.
        endpoint: a model behind an address that the recipe `prompt` asks, None for none.
        describe: label -> the words that stand for it, for the recipe `prompt`, and for all others where names are learnt from.
        names: whether a class with few rows learns from its name, too, where the texts speak of the names or all were described (`adapt.labelnames`).
        budget: seconds of wall clock for everything, None for no limit. What is left of it lets more rows choose between those that are tied (`compare.playoff`).
        metric: name of the metric that judges, None for the task's own.
        seed: seed of the splits and of everything random.
        seeds: how often every candidate is trained, with `seed`, `seed` + 1 ...
        search: how many settings of the best candidates are tried, their defaults included; 0 for none but the defaults.
        folds: number of parts for cross-validation, 0 for one split and no play-off, None to let the number of rows decide.
        curve: whether learning curves are drawn in the time that is left (`compare.learning`).
        steps: names of the text steps that every text goes through.
        min_rows: a class with fewer rows is left out, None for the splits' own rule.
        out: folder to write into, None for ``runs/`` and the name of the data.
        offline: never use the network.
        fetch: when a model may be fetched.
        on: where the runs happen: ``"local"`` (each in a process of its own) or ``"inline"`` (in this one; for tests and debuggers).
        threads: CPU threads of a run, None for all cores of this machine.
        started: when the clock of the budget began, by `time.monotonic`.
        command: the command line, for the report.
    """

    data: str
    text: str | None = None
    label: str | None = None
    pair: str | None = None
    group: str | None = None
    time: str | None = None
    split: str | None = None
    test: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    task: str | None = None
    models: tuple[str, ...] | None = None
    recipes: tuple[str, ...] | None = None
    endpoint: EndpointSettings | None = None
    describe: Mapping[str, str] = field(default_factory=dict)
    names: bool = True
    budget: float | None = None
    metric: str | None = None
    seed: int = 0
    seeds: int = 1
    search: int = 0
    folds: int | None = None
    curve: bool = True
    steps: tuple[str, ...] = ()
    min_rows: int | None = None
    out: Path | None = None
    offline: bool = False
    fetch: FetchPolicy = "if-missing"
    on: str = "local"
    threads: int | None = None
    started: float = field(default_factory=now)
    command: str = ""

    def __post_init__(self) -> None:
        hold(self, RULES)
        if self.offline and self.endpoint is not None:
            raise OptionError(f"--offline: an endpoint is asked over the network; got --endpoint {self.endpoint.url}. Leave out one of the two.")

    @property
    def folder(self) -> Path:
        """Where everything is written: `out`, or ``runs/`` and the name of the data."""
        if self.out is not None:
            return self.out
        name = "stdin" if self.data == "-" else Path(self.data.rstrip("/")).name.split(".")[0]
        return Path("runs") / (name or "data")
