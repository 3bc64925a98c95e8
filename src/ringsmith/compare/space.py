"""What competes: every model with every recipe that starts from its kind, and every recipe that needs none, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringsmith.adapt import RECIPES, default_recipes, hold_options, named_in_vain, recipe_asks, recipe_needs
from ringsmith.catalogue import Choice, LocalModel, groups
from ringsmith.compare.naming import for_shell, read_recipe
from ringsmith.errors import MissingExtra, OptionError, UnknownName, UsageError
from ringsmith.records import Candidate, digest

if TYPE_CHECKING:
    from ringsmith.adapt.endpoint_settings import EndpointSettings

BASELINE = "majority"
"""The recipe that looks at no text: the floor for all others, never refused itself."""


OTHER_NAMES = {
    **{method: f"lora[method={method}]" for method in ("dora", "rslora", "ia3", "bitfit")},
    **dict.fromkeys(("zeroshot", "zero-shot", "few-shot-prompt", "llm"), "prompt"),
    **dict.fromkeys(("setfit", "few-shot"), "fewshot"),
    **dict.fromkeys(("linear", "linear-probe", "frozen", "logistic"), "probe"),
    **dict.fromkeys(("finetune", "fine-tune", "finetuning", "fine-tuning"), "full"),
    **dict.fromkeys(("bow", "bag-of-words"), "tfidf"),
    **dict.fromkeys(("qlora", "peft"), "lora"),
}
"""What the field calls them, or a part of them -> the recipe."""


@dataclass(frozen=True)
class Entrant:
    """A candidate with what a job needs to build it.

    Attributes:
        candidate: what it is.
        place: ``"module:Class"`` of its recipe.
        model: the files of its backbone, None where the recipe needs none.
        why: why it competes.
        trial_of: name of the candidate whose search proposed it, None for what competes by itself.
    """

    candidate: Candidate
    place: str
    model: LocalModel | None
    why: str = ""
    trial_of: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A model or recipe that does not compete, and why."""

    name: str
    why: str


def entrants(recipes: Sequence[str] | None, choices: Sequence[Choice]) -> tuple[list[Entrant], list[LeftOut]]:
    """All candidates, and what was left out.

    Args:
        recipes: names of recipes, with options in brackets where they have any (`naming`); None for those that compete by default.
        choices: the models.

    Raises:
        UnknownName: there is no such recipe.
        MissingExtra: only recipes were asked for whose package is not installed.
        OptionError: nothing is left to compare.
    """
    names = known_recipes(recipes)
    left_out = [LeftOut(choice.name, choice.why) for choice in choices if choice.model is None and not _nobody_asks(names)]
    ways = list({Candidate(name, None, options).key: (name, options) for name, options in map(read_recipe, recipes or names)}.values())
    alone = [Entrant(Candidate(name, None, options), RECIPES[name], None, "needs no pre-trained model") for name, options in ways if recipe_needs(name) == "nothing"]
    on_words, on_models = ([way for way in ways if recipe_needs(way[0]) == needs] for needs in ("vectors", "transformer"))
    words = [_entrant(way, choice) for choice in choices if choice.model and choice.model.kind in ("vectors", "method") for way in on_words]
    askers = [way for way in ways if recipe_asks(way[0])] if recipes else [(name, {}) for name in _askers(None)]
    asked = [_entrant(way, choice) for choice in choices if choice.model and choice.model.kind == "endpoint" for way in askers]
    if on_models and not torch_is_here():
        left_out += [LeftOut(name, "needs torch and transformers: pip install 'ringsmith[transformers]'") for name, _ in on_models]
        if not alone and not words and not asked:
            raise MissingExtra(
                f"The recipe {', '.join(name for name, _ in on_models)} needs torch and transformers, which are not installed. Install them: pip install 'ringsmith[transformers]'."
            )
        on_models = []
    bodies = [choice for choice in choices if choice.model and choice.model.kind == "transformer"]
    pairs = [_entrant(way, choice) for choice in bodies for way in on_models if recipes is not None or not choice.recipes or way[0] in choice.recipes]
    found = alone + words + pairs + asked
    vain = {one.candidate.name: why for one in found if (why := named_in_vain(one.candidate.recipe, one.candidate.options, one.model))}
    found = [one for one in found if one.candidate.name not in vain]
    left_out += [LeftOut(name, f"left out: {why}") for name, why in vain.items()]
    left_out += [LeftOut(choice.name, why) for choice in choices if (why := _no_recipe(choice, names))]
    left_out += _no_model(ways if recipes else [], choices)
    if not found:
        raise OptionError("Nothing is left to compare: " + "; ".join(f"{row.name}: {row.why}" for row in left_out) + ". Name a model with --models, or add the recipe tfidf.")
    return found, left_out


def _entrant(way: tuple[str, Mapping[str, Any]], choice: Choice) -> Entrant:
    recipe, options = way
    return Entrant(Candidate(recipe, choice.name, options), RECIPES[recipe], choice.model, choice.why)


