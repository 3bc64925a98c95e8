"""Fused layers: scores and gradients are those of transformers' own layers up to rounding, a training with them is the same to the bit, and strangers are left alone."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_adapt_pause import Killed, assert_same, pacing, train
from tiny_models import tiny_model
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from ringsmith.adapt import loop as loop_module
from ringsmith.adapt.dropout import ease_dropout, set_dropout
from ringsmith.adapt.firsttoken import read_first_token
from ringsmith.adapt.fused import fused_layers, plain_layers
from ringsmith.adapt.fusedstack import FusedStack
from ringsmith.adapt.memory import smaller
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.recompute import is_recomputed, keep_all, recompute_layers
from ringsmith.adapt.replay import Moving
from ringsmith.adapt.stack import layers_of
from ringsmith.catalogue import LocalModel

FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert")
SIZES = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 96, "num_labels": 3, "max_position_embeddings": 64, "initializer_range": 0.1}
DISTIL = {"dim": 64, "n_layers": 3, "n_heads": 2, "hidden_dim": 96, "num_labels": 3, "initializer_range": 0.1}
LENGTHS = (37, 16, 5, 1)
"""More than two blocks of 16, a whole one, and the least."""
ANSWERS = torch.tensor([0, 2, 1, 0])
NEAR = 0.06
"""Length of the difference to float32's gradient over its own, at most; autocast is up to .03 away."""
Gradients = dict[str, torch.Tensor]


def classifier(family: str = "bert", *, dropout: float = 0.0, **settings: Any) -> Any:
    """A small one of random weights that trains, its last layer for the first token alone."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, vocab_size=40, pad_token_id=1, **((DISTIL if family == "distilbert" else SIZES) | settings))
    module = AutoModelForSequenceClassification.from_config(config).train()
    set_dropout(module, dropout)
    ease_dropout(module)
    read_first_token(module)
    return module


def batch(lengths: tuple[int, ...] = LENGTHS) -> dict[str, torch.Tensor]:
    """Rows of so many words, filled up on the right."""
    ids = torch.randint(3, 40, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": torch.where(mask.bool(), ids, 1), "attention_mask": mask}


def step(module: Any, rows: dict[str, torch.Tensor], *, low: bool = True, fresh: bool = True) -> tuple[torch.Tensor, Gradients]:
    """Scores and gradients."""
    if fresh:
        module.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        scores = module(**rows).logits.float()
    nn.functional.cross_entropy(scores, ANSWERS[: len(scores)]).backward()
    return scores.detach(), {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}


def assert_near(found: Gradients, wanted: Gradients, near: float = NEAR) -> None:
    """The same weights have a gradient, and its length and direction are as wanted."""
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        if "key" not in name.rsplit(".", 2)[-2:][0] and "k_lin.bias" not in name and float(gradient.norm()) > 1e-6:
            assert float((found[name] - gradient).norm() / gradient.norm()) < near, name


@pytest.mark.parametrize("lengths", [LENGTHS, (20, 20, 20)])
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_and_gradients_are_those_of_float32_up_to_rounding(family: str, lengths: tuple[int, ...]) -> None:
    """Every family and weight, with padding and without."""
    module = classifier(family)
    scores, gradients = step(module, batch(lengths), low=False)
    with fused_layers(module, low=True) as fused:
        assert fused
        found, of_fused = step(module, batch(lengths))
    torch.testing.assert_close(found, scores, atol=0.03, rtol=0.03)
    assert_near(of_fused, gradients)


def test_it_is_as_near_to_float32_as_autocast() -> None:
    """The mean distance of all gradients is at most half above that of transformers' own layers under autocast."""
    module, far = classifier(num_hidden_layers=6), list[list[float]]()
    _, wanted = step(module, batch(), low=False)
    for fused in (False, True):
        with fused_layers(module, low=True) if fused else nullcontext():
            _, found = step(module, batch())
        far.append([float((found[name] - wanted[name]).norm() / wanted[name].norm()) for name in wanted if not name.endswith("key.bias")])
    assert np.mean(far[1]) < 1.5 * np.mean(far[0])


def test_a_last_layer_for_all_tokens_gives_all_tokens() -> None:
    """Padding gets zeros; what is there is as near as bfloat16 is."""
    module = classifier("roberta")
    del vars(layers_of(module)[-1])["forward"]
    rows = batch()
    wanted = module.base_model(**rows).last_hidden_state
    with fused_layers(module, low=True), torch.autocast("cpu", dtype=torch.bfloat16):
        found = module.base_model(**rows).last_hidden_state
    there = rows["attention_mask"].bool()
    assert found.shape == wanted.shape
    assert not found[~there].any()
    torch.testing.assert_close(found[there], wanted[there], atol=0.08, rtol=0.05)


def test_a_body_without_a_head_is_fused_too() -> None:
    """As `fewshot` trains it: the word embeddings stand still, and the mean of the tokens is read."""
    body, rows = classifier().base_model, batch()
    del vars(layers_of(body)[-1])["forward"]
    body.get_input_embeddings().requires_grad_(False)
    there, slopes = rows["attention_mask"][..., None], list[Gradients]()
    for fused in (False, True):
        with fused_layers(body, low=fused) as yes, torch.autocast("cpu", dtype=torch.bfloat16, enabled=fused):
            ((body(**rows).last_hidden_state * there).sum(dim=1) / there.sum(dim=1)).float().tanh().square().sum().backward()
        assert yes == fused
        slopes.append({name: weight.grad.clone() for name, weight in body.named_parameters() if weight.grad is not None})
        body.zero_grad()
    assert_near(slopes[1], slopes[0])


class Twin(nn.Module):
    """Dropout by the hash of a number's place, as the kernels have it."""

    def __init__(self, p: float, seed: int) -> None:
        super().__init__()
        self.p, self.seed = p, seed

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        n = np.arange(numbers.numel(), dtype=np.uint32) ^ np.uint32(self.seed)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            n = (n ^ (n >> np.uint32(shift))) * np.uint32(factor)
        n ^= n >> np.uint32(16)
        threshold = round(self.p * 2**32)
        kept = torch.from_numpy((n >= threshold).astype(np.float32)) / (1 - threshold / 2**32)
        return numbers * kept.view(numbers.shape)


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_dropout_is_the_hash_of_a_numbers_place(family: str) -> None:
    """There and on the way back; DistilBERT has none behind attention. Rows without padding, so that places are those of the padded batch."""
    module = classifier(family, dropout=0.3)
    twin, rows = copy.deepcopy(module), batch((20, 20, 20))
    for each in (module, twin):
        for part in (each.base_model.embeddings, *each.children()):
            if part is not each.base_model:
                set_dropout(part, 0.0)
    torch.manual_seed(4)
    for layer in layers_of(twin):
        places = ((layer.attention.output, "dropout"), (layer.output, "dropout")) if family == "bert" else ((layer.ffn, "dropout"),)
        for parent, name in places:
            setattr(parent, name, Twin(0.3, int(torch.randint(1 << 31, ()))))
    scores, gradients = step(twin, rows, low=False)
    torch.manual_seed(4)
    with fused_layers(module, low=True):
        found, of_fused = step(module, rows)
        again, _ = step(module, rows)
    torch.testing.assert_close(found, scores, atol=0.05, rtol=0.05)
    assert_near(of_fused, gradients, 1.5 * NEAR)
    assert (again - found).abs().max() > 0.1  # other seeds


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_as_many_are_dropped_out_as_were_asked_for(share: float) -> None:
    """Of two million places, whatever the seed."""
    for seed in (0, 1, 2**31 - 1):
        kept = Twin(share, seed)(torch.ones(1 << 21))
        assert abs(float((kept == 0).float().mean()) - share) < 0.002
        assert abs(float(kept.mean()) - 1) < 0.004


