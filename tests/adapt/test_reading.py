"""What a head reads: one token or the mean, as asked or as the validation rows say; the layer that is added is what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tiny_models import tiny_model
from torch.nn.functional import gelu, layer_norm

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
TEXTS = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]


def chosen(module: Any, tokeniser: Any, asked: str, budget: Budget | None = None) -> tuple[str, ...]:
    """The choice on the toy rows."""
    train, valid = toy(60), toy(24)
    feeds = [feed_of(tokeniser, TextSteps(()), part.texts, None) for part in (train, valid)]
    targets = TASK.targets(train.labels or [])
    return choose_reading(module, asked, feeds[0], targets, TASK.activation, feeds[1], Judge.of(TASK, valid, None), low=False, seed=0, budget=budget or Budget())


READERS = ("bert", "roberta", "electra", "distilbert", "deberta-v2", "gpt2", "modernbert")


@pytest.mark.parametrize("family", READERS)
def test_both_readings_are_those_of_the_module_without_and_with_the_layer(tmp_path: Path, family: str) -> None:
    """In one forward; padded rows among them."""
    tokeniser, module = load_classifier(tiny_model(family, tmp_path), list(WORDS))
    feed = feed_of(tokeniser, TextSteps(()), toy(12).texts, None)
    both = both_readings_of(module, feed, np.arange(len(feed)))
    np.testing.assert_allclose(both[:, :32], vectors_of(module, feed), atol=1e-5)
    assert add_mean_layer(module)
    np.testing.assert_allclose(both[:, 32:], vectors_of(module, feed), atol=2e-2 if family == "gpt2" else 1e-4)  # there a thousandth of the last token is left


@pytest.mark.parametrize("family", READERS)
def test_the_head_sees_the_mean_of_what_the_plain_body_gives(tmp_path: Path, family: str) -> None:
    """By hand, text by text, whatever stands beside it in its batch."""
    folder = tmp_path / family
    tokeniser, module = load_classifier(tiny_model(family, folder), list(WORDS))
    assert add_mean_layer(module)
    seen = torch.from_numpy(vectors_of(module, feed_of(tokeniser, TextSteps(()), TEXTS, None)))
    body, names = transformers.AutoModel.from_pretrained(folder).eval(), transformers.AutoTokenizer.from_pretrained(folder)
    for text, vector in zip(TEXTS, seen, strict=True):
        with torch.no_grad():
            states = body(**names(text, return_tensors="pt")).last_hidden_state[0]
            mean, normed = states.mean(dim=0), layer_norm(8 * states.mean(dim=0) + states[0], states.shape[1:])
            wanted = {
                "bert": lambda: torch.tanh(0.5 * normed),  # noqa: B023
                "roberta": lambda: torch.tanh(0.5 * normed),  # noqa: B023
                "electra": lambda: gelu(0.5 * normed),  # noqa: B023
                "deberta-v2": lambda: gelu(0.5 * normed),  # noqa: B023
                "distilbert": lambda: torch.relu(0.5 * normed),  # noqa: B023
                "gpt2": lambda: layer_norm(mean, states.shape[1:]),  # noqa: B023
                "modernbert": lambda: module.head(mean),  # noqa: B023
            }[family]()
        torch.testing.assert_close(vector, wanted, atol=2e-2 if family == "gpt2" else 1e-4, rtol=0)  # there a thousandth of the last token is left


@pytest.mark.parametrize(("better", "layers"), [("token", 2), ("mean", 3)])
def test_the_better_one_on_the_validation_rows_is_read(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch, better: str, layers: int) -> None:
    """One of the readings is made to know nothing; what was chosen is said, and that nothing was needs no word."""
    tokeniser, module = load_classifier(tiny_bert, list(WORDS))

    def readings(module: Any, feed: Any, rows: Any) -> np.ndarray:
        both = both_readings_of(module, feed, rows)
        both[:, slice(32, None) if better == "token" else slice(32)] = 0.0
        return both

    monkeypatch.setattr("ringsmith.adapt.reading.both_readings_of", readings)
    said = chosen(module, tokeniser, "auto")
    assert module.config.num_hidden_layers == layers
    assert len(said) == (better == "mean")
    assert all("reads the mean of a text's tokens" in sentence for sentence in said)


def test_what_is_asked_for_is_done(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Without a look at the rows; a family without such layers is left as it is, and so is a model where there is no time to tell."""
    for asked, layers in (("token", 2), ("mean", 3)):
        tokeniser, module = load_classifier(tiny_bert, list(WORDS))
        assert chosen(module, tokeniser, asked) == ()
        assert module.config.num_hidden_layers == layers
    tokeniser, module = load_classifier(tiny_model("mpnet", tmp_path), list(WORDS))
    assert chosen(module, tokeniser, "mean") == ()
    tokeniser, module = load_classifier(tiny_bert, list(WORDS))
    assert chosen(module, tokeniser, "auto", Budget(0.0)) == ()
    assert module.config.num_hidden_layers == 2


@pytest.mark.parametrize(
    ("family", "recipe", "options"),
    [("bert", "full", {}), ("bert", "lora", {}), ("bert", "lora", {"bits": 8}), ("bert", "partial", {}), *((family, "full", {}) for family in READERS[1:]), ("gpt2", "lora", {})],
)
def test_a_model_that_reads_the_mean_is_a_plain_one(tmp_path: Path, family: str, recipe: str, options: dict[str, Any]) -> None:
    """One layer more, whatever the recipe (ModernBERT needs none); saved and loaded it says the same, and so does transformers' own pipeline."""
    setting = Setting(TASK, tiny_model(family, tmp_path), options={"epochs": 2, "reads": "mean", "precision": "float32", **options}, threads=1)
    fitted: Any = create_recipe(recipe, setting).fit(toy(36), toy(12), Budget())
    assert fitted.module.config.num_hidden_layers == (2 if family == "modernbert" else 3)
    texts = toy(12).texts
    fitted.save(tmp_path / "saved")
    again = load_fitted(tmp_path / "saved", threads=1)
    np.testing.assert_allclose(again.predict_proba(texts), fitted.predict_proba(texts), atol=1e-5)
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "saved"), device="cpu")
    answers = [{answer["label"]: answer["score"] for answer in pipe(text, top_k=None)} for text in texts]
    np.testing.assert_allclose(fitted.predict_proba(texts), [[answer[label] for label in TASK.labels] for answer in answers], atol=1e-5)


def test_a_wrong_word_is_refused() -> None:
    """The words there are."""
    from ringsmith.adapt.finetune_options import FullOptions

    with pytest.raises(OptionError, match=r"'reads' must be auto, token or mean; got 'last'"):
        FullOptions(reads="last")
