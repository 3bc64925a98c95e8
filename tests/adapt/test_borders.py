"""Borders between classes move away from rare ones, by hand, and only where the validation rows gain by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.borders import evened
from ringsmith.adapt.choose import Judge
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.catalogue import resolve
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel

RARE = TextSet([f"text {number}" for number in range(100)], ["no"] * 92 + ["yes"] * 8)
TWO = Classification(["no", "yes"])


@pytest.mark.parametrize("columns", [1, 2])
def test_borders_move_by_the_power_the_validation_rows_like_best(columns: int) -> None:
    """By hand: odds of rare rows are 1 : 4, of others at most 1 : 20. By the root of the shares (odds x 3.4) none is said to be rare, by the shares (x 11.5) all that are."""
    odds = np.log(np.array([0.02] * 82 + [0.05] * 10 + [0.25] * 8, dtype=np.float32))[:, None]
    rows = np.concatenate([0 * odds, odds], axis=1) if columns == 2 else odds
    head = Linear(np.eye(columns, dtype=np.float32), np.zeros(columns, np.float32))
    judge, targets = Judge.of(TWO, RARE, None, by_loss=True), TWO.targets(RARE.labels or [])
    assert judge.metric.name == "macro_f1"
    moved, told, (said,) = evened(head, to_proba(head.scores(rows), "softmax"), judge, TWO, targets)
    assert told == {"evened": 1.0}
    assert "probabilities are divided by the power 1 of their shares" in said
    proba = to_proba(moved.scores(rows), "softmax")
    np.testing.assert_allclose(np.log(proba[:, 1] / proba[:, 0]), odds[:, 0] + np.log(92 / 8), rtol=1e-4)
    assert (proba.argmax(axis=1) == targets).all()


def test_borders_stay_where_nothing_is_gained() -> None:
    """Rows that are told apart already, a gain that chance explains, classes that are not compared alike, several labels a row, and no row to judge by."""
    head = Linear(np.eye(1, dtype=np.float32), np.zeros(1, np.float32))
    targets = TWO.targets(RARE.labels or [])
    right = to_proba(np.where(targets == 1, 5.0, -5.0).astype(np.float32)[:, None], "softmax")
    judge = Judge.of(TWO, RARE, None)
    assert evened(head, right, judge, TWO, targets) == (head, {}, ())
    nearly = right.copy()
    nearly[[0, 99]] = (0.7, 0.3)  # one rare row is found and one other taken for rare: of 7 of 8 found, 8 of 9 said rightly
    assert evened(head, nearly, judge, TWO, targets) == (head, {}, ())
    half = TextSet(["a", "b"], ["no", "yes"])
    assert evened(head, right[:2], Judge.of(TWO, half, None), TWO, targets) == (head, {}, ())
    assert evened(head, right, replace(judge, known=np.zeros(0, np.int64)), TWO, targets) == (head, {}, ())
    assert evened(head, right, judge, MultiLabel(["no", "yes"]), targets) == (head, {}, ())


@pytest.mark.parametrize("recipe", ["tfidf", "static"])
def test_a_rare_class_is_found(recipe: str) -> None:
    """One row of twelve is rare, and told by one word of several: without moved borders none is found."""
    generator = np.random.default_rng(0)

    def rows(count: int) -> TextSet:
        labels = ["yes" if number % 12 == 0 else "no" for number in range(count)]
        words = [list(generator.choice([f"w{k}" for k in range(40)], size=6)) for _ in labels]
        texts = [
            " ".join(w + (["late"] if (label == "yes") == (generator.random() < 0.75) and (label == "yes" or generator.random() < 0.4) else []))
            for w, label in zip(words, labels, strict=True)
        ]
        return TextSet(texts, labels)

    model = None if recipe == "tfidf" else resolve("word2vec")
    fitted = create_recipe(recipe, Setting(TWO, model, threads=1)).fit(rows(600), rows(480), Budget())
    assert fitted.facts is not None
    assert fitted.facts.chosen.get("evened", 0) > 0
    assert "yes" in fitted.predict(rows(120).texts)
