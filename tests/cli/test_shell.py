"""What every command shares: where it prints, and that any text can be printed there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from command_line import as_csv, reviews
from rich.cells import cell_len
from rich.console import Console

from ringsmith.__main__ import main as start
from ringsmith.cli import _shell
from ringsmith.cli._table import print_leaderboard
from ringsmith.compare import Row
from ringsmith.compare.leaderboard import as_markdown

KOREAN = "환불해 주세요 · 2/3"


def redirected(encoding: str) -> io.TextIOWrapper:
    """A stream as Python opens one for ``> file`` where the system's encoding is this."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="")


def written_by(stream: io.TextIOWrapper) -> bytes:
    """What has arrived in the file."""
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue()


def test_names_are_neither_markup_nor_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    """The metric of the class ``a:[b]``: Rich would draw a picture for ``:a:`` and take ``[b]`` for bold."""
    print_leaderboard(_shell.people(), [Row("tfidf", None, "tfidf", "done", "f1:a:[b]", 0.9, 0.88, 0.86, 0.9, "A", recommended=True)])
    assert "f1:a:[b] on test" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        _shell.fail("no class :smile: [b]")
    assert capsys.readouterr().err == "ringsmith: no class :smile: [b]\n"


def test_small_models_have_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred kilobytes are not 0 MB, in the terminal as in Markdown; from a megabyte on whole ones are enough in the terminal."""
    rows = [Row(name, None, "tfidf", "done", "accuracy", 0.9, 0.88, 0.86, 0.9, "A", size_mb=size) for name, size in (("a", 0.0953), ("b", 0.0003), ("c", 1.26), ("d", 3000.0))]
    print_leaderboard(Console(width=130, file=sys.stdout), rows)
    assert [" ".join(line.split()[-2:]) for line in capsys.readouterr().out.splitlines()[1:]] == ["98 kB", "1 kB", "1 MB", "2.9 GB"]
    assert [line.split("|")[-2].strip() for line in as_markdown(rows).splitlines()[2:]] == ["98 kB", "< 1 kB", "1.3 MB", "2.9 GB"]


@pytest.mark.parametrize("width", [30, 36, 40, 44, 50, 56, 80])
def test_a_narrow_terminal_shows_names_and_intervals_whole(width: int) -> None:
    """The interval goes below its figure, and the time to train goes first; names are folded between their options, or where there is no room for that."""
    out, name = io.StringIO(), "minilm+lora[method=dora,rank=16]"
    rows = [Row(one, None, "lora", "done", "accuracy", 0.9, 0.88, 0.861, 0.902, "A", recommended=one == name, train_seconds=35.0) for one in (name, "tfidf")]
    print_leaderboard(Console(width=width, file=out), rows)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert out.getvalue().count("[0.861-0.902]") == 2
    column = [line[8 : line.index("  ", 9) if "  " in line[9:] else width].strip() for line in lines]
    assert f"{name}*" in "".join(column).replace(" ", "")


def test_reasons_hang_below_their_beginning() -> None:
    """In a narrow terminal too; no line is longer than it, ends in blanks or begins at its edge."""
    out = io.StringIO()
    print_leaderboard(
        Console(width=40, file=out), [Row("tfidf", None, "tfidf", "refused", "accuracy", why="predicts one class only: 'a' for all 150 rows, 감정 감정 감정 감정 감정 감정 감정")]
    )
    told = out.getvalue().split("  -  ")[1].splitlines()
    assert told[0].startswith("tfidf: refused: predicts one")
    assert len(told) > 2
    for line in told[1:]:
        assert line.startswith("     ")
        assert line[5:] == line.strip()
        assert cell_len(line) <= 40


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    """`json.dumps` would write NaN and Infinity, which no other language reads."""
    _shell.print_json({"a": [float("nan"), 1.5, (float("inf"), None)], "b": "NaN"})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"a": [None, 1.5, [None, None]], "b": "NaN"}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_files_and_programs_get_utf8_whatever_the_encoding_of_the_system(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows redirects in cp1252, which has no Korean: JSON, tables and error sentences are written all the same."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    out, err = redirected(encoding), redirected(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    _shell.take_every_letter()
    _shell.print_json([KOREAN])
    _shell.people().print(KOREAN)
    with pytest.raises(SystemExit):
        _shell.fail(f"There is no model {KOREAN!r}.")
    first, _, second = written_by(out).decode("utf-8").partition("]")
    assert (json.loads(first + "]"), second.strip()) == ([KOREAN], KOREAN)
    assert written_by(err).decode("utf-8").strip() == f"ringsmith: There is no model {KOREAN!r}."


def test_streams_that_are_closed_hold_nothing_and_swallow_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has None in their place."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    _shell.open_what_is_closed()
    with sys.stdin, sys.stdout, sys.stderr:
        assert sys.stdin.read() == ""
        _shell.print_json([KOREAN])
        with pytest.raises(SystemExit):
            _shell.fail(f"There is no model {KOREAN!r}.")


@pytest.mark.skipif(sys.platform == "win32", reason="no shell that closes a stream")
def test_no_file_takes_the_number_of_a_stream_that_was_closed(tmp_path: Path) -> None:
    """``<&-``: libraries do not expect it; drawing a chart failed."""
    program = f"from ringsmith.cli import _shell; _shell.open_what_is_closed(); print(open({str(tmp_path / 'file')!r}, 'w').fileno() > 2)"
    found = subprocess.run(["sh", "-c", '"$0" -c "$1" <&-', sys.executable, program], capture_output=True, text=True, check=False)
    assert (found.stdout.strip(), found.returncode) == ("True", 0), found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"], ["compare", "rows.csv", "--recipes", "majority,tfidf", "--out", "run"]])
def test_a_reader_that_goes_ends_the_command_without_a_word(arguments: list[str], tmp_path: Path) -> None:
    """``| head -1``: the exit code was that of a fault of ours. The same command goes on, and nothing that is half-written is in its way."""
    (tmp_path / "rows.csv").write_bytes(as_csv(reviews()))
    command = [sys.executable, "-m", "ringsmith", *arguments]
    reader, writer = os.pipe()
    with subprocess.Popen(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        os.close(reader)
        assert (process.communicate(timeout=120)[1], process.returncode) == ("", _shell.NO_READER)
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == _shell.DONE, again.stderr
    assert (tmp_path / "run" / "best").is_dir() == ("compare" in arguments)
    assert not (tmp_path / "run" / "work").exists()


def test_a_name_that_is_not_utf8_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    r"""Python reads the byte 0xff of an argument as '\udcff', which no encoding has."""
    monkeypatch.setattr(sys, "stdout", out := redirected("utf-8"))
    _shell.take_every_letter()
    _shell.people().print("caf\udcff.csv")
    assert written_by(out).decode("utf-8").strip() == r"caf\udcff.csv"


def test_an_encoding_that_was_asked_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONIOENCODING decides; letters that it lacks become escapes."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setattr(sys, "stdout", out := redirected("latin-1"))
    _shell.take_every_letter()
    _shell.people().print("Größe 환")
    assert written_by(out).decode("latin-1").strip() == r"Größe \ud658"


def test_ctrl_c_in_the_first_imports_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line is imported in a third of a second, in which nobody else would catch it."""

    class Interrupted(types.ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ringsmith.cli", Interrupted("ringsmith.cli"))
    with pytest.raises(SystemExit, match="130"):
        start()
    assert capsys.readouterr().err == "ringsmith: Stopped before anything was done.\n"
