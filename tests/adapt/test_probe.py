"""The recipe 'probe' keeps the contract on a tiny random BERT; its head against scikit-learn."""

from __future__ import annotations

import pytest

from contracts.recipes import RecipeContract
from ringsmith.catalogue import LocalModel


class TestProbe(RecipeContract):
    """The whole contract."""

    recipe = "probe"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert
