"""Fitted models that were changed after they were saved: one sentence, exit code 2, nothing of them is run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Ringsmith, Write, refused, reviews


def changed(**fields: object) -> Callable[[Path], None]:
    """A change of a model's manifest."""

    def change(folder: Path) -> None:
        path = folder / "ringsmith.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")

    return change


def with_another_byte(folder: Path) -> None:
    """One byte more in the weights."""
    with (folder / "tfidf.safetensors").open("ab") as file:
        file.write(b"x")


TAMPERED: dict[str, tuple[Callable[[Path], None], str]] = {
    "weights altered": (with_another_byte, r"every file must be as ringsmith\.json recorded it; altered: tfidf\.safetensors"),
    "weights gone": (lambda folder: (folder / "tfidf.safetensors").unlink(), r"missing: tfidf\.safetensors"),
    "no manifest": (lambda folder: (folder / "ringsmith.json").unlink(), r"a fitted model's folder holds ringsmith\.json; this one does not\."),
    "broken manifest": (lambda folder: (folder / "ringsmith.json").write_text("{"), r"ringsmith\.json: must be JSON as Ringsmith wrote it"),  # type: ignore[dict-item]
    "another schema": (changed(schema=99), r"schema 1 is read by this version of Ringsmith; got 99"),
    "an unknown recipe": (changed(recipe="magic"), r"the recipe must be one of .*; got 'magic'"),
    "a recipe that is a list": (changed(recipe=["tfidf"]), r"'recipe' must be as Ringsmith wrote"),
    "a file outside": (changed(files={"../../etc/passwd": "x"}), r"outside the folder: \.\./\.\./etc/passwd"),
    "files that are a list": (changed(files=[1]), r"'files' must be as Ringsmith wrote"),
    "no files": (changed(files={}), r"hashing\.json, which the recipe 'tfidf' needs, is missing"),
    "a task that is a number": (changed(task=3), r"'task' must be as Ringsmith wrote"),
    "options that are a number": (changed(options=7), r"'options' must be as Ringsmith wrote"),
    "steps that are a number": (changed(steps=5), r"'steps' must be as Ringsmith wrote"),
    "an unknown step": (changed(steps=["magic"]), r"There is no text step 'magic'"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_model_that_was_changed_is_refused(name: str, ringsmith: Ringsmith, model: Path, tmp_path: Path) -> None:
    """Each by the file or the field that is not as it was written."""
    change, sentence = TAMPERED[name]
    shutil.copytree(model, tmp_path / "best")
    change(tmp_path / "best")
    refused(ringsmith("predict", "best", "great phone"), sentence)


def test_a_file_is_no_model(ringsmith: Ringsmith, write: Write) -> None:
    """It is there, and is said to be."""
    write("data.csv", reviews())
    refused(ringsmith("predict", "data.csv", "great phone"), r"data\.csv: a fitted model's folder holds ringsmith\.json; this one is a file")
