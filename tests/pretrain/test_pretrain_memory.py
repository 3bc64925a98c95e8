"""What pre-training takes of the memory is told before its first step: batches are cut to it, and what does not fit is refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_corpora import tiny, write_corpus
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ringsmith.adapt import memory
from ringsmith.adapt.dropout import set_dropout
from ringsmith.adapt.memory import bytes_of_rows, fixed_bytes, kept_of, rows_that_fit
from ringsmith.errors import MachineError
from ringsmith.pretrain import learning, training
from ringsmith.pretrain.learning import Learning, Span, flops_of, rows_at_once
from ringsmith.pretrain.objective import find_objective
from ringsmith.pretrain.packing import Sequences
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.training import pretrain

LONG = 256


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A small corpus."""
    return write_corpus(tmp_path / "corpus.txt")


def learning_of(name: str, length: int = LONG) -> tuple[Learning, Any]:
    """An objective over sequences of made-up pieces, and its model."""
    pieces = Pieces(64, 0, 1, 2, 3, (0, 1, 2, 3), np.ones(64, np.bool_), (1,), (2,))
    objective = find_objective(name)(pieces)
    sequences = Sequences(np.random.default_rng(0).integers(4, 64, 20 * length), np.arange(16) * length, length, (1,), (2,))
    module = objective.create(Shape(2, 16, 2, 32, length), seed=0)
    set_dropout(module, 0.0)
    return Learning(objective, sequences, sequences, Span(8, 1, None, 1, 1_000)), module


def forward_of(work: Learning, module: Any, asked: list[int] | None = None) -> Callable[[int, int], torch.Tensor]:
    """The loss of so many rows of so many pieces, which are noted."""

    def forward(rows: int, tokens: int) -> torch.Tensor:
        (asked if asked is not None else []).append(tokens)
        return work.loss(module, work.inputs(module, work.some(rows, tokens)))

    return forward


def free(monkeypatch: pytest.MonkeyPatch, bytes_of: Any) -> None:
    """So much is free for what a batch keeps, by the module."""
    monkeypatch.setattr(memory, "free_bytes", lambda module: (fixed_bytes(module) + bytes_of(module)) / memory.SPARE)


@pytest.mark.parametrize(("name", "bends"), [("mlm", False), ("clm", False), ("rtd", False), ("plm", True)])
def test_what_a_long_row_keeps_is_reckoned_from_shorter_ones(monkeypatch: pytest.MonkeyPatch, name: str, bends: bool) -> None:
    """Against what it does keep; XLNet's attention by plain products grows with the square of the length."""
    work, module = learning_of(name)
    monkeypatch.setattr(memory, "PROBED", LONG // 2)
    monkeypatch.setattr(memory, "OVERHEAD_OF_TABLES", memory.OVERHEAD)
    asked: list[int] = []
    forward = forward_of(work, module, asked)
    once, each = bytes_of_rows(module, forward, LONG)
    assert max(asked) == LONG // 2
    one, two = (memory.OVERHEAD * kept_of(module, partial(forward, rows, LONG)) for rows in (1, 2))
    assert each == pytest.approx(two - one, rel=0.05)
    assert once + each == pytest.approx(one, rel=0.05)
    _, short = bytes_of_rows(module, forward, LONG // 2)
    assert (each > 2.5 * short) == bends


@pytest.mark.parametrize("name", ["mlm", "clm"])
def test_a_measured_step_attends_as_the_training_will(name: str) -> None:
    """By torch's fused kernel, which makes no table of each piece with each; it is counted as the plain products."""
    work, module = learning_of(name)
    fused = FlopCounterMode(display=False, custom_mapping=learning.FUSED)
    with fused:
        learning._few(work, module, 8)()
    counted = {str(name) for name in fused.get_flop_counts()["Global"]}
    assert counted & {"aten._scaled_dot_product_flash_attention_for_cpu"}
    with FlopCounterMode(display=False) as plain, sdpa_kernel(SDPBackend.MATH):
        work.loss(module, work.inputs(module, work.some(8, LONG))).backward()  # type: ignore[no-untyped-call]
    assert flops_of(work, module) * 8 * LONG == plain.get_total_flops() == fused.get_total_flops()


@pytest.mark.parametrize(("fits", "rows"), [(100.0, 8), (3.5, 3), (1.1, 1)])
def test_as_many_sequences_go_through_as_fit(monkeypatch: pytest.MonkeyPatch, fits: float, rows: int) -> None:
    """At most a batch of them."""
    work, module = learning_of("mlm")
    once, each = bytes_of_rows(module, forward_of(work, module), LONG)
    free(monkeypatch, lambda _: once + fits * each)
    assert rows_at_once(work, module) == rows


def test_layers_are_computed_twice_before_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not a single row fits; and nothing stays changed where the next one does."""
    work, module = learning_of("mlm")
    forward = forward_of(work, module)
    once, each = bytes_of_rows(module, forward, LONG)
    free(monkeypatch, lambda _: once + 0.9 * each)
    assert rows_that_fit(module, forward, 8, LONG, "") == 1
    assert training.is_recomputed(module)
    free(monkeypatch, lambda _: once + 2.5 * each)
    assert rows_that_fit(module, forward, 8, LONG, "") == 2
    assert not training.is_recomputed(module)
    free(monkeypatch, lambda _: once + 0.1 * each)
    with pytest.raises(MachineError, match=r"^Memory must hold a row of 256 tokens with its gradients: training takes about 0\.0 GB, and 0\.0 GB are free\. Do this\.$"):
        rows_that_fit(module, forward, 8, LONG, "Do this.")


def test_a_batch_in_parts_takes_the_same_steps(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a step nor a look sees more sequences than fit, and it is said."""
    whole = pretrain(corpus, tiny(tmp_path / "whole"))
    monkeypatch.setattr(training, "rows_at_once", lambda work, module: 3)
    most: list[int] = []
    plain = Learning.loss

    def loss(self: Learning, module: Any, inputs: Any) -> torch.Tensor:
        most.append(len(inputs["input_ids"]))
        return plain(self, module, inputs)

    monkeypatch.setattr(Learning, "loss", loss)
    parts = pretrain(corpus, tiny(tmp_path / "parts"))
    assert max(most) == 3
    assert parts.facts.curves["loss"] == pytest.approx(whole.facts.curves["loss"], rel=1e-4)
    assert parts.facts.held_out.loss == pytest.approx(whole.facts.held_out.loss, rel=1e-4)
    assert parts.facts.notes == ("Each batch went through in 3 parts: memory holds no more.",)
    assert whole.facts.notes == ()


def test_processes_of_one_machine_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each plans with its part of what is free."""
    _, module = learning_of("mlm")
    monkeypatch.setattr(memory, "free_mb", lambda: 1_000.0)
    assert memory.free_bytes(module) == 1_000 << 20
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert memory.free_bytes(module) == 250 << 20


def test_memory_that_runs_out_all_the_same_is_told_with_what_to_do(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts first, then layers computed twice, then a sentence of pre-training's own."""

    def no_more(self: Learning, module: Any, inputs: Any) -> torch.Tensor:
        raise MemoryError

    monkeypatch.setattr(training, "rows_at_once", lambda work, module: 8)
    monkeypatch.setattr(training, "flops_of", lambda work, module: 1.0)
    monkeypatch.setattr(Learning, "loss", no_more)
    with pytest.raises(MachineError, match=r"^Memory must hold a single row with its gradients; it does not\. Take a smaller --length, or a smaller model"):
        pretrain(corpus, tiny(tmp_path))
