"""Layers in 8 and 4 bits: the paper's levels, a slow twin, autograd; and `lora` on top of them keeps its contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_lora import LABELS, SHORT, TEXTS, fit, logits
from tiny_models import tiny_model
from torch import nn
from torch.nn import functional

from contracts.recipes import WORDS, RecipeContract
from ringsmith.adapt.lora_options import LoraOptions
from ringsmith.adapt.quantised import BLOCK, QuantisedLinear, normal_levels, pack, unpack
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError

PAPER = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
"""QLoRA, appendix E."""


class TestLoraIn4Bits(RecipeContract):
    """The whole contract, the body in four bits while it trains."""

    recipe = "lora"
    options: ClassVar[Mapping[str, Any]] = {**SHORT, "epochs": 20, "bits": 4}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


def matrix(rows: int, columns: int, seed: int) -> torch.Tensor:
    """Numbers of quite different sizes from row to row, one row of zeros."""
    found = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * torch.logspace(-3, 1, rows)[:, None]
    found[rows // 2] = 0
    return found


def test_the_levels_are_those_of_the_paper() -> None:
    """All sixteen."""
    torch.testing.assert_close(normal_levels(), torch.tensor(PAPER), rtol=0, atol=1e-6)


@given(st.integers(1, 9), st.integers(1, 70), st.integers(0, 99))
@settings(max_examples=30)
def test_four_bits_are_the_nearest_level_of_each_block(rows: int, columns: int, seed: int) -> None:
    """A loop over the numbers, block by block, the last one shorter."""
    weight = matrix(rows, columns, seed)
    found, flat = unpack(*pack(weight, 4), weight.shape, torch.float32).flatten(), weight.flatten()
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        largest = block.abs().max()
        for number, back in zip(block, found[start : start + BLOCK], strict=True):
            distances = (number - largest * normal_levels()).abs()
            assert (number - back).abs() <= distances.min() + 1e-6 * largest


@given(st.integers(1, 9), st.integers(1, 70), st.integers(0, 99))
@settings(max_examples=30)
def test_eight_bits_are_off_by_half_a_step_at_most(rows: int, columns: int, seed: int) -> None:
    """A step is the largest of the row over 127."""
    weight = matrix(rows, columns, seed)
    off = (unpack(*pack(weight, 8), weight.shape, torch.float32) - weight).abs()
    assert (off <= weight.abs().amax(dim=1, keepdim=True) / 127 * 0.5001).all()


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("low", [False, True])
def test_a_packed_layer_multiplies_and_differentiates_as_its_matrix_does(bits: int, low: bool) -> None:
    """Result, and gradients of rows and bias, against torch's own linear layer on the unpacked matrix; its packed size is as promised."""
    plain = nn.Linear(96, 40)
    layer = QuantisedLinear(plain, bits)
    results = []
    for work in (layer, lambda rows: functional.linear(rows, layer.weight, layer.bias)):
        rows = torch.randn(7, 96, generator=torch.Generator().manual_seed(1)).requires_grad_()
        plain.bias.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            found = work(rows)
        found.float().square().sum().backward()
        assert rows.grad is not None
        assert plain.bias.grad is not None
        results.append((found.float(), rows.grad, plain.bias.grad.clone()))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-2 if low else 1e-5, atol=2e-1 if low else 1e-5)
    assert list(layer.state_dict()) == ["bias"]
    packed = sum(buffer.numel() * buffer.element_size() for buffer in layer.buffers())
    assert packed == {8: 40 * 96 + 40 * 4, 4: 40 * 96 // 2 + 40 * 96 // BLOCK * 4}[bits]


@pytest.mark.parametrize("options", [{}, {"method": "dora"}, {"method": "ia3"}, {"method": "bitfit"}, {"layers": ("query",)}], ids=str)
def test_what_is_handed_over_has_the_weights_as_they_were(tiny_bert: LocalModel, options: Mapping[str, Any]) -> None:
    """In 8 bits: matrices that nothing was added to are as pre-trained to the bit, and what was added is close to what a training in full adds."""
    plain = load_classifier(tiny_bert, LABELS)[1].state_dict()
    full, packed = (fit(tiny_bert, **options, bits=bits).module for bits in (None, 8))
    assert [type(part) for part in packed.modules()] == [type(part) for part in full.modules()]
    added, off = 0.0, 0.0
    for name, tensor in full.state_dict().items():
        if torch.equal(tensor, plain[name]):
            assert torch.equal(packed.state_dict()[name], plain[name]), name
        added += float((tensor - plain[name]).square().sum())
        off += float((packed.state_dict()[name] - tensor).square().sum())
    assert added > 0.1
    assert off < 0.05 * added


def test_gpt2_says_that_it_has_no_such_layers(tmp_path: Path) -> None:
    """Its layers are Conv1D."""
    with pytest.raises(OptionError, match=r"'bits' must meet linear layers of torch; this model has layers of its own kind \(GPT-2: Conv1D\)\. Leave 'bits' out\."):
        fit(tiny_model("gpt2", tmp_path), bits=8)


@pytest.mark.parametrize("bits", [2, 16, "4", True])
def test_other_bits_are_refused(bits: Any) -> None:
    """Only what is built."""
    with pytest.raises(OptionError, match="'bits' must be 4 or 8, or nothing"):
        LoraOptions(bits=bits)


def test_a_saved_model_is_plain(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """The library reads it, and gives the same scores."""
    made = fit(tiny_bert, bits=4)
    made.save(tmp_path / "model")
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    batch = {"input_ids": torch.tensor([[2, 5, 6, 7, 3]]), "attention_mask": torch.ones(1, 5, dtype=torch.long)}
    torch.testing.assert_close(logits(again, batch), logits(made.module, batch))
    assert len(made.predict(TEXTS)) == len(TEXTS)
    assert set(made.predict(TEXTS)) <= set(WORDS)
