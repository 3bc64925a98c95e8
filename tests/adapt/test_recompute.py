"""Layers that are computed twice give the same gradients, keep less, and are turned to where memory does not hold a single row."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from test_adapt_pause import TASK, assert_same, pacing, train
from test_partial import fit
from tiny_models import FAMILIES, tiny_model

from contracts.recipes import toy
from ringsmith.adapt import Setting, memory, recompute
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.full import Full
from ringsmith.adapt.memory import kept_bytes, parts_for
from ringsmith.adapt.recompute import is_recomputed, keep_all, recompute_layers
from ringsmith.adapt.stack import layers_of
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.errors import MachineError
from ringsmith.records import Budget, TextSet

TEXTS = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny random model of each family."""
    return tiny_model(request.param, tmp_path_factory.mktemp(request.param))


def loaded(model: LocalModel) -> tuple[Any, Feed]:
    """The classifier in training, with dropout, and three rows."""
    tokeniser, module = load_classifier(model, TASK.labels)
    ease_dropout(module)
    return module.train(), Feed(tokeniser(TEXTS), tokeniser.pad_id)


def gradients(module: Any, feed: Feed) -> dict[str, torch.Tensor]:
    """Of a made-up loss, all dropout drawn from one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        (module(**feed.batch(module, np.arange(3))).logits ** 2).sum().backward()
    found = {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}
    module.zero_grad()
    return found


def test_gradients_are_the_same(family: LocalModel) -> None:
    """In every family, dropout included, and a causal model's cache is not written twice; afterwards the module is what it was."""
    module, feed = loaded(family)
    names = list(module.state_dict())
    plain = gradients(module, feed)
    assert recompute_layers(module)
    assert not recompute_layers(module), "once is enough"
    twice = gradients(module, feed)
    assert plain.keys() == twice.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(twice[name], gradient, atol=1e-6, rtol=1e-5, msg=name)
    keep_all(module)
    assert not is_recomputed(module)
    assert list(module.state_dict()) == names


def test_less_is_kept_for_the_way_back(family: LocalModel) -> None:
    """A fraction of what all layers keep: their inputs."""
    module, feed = loaded(family)
    plain = kept_bytes(module, feed, np.arange(3))
    recompute_layers(module)
    assert kept_bytes(module, feed, np.arange(3)) < 0.5 * plain


def test_a_forward_that_was_put_in_before_comes_back(tiny_bert: LocalModel) -> None:
    """As of a last layer that computes its first token alone."""
    module, _ = loaded(tiny_bert)
    first, last = layers_of(module)
    own = last.forward = partial(type(last).forward, last)
    recompute_layers(module)
    assert last.forward is not own
    keep_all(module)
    assert last.forward is own
    assert "forward" not in vars(first)


def test_nothing_is_computed_twice_where_there_is_no_way_back(tiny_bert: LocalModel) -> None:
    """A look at the validation rows costs what it did."""
    module, feed = loaded(tiny_bert)
    recompute_layers(module)
    calls = []
    first: Any = layers_of(module)[0]
    first.attention.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        module(**feed.batch(module, np.arange(3)))
    assert len(calls) == 1
    gradients(module, feed)
    assert len(calls) == 3


def test_a_row_that_does_not_fit_is_computed_twice(tmp_path: Path) -> None:
    """Memory that holds a single row only where its layers keep their inputs alone: rows, then layers computed twice, and the same weights."""

    def narrow(forward: Any) -> Any:
        module = forward.__self__

        def run(**batch: Any) -> Any:
            if torch.is_grad_enabled() and not is_recomputed(module):
                raise MemoryError
            return forward(**batch)

        return run

    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    whole, _, _ = train(model, walk=pacing(epochs=1))
    weights, _, loop = train(model, walk=pacing(epochs=1), wrap=narrow)
    assert loop.parts == 8
    assert is_recomputed(loop.module)
    assert_same(whole, weights, tolerance=2e-4)


def test_a_row_that_never_fits_is_said(tiny_bert: LocalModel) -> None:
    """Smaller parts, layers computed twice, and then one sentence."""

    def full(forward: Any) -> Any:
        def run(**batch: Any) -> Any:
            if torch.is_grad_enabled():
                raise MemoryError
            return forward(**batch)

        return run

    with pytest.raises(MachineError, match="Memory must hold a single row with its gradients; it does not"):
        train(tiny_bert, wrap=full)


def test_the_forecast_turns_to_it_before_a_step(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free memory for the optimizer and half of a row's way back: single rows, computed twice; with room for a batch, neither."""
    module, feed = loaded(tiny_bert)
    fixed, batch = memory.training_bytes(module, feed, 1024, 8)
    monkeypatch.setattr(memory, "free_bytes", lambda _: fixed + 2 * batch)
    assert parts_for(module, feed, 1024, 8) == 1
    assert not is_recomputed(module)
    monkeypatch.setattr(memory, "free_bytes", lambda _: fixed + batch // 6)
    assert parts_for(module, feed, 1024, 8) == 8
    assert is_recomputed(module)


def test_the_reader_is_told(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note says that every layer was computed twice, and the model that is handed over does nothing of the kind."""
    monkeypatch.setattr(memory, "parts_that_fit", lambda needed, free: 1_000)
    fitted = Full(Setting(TASK, tiny_bert, options={"epochs": 1, "max_rows": 8, "precision": "float32"}, threads=1)).fit(toy(), TextSet([], []), Budget())
    assert fitted.facts.notes == (
        "Each batch went through in 8 parts: memory holds no more.",
        "Every layer was computed twice in a step: memory does not hold what a row keeps of all of them.",
    )
    assert not is_recomputed(fitted.module)


def test_layers_above_frozen_ones_are_computed_twice(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """`partial` with replayed states: the same losses, row by row, with layers that keep all and with layers that do not."""
    monkeypatch.setattr(memory, "parts_that_fit", lambda needed, free: 1_000)
    twice = fit(tiny_bert, dropout=0.0)
    assert twice.facts.notes[-1].startswith("Every layer was computed twice")
    monkeypatch.setattr(memory, "recompute_layers", lambda module: False)
    once = fit(tiny_bert, dropout=0.0)
    assert not once.facts.notes[-1].startswith("Every layer was computed twice")
    np.testing.assert_allclose(twice.facts.curves["loss"], once.facts.curves["loss"], atol=1e-5)


def test_one_layer_used_over_and_over_stays_as_it_is() -> None:
    """ALBERT's layers are one, which is not in a list of as many as there are: nothing is changed."""
    config = transformers.AlbertConfig(vocab_size=20, embedding_size=8, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8)
    module = transformers.AutoModelForSequenceClassification.from_config(config)
    assert not recompute_layers(module)
    assert not recompute.is_recomputed(module)
