"""Masked language modelling: BERT's, with whole words and next sentences, and RoBERTa's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers

from contracts.objectives import SHAPE, ObjectiveContract, negative_log_likelihood, toy_rows
from ringsmith.catalogue.inspect import inspect_folder
from ringsmith.errors import ModelError, OptionError
from ringsmith.pretrain.objective import IGNORED, Batch, Objective
from ringsmith.pretrain.objectives.masked import DrawnAnewOptions
from ringsmith.pretrain.objectives.mlm import Masked, MaskedOptions, pair_up
from ringsmith.pretrain.objectives.mlm_dynamic import MaskedAnew
from ringsmith.pretrain.vocabulary import Vocabulary


def slow_masked_loss(scores: torch.Tensor, batch: Batch) -> float:
    """The mean over all hidden positions of -log p(piece | rest), given scores (n, length, pieces) of the whole sequence."""
    each = [
        negative_log_likelihood(scores[row, place], piece)
        for row, (places, labels) in enumerate(zip(batch["places"].tolist(), batch["labels"].tolist(), strict=True))
        for place, piece in zip(places, labels, strict=True)
        if piece != IGNORED
    ]
    return float(np.mean(each))


class TestMasked(ObjectiveContract):
    """BERT's, masks by copies."""

    name = "mlm"

    def slow_loss(self, module: Any, batch: Batch) -> float:
        return slow_masked_loss(module(input_ids=batch["input_ids"]).logits, batch)

    def test_a_sequence_has_as_many_masks_as_copies(self, objective: Objective, vocabulary: Vocabulary) -> None:
        """BERT's data were masked ten times over, before training."""
        rows = np.repeat(toy_rows(vocabulary.tokeniser, vocabulary.pieces, 1), 2_000, axis=0)
        seen = {tuple(row) for row in objective.batch(rows, np.random.default_rng(0))["input_ids"].tolist()}
        assert len(seen) == 10

    def test_a_body_without_a_head_is_adopted_with_a_fresh_one(self, objective: Objective, vocabulary: Vocabulary, batch: Batch, tmp_path: Path) -> None:
        """Sentence encoders are saved without the head that predicts pieces."""
        body = objective.create(SHAPE, seed=4).bert
        body.save_pretrained(tmp_path)
        adopted = objective.adopt(inspect_folder(tmp_path, name="body"))
        assert torch.equal(adopted.bert.encoder.layer[0].output.dense.weight, body.encoder.layer[0].output.dense.weight)
        assert adopted.cls.predictions.decoder.weight is adopted.bert.embeddings.word_embeddings.weight

    def test_fewer_vectors_than_pieces_are_refused(self, vocabulary: Vocabulary, tmp_path: Path) -> None:
        """Another vocabulary than the model's own would point beyond its table."""
        config = transformers.BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)
        transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
        with pytest.raises(ModelError, match=r"a vector for every piece; got 50 vectors for \d+ pieces\. Use the model's own vocabulary\."):
            Masked(vocabulary.pieces).adopt(inspect_folder(tmp_path, name="small"))


class TestNextSentence(ObjectiveContract):
    """BERT's with next sentences."""

    name = "mlm"
    options: ClassVar[Any] = MaskedOptions(next_sentence=True)
    auto = transformers.AutoModelForPreTraining
    drop = 0.15
    part_tolerance = 2e-2  # the share of next sentences is a mean over rows, not over hidden positions

    def slow_loss(self, module: Any, batch: Batch) -> float:
        out = module(input_ids=batch["input_ids"], token_type_ids=batch["token_type_ids"])
        follows = [negative_log_likelihood(scores, label) for scores, label in zip(out.seq_relationship_logits, batch["next_sentence"].tolist(), strict=True)]
        return slow_masked_loss(out.prediction_logits, batch) + float(np.mean(follows))

    def scores(self, module: Any, inputs: Any) -> torch.Tensor:
        return module(**inputs).prediction_logits  # type: ignore[no-any-return]

    def test_parameters_are_counted_as_the_model_has_them(self, objective: Objective, module: Any, vocabulary: Vocabulary) -> None:
        """The pooler and the two scores of next sentences come on top of the formula, which is of the model without them."""
        extra = sum(parameter.numel() for part in (module.bert.pooler, module.cls.seq_relationship) for parameter in part.parameters())
        assert extra == SHAPE.hidden**2 + SHAPE.hidden + 2 * SHAPE.hidden + 2

    def test_the_loss_is_no_likelihood_and_documents_stay_apart(self, objective: Objective) -> None:
        """Two losses are summed; and a sequence of two documents has no first and second sentence."""
        assert not objective.tells_likelihood
        assert not objective.crosses_documents


class TestMaskedAnew(ObjectiveContract):
    """RoBERTa's."""

    name = "mlm-dynamic"

    def slow_loss(self, module: Any, batch: Batch) -> float:
        return slow_masked_loss(module(input_ids=batch["input_ids"]).logits, batch)

    def test_every_visit_has_another_mask(self, objective: Objective, vocabulary: Vocabulary) -> None:
        """Dynamic masking."""
        rows = np.repeat(toy_rows(vocabulary.tokeniser, vocabulary.pieces, 1), 300, axis=0)
        seen = {tuple(row) for row in objective.batch(rows, np.random.default_rng(0))["input_ids"].tolist()}
        assert len(seen) > 295

    def test_a_vocabulary_without_a_mask_is_refused(self, vocabulary: Vocabulary) -> None:
        """GPT-2's has none."""
        pieces = type(vocabulary.pieces)(**{**vars(vocabulary.pieces), "mask": None})
        with pytest.raises(ModelError, match=r"The objective 'mlm-dynamic' needs a vocabulary with a piece that hides others \(a mask token\); got one without"):
            MaskedAnew(pieces)


def test_half_of_the_pairs_are_exchanged_and_the_others_stay(toy_vocabulary: Vocabulary) -> None:
    """By the label: the second part is another row's, or its own; the first part and the length never change."""
    pieces = toy_vocabulary.pieces
    rows = np.arange(400 * 32).reshape(400, 32)
    pairs, second, exchanged = pair_up(rows, pieces, np.random.default_rng(0))
    cut = 31 - second.sum(1)
    assert (pairs[np.arange(400), cut] == pieces.end).all()
    assert 8 <= cut.min() < cut.max() < 24
    assert abs(exchanged.mean() - 0.5) < 0.1
    column = np.arange(32)[None, :]
    assert (pairs == rows)[column < cut[:, None]].all()
    assert ((pairs == rows) == ~exchanged[:, None])[second].all()
    assert (pairs % 32 == column)[second].all()  # from the same place of another row


def test_options_that_break_a_rule_are_refused() -> None:
    """Each with its value."""
    with pytest.raises(OptionError, match=r"'share' must be above 0 and below 1; got 1\.5"):
        MaskedOptions(share=1.5)
    with pytest.raises(OptionError, match=r"'copies' must be at least 1; got 0"):
        MaskedOptions(copies=0)
    with pytest.raises(OptionError, match=r"'share' must be above 0 and below 1; got 0\."):
        DrawnAnewOptions(share=0.0)
