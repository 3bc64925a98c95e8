"""The list of recipes, and how one is found by its name without loading what it stands on."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringsmith._optional import try_import
from ringsmith._rules import is_whole
from ringsmith.adapt.folder import MANIFEST, PAIRS, check_files, read_manifest
from ringsmith.adapt.options import Conditional, read_options
from ringsmith.adapt.recipe import Fitted, Needs, Recipe, Setting
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError, OptionError, UnknownName, UsageError

PACKAGE = "ringsmith.adapt"


@dataclass(frozen=True)
class Entry:
    """One line of the list.

    Attributes:
        place: ``".module:Class"`` of the `Recipe`, from this package on.
        options: ``".module:Class"`` of its options, in a module that loads nothing heavy.
        needs: what kind of model it starts from.
        summary: what it does, in half a sentence, for ``--help`` and the report.
        default: whether it competes where no recipe is named.
        light: whether what it fitted predicts without torch.
        endpoint: whether it can also ask a model over the network, which needs no torch.
        own_mean: whether the mean of its models is what `Fitted.mean` makes of them, as their weights have no common shape.
    """

    place: str
    options: str
    needs: Needs
    summary: str
    default: bool = True
    light: bool = False
    endpoint: bool = False
    own_mean: bool = False


ENTRIES: dict[str, Entry] = {
    "majority": Entry(".majority:Majority", ".majority:MajorityOptions", "nothing", "the shares of the classes, whatever the text: the floor that every other candidate must beat"),
    "tfidf": Entry(
        ".tfidf:Tfidf",
        ".tfidf:TfidfOptions",
        "nothing",
        "weighted word and character n-grams with a linear classifier: no pre-training, seconds to train",
        own_mean=True,
    ),
    "static": Entry(
        ".static:Static", ".static_options:StaticOptions", "vectors", "the mean of a text's word vectors, from a file or trained on your texts, with a linear classifier"
    ),
    "distilled": Entry(
        ".distilled:Distilled",
        ".static_options:DistilledOptions",
        "transformer",
        "the backbone as word vectors: no torch and a hundredth of the time to predict",
        default=False,
        light=True,
    ),
    "probe": Entry(".probe:Probe", ".probe_options:ProbeOptions", "transformer", "the frozen backbone's vectors (which layers, the rows choose) with a linear classifier"),
    "head": Entry(
        ".head:Head", ".probe_options:HeadOptions", "transformer", "the frozen backbone's vectors with a small neural network, which can tell what no line can", default=False
    ),
    "partial": Entry(
        ".partial:Partial",
        ".finetune_options:PartialOptions",
        "transformer",
        "the upper half of the backbone fine-tuned; what the frozen lower half makes of the texts is computed once",
        default=False,
    ),
    "fewshot": Entry(
        ".fewshot:FewShot",
        ".fewshot_options:FewShotOptions",
        "transformer",
        "the backbone learns from few rows to put texts of one class together, then a linear head",
        default=False,
    ),
    "lora": Entry(".lora:Lora", ".lora_options:LoraOptions", "transformer", "small matrices added to the frozen backbone's layers, trained, and merged into them", default=False),
    "full": Entry(".full:Full", ".finetune_options:FullOptions", "transformer", "every weight of the backbone fine-tuned, with early stopping"),
    "prompt": Entry(
        ".prompt:Prompt", ".prompt_way:PromptOptions", "transformer", "the model is asked, not trained: labels by likelihood, entailment or nearness", default=False, endpoint=True
    ),
}
"""Name -> recipe. A new recipe is one file, one test and one line here; options that a file with torch would hold up have one of their own."""

RECIPES: dict[str, str] = {name: f"{PACKAGE}{entry.place}" for name, entry in ENTRIES.items()}
"""Name -> ``"module:Class"``."""


def recipe_needs(name: str) -> Needs:
    """What kind of model the recipe `name` starts from; loads neither torch nor scikit-learn.

    Examples:
        >>> recipe_needs("probe")
        'transformer'
    """
    return _entry(name).needs


def default_recipes() -> list[str]:
    """The recipes that compete where none is named; loads neither torch nor scikit-learn."""
    return [name for name, entry in ENTRIES.items() if entry.default]


def recipe_asks(name: str) -> bool:
    """Whether the recipe `name` can also ask a model behind an endpoint; loads nothing."""
    return _entry(name).endpoint


def recipe_has_own_mean(name: str) -> bool:
    """Whether models of the recipe `name` are made one by `Fitted.mean`, not by the mean of their weights; loads nothing."""
    return _entry(name).own_mean


def recipe_summary(name: str) -> str:
    """What the recipe `name` does, in half a sentence; loads neither torch nor scikit-learn."""
    return _entry(name).summary


def create_recipe(name: str, setting: Setting) -> Recipe:
    """The recipe `name`, ready to fit.

    Raises:
        UnknownName: there is no such recipe.
        OptionError: an option is unknown to the recipe or breaks its rule.
        UsageError: the recipe starts from a model and the setting names none.
        MissingExtra: the recipe stands on a package that is not installed.
    """
    if _entry(name).needs == "transformer" and setting.model is None:
        raise UsageError(f"Recipe {name!r} starts from a pre-trained model; none was named. Add one (--models minilm) or choose a recipe that needs none.")
    return _recipe(name)(setting)


def options_kind(name: str) -> type:
    """The frozen dataclass of the options of the recipe `name`, with their defaults and rules; loads neither torch nor scikit-learn.

    Raises:
        UnknownName: there is no such recipe.
    """
    found: type = _load(_entry(name).options)
    return found


def hold_options(name: str, options: Mapping[str, Any]) -> None:
    """Hold options against the recipe `name` before there are rows, a model or the packages that it stands on.

    Raises:
        UnknownName: there is no such recipe.
        OptionError: an option is unknown to the recipe, breaks its rule, or does nothing beside the others.

    Examples:
        >>> hold_options("tfidf", {"min_rows": 2})
        >>> hold_options("lora", {"method": "ia3", "rank": 16})
        Traceback (most recent call last):
        ringsmith.errors.OptionError: Recipe 'lora': 'rank' does nothing with method=ia3. Leave it out.
    """
    read_options(options_kind(name), options, recipe=name)
    if vain := named_in_vain(name, options):
        raise OptionError(f"Recipe {name!r}: {vain}. Leave it out.")


def idle_options(name: str, options: Mapping[str, Any], model: LocalModel | None = None) -> dict[str, str]:
    """Which options of the recipe `name` do nothing beside these (and with this model), and why; loads neither torch nor scikit-learn.

    Examples:
        >>> idle_options("lora", {"method": "bitfit"})
        {'rank': 'with method=bitfit', 'alpha': 'with method=bitfit', 'layers': 'with method=bitfit'}
    """
    kind = options_kind(name)
    return read_options(kind, options, recipe=name).idle(model) if issubclass(kind, Conditional) else {}


def named_in_vain(name: str, options: Mapping[str, Any], model: LocalModel | None = None) -> str:
    """The first of these options that does nothing, and why, as the end of a sentence; nothing where all do something."""
    idle = idle_options(name, options, model) if options else {}  # most name none, and some options stand in a module that takes its time
    return next((f"{option!r} does nothing {why}" for option, why in idle.items() if option in options), "")


def load_fitted(folder: str | Path, *, threads: int | None = None) -> Fitted:
    """The fitted model in `folder`, after its files were held against their hashes.

    Args:
        folder: what `Fitted.save` wrote.
        threads: CPU threads to predict with, None for all cores of this machine.

    Raises:
        ModelError: not a fitted model's folder, of another schema, or a file is missing or altered.
        OptionError: `threads` is no number of threads.
    """
    if threads is not None and not (is_whole(threads) and threads >= 1):
        raise OptionError(f"'threads' must be a whole number, at least 1; got {threads!r}. Leave it out for all cores.")
    folder = Path(folder)
    manifest = read_manifest(folder)
    check_files(folder, manifest["files"])
    if manifest["recipe"] not in ENTRIES:
        way_out = f"Install the version of Ringsmith that wrote it ({manifest['ringsmith']})."
        raise ModelError(f"{folder}: the recipe must be one of {', '.join(ENTRIES)}; got {manifest['recipe']!r}. {way_out}")
    if manifest["backbone"] is None and recipe_needs(manifest["recipe"]) == "transformer":
        raise ModelError(f"{folder / MANIFEST}: a model of the recipe {manifest['recipe']!r} must name its backbone; it names none. Save the model again.")
    try:
        fitted = _recipe(manifest["recipe"], to_load=True).fitted.load(folder, manifest, threads=threads)
    except FileNotFoundError as error:
        lacking = Path(error.filename).name if error.filename else str(error)  # safetensors names the file in its sentence alone
        raise ModelError(f"{folder}: {lacking}, which the recipe {manifest['recipe']!r} needs, is missing. Copy the whole folder again, or save the model again.") from error
    fitted.pairs = manifest.get(PAIRS)
    return fitted


def _entry(name: str) -> Entry:
    if name not in ENTRIES:
        raise UnknownName.of("recipe", name, ENTRIES)
    return ENTRIES[name]


def _recipe(name: str, *, to_load: bool = False) -> type[Recipe]:
    entry = _entry(name)
    if entry.needs == "transformer" and not entry.endpoint and not (to_load and entry.light):
        try_import("torch", purpose=f"the recipe {name!r}")
    found: type[Recipe] = _load(entry.place)
    return found


def _load(place: str) -> Any:
    module, _, cls = place.partition(":")
    return getattr(importlib.import_module(module, PACKAGE), cls)
