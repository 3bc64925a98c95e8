"""Rows of rare classes count more: scikit-learn's weights, the same step whole and in parts, and only where classes are compared alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from test_adapt_pause import TASK, pacing
from tiny_models import tiny_model

from contracts.recipes import PLACES, WORDS, toy, toy_multilabel
from ringsmith.adapt import Setting
from ringsmith.adapt.balance import class_weights
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.full import Full
from ringsmith.adapt.guard import Guard
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.recipe import silent
from ringsmith.adapt.work import Classifying
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError
from ringsmith.metrics import METRICS, parse_metric
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel

TARGETS = np.array([0] * 17 + [1] * 2 + [2] * 5)
THREE = Classification(["a", "b", "c"])


def test_the_weights_are_scikit_learns() -> None:
    """The rows over the classes times the rows of each: one in the mean over the rows; a class without a row changes nothing."""
    weights = class_weights("balanced", THREE, TARGETS, METRICS["accuracy"])
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=TARGETS), rtol=1e-6)
    assert weights is not None
    assert weights[TARGETS].mean() == pytest.approx(1)
    four = class_weights("balanced", Classification(["a", "b", "c", "d"]), TARGETS, METRICS["accuracy"])
    assert four is not None
    np.testing.assert_array_equal(four[:3], weights)


def test_the_metric_decides_unless_it_is_said() -> None:
    """Macro F1 counts classes alike, accuracy does not; figures of one class lean to it where it is rare, not where it is frequent."""
    leaning = {"balanced_accuracy", "macro_f1", "macro_recall", "f1", "recall", "mcc"}
    for name, metric in METRICS.items():
        assert (class_weights("auto", THREE, TARGETS, metric) is not None) == (name in leaning), name
    for name, given in (("f1:b", True), ("recall:c", True), ("f1:a", False), ("precision:b", False), ("auroc:b", False)):
        assert (class_weights("auto", THREE, TARGETS, parse_metric(name, THREE.labels)) is not None) == given, name
    np.testing.assert_array_equal(class_weights("auto", THREE, TARGETS, METRICS["macro_f1"]), class_weights("balanced", THREE, TARGETS, METRICS["accuracy"]))
    assert class_weights("none", THREE, TARGETS, METRICS["macro_f1"]) is None
    assert class_weights("auto", MultiLabel(["a", "b"]), np.ones((3, 2), dtype=bool), METRICS["macro_f1"]) is None


def test_several_labels_a_row_have_no_class_weights(tiny_bert: LocalModel) -> None:
    """One sentence, before anything is trained."""
    setting = Setting(MultiLabel(sorted(WORDS)), tiny_bert, options={"class_weights": "balanced"}, threads=1)
    with pytest.raises(OptionError, match=r"'class_weights' must be 'none' or 'auto' where a row may have several labels; got 'balanced'\. Leave it out"):
        Full(setting).fit(toy_multilabel(), toy_multilabel(), Budget())
    with pytest.raises(OptionError, match="'class_weights' must be auto, balanced or none; got 'even'"):
        Full(Setting(TASK, tiny_bert, options={"class_weights": "even"}))


def test_the_loss_is_the_weighted_mean(tiny_bert: LocalModel) -> None:
    """Written out: each row's loss times its weight over the sum of the weights, and parts of a batch add up to it."""
    tokeniser, module = load_classifier(tiny_bert, TASK.labels)
    rows, weights = toy(), np.array([0.5, 1.0, 3.0], dtype=np.float32)
    feed, targets = Feed(tokeniser(rows.texts), tokeniser.pad_id), TASK.targets(rows.labels or [])
    work = Classifying(feed, targets, feed, Guard(TASK, targets, rows, None), pacing(), multilabel=False, weights=weights)
    batch = np.arange(0, len(rows), 3)[:8]
    with torch.no_grad():
        proba = module.eval()(**feed.batch(module, batch)).logits.softmax(dim=1).numpy()
        counts = weights[targets[batch]]
        wanted = float((-np.log(proba[np.arange(8), targets[batch]]) * counts).sum() / counts.sum())
        assert float(work.loss(module, work.inputs(module, batch))) == pytest.approx(wanted, rel=1e-5)
        parts = [batch[:3], batch[3:]]
        assert sum(float(work.loss(module, work.inputs(module, part))) * work.weight(part) for part in parts) / work.weight(batch) == pytest.approx(wanted, rel=1e-5)


