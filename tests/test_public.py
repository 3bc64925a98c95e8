"""The public face: its names, and that it costs nothing to import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ringsmith
from ringsmith.errors import OptionError, ReadError, RingsmithError

NAMES = {
    "CorpusOptions", "DecodingOptions", "FastText", "GloveOptions", "KeyedVectors", "Predictor", "PretrainOptions", "Result", "RingsmithError", "TextSteps", "Word2Vec",
    "Word2VecOptions", "WordVectors", "__version__", "compare", "generate", "inspect", "inspect_word", "load", "open_vectors", "pretrain", "read_corpus", "read_table",
    "report", "save_vectors", "train_glove", "train_word2vec", "translate", "tune",
}  # fmt: skip
HEAVY = ("torch", "transformers", "sklearn", "scipy", "polars", "altair", "accelerate", "huggingface_hub", "numba")


def loaded_after(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter holds after running `code`."""
    program = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision: change this list with it."""
    assert set(ringsmith.__all__) == NAMES
    assert dir(ringsmith) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    """Each resolves, and each but the version has a docstring."""
    value = getattr(ringsmith, name)
    assert name == "__version__" or value.__doc__


def test_functions_stay_functions_when_the_packages_of_their_names_are_loaded() -> None:
    """`rs.compare` twice: the first call imports the package `ringsmith.compare`, which Python binds to the very name."""
    program = (
        "import ringsmith as rs; rs.read_table; from ringsmith.report import write_report; from ringsmith import compare\nprint(*map(callable, (rs.compare, rs.report, compare)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split() == ["True"] * 3


def test_options_of_another_kind_are_one_sentence() -> None:
    """A mapping in their place, before any model is looked for."""
    with pytest.raises(OptionError, match=r"^'options' must be DecodingOptions; got dict\. Write DecodingOptions\(name=value, \.\.\.\)\.$"):
        ringsmith.generate("nowhere", "the cat", {"max_new_tokens": 4})  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^'options' must be PretrainOptions; got dict"):
        ringsmith.pretrain("nowhere.txt", {"steps": 4})  # type: ignore[arg-type]


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known() -> None:
    """As Python's own, with help."""
    with pytest.raises(AttributeError, match="has no attribute 'comparre'; it has CorpusOptions"):
        _ = ringsmith.comparre


def test_import_loads_nothing_heavy() -> None:
    """`import ringsmith` is for free."""
    assert loaded_after("import ringsmith") == set()


def test_help_loads_nothing_heavy() -> None:
    """`ringsmith --help` answers at once."""
    assert loaded_after("from ringsmith.cli import app\nfrom typer.testing import CliRunner\nassert CliRunner().invoke(app, ['--help']).exit_code == 0") == set()


def test_the_driver_of_a_comparison_loads_no_torch() -> None:
    """Runs load torch in processes of their own; the face with all its names does not."""
    loaded = loaded_after("import ringsmith\nfor name in ringsmith.__all__: getattr(ringsmith, name)\nimport ringsmith.compare.runner")
    assert loaded & {"torch", "transformers", "accelerate"} == set()


def test_a_model_that_is_not_there_is_refused_before_torch_is_loaded() -> None:
    """Five seconds of imports for a slip of the finger are too many."""
    calls = ("rs.generate('berd', 'x')", "rs.translate('berd', 'x')", "rs.inspect('berd', 'x')", "rs.inspect_word('berd', 'x', ['x x'])")
    tried = "\n".join(f"try:\n    {call}\nexcept rs.RingsmithError as error:\n    assert \"There is no model 'berd'. Did you mean\" in str(error), error" for call in calls)
    assert loaded_after(f"import ringsmith as rs\n{tried}") & {"torch", "transformers"} == set()


def test_a_transformers_run_loads_no_scikit_learn() -> None:
    """Each run is a process of its own, so what it imports for nothing is paid for in every fold of every candidate: a second and a half, here."""
    assert loaded_after("import ringsmith.compare.job, ringsmith.adapt.full, ringsmith.adapt.probe, ringsmith.adapt.fewshot") & {"sklearn", "altair", "polars"} == set()


