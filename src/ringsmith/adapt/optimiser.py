"""What moves the weights: AdamW (Loshchilov and Hutter, 2019), lazily for the word embeddings; rates by group, one clip for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from ringsmith.adapt.classifier import last_layer
from ringsmith.adapt.pacing import Pacing


@contextmanager
def sparse_embeddings(module: Any, *, allowed: bool = True) -> Iterator[list[nn.Parameter]]:
    """Within the block the word embeddings have a sparse gradient; yields their weight (no element where there is none, it is frozen, or not `allowed`)."""
    words = module.get_input_embeddings()
    if not allowed or not isinstance(words, nn.Embedding) or not words.weight.requires_grad:
        yield []
        return
    words.sparse = True
    try:
        yield [cast(nn.Parameter, words.weight)]
    finally:
        words.sparse = False


def make_optimisers(module: Any, words: list[nn.Parameter], pacing: Pacing) -> list[torch.optim.Optimizer]:
    """AdamW over all weights that move but the word embeddings, which get lazy Adam; head and what is before it have their own rates, vectors have no decay."""
    sparse = {id(weight) for weight in words}
    between = set[int]() if pacing.between_rate is None else {id(weight) for layer in layers_between(module) for weight in layer.parameters()}
    body = {id(weight) for weight in module.base_model.parameters()}
    tables = {id(weight) for part in module.modules() if isinstance(part, nn.Embedding) for weight in part.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for weight in module.parameters():
        if id(weight) not in sparse and weight.requires_grad:
            own = pacing.rate if id(weight) in body else pacing.head_rate
            rate = pacing.between_rate if pacing.between_rate is not None and id(weight) in between else own
            decay = pacing.decay if weight.ndim > 1 and id(weight) not in tables else 0.0
            groups.setdefault((rate, decay), []).append(weight)
    on_gpu = module.device.type == "cuda"
    told = [{"params": weights, "lr": torch.tensor(rate, device=module.device) if on_gpu else rate, "weight_decay": decay} for (rate, decay), weights in groups.items()]
    dense = torch.optim.AdamW(told, betas=pacing.betas, fused=True, capturable=on_gpu)
    made: list[torch.optim.Optimizer] = [dense] + ([torch.optim.SparseAdam(words, lr=pacing.rate)] if words else [])
    for group in (group for optimiser in made for group in optimiser.param_groups):
        group["highest"] = float(group["lr"])
    return made


def layers_between(module: Any) -> list[nn.Linear]:
    """The linear layers of a classifier that stand between the body's layers and the last one and whose matrix moves: a pooler, or a hidden layer of the head.

    Examples:
        >>> from transformers import BertConfig, BertForSequenceClassification
        >>> module = BertForSequenceClassification(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2))
        >>> layers_between(module) == [module.bert.pooler.dense]
        True
    """
    inside, last = f"{module.base_model_prefix}.", last_layer(module)
    named = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear) and part is not last and part.weight.requires_grad}
    return [part for name, part in named.items() if not name.startswith(inside) or "pooler" in name.split(".")]


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Give every group its share of its highest rate."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], torch.Tensor):  # on a GPU, where a recorded step reads it
            group["lr"].fill_(group["highest"] * share)
        else:
            group["lr"] = group["highest"] * share


def clip_gradients(optimisers: list[torch.optim.Optimizer], longest: float) -> None:
    """Shorten the gradient of all weights together to at most `longest`, sparse ones included."""
    weights = [weight for optimiser in optimisers for group in optimiser.param_groups for weight in group["params"] if weight.grad is not None]
    for weight in weights:
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()  # one row for each word: before, a word that occurs twice stands there twice
    gradients = [weight.grad for weight in weights]
    values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients]
    length = _length(values)
    if length.is_cuda:  # to ask whether it is too long would make the processor wait for the GPU
        torch._foreach_mul_(values, (longest / length).clamp(max=1.0))
    elif length > longest:
        torch._foreach_mul_(values, float(longest / length))


def _length(values: list[torch.Tensor]) -> torch.Tensor:
    """Of all these numbers as one vector; on CPUs by products of each tensor with itself, which go over all cores where torch's norm takes one."""
    if not values or any(tensor.is_cuda or tensor.dtype != torch.float32 for tensor in values):
        return torch.nn.utils.get_total_norm(values)
    return torch.stack([torch.dot(flat, flat) for flat in (tensor.flatten() for tensor in values)]).sum().sqrt()
