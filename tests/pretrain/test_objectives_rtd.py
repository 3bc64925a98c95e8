"""Replaced token detection: ELECTRA's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from contracts.objectives import ObjectiveContract, negative_log_likelihood
from ringsmith.errors import OptionError
from ringsmith.pretrain.objective import IGNORED, Batch, Objective
from ringsmith.pretrain.objectives.rtd import Replaced, ReplacedOptions, draw, fill
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.vocabulary import Vocabulary


def drawn_slowly(scores: torch.Tensor, chance: float) -> int:
    """The first piece at which the summed probabilities pass `chance`."""
    shares = np.exp((scores.double() - scores.double().max()).numpy())
    passed = 0.0
    for piece, share in enumerate(shares / shares.sum()):
        passed += share
        if passed > chance:
            return piece
    return len(shares) - 1


class TestReplaced(ObjectiveContract):
    """ELECTRA's."""

    name = "rtd"
    auto = transformers.AutoModelForPreTraining
    drop = 0.15
    part_tolerance = 2e-2  # the discriminator's loss is a mean over all pieces, not over the hidden ones

    def slow_loss(self, module: Any, batch: Batch) -> float:
        """The paper's two sums, piece by piece."""
        scores = module.generator(input_ids=batch["input_ids"]).logits
        guessing, filled = [], batch["original"].clone()
        for row in range(len(filled)):
            for column, piece in enumerate(batch["labels"][row].tolist()):
                if piece != IGNORED:
                    place = int(batch["places"][row, column])
                    guessing.append(negative_log_likelihood(scores[row, place], piece))
                    filled[row, place] = drawn_slowly(scores[row, place], float(batch["chance"][row, column]))
        told = torch.sigmoid(module.discriminator(input_ids=filled).logits.double())
        telling = [-float(torch.log(p if piece != was else 1 - p)) for p, piece, was in zip(told.flatten(), filled.flatten(), batch["original"].flatten(), strict=True)]
        return float(np.mean(guessing) + 50 * np.mean(telling))

    def compare(self, objective: Objective, module: Any, adopted: Any, batch: Batch) -> None:
        """The discriminator; the generator is a fresh one."""
        with torch.no_grad():
            assert torch.equal(adopted.discriminator(input_ids=batch["original"]).logits, module.discriminator(input_ids=batch["original"]).logits)
            assert torch.isfinite(objective.loss(adopted, batch))

    def test_all_hidden_pieces_are_masks_to_the_generator(self, objective: Objective, batch: Batch) -> None:
        """And nothing else is changed."""
        changed = batch["input_ids"] != batch["original"]
        assert (batch["input_ids"][changed] == objective.pieces.mask).all()
        assert int(changed.sum()) == objective.weight(batch)

    def test_embeddings_are_one_table(self, module: Any) -> None:
        """Of both models, and of the generator's output layer."""
        table = module.discriminator.electra.embeddings.word_embeddings.weight
        assert module.generator.electra.embeddings is module.discriminator.electra.embeddings
        assert module.generator.generator_lm_head.weight is table
        assert module.generator.config.hidden_size == module.discriminator.config.hidden_size // 4

    def test_the_generator_learns_nothing_from_the_discriminator(self, objective: Objective, module: Any, batch: Batch) -> None:
        """What it draws passes no gradient: with any weight of the discriminator's loss its own gradient is the same."""
        gradients = []
        for weight in (50.0, 500.0):
            module.eval().zero_grad()
            type(objective)(objective.pieces, ReplacedOptions(weight=weight)).loss(module, batch).backward()  # type: ignore[no-untyped-call]
            gradients.append(module.generator.electra.encoder.layer[0].output.dense.weight.grad.clone())
        assert torch.equal(gradients[0], gradients[1])
        assert gradients[0].abs().sum() > 0


def test_draws_follow_the_softmax() -> None:
    """By their shares, within what chance allows; and the two ends of the range draw the two ends of the list."""
    scores = torch.tensor([[0.0, 1.0, 2.0, -1.0]]).expand(40_000, 4)
    counts = torch.bincount(draw(scores, torch.rand(40_000, generator=torch.Generator().manual_seed(0))), minlength=4) / 40_000
    shares = torch.softmax(scores[0], 0)
    assert (torch.abs(counts - shares) < 4 * torch.sqrt(shares * (1 - shares) / 40_000)).all()
    ends = draw(scores[:2], torch.tensor([0.0, 1.0]))
    assert ends.tolist() == [0, 3]
    certain = torch.tensor([[-1e9, 0.0, -1e9]])
    assert draw(certain, torch.tensor([0.0])).tolist() == [1]


def test_only_hidden_places_are_filled() -> None:
    """Where a row hides fewer than the others, nothing is put at the place that stands in."""
    batch = {"original": torch.arange(8).view(2, 4), "places": torch.tensor([[2, 0], [1, 3]]), "labels": torch.tensor([[2, IGNORED], [5, 7]])}
    assert fill(batch, torch.tensor([90, 91, 92, 93])).tolist() == [[0, 1, 90, 3], [4, 92, 6, 93]]


def test_options_that_break_a_rule_are_refused() -> None:
    """Each with its value."""
    with pytest.raises(OptionError, match=r"'share' must be above 0 and below 1; got 2\. 'weight' must be above 0; got 0\."):
        ReplacedOptions(share=2, weight=0)


def test_a_fresh_generator_fits_an_adopted_model(toy_vocabulary: Vocabulary) -> None:
    """Whatever the discriminator's width."""
    module = Replaced(toy_vocabulary.pieces).create(Shape(2, 24, 2, 40, 16), seed=0)
    assert module.generator.electra.embeddings_project.weight.shape == (6, 24)


def test_a_batch_without_text_costs_the_generator_nothing(toy_vocabulary: Vocabulary) -> None:
    """All of it unknown to the vocabulary, say: its loss is a number."""
    objective = Replaced(toy_vocabulary.pieces)
    rows = np.full((2, 16), toy_vocabulary.tokeniser.unk_token_id)
    module = objective.create(Shape(1, 16, 2, 32, 16), seed=0)
    assert bool(torch.isfinite(objective.loss(module, objective.batch(rows, np.random.default_rng(0)))))
