"""The kernels of training in bfloat16 against float64: every number within a rounding of what the formula gives, there and back, on any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from ringsmith._kernels.team import Team
from ringsmith.adapt.fusedlayer import torch_team
from ringsmith.backbones import kernels_training as kernels
from ringsmith.backbones import kernels_training_attention as attention

LOW, CHUNKS = torch.bfloat16, 16
ALONE = Team(Path("no such library"), 1)


def low(*shape: int, seed: int = 0, spread: float = 1.0) -> torch.Tensor:
    """Numbers that bfloat16 holds."""
    return (spread * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))).to(LOW)


def do(kernel: Any, chunks: int, *job: Any, team: Team = ALONE) -> None:
    """A job of tensors and numbers."""
    team.do(kernel, chunks, *(part.data_ptr() if isinstance(part, torch.Tensor) else part for part in job))


def assert_rounded(found: torch.Tensor, wanted: torch.Tensor, *, near: float = 1e-5) -> None:
    """Each number is the bfloat16 next to what is wanted (a unit in the last place of eight bits), or nearer than `near`."""
    gap = (found.double() - wanted.detach()).abs()
    assert bool((gap <= wanted.detach().abs() * 2**-8 + near).all()), float(gap.max())


@pytest.mark.parametrize("rows", [1, 5, 70])
def test_gelu_there_and_back(rows: int) -> None:
    """Far out on both sides, too."""
    y, bias, slope = low(rows, 48, spread=3), torch.randn(48), low(rows, 48, seed=1)
    y[0, :4] = torch.tensor([-30.0, -6.0, 6.0, 30.0])
    given, by = (y.double() + bias.double()).requires_grad_(), slope.double()
    wanted = functional.gelu(given)
    wanted.backward(by)
    assert given.grad is not None
    out, sums = torch.empty_like(y), torch.full((CHUNKS, 60), 7.0)
    do(kernels.gelu, CHUNKS, rows, 48, y, bias, out)
    assert_rounded(out, wanted)
    do(kernels.gelu_back, CHUNKS, rows, 48, y, bias, slope, sums, 60, 3)
    assert_rounded(slope, given.grad)
    torch.testing.assert_close(sums[:, 3:51].sum(dim=0).double(), given.grad.sum(dim=0), atol=1e-4, rtol=1e-4)
    assert bool((sums[:, :3] == 7).all() and (sums[:, 51:] == 7).all())


@pytest.mark.parametrize("two", [False, True])
def test_add_norm_there_and_back(two: bool) -> None:
    """With one slope that comes back, and with two."""
    rows, width = 21, 64
    y, old, slope, other = (low(rows, width, seed=seed) for seed in range(4))
    bias, gain, shift, epsilon = torch.randn(width), torch.randn(width), torch.randn(width), torch.tensor([1e-5])
    leaves = [part.double().requires_grad_() for part in (y, old, bias, gain, shift)]
    wanted = functional.layer_norm(leaves[0] + leaves[2] + leaves[1], (width,), leaves[3], leaves[4], 1e-5)
    wanted.backward(slope.double() + other.double() if two else slope.double())
    out, hat, pace = torch.empty_like(y), torch.empty_like(y), torch.empty(rows)
    do(kernels.add_norm, CHUNKS, rows, width, y, bias, old, gain, shift, epsilon, 0, 0, out, hat, pace)
    assert_rounded(out, wanted)
    to_old, to_product, sums = torch.empty_like(y), torch.empty_like(y), torch.empty(CHUNKS, 3 * width)
    do(kernels.add_norm_back, CHUNKS, rows, width, slope, other if two else 0, hat, pace, gain, 0, 0, to_old, to_product, sums, 3 * width, width, 2 * width, 0)
    grads = [leaf.grad for leaf in leaves]
    assert all(grad is not None for grad in grads)
    assert_rounded(to_old, grads[1], near=0.02)  # type: ignore[arg-type]  # the norm before gain and shift was rounded, too
    assert torch.equal(to_old, to_product)
    for found, place in ((sums[:, :width], 2), (sums[:, width : 2 * width], 3), (sums[:, 2 * width :], 4)):
        torch.testing.assert_close(found.sum(dim=0).double(), grads[place], atol=0.05, rtol=0.02)


def test_what_is_dropped_out_gets_no_slope() -> None:
    """The same numbers as on the way there; the others are scaled."""
    rows, width, half = 8, 64, 1 << 31
    y, zeros, slope = torch.ones(rows, width, dtype=LOW), torch.zeros(rows, width, dtype=LOW), low(rows, width)
    none, one, epsilon = torch.zeros(width), torch.ones(width), torch.tensor([1e-5])
    out, hat, pace = torch.empty_like(y), torch.empty_like(y), torch.empty(rows)
    do(kernels.add_norm, CHUNKS, rows, width, y, none, zeros, one, none, epsilon, 5, half, out, hat, pace)
    dropped = hat < 0
    assert 0.4 < float(dropped.float().mean()) < 0.6
    to_old, to_product, sums = torch.empty_like(y), torch.empty_like(y), torch.empty(CHUNKS, 3 * width)
    do(kernels.add_norm_back, CHUNKS, rows, width, slope, 0, hat, pace, one, 5, half, to_old, to_product, sums, 3 * width, 0, width, 2 * width)
    assert not to_product[dropped].any()
    assert torch.equal(to_product[~dropped], 2 * to_old[~dropped])


def attention_case(lengths: tuple[int, ...], heads: int, size: int, *, first_only: bool) -> tuple[Any, ...]:
    """Queries, keys and values side by side, their biases, the slope of what is seen."""
    tokens, width = sum(lengths), heads * size
    return low(tokens, 3 * width), low(3 * width, seed=1).float(), low(len(lengths) if first_only else tokens, width, seed=2), width


def slowly(qkv: torch.Tensor, biases: torch.Tensor, lengths: tuple[int, ...], heads: int, *, first_only: bool) -> torch.Tensor:
    """Attention of each text on its own (Vaswani et al., 2017, eq. 1)."""
    out = list[torch.Tensor]()
    for text in (qkv + biases).split(lengths):
        q, k, v = (part.view(len(text), heads, -1).transpose(0, 1) for part in text.chunk(3, dim=1))
        q = q[:, :1] if first_only else q
        out.append(((q @ k.mT / np.sqrt(q.shape[-1])).softmax(dim=-1) @ v).transpose(0, 1).flatten(1))
    return torch.cat(out)


@pytest.mark.parametrize("first_only", [False, True])
@pytest.mark.parametrize(("heads", "size"), [(2, 16), (3, 32), (1, 64)])
@pytest.mark.parametrize("lengths", [(1,), (3, 16, 17), (40, 2, 33)])
def test_attention_there_and_back(lengths: tuple[int, ...], heads: int, size: int, first_only: bool) -> None:
    """Texts of one token, of whole blocks and beyond; sums over the tokens are the slopes of the biases."""
    qkv, biases, slope, width = attention_case(lengths, heads, size, first_only=first_only)
    leaf, bias = qkv.double().requires_grad_(), biases.double().requires_grad_()
    wanted = slowly(leaf, bias, lengths, heads, first_only=first_only)
    wanted.backward(slope.double())
    assert leaf.grad is not None
    assert bias.grad is not None
    starts = torch.tensor([0, *np.cumsum(lengths)])
    query = qkv[starts[:-1], :width].contiguous() if first_only else qkv
    key, value, out = qkv.data_ptr() + 2 * width, qkv.data_ptr() + 4 * width, torch.empty(len(slope), width, dtype=LOW)
    job = (len(lengths), heads, size, starts, int(first_only), query, query.stride(0), key, value, 3 * width, biases)
    do(attention.attend, CHUNKS * heads, *job, out)
    assert_rounded(out, wanted, near=1e-4)
    found, of_query, sums = torch.zeros_like(qkv), torch.zeros_like(query), torch.empty(CHUNKS, 3 * width)
    to = of_query if first_only else found
    do(attention.attend_back, CHUNKS * heads, *job, slope, to, found.data_ptr() + 2 * width, found.data_ptr() + 4 * width, sums, 3 * width, 0)
    if first_only:
        assert_rounded(of_query, leaf.grad[starts[:-1], :width], near=1e-4)
    else:
        assert_rounded(found[:, :width], leaf.grad[:, :width], near=1e-4)
    assert_rounded(found[:, width:], leaf.grad[:, width:], near=1e-4)
    torch.testing.assert_close(sums.sum(dim=0).double(), bias.grad, atol=1e-3, rtol=1e-3)


def works(team: Team) -> list[torch.Tensor]:
    """All that some kernels write."""
    y, bias, slope, sums = low(70, 48), torch.ones(48), low(70, 48, seed=1), torch.empty(CHUNKS, 48)
    do(kernels.gelu_back, CHUNKS, 70, 48, y, bias, slope, sums, 48, 0, team=team)
    qkv, biases, out_slope, width = attention_case((9, 30, 4), 2, 16, first_only=False)
    starts, found, more = torch.tensor([0, 9, 39, 43]), torch.zeros_like(qkv), torch.empty(CHUNKS, 3 * width)
    job = (3, 2, 16, starts, 0, qkv, 3 * width, qkv.data_ptr() + 2 * width, qkv.data_ptr() + 4 * width, 3 * width, biases, out_slope)
    do(attention.attend_back, CHUNKS * 2, *job, found, found.data_ptr() + 2 * width, found.data_ptr() + 4 * width, more, 3 * width, 0, team=team)
    return [slope, sums, found, more]


def test_the_number_of_threads_changes_no_bit() -> None:
    """Sums are made chunk by chunk, whoever does a chunk; without torch's threads one does them all."""
    alone, library = works(ALONE), torch_team()
    library.threads = 2
    for team in (library, Team(Path("no such library"), 2)):
        assert all(torch.equal(one, other) for one, other in zip(works(team), alone, strict=True))


@pytest.mark.parametrize(("team", "whole"), [(lambda: Team(Path("no such library"), 2), False), (lambda: ALONE, True)])
def test_a_team_says_whether_all_of_it_works(team: Callable[[], Team], whole: bool) -> None:
    """One thread always does."""
    assert team().is_whole is whole
