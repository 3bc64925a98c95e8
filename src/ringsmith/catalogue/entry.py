"""One model that can be chosen by its short name, as `models.toml` describes it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MANY = "*"
"""Stands in `Entry.languages` for about a hundred of them."""


@dataclass(frozen=True)
class Entry:
    """What is known about a model before it lies on this machine.

    Attributes:
        name: the short name.
        hub: its repository on the Hugging Face hub, None where it comes in a package alone.
        family: how it was pre-trained.
        parameters: millions of parameters, rounded.
        languages: ISO 639-1 codes; ``"*"`` for about a hundred.
        size_mb: megabytes to fetch, rounded.
        licence: SPDX name.
        why: what speaks for (or against) it, in half a sentence.
        groups: names of the groups it belongs to.
        max_tokens: longest input its makers recommend, None where there is no limit.
        recipes: those it competes with where none is named; empty for all.
        package: ``"package/folder"`` of an installed package that carries its files, or ``"package/file"`` for word vectors; None where there is none.
    """

    name: str
    hub: str | None
    family: str
    parameters: int
    languages: tuple[str, ...]
    size_mb: int
    licence: str
    why: str
    groups: tuple[str, ...]
    max_tokens: int | None = None
    package: str | None = None
    recipes: tuple[str, ...] = ()

    def speaks(self, language: str | None) -> bool:
        """Whether it was trained on texts in `language` (ISO 639-1); True where the language is not known."""
        return language is None or MANY in self.languages or language in self.languages

    def facts(self) -> dict[str, Any]:
        """All of it for a program: parameters as a number, like those of a model on this machine."""
        return {**asdict(self), "parameters": self.parameters * 1_000_000}

    def embedded(self) -> Path | None:
        """The folder (or file of word vectors) in an installed package (which is not imported), or None."""
        if self.package is None:
            return None
        package, _, folder = self.package.partition("/")
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return None
        place = Path(spec.origin).parent / folder
        return place if place.exists() else None

    @property
    def distribution(self) -> str:
        """The name its package is installed by."""
        return (self.package or "").partition("/")[0].replace("_", "-")


@dataclass(frozen=True)
class Method:
    """A way to make word vectors of the user's own training texts, chosen by name as a model is.

    Attributes:
        name: the short name.
        why: what speaks for it, in half a sentence.
        groups: names of the groups it belongs to.
    """

    name: str
    why: str
    groups: tuple[str, ...]


@cache
def methods() -> dict[str, Method]:
    """Short name -> method.

    Examples:
        >>> sorted(methods())
        ['glove', 'word2vec']
    """
    return {name: Method(name, str(content["why"]), tuple(content["groups"])) for name, content in _toml()["method"].items()}  # type: ignore[arg-type]


@cache
def entries() -> dict[str, Entry]:
    """Short name -> entry, in the order of `models.toml`.

    Examples:
        >>> entries()["minilm"].hub
        'sentence-transformers/all-MiniLM-L6-v2'
    """
    return {name: _entry(name, content) for name, content in _toml()["model"].items()}


@cache
def groups() -> dict[str, str]:
    """Group name -> what it holds."""
    return {name: str(text) for name, text in _toml()["group"].items()}


@cache
def _toml() -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads(files("ringsmith.catalogue").joinpath("models.toml").read_text(encoding="utf-8"))


def _entry(name: str, content: dict[str, object]) -> Entry:
    tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    return Entry(name=name, **{"hub": None, **tupled})  # type: ignore[arg-type]
