"""``ringsmith tune`` as a user meets it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from command_line import Ringsmith, Write, refused, reviews

import ringsmith as rs
from ringsmith.compare.backends import BACKENDS, InlineBackend

ROWS = reviews(80)
TUNE = ("tune", "none", "data.csv", "--recipe", "tfidf", "--folds", "0", "--on", "inline", "--threads", "1")


def test_tune_tells_every_trial_and_writes_what_compare_writes(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """The table of the trials, the leaderboard, the report and the model; the same command again trains nothing."""
    write("data.csv", ROWS)
    ended = ringsmith(*TUNE, "--search", "4")
    assert (ended.code, ended.err) == (0, "")
    lines = [line.strip() for line in ended.out.splitlines()]
    assert "Search    tfidf: 4 trials over characters, min rows; the defaults are the first" in lines
    assert any(line.startswith("1/4  ") and line.endswith("the defaults") for line in lines)
    assert any(line.startswith("4/4  ") and "min rows" in line for line in lines)
    assert any(line.startswith("Written   runs/data-tune/report.html · leaderboard.csv · trials.csv · best/") for line in lines)
    out = tmp_path / "runs" / "data-tune"
    assert len(list(csv.DictReader((out / "trials.csv").read_text(encoding="utf-8").splitlines()))) == 4
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!")
    assert (out / "best" / "ringsmith.json").exists()
    before = (out / "ledger.jsonl").read_bytes()
    again = ringsmith(*TUNE, "--search", "4", "--json")
    assert (out / "ledger.jsonl").read_bytes() == before
    (search,) = json.loads(again.out)["search"]
    assert (search["candidate"], len(search["trials"]), search["wanted"]) == ("tfidf", 4, 4)
    assert [axis["name"] for axis in search["axes"]] == ["characters", "min_rows"]
    assert "the defaults are the first, 3 others known from before" in again.err


def test_the_python_face_has_the_trials_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rs.tune` on rows in memory; each trial a row, each option a column."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BACKENDS, "local", InlineBackend)
    result = rs.tune(None, ROWS, recipe="tfidf", search=3, folds=0, threads=1)
    assert isinstance(result.trials, pl.DataFrame)
    assert result.trials["number"].to_list() == [1, 2, 3]
    assert {"searched", "valid", "characters", "min_rows"} <= set(result.trials.columns)
    assert result.importance == {"tfidf": {}}
    assert result.folder == Path("runs") / "memory-tune"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tune", "minilm", "data.csv", "--recipe", "fulll"), r"There is no recipe 'fulll'\. Did you mean 'full'\?"),
        (("tune", "none", "data.csv", "--recipe", "majority"), r"The recipe majority has nothing to search; recipes that have: tfidf, .* or leave --search out\."),
        (("tune", "none", "data.csv", "--recipe", "tfidf", "--search", "0"), r"'search' must be at least 2, as the first trial is the defaults; got 0\. Leave it out for 20\."),
        (("tune", "tfidf", "data.csv"), r"MODEL is the name of a model; 'tfidf' is a recipe\. Write: ringsmith tune none DATA --recipe tfidf"),
        (("tune", "minilm+probe", "data.csv"), r"'minilm\+probe' is a candidate\. Write: ringsmith tune minilm DATA --recipe probe"),
        (("tune", "minilm", "data.csv", "--recipe", "tfidf"), r"The recipe 'tfidf' starts from no model: MODEL must be 'none'; got 'minilm'\. Write: ringsmith tune none"),
        (("tune", "none", "data.csv"), r"The recipe 'full' starts from a model; got 'none'\. Name one, such as minilm\."),
        (("compare", "data.csv", "--search", "1"), r"'search' must be 0 \(the defaults alone\) or at least 2"),
        (("compare", "data.csv", "--search", "5", "--recipes", "majority"), r"The recipe majority has nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_said_in_a_sentence(ringsmith: Ringsmith, write: Write, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and no run is made."""
    write("data.csv", ROWS)
    refused(ringsmith(*arguments), sentence)
    assert not (tmp_path / "runs" / "data-tune").exists()
