"""The rows of a comparison: read, split and checked by `data`, then put where every run finds them.

The texts leave this process once they are stored: it keeps targets, groups and row numbers only, so that two million rows exist once, in
the run that works on them.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._wording import plural
from ringsmith.adapt.labelnames import FEW, in_plain_words, speaking
from ringsmith.compare.events import Listener, Read
from ringsmith.compare.files import write_arrays, write_json, written
from ringsmith.compare.forecast import Workload, workload
from ringsmith.compare.options import CompareOptions
from ringsmith.data import DataFindings, ReadFindings
from ringsmith.errors import LabelError, OptionError
from ringsmith.metrics import Metric, parse_metric
from ringsmith.records import SCHEMA, Label, Rows, Split, TextSet, digest
from ringsmith.tasks import Task, create_task, infer_task

TEXT_SHOWN = 2000
"""Characters of a test row's text that the report may show."""
PARTS = ("train", "valid", "test")
ROWS = "rows.arrow"


@dataclass(frozen=True, eq=False)
class Table:
    """Rows in memory with their splits, before they are stored.

    Attributes:
        texts: all rows, those of a second table (``--test``) included.
        splits: positions in `texts`.
        how: how they were split, in a few words.
        language: two letters, None where it is not known.
        read: findings of reading, of one table or two.
        checked: findings of checking.
        notes: what was said about the splits, a sentence each.
        turns: further splits, for a play-off: as `data.SplitPlan` has them.
        fewer: for each split the same with a half and a quarter of its training rows, as `data.with_fewer` gives them.
    """

    texts: TextSet
    splits: tuple[Split, ...]
    how: str
    language: str | None
    read: tuple[ReadFindings, ...]
    checked: DataFindings
    notes: tuple[str, ...] = ()
    turns: tuple[Split, ...] = ()
    fewer: tuple[tuple[Split, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """What the comparison keeps of the rows after their texts are stored.

    Attributes:
        task: what the labels mean.
        metric: the metric that judges.
        splits: the splits, positions in the stored table.
        y: targets of all rows.
        groups: number of the group of each row, None where rows are independent.
        names: words for each of the task's labels; empty where names are not learnt from.
        names_meant: whether all of them were described.
        shares: (number of splits, K) shares of the classes among the training rows of each split.
        workload: size of one run.
        language: two letters, None where it is not known.
        identity: what makes it this data set: data, splits, labels and text steps, hashed.
        order: position of every test row -> its line in ``predictions/rows.jsonl``.
        turns: further splits, for a play-off.
        fewer: for each split the same with fewer training rows, for learning curves.
    """

    task: Task
    metric: Metric
    splits: tuple[Split, ...]
    y: npt.NDArray[Any]
    groups: Rows | None
    names: tuple[str, ...]
    names_meant: bool
    shares: npt.NDArray[np.float32]
    workload: Workload
    language: str | None
    identity: dict[str, str]
    order: Rows
    turns: tuple[Split, ...] = ()
    fewer: tuple[tuple[Split, ...], ...] = ()


def load_table(options: CompareOptions, listener: Listener, *, rows: Any = None, test_rows: Any = None) -> Table:
    """Read, split and check the rows that the options name.

    Args:
        options: where the rows are, and how they are read and split.
        listener: is told what was read.
        rows: rows in memory (a data frame, or ``[(text, label), ...]``) in the place of ``options.data``, which is only their name then.
        test_rows: the same for ``options.test``.

    Raises:
        InputError: whatever is wrong with the tables.
    """
    from ringsmith.data import check, keep_classes, plan_splits, read_like, read_table, with_fewer
    from ringsmith.data.classes import MIN_ROWS

    begin = time.monotonic()
    table = read_table(
        options.data if rows is None else rows,
        text=options.text,
        label=options.label,
        pair=options.pair,
        group=options.group,
        time=options.time,
        split=options.split,
        encoding=options.encoding,
        delimiter=options.delimiter,
        offline=options.offline,
        multilabel=None if options.task is None else options.task == "multilabel",
    )
    if options.min_rows is not None:
        table = keep_classes(table, options.min_rows)
    asked = options.test if test_rows is None else test_rows
    test = None if asked is None else read_like(asked, table.findings, encoding=options.encoding, delimiter=options.delimiter, offline=options.offline)
    found = tuple(part.findings for part in (table, test) if part is not None)
    listener(Read(found[0], found[1] if test else None, time.monotonic() - begin))
    with naming_the_column(found[0], table.texts.labels or []):
        plan = plan_splits(
            table.texts,
            seed=options.seed,
            folds=1 if options.folds == 0 else options.folds,
            test=test.texts if test else None,
            split_names=table.split_names,
            times=table.times,
            min_rows=MIN_ROWS if options.min_rows is None else options.min_rows,
        )
    cleaned, checked = check(plan.texts, plan.splits, turns=plan.turns, seed=options.seed)
    splits, turns = tuple(cleaned[: len(plan.splits)]), tuple(cleaned[len(plan.splits) :])
    language = None if checked.language == "unknown" else checked.language
    fewer = tuple(with_fewer(plan.texts, split, options.seed) for split in splits) if options.curve and not options.search else ()
    return Table(plan.texts, splits, plan.how, language, found, checked, plan.notes, turns, fewer)


@contextmanager
def naming_the_column(read: ReadFindings, labels: Sequence[Label]) -> Iterator[None]:
    """Within the block what is wrong with the labels is said with the table and the column they are from, which may have been found, not named.

    Where the table has no names of columns and no other row has the label of the first one, that may be the name.
    """
    try:
        yield
    except LabelError as error:
        first = labels[0] if labels and read.header is False and list(labels).count(labels[0]) == 1 else None
        perhaps = (
            f"the first row was taken for a row like the others; if {first!r} is the name of the column, say --label {shlex.quote(first)}. Else " if isinstance(first, str) else ""
        )
        raise LabelError(f"{read.source}, labels in {read.label_column!r}: {perhaps}{str(error)[0].lower()}{str(error)[1:]}") from error


def describe(table: Table, options: CompareOptions) -> Dataset:
    """All that is kept of a table: targets, floor, identity.

    Raises:
        LabelError: the training rows have one class only.
        UnknownName, OptionError: the metric does not suit the task, or judges nothing; a label is described that the data do not have.
    """
    from ringsmith.data import number_groups

    labels = table.texts.labels
    assert labels is not None
    task = task_of(labels, table.splits, options.task)
    y = task.targets(labels)
    trained = np.unique(np.concatenate([split.train for split in table.splits]))
    metric = parse_metric(options.metric or task.default_metric(y[trained]), task.labels, targets=y[trained] if y.ndim == 1 else None)
    if not metric.judges:
        raise OptionError(f"'metric' must tell models from guesses; got '{metric.name}', in which the shares of the classes do well, too. Take log_loss or brier.")
    first, words = table.splits[0], in_plain_words(task.labels, options.describe)
    return Dataset(
        task=task,
        metric=metric,
        splits=table.splits,
        y=y,
        groups=None if table.texts.groups is None else number_groups(table.texts.groups),
        names=tuple(words) if options.names else (),
        names_meant=set(task.labels) <= options.describe.keys(),
        shares=np.stack([task.shares(y[split.train]) for split in table.splits]),
        workload=workload(table.texts.texts, table.texts.pairs, train=len(first.train), other=len(first.valid) + len(first.test), classes=len(task.labels)),
        language=table.language,
        identity=identity_of(table, task, options),
        order=np.concatenate([split.test for split in table.splits]),
        turns=table.turns,
        fewer=table.fewer if all(table.fewer) else (),
    )


def note_of_names(table: Table, dataset: Dataset) -> tuple[str, ...]:
    """A sentence where classes learn from their names, by the training rows of the first split."""
    rare = speaking(table.texts.take(table.splits[0].train), dataset.task, dataset.names, meant=dataset.names_meant)
    if not len(rare):
        return ()
    some = f"{plural(len(rare), 'class', 'classes')} of at most {FEW} training rows {'learns from its name' if len(rare) == 1 else 'learn from their names'}"
    why = "all were described" if dataset.names_meant else "the texts speak of the names"
    return (f"{some}, too: {why} (--no-names does without).",)


def task_of(labels: Sequence[Label], splits: Sequence[Split], kind: str | None) -> Task:
    """The task over the labels that occur in training.

    Raises:
        LabelError: there is one class only.
    """
    trained = np.unique(np.concatenate([split.train for split in splits]))
    task = infer_task([labels[at] for at in trained])
    if len(task.labels) < 2:
        raise LabelError(f"The training rows must have at least two classes; got {len(task.labels)}: {', '.join(map(repr, task.labels))}. Check the label column (--label).")
    return task if kind is None else create_task(kind, task.labels)


def identity_of(table: Table, task: Task, options: CompareOptions) -> dict[str, str]:
    """What a folder belongs to, each part hashed."""
    from ringsmith.data import fingerprint

    cut = [[split.name, *(digest(getattr(split, part).tolist()) for part in PARTS)] for split in table.splits]
    return {"data": fingerprint(table.texts), "splits": digest(cut), "labels": digest(task.to_json()), "text steps": digest(list(options.steps))}


def store_table(table: Table, folder: Path, work: Path) -> None:
    """Put the rows and the splits where the runs and the readers find them."""
    from ringsmith.data import store

    for place in (work / "splits", folder / "splits", folder / "predictions"):
        place.mkdir(parents=True, exist_ok=True)
    with written(work / ROWS, lasting=False) as scratch:
        store(scratch, table.texts)
    for split in (*table.splits, *table.turns, *chain(*table.fewer)):
        write_arrays(work / "splits" / f"{split.name}.npz", {part: getattr(split, part) for part in PARTS})
    for split in (*table.splits, *table.turns):
        numbers = {part: table.texts.rows[getattr(split, part)].tolist() for part in PARTS}
        write_json(folder / "splits" / f"{split.name}.json", {"schema": SCHEMA, "name": split.name, "how": table.how, **numbers})
    write_test_rows(table, folder / "predictions" / "rows.jsonl")


def write_test_rows(table: Table, path: Path) -> None:
    """One line for each test row: what a report shows of it."""
    texts, labels = table.texts, table.texts.labels
    with written(path) as scratch, scratch.open("w", encoding="utf-8", newline="\n") as file:
        for split in table.splits:
            for at in split.test.tolist():
                line = {"row": int(texts.rows[at]), "text": texts.texts[at][:TEXT_SHOWN], "label": labels[at] if labels else None, "split": split.name}
                if texts.pairs is not None:
                    line["pair"] = texts.pairs[at][:TEXT_SHOWN]
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def first_test_row(table: Table) -> int | None:
    """The number that row 0 of a second table has in the splits and the report, None without such a table."""
    if len(table.read) == 1:
        return None
    return int(table.texts.rows[: table.splits[0].test.min()].max()) + 1


def counts_of(splits: Sequence[Split]) -> list[dict[str, Any]]:
    """Names and sizes of the splits, for the report."""
    return [{"name": split.name, **{part: len(getattr(split, part)) for part in PARTS}} for split in splits]