def check_options(recipes: Sequence[str] | None) -> None:
    """Make sure that the options which were asked for are options of their recipes; no recipe is imported for it.

    Raises:
        OptionError: an option that the recipe does not have or that does nothing beside the others, or a value that its rule forbids.
    """
    for name, options in map(read_recipe, recipes or ()):
        if options:
            hold_options(name, options)


def _no_recipe(choice: Choice, recipes: Sequence[str]) -> str:
    """Why a model that was named does not compete although it is at hand; nothing where it does."""
    if choice.model is None or choice.why != "named":
        return ""
    if choice.model.kind == "endpoint":
        return "" if _askers(recipes) else "left out: none of the recipes asks an endpoint (add prompt)"
    needed, kind, hint = ("transformer", "a transformer", "probe or full") if choice.model.kind == "transformer" else ("vectors", "word vectors", "static")
    return "" if any(recipe_needs(name) == needed for name in recipes) else f"left out: none of the recipes starts from {kind} (add {hint})"


def _no_model(ways: Sequence[tuple[str, Mapping[str, Any]]], choices: Sequence[Choice]) -> list[LeftOut]:
    """The recipes that were named although none of the models is one they start from; a model that is not at hand says so itself."""
    if not choices or any(choice.model is None for choice in choices):
        return []
    kinds = {choice.model.kind for choice in choices if choice.model}
    missing = {"vectors": "has word vectors (add word2vec)"} if not kinds & {"vectors", "method"} else {}
    missing |= {"transformer": "is a transformer (add minilm)"} if not kinds & {"transformer", "endpoint"} and torch_is_here() else {}
    return [LeftOut(Candidate(name, None, options).name, f"left out: none of the models {missing[recipe_needs(name)]}") for name, options in ways if recipe_needs(name) in missing]


def _askers(recipes: Sequence[str] | None) -> list[str]:
    """Which of these recipes can ask an endpoint; all that can where none is named, for the endpoint itself was."""
    return [name for name in (RECIPES if recipes is None else known_recipes(recipes)) if recipe_asks(name)]


def endpoint_choice(settings: EndpointSettings, account: Path) -> Choice:
    """The model behind an endpoint as one of the models; what it costs is added up in the file `account`."""
    told = asdict(replace(settings, account=str(account)))
    identity = digest([settings.address, settings.model])
    model = LocalModel(settings.model, settings.url, None, None, identity, 0.0, "endpoint", 0, 0, 0, None, kind="endpoint", settings=told)
    return Choice(settings.model, model, "named")


def with_words(found: Sequence[Entrant], describe: Mapping[str, str]) -> list[Entrant]:
    """The same candidates, and those that ask for labels by their words are told them."""
    return [_told(entrant, entrant.model, describe) if describe and entrant.model and recipe_asks(entrant.candidate.recipe) else entrant for entrant in found]


def _told(entrant: Entrant, model: LocalModel, describe: Mapping[str, str]) -> Entrant:
    return replace(entrant, model=replace(model, settings={**model.settings, "describe": dict(describe)}))


def _nobody_asks(recipes: Sequence[str]) -> bool:
    """Whether it need not be told that a model is not at hand: these are transformers, and nothing here starts from one."""
    return not torch_is_here() or all(recipe_needs(name) != "transformer" for name in recipes)


def known_recipes(recipes: Sequence[str] | None) -> list[str]:
    """The names of these recipes once each, in this order; for None those that compete by default."""
    names = [read_recipe(text)[0] for text in recipes or ()]
    for text, name in zip(recipes or (), names, strict=True):
        if name not in RECIPES and (found := taken_for_model(text)):
            raise UsageError(f"A recipe is named without its model; {text!r} is a candidate. Give the model {found[0]!r} and the recipe {found[1]!r} apart.")
        if name not in RECIPES and (meant := OTHER_NAMES.get(name.lower())):
            raise UnknownName(f"There is no recipe {name!r}; what is called so is here {for_shell(meant)}. Write: --recipes {for_shell(meant)}")
        if name not in RECIPES:
            raise UnknownName.of("recipe", name, RECIPES)
    return list(dict.fromkeys(names or default_recipes()))


def taken_for_model(name: str) -> tuple[str, str] | None:
    """(model, recipe) of a name that is no model's but a recipe's (``tfidf``: no model) or a candidate's (``minilm+probe``); None for all others.

    Examples:
        >>> taken_for_model("tfidf"), taken_for_model("minilm+probe"), taken_for_model("static"), taken_for_model("minilm")
        (('', 'tfidf'), ('minilm', 'probe'), None, None)
    """
    model, _, recipe = name.rpartition("+")
    return (model, recipe) if recipe.partition("[")[0] in RECIPES and name not in groups() and not Path(name).exists() else None


def needs_models(recipes: Sequence[str] | None) -> bool:
    """Whether any of these recipes starts from a model that could be loaded here; word vectors need no torch."""
    needs = {recipe_needs(name) for name in known_recipes(recipes)}
    return "vectors" in needs or ("transformer" in needs and torch_is_here())


def torch_is_here() -> bool:
    """Whether the extra for transformers is installed; loads nothing."""
    return find_spec("torch") is not None and find_spec("transformers") is not None
