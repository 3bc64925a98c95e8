"""Masked language modelling on the layout of ModernBERT."""

from __future__ import annotations

from typing import Any

import numpy as np
from test_objectives_mlm import slow_masked_loss

from contracts.objectives import LENGTH, ObjectiveContract
from ringsmith.pretrain.objective import IGNORED, Batch, Objective


class TestModern(ObjectiveContract):
    """ModernBERT's."""

    name = "modern"

    def slow_loss(self, module: Any, batch: Batch) -> float:
        return slow_masked_loss(module(input_ids=batch["input_ids"]).logits, batch)

    def test_thirty_per_cent_are_predicted(self, objective: Objective, batch: Batch, rows: np.ndarray) -> None:
        """Of what is text."""
        text = ~objective.pieces.is_special()[rows]
        assert ((batch["labels"] != IGNORED).sum(1).numpy() == np.rint(0.3 * text.sum(1))).all()
        assert rows.shape[1] == LENGTH
