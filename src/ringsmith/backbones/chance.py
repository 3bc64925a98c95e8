"""torch's random numbers, borrowed: what draws within the block leaves no trace behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_chance(seed: int | None = None) -> Iterator[None]:
    """Within the block torch's generators (the CPU's, and the GPU's in use) begin at `seed`; behind it they are as they were.

    Args:
        seed: where they begin; None to go on from where they are.

    Examples:
        >>> _ = torch.manual_seed(1)
        >>> with own_chance(7):
        ...     drawn = torch.rand(1)
        >>> bool(drawn == torch.rand(1, generator=torch.Generator().manual_seed(7)))
        True
        >>> bool(torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(1)))
        True
    """
    with torch.random.fork_rng(gpus_in_use()):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def gpus_in_use() -> list[int]:
    """The GPU whose generator draws in this process; none where none was touched yet."""
    return [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
