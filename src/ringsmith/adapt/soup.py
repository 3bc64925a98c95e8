"""The mean of the weights of several models that were fitted alike on different rows: one model that has learnt from all of them, for the price of one.

Weights that were moved from one start by a fine-tuning lie in one basin, and what lies between them is about as good as the mean of their answers (Wortsman et al., 2022,
"Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference time"). For linear heads on the same frozen vectors that is no
matter of luck: the mean of their weights answers with the mean of their logits. What counts terms knows others in each model; it makes one vocabulary of them first.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from ringsmith.adapt.folder import MANIFEST, hash_file, mark_pairs, new_folder, read_manifest, write_json
from ringsmith.adapt.registry import load_fitted, recipe_has_own_mean
from ringsmith.catalogue.weights import read_header
from ringsmith.errors import ModelError

WEIGHTS = ".safetensors"
AVERAGED = ("F16", "F32", "F64")
"""Types of numbers, as safetensors calls them, of which a mean is taken; all others must be the same in all models."""


def alike(folders: Sequence[Path]) -> list[Path]:
    """The largest group of fitted models whose weights can be averaged; of several as large the one that has the first model.

    They are of one recipe with the same options (what was chosen on validation rows among them: layers, pooling), on one backbone, for the same labels; their
    tensors have the same names, shapes and types, and all other files are the same; or the recipe has a mean of its own. Reads no weights.

    Args:
        folders: what `Fitted.save` wrote.

    Returns:
        Two folders or more, in the order given; nothing where no two are alike.
    """
    groups: dict[str, list[Path]] = {}
    for folder in folders:
        groups.setdefault(_form(folder), []).append(folder)
    largest = max(groups.values(), key=len, default=[])
    return largest if len(largest) > 1 else []


def same(folders: Sequence[Path]) -> bool:
    """Whether these models are one and the same, as where a recipe learns nothing from the rows."""
    first, *others = (read_manifest(folder) for folder in folders)
    return all(manifest == first for manifest in others)


def mix(folders: Sequence[Path], out: Path) -> None:
    """Write the model whose weights are the mean of those of `folders`.

    Args:
        folders: models that are `alike`.
        out: a new or an empty folder.

    Raises:
        ModelError: they are not alike, or whole numbers among their weights differ.
        UsageError: `out` holds something.
        MachineError: the disk refuses.
    """
    if len(alike(folders)) != len(folders):
        raise ModelError(f"{', '.join(map(str, folders))}: a mean is taken of models of one recipe, backbone and shape; these are not alike. Fit them with the same options.")
    (_by_recipe if recipe_has_own_mean(read_manifest(folders[0])["recipe"]) else _by_weights)(folders, out)


def _by_recipe(folders: Sequence[Path], out: Path) -> None:
    models = [load_fitted(folder) for folder in folders]
    type(models[0]).mean(models).save(out)
    if (pairs := models[0].pairs) is not None:
        mark_pairs(out, pairs=pairs)


def _by_weights(folders: Sequence[Path], out: Path) -> None:
    with new_folder(out) as scratch:
        shutil.copytree(folders[0], scratch, dirs_exist_ok=True)
        first, *others = (read_manifest(folder) for folder in folders)
        for name, digest in first["files"].items():
            if any(other["files"][name] != digest for other in others):  # what a recipe leaves frozen stays as it is
                save_file(_mean([folder / name for folder in folders]), scratch / name, metadata=_metadata(folders[0] / name))
                first["files"][name] = hash_file(scratch / name)
        write_json(scratch / MANIFEST, first)


def _form(folder: Path) -> str:
    """All of a model but its weights; the same for models of which a mean can be taken."""
    manifest = read_manifest(folder)
    if recipe_has_own_mean(manifest["recipe"]):
        return json.dumps({**manifest, "files": sorted(manifest["files"])}, sort_keys=True)
    tensors = {name: [(one.name, one.dtype, one.shape) for one in read_header(folder / name)] for name in manifest["files"] if name.endswith(WEIGHTS)}
    others = {name: digest for name, digest in manifest["files"].items() if name not in tensors}
    return json.dumps([{**manifest, "files": others}, tensors], sort_keys=True)


def _metadata(path: Path) -> dict[str, str]:
    """What the file says of itself; transformers asks who wrote it."""
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})


def _mean(paths: Sequence[Path]) -> dict[str, npt.NDArray[Any]]:
    """Each tensor's mean over the files, summed up in twice its precision."""
    files: list[Any] = [safe_open(path, framework="numpy") for path in paths]
    found = {}
    for tensor in read_header(paths[0]):
        name = tensor.name
        first, *others = (file.get_tensor(name) for file in files)
        if tensor.dtype in AVERAGED:
            total = first.astype(np.float64)
            for other in others:
                total += other
            found[name] = (total / len(paths)).astype(first.dtype)
        elif all(np.array_equal(first, other) for other in others):
            found[name] = first
        else:
            raise ModelError(f"{paths[0]}: a mean is taken of fractions; the {tensor.dtype} numbers of {name!r} differ from model to model. Hand over one of them as it is.")
    return found
