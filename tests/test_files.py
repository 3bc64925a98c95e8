"""Files that appear whole or not at all, also where another program holds the old one open, as a spreadsheet does on Windows."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ringsmith import _files
from ringsmith._files import is_pickle, newest, patiently, put, sync, written
from ringsmith.compare.ledger import Ledger
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.runner import Comparison, run_comparison
from ringsmith.data import read_texts, write_predictions
from ringsmith.errors import MachineError
from ringsmith.records import Candidate, RunResult

Hold = Callable[..., list[str]]


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Hold files of these names open from now on: they cannot be replaced, for so many attempts or for ever; the list tells of each attempt. No names: all are free again."""
    replace = os.replace
    monkeypatch.setattr(_files, "PAUSES", (0.001, 0.001, 0.001))

    def run(*names: str, attempts: int = 1_000) -> list[str]:
        tried: list[str] = []

        def refuse(source: Path, target: Path) -> None:
            if Path(target).name in names and len(tried) < attempts:
                tried.append(Path(target).name)
                raise PermissionError(13, "Access is denied", str(source), None, str(target))
            replace(source, target)

        monkeypatch.setattr(os, "replace", refuse)
        return tried

    return run


def test_a_file_that_is_held_for_a_moment_is_waited_for(tmp_path: Path, hold: Hold) -> None:
    """As a virus scanner does; nothing else is left beside it."""
    tried = hold("f.json", attempts=2)
    with written(tmp_path / "f.json") as scratch:
        scratch.write_text("new", encoding="utf-8")
    assert len(tried) == 2
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"f.json": "new"}


def test_a_file_that_stays_held_keeps_its_content(tmp_path: Path, hold: Hold) -> None:
    """What must not lie elsewhere is an error, after a moment; the old content is whole."""
    (tmp_path / "f.json").write_text("old", encoding="utf-8")
    tried = hold("f.json")
    with pytest.raises(PermissionError), written(tmp_path / "f.json") as scratch:
        scratch.write_text("new", encoding="utf-8")
    assert len(tried) == 4
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"f.json": "old"}


def test_a_file_for_people_lies_beside_until_its_place_is_free(tmp_path: Path, hold: Hold) -> None:
    """The newest is found under either name, also where the one beside cannot be taken away again."""
    path = tmp_path / "t.csv"

    def write(content: str) -> Path:
        return put(path, lambda scratch: scratch.write_text(content, encoding="utf-8"))

    assert write("first") == path == newest(path)
    hold("t.csv", attempts=4)
    assert write("second") == tmp_path / "t.new.csv" == newest(path)
    assert path.read_text(encoding="utf-8") == "first"
    assert write("third") == path == newest(path)
    assert [found.name for found in tmp_path.iterdir()] == ["t.csv"]


def test_only_what_is_forbidden_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other fault ends it at once."""
    monkeypatch.setattr(_files, "PAUSES", (0.001,))
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        patiently(act)
    assert calls == [1]


def test_the_ledger_waits_for_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is never written anywhere else, and never lost for a moment's hold."""
    monkeypatch.setattr(_files, "PAUSES", (0.001, 0.001))
    opened, refused = Path.open, [1, 1]

    def held_at_first(path: Path, mode: str = "r", **ways: str) -> object:
        if mode == "ab" and refused:
            refused.pop()
            raise PermissionError(13, "Access is denied", str(path))
        return opened(path, mode, **ways)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", held_at_first)
    Ledger(tmp_path).append(RunResult(run="one", candidate=Candidate("tfidf").to_json(), split="holdout", seed=0, status="done"))
    assert refused == []
    assert list(Ledger(tmp_path).runs) == ["one"]


@pytest.fixture
def compare(tmp_path: Path) -> Callable[[], Comparison]:
    """A comparison of a second on rows made here; the same folder each time."""
    rows = [(f"row number {number}", "ab"[number % 2]) for number in range(60)]
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    return lambda: run_comparison(CompareOptions(data=str(tmp_path / "data.csv"), recipes=("majority",), folds=0, on="inline", out=tmp_path / "out"))


def test_a_table_open_in_a_spreadsheet_ends_no_comparison(compare: Callable[[], Comparison], hold: Hold, tmp_path: Path) -> None:
    """The new table lies beside it, and is told among what was written; the next time it takes its place."""
    compare()
    old = (tmp_path / "out" / "leaderboard.csv").read_bytes()
    (tmp_path / "out" / "leaderboard.csv").write_bytes(b"as the spreadsheet shows it")
    hold("leaderboard.csv")
    found = compare()
    hold()
    beside = tmp_path / "out" / "leaderboard.new.csv"
    assert beside in found.written
    assert beside.read_bytes() == old
    assert (tmp_path / "out" / "leaderboard.csv").read_bytes() == b"as the spreadsheet shows it"
    assert tmp_path / "out" / "leaderboard.csv" in compare().written
    assert (tmp_path / "out" / "leaderboard.csv").read_bytes() == old
    assert not beside.exists()


def test_a_held_file_that_the_next_run_needs_is_said_in_a_sentence(compare: Callable[[], Comparison], hold: Hold) -> None:
    """The study is no table for people: what is finished is in the ledger, and the same command goes on."""
    hold("study.json")
    with pytest.raises(MachineError, match=r"--out: .*study\.json may not be replaced \(Access is denied\)\. Close the program that holds it open and run"):
        compare()


def test_predictions_lie_beside_a_file_that_is_open(tmp_path: Path, hold: Hold) -> None:
    """An hour's work is not thrown away; it is said where it is."""
    hold("out.csv")
    notes = write_predictions(tmp_path / "out.csv", read_texts([{"text": "a"}, {"text": "b"}]), ["x", "y"], [0.5, 0.75])
    assert notes == ["out.csv is held open by another program: the new one is out.new.csv."]
    assert pl.read_csv(tmp_path / "out.new.csv")["prediction"].to_list() == ["x", "y"]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_told_from_safetensors_whatever_the_length_of_its_header(protocol: int) -> None:
    """A header of 640 bytes begins as a pickle of protocol 2 does."""
    assert is_pickle(pickle.dumps({"a": list(range(300))}, protocol))
    assert not any(is_pickle(length.to_bytes(8, "little") + b"{") for length in range(8, 4097, 8))


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the power may go between the two, and what lies there is empty. What is made again need not wait."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    with written(tmp_path / "f.json") as scratch:
        scratch.write_bytes(b"12345")
    assert synced == [5]
    with written(tmp_path / "f.json", lasting=False) as scratch:
        scratch.write_bytes(b"1234567")
    assert synced == [5]


def test_a_disk_that_syncs_nothing_is_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network disks refuse it, Windows opens no folder for it; but no room is no room."""
    sync(tmp_path)
    sync(tmp_path / "not there")

    def refuse(number: int) -> None:
        def fault(_: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fault)

    refuse(errno.EINVAL)
    with written(tmp_path / "f.json") as scratch:
        scratch.write_bytes(b"12345")
    assert (tmp_path / "f.json").read_bytes() == b"12345"
    refuse(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"), written(tmp_path / "f.json") as scratch:
        scratch.write_bytes(b"123")
    assert (tmp_path / "f.json").read_bytes() == b"12345"
