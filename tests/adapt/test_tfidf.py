"""The recipe 'tfidf' keeps the contract; its parts against scikit-learn and by hand."""

from __future__ import annotations

from contracts.recipes import RecipeContract


class TestTfidf(RecipeContract):
    """The whole contract."""

    recipe = "tfidf"
