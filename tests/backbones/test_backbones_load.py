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

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
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


def put_into(folder: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    """More tensors in the file of weights."""
    path = folder / "model.safetensors"
    save_file({**load_file(path), **tensors}, path, metadata={"format": "pt"})


def test_weights_that_no_layer_takes(copy: Path) -> None:
    """BERT with relative positions, which this version of transformers no longer knows, would give other vectors than it was trained to give."""
    change_config(copy, position_embedding_type="relative_key_query")
    put_into(copy, {f"encoder.layer.{layer}.attention.self.distance_embedding.weight": np.ones((127, 16), np.float32) for layer in (0, 1)})
    said = r"the weights do not fit the config: 2 tensors have no place in its layers as transformers \d\S+ makes them, among them 'encoder.layer.0.attention.self.distance_embed"
    for load in (load_backbone, lambda model: load_classifier(model, ["a", "b"])):
        with pytest.raises(ModelError, match=said):
            load(inspect_folder(copy, name="m"))


@pytest.mark.parametrize("auto", ["MaskedLM", "PreTraining", "SequenceClassification"])
def test_weights_of_a_head_that_no_layer_takes(copy: Path, auto: str) -> None:
    """The same beneath a head, whose own weights are no fault: nor are a pooler's, layers that the config leaves out, and numbers of positions."""
    module = getattr(transformers, f"AutoModelFor{auto}").from_pretrained(copy)
    module.save_pretrained(copy)
    ones = np.ones(32, np.float32)
    put_into(copy, {"bert.embeddings.position_ids": np.arange(64)[None], "bert.encoder.layer.2.output.dense.bias": ones, "bert.pooler.dense.bias": ones})
    load_backbone(inspect_folder(copy, name="m"), precision="float32")
    load_classifier(inspect_folder(copy, name="m"), ["a", "b", "c"])
    put_into(copy, {"bert.encoder.layer.1.attention.self.query.lora_A.weight": np.ones((4, 32), np.float32)})
    for load in (load_backbone, lambda model: load_classifier(model, ["a", "b", "c"])):
        with pytest.raises(ModelError, match=r"1 tensors have no place in its layers .* among them 'bert.encoder.layer.1.attention.self.query.lora_A.weight'\. Fetch"):
            load(inspect_folder(copy, name="m"))


def test_what_follows_from_the_config_may_lie_in_the_file(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """Masks and waves that older versions saved in every layer; but a bias beside a weight is one."""
    folder = shutil.copytree(tiny("gpt2"), tmp_path / "gpt2")
    triangle = np.tril(np.ones((1, 1, 64, 64), np.float32))
    put_into(folder, {"h.0.attn.bias": triangle, "h.0.attn.masked_bias": np.float32([-1e4]), "h.1.attn.rotary_emb.inv_freq": np.ones(8, np.float32), "h.1.mlp.bias": triangle})
    load_backbone(inspect_folder(folder, name="m"), precision="float32")
    load_classifier(inspect_folder(folder, name="m"), ["a", "b"])
    put_into(folder, {"h.0.ln_1.scale": np.ones(32, np.float32)})
    with pytest.raises(ModelError, match=r"1 tensors have no place in its layers .* 'h.0.ln_1.scale'"):
        load_backbone(inspect_folder(folder, name="m"))


def test_models_without_a_vector_for_each_token(tiny: Callable[[str], Path]) -> None:
    """CANINE has no table of tokens, and Reformer's states are longer than its rows: both are refused in one sentence."""
    with pytest.raises(ModelError, match=r"canine: a model must have one table of vectors for its tokens; CanineModel has none\. Choose another model\.$"):
        load_backbone(inspect_folder(tiny("canine"), name="m"))
    said = r"reformer: a layer must give 32 numbers, the hidden size, for each of \d+ tokens; ReformerModel gave \d+ x \d+\. Choose another model\.$"
    with pytest.raises(ModelError, match=said):
        load_backbone(inspect_folder(tiny("reformer"), name="m"))


def test_a_last_layer_that_is_projected(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """OPT of 350 M projects its last layer to the width of its vocabulary's vectors; here it is as wide as the others, and saved with the projection."""
    backbone = load_backbone(inspect_folder(tiny("opt-narrow"), name="m"), threads=1, precision="float32")
    module = transformers.AutoModel.from_pretrained(tiny("opt-narrow")).eval()
    ids = torch.from_numpy(backbone.tokeniser(["the cat sat"]).ids)[None]
    save_classifier(backbone.tokeniser, backbone.module, tmp_path / "saved")
    again = load_backbone(inspect_folder(tmp_path / "saved", name="m"), threads=1, precision="float32")
    assert np.array_equal(encode(again, ["the cat sat"], cache=False), encode(backbone, ["the cat sat"], cache=False))
    with torch.no_grad():
        projected = module(input_ids=ids).last_hidden_state[0].mean(dim=0)
        vector = torch.from_numpy(encode(backbone, ["the cat sat"], cache=False)[0, -1])
        torch.testing.assert_close(module.decoder.project_out(vector), projected, atol=2e-5, rtol=0)
    assert encode(backbone, ["yes", "the cat sat"], layers="last", cache=False).shape == (2, 1, 32)


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
