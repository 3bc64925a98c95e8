"""The recipe 'majority' keeps the contract and counts right."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.recipes import RecipeContract
from ringsmith.adapt import Setting, create_recipe
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel


class TestMajority(RecipeContract):
    """The whole contract."""

    recipe = "majority"
    learns = False
    embeds = False

    def test_shares_are_counted(self) -> None:
        """Two of three rows are 'b': by hand 1/3, 2/3, and 0 for a class without rows; an unknown label counts nowhere."""
        rows = TextSet(["x", "y", "z", "w"], ["b", "a", "b", "never seen"])
        fitted = create_recipe("majority", Setting(Classification(["a", "b", "c"]))).fit(rows, rows, Budget())
        assert fitted.predict_proba(["any"])[0].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
        assert fitted.predict(["any", "text"]) == ["b", "b"]

    def test_base_rates_of_several_labels(self) -> None:
        """Each label's share of the rows, by hand: 3/4 and 1/4."""
        rows = TextSet(["x", "y", "z", "w"], [("a",), ("a", "b"), ("a",), ()])
        fitted = create_recipe("majority", Setting(MultiLabel(["a", "b"]))).fit(rows, rows, Budget())
        np.testing.assert_allclose(fitted.predict_proba(["any"]), [[0.75, 0.25]])
        assert fitted.predict(["any"]) == [("a",)]
