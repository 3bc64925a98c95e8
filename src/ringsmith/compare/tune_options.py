"""What is asked of a search, checked before any row is read: `tuned` makes a comparison of one candidate that is searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ringsmith.adapt import recipe_needs
from ringsmith.adapt.spaces import SPACES
from ringsmith.compare.naming import for_shell, read_recipe
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.search import load
from ringsmith.compare.space import known_recipes, taken_for_model
from ringsmith.errors import OptionError, UsageError

NONE = "none"
"""The name that stands for no model."""


def tuned(options: CompareOptions, model: str, *, recipe: str, search: int) -> CompareOptions:
    """The comparison in which one recipe on one model is searched.

    Args:
        options: which rows, how long, and where to; its models and recipes are replaced.
        model: as in `CompareOptions.models`; ``"none"`` for a recipe that starts from none.
        recipe: its name, with options in brackets where some are to stay as they are (`naming`).
        search: how many settings are tried, the defaults included.

    Raises:
        UnknownName: there is no such recipe.
        OptionError: `search` is too small.
        UsageError: the recipe has nothing to search, or it starts from a model and none is named, or the other way round.
    """
    check_search([recipe], named=True)
    if search < 2:
        raise OptionError(f"'search' must be at least 2, as the first trial is the defaults; got {search}. Leave it out for 20.")
    refuse_recipe_as_model(model)
    needs = recipe_needs(read_recipe(recipe)[0])
    if needs == "nothing" and model != NONE:
        raise UsageError(f"The recipe {recipe!r} starts from no model: MODEL must be {NONE!r}; got {model!r}. Write: ringsmith tune {NONE} DATA --recipe {for_shell(recipe)}")
    if needs != "nothing" and model == NONE:
        raise UsageError(f"The recipe {recipe!r} starts from a model; got {NONE!r}. Name one, such as {'minilm' if needs == 'transformer' else 'word2vec'}.")
    out = options.out or options.folder.with_name(f"{options.folder.name}-tune")
    return replace(options, models=None if model == NONE else (model,), recipes=(recipe,), search=search, out=out)


def refuse_recipe_as_model(model: str) -> None:
    """Tell recipes and candidates from models.

    Raises:
        UsageError: MODEL is ``tfidf`` or ``minilm+probe``, and neither a file nor a folder.
    """
    if found := taken_for_model(model):
        name, recipe = found
        what, first = ("candidate", name) if name else ("recipe", NONE if recipe_needs(read_recipe(recipe)[0]) == "nothing" else "MODEL")
        raise UsageError(f"MODEL is the name of a model; {model!r} is a {what}. Write: ringsmith tune {first} DATA --recipe {for_shell(recipe)}")


def check_search(recipes: Sequence[str] | None, *, named: bool) -> None:
    """Make sure that a search is possible.

    Args:
        recipes: names of the recipes that compete, None for all.
        named: whether the user named them.

    Raises:
        UnknownName: there is no such recipe.
        UsageError: no recipe that was named has a space.
        MissingExtra: Optuna is not installed.
    """
    names = known_recipes(recipes)
    if named and not any(name in SPACES for name in names):
        raise UsageError(f"The recipe {', '.join(names)} has nothing to search; recipes that have: {', '.join(SPACES)}. Name one of these, or leave --search out.")
    load()
