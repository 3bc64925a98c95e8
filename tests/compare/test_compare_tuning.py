"""Whole searches of a fake whose figures are known by hand: wrong in every n-th row, so that the best setting is the largest n."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_recipes import TUNABLE
from fake_tables import table

from ringsmith.adapt import spaces
from ringsmith.adapt.spaces import Choice
from ringsmith.compare import tuning
from ringsmith.compare.events import Event, RunFinished, RunStarted, SearchEnded, Searching, TrialEnded
from ringsmith.compare.forecast import COSTS, Cost
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import Comparison, compare_table, run_comparison
from ringsmith.errors import BudgetError, MissingExtra, OptionError, UsageError


@pytest.fixture
def tune(tmp_path: Path) -> Callable[..., Comparison]:
    """Search fakes on a table made here."""

    def run(*recipes: str, search: int = 12, events: list[Event] | None = None, rows: Any = None, **options: Any) -> Comparison:
        usual: dict[str, Any] = {"data": "made.csv", "recipes": recipes or ("tunable",), "out": tmp_path / "out", "on": "inline", "search": search}
        asked = CompareOptions(**(usual | options))
        return compare_table(table() if rows is None else rows, asked, (lambda event: None) if events is None else events.append)

    return run


def found(result: Comparison) -> dict[str, Any]:
    """What the study says of the only search."""
    (search,) = json.loads((result.folder / "study.json").read_text(encoding="utf-8"))["search"]
    return dict(search)


def runs(folder: Path) -> list[tuple[str, str, int, str]]:
    """Candidate, split, seed and status of every line of the ledger."""
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(json.dumps(line["candidate"], sort_keys=True), line["split"], line["seed"], line["status"]) for line in lines]


def test_a_search_finds_better_settings_than_the_defaults(tune: Callable[..., Comparison]) -> None:
    """The defaults come first and stay in the table; the winner is wrong less often; `best/` is the winner's model."""
    events: list[Event] = []
    result = tune(events=events)
    search = found(result)
    assert [trial["number"] for trial in search["trials"]] == list(range(1, 13))
    assert search["trials"][0]["candidate"] == "tunable"
    assert search["trials"][0]["settings"] == {"wrong": 5, "colour": "red"}
    marks = {trial["number"]: trial["valid"] for trial in search["trials"]}
    best = max((mark, -number) for number, mark in marks.items() if mark is not None)
    assert search["finalists"][0] == -best[1]
    assert best[0] > marks[1]
    rows = {row.candidate: row for row in result.rows}
    assert rows["tunable"].why == "The defaults: trial 1 of 12; 3 seeds."
    assert len([row for row in result.rows if row.status == "done"]) == 4
    assert result.rows[0].valid > rows["tunable"].valid  # type: ignore[operator]
    assert json.loads((result.folder / "best" / "ringsmith.json").read_text(encoding="utf-8"))["options"]["wrong"] > 6
    assert [event.number for event in events if isinstance(event, TrialEnded)] == list(range(1, 13))
    assert [event.options for event in events if isinstance(event, Searching)] == [("wrong", "colour")]
    assert [event.candidate for event in events if isinstance(event, SearchEnded)] == ["tunable"]


def test_what_was_asked_for_is_not_searched(tune: Callable[..., Comparison]) -> None:
    """It stays in every trial, and a second time all of them are remembered."""
    events: list[Event] = []
    result = tune("tunable[colour=blue]", search=5, events=events)
    assert [event.options for event in events if isinstance(event, Searching)] == [("wrong",)]
    candidates = [json.loads(candidate)["options"] for candidate, *_ in runs(result.folder)]
    assert {options["colour"] for options in candidates} == {"blue"}
    assert len({options.get("wrong") for options in candidates}) == 5
    before = runs(result.folder)
    assert runs(tune("tunable[colour=blue]", search=5).folder) == before


def test_every_setting_is_tried_once(tune: Callable[..., Comparison]) -> None:
    """And the finalists, those and no others, with two more seeds."""
    result = tune(search=14)
    counted = Counter((candidate, seed) for candidate, _, seed, _ in runs(result.folder))
    assert set(counted.values()) == {1}
    assert Counter(seed for _, seed in counted) == {0: 14, 1: 4, 2: 4}


