"""Where a model's parameters are: every weight by the place it stands at and by what it does, told from names and kinds of modules of any family."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

from ringsmith.inspection import Place

Kind = Literal["attention", "feed_forward", "norms", "other"]


def count_places(module: Any) -> tuple[Place, ...]:
    """The parameters of a model, part by part from the bottom to the top; they sum up to ``sum(p.numel() for p in module.parameters())``."""
    counts: dict[str, dict[Kind, int]] = defaultdict(lambda: defaultdict(int))
    owners = dict(module.named_modules())
    for name, weights in module.named_parameters():
        owner = type(owners[name.rpartition(".")[0]]).__name__
        counts[place_of(name, body_of(module))][kind_of(name, owner)] += weights.numel()
    return tuple(Place(name, **kinds) for name, kinds in sorted(counts.items(), key=lambda item: _order(item[0])))


def tied_weights(module: Any) -> tuple[str, ...]:
    """Weights that are others by another name, as ``"lm_head.weight = transformer.wte.weight"``."""
    first: dict[int, str] = {}
    found = []
    for name, weights in module.named_parameters(remove_duplicate=False):
        other = first.setdefault(id(weights), name)
        if other != name:
            found.append(f"{name} = {other}")
    return tuple(found)


def body_of(module: Any) -> str:
    """What the names of the body's weights begin with; empty where there is no head."""
    return "" if module.base_model is module else f"{module.base_model_prefix}."


def place_of(name: str, body: str) -> str:
    """The part that a weight belongs to.

    Examples:
        >>> place_of("bert.encoder.layer.0.output.dense.weight", "bert."), place_of("wpe.weight", ""), place_of("lm_head.bias", "transformer.")
        ('layer 1', 'embeddings', 'head')
    """
    if not name.startswith(body):
        return "head"
    parts = name.removeprefix(body).lower().split(".")
    number = next((int(part) for part in parts if part.isdigit()), None)
    if number is not None:
        return f"layer {number + 1}"
    if any("emb" in part or part in ("wte", "wpe", "shared") for part in parts):
        return "embeddings"
    return "pooler" if "pooler" in parts else "after the layers"


def kind_of(name: str, owner: str) -> Kind:
    """What a weight does.

    Examples:
        >>> kind_of("h.0.attn.c_attn.weight", "Conv1D"), kind_of("h.0.mlp.c_fc.weight", "Conv1D"), kind_of("ln_f.weight", "LayerNorm"), kind_of("wte.weight", "Embedding")
        ('attention', 'feed_forward', 'norms', 'other')
    """
    if "Norm" in owner:
        return "norms"
    parts = name.lower().split(".")
    if not any(part.isdigit() for part in parts):
        return "other"
    return "attention" if any("att" in part for part in parts) else "feed_forward"


def _order(place: str) -> tuple[int, int]:
    if place.startswith("layer "):
        return 1, int(place.removeprefix("layer "))
    return {"embeddings": 0, "after the layers": 2, "pooler": 3, "head": 4}[place], 0
