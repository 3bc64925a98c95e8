"""What a comparison may be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.compare.options import CompareOptions, parse_budget
from ringsmith.errors import OptionError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10min", 600), ("1h30m", 5400), ("2m30s", 150), ("1h", 3600), (" 2 m 30 s ", 150), ("0.5h", 1800), ("1h1m1s", 3661), ("10M", 600)],
)
def test_a_budget_is_read(text: str, seconds: float) -> None:
    """Hours, minutes, seconds, in this order."""
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "abc", "-5m", "5m2h", "1d", "1:30", "5mm", "10 m 5"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    """The sentence shows how to write one."""
    with pytest.raises(OptionError, match=r"'budget' must be a time such as 90s, 10m, 2m30s or 1h30m; got .* Leave it out for no limit\."):
        parse_budget(text)


@pytest.mark.parametrize("text", ["0", "0s", "0m0s"])
def test_no_time_at_all_is_refused_as_that(text: str) -> None:
    """It is written as it should be; there is only nothing of it."""
    with pytest.raises(OptionError, match=rf"'budget' must be more than 0 seconds; got '{text}'\. Leave it out for no limit\."):
        parse_budget(text)


def test_a_bare_number_is_asked_for_its_unit() -> None:
    """Seconds or minutes is not guessed."""
    with pytest.raises(OptionError, match=r"got '10'\. Write 10s or 10m\."):
        parse_budget("10")


@given(hours=st.integers(0, 99), minutes=st.integers(0, 999), seconds=st.integers(0, 9999))
def test_every_sum_of_units_is_read(hours: int, minutes: int, seconds: int) -> None:
    """The identity that defines it."""
    total = hours * 3600 + minutes * 60 + seconds
    if total:
        assert parse_budget(f"{hours}h{minutes}m{seconds}s") == total


def test_all_faults_are_said_at_once() -> None:
    """Rule and value of each."""
    sentence = r"'seeds' must be at least 1; got 0\. 'folds' must be 0 \(one split\) or at least 2; got 1\. 'budget' must be more than 0 seconds; got -1\. Leave it out"
    with pytest.raises(OptionError, match=sentence):
        CompareOptions(data="x.csv", seeds=0, folds=1, budget=-1)


@pytest.mark.parametrize(
    ("data", "folder"),
    [("reviews.csv", "runs/reviews"), ("a/b/spam.tsv.gz", "runs/spam"), ("-", "runs/stdin"), ("folder/of/texts/", "runs/texts"), ("hf://datasets/x/y.parquet", "runs/y")],
)
def test_the_folder_has_the_name_of_the_data(data: str, folder: str) -> None:
    """Unless one is given."""
    assert CompareOptions(data=data).folder == Path(folder)
    assert CompareOptions(data=data, out=Path("mine")).folder == Path("mine")


def test_the_clock_starts_when_the_options_are_made() -> None:
    """Not when the class was defined: two comparisons of one process have clocks of their own."""
    first = CompareOptions(data="x")
    assert CompareOptions(data="x").started > first.started
