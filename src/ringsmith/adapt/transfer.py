"""To a GPU and back without waiting: while it works on one step, the processor sends the next.

A copy from or to ordinary memory makes the processor wait until all that was sent before it is done; one from or to pinned memory does not. Whoever waits
for the end of each step leaves the GPU idle until the next one is sent (5 of 100 ms of BERT-base's shape, LOG.md).
"""

from __future__ import annotations

import torch


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on the device; a GPU gets it when it comes to it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Coming:
    """A number that may still be worked out on a GPU: its copy is under way.

    Args:
        number: a tensor of one number; anywhere but on a GPU of CUDA's it is waited for here.
    """

    def __init__(self, number: torch.Tensor) -> None:
        self._copy = number.to("cpu", non_blocking=number.is_cuda)  # torch pins what it makes for it; on a Mac's GPU nothing would tell when it is there
        self._made = torch.cuda.Event() if number.is_cuda else None  # type: ignore[no-untyped-call]
        if self._made is not None:
            self._made.record()

    def read(self) -> float:
        """The number, when it has come."""
        if self._made is not None:
            self._made.synchronize()
        return float(self._copy)
