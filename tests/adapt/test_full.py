"""The recipe 'full' keeps the contract on a tiny random BERT; its saved folder is a plain Hugging Face model."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from tiny_models import FAMILIES, tiny_model

from contracts.recipes import PLACES, WORDS, RecipeContract, toy, toy_multilabel
from ringsmith.adapt import Setting, load_fitted
from ringsmith.adapt.classifier import Feed, last_layer, scale_last_layer, scores_of
from ringsmith.adapt.full import FittedFull, Full
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.linear import to_proba
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.pacing import Course
from ringsmith.catalogue import LocalModel
from ringsmith.errors import RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel, Task

FIRST_LOSSES = [0.8816, 0.9963, 0.9156, 0.9993, 0.9103, 0.8646, 0.8403, 0.7653, 0.8266, 0.9592, 0.9174, 0.8195]
"""Of the tiny BERT on the toy in float32, one thread, from a fitted head."""


class TestFull(RecipeContract):
    """The whole contract."""

    recipe = "full"
    options: ClassVar[Mapping[str, Any]] = {"epochs": 20, "rate": 3e-3, "head_rate": 3e-3, "max_rows": 8, "precision": "float32"}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny random model of each family."""
    return tiny_model(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("kind", ["classification", "multilabel"])
def test_transformers_own_pipeline_gives_the_same_scores(family: LocalModel, kind: str, tmp_path: Path) -> None:
    """`pipeline("text-classification", model=folder)`: the same names and scores, softmax for classes and sigmoid for labels."""
    rows, task = (toy(), Classification(sorted(WORDS))) if kind == "classification" else (toy_multilabel(), MultiLabel(sorted(WORDS)))
    fitted = fit_unguarded(family, rows, task)
    fitted.save(tmp_path / "model")
    texts = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")
    answers = [{answer["label"]: answer["score"] for answer in pipe(text, top_k=None)} for text in texts]
    theirs = np.array([[answer[label] for label in sorted(WORDS)] for answer in answers])
    np.testing.assert_allclose(fitted.predict_proba(texts), theirs, atol=1e-5)
    assert np.ptp(theirs, axis=0).max() > 1e-3, "the texts are told apart, or the comparison says nothing"
    np.testing.assert_array_equal(load_fitted(tmp_path / "model").predict_proba(texts), fitted.predict_proba(texts))


def test_vectors_are_what_the_last_layer_sees(family: LocalModel) -> None:
    """Its weights times `embed` are the scores, whatever the family puts before its head."""
    fitted = fit_unguarded(family, toy(), Classification(sorted(WORDS)))
    texts = ["I am happy at home", "furious"]
    layer = last_layer(fitted.module)
    scores = torch.nn.functional.linear(torch.from_numpy(fitted.embed(texts)), layer.weight, layer.bias).detach().numpy()
    np.testing.assert_allclose(to_proba(scores, "softmax"), fitted.predict_proba(texts), atol=1e-5)


def fit_unguarded(model: LocalModel, rows: TextSet, task: Task) -> FittedFull:
    """One epoch of `full` without validation rows, so that nothing is judged and nothing refused."""
    setting = Setting(task, model, options={"epochs": 1, "rate": 3e-3, "head_rate": 1e-2, "max_rows": 8}, threads=1)
    return Full(setting).fit(rows, TextSet([], [], pairs=None), Budget())


def test_first_losses_are_these(tmp_path: Path) -> None:
    """Held to its first losses, without dropout: a change of the loop, the order of the rows or the optimiser shows here."""
    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    setting = Setting(Classification(sorted(WORDS)), model, options={"epochs": 2, "rate": 3e-4, "head_rate": 3e-4, "max_rows": 8, "precision": "float32"}, threads=1)
    losses = Full(setting).fit(toy(), TextSet([], []), Budget()).facts.curves["loss"]
    assert losses == pytest.approx(FIRST_LOSSES, abs=2e-3)


def test_labels_that_say_nothing_are_refused(tiny_bert: LocalModel) -> None:
    """Texts and labels that have nothing to do with each other: no better than the majority, tried twice, refused."""
    texts = [f"I am happy {place}" for place in PLACES] * 6
    rows = TextSet(texts, ["a", "a", "b"] * 16)
    setting = Setting(Classification(["a", "b"]), tiny_bert, options={"epochs": 2, "rate": 1e-3, "max_rows": 8}, threads=1)
    with pytest.raises(RunRefused, match=r"tiny-bert\+full is not ranked: .*, and starting again with half the rates did not mend it"):
        Full(setting).fit(rows, rows, Budget())


def test_a_broken_start_is_mended_by_a_second(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start meets a loss that is no number; the second has the next seed and half the rates, the memory of the first, and a note says so."""
    seen: list[tuple[int, float]] = []
    modules: list[weakref.ref[Any]] = []
    train = Loop.train

    def breaks_once(self: Loop, *rows: Any, seed: int, budget: Budget, weights: Any = None) -> Course:
        seen.append((seed, self.pacing.rate))
        modules.append(weakref.ref(self.module))
        if len(seen) == 1:
            raise Broken("its loss became nan at step 3")
        assert modules[0]() is None
        return train(self, *rows, seed=seed, budget=budget, weights=weights)

    monkeypatch.setattr(Loop, "train", breaks_once)
    fitted = TestFull.fit(tiny_bert, toy(), seed=4)
    assert seen == [(4, 3e-3), (5, 1.5e-3)]
    assert fitted.facts.notes == ("It was started again with seed 5 and half the rates because its loss became nan at step 3.",)


def test_vectors_are_those_of_the_thread_that_asked(tiny_bert: LocalModel) -> None:
    """Another one predicts with the same model between the forward and what is read of it."""
    fitted = TestFull.fit(tiny_bert, toy())
    texts = ["I am happy at home", "furious"]
    expected = fitted.embed(texts)

    def meanwhile(*_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=fitted.predict_proba, args=(["I tremble"],))
            other.start()
            other.join()

    fitted.module.register_forward_hook(meanwhile)
    np.testing.assert_array_equal(fitted.embed(texts), expected)


def test_infinite_rate_breaks_and_is_refused(tiny_bert: LocalModel) -> None:
    """Weights blown up to no number end the run within its first steps."""
    setting = Setting(Classification(sorted(WORDS)), tiny_bert, options={"rate": 1e30, "head_rate": 1e30, "max_rows": 8, "epochs": 5}, threads=1)
    with pytest.raises(RunRefused, match="is not ranked"):
        Full(setting).fit(toy(), toy(), Budget())


@pytest.mark.parametrize("seed", [0, 2])
def test_the_step_that_is_told_is_the_one_that_is_handed_over(tiny_bert: LocalModel, seed: int) -> None:
    """Its accuracy is the model's, at a rate far too high under which the looks go up and down; which look is chosen, `test_adapt_loop` says."""
    rows = toy()
    options = {"epochs": 12, "rate": 8e-2 if seed else 2e-2, "head_rate": 2e-2, "max_rows": 8, "precision": "float32"}
    fitted = Full(Setting(Classification(sorted(WORDS)), tiny_bert, seed=seed, options=options, threads=1)).fit(rows, rows, Budget())
    accuracy = np.mean([guess == label for guess, label in zip(fitted.predict(rows.texts), rows.labels or [], strict=True)])
    curves = fitted.facts.curves
    assert len(set(curves["valid"])) > 1
    assert accuracy == pytest.approx(curves["valid"][curves["valid_step"].index(fitted.facts.chosen["step"])])


def test_a_short_budget_plans_fewer_epochs(tiny_bert: LocalModel) -> None:
    """A thousand epochs do not fit two seconds: it ends in time, with a schedule that reaches its end, and says so."""
    setting = Setting(Classification(sorted(WORDS)), tiny_bert, options={**TestFull.options, "epochs": 1000, "patience": 10**6}, threads=1)
    budget = Budget(4)
    fitted = Full(setting).fit(toy(), toy(), budget)
    assert budget.remaining() > -0.02 * 4
    assert len(fitted.facts.curves["loss"]) < 6000
    assert re.fullmatch(r"[\d.]+ epochs instead of 1000\.0: the budget allows no more\.", fitted.facts.notes[0])


def test_scaling_the_last_layer_scales_every_score(family: LocalModel) -> None:
    """In every family its scores are its last layer's, times one factor: surer where all is right, and no predicted label changes."""
    rows = toy()
    fitted = fit_unguarded(family, rows, Classification(sorted(WORDS)))
    scores = scores_of(fitted.module, Feed(fitted.tokeniser(rows.texts), fitted.tokeniser.pad_id))
    before = fitted.predict(rows.texts)
    scale = scale_last_layer(fitted.module, scores, scores.argmax(axis=1), "softmax")
    assert scale > 1.1
    assert fitted.predict(rows.texts) == before
    np.testing.assert_allclose(fitted.predict_proba(rows.texts), to_proba(scores * np.float32(scale), "softmax"), atol=1e-4)


def test_without_rows_nothing_is_scaled(tiny_bert: LocalModel) -> None:
    """No validation rows, no factor."""
    fitted = fit_unguarded(tiny_bert, toy(), Classification(sorted(WORDS)))
    assert scale_last_layer(fitted.module, np.zeros((0, 3), np.float32), np.zeros(0, np.int64), "softmax") == 1.0
