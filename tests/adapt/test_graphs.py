"""Recorded steps: which are recorded, and that they do what they did."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_models import FAMILIES, tiny_model
from torch import nn

from contracts.recipes import WORDS, toy
from ringsmith.adapt import Setting, create_recipe, graphs, loop
from ringsmith.adapt.graphs import MOST, Compute, Graphs, Inputs, Recording
from ringsmith.catalogue import LocalModel
from ringsmith.records import Budget
from ringsmith.tasks import Classification

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


class Recorder(Graphs):
    """Records on any machine: a replay computes once more, from where the recording reads."""

    waits: tuple[bool, ...] = ()
    fails: type[Exception] | None = None

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.able, self.made, self.waiting = True, list[str](), list(self.waits)

    def _record(self, compute: Compute, inputs: Inputs) -> Recording:
        if self.fails:
            raise self.fails("no")
        self.made.append(",".join(inputs))
        result = torch.zeros(())
        return Recording(inputs, SimpleNamespace(replay=lambda: result.copy_(compute(inputs))), result)


@pytest.fixture(autouse=True)
def _on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits where there is no GPU."""
    if torch.cuda.is_available():
        return
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda _: None)


def counted() -> tuple[Compute, list[int]]:
    """Something to compute, and the shapes it was called with."""
    calls: list[int] = []

    def compute(inputs: Inputs) -> torch.Tensor:
        calls.append(len(inputs["x"]))
        return inputs["x"].sum()

    return compute, calls


def test_a_cpu_computes_as_always() -> None:
    """Nothing is recorded."""
    compute, calls = counted()
    runs = Graphs(torch.device("cpu"))
    assert [float(runs("x", compute, {"x": torch.full((2,), float(n))})) for n in range(5)] == [0, 2, 4, 6, 8]
    assert calls == [2] * 5


def test_each_shape_is_recorded_once_and_reads_new_inputs() -> None:
    """Computed, watched, recorded; a second shape need not be watched; what was given is not written to."""
    compute, _ = counted()
    runs = Recorder(torch.device("cpu"))
    for size, number in ((2, 1.0), (2, 2.0), (2, 3.0), (2, 4.0), (3, 5.0), (3, 6.0), (3, 7.0), (2, 8.0)):
        given = torch.full((size,), number)
        assert float(runs("x", compute, {"x": given})) == size * number
        assert given.tolist() == [number] * size
    assert len(runs.made) == 2


def test_no_more_are_kept_than_memory_is_for() -> None:
    """A shape beyond is computed as always, and rightly."""
    compute, _ = counted()
    runs = Recorder(torch.device("cpu"))
    for _ in range(4):
        for size in range(1, MOST + 4):
            assert float(runs("x", compute, {"x": torch.ones(size)})) == size
    assert len(runs.made) == MOST


@pytest.mark.parametrize(("waits", "able", "steps"), [((False,), True, [1, 0]), ((True, False), True, [2, 1, 1, 0]), ((True, True), False, [2, 1, 1, 0])])
def test_what_waits_for_the_gpu_is_not_recorded(monkeypatch: pytest.MonkeyPatch, waits: tuple[bool, ...], able: bool, steps: list[int]) -> None:
    """The second way is tried, with all that is made on the GPU from the start; then it is given up."""
    compute, _ = counted()
    runs, told, told_of = Recorder(torch.device("cpu")), list(waits), list[int]()

    class Told:
        def __enter__(self) -> list[str]:
            return ["it waited"] * told.pop(0)

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(graphs, "_waits", Told)
    for number in range(6):
        assert float(runs("x", compute, {"x": torch.full((2,), float(number))})) == 2 * number
        told_of.append(len(told))
    assert (runs.able, bool(runs.made)) == (able, able)
    assert told_of[: len(steps)] == steps, "each way has a first time of its own, which nobody watches"


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_a_recording_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """It is computed as always from then on."""
    compute, _ = counted()
    monkeypatch.setattr(Recorder, "fails", error)
    monkeypatch.setattr(graphs, "_draw_again", lambda _: None)  # there is no generator to mend
    runs = Recorder(torch.device("cpu"))
    assert [float(runs("x", compute, {"x": torch.ones(2)})) for _ in range(5)] == [2.0] * 5
    assert not runs.able


