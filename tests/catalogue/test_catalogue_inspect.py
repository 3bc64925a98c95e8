"""Model folders looked at without loading them: what they are, and why some are refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from catalogue_folders import BERT, make_folder
from safetensors.numpy import load_file, save_file

from ringsmith.catalogue import inspect_folder
from ringsmith.catalogue.inspect import convert_command, longest_input
from ringsmith.errors import ModelError


def test_what_a_folder_says(tmp_path: Path) -> None:
    """Layers, width, parameters (floats only), hash, licence and limit, all as JSON types."""
    folder = make_folder(tmp_path / "m")
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: none of this\n")
    model = inspect_folder(folder, name="mine")
    assert (model.name, model.layers, model.hidden, model.parameters, model.max_tokens) == ("mine", 2, 8, 37, 64)
    assert (model.licence, model.revision, model.architecture) == ("apache-2.0", None, "BertModel")
    assert model.weights_sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert json.loads(json.dumps(asdict(model))) == asdict(model)


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "xlnet"}, None),
        ({"model_type": "t5", "n_positions": 512}, None),
    ],
)
def test_the_longest_input(tmp_path: Path, config: dict[str, object], limit: int | None) -> None:
    """RoBERTa's first positions are never used; XLNet and T5 have no limit, whatever their config says."""
    assert longest_input(tmp_path, config) == limit


def test_the_makers_may_want_less(tmp_path: Path) -> None:
    """Sentence encoders state a shorter limit than their positions."""
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 256, "do_lower_case": false}')
    assert longest_input(tmp_path, {"model_type": "bert", "max_position_embeddings": 512}) == 256


def test_shards_are_counted_together(tmp_path: Path) -> None:
    """A model in several files is one model; a missing file is named, and one outside the folder refused."""
    folder = make_folder(tmp_path, weights=False)
    for part in (1, 2):
        save_file({f"w{part}": np.ones((part, 3), dtype=np.float32)}, folder / f"model-0000{part}-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {f"w{part}": f"model-0000{part}-of-00002.safetensors" for part in (1, 2)}}))
    assert inspect_folder(folder, name="m").parameters == 9
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"1 of 2 weight files are missing \(model-00002-of-00002.safetensors\)"):
        inspect_folder(folder, name="m")
    index.write_text(json.dumps({"weight_map": {"w": "../../secret.safetensors"}}))
    with pytest.raises(ModelError, match="shards must be safetensors files in the same folder"):
        inspect_folder(folder, name="m")


def test_pickle_is_refused_with_a_way_out_that_works(tmp_path: Path) -> None:
    """The sentence names the danger; the command it gives turns the very file into the safetensors it wants."""
    folder = make_folder(tmp_path, weights=False)
    (folder / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"weights must be safetensors; got only pickle \(pytorch_model.bin\), and opening a pickle can run code") as caught:
        inspect_folder(folder, name="m")
    command = convert_command("pytorch_model.bin")
    assert command in str(caught.value)
    make = "import torch; t = torch.arange(6.0).reshape(2, 3); torch.save({'a': t, 'b': t, 'c': t.t()}, 'pytorch_model.bin')"
    convert = command.removeprefix('python -c "').removesuffix('"')
    subprocess.run([sys.executable, "-c", f"{make}\n{convert}"], cwd=folder, check=True)
    assert inspect_folder(folder, name="m").parameters == 18
    np.testing.assert_array_equal(load_file(folder / "model.safetensors")["c"], np.arange(6.0).reshape(2, 3).T)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "there are no weights; a model folder holds model.safetensors; got only config.json"),
        ({"tf_model.h5": ""}, "weights must be called model.safetensors .* got tf_model.h5"),
        ({"adapter_model.safetensors": ""}, "a whole model is needed; got an adapter only"),
        ({"weights.safetensors": ""}, "weights must be called model.safetensors .* got weights.safetensors"),
    ],
)
def test_folders_without_weights(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    """What lies there instead is named, with what to do."""
    folder = make_folder(tmp_path, weights=False)
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=sentence):
        inspect_folder(folder, name="m")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "the config cannot be read as JSON"),
        ("[1]", "the config must name its 'model_type'"),
        ('{"hidden_size": 8}', "the config must name its 'model_type'"),
        ('{"model_type": "bert", "hidden_size": 8}', "the config must say one of num_hidden_layers"),
    ],
)
def test_configs_that_say_too_little(tmp_path: Path, content: str, sentence: str) -> None:
    """Broken JSON, no object, no kind of model, no number of layers."""
    folder = make_folder(tmp_path)
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match=sentence):
        inspect_folder(folder, name="m")


def test_no_config_at_all(tmp_path: Path) -> None:
    """Any other folder is told what a model folder is."""
    (tmp_path / "photo.jpg").write_text("")
    with pytest.raises(ModelError, match=r"a model folder holds a config.json; got only photo.jpg"):
        inspect_folder(tmp_path, name="m")
    with pytest.raises(ModelError, match=r"a model folder holds a config.json; got no such folder"):
        inspect_folder(tmp_path / "nowhere", name="m")


def test_code_beside_the_weights_is_never_run(tmp_path: Path) -> None:
    """A model that needs its own code is refused; one that transformers knows is used with transformers' code."""
    auto = {"auto_map": {"AutoModel": "modeling_evil.EvilModel"}}
    with pytest.raises(ModelError, match="a model must run without code of its own; got model_type 'evil' with 'auto_map'"):
        inspect_folder(make_folder(tmp_path / "evil", {**BERT, **auto, "model_type": "evil"}), name="m")
    assert inspect_folder(make_folder(tmp_path / "known", {**BERT, **auto}), name="m").layers == 2


def test_looking_loads_nothing(tmp_path: Path) -> None:
    """Finding, checking and expanding models imports neither torch nor transformers."""
    folder = make_folder(tmp_path)
    find = f"from ringsmith.catalogue import expand, resolve; resolve({str(folder)!r}); expand(None)"
    look = f"{find}; import sys; print([m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.strip() == "[]"
