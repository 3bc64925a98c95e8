"""A fitted model's folder: whole or not at all, every file held against its hash."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from ringsmith.adapt import RECIPES, Setting, create_recipe, hold_options, load_fitted, recipe_needs, recipe_summary
from ringsmith.adapt.folder import check_files, hash_files, new_folder
from ringsmith.adapt.registry import _recipe, options_kind
from ringsmith.catalogue import LocalModel
from ringsmith.errors import MachineError, ModelError, OptionError, UnknownName, UsageError
from ringsmith.records import FINE_TUNED, Budget, TextSet
from ringsmith.tasks import Classification


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The smallest fitted model there is."""
    rows = TextSet(["x", "y"], ["a", "b"])
    create_recipe("majority", Setting(Classification(["a", "b"]))).fit(rows, rows, Budget()).save(tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest."""
    path = folder / "ringsmith.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_hashes_are_those_of_sha256sum(tmp_path: Path) -> None:
    """Files below the folder by their path with slashes; the manifest itself is left out."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_bytes(b"abc")
    (tmp_path / "ringsmith.json").write_text("{}")
    assert hash_files(tmp_path) == {"sub/a.txt": hashlib.sha256(b"abc").hexdigest()}


def test_manifest_says_what_it_is(saved: Path) -> None:
    """Format, schema, recipe, task and files stand in the manifest."""
    content = json.loads((saved / "ringsmith.json").read_text(encoding="utf-8"))
    assert (content["format"], content["schema"], content["recipe"], content["backbone"]) == ("ringsmith-model", 1, "majority", None)
    assert content["task"] == {"kind": "classification", "labels": ["a", "b"]}
    assert list(content["files"]) == ["shares.safetensors"]


def test_missing_file_is_named(saved: Path) -> None:
    """A file of the manifest that is gone."""
    (saved / "shares.safetensors").unlink()
    with pytest.raises(ModelError, match=r"missing: shares\.safetensors"):
        load_fitted(saved)


def test_a_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    """A manifest cannot point elsewhere."""
    with pytest.raises(ModelError, match=r"outside the folder: \.\./x, /etc/passwd"):
        check_files(tmp_path, {"../x": "0", "/etc/passwd": "0"})


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda content: content.update(schema=2), r"schema 1 is read by this version of Ringsmith; got 2"),
        (lambda content: content.update(format="other"), r'must say "format": "ringsmith-model"'),
        (lambda content: content.update(format=["other"]), r'must say "format": "ringsmith-model"'),
        (lambda content: content.update(backbone={"name": "x"}), r"'backbone' must be as Ringsmith wrote them"),
        (lambda content: content.update(recipe="probe"), r"a model of the recipe 'probe' must name its backbone; it names none"),
        (lambda content: content.update(recipe="static"), r"which the recipe 'static' needs, is missing"),
        (lambda content: content.update(extra=1), r"missing or unknown: extra"),
        (lambda content: content.pop("steps"), r"missing or unknown: steps"),
        (lambda content: content.update(recipe="magic"), r"the recipe must be one of majority, .*; got 'magic'"),
    ],
)
def test_a_foreign_manifest_is_refused(saved: Path, edit: Callable[[dict[str, Any]], object], sentence: str) -> None:
    """Another schema, format, recipe, or fields too many or too few."""
    change(saved, edit)
    with pytest.raises(ModelError, match=sentence):
        load_fitted(saved)


def test_broken_json_is_refused(saved: Path) -> None:
    """A manifest that was cut off."""
    (saved / "ringsmith.json").write_text('{"schema": 1,')
    with pytest.raises(ModelError, match="must be JSON as Ringsmith wrote it"):
        load_fitted(saved)


@pytest.mark.parametrize(("name", "sentence"), [("", "this one does not. "), ("nowhere", "this one does not exist. ")])
def test_a_folder_without_manifest_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    """An empty folder and a missing one are told apart."""
    with pytest.raises(ModelError, match=sentence):
        load_fitted(tmp_path / name)


def test_folders_that_are_nearly_meant_lead_to_what_is(saved: Path, tmp_path: Path) -> None:
    """The folder of a comparison around its ``best``, and models that have no labels: pre-trained ones, and those that translate."""
    saved.rename(tmp_path / "best")
    with pytest.raises(ModelError, match=rf"this one does not\. Name {re.escape(str(tmp_path / 'best'))}\.$"):
        load_fitted(tmp_path)
    for kind, way in (("pretrained", "It has no labels yet: ringsmith compare DATA --models"), ("translation", "It translates: ringsmith translate")):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "ringsmith.json").write_text(json.dumps({"format": f"ringsmith-{kind}"}), encoding="utf-8")
        with pytest.raises(ModelError, match=f"this one was made by `ringsmith pretrain`. {way}"):
            load_fitted(folder)


