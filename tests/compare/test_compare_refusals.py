"""When one answer for all rows shows that a run is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_tables import table

from ringsmith.adapt.choose import ENOUGH_MISSED
from ringsmith.adapt.recipe import FitFacts
from ringsmith.compare.job import Job, check_scores
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import compare_table
from ringsmith.errors import BudgetError, RunRefused
from ringsmith.records import Floats, Label, TextSet
from ringsmith.tasks import Classification, MultiLabel, Task

JOB = Job("run", {"name": "made"}, "fakes:Made", None, {}, (), "holdout", 0, 1, "rows.arrow", "rows.npz", 0.0)


def all_first(rows: int, *, spread: float = 0.1) -> Floats:
    """Probabilities of so many rows, all of which are said to be of the first of two classes; how sure that is differs by `spread`."""
    first = np.linspace(0.9, 0.9 - spread, rows, dtype=np.float32)
    return np.stack([first, 1 - first], axis=1)


def check(labels: list[Label], *, test: int = 0, spread: float = 0.1, facts: FitFacts | None = None, task: Task | None = None, scores: Floats | None = None) -> None:
    """Check the scores of validation rows with these labels, and of so many test rows, whose labels nobody sees."""
    both = all_first(len(labels) + test, spread=spread) if scores is None else scores
    check_scores(JOB, task or Classification(["a", "b"]), both[: len(labels)], both[len(labels) :], TextSet(["t"] * len(labels), labels), facts or FitFacts())


@pytest.mark.parametrize("hurried", [False, True])
def test_one_answer_for_a_small_fold_is_no_proof(hurried: bool) -> None:
    """23 rows of two even classes, or 40 with two of the rare one: a cautious model answers so, and all folds together will tell."""
    check([*"ab" * 11, "a"], facts=FitFacts(hurried=hurried))
    check([*"a" * 38, *"b" * 2], test=200, facts=FitFacts(hurried=hurried))


def test_one_answer_that_misses_many_rows_is_refused() -> None:
    """20 of 40 validation rows; half of 10, with 30 test rows of which as many are reckoned to be of the other class; not one row fewer."""
    assert ENOUGH_MISSED == 20
    for labels, test in (([*"ab" * 20], 0), ([*"ab" * 5], 30)):
        with pytest.raises(RunRefused, match=r"^predicts one class only: 'a' for all 40 rows$"):
            check(labels, test=test)
    check([*"ab" * 19, "a"])
    check([*"ab" * 5], test=29)
    with pytest.raises(BudgetError, match=r"^predicts one class only: 'a' for all 40 rows\. Cut short\.$"):
        check([*"ab" * 20], facts=FitFacts(hurried=True, notes=("Cut short.",)))


def test_scores_that_are_all_alike_are_refused_however_few_the_rows() -> None:
    """Whatever gave them read no text; but where the validation rows have one class only, nothing is known."""
    with pytest.raises(RunRefused, match=r"^predicts one class only: 'a' for all 4 rows$"):
        check(["a", "b"], test=2, spread=0.0)
    check(["a", "a"], test=2, spread=0.0)


def test_no_label_for_any_row_is_one_answer_too() -> None:
    """Several labels a row: 20 of 30 rows have one, and none was found; of the first 28 it is 19."""
    task, labels = MultiLabel(["x", "y"]), [("x",), ("x", "y"), ()] * 10
    scores = np.random.default_rng(0).uniform(0.0, 0.4, (30, 2)).astype(np.float32)
    with pytest.raises(RunRefused, match=r"^predicts one class only: \(\) for all 30 rows$"):
        check([*labels], task=task, scores=scores)
    check([*labels[:-2]], task=task, scores=scores[:-2])


def test_a_candidate_is_not_refused_for_one_small_fold(tmp_path: Path) -> None:
    """Right in three folds, one answer for the 32 rows of each of the others: its answers are pooled, and it is ranked."""
    result = compare_table(table(80, folds=5), CompareOptions(data="made.csv", recipes=("timid", "majority"), out=tmp_path / "out", on="inline"), lambda event: None)
    rows = {row.candidate: row for row in result.rows}
    assert rows["timid"].status == "done"
    assert rows["timid"].valid == pytest.approx(0.8), "none of the 8 rows of the other class is found in each of the two folds that do not learn from row 10"
    assert result.recommended == "timid"
