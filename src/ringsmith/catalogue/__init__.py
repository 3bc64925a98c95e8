"""WHAT CAN BE CHOSEN: the catalogue of models, and finding them on this machine.

Light on purpose: nothing here imports torch or transformers, and `huggingface_hub` only where a model of the hub is looked for.
"""

from __future__ import annotations

from ringsmith.catalogue.entry import Entry, entries, groups, methods
from ringsmith.catalogue.fetch import FetchPolicy
from ringsmith.catalogue.find import Choice, entry_of, expand, find, resolve
from ringsmith.catalogue.inspect import inspect_folder, read_config
from ringsmith.catalogue.local import LocalModel
from ringsmith.catalogue.vectors import inspect_vectors

__all__ = [
    "Choice",
    "Entry",
    "FetchPolicy",
    "LocalModel",
    "entries",
    "entry_of",
    "expand",
    "find",
    "groups",
    "inspect_folder",
    "inspect_vectors",
    "methods",
    "read_config",
    "resolve",
]
