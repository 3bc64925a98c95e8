"""The ledger survives whatever stops the process that writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_tables import table
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.compare.events import Cut, Event, RunStarted
from ringsmith.compare.ledger import Ledger
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import Comparison, compare_table
from ringsmith.errors import InputError
from ringsmith.records import Candidate, RunResult


def result(run: str, **facts: object) -> RunResult:
    """A result of this identity."""
    return RunResult(run=run, candidate=Candidate("tfidf").to_json(), split="holdout", seed=0, status="done", **facts)  # type: ignore[arg-type]


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    """Every field comes back; a later line of the same run takes the place of the earlier one."""
    ledger = Ledger(tmp_path)
    first, second = result("one", why="a\nb", curves={"loss": [0.5, 0.25]}), result("two", latency_ms={"p50": 1.5})
    for line in (first, second, result("one", why="again")):
        ledger.append(line)
    assert Ledger(tmp_path).runs == {"one": result("one", why="again"), "two": second}
    assert len((tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()) == 3


@given(cut=st.integers(min_value=1, max_value=200))
def test_a_half_written_last_line_is_left_out_and_repaired(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever the last line was cut off, the lines before stay, and the next one begins a line of its own."""
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger(folder)
    ledger.append(result("one"))
    line = json.dumps(result("two").to_json()).encode()
    with ledger.path.open("ab") as file:
        file.write(line[: min(cut, len(line))])
    again = Ledger(folder)
    assert list(again.runs) == ["one"]
    again.append(result("three"))
    assert list(Ledger(folder).runs) == ["one", "three"]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """It was changed by hand: file, line number and what to do."""
    Ledger(tmp_path).append(result("one"))
    with (tmp_path / "ledger.jsonl").open("a", encoding="utf-8") as file:
        file.write("{broken}\n")
    with pytest.raises(InputError, match=r"ledger\.jsonl:2: must be a run's result as JSON; .* Delete this line to run that candidate again\."):
        Ledger(tmp_path)


def test_a_line_of_another_schema_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed."""
    content = result("one").to_json() | {"schema": 99}
    (tmp_path / "ledger.jsonl").write_text(json.dumps(content) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"schema 1 is read by this version of Ringsmith; got 99"):
        Ledger(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("null", "RunResult: must be an object of named fields; got 'None'"),
        ("123", "must be an object of named fields; got '123'"),
        ("[1]", "must be an object of named fields"),
        ("[" * 100_000, "recursion"),
        ({"seconds": None}, "the field seconds holds something else than a run writes; got 'None'"),
        ({"seconds": {"fit": "long"}}, "the field seconds holds something else"),
        ({"run": ["one"]}, "the field run holds something else"),
        ({"candidate": "tfidf"}, "the field candidate holds something else"),
        ({"status": "well"}, "the field status holds something else than a run writes; got 'well'"),
        ({"latency_ms": 5, "size_mb": "big"}, "the field latency_ms, size_mb holds something else than a run writes; got '5'"),
    ],
)
def test_a_line_that_no_run_writes_is_named(line: str | dict[str, object], said: str, tmp_path: Path) -> None:
    """JSON alone does not make a result."""
    content = line if isinstance(line, str) else json.dumps(result("one").to_json() | line)
    (tmp_path / "ledger.jsonl").write_text(content + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"ledger\.jsonl:1: must be a run's result as JSON; .*{said}.* Delete this line to run that candidate again\."):
        Ledger(tmp_path)


@pytest.mark.parametrize("left", [0, 100, None], ids=["empty", "cut", "other content"])
def test_answers_that_cannot_be_read_are_given_again(left: int | None, tmp_path: Path) -> None:
    """As after a power cut; the others stay, it is said once, and the table is what it was."""

    def compare(events: list[Event]) -> Comparison:
        return compare_table(table(), CompareOptions(data="made.csv", recipes=("tenth", "third"), out=tmp_path / "out", on="inline"), events.append)

    first = compare([])
    lost = next(path for path in (tmp_path / "out" / "predictions" / "runs").iterdir())
    content = lost.read_bytes()
    lost.write_bytes(bytes(len(content)) if left is None else content[:left])
    events: list[Event] = []
    again = compare(events)
    assert sum(isinstance(event, RunStarted) for event in events) == 1
    assert "The answers that were kept of 1 run are cut off or damaged: what hangs on them is done again." in next(event for event in events if isinstance(event, Cut)).notes
    assert [(row.candidate, row.valid, row.test) for row in again.rows] == [(row.candidate, row.valid, row.test) for row in first.rows]
    assert lost.read_bytes() == content
    third: list[Event] = []
    compare(third)
    assert not [event for event in third if isinstance(event, RunStarted)]