def test_gradients_of_parts_add_up() -> None:
    """Halves of a batch: one after the other; both there before one comes back; both coming back at once."""
    module, rows = classifier(), batch()
    halves = [{name: tensor[some] for name, tensor in rows.items()} for some in (slice(0, 2), slice(2, 4))]
    with fused_layers(module, low=True):
        alone = [step(module, half)[1] for half in halves]
        step(module, halves[0])
        _, summed = step(module, halves[1], fresh=False)
        found = [summed]
        for together in (False, True):
            module.zero_grad()
            losses = list[torch.Tensor]()
            for half in halves:
                with torch.autocast("cpu", dtype=torch.bfloat16):  # one for each: the head's copies of weights would add up their slopes rounded
                    losses.append(nn.functional.cross_entropy(module(**half).logits.float(), ANSWERS[:2]))
            for loss in [losses[0] + losses[1]] if together else losses:
                loss.backward()
            found.append({name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None})
    for name, gradient in ((name, gradient) for gradients in found for name, gradient in gradients.items()):
        torch.testing.assert_close(gradient, alone[0][name] + alone[1][name], msg=name)


def test_gradients_of_the_last_step_lie_where_these_do() -> None:
    """Nothing is asked of the system in a step like the last one; what still has a gradient keeps it."""
    module, rows = classifier(), batch()
    weight = layers_of(module)[0].output.dense.weight
    with fused_layers(module, low=True):
        step(module, rows)
        assert weight.grad is not None
        place = weight.grad.data_ptr()
        step(module, rows)
        assert weight.grad.data_ptr() == place
        kept = weight.grad.clone()
        step(module, rows, fresh=False)
        torch.testing.assert_close(weight.grad, 2 * kept)


def test_what_is_kept_serves_one_way_back() -> None:
    """The memory belongs to the next step by then."""
    module = classifier()
    with fused_layers(module, low=True), torch.autocast("cpu", dtype=torch.bfloat16):
        loss = module(**batch()).logits.sum()
        loss.backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="serve once"):
            loss.backward()


def test_weights_that_move_are_seen_at_once() -> None:
    """By the fused AdamW, which leaves no new version behind, and by loading others; in training and while the model is judged."""
    module, rows = classifier(), batch()
    old = copy.deepcopy(module.state_dict())
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.02, fused=True)

    def judged() -> torch.Tensor:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            return torch.as_tensor(module(**rows).logits.float())

    with fused_layers(module, low=True):
        first = judged()
        step(module, rows)
        optimiser.step()
        moved, (trained, _) = judged(), step(module, rows)
        module.load_state_dict(old)
        back = judged()
    assert (moved - first).abs().max() > 0.1
    torch.testing.assert_close(trained, moved, atol=1e-6, rtol=0)
    torch.testing.assert_close(back, first, atol=0, rtol=0)


def test_frozen_layers_below_have_no_gradients() -> None:
    """Those that move have the ones they have alone."""
    module, rows = classifier(), batch()
    module.base_model.embeddings.requires_grad_(False)
    layers_of(module)[0].requires_grad_(False)
    _, wanted = step(module, rows, low=False)
    with fused_layers(module, low=True) as fused:
        _, found = step(module, rows)
    assert fused
    assert_near(found, wanted)


def test_layers_that_are_handed_their_states_are_fused_too() -> None:
    """`replay.Moving` hands them over in front of the first layer."""
    module, rows = classifier(), batch()
    wanted, _ = step(module, rows, low=False)
    whole, states = layers_of(module), list[torch.Tensor]()
    handle = whole[1].register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    module(**rows)
    handle.remove()
    moving = Moving(whole, 1)
    module.base_model.encoder.layer = moving
    with fused_layers(module, low=True) as fused, torch.autocast("cpu", dtype=torch.bfloat16):
        moving.states = states[0].detach()
        found = module(**rows).logits.float()
    assert fused
    torch.testing.assert_close(found, wanted, atol=0.08, rtol=0.05)


@pytest.mark.parametrize("frozen", [1, 2])
def test_the_lowest_layer_learns_the_same_whether_or_not_anybody_below_asks(frozen: int) -> None:
    """Its matrices, biases and norms have the same gradients to the bit when the slopes of its input are left out; it may be the last one, of the first token."""
    module, rows = classifier(), batch()
    moving, found = Moving(layers_of(module), frozen), list[Gradients]()
    module.base_model.encoder.layer = moving
    states = torch.randn(*rows["input_ids"].shape, SIZES["hidden_size"], generator=torch.Generator().manual_seed(2))
    with fused_layers(module, low=True) as fused:
        for asks in (True, False):
            moving.states = states.clone().requires_grad_(asks)
            found.append(step(module, rows)[1])
            assert (moving.states.grad is not None) == asks
    assert fused
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name]), name


