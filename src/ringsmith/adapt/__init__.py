"""BACKBONE + LABELS -> FITTED MODEL: the recipes."""

from __future__ import annotations

from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Setting
from ringsmith.adapt.registry import (
    RECIPES,
    create_recipe,
    default_recipes,
    hold_options,
    idle_options,
    load_fitted,
    named_in_vain,
    recipe_asks,
    recipe_needs,
    recipe_summary,
)  # fmt: skip

__all__ = [
    "RECIPES", "FitFacts", "Fitted", "Progress", "Recipe", "Setting",
    "create_recipe", "default_recipes", "hold_options", "idle_options", "load_fitted", "named_in_vain", "recipe_asks", "recipe_needs", "recipe_summary",
]  # fmt: skip
