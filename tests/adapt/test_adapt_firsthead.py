"""What fine-tuning starts from: a layer that reads the mean where the body was trained for it, and a head fitted on what the body gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from sklearn.linear_model import LogisticRegression
from tiny_models import tiny_model

from contracts.recipes import WORDS, toy, toy_multilabel
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.choose import Judge
from ringsmith.adapt.classifier import Feed, last_layer, scores_of, vectors_of
from ringsmith.adapt.firsthead import STRENGTHS, USUAL, fit_first_head
from ringsmith.backbones import load_classifier
from ringsmith.backbones.meanlayer import LINEAR, WEIGHT, add_mean_layer, is_read_by_mean
from ringsmith.catalogue import LocalModel, inspect_folder
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel

TEXTS = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]
LABELS = sorted(WORDS)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny model whose folder says that it is read by the mean, as sentence-transformers writes it."""
    folder = tmp_path_factory.mktemp(request.param)
    tiny_model(request.param, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}), encoding="utf-8")
    return inspect_folder(folder, name=request.param)


def test_the_head_sees_the_mean_of_the_tokens(encoder: LocalModel) -> None:
    """By hand: tanh of half the normalised sum of 8 means and the first token, whatever stands beside a text in its batch."""
    tokeniser, module = load_classifier(encoder, LABELS)
    seen = vectors_of(module, Feed(tokeniser(TEXTS), tokeniser.pad_id))
    body = transformers.AutoModel.from_pretrained(encoder.folder).eval()
    names = transformers.AutoTokenizer.from_pretrained(encoder.folder)
    for text, vector in zip(TEXTS, seen, strict=True):
        with torch.no_grad():
            states = body(**names(text, return_tensors="pt")).last_hidden_state[0]
        read = torch.nn.functional.layer_norm(WEIGHT * states.mean(dim=0) + states[0], states.shape[1:])
        np.testing.assert_allclose(vector, torch.tanh(LINEAR * read).numpy(), atol=1e-4)


def test_the_layer_is_added_once_and_kept(encoder: LocalModel, tmp_path: Path) -> None:
    """The saved model is a plain one with one layer more: transformers' own pipeline gives the same scores, and loading adds no other."""
    options = {"epochs": 1, "rate": 1e-3, "max_rows": 8, "precision": "float32"}
    fitted = create_recipe("full", Setting(Classification(LABELS), encoder, options=options, threads=1)).fit(toy(), toy(), Budget())
    fitted.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model", threads=1)
    assert again.module.config.num_hidden_layers == encoder.layers + 1  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")
    answers = [{answer["label"]: answer["score"] for answer in pipe(text, top_k=None)} for text in TEXTS]
    np.testing.assert_allclose(fitted.predict_proba(TEXTS), [[answer[label] for label in LABELS] for answer in answers], atol=1e-5)


@pytest.mark.parametrize("family", ["mpnet", "xlnet"])
def test_other_families_stay_as_they_are(family: str, tmp_path: Path) -> None:
    """Where layers are made otherwise nothing is added."""
    _, module = load_classifier(tiny_model(family, tmp_path / family), LABELS)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    assert not add_mean_layer(module)
    assert before.keys() == module.state_dict().keys()
    assert all(torch.equal(before[name], weight) for name, weight in module.state_dict().items())


def test_only_the_folders_word_counts(encoder: LocalModel, tmp_path: Path) -> None:
    """Read by the first token, no word of it, or a file that is none: no layer."""
    folder = shutil.copytree(encoder.folder, tmp_path / "copy")
    about = folder / "1_Pooling" / "config.json"
    assert is_read_by_mean(folder)
    for content in ('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}', "[1]", "no json"):
        about.write_text(content, encoding="utf-8")
        assert not is_read_by_mean(folder)
    about.unlink()
    assert not is_read_by_mean(folder)
    _, module = load_classifier(inspect_folder(folder, name="copy"), LABELS)
    assert module.config.num_hidden_layers == encoder.layers


@pytest.mark.parametrize("kind", ["classification", "multilabel"])
def test_the_first_head_is_the_logistic_regression_of_what_it_sees(tiny_bert: LocalModel, kind: str) -> None:
    """Against scikit-learn's on the same vectors; nothing but the last layer changes."""
    rows, task = (toy(), Classification(LABELS)) if kind == "classification" else (toy_multilabel(), MultiLabel(LABELS))
    tokeniser, module = load_classifier(tiny_bert, LABELS, multilabel=kind == "multilabel")
    feed, targets = Feed(tokeniser(rows.texts), tokeniser.pad_id), task.targets(rows.labels or [])
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    seen = vectors_of(module, feed)
    nothing = Judge.of(task, TextSet([], []), None)
    assert fit_first_head(module, feed, targets, task.activation, feed, nothing, seed=0, budget=Budget())
    if kind == "classification":
        wanted = LogisticRegression(C=USUAL, max_iter=5000, tol=1e-8).fit(seen, targets).decision_function(seen)
    else:
        wanted = np.stack([LogisticRegression(C=USUAL, max_iter=5000, tol=1e-8).fit(seen, column).decision_function(seen) for column in targets.T], axis=1)
    found = scores_of(module, feed)
    centre = (lambda scores: scores - scores.mean(axis=1, keepdims=True)) if kind == "classification" else (lambda scores: scores)
    np.testing.assert_allclose(centre(found), centre(wanted), atol=0.02)
    last = {f"classifier.{name}" for name, _ in last_layer(module).named_parameters()}
    assert {name for name, weight in module.state_dict().items() if not torch.equal(before[name], weight)} == last


def test_the_weakest_head_that_is_as_good_is_taken(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """By scripted marks of 48 rows (a standard error of .04 at .9, .05 at .15): .88 is as good as .9, .8 is not; .19 is no better than the majority's .15."""
    task, rows = Classification(LABELS), toy()
    tokeniser, module = load_classifier(tiny_bert, LABELS)
    feed, targets, judge = Feed(tokeniser(rows.texts), tokeniser.pad_id), task.targets(rows.labels or []), Judge.of(task, rows, None)
    found = []
    for metrics in ((0.8, 0.88, 0.9), (0.88, 0.9, 0.7), (0.8, 0.84, 0.9), (0.15, 0.19, 0.17)):
        marks = iter((0.15, *metrics))
        monkeypatch.setattr(Judge, "__call__", lambda *_, marks=marks: (next(marks), 0.0))
        assert fit_first_head(module, feed, targets, task.activation, feed, judge, seed=0, budget=Budget())
        found.append(last_layer(module).weight.detach().norm().item())
    seen = vectors_of(module, feed)
    norms = [float(np.linalg.norm(LogisticRegression(C=strength, max_iter=5000, tol=1e-8).fit(seen, targets).coef_)) for strength in STRENGTHS]
    assert found == pytest.approx([norms[1], norms[0], norms[2], norms[2]], rel=0.03)


def test_too_few_rows_leave_the_head_alone(tiny_bert: LocalModel) -> None:
    """Two rows a class at least."""
    tokeniser, module = load_classifier(tiny_bert, LABELS)
    before = last_layer(module).weight.clone()
    feed = Feed(tokeniser(TEXTS), tokeniser.pad_id)
    judge = Judge.of(Classification(LABELS), TextSet(TEXTS, LABELS), None)
    assert not fit_first_head(module, feed, np.array([0, 1, 2]), "softmax", feed, judge, seed=0, budget=Budget())
    assert torch.equal(before, last_layer(module).weight)