def test_compare_takes_rows_in_memory(tmp_path: Path) -> None:
    """A data frame, and plain rows to test on."""
    import polars as pl

    rows = [(f"{'good' if i % 2 else 'bad'} thing number {i} of {'many' if i % 3 else 'few'}", "yes" if i % 2 else "no") for i in range(60)]
    frame = pl.DataFrame(rows[:50], schema=["text", "label"], orient="row")
    result = ringsmith.compare(frame, test=rows[50:], recipes=["majority", "tfidf"], out=tmp_path / "run", threads=1)
    assert {row.candidate for row in result.comparison.rows} == {"majority", "tfidf"}
    assert "memory" in (result.folder / "report.html").read_text(encoding="utf-8")
    assert repr(result) == f"Result({str(tmp_path / 'run')!r}, recommended={result.recommended!r})"
    assert str(result).startswith((tmp_path / "run" / "leaderboard.md").read_text(encoding="utf-8"))
    assert str(result).splitlines()[-1].startswith(f"Take {result.recommended}: ")


@pytest.mark.parametrize("call", [lambda rows, **options: ringsmith.compare(rows, **options), lambda rows, **options: ringsmith.tune(None, rows, recipe="tfidf", **options)])
def test_when_to_fetch_is_asked_as_on_the_command_line(call: Callable[..., object]) -> None:
    """``--fetch`` there, ``fetch`` here."""
    with pytest.raises(OptionError, match="'fetch' must be never, if-missing or always; got 'sometimes'"):
        call([("a", "b")], fetch="sometimes")


@pytest.mark.parametrize("given", [1, ["title", "body"]])
def test_a_column_is_a_name(given: object) -> None:
    """Not its number as a number, nor a list of names: several are one string with commas."""
    with pytest.raises(OptionError, match=r"'text' must be the name of a column, or several as 'title,body'; got "):
        ringsmith.compare([("a", "b")], text=given)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"recipes": "majority, tfidf"}, {"models": "minilm"}, {"steps": "lower"}])
def test_a_string_is_no_list_of_names(options: dict[str, str]) -> None:
    """Or it would be said that there is no recipe 'm'."""
    (name, given) = next(iter(options.items()))
    with pytest.raises(OptionError, match=rf"'{name}' must be a list of names; got '{given}'\. Write \['{given.split(',')[0]}'"):
        ringsmith.compare([("a", "b")], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [lambda data: ringsmith.compare(data), lambda data: ringsmith.tune(None, data)])
def test_no_data_are_no_file_called_memory(call: Callable[[object], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `DataFrame.drop(inplace=True)` gives is refused, although there is such a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory").write_text("text,label\n" + "good,a\nbad,b\n" * 30, encoding="utf-8")
    with pytest.raises(ReadError, match=r"^data: a path, a data frame or rows like \[\(text, label\), \.\.\.\] are needed; got None\."):
        call(None)
    assert [path.name for path in tmp_path.iterdir()] == ["memory"]


@pytest.mark.parametrize(("call", "sentence"), [
    (lambda: ringsmith.compare([("a", "b")], seed="a"), r"'seed' must be a number, from 0 to 2,147,483,647; got 'a'"),  # type: ignore[arg-type]
    (lambda: ringsmith.compare([("a", "b")], models=[1]), r"'models' must be a list of names; got 1, a int\. Write the names as strings"),  # type: ignore[list-item]
    (lambda: ringsmith.TextSteps("lower"), r"Text steps must be a list of names; got 'lower'\. Write TextSteps"),  # type: ignore[arg-type]
    (lambda: ringsmith.TextSteps(None), r"Text steps must be a list of names; got None"),  # type: ignore[arg-type]
    (lambda: ringsmith.load("nowhere", threads=0), r"'threads' must be a whole number, at least 1; got 0\. Leave it out for all cores"),
    (lambda: ringsmith.load(None), r"A file or a folder must be named; got None, a NoneType"),  # type: ignore[arg-type]
    (lambda: ringsmith.report(None), r"A file or a folder must be named; got None, a NoneType"),  # type: ignore[arg-type]
    (lambda: ringsmith.inspect(None, "x"), r"A file or a folder must be named; got None, a NoneType"),  # type: ignore[arg-type]
])  # fmt: skip
def test_what_is_of_another_kind_is_one_sentence(call: Callable[[], object], sentence: str) -> None:
    """None of it reaches Python's own errors."""
    with pytest.raises(RingsmithError, match=sentence):
        call()


@pytest.mark.skipif(sys.platform == "win32", reason="no number is the lowest there")
def test_compare_and_report_in_a_process_without_a_standard_input(tmp_path: Path) -> None:
    """A daemon has closed it; the pictures are drawn all the same."""
    compare = f"rs.compare([(f'thing {{i}}', 'ab'[i % 2]) for i in range(60)], recipes=['majority'], folds=0, offline=True, out={str(tmp_path)!r}).report.unlink()"
    program = f"import os, ringsmith as rs\nos.close(0)\n{compare}\nprint(rs.report({str(tmp_path)!r}).stat().st_size > 10_000)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1:] == ["True"], done.stderr
