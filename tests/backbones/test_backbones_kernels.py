"""What surrounds the products of int8 layers, compiled: each kernel against torch's own steps, the whole against the plain forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from ringsmith.backbones import Backbone, encode, encoding, kernels, kernels_attention, load_backbone, precision
from ringsmith.backbones.flat import FlatEncoder
from ringsmith.backbones.fused import Eight, FusedEncoder
from ringsmith.backbones.int8 import _quantise
from ringsmith.backbones.samples import CALIBRATION, PARITY
from ringsmith.catalogue import inspect_folder, resolve

Floats = npt.NDArray[np.float32]
needs_int8 = pytest.mark.skipif("int8" not in precision.possible_precisions(), reason="this CPU has no fast int8")
ROWS = [1, 3, 4, 9]
TEXTS = ["the cat sat on the mat.", "yes", "", "they ran home, the dog slept well!", "no cat, no rain " * 20, "so long", "ein Hund", "고양이"]


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Normal numbers with a scale of its own for each row."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) * torch.rand(shape[0], 1, generator=generator).mul(4).exp()


class Case:
    """A product to be finished, and the layer that takes the result."""

    def __init__(self, rows: int, width: int, outliers: list[int]) -> None:
        self.y, self.rest, self.weights = numbers(rows, width), numbers(rows, 5, seed=1), numbers(5, width, seed=2)
        self.scales = numbers(rows, 1, seed=3).abs()
        self.outliers = torch.tensor(outliers, dtype=torch.int64)
        self.keep = torch.ones(width).index_fill_(0, self.outliers, 0.0)
        self.made = Eight(np.zeros((rows, width), np.uint8), np.zeros(rows, np.float32), np.zeros((rows, len(outliers) + 2), np.float32))

    @property
    def given(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.y.numpy(), self.scales[:, 0].numpy(), self.rest.numpy(), self.weights.numpy()

    @property
    def taken(self) -> tuple[Any, ...]:
        return self.keep.numpy(), self.outliers.numpy(), self.made.numbers, self.made.scales, self.made.rest

    def finished(self) -> torch.Tensor:
        return self.y * self.scales + self.rest @ self.weights

    def holds(self, x: torch.Tensor) -> None:
        """What was made is `x` in eight bits, up to a step where a value lies between two."""
        slow = _quantise(x, self.outliers, self.keep)
        steps = np.abs(self.made.numbers.astype(int) - slow.numbers.numpy())
        assert steps.max() <= 1
        assert (steps > 0).mean() < 0.005
        np.testing.assert_allclose(self.made.scales, slow.scales[:, 0].numpy(), rtol=1e-5)
        np.testing.assert_allclose(self.made.rest, slow.rest.numpy(), rtol=1e-4, atol=1e-4 * float(x.abs().max()))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("outliers", [[], [0, 17, 63]])
def test_a_row_in_eight_bits(rows: int, outliers: list[int]) -> None:
    """The very steps, sizes and rest that torch finds."""
    case, x = Case(rows, 64, outliers), numbers(rows, 64, seed=7)
    kernels.quantise(x.numpy(), *case.taken)
    case.holds(x)
    assert case.made.numbers.min(axis=1).tolist() == [0] * rows
    assert case.made.numbers.max(axis=1).tolist() == [255] * rows


def test_a_row_of_equal_numbers_has_steps_too() -> None:
    """Nothing is divided by zero; a row that is not a number stays none."""
    case = Case(2, 32, [3])
    x = torch.zeros(2, 32)
    x[1] = float("nan")
    kernels.quantise(x.numpy(), *case.taken)
    assert case.made.numbers[0].tolist() == [0] * 32
    assert case.made.scales[0] > 0
    assert np.isnan(case.made.scales[1])


@pytest.mark.parametrize("rows", ROWS)
def test_a_finished_product(rows: int) -> None:
    """Scale and rest, in place."""
    case = Case(rows, 48, [])
    expected = case.finished().numpy()
    kernels.finish(*case.given)
    np.testing.assert_allclose(case.y.numpy(), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("rows", ROWS)
def test_a_finished_product_through_gelu(rows: int) -> None:
    """GELU by the error function, and then eight bits."""
    case = Case(rows, 64, [2, 40])
    case.scales.mul_(0.1)
    case.rest.mul_(0.1)
    kernels.finish_gelu(*case.given, *case.taken)
    case.holds(nn.functional.gelu(case.finished()))


def test_gelu_is_the_exact_one() -> None:
    """To 2e-6 everywhere: read off the channels that are left out, which stay float32."""
    x = torch.linspace(-9, 9, 64 * 500).view(500, 64)
    case = Case(500, 64, list(range(64)))
    case.y, case.scales, case.rest = x, torch.ones(500, 1), torch.zeros(500, 5)
    kernels.finish_gelu(*case.given, *case.taken)
    assert np.abs(case.made.rest[:, :64] - nn.functional.gelu(x.double()).numpy()).max() < 2e-6


@pytest.mark.parametrize("rows", ROWS)
def test_a_finished_product_added_and_normalised(rows: int) -> None:
    """Layer norm of the sum, as floats and in eight bits."""
    case, old, norm = Case(rows, 64, [5]), numbers(rows, 64, seed=8), nn.LayerNorm(64)
    nn.init.normal_(norm.weight, 1.0, 0.3)
    nn.init.normal_(norm.bias)
    out = np.empty((rows, 64), dtype=np.float32)
    expected = norm(case.finished() + old).detach()
    normal = (norm.weight.detach().numpy(), norm.bias.detach().numpy(), np.float32(norm.eps))
    kernels.finish_norm(*case.given, old.numpy(), *normal, out, *case.taken)
    np.testing.assert_allclose(out, expected.numpy(), atol=2e-5)
    case.holds(expected)


@pytest.mark.parametrize("length", [1, 2, 5, 16, 17, 31, 48, 100])
@pytest.mark.parametrize("heads", [1, 3, 6])
def test_attention_of_short_rows(length: int, heads: int) -> None:
    """Softmax of the products, row by row, as written down in float64."""
    query, key, value = (torch.randn(3 * length, 96, generator=torch.Generator().manual_seed(seed)) * scale for seed, scale in ((0, 5), (1, 3), (2, 1)))
    out = np.empty((3 * length, 96), dtype=np.float32)
    kernels_attention.attend(query.numpy(), key.numpy(), value.numpy(), length, heads, out)
    q, k, v = (part.double().view(3, length, heads, -1).transpose(1, 2) for part in (query, key, value))
    slow = (q @ k.transpose(2, 3) / np.sqrt(96 / heads)).softmax(dim=-1) @ v
    np.testing.assert_allclose(out, slow.transpose(1, 2).reshape(3 * length, 96).numpy(), atol=3e-5)


def test_attention_to_one_far_larger_score() -> None:
    """Shares too small for a float are none; a row that is not a number stays none and leaves its neighbours alone."""
    query, value = np.zeros((6, 16), dtype=np.float32), np.arange(96, dtype=np.float32).reshape(6, 16)
    query[0, 0], query[3:, 1] = 100, np.nan
    key = np.zeros((6, 16), dtype=np.float32)
    key[1, 0] = 100
    out = np.empty_like(value)
    kernels_attention.attend(query, key, value, 3, 1, out)
    np.testing.assert_array_equal(out[0], value[1])
    np.testing.assert_allclose(out[1], value[:3].mean(axis=0), rtol=1e-6)
    assert np.isnan(out[3:]).all()


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine along the last axis."""
    return np.asarray((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "FEWEST_ROWS_FOR_KERNELS", 1)


@needs_int8
@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "electra", "xlm-roberta", "gpt2", "modernbert"])
def test_every_architecture_keeps_its_vectors(tiny: Callable[[str], Path], loaded: Callable[[str], Backbone], name: str) -> None:
    """Close to float32 in every layer; alone the very same as among others; other architectures go their own way."""
    fast = load_backbone(inspect_folder(tiny(name), name=name), threads=1, precision="int8")
    vectors = encode(fast, TEXTS, cache=False)
    similar = cosine(vectors, encode(loaded(name), TEXTS, cache=False))
    assert similar.mean() > 0.995
    assert similar.min() > 0.97
    if isinstance(fast.flat, FlatEncoder):
        assert FusedEncoder.of(fast.flat) is not None
        alone = np.concatenate([encode(fast, [text], cache=False) for text in TEXTS])
        np.testing.assert_array_equal(vectors, alone)
        np.testing.assert_array_equal(vectors, encode(replace(fast, threads=2), TEXTS * 20, cache=False)[: len(TEXTS)])


