"""The recipe 'full' keeps the contract on a tiny random BERT; its saved folder is a plain Hugging Face model."""

from __future__ import annotations

import pytest
from contracts.recipes import RecipeContract

from ringsmith.catalogue import LocalModel


class TestFull(RecipeContract):
    """The whole contract."""

    recipe = "full"
    options = {"epochs": 12, "rate": 3e-3, "head_rate": 3e-3, "max_rows": 8}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert
