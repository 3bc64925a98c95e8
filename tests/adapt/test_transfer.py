"""What goes to a GPU and comes back; on a CPU it is there already."""

from __future__ import annotations

import pytest
import torch

from ringsmith.adapt.transfer import Coming, send


def test_a_number_is_as_it_was_when_it_was_asked_for() -> None:
    """What is written over it afterwards does not count, and it may be read twice."""
    number = torch.tensor(2.5)
    coming = Coming(number.clone())
    number.zero_()
    assert (coming.read(), coming.read()) == (2.5, 2.5)


def test_a_tensor_is_sent_as_it_is() -> None:
    """To a CPU it is the tensor itself."""
    tensor = torch.arange(6).view(2, 3)
    assert send(tensor, torch.device("cpu")) is tensor


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_is_not_waited_for_until_the_number_is_read() -> None:
    """Torch raises where the processor would wait."""
    numbers = torch.randn(512, 512)
    torch.cuda.set_sync_debug_mode("error")
    try:
        there = send(numbers, torch.device("cuda"))
        coming = Coming(there.sum())
        there.zero_()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert coming.read() == pytest.approx(float(numbers.sum()), rel=1e-3, abs=0.05)
