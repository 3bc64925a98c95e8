"""Layers that are compiled: the same training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_corpora import tiny, write_corpus
from torch import nn

from ringsmith.pretrain.compiled import compile_layers
from ringsmith.pretrain.training import pretrain


@pytest.fixture
def without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Torch only traces what it would compile and runs it as it was traced; yields the names of what was given to it."""
    given, own = [], nn.Module.compile

    def traced(self: nn.Module) -> None:
        given.append(type(self).__name__)
        own(self, backend="eager")

    monkeypatch.setattr(nn.Module, "compile", traced)
    return given


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt")


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # what torch looks at while it traces
@pytest.mark.parametrize(("objective", "given"), [("mlm", ["BertLayer", "Linear"]), ("rtd", ["ElectraLayer", "ElectraLayer", "Linear"])])
def test_the_training_is_the_same(corpus: Path, tmp_path: Path, without_a_compiler: list[str], objective: str, given: list[str]) -> None:
    """The curve, and the weights with their names; of two models in one both are compiled, and the output layer; the listener hears of it."""
    said: list[str] = []
    plain = pretrain(corpus, tiny(tmp_path / "plain", objective=objective, steps=3))
    assert not without_a_compiler
    made = pretrain(corpus, tiny(tmp_path / "compiled", objective=objective, steps=3, compiled=True), say=lambda _, text: said.append(text))
    assert without_a_compiler == given
    assert made.facts.curves["loss"] == pytest.approx(plain.facts.curves["loss"], abs=1e-5)
    assert any("its layers are compiled first" in text for text in said)
    after, before = (load_file(one.folder / "model.safetensors") for one in (made, plain))
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


def test_a_layer_that_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that fails is not a training that fails."""

    def fails(*_: object) -> None:
        raise RuntimeError("no compiler")

    own = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: own(self, backend=fails))
    stack = nn.Sequential(nn.ModuleList([nn.Linear(2, 2)]))
    assert compile_layers(stack) == 1
    assert stack[0][0](torch.ones(1, 2)).shape == (1, 2)
