"""The training loop's parts by hand and against torch's own; its plan against the clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from contracts.recipes import WORDS, toy
from ringsmith.adapt import loop as loops
from ringsmith.adapt.choose import Mark
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.finetune_options import FullOptions
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.optimiser import clip_gradients, make_optimisers, sparse_embeddings
from ringsmith.adapt.pacing import FEWEST_STEPS, Course, rate_share, replan, shuffled_batches
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.compare.forecast import COSTS, Workload
from ringsmith.errors import BudgetError, OptionError
from ringsmith.records import Budget
from ringsmith.tasks import Classification

PACING = FullOptions(max_rows=4, max_tokens=40, precision="float32", rate=1e-4, head_rate=1e-3).pacing(0, 100, classes=2, width=384, low=False)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(0, 5))
def test_an_epoch_visits_every_row_once(lengths: list[int], seed: int) -> None:
    """Batches stay within their rows and padded tokens (a longer row comes alone), and an epoch leaves nobody out."""
    sizes, seen = np.array(lengths), []
    for batch in shuffled_batches(sizes, PACING, seed):
        assert len(batch) <= PACING.max_rows
        assert len(batch) == 1 or len(batch) * sizes[batch].max() <= PACING.max_tokens
        seen.extend(batch.tolist())
        if len(seen) >= len(lengths):
            break
    assert sorted(seen) == list(range(len(lengths)))


def test_who_meets_whom_changes_from_epoch_to_epoch_and_with_the_seed() -> None:
    """The same seed gives the same batches; another seed or the next epoch gives others."""
    sizes = np.full(16, 5)

    def first(seed: int, epochs: int) -> list[list[int]]:
        return [batch.tolist() for batch in islice(shuffled_batches(sizes, PACING, seed), 4 * epochs)]

    assert first(0, 2) == first(0, 2)
    assert first(0, 1) != first(1, 1)
    assert first(0, 2)[4:] != first(0, 1)


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_rates_rise_once_and_fall_to_the_end(steps: int, warm_up: float) -> None:
    """Never above 1, never 0 while steps are left, at most one rise followed by one fall."""
    shares = [rate_share(step, steps, warm_up) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


def test_clipping_counts_sparse_and_dense_gradients_together() -> None:
    """By hand: a dense gradient of length 3 and a word that occurs twice with 2 + 2 = 4 make 5; clipped to 1 they keep their direction."""
    dense, table = nn.Parameter(torch.zeros(1)), nn.Embedding(3, 1, sparse=True)
    (dense * 3 + 2 * table(torch.tensor([1, 1])).sum()).backward()
    clip_gradients([torch.optim.AdamW([dense]), torch.optim.SparseAdam([table.weight])], 1.0)
    assert dense.grad is not None
    assert dense.grad.tolist() == pytest.approx([0.6])
    assert table.weight.grad is not None
    assert table.weight.grad.to_dense().flatten().tolist() == pytest.approx([0, 0.8, 0])


def test_short_gradients_are_left_alone() -> None:
    """Below the limit nothing changes."""
    dense = nn.Parameter(torch.zeros(1))
    (dense * 0.5).backward()
    clip_gradients([torch.optim.AdamW([dense])], 1.0)
    assert dense.grad is not None
    assert dense.grad.item() == 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_clipping_goes_by_the_length_that_torch_finds(dtype: torch.dtype) -> None:
    """Of matrices, vectors and what does not lie in order, in any precision; and no gradient at all is none to clip."""
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(shape, generator=generator).to(dtype) for shape in ((300, 700), (5,), (40, 30))]
    gradients[2] = gradients[2].t()
    weights = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient.clone()
    length = torch.nn.utils.get_total_norm(gradients)
    clip_gradients([torch.optim.AdamW(weights)], 2.0)
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient * (2.0 / length))
    clip_gradients([torch.optim.AdamW([nn.Parameter(torch.zeros(1))])], 2.0)


def test_only_the_words_of_a_batch_move(tiny_bert: LocalModel) -> None:
    """Lazy Adam leaves the other rows bit-equal; its first step is the rate, as dense Adam's is; the table is dense again afterwards."""
    _, module = load_classifier(tiny_bert, ["a", "b"])
    module.eval()
    before = module.get_input_embeddings().weight.detach().clone()
    with sparse_embeddings(module) as words:
        made = make_optimisers(module, words, PACING)
        module(input_ids=torch.tensor([[2, 7, 9, 3]])).logits[0, 0].backward()
        for optimiser in made:
            optimiser.step()
    moved = (module.get_input_embeddings().weight - before).abs().detach()
    assert set(torch.nonzero(moved.sum(dim=1)).flatten().tolist()) == {2, 3, 7, 9}
    assert moved[[2, 3, 7, 9]].max().item() == pytest.approx(PACING.rate, rel=1e-3)
    assert module.get_input_embeddings().sparse is False


