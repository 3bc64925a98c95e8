"""The recipe 'prompt' keeps the contract in each of its ways on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from prompt_models import knowing_causal, knowing_encoder, knowing_nli

from contracts.recipes import RecipeContract
from ringsmith.adapt import Fitted
from ringsmith.backbones.cache import VectorCache
from ringsmith.catalogue import LocalModel


class TestLikelihood(RecipeContract):
    """A causal model."""

    recipe = "prompt"
    embeds = False
    options: ClassVar[Mapping[str, Any]] = {"shots": (0, 3)}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
        """A tiny GPT-2 that knows the toy's words."""
        return knowing_causal(tmp_path_factory.mktemp("models") / "tiny-gpt2")


class TestEntailment(RecipeContract):
    """An NLI model."""

    recipe = "prompt"
    embeds = False

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
        """A tiny BERT that knows what follows from them."""
        return knowing_nli(tmp_path_factory.mktemp("models") / "tiny-nli")


class TestSimilarity(RecipeContract):
    """An encoder."""

    recipe = "prompt"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
        """A tiny BERT in which words of one label lie together."""
        return knowing_encoder(tmp_path_factory.mktemp("models") / "tiny-bert")

    def test_what_is_fitted_computes_what_it_is_asked(self, fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
        """Vectors that it found on the disk again would make its pace look better than it is."""
        kept: list[object] = []
        monkeypatch.setattr(VectorCache, "store", lambda *_: kept.append(1))
        fitted.predict_proba([f"I am happy {number}" for number in range(40)])
        assert not kept
