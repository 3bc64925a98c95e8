"""Loading: from a checked folder, without a network, and never with weights that do not fit."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from ringsmith.backbones import encode, load_backbone, load_classifier, save_classifier
from ringsmith.catalogue import inspect_folder
from ringsmith.errors import ModelError


@pytest.fixture
def copy(tiny: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny BERT that a test may spoil."""
    return shutil.copytree(tiny("bert"), tmp_path / "bert")


def change_config(folder: Path, **settings: Any) -> None:
    """Overwrite settings of the config."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def test_offline_from_end_to_end(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking, loading, measuring, encoding and a classifier open no socket."""

    def touched(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, touched)
    model = inspect_folder(tiny("roberta"), name="roberta")
    assert encode(load_backbone(model), ["cat"] * 3).shape == (3, 3, 32)
    load_classifier(model, ["a", "b"])


def test_weights_that_do_not_fit(copy: Path) -> None:
    """A missing tensor would be filled with random numbers; another shape could not be loaded at all."""
    tensors = load_file(copy / "model.safetensors")
    lost = sorted(name for name in tensors if name.endswith("query.weight"))[0]
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"the weights do not fit the config: 1 tensors are missing, among them 'encoder.layer.0.attention.self.query.weight'"):
        load_backbone(inspect_folder(copy, name="m"))
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    change_config(copy, intermediate_size=48)
    with pytest.raises(ModelError, match="BertModel cannot be loaded by transformers"):
        load_backbone(inspect_folder(copy, name="m"))


def test_a_new_head_may_be_missing_but_the_body_may_not(copy: Path) -> None:
    """A classifier starts its head anew, and refuses a body with holes."""
    load_classifier(inspect_folder(copy, name="m"), ["a", "b"])
    tensors = load_file(copy / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "layer.1.output.dense" not in name}
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="the weights do not fit the config: 2 tensors are missing"):
        load_classifier(inspect_folder(copy, name="m"), ["a", "b"])


def test_a_head_may_be_of_another_shape_but_the_body_may_not(copy: Path) -> None:
    """A classifier of two labels becomes one of three; a body that the config says is wider would begin with random numbers."""
    tokeniser, module = load_classifier(inspect_folder(copy, name="m"), ["a", "b"])
    shutil.rmtree(copy)
    save_classifier(tokeniser, module, copy)
    assert load_classifier(inspect_folder(copy, name="m"), ["a", "b", "c"])[1].classifier.out_features == 3
    change_config(copy, intermediate_size=96)
    with pytest.raises(ModelError, match=r"the weights do not fit the config: 6 tensors are of another shape, among them 'bert.encoder.layer.0.intermediate.dense.bias'\. Fetch"):
        load_classifier(inspect_folder(copy, name="m"), ["a", "b", "c"])


def test_a_folder_without_a_tokenizer(copy: Path) -> None:
    """What to copy there is said."""
    for path in copy.glob("*token*"):
        path.unlink()
    with pytest.raises(ModelError, match=r"A model folder holds tokenizer.json \(or vocab.txt, or a .model file\); copy it there"):
        load_backbone(inspect_folder(copy, name="m"))


def test_a_vocabulary_alone_is_enough(copy: Path, tiny: Callable[[str], Path]) -> None:
    """Without tokenizer.json, BERT's vocab.txt makes the same tokenizer."""
    vocab = json.loads((copy / "tokenizer.json").read_text())["model"]["vocab"]
    for path in copy.glob("*token*"):
        path.unlink()
    (copy / "vocab.txt").write_text("\n".join(sorted(vocab, key=vocab.__getitem__)) + "\n")
    plain, made = (load_backbone(inspect_folder(folder, name="m"), threads=1, precision="float32") for folder in (tiny("bert"), copy))
    assert made.tokeniser(["The cat sat."]).ids.tolist() == plain.tokeniser(["The cat sat."]).ids.tolist()


def test_a_folder_among_a_models_files_is_none_of_its_tokenizer(copy: Path, tiny: Callable[[str], Path]) -> None:
    """A copy that somebody keeps there is left alone."""
    shutil.copytree(tiny("bert"), copy / "tokenizer_backup")
    plain, made = (load_backbone(inspect_folder(folder, name="m"), threads=1, precision="float32") for folder in (tiny("bert"), copy))
    assert made.tokeniser.fingerprint == plain.tokeniser.fingerprint


def test_an_architecture_transformers_does_not_know(copy: Path) -> None:
    """Named, with the version that was tried."""
    change_config(copy, model_type="bertissimo", architectures=["BertissimoModel"])
    with pytest.raises(ModelError, match=r"BertissimoModel cannot be loaded by transformers \d"):
        load_backbone(inspect_folder(copy, name="m"))


def test_importing_the_folder_is_light() -> None:
    """`ringsmith.backbones` alone imports neither torch nor transformers."""
    look = "import sys, ringsmith.backbones; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_names_that_are_not_there() -> None:
    """A wrong name is an AttributeError, as everywhere in Python."""
    import ringsmith.backbones

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ringsmith.backbones.nothing  # noqa: B018