def test_broken_trials_are_kept_out_of_the_table_but_not_out_of_the_list(tune: Callable[..., Comparison]) -> None:
    """2 crashes, 3 refuses: both stand among the trials with their reason, and the search goes on."""
    trials = found(tune("steady", search=24))["trials"]
    by_wrong = {trial["settings"]["wrong"]: (trial["status"], trial["valid"]) for trial in trials}
    assert len(trials) == 24
    assert {status for status, _ in by_wrong.values()} >= {"done"}
    for wrong, (status, valid) in by_wrong.items():
        assert (status, valid is None) == ({2: "failed", 3: "refused"}.get(wrong, status), status != "done")


def test_trials_csv_has_a_line_for_each_trial_and_no_figure_of_the_test_rows(tune: Callable[..., Comparison]) -> None:
    """The options have a column each."""
    result = tune()
    with (result.folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["searched", "trial", "status", "valid", "seconds", "wrong", "colour", "why"]
    assert [line["trial"] for line in lines] == [str(number) for number in range(1, 13)]
    assert (lines[0]["wrong"], lines[0]["colour"]) == ("5", "red")


def test_trials_below_their_floors_are_stopped(tune: Callable[..., Comparison]) -> None:
    """With enough trials to know, a setting below the median of their looks ends at half of its steps; the sampler is told how far it came."""
    search = found(tune("steady", search=18))
    dropped = [trial for trial in search["trials"] if trial["status"] == "dropped"]
    assert dropped
    assert all("at 50 % of its steps it had reached" in trial["why"] for trial in dropped)
    assert all(trial["number"] > 5 for trial in dropped)
    assert f"{len(dropped)} of 18 trials were stopped early because they fell behind." in search["notes"]
    done = [trial["settings"]["wrong"] for trial in search["trials"] if trial["status"] == "done"]
    assert max(trial["settings"]["wrong"] for trial in dropped) <= max(done)


def test_with_folds_a_trial_that_is_behind_is_not_tried_on_all_of_them(tune: Callable[..., Comparison]) -> None:
    """After a fold below the median of five others the rest of its folds are left out; those that are done are told of."""
    result = tune("quiet", search=18, rows=table(120, folds=3))
    search = found(result)
    behind = [trial for trial in search["trials"] if "folds it had reached" in trial["why"]]
    assert behind
    assert all(trial["reached"] is not None and trial["valid"] is None for trial in behind)
    counted = Counter(candidate for candidate, _, seed, _ in runs(result.folder) if seed == 0)
    assert min(counted.values()) < 3
    assert result.recommended != "quiet"


def test_a_second_time_nothing_is_done_again_and_the_table_is_the_same(tune: Callable[..., Comparison]) -> None:
    """The ledger is the memory: no line is added."""
    first = tune()
    before, trials = runs(first.folder), found(first)["trials"]
    events: list[Event] = []
    again = tune(events=events)
    assert runs(again.folder) == before
    assert found(again)["trials"] == trials
    assert [(row.candidate, row.valid, row.test, row.tie_group) for row in again.rows] == [(row.candidate, row.valid, row.test, row.tie_group) for row in first.rows]
    assert not [event for event in events if isinstance(event, RunFinished)]


@pytest.mark.parametrize("recipe", ["tunable", "steady", "quiet"])
@pytest.mark.parametrize("folds", [1, 3])
def test_runs_are_counted_to_the_last(tune: Callable[..., Comparison], recipe: str, folds: int) -> None:
    """No run is number seven of five; the last one, of a final or the winner's last fit, is the last that was expected."""
    for search in (8, 12):  # the second goes on from the first
        events: list[Event] = []
        tune(recipe, search=search, events=events, rows=table(120, folds=folds))
        started = [event for event in events if isinstance(event, RunStarted)]
        assert [event.index for event in started] == list(range(1, len(started) + 1))
        assert all(event.index <= event.total for event in started)
        fitted_before = folds > 1 and started[-1].split != "refit"  # the winner is the same as the first time
        assert started[-1].total == len(started) + fitted_before


def test_a_final_that_would_change_nothing_is_not_waited_for(tune: Callable[..., Comparison]) -> None:
    """Once another seed is known to give the same answers only trials are to come."""
    events: list[Event] = []
    tune("steady", search=8, events=events)
    started = [event for event in events if isinstance(event, RunStarted)]
    assert [(event.which, event.trial) for event in started[:3]] == [("", None), ("seed 1", None), ("", 2)]
    assert [event.total for event in started[2:]] == [9] * 7


def test_a_comparison_without_a_search_tells_of_none(tune: Callable[..., Comparison]) -> None:
    """The trials of an earlier command are not in its table; they are there again when a search is asked for."""
    searched = tune(search=6)
    plain = tune(search=0)
    assert [row.candidate for row in plain.rows] == ["tunable"]
    assert (plain.search, json.loads((plain.folder / "study.json").read_text(encoding="utf-8"))["search"]) == ((), [])
    assert tune(search=6).search == searched.search


def test_more_trials_go_on_where_fewer_ended(tune: Callable[..., Comparison], tmp_path: Path) -> None:
    """8 trials and then 11 make the same trials as 11 at once."""
    tune("steady", search=8)
    more = found(tune("steady", search=11))["trials"]
    at_once = found(tune("steady", search=11, out=tmp_path / "other"))["trials"]
    assert [(trial["candidate"], trial["valid"]) for trial in more] == [(trial["candidate"], trial["valid"]) for trial in at_once]


def test_ctrl_c_at_any_run_leaves_a_table_and_the_same_command_ends_the_same(tune: Callable[..., Comparison], tmp_path: Path) -> None:
    """Stopped in the third, tenth and fourteenth run (a final): no trial is lost or repeated."""
    whole = tune(search=10, out=tmp_path / "whole")
    for at in (3, 10, 14):
        seen: list[Event] = []

        def stop(event: Event, seen: list[Event] = seen, at: int = at) -> None:
            seen.append(event)
            if isinstance(event, RunFinished) and sum(isinstance(one, RunFinished) for one in seen) == at:
                raise KeyboardInterrupt

        asked = CompareOptions(data="made.csv", recipes=("tunable",), out=tmp_path / str(at), on="inline", search=10)
        stopped = compare_table(table(), asked, stop)
        assert stopped.stopped
        assert stopped.rows[0].status == "done"
        again = compare_table(table(), asked)
        assert sorted(runs(again.folder)) == sorted(runs(whole.folder))
        assert [(row.candidate, row.valid, row.test) for row in again.rows] == [(row.candidate, row.valid, row.test) for row in whole.rows]


def test_a_comparison_searches_its_best_candidates(tune: Callable[..., Comparison]) -> None:
    """Those that have a space; all others stay as they are, and rows of one seed are paired with rows of three."""
    result = tune("tenth", "tunable", "third", search=6)
    assert found(result)["candidate"] == "tunable"
    rows = {row.candidate: row for row in result.rows}
    assert rows["third"].why == "fitted on 100 rows"
    assert rows["tenth"].valid == pytest.approx(0.9)
    assert all(row.tie_group is not None for row in result.rows)


@pytest.mark.parametrize(("wrong", "trials"), [(4, 5), (7, 2)])
def test_a_candidate_that_was_named_is_no_trial(tune: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch, wrong: int, trials: int) -> None:
    """It keeps its place in the table, however often the command is given. Of the two the better one is searched: all but the other's settings, or all colours with its own."""
    monkeypatch.setitem(spaces.SPACES, "steady", (Choice("wrong", (4, 5, 7), "made up", usual=5), Choice("colour", ("red", "green"), "made up", usual="red")))
    named = f"steady[wrong={wrong}]"
    first = tune("steady", named, search=10, rows=table(120, folds=3))
    search = found(first)
    assert search["candidate"] == ("steady" if wrong < 5 else named)
    assert len(search["trials"]) == trials
    assert {trial["candidate"] for trial in search["trials"]} & {"steady", named} == {search["candidate"]}
    rows = {row.candidate: row for row in first.rows}
    assert (rows["steady"].status, rows[named].status) == ("done", "done")
    again = tune("steady", named, search=10, rows=table(120, folds=3))
    assert found(again)["trials"] == search["trials"]
    assert [(row.candidate, row.valid, row.why) for row in again.rows] == [(row.candidate, row.valid, row.why) for row in first.rows]


def test_the_finalists_are_judged_by_all_their_seeds(tune: Callable[..., Comparison]) -> None:
    """The fake is less often wrong with odd seeds: the defaults by 5, 6 and 5."""
    rows = {row.candidate: row for row in tune(search=5).rows}
    positions = [number for number in range(200) if number // 2 % 4 == 2]
    expected = sum(number % wrong != 0 for wrong in (5, 6, 5) for number in positions) / (3 * len(positions))
    assert rows["tunable"].valid == pytest.approx(expected)


def test_where_a_seed_makes_no_difference_one_is_enough(tune: Callable[..., Comparison]) -> None:
    """One run shows it, the others are left out; the table stays as it was."""
    result = tune("steady", search=6)
    search = found(result)
    assert search["notes"][0].startswith("Another seed makes no difference to this recipe")
    assert search["seeds"] == 1
    assert Counter(seed for _, _, seed, _ in runs(result.folder)) == {0: 6, 1: 1}
    assert {row.why.partition(" of ")[0].partition(" ")[0] for row in result.rows} == {"Trial", "The"}


def test_where_no_finalist_comes_through_the_table_stays_as_it_was(tune: Callable[..., Comparison]) -> None:
    """All of them break down with a second seed; the first still counts, and it is said."""
    result = tune("fickle", search=6)
    search = found(result)
    assert search["seeds"] == 1
    assert [note for note in search["notes"] if "final" in note] == [
        *(f"Trial {number} broke down with another seed and is out of the final." for number in search["finalists"]),
        "No trial came through the final: its figures are of 1 seed.",
    ]
    done = [trial for trial in search["trials"] if trial["status"] == "done"]
    assert len([row for row in result.rows if row.status == "done"]) == len(search["finalists"]) >= 2
    assert result.rows[0].valid == max(trial["valid"] for trial in done)
    assert result.best is not None


def test_the_time_of_the_finals_is_kept_free(tune: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """With hardly any time the search ends early, says so, and the table is there; the budget is kept."""
    monkeypatch.setenv("RINGSMITH_TEST_SECONDS", "0.2")
    monkeypatch.setitem(COSTS, "tunable", Cost(start_seconds=0.1))
    monkeypatch.setattr(tuning, "importance", lambda *_, **__: {})
    monkeypatch.setattr(tuning, "IMPORTANCE_SECONDS", 0.1)
    result = tune(search=40, budget=6.0)
    search = found(result)
    assert 1 <= len(search["trials"]) < 40
    assert any(note.startswith(f"There was time for {len(search['trials'])} of 40 trials") for note in search["notes"])
    assert result.seconds < 6.0
    assert search["seeds"] >= 2 or any("want of time" in note or note.startswith("Time ended the final") for note in search["notes"])
    assert result.rows[0].status == "done"


def test_a_search_whose_defaults_run_out_of_time_says_which_budget_would_do(tune: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever judged, and the sampler can do with that."""
    monkeypatch.setitem(spaces.SPACES, "notime", TUNABLE)
    monkeypatch.setitem(COSTS, "notime", Cost(start_seconds=0.1))
    with pytest.raises(BudgetError, match=r"The cheapest, notime, needs about 0:0\d: give --budget \d+s or more\."):
        tune("notime", search=4, budget=60.0)


def test_models_of_trials_that_lost_are_not_kept(tune: Callable[..., Comparison]) -> None:
    """While it runs, no more models lie on the disk than there are candidates in the table."""
    most = 0

    def look(event: Event) -> None:
        nonlocal most
        if isinstance(event, TrialEnded):
            most = max(most, len(list(folder.glob("work/*/model"))))

    folder = tune(search=2).folder
    compare_table(table(), CompareOptions(data="made.csv", recipes=("tunable",), out=folder, on="inline", search=20), look)
    assert 1 <= most <= tuning.FINALISTS + 2


@pytest.mark.parametrize("number", [1, -1])
def test_a_search_of_one_is_no_search(number: int) -> None:
    """The rule stands in the sentence."""
    with pytest.raises(OptionError, match=rf"'search' must be 0 \(the defaults alone\) or at least 2 \(the defaults are the first\); got {number}"):
        CompareOptions(data="x.csv", search=number)


def test_a_recipe_without_a_space_is_told_before_any_row_is_read(tmp_path: Path) -> None:
    """And which recipes have one."""
    with pytest.raises(UsageError, match=r"The recipe majority has nothing to search; recipes that have: .*probe.*\. Name one of these, or leave --search out\."):
        run_comparison(CompareOptions(data=str(tmp_path / "none.csv"), recipes=("majority",), search=5, out=tmp_path / "out"))


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any row is read."""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"A search of hyper-parameters needs the package 'optuna', which is not installed\. Install it: pip install 'ringsmith\[search\]'"):
        run_comparison(CompareOptions(data=str(tmp_path / "none.csv"), recipes=("tfidf",), search=5, out=tmp_path / "out"))