def test_the_formats_of_other_folders_are_those_that_are_written() -> None:
    """Written twice, because what is fitted does not know what pre-trains."""
    from ringsmith.adapt.folder import OTHERS
    from ringsmith.pretrain.card import FORMAT as PRETRAINED
    from ringsmith.pretrain.translation_card import FORMAT as TRANSLATION

    assert {*OTHERS} == {PRETRAINED, TRANSLATION}


def test_a_folder_in_use_is_not_written_into(tmp_path: Path) -> None:
    """What lies there stays there."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="an empty or a new folder"), new_folder(tmp_path):
        pytest.fail("not reached")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    """An error on the way leaves neither the folder nor the scratch beside it."""

    def write_half() -> None:
        with new_folder(tmp_path / "model") as scratch:
            (scratch / "half.txt").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")], ids=["python", "rust"]
)
def test_a_full_disk_is_the_machines_fault(error: Exception, tmp_path: Path) -> None:
    """The system's own error becomes one sentence, also where a library in Rust tells it."""
    with pytest.raises(MachineError, match="cannot be written: No space left on device"), new_folder(tmp_path / "model"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    """A folder that is there and empty is used."""
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as scratch:
        (scratch / "a.txt").write_text("a")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "a.txt"]


def test_unknown_recipe_offers_the_nearest() -> None:
    """For making one, for asking what it needs, and for its summary."""
    for ask in (recipe_needs, recipe_summary, lambda name: create_recipe(name, Setting(Classification(["a"])))):
        with pytest.raises(UnknownName, match=r"no recipe 'tfdif'. Did you mean 'tfidf'\?"):
            ask("tfdif")


def test_a_recipe_that_needs_a_model_says_so() -> None:
    """Without a model 'probe' cannot begin."""
    with pytest.raises(UsageError, match="Recipe 'probe' starts from a pre-trained model; none was named"):
        create_recipe("probe", Setting(Classification(["a"])))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_asked_about_its_options(name: str) -> None:
    """Before there are rows or a model it says what it has not got."""
    with pytest.raises(OptionError, match=rf"Recipe '{name}' has no option 'nonsense'"):
        hold_options(name, {"nonsense": 1})
    hold_options(name, {})


@pytest.mark.parametrize("name", RECIPES)
def test_the_options_in_the_list_are_those_that_the_recipe_reads(name: str) -> None:
    """The list names them beside the recipe, so that they can be held without it."""
    model = LocalModel("any", "", None, None, "", 1.0, "BertModel", 1, 8, 100, None)
    made = create_recipe(name, Setting(Classification(["a", "b"]), model=model))
    assert name == "majority" or type(getattr(made, "options", None)) is options_kind(name)


def test_the_recipes_that_leave_a_plain_transformer_are_those_that_fine_tune_one() -> None:
    """What the report and the card offer to transformers' own pipeline."""
    from ringsmith.adapt.finetune import FineTuned

    assert {name for name in RECIPES if issubclass(_recipe(name).fitted, FineTuned)} == FINE_TUNED


def test_the_list_of_recipes_is_light() -> None:
    """Asking what recipes there are, and holding options against their rules, loads neither torch nor scikit-learn."""
    ask = "import sys, ringsmith.adapt as a; [a.recipe_summary(n) + a.recipe_needs(n) for n in a.RECIPES if a.hold_options(n, {}) is None]"
    program = f"{ask}; print(sorted({{'torch', 'sklearn', 'transformers', 'numba', 'polars'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_model_that_was_fitted_without_torch_predicts_with_little(tmp_path: Path) -> None:
    """Loading n-grams and predicting with them imports neither scikit-learn nor what scipy minimises with, a second of work."""
    rows = TextSet(["good film", "bad film", "good", "bad"] * 5, ["x", "y"] * 10)
    create_recipe("tfidf", Setting(Classification(["x", "y"]))).fit(rows, rows, Budget()).save(tmp_path / "model")
    program = (
        "import sys; from ringsmith.adapt import load_fitted; print(load_fitted(sys.argv[1]).predict(['good']), "
        "sorted({'torch', 'sklearn', 'pandas', 'scipy.optimize', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path / "model")], capture_output=True, text=True, check=True).stdout == "['x'] []\n"
