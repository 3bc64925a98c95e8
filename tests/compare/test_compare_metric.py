"""What judges a comparison reaches every fit of it: whatever the rows of a fold look like, and whatever a recipe would have guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_tables import table, table_of, table_with_turns

from ringsmith.compare import playoff
from ringsmith.compare.dataset import Table
from ringsmith.compare.events import Event, RunStarted
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.records import Split, TextSet

Compare = Callable[..., Comparison]


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Compare recipes on a table made here."""

    def run(rows: Table, *recipes: str, events: list[Event] | None = None, **options: Any) -> Comparison:
        asked = CompareOptions(data="made.csv", recipes=recipes, out=tmp_path / "out", on="inline", threads=1, **options)
        return compare_table(rows, asked, (lambda event: None) if events is None else events.append)

    return run


def heard(result: Comparison) -> list[tuple[str, str]]:
    """Split and metric of every line of the ledger but the mean's, for which nothing is fitted."""
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(line["split"], line["chosen"]["metric"]) for line in lines if "metric" in line["chosen"]]


def uneven_folds() -> Table:
    """55 % of one class; the validation rows of one fold are nearly all of it, those of the other are even."""
    rows = table(200)
    numbers = np.arange(200)
    first = np.concatenate([numbers[numbers % 2 == 0][:40], numbers[numbers % 2 == 1][:4]])
    second = np.setdiff1d(numbers[:140], first)[:44]
    splits = [
        Split(f"fold-{i + 1}", np.setdiff1d(numbers, np.concatenate([part, numbers[150:]])), part, numbers[150 + 25 * i : 175 + 25 * i]) for i, part in enumerate((first, second))
    ]
    return replace(rows, splits=tuple(splits))


@pytest.mark.parametrize("metric", [None, "macro_f1", "f1:b"])
def test_all_folds_and_the_last_fit_hear_one_metric(compare: Compare, metric: str | None) -> None:
    """By the rows of one fold alone macro F1 would fit, by those of the other accuracy."""
    result = compare(uneven_folds(), "listening", metric=metric)
    assert [split for split, _ in heard(result)] == ["fold-1", "fold-2", "refit"]
    assert {told for _, told in heard(result)} == {metric or "accuracy"}


def test_turns_of_a_play_off_hear_it_too(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are fitted anew."""
    monkeypatch.setattr(playoff, "POINT", 0.0)
    result = compare(table_with_turns(), "listening", "tenth", metric="mcc", budget=60)
    assert {told for _, told in heard(result)} == {"mcc"}


def test_an_unnamed_class_is_one_for_all(compare: Compare) -> None:
    """The rarer of two, told by all rows that are learnt from."""
    assert {told for _, told in heard(compare(uneven_folds(), "listening", metric="f1"))} <= {"f1:a", "f1:b"}


def imbalanced() -> Table:
    """One row of eight is a complaint, told by one word of several that others have, too."""
    generator = np.random.default_rng(0)
    labels = ["complaint" if number % 8 == 0 else "praise" for number in range(640)]
    texts = []
    for label in labels:
        words = list(generator.choice([f"w{k}" for k in range(40)], size=6))
        told = generator.random() < (0.75 if label == "complaint" else 0.1)
        texts.append(" ".join(words + ["late"] * told))
    numbers = np.arange(640)
    return table_of(TextSet(texts, labels), (Split("holdout", numbers[:320], numbers[320:480], numbers[480:]),))


def test_borders_stay_where_log_loss_judges(compare: Compare) -> None:
    """They were moved for a macro F1 that nobody asked for, and the model was thrown away for it."""
    events: list[Event] = []
    by_loss = compare(imbalanced(), "majority", "tfidf", metric="log_loss")
    assert by_loss.recommended == "tfidf"
    tfidf = next(row for row in by_loss.rows if row.candidate == "tfidf")
    assert "Rare classes" not in tfidf.why
    default = compare(imbalanced(), "majority", "tfidf", events=events)
    assert len([event for event in events if isinstance(event, RunStarted)]) == 2, "what was fitted for log loss is not judged by macro F1"
    tfidf = next(row for row in default.rows if row.candidate == "tfidf")
    assert "since macro_f1 judges" in tfidf.why