@needs_int8
def test_only_many_rows_are_worth_the_kernels(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows do not load them; neither do other precisions."""
    used: list[str] = []
    fast = load_backbone(inspect_folder(tiny("bert"), name="bert"), threads=1, precision="int8")
    forward = FusedEncoder.forward
    monkeypatch.setattr(FusedEncoder, "forward", lambda *args, **settings: used.append("fused") or forward(*args, **settings))
    encode(fast, TEXTS, cache=False)
    encode(fast, ["yes"] * 2_000, cache=False)
    assert used == []
    encode(fast, [f"cat {n}" for n in range(1_100)], cache=False, layers="last")
    assert used


@needs_int8
def test_other_layers_norms_and_activations_are_left_to_torch(tiny: Callable[[str], Path]) -> None:
    """A body is fused whole or not at all."""
    fast = load_backbone(inspect_folder(tiny("bert"), name="bert"), threads=1, precision="int8")
    assert isinstance(fast.flat, FlatEncoder)
    first = fast.flat.blocks[0]
    for block in (
        replace(first, activate=torch.relu),
        replace(first, out_norm=nn.Identity()),
        replace(first, out_norm=nn.LayerNorm(32, bias=False)),
        replace(first, up=nn.Linear(32, 64)),
    ):
        assert FusedEncoder.of(replace(fast.flat, blocks=(block, *fast.flat.blocks[1:]))) is None


@needs_int8
@pytest.mark.minilm
@pytest.mark.usefixtures("_always")
def test_minilm_keeps_its_vectors() -> None:
    """Short, long, of one token and in other languages: a mean cosine of at least 0.9995 in the last layer."""
    texts = [*CALIBRATION, *PARITY, "", "a", " ".join(PARITY), " ".join(CALIBRATION * 3)]
    model = resolve("minilm")
    exact, fast = (encode(load_backbone(model, threads=1, precision=p), texts, cache=False) for p in ("float32", "int8"))  # type: ignore[arg-type]
    similar = cosine(exact, fast)
    assert similar.mean(axis=0).min() >= 0.9995
    assert similar.min() >= 0.997
