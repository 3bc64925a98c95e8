"""What a step costs: the formula against torch's own count of the real step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from ringsmith.errors import UnknownName
from ringsmith.pretrain.flops import count_flops, count_forward
from ringsmith.pretrain.objective import ENTRIES, Objective, find_objective
from ringsmith.pretrain.objectives.distil import Distil, DistilOptions
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import ARCHITECTURES, Shape

SHAPE = Shape(layers=2, hidden=32, heads=2, feed_forward=80, length=48)
PIECES = Pieces(300, 1, 0, 2, 4, (0, 1, 2, 3, 4), np.ones(300, dtype=np.bool_))
ROWS = 6


def counted(objective: Objective, module: Any) -> tuple[float, float]:
    """Torch's count of one step for each sequence, and the positions predicted (padding of the batch included, which is computed as well)."""
    rows = np.random.default_rng(0).integers(5, 300, size=(ROWS, SHAPE.length))
    batch = objective.batch(rows, np.random.default_rng(0))
    for part in module.modules():
        if hasattr(part, "set_attn_implementation"):
            part.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        objective.loss(module, batch).backward()  # type: ignore[no-untyped-call]
    return counter.get_total_flops() / ROWS, batch["labels"].shape[1]


@pytest.mark.parametrize("name", sorted(set(ENTRIES) - {"distil"}))
def test_the_formula_counts_what_torch_counts(name: str) -> None:
    """To a hundredth: rotations of positions and the like are left out."""
    objective = find_objective(name)(PIECES)
    real, predicted = counted(objective, objective.create(SHAPE, seed=0))
    assert count_flops(objective.architecture, SHAPE, PIECES.size, predicted) == pytest.approx(real, rel=0.01)


@pytest.mark.parametrize("teaches", ["mlm", "clm"])
def test_a_teacher_looks_once(teaches: str, tmp_path: Path) -> None:
    """Its forward is on top of the student's step."""
    find_objective(teaches)(PIECES).create(SHAPE, seed=0).save_pretrained(tmp_path)
    objective = Distil(PIECES, DistilOptions(teacher=str(tmp_path)))
    objective.teacher.set_attn_implementation("eager")
    real, predicted = counted(objective, objective.create(SHAPE.half(), seed=0))
    assert count_flops(objective.architecture, SHAPE.half(), PIECES.size, predicted, teacher=SHAPE) == pytest.approx(real, rel=0.01)


def test_the_rule_of_thumb_of_six_operations_a_parameter() -> None:
    """For a wide body and short sequences a step takes six operations for each of the body's parameters and each piece (Kaplan et al., 2020)."""
    shape = Shape(12, 768, 12, 3072, 32)
    body = 12 * (4 * 768**2 + 2 * 768 * 3072)
    assert count_flops("bert", shape, 1, 0) == pytest.approx(6 * body * 32, rel=0.02)
    assert count_forward("bert", shape, 1, 0) == count_flops("bert", shape, 1, 0) / 3


def test_every_architecture_has_a_formula() -> None:
    """And a name that is none is said."""
    assert all(count_flops(name, SHAPE, 300, 8) > 0 for name in ARCHITECTURES)
    with pytest.raises(UnknownName, match=r"There is no architecture 'berta'\. Did you mean 'bert'"):
        count_flops("berta", SHAPE, 300, 8)
