"""The recipe 'tfidf' keeps the contract; its parts against scikit-learn and by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from contracts.recipes import RecipeContract


class TestTfidf(RecipeContract):
    """The whole contract."""

    recipe = "tfidf"


class TestStreamedTfidf(RecipeContract):
    """The same contract where the rows do not fit in memory."""

    recipe = "tfidf"
    options: ClassVar[Mapping[str, Any]] = {"most_nonzeros": 1}
