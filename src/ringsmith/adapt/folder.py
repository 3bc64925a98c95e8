"""A fitted model on disk: safetensors and JSON, with a manifest (`ringsmith.json`) that names every file and its SHA-256.

A folder appears whole or not at all: everything is written beside it and renamed at the end, the manifest last. Nothing here can
run code on loading: no pickle, no module names (the recipe's name is looked up in `RECIPES`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ringsmith._files import FORBIDDEN, FULL, as_typed, path_of, system_error, usual_mode
from ringsmith.catalogue import LocalModel
from ringsmith.errors import MachineError, ModelError, UsageError
from ringsmith.tasks import Task
from ringsmith.text import TextSteps

SCHEMA = 1
FORMAT = "ringsmith-model"
OTHERS = {
    "ringsmith-pretrained": "It has no labels yet: ringsmith compare DATA --models {}",
    "ringsmith-translation": "It translates: ringsmith translate {} TEXT",
}
"""Format of a folder that pre-training wrote -> what to do with it instead."""
MANIFEST = "ringsmith.json"
KEYS = ("schema", "format", "ringsmith", "recipe", "task", "steps", "backbone", "options", "files")
"""What a manifest of this schema holds, no more and no less, but for what is not in every one: `PAIRS`, `TEXT` and `PAIR`."""
PAIRS = "pairs"
"""Whether the model was trained on pairs of texts."""
TEXT = "text_column"
"""Name of the column that its texts came from; several with commas between."""
PAIR = "pair_column"
"""The same of its second texts."""
ABOUT = {"name", "revision", "weights_sha256", "licence"}
"""What is told of a backbone."""
FORMS: dict[str, Callable[[Any], bool]] = {
    "recipe": lambda value: isinstance(value, str),
    "task": lambda value: isinstance(value, dict) and isinstance(value.get("kind"), str) and is_strings(value.get("labels")),
    "steps": lambda value: is_strings(value),
    "backbone": lambda value: value is None or (isinstance(value, dict) and value.keys() >= ABOUT),
    "options": lambda value: isinstance(value, dict),
    "files": lambda value: isinstance(value, dict) and is_strings(list(value.values())),
    PAIRS: lambda value: isinstance(value, bool),
    TEXT: lambda value: isinstance(value, str),
    PAIR: lambda value: isinstance(value, str),
}
"""What the fields must look like; whether their values are known is for those who read them."""
BLOCK = 1 << 20


def check_place(folder: Path) -> None:
    """Refuse a place that a model would not have for itself.

    Raises:
        UsageError: it is a file, or a folder that is not empty.
    """
    folder = path_of(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        held = "a model already" if (folder / MANIFEST).exists() else "something else"
        way_out = _goes_on(folder, "Empty it") or "Name another folder or empty this one."
        raise UsageError(f"{folder}: a model is written into an empty or a new folder; this one holds {held}. {way_out}")


def state_beside(folder: Path) -> Path:
    """The folder that keeps the state of a training until the model that comes of it has appeared in `folder`."""
    place = path_of(folder).resolve()
    return place.parent / f"{place.name}.training"


def _goes_on(folder: Path, then: str) -> str:
    """What to do where the state of a training is kept beside `folder`; nothing where none is."""
    state = state_beside(folder)
    return f"{then} and give the same command again: it goes on from {state}." if state.exists() else ""


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` to write into; it becomes `folder` when the block ends without an error.

    Raises:
        UsageError: `folder` exists and is not an empty folder.
        MachineError: the disk is full or writing is not allowed.
    """
    folder = path_of(folder).resolve()
    check_place(folder)
    scratch: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield scratch
        scratch.chmod(0o755)
        for path in scratch.rglob("*"):
            if path.is_file():
                path.chmod(usual_mode())  # some libraries write files that their owner alone may read
        _put_in_place(scratch, folder)
    except Exception as error:
        number, why = system_error(error)
        if not isinstance(error, OSError) and number not in (*FORBIDDEN, *FULL):
            raise
        way_out = _goes_on(folder, "Make room") or "Choose a folder you may write to, with free space."
        raise MachineError(f"{folder}: the model cannot be written: {why}. {way_out}") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _put_in_place(scratch: Path, folder: Path) -> None:
    """Let `scratch` become `folder`. Where the user stands in that, it must stay: what was written is moved into it, the manifest last."""
    if folder.exists() and folder.samefile(Path()):
        for path in sorted(scratch.iterdir(), key=lambda path: path.name == MANIFEST):
            path.rename(folder / path.name)
        return
    if folder.exists():
        folder.rmdir()
    scratch.rename(folder)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def hash_files(folder: Path) -> dict[str, str]:
    """Path below `folder` (with ``/``) -> SHA-256, for every file but the manifest, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def write_json(path: Path, content: Any) -> None:
    """`content` as indented UTF-8 JSON; NaN is a fault."""
    path.write_bytes((json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8", "surrogatepass"))


def is_strings(value: Any) -> bool:
    """Whether `value` is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def write_manifest(folder: Path, *, recipe: str, task: Task, steps: TextSteps, model: LocalModel | None, options: Mapping[str, Any]) -> None:
    """Write `ringsmith.json` over all files that lie in `folder`; call it last."""
    backbone = None if model is None else {"name": model.name, "revision": model.revision, "weights_sha256": model.weights_sha256, "licence": model.licence}
    content = {
        "schema": SCHEMA,
        "format": FORMAT,
        "ringsmith": _version(),
        "recipe": recipe,
        "task": task.to_json(),
        "steps": steps.to_json(),
        "backbone": backbone,
        "options": dict(options),
        "files": hash_files(folder),
    }
    _replace(folder, content)


