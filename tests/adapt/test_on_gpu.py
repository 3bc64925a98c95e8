"""What only a GPU shows; without one these tests are skipped, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.nn import functional

from ringsmith.adapt.optimiser import clip_gradients
from ringsmith.backbones.chance import own_chance

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def test_random_numbers_of_the_gpu_are_borrowed_too() -> None:
    """The same draws within, and behind the block as if nothing had been drawn."""
    torch.manual_seed(1)
    torch.rand(1, device="cuda")
    before = torch.cuda.get_rng_state()
    with own_chance(7):
        one = torch.rand(4, device="cuda")
    assert torch.equal(before, torch.cuda.get_rng_state())
    with own_chance(7):
        other = torch.rand(4, device="cuda")
    assert torch.equal(one, other)


@pytest.mark.parametrize("longest", [0.5, 1e6])
def test_gradients_are_clipped_without_asking_the_gpu(longest: float) -> None:
    """As on the CPU, too long or not; the processor does not wait."""
    values = [torch.randn(5, 3), torch.randn(7)]
    made: dict[str, list[torch.Tensor]] = {}
    for device in ("cpu", "cuda"):
        weights = [nn.Parameter(torch.zeros_like(value, device=device)) for value in values]
        for weight, value in zip(weights, values, strict=True):
            weight.grad = value.to(device)
        with _never_waits(device):
            clip_gradients([torch.optim.AdamW(weights)], longest)
        made[device] = [weight.grad.cpu() for weight in weights if weight.grad is not None]
    torch.testing.assert_close(made["cuda"], made["cpu"])


@contextmanager
def _never_waits(device: str) -> Iterator[None]:
    """Within the block torch raises where the processor would wait for the GPU."""
    torch.cuda.set_sync_debug_mode("error" if device == "cuda" else "default")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_what_is_drawn_and_learnt_there_is_what_the_cpu_learns() -> None:
    """A step of a linear model, near enough."""
    rows, wanted = torch.randn(16, 4), torch.randint(0, 3, (16,))
    grown = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        layer = nn.Linear(4, 3).to(device)
        functional.cross_entropy(layer(rows.to(device)), wanted.to(device)).backward()
        optimiser = torch.optim.AdamW(layer.parameters(), fused=True)
        clip_gradients([optimiser], 1.0)
        optimiser.step()
        grown.append(layer.weight.detach().cpu())
    torch.testing.assert_close(grown[1], grown[0])
