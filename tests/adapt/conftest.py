"""Asserts inside the shared contract are explained as those of a test file are."""

from __future__ import annotations

import pytest

from ringsmith.catalogue import LocalModel

pytest.register_assert_rewrite("contracts.recipes")


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A random BERT of two layers of 32."""
    from tiny_models import tiny_model

    return tiny_model("bert", tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(autouse=True)
def _own_cache() -> None:
    """Share the session's cache: which precision is fast is measured once on a machine, and a second fit must find what the first one found."""
