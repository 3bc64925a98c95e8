"""The recipe `lora`: the backbone stays as it was pre-trained; small matrices added to its layers are trained, and merged into them at the end.

    lora     W + B A, with A and B of a low rank (Hu et al., 2022); B starts at zero, so that training starts from the model as it is
    rslora   the same, scaled by 1 / sqrt(rank) in place of 1 / rank (Kalajdzievski, 2023): for high ranks
    dora     direction by low rank, length of each column on its own (Liu et al., 2024)
    ia3      each layer's outputs times a vector (Liu et al., 2022); here of every layer that is named, not of keys, values and feed-forward alone
    bitfit   nothing is added: the biases that are there are trained (Ben Zaken et al., 2022)

All five leave a plain model behind, no heavier and no slower than it was. Prefix tuning (Li and Liang, 2021) cannot: the keys and values that it trains
for every layer have no place in a folder of transformers. Prompt tuning (Lester et al., 2021) trains vectors before every text, which makes each text
longer from then on, and pays only from billions of weights on (their figure 1). Both are left out. The backbone may lie in memory with 8 or 4 bits a
number while it trains (QLoRA; `quantised.py`); what is handed over has its weights as they were pre-trained, with what was added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from ringsmith._optional import try_import
from ringsmith.adapt.finetune import FineTuned, FineTuning
from ringsmith.adapt.finetune_options import FineTuneOptions
from ringsmith.adapt.lora_options import LoraOptions
from ringsmith.adapt.quantised import QuantisedLinear, put_back
from ringsmith.adapt.stack import layers_of
from ringsmith.backbones import load_classifier
from ringsmith.backbones.meanlayer import add_mean_layer
from ringsmith.catalogue.weights import read_header
from ringsmith.errors import OptionError


class FittedLora(FineTuned):
    """A transformer with what was added to it merged into its weights."""

    recipe: ClassVar[str] = "lora"
    kind: ClassVar[type[FineTuneOptions]] = LoraOptions


class Lora(FineTuning):
    """Adds, trains what was added with the head, merges."""

    name: ClassVar[str] = "lora"
    fitted: ClassVar[type[FineTuned]] = FittedLora
    options: LoraOptions

    def prepare(self, module: Any) -> None:
        """Freeze the body, put in what shall move instead, and leave head and untrained pooler free."""
        fresh = [weight for name, weight in module.named_parameters() if self._is_fresh(module, name)]
        biases = [weight for name, weight in module.named_parameters() if name.endswith("bias")]
        paths = [path for path, layer in linear_layers(module).items() if type(layer) is nn.Linear]
        module.requires_grad_(False)
        if self.options.method == "bitfit":
            free = [*fresh, *biases]
        else:
            free = fresh
            add_adapters(module, self.options)
        if self.options.bits is not None:
            self._quantised = paths
            quantise_layers(module, paths, self.options.bits)
        for weight in free:
            weight.requires_grad_(True)

    def finish(self, module: Any) -> Any:
        """The plain module, what was added merged into its weights."""
        if self.options.bits is not None:
            _, plain = load_classifier(self._model, self.setting.task.labels)
            if plain.config.num_hidden_layers < module.config.num_hidden_layers:
                add_mean_layer(plain)
            replace_layers(module, self._quantised, lambda path, layer: put_back(layer, plain.get_submodule(path)))
        merge_adapters(module)
        return module.requires_grad_(True)

    @property
    def finishes_as_trained(self) -> bool:
        return self.options.bits is None

    def _is_fresh(self, module: Any, name: str) -> bool:
        """Whether a weight has random numbers: the head's, and a pooler's that the folder does not hold."""
        inside = f"{module.base_model_prefix}."
        if not name.startswith(inside):
            return True
        if "pooler" not in name.split("."):
            return False
        known = {tensor.name.removeprefix(inside) for path in Path(self._model.folder).glob("*.safetensors") for tensor in read_header(path)}
        return name.removeprefix(inside) not in known


def add_adapters(module: Any, options: LoraOptions) -> None:
    """Put the adapters of these options into the linear layers they name, in place.

    Raises:
        OptionError: no layer of such a name, or a rank above a layer's width.
        MissingExtra: the package peft is not installed.
    """
    peft: Any = try_import("peft", purpose="the recipe 'lora'")
    chosen = choose_layers(linear_layers(module), options.layers)
    if options.method == "dora":
        chosen = {path: layer for path, layer in chosen.items() if _has_lengths(layer)}
    names, turned = list(chosen), any(map(_is_turned, chosen.values()))
    if options.method == "ia3":
        peft.IA3Model(module, peft.IA3Config(target_modules=names, feedforward_modules=[], fan_in_fan_out=turned), "default")
        return
    width, narrow = min((min(layer.get_parameter("weight").shape), name) for name, layer in chosen.items())
    if options.rank > width:
        raise OptionError(f"'rank' must be at most {width}, the width of the narrowest layer it goes into ({narrow}); got {options.rank}. Take 8, the usual value.")
    config = peft.LoraConfig(
        r=options.rank,
        lora_alpha=options.scale(),
        target_modules=names,
        use_rslora=options.method == "rslora",
        use_dora=options.method == "dora",
        fan_in_fan_out=turned,
    )
    peft.LoraModel(module, config, "default")


def _is_turned(layer: nn.Module) -> bool:
    """Whether a column of the matrix makes a number of the output, as in GPT-2's Conv1D, and not a row."""
    return type(layer).__name__ == "Conv1D"