def mark_pairs(folder: Path, *, pairs: bool) -> None:
    """Add to the manifest of `folder` whether its model was trained on pairs of texts."""
    _replace(folder, {**read_manifest(folder), PAIRS: pairs})


def mark_columns(folder: Path, *, text: str, pair: str | None) -> None:
    """Add to the manifest of `folder` which columns the texts, and the second texts, came from: other tables are read with the same ones."""
    _replace(folder, {**read_manifest(folder), TEXT: text, **({} if pair is None else {PAIR: pair})})


def _replace(folder: Path, content: Mapping[str, Any]) -> None:
    scratch = folder / f".{MANIFEST}"
    write_json(scratch, content)
    scratch.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a fitted model's folder, checked for form; the files are checked by `check_files`.

    Raises:
        ModelError: no such folder, no manifest, broken JSON, another format or schema, fields missing or unknown.
    """
    path = folder / MANIFEST
    if not path.is_file():
        state = "does not" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
        inside = folder / "best"
        name = f"Name {as_typed(str(inside))}." if (inside / MANIFEST).is_file() else "Name the folder that `compare` or `save` wrote (its 'best')."
        raise ModelError(f"{folder}: a fitted model's folder holds {MANIFEST}; this one {state}. {name}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: must be JSON as Ringsmith wrote it; {error}. Save the model again.") from error
    kind = content.get("format") if isinstance(content, dict) else None
    if isinstance(kind, str) and kind in OTHERS:
        raise ModelError(f"{folder}: a fitted model is needed; this one was made by `ringsmith pretrain`. {OTHERS[kind].format(as_typed(str(folder)))}")
    if not isinstance(content, dict) or kind != FORMAT:
        raise ModelError(f'{path}: must say "format": "{FORMAT}". It was not written by Ringsmith; name a fitted model\'s folder.')
    if content.get("schema") != SCHEMA:
        way_out = f"Install the version that wrote it ({content.get('ringsmith')}) or save the model again."
        raise ModelError(f"{path}: schema {SCHEMA} is read by this version of Ringsmith; got {content.get('schema')!r}. {way_out}")
    if wrong := sorted(set(KEYS) ^ (content.keys() - {PAIRS, TEXT, PAIR})):
        raise ModelError(f"{path}: must hold exactly {', '.join(KEYS)}; missing or unknown: {', '.join(wrong)}. Save the model again.")
    if wrong := [name for name, holds in FORMS.items() if name in content and not holds(content[name])]:
        raise ModelError(f"{path}: {', '.join(map(repr, wrong))} must be as Ringsmith wrote them; they were changed. Save the model again.")
    return content


def check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Hold every file against the SHA-256 the manifest gives for it.

    Raises:
        ModelError: files are missing or altered; all of them are named.
    """
    outside = [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]
    missing = [name for name in files if name not in outside and not (folder / name).is_file()]
    altered = [name for name, digest in files.items() if name not in outside and name not in missing and hash_file(folder / name) != digest]
    faults = [f"{kind}: {', '.join(names)}" for kind, names in (("outside the folder", outside), ("missing", missing), ("altered", altered)) if names]
    if faults:
        raise ModelError(f"{folder}: every file must be as {MANIFEST} recorded it; {'; '.join(faults)}. Copy the whole folder again, or save the model again.")


def _version() -> str:
    try:
        return version("ringsmith")
    except PackageNotFoundError:
        return "unknown"
