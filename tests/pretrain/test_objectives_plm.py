"""Permutation language modelling: XLNet's."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from contracts.objectives import LENGTH, ObjectiveContract, negative_log_likelihood, train
from ringsmith.errors import OptionError
from ringsmith.pretrain.objective import IGNORED, Batch, Objective
from ringsmith.pretrain.objectives.plm import Permuted, PermutedOptions, choose_spans, hidden_from
from ringsmith.pretrain.vocabulary import Vocabulary


def one_after_the_other(module: Any, batch: Batch, row: int, noise: int) -> list[float]:
    """-log p(target | context, targets before it) of each target of a row, in the order of the factorisation.

    One forward pass per target. All that it may not know, itself included, is overwritten by `noise` and hidden; of what is left a piece sees what its own
    place in the order lets it see.
    """
    order = batch["order"][row].tolist()
    ids = batch["input_ids"][row].clone()
    targets = sorted((number, place) for place, number in enumerate(order) if number >= 0)
    losses = []
    for number, place in targets:
        known = [other for other in range(LENGTH) if order[other] < number]
        hidden = torch.ones(1, LENGTH, LENGTH)
        for viewer in range(LENGTH):
            for seen in known:
                hidden[0, viewer, seen] = 0.0 if order[seen] < 0 or order[seen] < order[viewer] else 1.0
        mapping = torch.zeros(1, 1, LENGTH)
        mapping[0, 0, place] = 1.0
        inputs = torch.tensor([[int(ids[other]) if other in known else noise for other in range(LENGTH)]])
        losses.append(negative_log_likelihood(module(input_ids=inputs, perm_mask=hidden, target_mapping=mapping).logits[0, 0], int(ids[place])))
    return losses


class TestPermuted(ObjectiveContract):
    """XLNet's."""

    name = "plm"
    auto = transformers.AutoModelForCausalLM
    drop = 0.15

    def slow_loss(self, module: Any, batch: Batch) -> float:
        return float(np.mean([loss for row in range(len(batch["order"])) for loss in one_after_the_other(module, batch, row, noise=9)]))

    def test_the_loss_is_the_papers(self, objective: Objective, module: Any, batch: Batch) -> None:
        """One forward pass per target, on six rows."""
        super().test_the_loss_is_the_papers(objective, module, {key: tensor[:6] for key, tensor in batch.items()})

    def test_a_trained_model_says_the_same_one_position_at_a_time(self, objective: Objective, module: Any, vocabulary: Vocabulary, batch: Batch) -> None:
        """The factorisation of the likelihood: whatever stands at hidden places plays no part."""
        train(objective, module, vocabulary, steps=15)
        module.eval()
        few = {key: tensor[:3] for key, tensor in batch.items()}
        with torch.no_grad():
            fast = float(objective.loss(module, few))
            slow = [float(np.mean([loss for row in range(3) for loss in one_after_the_other(module, few, row, noise)])) for noise in (9, 30)]
        assert slow == pytest.approx([fast, fast], rel=1e-5)

    def test_no_target_sees_itself_or_what_comes_after(self, objective: Objective, batch: Batch, rows: np.ndarray) -> None:
        """And every piece sees the context."""
        hidden = hidden_from(batch["order"])
        order = batch["order"].numpy()
        for row in range(len(rows)):
            targets = np.flatnonzero(order[row] >= 0)
            context = np.setdiff1d(np.arange(LENGTH), targets)
            assert not hidden[row][:, context].any()
            assert hidden[row][np.ix_(context, targets)].all()
            for one in targets:
                assert hidden[row, one, one] == 1
                for other in targets[targets != one]:
                    assert hidden[row, one, other] == float(order[row, one] < order[row, other])

    def test_targets_are_text_and_told_rightly(self, objective: Objective, batch: Batch, rows: np.ndarray) -> None:
        """Places, labels and order speak of the same pieces."""
        there = batch["labels"].numpy() != IGNORED
        places = batch["places"].numpy()
        for row in range(len(rows)):
            mine = places[row][there[row]]
            assert sorted(mine) == np.flatnonzero(batch["order"][row].numpy() >= 0).tolist()
            assert (rows[row][mine] == batch["labels"][row].numpy()[there[row]]).all()
            assert not objective.pieces.is_special()[rows[row][mine]].any()


def test_a_sixth_are_targets_in_spans_of_one_to_five() -> None:
    """Each length n with a chance of 1 / n; spans that an end cuts off aside."""
    targets = choose_spans((3_000, 360), PermutedOptions(), np.random.default_rng(0))
    share = targets.mean()
    assert abs(share - 1 / 6) < 0.002
    padded = np.pad(targets, ((0, 0), (1, 1)))
    begins, ends = padded[:, 1:] & ~padded[:, :-1], padded[:, :-1] & ~padded[:, 1:]
    lengths = np.nonzero(ends)[1] - np.nonzero(begins)[1]
    counts = np.bincount(lengths, minlength=6)[1:6] / len(lengths)
    chances = 1 / np.arange(1, 6) / (1 / np.arange(1, 6)).sum()
    assert np.abs(counts - chances).max() < 0.03  # two spans that touch look like a longer one


def test_every_place_is_a_target_alike() -> None:
    """The first and the last as well."""
    share = choose_spans((40_000, 60), PermutedOptions(), np.random.default_rng(1)).mean(0)
    assert (np.abs(share - 1 / 6) < 4.5 * np.sqrt(5 / 36 / 40_000)).all()


def test_the_order_of_the_targets_is_uniform(toy_vocabulary: Vocabulary) -> None:
    """Of three targets all six orders are drawn alike."""
    objective = Permuted(toy_vocabulary.pieces)
    order = objective.batch(np.full((30_000, 24), 20), np.random.default_rng(0))["order"].numpy()
    three = np.array([row[row >= 0] for row in order[(order >= 0).sum(1) == 3]])
    seen = np.array([(np.argsort(three, axis=1) == np.array(way)).all(1).mean() for way in permutations(range(3))])
    assert (np.abs(seen - 1 / 6) < 4.5 * np.sqrt(5 / 36 / len(three))).all()


def test_options_that_break_a_rule_are_refused() -> None:
    """Each with its value."""
    with pytest.raises(OptionError, match=r"'window' must be at least 2; got 1\. 'longest_span' must be at least 1; got 0\."):
        PermutedOptions(window=1, longest_span=0)


def test_every_sequence_has_a_target(toy_vocabulary: Vocabulary) -> None:
    """However short it is, and however wide the window; what holds no text has none, and the batch's weight is 0."""
    objective = Permuted(toy_vocabulary.pieces, PermutedOptions(window=1_000))
    rows = np.random.default_rng(0).integers(10, 100, (200, 8))
    rows[3] = toy_vocabulary.pieces.end
    batch = objective.batch(rows, np.random.default_rng(1))
    predicted = (batch["labels"] != IGNORED).sum(1).numpy()
    assert (predicted >= 1).sum() == 199
    assert predicted[3] == 0
    assert objective.weight(objective.batch(rows[3:4], np.random.default_rng(1))) == 0