def _has_lengths(layer: nn.Module) -> bool:
    """Whether every number of the output comes of weights that are not all zeros: the others have no direction to divide by its length (the mean layer's products)."""
    return bool((layer.get_parameter("weight").norm(dim=0 if _is_turned(layer) else 1) > 0).all())


def quantise_layers(module: Any, paths: Sequence[str], bits: int) -> None:
    """Pack the linear layers at these paths, below whatever was added to them, in place.

    Raises:
        OptionError: there are none.
    """
    if not paths:
        raise OptionError("'bits' must meet linear layers of torch; this model has layers of its own kind (GPT-2: Conv1D). Leave 'bits' out.")
    replace_layers(module, paths, lambda _, layer: QuantisedLinear(layer, bits))


def replace_layers(module: Any, paths: Sequence[str], made: Callable[[str, Any], nn.Module]) -> None:
    """Put what `made` makes of path and layer in the place of each, below whatever was added to it, in place."""
    for path in paths:
        layer = module.get_submodule(path)
        if hasattr(layer, "base_layer"):
            layer.base_layer = made(path, layer.base_layer)
        else:
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, made(path, layer))


def merge_adapters(module: Any) -> None:
    """Make every adapter a part of the weights it was added to, and take its layer out, in place."""
    tuners: Any = try_import("peft.tuners.tuners_utils", purpose="the recipe 'lora'")
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, tuners.BaseTunerLayer):
                part.merge()
                setattr(parent, name, part.get_base_layer())
    vars(module).pop("peft_config", None)


def linear_layers(module: Any) -> dict[str, nn.Module]:
    """Path -> layer, of all in the body's stack that multiply by a matrix of their own: Linear, and GPT-2's Conv1D.

    XLNet's attention holds its matrices itself, without layers around them: there it is the feed-forward layers.
    """
    stack = layers_of(module)
    inside = next(name for name, part in module.named_modules() if part is stack)
    found = {name: part for name, part in module.named_modules() if name.startswith(f"{inside}.") and not isinstance(part, nn.Embedding)}
    return {name: part for name, part in found.items() if getattr(part.__dict__["_parameters"].get("weight"), "ndim", 0) == 2}


def choose_layers(layers: Mapping[str, nn.Module], names: tuple[str, ...]) -> dict[str, nn.Module]:
    """Those whose path has one of these names in it; all of them where none is given.

    Raises:
        OptionError: a name that no path has.
    """
    unknown = [name for name in names if not any(_within(name, path) for path in layers)]
    if unknown:
        there = sorted({part for path in layers for part in re.sub(r"^.*?\.\d+\.", "", path).split(".")})
        raise OptionError(f"'layers' must name layers of this model; got {', '.join(map(repr, unknown))}. There are: {', '.join(there)}.")
    return {path: layer for path, layer in layers.items() if not names or any(_within(name, path) for name in names)}


def _within(name: str, path: str) -> bool:
    return f".{name}." in f".{path}."
