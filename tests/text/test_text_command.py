"""``ringsmith text`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ringsmith.cli.text import text
from ringsmith.errors import OptionError, ReadError, UnknownName

app = typer.Typer()
app.command()(text)


def ringsmith_text(*arguments: str, standard_input: str | None = None) -> Result:
    """Run the command; what goes wrong is raised."""
    return CliRunner().invoke(app, list(arguments), input=standard_input, catch_exceptions=False, env={"COLUMNS": "120"})


def test_the_result_stands_on_its_own_line() -> None:
    """The issue's example, and the table above it."""
    result = ringsmith_text("stem", "running runs ran runner cats cat")
    assert result.exit_code == 0
    assert "run run ran runner cat cat" in result.stdout.splitlines()
    assert "running -> run, runs -> run, cats -> cat" in result.stdout
    assert "6 -> 4" in result.stdout


def test_the_effect_of_case_is_shown() -> None:
    """US and us become one, IT becomes it."""
    result = ringsmith_text("lower", "The US told us about IT.")
    assert "lower merges: US, us -> us" in result.stdout
    assert "lower makes other words of: IT -> it" in result.stdout


def test_a_single_tagged_word_is_a_text() -> None:
    """It looks like a path and is none."""
    assert "good" in ringsmith_text("lemmatise", "better/ADJ").stdout.splitlines()


def test_json_holds_the_same() -> None:
    """For programs."""
    content = json.loads(ringsmith_text("lower,stem", "US cars, us", "--json").stdout)
    assert content["result"] == "us car, us"
    assert [(step["name"], step["changed"], step["vocabulary_before"], step["vocabulary_after"]) for step in content["steps"]] == [("lower", 1, 3, 2), ("stem", 1, 2, 2)]
    assert content["case"]["merges"] == [{"word": "us", "forms": ["US", "us"], "count": 2}]
    assert content["steps"][1]["changes"] == [{"before": "cars", "after": "car", "times": 1}]


def test_of_a_table_its_column_is_told(tmp_path: Path) -> None:
    """Which texts were read is said above the table of steps; of lines nothing is to be said."""
    table = tmp_path / "t.csv"
    table.write_text("id,Body,queue\n1,So Good indeed,a\n2,So Bad indeed,b\n", encoding="utf-8")
    assert ringsmith_text("lower", str(table)).stdout.splitlines()[0] == "Texts: column 'Body' (2 rows)."
    (tmp_path / "t.txt").write_text("So Good\nSo Bad\n", encoding="utf-8")
    assert "Texts:" not in ringsmith_text("lower", str(tmp_path / "t.txt")).stdout


def test_a_language_is_used() -> None:
    """French stems by --language."""
    result = ringsmith_text("lower,stem", "Les Maisons", "--language", "french")
    assert "le maison" in result.stdout.splitlines()
    assert "stem:fr" in result.stdout


def test_a_table_shows_its_vocabulary(tmp_path: Path) -> None:
    """Merges and coverage instead of the text."""
    path = tmp_path / "reviews.csv"
    path.write_text("review,label\n" + "".join(f'"Cat number n{i} likes cats",{i % 2}\n' for i in range(120)), encoding="utf-8")
    result = ringsmith_text("lower,stem", str(path), "--text", "review")
    assert result.exit_code == 0
    assert "cat, cats -> cat  (240)" in result.stdout
    assert "most frequent words" in result.stdout
    assert json.loads(ringsmith_text("stem", str(path), "--text", "review", "--json").stdout)["texts"] == 120


def test_standard_input_is_read() -> None:
    """With '-'."""
    assert "run fast" in ringsmith_text("stem", "-", standard_input="running fast\n").stdout.splitlines()


def test_brackets_are_no_colours() -> None:
    """Text that looks like Rich's markup is shown as it is."""
    result = ringsmith_text("lower", "[RED] alert [/RED]")
    assert "[red] alert [/red]" in result.stdout.splitlines()


def test_the_list_of_steps() -> None:
    """Every step, with and without JSON."""
    from ringsmith.text import STEPS

    shown = ringsmith_text("--list").stdout
    assert all(name in shown for name in STEPS)
    assert [step["name"] for step in json.loads(ringsmith_text("--list", "--json").stdout)] == list(STEPS)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((), OptionError, "'STEPS' must name at least one step; got none. For example: ringsmith text lower,stem"),
        ((" , ", "x y"), OptionError, "'STEPS' must name at least one step"),
        (("lower",), OptionError, "'INPUT' must be a quoted text, a file or '-'; got nothing"),
        (("lowr", "x y"), UnknownName, "There is no text step 'lowr'. Did you mean 'lower'"),
        (("lower", "missing.csv"), ReadError, "missing.csv"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: tuple[str, ...], error: type[Exception], sentence: str) -> None:
    """Each says what to do."""
    with pytest.raises(error) as caught:
        ringsmith_text(*arguments)
    assert sentence in str(caught.value)
