"""Dropout out of a pool: its share, its scale, and where it stands in a model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra 'transformers' is not installed")

from torch import nn  # noqa: E402

from ringsmith.adapt.dropout import POOL, PooledDropout, ease_dropout, set_dropout  # noqa: E402


def test_a_pooled_mask_leaves_out_its_share_and_scales_the_rest() -> None:
    """As torch's own: the mean stays what it was."""
    torch.manual_seed(0)
    out = PooledDropout(0.1, {})(torch.ones(300, 400))
    assert out.unique().tolist() == pytest.approx([0, 1 / 0.9])
    assert (out == 0).float().mean().item() == pytest.approx(0.1, abs=0.003)


def test_two_masks_differ_and_a_seed_gives_them_again() -> None:
    """Cut at other places, which the seed decides."""

    def masks() -> list[torch.Tensor]:
        torch.manual_seed(3)
        drop = PooledDropout(0.5, {})
        return [drop(torch.ones(20, 20)) for _ in range(2)]

    first, again = masks(), masks()
    assert not torch.equal(first[0], first[1])
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_nothing_is_left_out_at_prediction_or_of_an_empty_batch_and_a_huge_batch_gets_torchs_own() -> None:
    """The ends of the range of sizes."""
    drop = PooledDropout(0.5, {})
    assert torch.equal(drop.eval()(torch.ones(5)), torch.ones(5))
    assert drop.train()(torch.ones(0, 3)).shape == (0, 3)
    assert (drop(torch.ones(POOL + 1)) == 0).float().mean().item() == pytest.approx(0.5, abs=0.01)


def test_a_gradient_passes_where_the_number_did() -> None:
    """With the same scale."""
    x = torch.ones(1000, requires_grad=True)
    out = PooledDropout(0.3, {})(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


class SelfAttention(nn.Module):
    """An attention with both kinds of dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.resid_dropout = nn.Dropout(0.1), nn.Dropout(0.2)


class Model(nn.Module):
    """Attention, and a dropout behind it."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.dropout, self.idle = SelfAttention(), nn.Dropout(0.1), nn.Dropout(0.0)


def test_attention_keeps_none_and_all_others_share_pools() -> None:
    """What is 0 already stays as it is."""
    model = Model()
    ease_dropout(model)
    assert model.attention.dropout.p == 0
    assert isinstance(model.attention.resid_dropout, PooledDropout)
    assert isinstance(model.dropout, PooledDropout)
    assert type(model.idle) is nn.Dropout
    assert model.dropout.pools is model.attention.resid_dropout.pools


def test_a_share_is_set_everywhere_or_nowhere() -> None:
    """None is for the model's own."""
    model = Model()
    set_dropout(model, None)
    assert model.dropout.p == 0.1
    set_dropout(model, 0.4)
    assert {part.p for part in model.modules() if isinstance(part, nn.Dropout)} == {0.4}