@pytest.mark.parametrize("stranger", ["activation", "linear", "attention dropout", "half", "narrow", "recomputed", "decoder", "gpt2", "float32"])
def test_what_is_not_known_is_left_alone(stranger: str) -> None:
    """Every layer's forward stays what it is."""
    settings: dict[str, Any] = {"activation": {"hidden_act": "relu"}, "narrow": {"num_attention_heads": 8}, "decoder": {"is_decoder": True}}.get(stranger, {})
    module = (
        AutoModelForSequenceClassification.from_config(AutoConfig.for_model("gpt2", n_embd=32, n_layer=2, n_head=2, vocab_size=40))
        if stranger == "gpt2"
        else classifier(**settings)
    )
    layers = layers_of(module)
    if stranger == "linear":
        layers[1].output.dense = nn.Sequential(layers[1].output.dense)
    if stranger == "attention dropout":
        layers[1].attention.self.dropout.p = 0.1
    if stranger == "half":
        layers[1].output.dense.weight.requires_grad_(False)
    if stranger == "recomputed":
        recompute_layers(module)
    before = [layer.forward for layer in layers]
    with fused_layers(module, low=stranger != "float32") as fused:
        assert not fused
        assert [layer.forward for layer in layers] == before
    keep_all(module)


def test_a_mask_of_another_kind_goes_through_the_layers_themselves() -> None:
    """Each token sees those before it, say: as without fused layers, to the bit."""
    module, rows = classifier(), batch()
    rows["attention_mask"] = torch.ones(37, 37, dtype=torch.bool).tril().expand(4, 1, 37, 37)
    wanted, gradients = step(module, rows)
    with fused_layers(module, low=True):
        found, of_fused = step(module, rows)
    assert torch.equal(found, wanted)
    assert all(torch.equal(of_fused[name], gradient) for name, gradient in gradients.items())


def test_the_layers_are_what_they_were_afterwards() -> None:
    """The last one with its own way of reading, and in float32 within the block, too."""
    module = classifier()
    wanted, _ = step(module, batch(), low=False)
    with fused_layers(module, low=True):
        assert torch.equal(step(module, batch(), low=False)[0], wanted)
    assert [vars(layer).get("forward") for layer in layers_of(module)][:2] == [None, None]
    assert isinstance(vars(layers_of(module)[-1])["forward"], partial)
    assert torch.equal(step(module, batch(), low=False)[0], wanted)


def test_where_memory_is_short_layers_are_computed_twice_each_on_its_own() -> None:
    """Fused ones cannot keep less; the block ends as if it had had them."""
    module = classifier()
    wanted, _ = step(module, batch())
    with fused_layers(module, low=True):
        assert smaller(module, 4, 4, MemoryError()) == 4
        assert is_recomputed(module)
        assert torch.equal(step(module, batch())[0], wanted)
    keep_all(module)
    plain_layers(module)
    assert torch.equal(step(module, batch())[0], wanted)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny random BERT."""
    return tiny_model("bert", tmp_path_factory.mktemp("bert"))


def test_a_training_that_is_killed_goes_on_to_the_same_bits(tiny: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And two that are not killed are the same; dropout is there."""
    steps = list[int]()
    through = FusedStack.attempt
    monkeypatch.setattr(FusedStack, "attempt", lambda *given: (steps.append(1), through(*given))[1])
    plain = loop_module.Loop.train

    def fused(self: Any, *given: Any, **named: Any) -> Any:
        with fused_layers(self.module, low=True) as yes:
            assert yes
            return plain(self, *given, **named)

    monkeypatch.setattr(loop_module.Loop, "train", fused)
    walk = pacing(low_precision=True)
    whole, course, _ = train(tiny, walk=walk)
    again, _, _ = train(tiny, walk=walk)
    assert len(steps) > course.steps
    assert_same(whole, again)
    pause = Pause(tmp_path / "state", "it", every_seconds=0.0)
    with pytest.raises(Killed):
        train(tiny, pause=pause, die_at=7, walk=walk)
    resumed, _, _ = train(tiny, pause=pause, walk=walk)
    assert_same(whole, resumed)
