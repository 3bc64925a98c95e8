"""Whole comparisons of fakes whose figures are known by hand, in this process."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_tables import table

from ringsmith.adapt.recipe import FitFacts, Progress
from ringsmith.compare import forecast, runner
from ringsmith.compare import race as races
from ringsmith.compare.events import Chosen, Cut, Event, MachineSeen, Planned, Ranked, RunFinished, RunProgress, RunStarted, Written
from ringsmith.compare.job import Job, check_scores
from ringsmith.compare.leaderboard import COLUMNS, Row, as_markdown
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.race import Race
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.compare.space import Entrant
from ringsmith.errors import BudgetError, LabelError, MachineError, OptionError, RunRefused, UnknownName, UsageError
from ringsmith.records import Split, TextSet
from ringsmith.tasks import infer_task

PROMISED = (
    "candidate model recipe status metric valid test test_low test_high tie_group recommended train_seconds latency_ms_p50 latency_ms_p95 "
    "rows_per_second peak_memory_mb size_mb truncated_share parameters why"
)
"""The columns of the table, as the design page lists them."""
REPORTED = "schema title created ringsmith command settings machine task metric read data splits plan ties recommended honest budget backbones keys"
"""What a report reads in the study."""


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., Comparison]:
    """Compare fakes on a table made here."""

    def run(*recipes: str, events: list[Event] | None = None, finish: Any = None, rows: Any = None, **options: Any) -> Comparison:
        asked = CompareOptions(**({"data": "made.csv", "recipes": recipes, "out": tmp_path / "out", "on": "inline"} | options))
        return compare_table(table() if rows is None else rows, asked, (lambda event: None) if events is None else events.append, finish=finish)

    return run


def rows_by_name(result: Comparison) -> dict[str, Row]:
    """The table by candidate."""
    return {row.candidate: row for row in result.rows}


def test_figures_order_and_recommendation_are_right(compare: Callable[..., Comparison]) -> None:
    """Validation rows are i with i // 2 % 4 == 2: 50 rows, of which 5 divide by 10 and 17 by 3; test rows: 50, 5 and 16."""
    result = compare("third", "tenth", "majority")
    rows = rows_by_name(result)
    numbers = np.arange(200)
    for part, quarter in (("valid", 2), ("test", 3)):
        chosen = numbers[numbers // 2 % 4 == quarter]
        assert getattr(rows["tenth"], part) == pytest.approx(np.mean(chosen % 10 != 0))
        assert getattr(rows["third"], part) == pytest.approx(np.mean(chosen % 3 != 0))
        assert getattr(rows["majority"], part) == pytest.approx(0.5)
    assert [row.candidate for row in result.rows] == ["tenth", "third", "majority"]
    assert result.recommended == "tenth"
    assert [row.candidate for row in result.rows if row.recommended] == ["tenth"]
    assert rows["tenth"].tie_group == "A"
    assert rows["tenth"].parameters == 7


def test_every_file_is_written_and_says_the_same(compare: Callable[..., Comparison]) -> None:
    """JSON and CSV hold the keys that are promised, in their order; the study holds what a report reads."""
    result = compare("third", "tenth", "crash")
    content = json.loads((result.folder / "leaderboard.json").read_text(encoding="utf-8"))
    assert list(content[0]) == PROMISED.split() == list(COLUMNS)
    assert content == json.loads(json.dumps([asdict(row) for row in result.rows]))
    with (result.folder / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == PROMISED.split()
    assert [(line["candidate"], line["valid"], line["recommended"]) for line in lines[:1]] == [("tenth", str(result.rows[0].valid), "True")]
    assert lines[-1]["valid"] == ""
    assert "| **tenth** (take this) |" in (result.folder / "leaderboard.md").read_text(encoding="utf-8")
    study = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))
    assert set(REPORTED.split()) <= study.keys()
    assert study["recommended"] == {"candidate": "tenth", "reason": result.reason}
    assert study["splits"] == [{"name": "holdout", "train": 100, "valid": 50, "test": 50}]
    assert study["settings"]["recipes"] == ["third", "tenth", "crash"]
    assert [tie["candidate"] for tie in study["ties"]] == ["tenth", "third"]


