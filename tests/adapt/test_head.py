"""The recipe 'head' keeps the contract on a tiny random BERT; its network against torch's own modules, and where a line cannot follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.logistic import LogisticPath
from ringsmith.adapt.perceptron import Learning, Perceptrons, new_member, train_member
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError
from ringsmith.records import Budget
from ringsmith.tasks import Classification

SMALL = Learning(hidden=16, dropout=0.1, input_dropout=0.0, rate=0.01, decay=0.0, looks=40, max_rows=32)


class TestHead(RecipeContract):
    """The whole contract."""

    recipe = "head"
    options: ClassVar[Mapping[str, Any]] = {"precision": "float32", "members": 2, "hidden": 32, "rate": 0.01, "looks": 8, "input_dropout": 0.0}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert

    def test_the_same_seed_gives_the_same_bits(self, model: LocalModel) -> None:
        """Whatever was drawn before."""
        first = self.fit(model, toy()).predict_proba(toy().texts)
        torch.rand(3)
        np.testing.assert_array_equal(self.fit(model, toy()).predict_proba(toy().texts), first)


def test_scores_are_the_mean_of_the_members() -> None:
    """Two members as torch runs them, averaged; then scaled and shifted."""
    torch.manual_seed(0)
    members = [new_member(6, 3, SMALL).eval() for _ in range(2)]
    rows = torch.randn(5, 6)
    with torch.no_grad():
        expected = (members[0](rows) + members[1](rows)).numpy() / 2
    head = Perceptrons.of(members)
    np.testing.assert_allclose(head.scores(rows.numpy()), expected, atol=1e-6)
    scaled = Perceptrons(**{**head.arrays(), "scale": np.full(3, 2, np.float32), "shift": np.ones(3, np.float32)})
    np.testing.assert_allclose(scaled.scores(rows.numpy()), 2 * expected + 1, atol=1e-6)
    assert head.scores(np.zeros((0, 6), np.float32)).shape == (0, 3)


def crossed(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Two of eight numbers agree in sign, or not: no line tells."""
    points = np.random.default_rng(0).standard_normal((rows, 8)).astype(np.float32)
    return points, (points[:, 0] * points[:, 1] > 0).astype(np.int64)


def accuracy(member: nn.Module, rows: np.ndarray, targets: np.ndarray) -> float:
    """Of the member as it predicts, without dropout."""
    member.eval()
    with torch.no_grad():
        right = float((member(torch.from_numpy(rows)).numpy().argmax(axis=1) == targets).mean())
    member.train()
    return right


def test_it_learns_what_no_line_can() -> None:
    """On a crossed pattern the linear head guesses; the network gets three in four."""
    rows, targets = crossed(1200)
    line = LogisticPath(rows[:800], targets[:800], 2, "softmax").solve(10.0, Budget())
    assert float((line.scores(rows[800:]).argmax(axis=1) == targets[800:]).mean()) < 0.65
    member, at = train_member(
        torch.from_numpy(rows[:800]),
        torch.from_numpy(targets[:800]),
        2,
        lambda found: (accuracy(found, rows[800:], targets[800:]), 0.0),
        SMALL,
        activation="softmax",
        seed=0,
        budget=Budget(),
    )
    assert accuracy(member, rows[800:], targets[800:]) > 0.75
    assert 1 < at <= 40


def test_the_best_look_is_kept_and_five_without_a_better_one_are_the_end() -> None:
    """Marks 1 3 2 2 2 2 2: it stops after the seventh look and goes back to the second."""
    rows, targets = (torch.from_numpy(part) for part in crossed(64))
    marks, seen = iter([1.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0]), []

    def look(member: nn.Module) -> tuple[float, float]:
        seen.append(member.state_dict()["2.weight"].clone())
        return next(marks), 0.0

    member, at = train_member(rows, targets, 2, look, SMALL, activation="softmax", seed=0, budget=Budget())
    assert (at, len(seen)) == (2, 7)
    assert torch.equal(member.state_dict()["2.weight"], seen[1])


def test_a_budget_that_is_over_leaves_one_look() -> None:
    """There is always something to predict with."""
    rows, targets = (torch.from_numpy(part) for part in crossed(64))
    assert train_member(rows, targets, 2, lambda _: (0.0, 0.0), SMALL, activation="softmax", seed=0, budget=Budget(0.0))[1] == 1


def test_without_validation_rows_the_training_goes_to_its_end(tiny_bert: LocalModel) -> None:
    """Nothing says that a look is better than another: the last one is taken, not the first."""
    rows = toy()
    setting = Setting(Classification(sorted(WORDS)), tiny_bert, options=dict(TestHead.options), threads=1)
    fitted = create_recipe("head", setting).fit(rows, rows.take([]), Budget())
    assert fitted.predict(rows.texts) == list(rows.labels or [])


def test_broken_options_are_named(tiny_bert: LocalModel) -> None:
    """All of them at once."""
    with pytest.raises(OptionError, match=r"'members' must be at least 1; got 0\. 'dropout' must be from 0 to below 1; got 1\. 'rate' must be above 0 and at most 0\.1; got 3"):
        create_recipe("head", Setting(Classification(["a", "b"]), tiny_bert, options={"members": 0, "dropout": 1, "rate": 3}))
