"""What a head reads: the first token or the mean, as asked or as the validation rows say; the layer that is added is what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import tiny_model

from contracts.recipes import WORDS, toy
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.choose import Judge
from ringsmith.adapt.classifier import both_readings_of, vectors_of
from ringsmith.adapt.finetune import feed_of
from ringsmith.adapt.reading import choose_reading
from ringsmith.backbones import load_classifier
from ringsmith.backbones.meanlayer import add_mean_layer
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError
from ringsmith.records import Budget
from ringsmith.tasks import Classification
from ringsmith.text import TextSteps

TASK = Classification(tuple(WORDS))


def chosen(module: Any, tokeniser: Any, asked: str, budget: Budget | None = None) -> tuple[str, ...]:
    """The choice on the toy rows."""
    train, valid = toy(60), toy(24)
    feeds = [feed_of(tokeniser, TextSteps(()), part.texts, None) for part in (train, valid)]
    targets = TASK.targets(train.labels or [])
    return choose_reading(module, asked, feeds[0], targets, TASK.activation, feeds[1], Judge.of(TASK, valid), low=False, seed=0, budget=budget or Budget())


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_both_readings_are_those_of_the_module_without_and_with_the_layer(tmp_path: Path, family: str) -> None:
    """In one forward; padded rows among them."""
    tokeniser, module = load_classifier(tiny_model(family, tmp_path), list(WORDS))
    feed = feed_of(tokeniser, TextSteps(()), toy(12).texts, None)
    both = both_readings_of(module, feed, np.arange(len(feed)))
    np.testing.assert_allclose(both[:, :32], vectors_of(module, feed), atol=1e-5)
    add_mean_layer(module)
    np.testing.assert_allclose(both[:, 32:], vectors_of(module, feed), atol=1e-4)


@pytest.mark.parametrize(("better", "layers"), [("first", 2), ("mean", 3)])
def test_the_better_one_on_the_validation_rows_is_read(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch, better: str, layers: int) -> None:
    """One of the readings is made to know nothing; what was chosen is said, and that nothing was needs no word."""
    tokeniser, module = load_classifier(tiny_bert, list(WORDS))

    def readings(module: Any, feed: Any, rows: Any) -> np.ndarray:
        both = both_readings_of(module, feed, rows)
        both[:, slice(32, None) if better == "first" else slice(32)] = 0.0
        return both

    monkeypatch.setattr("ringsmith.adapt.reading.both_readings_of", readings)
    said = chosen(module, tokeniser, "auto")
    assert module.config.num_hidden_layers == layers
    assert len(said) == (better == "mean")
    assert all("reads the mean of a text's tokens" in sentence for sentence in said)


def test_what_is_asked_for_is_done(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Without a look at the rows; a family without such layers is left as it is, and so is a model where there is no time to tell."""
    for asked, layers in (("first", 2), ("mean", 3)):
        tokeniser, module = load_classifier(tiny_bert, list(WORDS))
        assert chosen(module, tokeniser, asked) == ()
        assert module.config.num_hidden_layers == layers
    tokeniser, module = load_classifier(tiny_model("distilbert", tmp_path), list(WORDS))
    assert chosen(module, tokeniser, "mean") == ()
    tokeniser, module = load_classifier(tiny_bert, list(WORDS))
    assert chosen(module, tokeniser, "auto", Budget(0.0)) == ()
    assert module.config.num_hidden_layers == 2


@pytest.mark.parametrize(("recipe", "options"), [("full", {}), ("lora", {}), ("lora", {"bits": 8}), ("partial", {})])
def test_a_model_that_reads_the_mean_is_a_plain_one(tiny_bert: LocalModel, tmp_path: Path, recipe: str, options: dict[str, Any]) -> None:
    """One layer more, whatever the recipe; saved and loaded it says the same."""
    setting = Setting(TASK, tiny_bert, options={"epochs": 2, "reads": "mean", "precision": "float32", **options}, threads=1)
    fitted: Any = create_recipe(recipe, setting).fit(toy(36), toy(12), Budget())
    assert fitted.module.config.num_hidden_layers == 3
    texts = toy(12).texts
    fitted.save(tmp_path / "saved")
    again = load_fitted(tmp_path / "saved", threads=1)
    np.testing.assert_allclose(again.predict_proba(texts), fitted.predict_proba(texts), atol=1e-5)
    assert torch.is_floating_point(fitted.module.classifier.weight)


def test_a_wrong_word_is_refused() -> None:
    """The words there are."""
    from ringsmith.adapt.finetune_options import FullOptions

    with pytest.raises(OptionError, match=r"'reads' must be auto, first or mean; got 'last'"):
        FullOptions(reads="last")