def test_a_balanced_loss_is_not_taken_for_a_diverging_one() -> None:
    """What knowing nothing costs is the logarithm of the classes, however few rows some have."""
    rows = TextSet(["x"] * len(TARGETS), [THREE.labels[target] for target in TARGETS])
    assert Guard(THREE, TARGETS, rows, None).chance < 0.9 * np.log(3)
    assert Guard(THREE, TARGETS, rows, None, weights=class_weights("balanced", THREE, TARGETS, METRICS["accuracy"])).chance == pytest.approx(np.log(3), rel=1e-5)


@pytest.mark.parametrize(("kind", "metric", "given"), [("auto", None, True), ("balanced", "log_loss", True), ("none", None, False), ("auto", "accuracy", False)])
def test_one_class_with_most_rows_is_balanced(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch, kind: str, metric: str | None, given: bool) -> None:
    """Three quarters of one class: the metric is macro F1 unless it is named, and the loop is told the weights unless none are wanted."""
    told: list[Any] = []
    train = Loop.train

    def listens(self: Loop, *rows: Any, seed: int, budget: Budget, weights: Any = None) -> Course:
        told.append(weights)
        return train(self, *rows, seed=seed, budget=budget, weights=weights)

    monkeypatch.setattr(Loop, "train", listens)
    texts = [f"I am {word} {place}" for place in PLACES for word in ("happy", "happy", "happy", "furious")]
    rows = TextSet(texts, ["good", "good", "good", "bad"] * len(PLACES))
    setting = Setting(
        Classification(["bad", "good"]), tiny_bert, options={"epochs": 4, "rate": 1e-2, "max_rows": 8, "precision": "float32", "class_weights": kind}, threads=1, metric=metric
    )
    chosen = Full(setting).fit(rows, rows, Budget()).facts.chosen
    assert chosen.get("class_weights") == ("balanced" if given else None)
    assert chosen["metric"] == (metric or "macro_f1")
    if given:
        np.testing.assert_allclose(told[0], [2.0, 2 / 3], rtol=1e-6)
    else:
        assert told == [None]


def test_steps_move_towards_the_rare_class(tmp_path: Path) -> None:
    """From the same start on the same rows: what is trained with weights gives the rare class more probability."""
    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    rows = TextSet([f"I am {place}" for place in PLACES] * 5, ["good"] * (4 * len(PLACES)) + ["bad"] * len(PLACES))
    task, found = Classification(["bad", "good"]), []
    targets = task.targets(rows.labels or [])
    for weights in (None, class_weights("balanced", task, targets, METRICS["accuracy"])):
        torch.set_num_threads(1)
        tokeniser, module = load_classifier(model, task.labels, seed=1)
        feed, nobody = Feed(tokeniser(rows.texts), tokeniser.pad_id), TextSet([], [])
        loop = Loop(module, pacing(epochs=6), silent)
        loop.train(feed, targets, Feed(tokeniser([]), tokeniser.pad_id), Guard(task, targets, nobody, None), seed=1, budget=Budget(), weights=weights)
        found.append(float(torch.softmax(torch.from_numpy(loop.predict(feed)), dim=1)[:, 0].mean()))
    assert found[0] == pytest.approx(0.2, abs=0.08), "texts that tell nothing: the share of the class"
    assert found[1] == pytest.approx(0.5, abs=0.08), "and even, where classes count alike"
