"""The public face: its names, and that it costs nothing to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ringsmith

NAMES = {"Predictor", "Result", "RingsmithError", "TextSteps", "__version__", "compare", "load", "read_table", "report"}
HEAVY = ("torch", "transformers", "sklearn", "scipy", "polars", "altair", "accelerate", "huggingface_hub")


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


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known() -> None:
    """As Python's own, with help."""
    with pytest.raises(AttributeError, match="has no attribute 'comparre'; it has Predictor"):
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
