"""Tiny models, made once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import transformers
from backbones_tiny import FAMILIES, make_tiny

from ringsmith.backbones import Backbone, load_backbone
from ringsmith.catalogue import LocalModel, inspect_folder

Tiny = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Folder of the tiny model of a family."""
    place = tmp_path_factory.mktemp("tiny")

    def folder(family: str) -> Path:
        if not (place / family).is_dir():
            transformers.utils.logging.disable_progress_bar()
            make_tiny(family, place / family)
        return place / family

    return folder


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    """Each architecture in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def loaded(tiny: Tiny) -> Callable[[str], Backbone]:
    """The body of a family in float32 on one thread, loaded once."""

    @cache
    def load(family: str) -> Backbone:
        return load_backbone(inspect_folder(tiny(family), name=family), threads=1, precision="float32")

    return load


@pytest.fixture
def backbone(loaded: Callable[[str], Backbone], family: str) -> Backbone:
    """The body of each architecture."""
    return loaded(family)


@pytest.fixture
def local(backbone: Backbone) -> LocalModel:
    """The checked folder of each architecture."""
    return backbone.model


@pytest.fixture
def bert(loaded: Callable[[str], Backbone]) -> Backbone:
    """A tiny BERT, for what does not depend on the architecture."""
    return loaded("bert")
