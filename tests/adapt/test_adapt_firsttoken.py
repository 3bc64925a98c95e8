"""The last layer for the first token alone: the same scores and the same gradients as transformers' own forward."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from ringsmith.adapt.firsttoken import LAYERS, read_first_token
from ringsmith.adapt.stack import layers_of

SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32, "num_labels": 3, "max_position_embeddings": 32}
DISTIL = {"vocab_size": 40, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "num_labels": 3}


def classifier(family: str) -> Any:
    """A small one of random weights, no dropout."""
    torch.manual_seed(0)
    sizes = DISTIL if family == "distilbert" else {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 40} if family == "gpt2" else SIZES
    config = AutoConfig.for_model(family, pad_token_id=1, **sizes)
    return AutoModelForSequenceClassification.from_config(config).eval()


def batch(lengths: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Rows of so many words, filled up on the right."""
    ids = torch.randint(3, 40, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": torch.where(mask.bool(), ids, 1), "attention_mask": mask}


@pytest.mark.parametrize("lengths", [(7, 4, 2), (5, 5)])
@pytest.mark.parametrize("family", LAYERS)
def test_scores_and_gradients_are_those_of_the_whole_layer(family: str, lengths: tuple[int, ...]) -> None:
    """With padding and without; every weight."""
    whole = classifier(family)
    short = copy.deepcopy(whole)
    assert read_first_token(short)
    answers = torch.tensor([0, 2, 1][: len(lengths)])
    scores = [module(**batch(lengths), labels=answers) for module in (whole, short)]
    torch.testing.assert_close(scores[1].logits, scores[0].logits)
    for one in scores:
        one.loss.backward()
    for (name, weight), other in zip(whole.named_parameters(), short.parameters(), strict=True):
        assert (weight.grad is None) == (other.grad is None), name
        if weight.grad is not None:
            torch.testing.assert_close(other.grad, weight.grad, msg=name)


@pytest.mark.parametrize("family", LAYERS)
def test_the_last_layer_gives_one_token_a_text(family: str) -> None:
    """And the layers below all of them."""
    module, shapes = classifier(family), list[tuple[int, ...]]()
    read_first_token(module)
    for layer in layers_of(module):
        layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape)))
    module(**batch((7, 4)))
    assert shapes == [(2, 7, 16), (2, 7, 16), (2, 1, 16)]


@pytest.mark.parametrize("family", ["gpt2", "xlnet"])
def test_other_heads_read_other_tokens(family: str) -> None:
    """Nothing changes."""
    module = (
        classifier("gpt2")
        if family == "gpt2"
        else AutoModelForSequenceClassification.from_config(AutoConfig.for_model("xlnet", vocab_size=40, d_model=16, n_layer=2, n_head=2, d_inner=32)).eval()
    )
    before = module(**batch((5, 5))).logits
    assert not read_first_token(module)
    torch.testing.assert_close(module(**batch((5, 5))).logits, before)


def test_dropout_of_attention_falls_on_the_one_query() -> None:
    """While training; none while judging."""
    module = classifier("bert")
    read_first_token(module)
    assert torch.equal(module(**batch((7, 4))).logits, module(**batch((7, 4))).logits)
    module.train()
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    layers_of(module)[-1].attention.self.dropout.p = 0.5
    assert not torch.equal(module(**batch((7, 4))).logits, module(**batch((7, 4))).logits)