def test_every_weight_is_trained_once_at_its_own_rate(tiny_bert: LocalModel) -> None:
    """Each weight stands in exactly one group; the head has its rate; biases, norms and tables have no decay."""
    _, module = load_classifier(tiny_bert, ["a", "b"])
    with sparse_embeddings(module) as words:
        groups = [group for optimiser in make_optimisers(module, words, PACING) for group in optimiser.param_groups]
    placed = {id(weight): group for group in groups for weight in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(placed) == len(list(module.parameters()))
    named = {name: placed[id(weight)] for name, weight in module.named_parameters()}
    assert named["classifier.weight"]["lr"] == named["classifier.bias"]["lr"] == PACING.head_rate
    assert named["bert.encoder.layer.0.output.dense.weight"]["lr"] == PACING.rate
    decays = {name: group.get("weight_decay", 0.0) for name, group in named.items()}
    assert decays["bert.encoder.layer.0.output.dense.weight"] == decays["classifier.weight"] == PACING.decay
    assert all(decay == 0 for name, decay in decays.items() if "LayerNorm" in name or "bias" in name or "embeddings" in name)


def course(asked: int, steps: int, step_seconds: float) -> Course:
    """A course that has done some steps of ten tokens each."""
    made = Course(per_epoch=10, asked=asked, planned=asked)
    for _ in range(steps):
        made.curves["loss"].append(1.0)
        made.note(10, step_seconds)
    return made


def test_the_plan_is_kept_where_it_fits() -> None:
    """Without a limit, and with more than enough time, all steps that were asked for are planned."""
    assert replan(course(100, 8, 0.1), 5, Budget()) == 100
    assert replan(course(100, 8, 0.1), 5, Budget(1000)) == 100


def test_the_plan_shrinks_to_the_budget() -> None:
    """By hand: 10 s less 15 % reserve, less four looks of 100 tokens at 0.01 s * 0.45 (1.8 s), leave 6.7 s or 67 steps after the 8 done."""
    assert replan(course(1000, 8, 0.1), 100, Budget(10)) == pytest.approx(8 + 67, abs=1)


def test_a_budget_for_hardly_a_step_is_refused() -> None:
    """The sentence names the pace and what is left."""
    with pytest.raises(BudgetError, match=r"a step takes 1\.00 s, and [12]\.\d s are left"):
        replan(course(1000, 8, 1.0), 5, Budget(2))
    assert replan(course(FEWEST_STEPS - 2, 8, 1.0), 5, Budget(20)) == FEWEST_STEPS - 2


def test_course_knows_its_best_look() -> None:
    """Equal marks are no progress; the log loss breaks ties, and a lower one is progress of its own."""
    made = course(10, 3, 0.1)
    assert [made.see(mark) for mark in ((0.5, -0.7), (0.5, -0.7), (0.5, -0.6), (0.4, -0.1))] == [True, False, True, False]
    assert (made.best, made.stale) == ((0.5, -0.6), 0)
    assert not made.see((0.45, -0.2))
    assert made.stale == 1
    assert made.curves["valid_log_loss"] == [0.7, 0.7, 0.6, 0.1, 0.2]


class Script:
    """A watch whose marks were written before; keeps a weight as it was at every look."""

    def __init__(self, module: nn.Module, metrics: list[float], *, is_sound: bool = True) -> None:
        self.is_sound, self.weight, self.metrics, self.seen = is_sound, next(module.parameters()), list(metrics), list[torch.Tensor]()

    def step(self, losses: Sequence[float], planned: int) -> None:
        """Nothing is ever broken."""

    def __call__(self, scores: npt.NDArray[np.float32], progress: float) -> Mark:
        self.seen.append(self.weight.detach().clone())
        return self.metrics[len(self.seen) - 1], -1.0

    def sound(self) -> bool:
        """As the script says."""
        return self.is_sound

    def state(self) -> dict[str, Any]:
        """Nothing: the script goes on by what it has seen."""
        return {}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""


@pytest.mark.parametrize(
    ("metrics", "kept", "is_sound"),
    [([0.65, 0.66, 0.6], 2, True), ([0.6, 0.9, 0.6], 1, True), ([0.9, 0.6, 0.6], 0, True), ([0.6, 0.7, 0.8], 2, True), ([1.0, 1.0, 1.0], 2, True), ([0.65, 0.66, 0.6], 1, False)],
)
def test_an_earlier_look_is_taken_only_where_it_is_clearly_better(tiny_bert: LocalModel, metrics: list[float], kept: int, is_sound: bool) -> None:
    """48 rows at .6 have a standard error of .07: .66 may be luck, .9 is not; three steps, three looks."""
    task, rows = Classification(sorted(WORDS)), toy()
    assert len(rows.texts) == 48
    tokeniser, module = load_classifier(tiny_bert, task.labels)
    pacing = FullOptions(epochs=3, rate=3e-3, max_rows=48, max_tokens=10_000, precision="float32").pacing(0, 48, classes=3, width=32, low=False)
    feed, watch = Feed(tokeniser(rows.texts), tokeniser.pad_id), Script(module, metrics, is_sound=is_sound)
    course = Loop(module, pacing, lambda progress: None).train(feed, task.targets(rows.labels or []), feed, watch, seed=0, budget=Budget())
    assert course.kept_step == course.curves["valid_step"][kept]
    assert [torch.equal(watch.weight, seen) for seen in watch.seen] == [look == kept for look in range(3)]


def test_the_plan_is_made_again_when_the_pace_is_sure(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight slow steps plan 80 of 160; at the tenth it is seen that there is time for 150, at the 18th (an eighth of these) for all."""
    plans, task, rows = {8: 80, 10: 150, 18: 160, 20: 160}, Classification(sorted(WORDS)), toy()
    asked: list[int] = []

    def replan(course: Course, *_: object, **__: object) -> int:
        asked.append(course.steps)
        return plans[course.steps]

    monkeypatch.setattr(loops, "replan", replan)
    tokeniser, module = load_classifier(tiny_bert, task.labels)
    pacing = FullOptions(epochs=160, max_rows=48, max_tokens=10_000, patience=10**6, precision="float32").pacing(0, 48, classes=3, width=32, low=False)
    feed = Feed(tokeniser(rows.texts), tokeniser.pad_id)
    course = Loop(module, pacing, lambda progress: None).train(feed, task.targets(rows.labels or []), feed, Script(module, [0.9] * 160), seed=0, budget=Budget())
    assert asked == list(plans)
    assert course.steps == course.planned == 160


def test_all_broken_options_are_named_at_once() -> None:
    """Two faults, two sentences, one error."""
    with pytest.raises(OptionError, match=r"'epochs' must be a number, above 0; got 'abc'\. Leave it out"):
        FullOptions(epochs="abc")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"'epochs' must be above 0; got 0\. 'precision' must be auto, float32 or bfloat16; got 'half'\. Leave it out for the usual value\."):
        FullOptions(epochs=0, precision="half")


def test_an_attempt_after_a_collapse_learns_half_as_fast() -> None:
    """Body and head alike."""
    first, second = (FullOptions().pacing(attempt, 100, classes=2, width=384, low=False) for attempt in (0, 1))
    assert (second.rate, second.head_rate) == (first.rate / 2, first.head_rate / 2)


@pytest.mark.parametrize(("width", "rate"), [(32, 1e-3), (128, 6e-5 * 3**2.5), (256, 6e-5 * 1.5**2.5), (384, 6e-5), (768, 3e-5), (1024, 2.25e-5)])
def test_wider_bodies_learn_slower(width: int, rate: float) -> None:
    """BERT-base gets a rate that its paper tried; the head, fitted before, has the body's."""
    pacing = FullOptions().pacing(0, 100, classes=2, width=width, low=False)
    assert math.isclose(pacing.rate, rate)
    assert math.isclose(pacing.head_rate, rate)


@pytest.mark.parametrize(("rows", "classes", "epochs"), [(100_000, 2, 3), (2_400, 2, 4), (735, 8, 300 * 32 / 735), (9_000, 77, 1_155 * 32 / 9_000), (100, 2, 20)])
def test_few_rows_and_many_classes_want_more_epochs(rows: int, classes: int, epochs: float) -> None:
    """300 steps, or 15 a class, between 3 and 20 epochs; and the forecast counts as many."""
    assert math.isclose(FullOptions().pacing(0, rows, classes=classes, width=384, low=False).epochs, epochs)
    work = Workload(rows, 1, 50.0, (10,), classes)
    assert math.isclose(COSTS["full"].forwards(work), COSTS["full"].passes + 3 * epochs)


def test_steps_that_were_made_stay_in_the_plan() -> None:
    """25 steps were made and the rest of the time is for looks: the training ends there, with one, and is not refused."""
    assert replan(course(1000, 25, 1.0), 50, Budget(6)) == 25
