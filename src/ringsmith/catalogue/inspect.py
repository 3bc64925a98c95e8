"""Look at a model folder without loading it: is it usable, how large, how deep, how long may a text be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ringsmith.catalogue.local import LocalModel
from ringsmith.catalogue.weights import count_parameters, hash_weights
from ringsmith.errors import ModelError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
OTHERS = (".h5", ".msgpack", ".ot", ".onnx", ".gguf")
LIMITS = ("max_position_embeddings", "n_positions", "max_seq_len")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "emb_dim")
OFFSET = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text", "roberta-prelayernorm", "xmod", "ibert", "esm", "luke", "mluke"}
"""Families whose positions start after the padding id, so that ``pad_token_id + 1`` of them are never used."""
UNLIMITED = {"xlnet", "t5", "mt5", "umt5", "transfo-xl", "bloom", "longt5", "mamba", "rwkv"}
"""Families with relative positions only: whatever their config says, there is no longest input."""


def inspect_folder(folder: Path, *, name: str, revision: str | None = None, licence: str | None = None) -> LocalModel:
    """The model in `folder`, checked: its config is readable, its weights are whole and cannot run code.

    Args:
        folder: where ``config.json`` and the weights lie.
        name: what the user called it.
        revision: commit it was fetched at, None for a plain folder.
        licence: what the catalogue says; None to look into the folder's ``README.md``.

    Raises:
        ModelError: no config, no weights, pickle weights only, a truncated file, or code of its own only.
    """
    config = read_config(folder)
    _refuse_remote_code(folder, config)
    files = weight_files(folder)
    return LocalModel(
        name=name,
        folder=str(folder.resolve()),
        revision=revision,
        licence=licence or read_licence(folder),
        parameters=count_parameters(files),
        weights_sha256=hash_weights(files),
        size_mb=round(sum(path.stat().st_size for path in files) / 1e6, 1),
        architecture=str((config.get("architectures") or [config.get("model_type", "unknown")])[0]),
        layers=_number(folder, config, LAYERS),
        hidden=_number(folder, config, WIDTHS),
        max_tokens=longest_input(folder, config),
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's ``config.json``; of a model of several parts, its text part.

    Raises:
        ModelError: it is missing or no JSON object.
    """
    path = folder / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: a model folder holds a config.json; got {_listing(folder)}. Name the folder that save_pretrained() or the hub made.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the config cannot be read as JSON ({error}). Fetch or save it again.") from error
    if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
        raise ModelError(f'{path}: the config must name its \'model_type\' ("bert", "gpt2" ...); got none. It is not a transformers model, or was saved by another library.')
    part = content.get("text_config")
    if isinstance(part, dict) and not any(key in content for key in WIDTHS):
        return {**content, **{key: value for key, value in part.items() if key != "model_type"}}
    return content


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, all shards of it.

    Raises:
        ModelError: there are none; the sentence says what lies there instead and the way out.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return [single]
    if index.is_file():
        return _shards(index)
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    if pickles := [name for name in present if name.endswith(PICKLES) and name != "training_args.bin"]:
        danger = f"got only pickle ({', '.join(pickles[:3])}), and opening a pickle can run code"
        raise ModelError(f"{folder}: weights must be safetensors; {danger}. If you trust its maker, convert it once, in that folder: {convert_command(pickles[0])}")
    if "adapter_model.safetensors" in present:
        raise ModelError(f"{folder}: a whole model is needed; got an adapter only (adapter_model.safetensors). Merge it into its base model (peft: merge_and_unload).")
    if others := [name for name in present if name.endswith((".safetensors", *OTHERS))]:
        raise ModelError(f"{folder}: weights must be called model.safetensors (or have a model.safetensors.index.json); got {', '.join(others[:3])}. Use save_pretrained().")
    raise ModelError(f"{folder}: there are no weights; a model folder holds model.safetensors; got {_listing(folder)}. Fetch or save the model again.")


def convert_command(pickle: str) -> str:
    """The command line that turns a pickle of tensors into ``model.safetensors``, opening it in torch's safe mode."""
    return (
        'python -c "import torch; from safetensors.torch import save_file; '
        f"w = torch.load('{pickle}', map_location='cpu', weights_only=True); "
        "save_file({k: v.clone().contiguous() for k, v in w.items()}, 'model.safetensors', metadata={'format': 'pt'})\""
    )


def longest_input(folder: Path, config: Mapping[str, Any]) -> int | None:
    """Most tokens of an input: the positions the architecture has, or less where the makers say so; None without a limit."""
    kind = config["model_type"]
    limit = next((config[key] for key in LIMITS if isinstance(config.get(key), int) and config[key] > 0), None)
    if kind in UNLIMITED:
        limit = None
    if limit is not None and kind in OFFSET:
        pad = config.get("pad_token_id")
        limit -= (pad if isinstance(pad, int) else 1) + 1
    wished = _read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    return min((value for value in (limit, wished) if isinstance(value, int) and value > 0), default=None)


def read_licence(folder: Path) -> str | None:
    """The licence in the front matter of the folder's ``README.md``, None where there is none."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            start = file.read(20_000)
    except OSError:
        return None
    front = re.match(r"---\n(.*?)\n---", start, re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.+-]+)", front.group(1), re.MULTILINE) if front else None
    return found.group(1) if found else None


def _refuse_remote_code(folder: Path, config: Mapping[str, Any]) -> None:
    """A model whose code lies beside its weights is refused, unless transformers has code of its own for it."""
    spec = find_spec("transformers")
    places = list(spec.submodule_search_locations or []) if spec else []
    known = any((Path(place) / "models" / config["model_type"].replace("-", "_")).is_dir() for place in places)
    if config.get("auto_map") and not known:
        got = f"got model_type {config['model_type']!r} with 'auto_map' (trust_remote_code is off here, always)"
        raise ModelError(f"{folder}: a model must run without code of its own; {got}. Choose a model that transformers itself knows.")


def _shards(index: Path) -> list[Path]:
    mapping = _read_json(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise ModelError(f"{index}: the index must hold a 'weight_map' from tensors to files; got none. Fetch or save the model again.")
    names = sorted({str(name) for name in mapping.values()})
    if strange := [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]:
        raise ModelError(f"{index}: shards must be safetensors files in the same folder; got {strange[0]!r}. Choose a model that was saved by save_pretrained().")
    if missing := [name for name in names if not (index.parent / name).is_file()]:
        raise ModelError(f"{index}: {len(missing)} of {len(names)} weight files are missing ({', '.join(missing[:3])}). Fetch or copy the model again.")
    return [index.parent / name for name in names]


def _number(folder: Path, config: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    for key in keys:
        if isinstance(config.get(key), int) and config[key] > 0:
            return int(config[key])
    raise ModelError(f"{folder / 'config.json'}: the config must say one of {', '.join(keys)}; got none. It is not a text model that can be used here.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _listing(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = sorted(path.name for path in folder.iterdir())[:6]
    return f"only {', '.join(names)}" if names else "an empty folder"