def trained(model: LocalModel, *, recipe: str = "full", **options: Any) -> Any:
    """A short training on the toy rows."""
    rows, valid = toy(36), toy(12)
    setting = Setting(Classification(tuple(WORDS)), model, options={"epochs": 6, "max_rows": 4, "dropout": 0.0, **options}, threads=1)
    return create_recipe(recipe, setting).fit(rows, valid, Budget())


@pytest.mark.skipif(torch.cuda.is_available(), reason="what is the same to the bit is told on a CPU")
@pytest.mark.parametrize("recipe", ["full", "lora", "partial"])
def test_a_training_is_the_same_to_the_bit(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    """Recorded with dropout, gradients that are never let go of, and inputs that are written into."""
    monkeypatch.setattr(loop, "sparse_embeddings", lambda *_, **__: nullcontext([]))  # as on a GPU
    options = {"recipe": recipe, "precision": "float32", "dropout": 0.1}
    plain = trained(tiny_bert, **options)
    made: list[Recorder] = []
    monkeypatch.setattr(loop, "Graphs", lambda device: made.append(Recorder(device)) or made[-1])
    recorded = trained(tiny_bert, **options)
    assert len(made[0].made) > 1
    assert recorded.facts.curves["loss"] == plain.facts.curves["loss"]
    for name, weight in plain.module.state_dict().items():
        assert torch.equal(weight, recorded.module.state_dict()[name]), name


@GPU
@pytest.mark.parametrize("recipe", ["full", "lora", "partial"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_gpu_learns_from_recordings_what_it_learns_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, recipe: str) -> None:
    """Every family is recorded, steps and all, and the curve is that of a training without."""
    model, made = tiny_model(family, tmp_path), list[Graphs]()
    own = Graphs.__init__

    def noted(self: Graphs, device: torch.device) -> None:
        own(self, device)
        made.append(self)

    monkeypatch.setattr(Graphs, "__init__", noted)
    recorded = trained(model, recipe=recipe, precision="float32")
    assert made[0].able
    assert {key[0] for key in made[0]._recordings} == {"gradients", "move"}
    monkeypatch.setattr(loop, "Graphs", lambda _: Graphs(torch.device("cpu")))
    plain = trained(model, recipe=recipe, precision="float32")
    assert recorded.facts.curves["loss"] == pytest.approx(plain.facts.curves["loss"], rel=0.02, abs=0.005)


@GPU
def test_a_recording_that_fails_leaves_random_numbers_to_be_drawn() -> None:
    """Dropout goes on to work behind a step that cannot be recorded, and could not be foreseen to be."""
    device, runs = torch.device("cuda"), Graphs(torch.device("cuda"))
    runs._trusted.add("x")

    def compute(inputs: Inputs) -> torch.Tensor:
        dropped = nn.functional.dropout(inputs["x"], 0.5)
        return dropped.sum() + float(dropped.sum())

    for _ in range(3):
        assert runs("x", compute, {"x": torch.ones(64, device=device)}).isfinite()
    assert not runs.able
    assert 0 < float((nn.functional.dropout(torch.ones(1_000, device=device), 0.5) == 0).float().mean()) < 1


def test_waits_are_noted_but_for_those_that_a_recording_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the sentence torch warns with, and by where it stands."""
    with graphs._waits() as told:
        warnings.warn_explicit("called a synchronizing CUDA operation", UserWarning, "somewhere/model.py", 3)
        warnings.warn_explicit("called a synchronizing CUDA operation", UserWarning, "transformers/masking_utils.py", 3)
        warnings.warn_explicit("Synchronization debug mode is a prototype feature", UserWarning, "somewhere/model.py", 3)
        warnings.warn_explicit("something else", UserWarning, "somewhere/model.py", 3)
    assert told == ["called a synchronizing CUDA operation"]