def test_answers_are_kept_for_the_report(compare: Callable[..., Comparison]) -> None:
    """The line of every test row in rows.jsonl, and its probabilities."""
    result = compare("tenth")
    lines = [json.loads(line) for line in (result.folder / "predictions" / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    key = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["keys"]["tenth"]
    with np.load(result.folder / "predictions" / f"{key}.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {"test_row", "test_proba", "test_position", "valid_row", "valid_proba"}
        for at, row, proba in zip(arrays["test_position"], arrays["test_row"], arrays["test_proba"], strict=True):
            assert lines[at]["row"] == row
            assert ("ab"[proba.argmax()] == lines[at]["label"]) == (row % 10 != 0)
    assert lines[0] == {"row": 6, "text": "a #6", "label": "a", "split": "holdout"}


def test_the_splits_are_written_as_row_numbers(compare: Callable[..., Comparison]) -> None:
    """Every row is in one part."""
    split = json.loads((compare("tenth").folder / "splits" / "holdout.json").read_text(encoding="utf-8"))
    assert sorted(split["train"] + split["valid"] + split["test"]) == list(range(200))
    assert split["test"][:4] == [6, 7, 14, 15]


def test_best_is_the_measured_model(compare: Callable[..., Comparison]) -> None:
    """And nothing else is left of the work."""
    result = compare("third", "tenth")
    assert result.best == result.folder / "best"
    assert json.loads((result.folder / "best" / "ringsmith.json").read_text(encoding="utf-8"))["options"]["wrong"] == 10
    assert not (result.folder / "work").exists()


@pytest.mark.parametrize(
    ("fake", "status", "why"),
    [
        ("crash", "failed", r"ZeroDivisionError: a fault of the recipe \(errors/[0-9a-f]{12}\.txt\)"),
        ("notanumber", "refused", r"its scores are not numbers \(NaN\) in 2 of 100 rows"),
        ("constant", "refused", r"predicts one class only: 'a' for all 100 rows"),
        ("hurried", "dropped", r"predicts one class only: 'a' for all 100 rows\. The budget ended it early\."),
        ("guess", "refused", r"no better than the majority class: accuracy 0\.000 on validation, 0\.500 without reading the text"),
    ],
)
def test_a_broken_candidate_is_listed_last_with_its_reason(compare: Callable[..., Comparison], fake: str, status: str, why: str) -> None:
    """It is not ranked, and it does not take the others with it."""
    result = compare(fake, "tenth", "third")
    assert [row.candidate for row in result.rows] == ["tenth", "third", fake]
    broken = result.rows[-1]
    assert (broken.status, broken.tie_group, broken.recommended) == (status, None, False)
    assert broken.train_seconds is not None
    assert broken.train_seconds > 0
    assert re.fullmatch(why, broken.why)


def test_what_the_fit_says_follows_its_refusal_as_sentences() -> None:
    """Two stops stood between them."""
    rows = TextSet(["a b", "c d"], ["a", "b"])
    job = Job("run", {"name": "constant"}, "fakes:Constant", None, {}, (), "holdout", 0, 1, "rows.arrow", "rows.npz", 0.0)
    scores, notes = np.array([[0.9, 0.1], [0.9, 0.1]], dtype=np.float32), ["It ended early.", "The budget ended the search after 1 setting, which was taken."]
    with pytest.raises(RunRefused, match=rf"^predicts one class only: 'a' for all 4 rows\. {re.escape(' '.join(notes))}$"):
        check_scores(job, infer_task(["a", "b"]), scores, scores, rows, FitFacts(notes=tuple(notes)))
    told = np.repeat([[0.9, 0.1], [0.8, 0.2]], [30, 20], axis=0).astype(np.float32)
    many = TextSet(["a b"] * 30 + ["c d"] * 20, ["a"] * 30 + ["b"] * 20)
    with pytest.raises(RunRefused, match=r"^predicts one class only: 'a' for all 100 rows$"):
        check_scores(job, infer_task(["a", "b"]), told, told, many, FitFacts())
    for metric in ("log_loss", "auroc", "average_precision:b"):  # which see that the last rows are the likelier ones to be b
        check_scores(replace(job, metric=metric), infer_task(["a", "b"]), told, told, many, FitFacts())


def test_the_trace_of_a_fault_is_kept(compare: Callable[..., Comparison]) -> None:
    """So that it can be reported and mended."""
    result = compare("crash", "tenth")
    (trace,) = (result.folder / "errors").iterdir()
    assert "ZeroDivisionError: a fault of the recipe" in trace.read_text(encoding="utf-8")


def test_test_labels_never_influence_choice_or_model(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """With the test labels turned round the table's validation side and the recommendation stay."""
    rows = table()
    before = compare("third", "tenth", out=tmp_path / "before", rows=rows)
    for at in rows.splits[0].test:
        rows.texts.labels[at] = "ba"["ab".index(rows.texts.labels[at])]  # type: ignore[index]
    after = compare("third", "tenth", out=tmp_path / "after", rows=rows)
    assert (before.recommended, before.reason) == (after.recommended, after.reason)
    assert [(row.candidate, row.valid, row.tie_group) for row in before.rows] == [(row.candidate, row.valid, row.tie_group) for row in after.rows]
    assert rows_by_name(before)["tenth"].test == pytest.approx(1 - rows_by_name(after)["tenth"].test)  # type: ignore[operator]


def test_with_folds_every_row_is_judged_once(compare: Callable[..., Comparison]) -> None:
    """Pooled over five folds 'tenth' is wrong in 20 of 200 rows, on either side.

    All 20 lie in part 1. Fold 5 chooses by that part, so 'third' wins there and answers part 5, where 14 of its 40 numbers divide by three
    (9, 18, 39 ... 198): the choice as such is wrong in 20 + 14 rows, 0.83.
    """
    result = compare("tenth", "third", rows=table(folds=5))
    row = rows_by_name(result)["tenth"]
    assert (row.valid, row.test) == (pytest.approx(0.9), pytest.approx(0.9))
    assert result.honest is not None
    assert result.honest["value"] == pytest.approx(0.83)
    assert list(result.honest["winners"].values()) == ["tenth"] * 4 + ["third"]


def test_with_folds_the_winner_is_fitted_again_on_all_rows(compare: Callable[..., Comparison]) -> None:
    """All but the part that stops it early: 160 of 200; and it is said."""
    result = compare("tenth", "third", rows=table(folds=5))
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(line["split"] for line in lines) == {"fold-1": 2, "fold-2": 2, "fold-3": 2, "fold-4": 2, "fold-5": 2, "refit": 1}
    assert lines[-1]["why"] == "fitted on 160 rows"
    best = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["best"]
    assert (best["candidate"], best["split"], best["trained_on"]) == ("tenth", "refit", "all rows; one part of them chose its settings or when to stop")


def test_the_last_fit_is_forecast_by_its_rows(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two folds as `ringsmith.data.split` cuts them each learns from 12 of 36 rows, and the last fit from 30."""
    rows, seen = np.arange(36), list[Race]()
    splits = (Split("fold-1", rows[24:], rows[18:24], rows[:18]), Split("fold-2", rows[:12], rows[12:18], rows[18:]))
    monkeypatch.setattr(runner, "hand_over", lambda race, **_: seen.append(race))
    compare("tenth", "third", rows=replace(table(36), splits=splits))
    (race,) = seen
    tenth = race.known["tenth"]
    assert race.refit_forecast(tenth).fit == pytest.approx(race.forecast(tenth).fit * 30 / 12)


def test_what_says_the_same_as_validation_rows_is_not_learnt_by_the_last_fit_either(compare: Callable[..., Comparison]) -> None:
    """Ten rows leave the first fold's training because its validation rows say the same; the other folds learn them, the last fit, which chooses by the first's, does not."""
    whole = table(folds=5)
    first = whole.splits[0]
    result = compare("tenth", "third", rows=replace(whole, splits=(replace(first, train=first.train[10:]), *whole.splits[1:])))
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["split"] == "refit"
    assert lines[-1]["why"] == "fitted on 150 rows"


def test_the_table_in_markdown_keeps_to_its_cells() -> None:
    """The metric of a class with a bar and a line break in its name."""
    head, rule, row = as_markdown([Row("tfidf", None, "tfidf", "done", "f1:a|b\nc", 0.9)]).splitlines()[:3]
    assert head.startswith("| # | tie | candidate | f1:a\\|b c on test | on valid |")
    assert rule.count("|") == row.count("|") == head.count("|") - 1


def test_one_row_is_timed_in_the_first_fold_alone(compare: Callable[..., Comparison]) -> None:
    """It takes up to a second, and five folds would say the same five times; the table has its figure."""
    result = compare("tenth", rows=table(folds=5))
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    timed = {line["split"]: line["latency_ms"] for line in lines if line["split"] != "refit"}
    assert [bool(timed[f"fold-{fold}"]) for fold in range(1, 6)] == [True, False, False, False, False]
    assert result.rows[0].latency_ms_p50 == timed["fold-1"]["p50"]


def test_where_folds_only_choose_the_measured_model_is_handed_over(compare: Callable[..., Comparison]) -> None:
    """All 200 rows choose; the first fold's models alone see the test rows, and the winner is one of them: nothing is fitted again."""
    whole = table(240)
    part = np.arange(200) // 2 % 5
    splits = [Split(f"fold-{i + 1}", np.flatnonzero(part != i), np.flatnonzero(part == i), np.arange(200, 240 if i == 0 else 200)) for i in range(5)]
    result = compare("tenth", "third", rows=replace(whole, splits=tuple(splits)))
    row = rows_by_name(result)["tenth"]
    assert (row.valid, row.test) == (pytest.approx(0.9), pytest.approx(0.9))
    assert result.honest is None
    assert "200 validation rows" in result.reason
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(line["split"] for line in lines) == {f"fold-{i}": 2 for i in range(1, 6)}
    best = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["best"]
    assert (best["candidate"], best["split"], best["trained_on"]) == ("tenth", "fold-1", "the training rows of fold-1")


def test_several_seeds_are_several_runs_of_one_candidate(compare: Callable[..., Comparison]) -> None:
    """One row in the table, three lines in the ledger."""
    result = compare("tenth", seeds=3, seed=5)
    lines = [json.loads(line) for line in (result.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["seed"] for line in lines] == [5, 6, 7]
    assert result.rows[0].valid == pytest.approx(0.9)


def test_events_tell_the_story_in_order(compare: Callable[..., Comparison]) -> None:
    """What the command line draws."""
    events: list[Event] = []
    compare("tenth", "third", events=events)
    kinds = [type(event) for event in events if not isinstance(event, RunProgress)]
    assert kinds[:3] == [Cut, MachineSeen, Planned]
    assert kinds[3:9] == [RunStarted, RunFinished, Ranked] * 2
    assert kinds[9:11] == [Chosen, Ranked]
    assert set(kinds[11:]) == {Written}
    started = [event for event in events if isinstance(event, RunStarted)]
    assert [(event.index, event.total) for event in started] == [(1, 2), (2, 2)]
    to_go = [event.seconds_to_go or 0.0 for event in started]
    assert to_go[0] > to_go[1] > started[1].forecast_seconds > 0
    assert RunProgress("tenth", Progress("train", 0, 10, "steps", "loss 0.5")) in events


def test_every_run_is_told_from_the_others_of_its_candidate(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """By its fold and its seed, as far as there are several; the winner's last fit by its rows. A run that broke is told the same way."""
    told = {}
    for name, rows, options in (("one", None, {}), ("folds", table(60, folds=3), {}), ("seeds", None, {"seeds": 2}), ("both", table(60, folds=3), {"seeds": 2})):
        events: list[Event] = []
        result = compare("tenth", "crash", rows=rows, events=events, out=tmp_path / name, **options)
        told[name] = [event.which for event in events if isinstance(event, RunStarted) and event.candidate == "tenth"]
        assert [event.which for event in events if isinstance(event, RunFinished)] == [event.which for event in events if isinstance(event, RunStarted)]
    assert told == {
        "one": [""],
        "folds": ["fold-1", "fold-2", "fold-3", "all rows"],
        "seeds": ["seed 0", "seed 1"],
        "both": [*(f"fold-{fold}, seed {seed}" for fold in (1, 2, 3) for seed in (0, 1)), "all rows, seed 0"],
    }
    assert rows_by_name(result)["crash"].why.endswith(" (fold-1, seed 0)")


def test_a_second_time_nothing_is_run_again(compare: Callable[..., Comparison]) -> None:
    """Done runs stay done, the table is the same, best/ stays."""
    events: list[Event] = []
    first = compare("tenth", "third", "notanumber")
    made = (first.folder / "best" / "ringsmith.json").stat().st_mtime_ns
    second = compare("tenth", "third", "notanumber", events=events)
    assert not [event for event in events if isinstance(event, RunStarted)]
    assert second.rows == first.rows
    assert (second.folder / "best" / "ringsmith.json").stat().st_mtime_ns == made
    assert second.recommended == "tenth"


def test_a_failed_run_is_tried_again(compare: Callable[..., Comparison]) -> None:
    """The cause may be gone by now."""
    events: list[Event] = []
    compare("tenth", "crash")
    compare("tenth", "crash", events=events)
    assert [event.candidate for event in events if isinstance(event, RunStarted)] == ["crash"]


def test_more_candidates_go_on_in_the_same_folder(compare: Callable[..., Comparison]) -> None:
    """Only the new one is run, and the table has both."""
    events: list[Event] = []
    compare("third")
    result = compare("third", "tenth", events=events)
    assert [event.candidate for event in events if isinstance(event, RunStarted)] == ["tenth"]
    assert [row.candidate for row in result.rows] == ["tenth", "third"]
    assert json.loads((result.folder / "best" / "ringsmith.json").read_text(encoding="utf-8"))["options"]["wrong"] == 10


def test_a_missing_best_is_made_again(compare: Callable[..., Comparison]) -> None:
    """By running the winner once more, under a name of its own: what was measured stays as it is. A third time nothing is missing."""
    events: list[Event] = []
    first = compare("third", "tenth")
    measured = (first.folder / "ledger.jsonl").read_text(encoding="utf-8")
    shutil.rmtree(first.folder / "best")
    second = compare("third", "tenth", events=events)
    assert [(event.candidate, event.which) for event in events if isinstance(event, RunStarted)] == [("tenth", "holdout-again")]
    assert second.best is not None
    assert (second.best / "ringsmith.json").exists()
    assert second.rows == first.rows
    ledger = (first.folder / "ledger.jsonl").read_text(encoding="utf-8")
    assert ledger.startswith(measured)
    assert [json.loads(line)["split"] for line in ledger.splitlines()] == ["holdout", "holdout", "holdout-again"]
    said = json.loads((first.folder / "study.json").read_text(encoding="utf-8"))["best"]["trained_on"]
    assert said == "the training rows, once more: the model that was measured is gone"
    events.clear()
    assert compare("third", "tenth", events=events).best == second.best
    assert not [event for event in events if isinstance(event, RunStarted)]


def test_a_winner_that_cannot_be_made_again_stays_the_winner(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it takes longer than there is time for; the third time there is time."""
    first = compare("third", "steady[wrong=30]")
    shutil.rmtree(first.folder / "best")
    monkeypatch.setenv("RINGSMITH_TEST_SECONDS", "2")
    second = compare("third", "steady[wrong=30]", budget=2)
    assert json.loads((first.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()[-1])["why"] == "did not end in the time there was"
    assert (second.best, second.rows) == (None, first.rows)
    monkeypatch.delenv("RINGSMITH_TEST_SECONDS")
    third = compare("third", "steady[wrong=30]")
    assert third.best is not None
    assert third.rows == first.rows


def test_a_winner_is_not_made_again_in_half_the_time_it_needs(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another model than the one that was measured, although it would be worth having."""
    events: list[Event] = []
    first = compare("third", "tenth")
    shutil.rmtree(first.folder / "best")
    monkeypatch.setattr(Race, "forecast", lambda *_: forecast.Forecast(start=0.1, fit=3600.0, rest=0.1, least=0.3, memory_mb=1.0))
    assert compare("third", "tenth", budget=60, events=events).best is None
    assert not [event for event in events if isinstance(event, RunStarted)]


def test_another_metric_judges_runs_that_were_fitted_for_it(compare: Callable[..., Comparison]) -> None:
    """Recipes choose by it, so none is taken from what was fitted for another; named or found, the same metric runs nothing again."""
    for metric, runs in ((None, 2), ("accuracy", 0), ("mcc", 2)):
        events: list[Event] = []
        result = compare("tenth", "third", metric=metric, events=events)
        assert len([event for event in events if isinstance(event, RunStarted)]) == runs
        assert result.rows[0].metric == (metric or "accuracy")


def test_a_metric_that_is_not_defined_on_a_part_is_said_before_any_run(compare: Callable[..., Comparison]) -> None:
    """AUROC needs both classes among the validation rows; here they are all 'a'."""
    rows = table()
    for at in rows.splits[0].valid:
        rows.texts.labels[at] = "a"  # type: ignore[index]
    events: list[Event] = []
    with pytest.raises(LabelError, match=r"'auroc' needs rows of a class and rows that are not of it"):
        compare("tenth", rows=rows, metric="auroc", events=events)
    assert not [event for event in events if isinstance(event, RunStarted)]


@pytest.mark.parametrize(("change", "what"), [({"rows": table(208)}, "data and splits"), ({"rows": table(groups=True)}, "data"), ({"steps": ("lower",)}, "text steps")])
def test_a_folder_of_other_data_is_not_touched(compare: Callable[..., Comparison], change: dict[str, Any], what: str) -> None:
    """The sentence names what differs and the way out."""
    first = compare("tenth")
    before = (first.folder / "leaderboard.json").read_bytes()
    with pytest.raises(UsageError, match=rf"--out: .*out holds a comparison with other {what}\. Name another folder with --out, or delete this one"):
        compare("tenth", **change)
    assert (first.folder / "leaderboard.json").read_bytes() == before


def test_a_folder_with_strange_files_is_not_touched(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """Nobody's thesis is mixed with our files."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"must be a new folder, or one that an earlier comparison wrote; it holds other files \(thesis\.tex\)"):
        compare("tenth")


def test_hidden_files_of_the_system_do_not_matter(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """File managers leave them everywhere."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_text("x", encoding="utf-8")
    assert compare("tenth").recommended == "tenth"


def test_a_folder_that_may_not_be_written_is_said(compare: Callable[..., Comparison], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work is done: the mark is the first file in it."""

    def refuse(path: Path, *args: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path.parent))

    events: list[Event] = []
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MachineError, match=r"--out: .*out may not be written \(Permission denied\)\. Name another folder"):
        compare("tenth", events=events)
    assert events == []
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""

    def refuse(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(races, "write_leaderboard", refuse)
    with pytest.raises(MachineError, match=r"--out: the disk of .*out is full\. What is finished is kept: free some space and run the same command again\."):
        compare("tenth")


def test_unknown_names_are_said(compare: Callable[..., Comparison]) -> None:
    """Recipe, metric and place."""
    with pytest.raises(UnknownName, match=r"There is no recipe 'tent'\. Did you mean 'tenth'"):
        compare("tent")
    with pytest.raises(UnknownName, match=r"There is no metric 'acuracy'\. Did you mean 'accuracy'"):
        compare("tenth", metric="acuracy")
    with pytest.raises(UnknownName, match=r"There is no backend 'moon'\."):
        compare("tenth", on="moon")


def test_one_class_is_not_enough(compare: Callable[..., Comparison]) -> None:
    """And it is named."""
    with pytest.raises(LabelError, match=r"The training rows must have at least two classes; got 1: 'a'\. Check the label column \(--label\)\."):
        compare("tenth", rows=table(labels="a"))


def test_a_metric_of_one_class_needs_its_name(compare: Callable[..., Comparison]) -> None:
    """With three classes F1 is not defined by itself."""
    with pytest.raises(OptionError, match=r"'f1' is about one class, and there are 3"):
        compare("tenth", rows=table(labels="abc"), metric="f1")


class TestBudget:
    """The time that was promised is kept, and what does not fit is said."""

    @pytest.fixture(autouse=True)
    def _cheap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Forecast next to nothing for every fake, so that small budgets are worth a try."""
        monkeypatch.setattr(forecast, "MEASURING_SECONDS", 0.05)
        for fake in ("tenth", "third", "sleeps"):
            monkeypatch.setitem(forecast.COSTS, fake, forecast.Cost(start_seconds=0.2 if fake == "sleeps" else 0.1))

    def test_what_cannot_fit_is_skipped_and_says_why(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
        """'sleeps' is forecast to take an hour."""
        monkeypatch.setitem(forecast.COSTS, "sleeps", forecast.Cost(start_seconds=3600))
        start = time.monotonic()
        result = compare("sleeps", "tenth", "third", budget=20)
        skipped = rows_by_name(result)["sleeps"]
        assert skipped.status == "skipped"
        assert skipped.why.startswith("needs at least 1:00:01; 0:")
        assert time.monotonic() - start < 5

    def test_a_run_that_ignores_its_budget_is_ended_and_the_table_stands(self, compare: Callable[..., Comparison]) -> None:
        """'sleeps' seems cheap and sleeps for a minute; 2 seconds are given."""
        start = time.monotonic()
        result = compare("sleeps", "tenth", budget=2, started=start)
        assert 1 < time.monotonic() - start <= 2 * 1.02
        assert [(row.candidate, row.status) for row in result.rows] == [("tenth", "done"), ("sleeps", "dropped")]
        assert result.rows[1].why == "did not end in the time there was"
        assert result.seconds <= 2 * 1.02

    def test_a_clock_that_is_set_meanwhile_ends_no_budget(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a machine that learns the time after its start: an hour passes in a moment, and twenty seconds are still to go."""
        clock, begun = time.time, time.monotonic()
        monkeypatch.setattr(time, "time", lambda: clock() + 3600 * (time.monotonic() > begun + 0.2))
        result = compare("tenth", "third", budget=20)
        assert {row.status for row in result.rows} == {"done"}
        assert result.seconds < 20

    def test_the_clock_runs_from_the_start_of_the_process(self, compare: Callable[..., Comparison]) -> None:
        """Reading ate the time: nothing fits, and the sentence says what would."""
        with pytest.raises(BudgetError, match=r"'budget' must leave time for one candidate; got 1:00, where reading took 1:00 and the table .* give --budget \d+s or more\."):
            compare("tenth", budget=60, started=time.monotonic() - 59.5)

    def test_a_recipe_is_told_how_long_it_may_learn(self, compare: Callable[..., Comparison]) -> None:
        """Without a budget: no limit. With one: what is left, less the time to predict, to choose and to write."""
        events: list[Event] = []
        compare("tenth", events=events)
        compare("third", events=events, budget=30)
        without, limited = (event.result.chosen["seconds"] for event in events if isinstance(event, RunFinished))
        assert without is None
        assert 20 < limited < 0.97 * 29.3

    def test_time_for_the_report_is_kept_free(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
        """What follows the race is inside the budget."""
        monkeypatch.setattr(runner, "REPORT_SECONDS", 1.0)

        def finish(folder: Path) -> list[Path]:
            time.sleep(0.9)
            return [folder / "report.html"]

        start = time.monotonic()
        result = compare("sleeps", "tenth", budget=3, started=start, finish=finish)
        assert time.monotonic() - start <= 3 * 1.02
        assert result.written[0] == result.folder / "report.html"
        stages = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["budget"]["stages"]
        assert stages["report"] == pytest.approx(0.9, abs=0.1)


class TestInterrupt:
    """Ctrl-C: the table of what is finished is there, and the next time goes on."""

    def interrupted(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch, **options: Any) -> Comparison:
        """Stop in the middle of 'slow'."""

        def stop(self: Any, run: Any, **arguments: Any) -> Any:
            if run.entrant.candidate.name == "slow":
                raise KeyboardInterrupt
            return perform(self, run, **arguments)

        perform = races.Race.perform
        with monkeypatch.context() as patch:
            patch.setattr(races.Race, "perform", stop)
            return compare("tenth", "slow", "third", **options)

    def test_stopped_while_the_table_is_written_a_candidate_stands_there_once(self, compare: Callable[..., Comparison]) -> None:
        """Ctrl-C just after the last run of 'tenth': it is done, not also stopped before its end; the others are."""

        class Stops(list[Event]):
            def append(self, event: Event) -> None:
                first = isinstance(event, Ranked) and not any(isinstance(known, Ranked) for known in self)
                super().append(event)
                if first:
                    raise KeyboardInterrupt

        result = compare("tenth", "third", events=Stops())
        assert result.stopped
        assert [(row.candidate, row.status) for row in result.rows] == [("tenth", "done"), ("third", "skipped")]
        assert [row["candidate"] for row in json.loads((result.folder / "leaderboard.json").read_text(encoding="utf-8"))] == ["tenth", "third"]

    def test_the_table_of_what_is_finished_is_written(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
        """And best/ is the best so far."""
        result = self.interrupted(compare, monkeypatch)
        assert result.stopped
        assert result.rows[0].candidate == "tenth"
        assert result.rows[-1].status == "skipped"
        assert result.rows[-1].why == "stopped before its end"
        assert result.best is not None

    def test_with_folds_nothing_is_trained_after_a_stop(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
        """best/ is the model of the first fold, and the study says so."""
        result = self.interrupted(compare, monkeypatch, rows=table(folds=5))
        study = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))
        assert study["best"]["trained_on"] == "the training rows of fold-1 (no time was left to fit it on all rows)"
        assert "refit" not in (result.folder / "ledger.jsonl").read_text(encoding="utf-8")

    def test_stopped_in_the_last_fit_the_model_of_the_first_fold_is_handed_over(self, compare: Callable[..., Comparison]) -> None:
        """Of all runs it may be the longest. The next time only that is done."""

        class Stops(list[Event]):
            def append(self, event: Event) -> None:
                if isinstance(event, RunProgress) and started(self)[-1] == ("tenth", "all rows"):
                    raise KeyboardInterrupt
                super().append(event)

        def started(events: list[Event]) -> list[tuple[str, str]]:
            return [(event.candidate, event.which) for event in events if isinstance(event, RunStarted)]

        result = compare("tenth", "third", rows=table(folds=5), events=Stops(), finish=lambda folder: [folder / "report.html"])
        study = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))
        assert result.stopped
        assert (result.best, study["best"]["split"]) == (result.folder / "best", "fold-1")
        assert result.folder / "report.html" in result.written
        events: list[Event] = []
        again = compare("tenth", "third", rows=table(folds=5), events=events)
        assert started(events) == [("tenth", "all rows")]
        assert (again.stopped, again.rows) == (False, result.rows)
        assert json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["best"]["split"] == "refit"

    def test_stopped_in_the_report_the_table_and_the_model_are_there(self, compare: Callable[..., Comparison]) -> None:
        """The next time there is a report."""

        def finish(folder: Path) -> list[Path]:
            raise KeyboardInterrupt

        result = compare("tenth", "third", finish=finish)
        assert (result.stopped, result.best) == (True, result.folder / "best")
        assert {path.name for path in result.written} >= {"leaderboard.json", "study.json", "best"}
        assert not compare("tenth", "third", finish=lambda folder: [folder / "report.html"]).stopped

    def test_the_next_time_goes_on_to_the_same_table(self, compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Only what was not done is run; figures are those of a comparison without a stop."""
        self.interrupted(compare, monkeypatch)
        events: list[Event] = []
        after = compare("tenth", "slow", "third", events=events)
        whole = compare("tenth", "slow", "third", out=tmp_path / "whole")
        assert "slow" in {event.candidate for event in events if isinstance(event, RunFinished)}
        assert "tenth" not in {event.candidate for event in events if isinstance(event, RunFinished)}
        figures = [[(row.candidate, row.status, row.valid, row.test, row.test_low, row.tie_group) for row in result.rows] for result in (after, whole)]
        assert figures[0] == figures[1]


def test_where_nothing_came_to_its_end_that_is_said(compare: Callable[..., Comparison]) -> None:
    """Not that nothing has finished yet: nothing is to come."""
    assert compare("refuses", "crash").reason == "no candidate came to its end; the table says why"


def test_rare_classes_learn_from_their_names_and_it_is_said(compare: Callable[..., Comparison]) -> None:
    """Of 12 training rows in two classes, whose texts say 'a' and 'b', there are 14 then; without names it is another run, and with them again none is needed."""
    told: dict[bool, tuple[str, ...]] = {}
    for names, expected in ((True, ["fitted on 14 rows"]), (False, ["fitted on 12 rows"]), (True, [])):
        events: list[Event] = []
        compare("tenth", "majority", rows=table(24), events=events, names=names)
        told[names] = next(event.notes for event in events if isinstance(event, Cut))
        assert [event.result.why for event in events if isinstance(event, RunFinished) and event.candidate == "tenth"] == expected
    assert told == {True: ("2 classes of at most 16 training rows learn from their names, too: the texts speak of the names (--no-names does without).",), False: ()}


def test_names_that_were_described_are_learnt_from_though_no_text_speaks_of_them(compare: Callable[..., Comparison]) -> None:
    """Both of them: one alone is told to the recipe `prompt`, and nobody says that its words are those of the texts."""
    for describe, rows in (({"a": "bad film", "b": "good film"}, 14), ({"a": "bad film"}, 12)):
        events: list[Event] = []
        compare("tenth", rows=table(24), events=events, describe=describe)
        assert [event.result.why for event in events if isinstance(event, RunFinished)] == [f"fitted on {rows} rows"]
        notes = next(event.notes for event in events if isinstance(event, Cut))
        assert notes == (("2 classes of at most 16 training rows learn from their names, too: all were described (--no-names does without).",) if rows == 14 else ())


def test_who_runs_knows_what_those_need_who_wait(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three candidates of one cost: the first leaves time for two, the last for none."""
    told, reckon = list[float](), races.seconds_to_learn
    monkeypatch.setattr(races, "seconds_to_learn", lambda forecast, **given: told.append(given["others"] / forecast.seconds) or reckon(forecast, **given))
    compare("tenth", "third", "slowtenth", budget=600.0, folds=0)
    assert [round(others) for others in told] == [2, 1, 0]


def test_who_cannot_be_cut_short_leaves_no_time_to_others(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut to its forecast a probe that takes longer would be lost, and nothing of it."""
    told, reckon = list[float](), races.seconds_to_learn
    monkeypatch.setattr(races, "seconds_to_learn", lambda forecast, **given: told.append(given["others"]) or reckon(forecast, **given))
    monkeypatch.setitem(forecast.COSTS, "tenth", replace(forecast.UNKNOWN, least_steps=None))
    compare("tenth", "third", budget=600.0, folds=0)
    assert told == [0.0, 0.0]


def test_who_does_not_fit_is_left_no_time(compare: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """`slowtenth`, forecast at three hours, will be skipped: nobody is cut short for it."""
    told, reckon, foresee = list[float](), races.seconds_to_learn, forecast.Forecaster.forecast
    monkeypatch.setattr(races, "seconds_to_learn", lambda forecast, **given: told.append(given["others"] / forecast.seconds) or reckon(forecast, **given))

    def hours(self: forecast.Forecaster, entrant: Entrant, workload: forecast.Workload) -> forecast.Forecast:
        found = foresee(self, entrant, workload)
        return replace(found, fit=1e4, least=1e4) if entrant.candidate.recipe == "slowtenth" else found

    monkeypatch.setattr(forecast.Forecaster, "forecast", hours)
    compare("tenth", "third", "slowtenth", budget=600.0, folds=0)
    assert [round(others) for others in told] == [1, 0]
