"""What a space offers, its recipe must take: every corner is held against the recipe's own rules."""

from __future__ import annotations

import re
import sys
from dataclasses import MISSING, fields
from typing import Any

import pytest

from ringsmith.adapt import create_recipe, hold_options, idle_options, recipe_needs
from ringsmith.adapt.finetune_options import FullOptions
from ringsmith.adapt.options import read_options
from ringsmith.adapt.recipe import Setting
from ringsmith.adapt.registry import options_kind
from ringsmith.adapt.spaces import SPACES, Axis, Choice, Range, settings_in, space_of
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError
from ringsmith.tasks import Classification

MODEL = LocalModel("made", "/made", None, None, "0", 9.0, "BertModel", 2, 384, 99, 64)


def options_of(recipe: str, **options: Any) -> Any:
    """The options dataclass that the recipe makes of these."""
    model = None if recipe_needs(recipe) == "nothing" else MODEL
    return create_recipe(recipe, Setting(Classification(["a", "b"]), model, options)).options  # type: ignore[attr-defined]


def ends(axis: Axis) -> list[Any]:
    """Its values, or its bounds."""
    return list(axis.values) if isinstance(axis, Choice) else [round(end) if axis.whole else end for end in (axis.low, axis.high)]


@pytest.mark.parametrize("recipe", SPACES)
def test_every_value_of_a_space_is_allowed_by_its_recipe(recipe: str) -> None:
    """One axis at a time, at both ends or at every choice."""
    for axis in space_of(recipe):
        for value in ends(axis):
            assert getattr(options_of(recipe, **{axis.name: value}), axis.name) == value


@pytest.mark.parametrize("recipe", SPACES)
def test_the_usual_value_is_the_default_of_the_recipe(recipe: str) -> None:
    """None where the recipe has a rule of its own; each usual choice is among the choices."""
    kind = type(options_of(recipe))
    defaults = {field.name: None if field.default is MISSING else field.default for field in fields(kind)}
    for axis in space_of(recipe):
        assert axis.usual == defaults[axis.name]
        assert axis.source
        assert isinstance(axis, Range) or axis.usual in axis.values
        assert not isinstance(axis, Range) or axis.usual is None or axis.low <= axis.usual <= axis.high


def test_bounds_of_a_rate_follow_the_width() -> None:
    """BERT-base has a quarter of MiniLM's: 1e-4 instead of 4e-4, with its paper's 2e-5 to 5e-5 well inside; one of 128 numbers has five times MiniLM's."""
    (narrow,), (wide,) = ([axis for axis in space_of("full", width) if axis.name == "rate"] for width in (384, 768))
    assert isinstance(narrow, Range)
    assert isinstance(wide, Range)
    assert wide.high == pytest.approx(narrow.high / 4)
    assert wide.low < 2e-5 < 5e-5 < wide.high
    tiny = space_of("full", 128)[0]
    assert isinstance(tiny, Range)
    assert tiny.low < FullOptions().usual_rate(128) < tiny.high == pytest.approx(5 * narrow.high)


def test_settings_are_counted_where_they_can_be() -> None:
    """3 x 5 of choices and whole numbers; a number between two bounds has no end."""
    assert settings_in((Choice("a", (1, 2, 3), ""), Range("b", 1, 5, "", whole=True))) == 15
    assert settings_in((Range("b", 1, 5, ""),)) is None


def test_the_spaces_load_no_recipe() -> None:
    """The driver reads them, and it loads neither torch nor scikit-learn."""
    import subprocess

    code = "import sys, ringsmith.adapt.spaces, ringsmith.compare.search; sys.exit(bool({'torch', 'sklearn', 'optuna'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


METHODS = {name: LocalModel(name, "", None, None, "", 0.0, name, 0, 0, 0, None, kind="method") for name in ("word2vec", "glove")}
FILE = LocalModel("file", "/made", None, None, "0", 9.0, "WordVectors", 0, 50, 99, None, kind="vectors")
ENDPOINT = LocalModel("chat", "http://made", None, None, "0", 0.0, "endpoint", 0, 0, 0, None, kind="endpoint")
OWN = {"dim", "window", "epochs", "rate", "subwords", "buckets", "min_count"}


@pytest.mark.parametrize(
    ("recipe", "options", "model", "idle"),
    [
        ("tfidf", {}, None, set()),
        ("lora", {}, MODEL, set()),
        ("lora", {"method": "dora"}, MODEL, set()),
        ("lora", {"method": "ia3"}, MODEL, {"rank", "alpha"}),
        ("lora", {"method": "bitfit"}, None, {"rank", "alpha", "layers"}),
        ("partial", {}, MODEL, set()),
        ("partial", {"frozen": 0.0}, MODEL, {"side"}),
        ("partial", {"embeddings": False}, MODEL, {"replay"}),
        ("head", {}, MODEL, set()),
        ("head", {"mixtures": "last"}, MODEL, {"strengths"}),
        ("static", {"join": False}, None, set()),
        ("static", {}, FILE, set()),
        ("static", {"subwords": None}, FILE, {"buckets"}),
        ("static", {"join": False}, FILE, OWN),
        ("static", {}, METHODS["word2vec"], {"join", "most_words"}),
        ("static", {}, METHODS["glove"], {"join", "most_words", "rate", "subwords", "buckets"}),
        ("distilled", {}, MODEL, {"most_words"}),
        ("distilled", {"join": False}, None, {"most_words"} | OWN),
        ("prompt", {}, MODEL, set()),
        ("prompt", {}, ENDPOINT, {"hypothesis"}),
    ],
)
def test_options_that_do_nothing_are_known(recipe: str, options: dict[str, Any], model: LocalModel | None, idle: set[str]) -> None:
    """By hand, from what each recipe makes of them; and all are options that it has."""
    found = idle_options(recipe, options, model)
    assert found.keys() == idle
    assert idle <= {field.name for field in fields(options_kind(recipe))}


@pytest.mark.parametrize(
    ("recipe", "options", "sentence"),
    [
        ("lora", {"method": "ia3", "rank": 64, "alpha": 5.0}, "Recipe 'lora': 'rank' does nothing with method=ia3. Leave it out."),
        ("lora", {"method": "bitfit", "layers": ["query"]}, "Recipe 'lora': 'layers' does nothing with method=bitfit. Leave it out."),
        ("partial", {"embeddings": False, "replay": True}, "Recipe 'partial': 'replay' does nothing with embeddings=false, where no state stays the same. Leave it out."),
        ("head", {"mixtures": ["all"], "strengths": [1.0]}, "Recipe 'head': 'strengths' does nothing with one mixture, as they choose among several. Leave it out."),
        ("distilled", {"most_words": 5}, "Recipe 'distilled': 'most_words' does nothing without a file of vectors. Leave it out."),
    ],
)
def test_an_option_that_is_named_in_vain_is_refused(recipe: str, options: dict[str, Any], sentence: str) -> None:
    """Before anything runs; a folder that was saved with such options is still read."""
    with pytest.raises(OptionError, match=f"^{re.escape(sentence)}$"):
        hold_options(recipe, options)
    assert read_options(options_kind(recipe), options, recipe=recipe)
