"""Faster arithmetic: the same vectors to within parity, chosen by measurement, never by hope."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from ringsmith.backbones import Backbone, encode, load_backbone, precision
from ringsmith.backbones.fast import Kind, prepare
from ringsmith.backbones.int8 import Int8Linear, Memo, find_outliers
from ringsmith.backbones.pays import training_precision
from ringsmith.backbones.samples import CALIBRATION, PARITY
from ringsmith.catalogue import inspect_folder, resolve
from ringsmith.errors import OptionError

KINDS = [kind for kind in ("bfloat16", "int8") if kind in precision.possible_precisions()]
TEXTS = ["the cat sat on the mat.", "yes", "they ran home, the dog slept well!", "no cat, no rain", "so long"]


def cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cosine along the last axis."""
    return np.asarray((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["bert", "gpt2", "t5", "xlnet", "roberta", "deberta-v2", "albert", "modernbert"])
def test_every_architecture_can_be_made_fast(tiny: Callable[[str], Path], loaded: Callable[[str], Backbone], name: str, kind: Any) -> None:
    """With other linear layers in place, the vectors stay close to float32's, alone and in a batch."""
    fast = load_backbone(inspect_folder(tiny(name), name=name), threads=1, precision=kind)
    vectors = encode(fast, TEXTS, cache=False)
    assert fast.precision == kind
    assert fast.precision_note == f"{kind} (asked for)"
    similar = cosine(vectors, encode(loaded(name), TEXTS, cache=False))
    assert similar.mean() > 0.995
    assert similar.min() > 0.97
    assert cosine(encode(fast, TEXTS[1:2], cache=False)[0], vectors[1]).min() > 0.9999


@pytest.mark.skipif("int8" not in KINDS, reason="this CPU has no fast int8")
@pytest.mark.parametrize("bias", [True, False])
def test_int8_is_the_product_to_within_its_steps(bias: bool) -> None:
    """The outputs differ from the exact product by no more than the rounding of inputs and weights allows; outliers cost nothing."""
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(48, 64, generator=generator), torch.randn(5, 7, 64, generator=generator)
    x[..., 3] *= 100
    offset = torch.randn(48, generator=generator) if bias else None
    layer = Int8Linear(weight, offset, outliers=torch.tensor([3]), memo=Memo())
    exact = torch.nn.functional.linear(x, weight, offset)
    kept = torch.cat([x[..., :3], x[..., 4:]], dim=-1).abs()
    step_x, step_w = kept.amax(-1, keepdim=True) / 127, weight.abs().amax(1) / 127
    bound = 0.5 * step_x * weight.abs().sum(1) + 0.5 * step_w * kept.sum(-1, keepdim=True) + 64 * step_x * step_w
    assert layer(x).shape == (5, 7, 48)
    assert ((layer(x) - exact).abs() <= bound).all()
    assert (layer(x) - exact).abs().max() < 0.02 * exact.abs().max()


@pytest.mark.skipif("int8" not in KINDS, reason="this CPU has no fast int8")
def test_layers_on_one_input_quantise_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Query, key and value share the work; another tensor, or other outliers, does not get the old numbers."""
    memo, outliers = Memo(), torch.tensor([0])
    first, second = (Int8Linear(torch.randn(32, 32), None, outliers=outliers, memo=memo) for _ in range(2))
    other = Int8Linear(torch.randn(32, 32), None, outliers=torch.tensor([1]), memo=memo)
    x = torch.randn(3, 32)
    assert memo.quantise(x, first.outliers, first.keep) is memo.quantise(x, second.outliers, second.keep)
    assert memo.quantise(x, other.outliers, other.keep) is not memo.quantise(x, first.outliers, first.keep)
    assert memo.quantise(x.clone(), first.outliers, first.keep) is not memo.quantise(x, first.outliers, first.keep)


def test_outliers_are_the_largest_channels() -> None:
    """Eight for 384 channels, sixteen for 768; in order."""
    largest = torch.ones(768)
    largest[[700, 5]] = torch.tensor([9.0, 8.0])
    assert len(find_outliers(torch.ones(384))) == 8
    assert len(find_outliers(largest)) == 16
    assert {5, 700} <= set(find_outliers(largest).tolist())
    assert find_outliers(largest).tolist() == sorted(find_outliers(largest).tolist())


def test_swaps_come_and_go() -> None:
    """`apply` replaces large linear layers and GPT-2's transposed ones, `restore` puts the very same back, small ones stay."""
    module = nn.Sequential(nn.Linear(64, 48), nn.Linear(8, 64), Conv1D(48, 64))
    before = list(module)
    swap = prepare(module, "bfloat16", lambda: None)
    swap.apply()
    assert [type(layer).__name__ for layer in module] == ["Bfloat16Linear", "Linear", "Bfloat16Linear"]
    x = torch.randn(4, 64)
    torch.testing.assert_close(module[2](x).float(), before[2](x), atol=0.02, rtol=0.02)
    swap.restore()
    assert list(module) == before
    assert prepare(module, "float32", lambda: None).new == []


class Fake:
    """A forward with a speed and an error of its own in each precision, which counts its calls."""

    def __init__(self, seconds: dict[str, float], noise: dict[str, float]) -> None:
        self.seconds, self.noise, self.calls = seconds, noise, 0

    def __call__(self, kind: Kind, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.calls += 1
        time.sleep(self.seconds[kind])
        exact = np.random.default_rng(len(texts)).normal(size=(len(texts), 2, 400))
        return np.asarray(exact + self.noise[kind] * np.random.default_rng(1).normal(size=exact.shape), dtype=np.float32)


@pytest.fixture
def _two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "possible_precisions", lambda: ["bfloat16", "int8"])


@pytest.mark.usefixtures("_two_kinds")
def test_the_fastest_that_is_close_enough_is_taken() -> None:
    """int8 is fastest but off; bfloat16 is close and faster than float32: bfloat16, with its figures."""
    fake = Fake({"float32": 0.03, "bfloat16": 0.01, "int8": 0.002}, {"float32": 0.0, "bfloat16": 0.001, "int8": 0.2})
    choice = precision.choose_precision(nn.Identity(), fake, identity="weights")
    assert choice.precision == "bfloat16"
    assert choice.note.startswith("bfloat16 (measured ")
    assert "x as fast as float32, mean cosine 1.0000)" in choice.note


@pytest.mark.usefixtures("_two_kinds")
def test_slower_or_broken_leaves_float32() -> None:
    """bfloat16 is slower here and int8 gives NaN: float32, and why."""
    fake = Fake({"float32": 0.01, "bfloat16": 0.03, "int8": 0.001}, {"float32": 0.0, "bfloat16": 0.0, "int8": float("nan")})
    choice = precision.choose_precision(nn.Identity(), fake, identity="weights")
    assert choice.precision == "float32"
    assert choice.note.startswith("float32 (measured: bfloat16 0.")
    assert "int8 " in choice.note
    assert "mean cosine 0.0000" in choice.note


def test_what_a_busy_moment_told_is_outvoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One measurement holds for the runs of one command; some time after, it is made again, and what two of three say holds for good."""
    told = [precision.Choice("float32", "busy"), precision.Choice("bfloat16", "2.4"), precision.Choice("bfloat16", "2.5")]
    measured = iter(told)

    def choose() -> precision.Choice:
        return precision.remembered("work", lambda: next(measured))

    assert [choose(), choose()] == [told[0]] * 2
    monkeypatch.setattr(precision, "APART_SECONDS", -1.0)
    assert [choose() for _ in range(5)] == [told[1], told[2], told[2], told[2], told[2]]


@pytest.mark.usefixtures("_two_kinds")
def test_the_choice_is_remembered_for_these_weights() -> None:
    """The second time nothing is measured; for other weights it is."""
    fake = Fake(dict.fromkeys(("float32", "bfloat16", "int8"), 0.0), dict.fromkeys(("float32", "bfloat16", "int8"), 0.0))
    first = precision.choose_precision(nn.Identity(), fake, identity="weights")
    calls = fake.calls
    assert precision.choose_precision(nn.Identity(), fake, identity="weights") == first
    assert fake.calls == calls
    precision.choose_precision(nn.Identity(), fake, identity="other weights")
    assert fake.calls > calls


@pytest.mark.usefixtures("_two_kinds")
def test_an_architecture_that_looks_into_its_layers_stays_as_it_is() -> None:
    """Where a faster layer breaks the forward, float32 is used and the module is whole again."""
    module = nn.Sequential(nn.Linear(64, 64))
    before = module[0]

    def forward(kind: Kind, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        assert module[0].weight.shape  # always there
        if module[0] is not before:
            raise RuntimeError("my layer is gone")
        module(torch.zeros(1, 64))
        return np.ones((len(texts), 1, 4), dtype=np.float32)

    assert precision.choose_precision(module, forward, identity="weights").precision == "float32"
    assert module[0] is before


def test_a_torch_without_onednn_stays_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those for Macs are: what tells of bfloat16 is not even there to be asked."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "bfloat16" not in precision.possible_precisions()
    assert training_precision("auto", 32) == precision.Choice("float32", "this CPU has no bfloat16")


def test_what_judges_was_not_looked_at() -> None:
    """Calibration and parity texts share nothing."""
    assert not set(CALIBRATION) & set(PARITY)


def test_wrong_settings_are_refused(bert: Backbone) -> None:
    """Each with its rule and what to do."""
    with pytest.raises(OptionError, match="'precision' must be auto, float32, bfloat16 or int8; got 'half'"):
        load_backbone(bert.model, precision="half")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="'threads' must be at least 1; got 0"):
        load_backbone(bert.model, threads=0)
    with pytest.raises(OptionError, match=r"'pairs' must be as long as 'texts' \(2\); got 1"):
        encode(bert, ["a", "b"], pairs=["c"])
    with pytest.raises(OptionError, match="'layers' must be all or last; got 'first'"):
        encode(bert, ["a"], layers="first")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="'pooling' must be mean, cls or last; got 'max'"):
        encode(bert, ["a"], pooling="max")  # type: ignore[arg-type]


@pytest.mark.minilm
@pytest.mark.parametrize("kind", KINDS)
def test_minilm_keeps_its_vectors(kind: Any) -> None:
    """On sentences nothing was calibrated on, the embedded model's vectors have a cosine of at least 0.999 on average."""
    model = resolve("minilm")
    exact, fast = (encode(load_backbone(model, threads=1, precision=p), PARITY, cache=False) for p in ("float32", kind))
    similar = cosine(exact, fast)
    assert similar.mean(axis=0).min() >= 0.999
    assert similar.min() >= 0.995


def test_many_rows_side_by_side_are_the_same_rows(bert: Backbone) -> None:
    """Several workers, each with a core of its own, put every row where it belongs."""
    texts = [f"the cat {n} sat " + "on a mat " * (n % 5) for n in range(150)]
    np.testing.assert_allclose(encode(replace(bert, threads=3), texts, cache=False), encode(bert, texts, cache=False), atol=2e-5)


def test_a_listener_can_stop_it(bert: Backbone) -> None:
    """What the listener raises ends the encoding at once, and the threads are as before."""
    told: list[tuple[int, int]] = []

    def listen(done: int, total: int) -> None:
        told.append((done, total))
        if done > 50:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        encode(replace(bert, threads=2), [f"cat {n} " + "on a mat " * 3 for n in range(300)], cache=False, report=listen)
    assert torch.get_num_threads() == 2
    assert told[-1][0] < 300
    assert told[-1][1] == 300
