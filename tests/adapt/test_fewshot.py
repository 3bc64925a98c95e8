"""The recipe 'fewshot' keeps the contract on a tiny random BERT; its loss and its batches are held against slow twins."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tiny_models import FAMILIES, tiny_model

from contracts.recipes import PLACES, WORDS, RecipeContract, toy
from ringsmith.adapt import Setting
from ringsmith.adapt.contrast import Centres, alikeness, contrastive_loss
from ringsmith.adapt.contrastive import ContrastiveLoop
from ringsmith.adapt.fewshot import FewShot, FittedFewShot, rows_for_the_head
from ringsmith.adapt.fewshot_options import VISITS, FewShotOptions, Loss, loss_for
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.linear import Linear, to_proba
from ringsmith.adapt.lookout import Lookout, Seen
from ringsmith.adapt.pacing import Course
from ringsmith.adapt.pairs import Deck, balanced_batches, groups_of, rows_of_a_batch
from ringsmith.backbones import load_backbone
from ringsmith.catalogue import LocalModel
from ringsmith.compare.forecast import COSTS, ROWS_OF_A_BATCH
from ringsmith.errors import OptionError, RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification

NOTHING = TextSet([], [])
TASK = Classification(sorted(WORDS))
FIRST_LOSSES = [2.6760, 2.6095, 2.5939, 2.4772, 2.3377, 2.0339, 1.7072, 1.6157, 1.5824, 1.4557, 1.4772, 1.4636]
"""Of the tiny BERT on the toy in float32, one thread, without dropout."""


class TestFewShot(RecipeContract):
    """The whole contract."""

    recipe = "fewshot"
    options: ClassVar[Mapping[str, Any]] = {"epochs": 20, "rate": 3e-3, "max_rows": 16, "precision": "float32"}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


def fit(model: LocalModel, rows: TextSet, valid: TextSet = NOTHING, budget: Budget | None = None, seed: int = 0, **options: Any) -> FittedFewShot:
    """Fit on these rows with the contract's options and `options`."""
    task = Classification(sorted(set(rows.labels or [])))  # type: ignore[arg-type]
    return FewShot(Setting(task, model, options={**TestFewShot.options, **options}, seed=seed, threads=1)).fit(rows, valid, budget or Budget())


def slow_loss(vectors: np.ndarray[Any, Any], labels: list[int], temperature: float) -> float:
    """Equation 2 of Khosla et al. (2020), written as there, the mean over anchors that have a positive."""
    losses = []
    for i, anchor in enumerate(vectors):
        positives = [p for p in range(len(labels)) if p != i and labels[p] == labels[i]]
        others = sum(np.exp(anchor @ vectors[a] / temperature) for a in range(len(labels)) if a != i)
        if positives:
            losses.append(-np.mean([np.log(np.exp(anchor @ vectors[p] / temperature) / others) for p in positives]))
    return float(np.mean(losses))


@given(st.lists(st.integers(0, 3), min_size=5, max_size=12), st.sampled_from([0.05, 0.1, 0.5]), st.integers(0, 99))
def test_the_loss_is_that_of_the_paper(labels: list[int], temperature: float, seed: int) -> None:
    """Against the formula, term by term; five rows of four classes always hold a pair."""
    vectors = np.random.default_rng(seed).normal(size=(len(labels), 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = contrastive_loss(torch.from_numpy(vectors), alikeness(torch.tensor(labels)).double(), temperature)
    assert found.item() == pytest.approx(slow_loss(vectors, labels, temperature), rel=1e-6)


def slow_centred_loss(vectors: np.ndarray[Any, Any], classes: list[int], centres: np.ndarray[Any, Any], temperature: float) -> float:
    """The mean of minus the log of each row's share of its own centre, the centres having length 1 (Zhai and Wu, 2019, equation 4)."""
    losses = []
    for vector, own in zip(vectors, classes, strict=True):
        shares = [np.exp(vector @ centre / np.linalg.norm(centre) / temperature) for centre in centres]
        losses.append(-np.log(shares[own] / sum(shares)))
    return float(np.mean(losses))


@given(st.lists(st.integers(0, 3), min_size=3, max_size=12), st.sampled_from([0.05, 0.1, 0.5]), st.integers(0, 99))
def test_centres_are_told_apart_as_in_the_paper(classes: list[int], temperature: float, seed: int) -> None:
    """Against the formula, row by row; the rows of a batch are some of all, in an order of their own."""
    generator = np.random.default_rng(seed)
    vectors, begin = generator.normal(size=(len(classes), 6)).astype(np.float32), generator.normal(size=(4, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    goal, rows = Centres(torch.tensor(classes), torch.from_numpy(begin), temperature), generator.permutation(len(classes))[:3]
    expected = slow_centred_loss(vectors[rows], [classes[row] for row in rows], begin, temperature)
    assert goal.loss(torch.from_numpy(vectors[rows]), rows).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "several", "all_meet", "expected"),
    [("auto", False, True, "pairs"), ("auto", False, False, "centres"), ("auto", True, False, "pairs"), ("centres", False, True, "centres"), ("pairs", False, False, "pairs")],
)
def test_centres_stand_in_for_classes_that_do_not_meet(loss: Loss, expected: str, *, several: bool, all_meet: bool) -> None:
    """Where all meet, or rows have several labels, pairs do."""
    assert loss_for(loss, several=several, all_meet=all_meet) == expected


@pytest.mark.parametrize("rows", [1, 3])
def test_without_a_pair_nothing_is_lost_and_nothing_moves(rows: int) -> None:
    """Rows of classes of their own, a single row too: loss and gradient are 0, not NaN."""
    vectors = torch.nn.functional.normalize(torch.randn(rows, 4), dim=1).requires_grad_(True)
    loss = contrastive_loss(vectors, alikeness(torch.arange(rows)), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert vectors.grad is not None
    assert torch.count_nonzero(vectors.grad) == 0


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8))
def test_rows_with_several_labels_are_as_alike_as_their_sets(labels: list[list[bool]]) -> None:
    """Against Python's own sets."""
    sets = [{k for k, has in enumerate(row) if has} for row in labels]
    expected = [[len(a & b) / len(a | b) if a | b else 1.0 for b in sets] for a in sets]
    np.testing.assert_allclose(alikeness(torch.tensor(labels)).numpy(), expected, atol=1e-6)


@given(st.integers(1, 12), st.lists(st.integers(1, 12), min_size=1, max_size=20), st.integers(0, 9))
def test_a_deck_deals_every_card_once_a_round(cards: int, draws: list[int], seed: int) -> None:
    """However many are drawn at a time: no draw holds a card twice, and no card is ever two rounds ahead of another."""
    deck, dealt = Deck(np.arange(cards), np.random.default_rng(seed)), Counter[int]()
    for count in draws:
        drawn = deck.draw(min(count, cards)).tolist()
        assert len(drawn) == len(set(drawn)) == min(count, cards)
        dealt.update(drawn)
        assert max(dealt.values()) - min(dealt[card] for card in range(cards)) <= 1


@pytest.mark.parametrize(("sizes", "max_rows"), [([8, 8], 64), ([2] * 100, 32), ([500, 3, 40], 64), ([1, 9], 8)])
def test_batches_are_balanced(sizes: list[int], max_rows: int) -> None:
    """Every class has as many rows as every other, as far as it has any; every row has its turn."""
    targets = np.repeat(np.arange(len(sizes)), sizes)
    groups = groups_of(targets)
    batches = list(islice(balanced_batches(groups, max_rows, seed=1), 2 + 2 * len(targets) // rows_of_a_batch(groups, max_rows) * max(sizes) // min(sizes)))
    for batch in batches:
        met = np.bincount(targets[batch], minlength=len(sizes))
        assert len(batch) <= max_rows
        assert all(met[k] in (0, min(sizes[k], met.max())) for k in range(len(sizes)))
    assert len(np.unique(np.concatenate(batches))) == len(targets)
    assert np.mean([len(batch) for batch in batches]) == pytest.approx(rows_of_a_batch(groups, max_rows), rel=0.2)


def test_pairs_are_never_laid_out() -> None:
    """40,000 rows have 800 million pairs; their batches take no more memory than a few numbers a row."""
    targets = np.random.default_rng(0).integers(0, 77, 40_000)
    tracemalloc.start()
    for _ in islice(balanced_batches(groups_of(targets), 64, seed=0), 200):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(targets)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_saved_body_is_a_plain_model_of_transformers(family: str, tmp_path: Path) -> None:
    """`AutoModel` of the folder, the mean of its states, and the head in numpy: the same probabilities."""
    model = tiny_model(family, tmp_path / "tiny")
    fitted = fit(model, toy(4), epochs=2)
    fitted.save(tmp_path / "saved")
    body, tokenizer = transformers.AutoModel.from_pretrained(tmp_path / "saved"), transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    head = Linear(**load_file(tmp_path / "saved" / "head.safetensors"))
    before = load_backbone(model, threads=1, precision="float32").module.state_dict()
    assert any(not torch.equal(weight, before[name]) for name, weight in body.state_dict().items()), "it was trained"
    for text in ["I am happy at home", "furious"]:
        with torch.no_grad():
            states = body(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0).numpy()
        np.testing.assert_allclose(to_proba(head.scores(states[None] / np.linalg.norm(states)), "softmax"), fitted.predict_proba([text]), atol=1e-4)


def test_first_losses_are_these(tmp_path: Path) -> None:
    """Held to its first losses, without dropout: a change of the loop, the batches or the optimiser shows here."""
    model = tiny_model("bert", tmp_path / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    assert fit(model, toy(), epochs=3, temperature=0.1).facts.curves["loss"] == pytest.approx(FIRST_LOSSES, abs=2e-3)


@pytest.mark.parametrize("max_rows", [16, 8])
def test_the_body_parts_the_classes(tiny_bert: LocalModel, max_rows: int) -> None:
    """Vectors of one class lie together and others apart after training, more than before; with batches of two of the three classes, too."""

    def gap(fitted: FittedFewShot) -> float:
        vectors, labels = fitted.embed(toy().texts), np.array(toy().labels)
        cosines, same = vectors @ vectors.T, labels[:, None] == labels
        return float(cosines[same].mean() - cosines[~same].mean())

    trained, untrained = fit(tiny_bert, toy(), max_rows=max_rows), fit(tiny_bert, toy(), epochs=1e-9, rate=1e-9)
    assert gap(trained) > gap(untrained) + 0.3
    assert trained.facts.curves["loss"][-1] < trained.facts.curves["loss"][0]


def test_a_centre_begins_in_the_middle_of_its_class(tmp_path: Path) -> None:
    """Of its first four rows, as the untouched body sees them; at a rate of nearly nothing the first loss is that of these centres."""
    fitted = fit(tiny_model("bert", tmp_path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0), toy(4), max_rows=8, epochs=1e-9, rate=1e-9)
    vectors, classes = fitted.embed(toy(4).texts), fitted.task.targets(toy(4).labels or [])
    centres = np.stack([vectors[classes == number][:4].mean(axis=0) for number in range(3)])
    (rows,) = islice(balanced_batches(groups_of(classes), 8, seed=0), 1)
    assert fitted.facts.curves["loss"] == pytest.approx([slow_centred_loss(vectors[rows], classes[rows].tolist(), centres, 0.1)], abs=1e-3)


def test_word_embeddings_stay(tiny_bert: LocalModel) -> None:
    """And are not counted among what was trained."""
    fitted, before = fit(tiny_bert, toy(4), epochs=2), load_backbone(tiny_bert, threads=1, precision="float32").module
    words, others = (module.get_input_embeddings().weight for module in (fitted.backbone.module, before))  # type: ignore[operator]
    assert torch.equal(words, others)
    assert fitted.facts.parameters - fitted.facts.trained_parameters == words.numel()


def test_without_validation_rows_it_says_so(tiny_bert: LocalModel) -> None:
    """The plan is walked to its end, and the first strength is taken."""
    fitted = fit(tiny_bert, toy(4), epochs=3)
    assert fitted.facts.notes == ("There were no validation rows: usual settings were taken, and probabilities are not calibrated.",)
    assert fitted.facts.chosen["epochs"] == 3
    assert fitted.facts.chosen["C"] == FewShotOptions().strengths[0]


def test_classes_of_one_row_leave_the_body_alone(tiny_bert: LocalModel) -> None:
    """There is nothing to pull together; the head still learns."""
    fitted = fit(tiny_bert, toy().take([0, 16, 32]))
    assert "The body stayed as it was: no class has two rows, so that there was nothing to pull together." in fitted.facts.notes
    assert fitted.predict(toy().take([0, 16, 32]).texts) == toy().take([0, 16, 32]).labels


@pytest.mark.parametrize("loss", ["pairs", "centres"])
def test_a_short_budget_plans_fewer_epochs(tiny_bert: LocalModel, loss: str) -> None:
    """A hundred thousand epochs do not fit: it ends in time, with a schedule that reaches its end, and says so."""
    budget = Budget(3)
    fitted = fit(tiny_bert, toy(), toy(), budget, epochs=100_000, loss=loss)
    assert budget.remaining() > -0.1
    assert re.fullmatch(r"[\d.]+ epochs instead of 100000\.0: the budget allows no more\.", fitted.facts.notes[0])
    assert fitted.predict(toy().texts) == toy().labels


def test_labels_that_say_nothing_are_refused(tiny_bert: LocalModel) -> None:
    """Texts and labels that have nothing to do with each other: no better than the majority, tried twice, refused."""
    rows = TextSet([f"I am happy {place}" for place in PLACES] * 6, ["a", "a", "b"] * 16)
    with pytest.raises(RunRefused, match=r"tiny-bert\+fewshot is not ranked: .*, and starting again with half the rate did not mend it"):
        fit(tiny_bert, rows, rows, epochs=2)


def test_an_infinite_rate_is_refused(tiny_bert: LocalModel) -> None:
    """Weights blown up to no number end the run."""
    with pytest.raises(RunRefused, match="its loss became nan at step"):
        fit(tiny_bert, toy(), rate=1e30)


def test_a_broken_start_is_mended_by_a_second(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start has the next seed and half the rate, and a note says so."""
    seen: list[tuple[int, float]] = []
    train = ContrastiveLoop.train

    def breaks_once(self: ContrastiveLoop, *rows: Any, seed: int, budget: Budget) -> Course:
        seen.append((seed, self.pacing.rate))
        if len(seen) == 1:
            raise Broken("its loss became nan at step 3")
        return train(self, *rows, seed=seed, budget=budget)

    monkeypatch.setattr(ContrastiveLoop, "train", breaks_once)
    fitted = fit(tiny_bert, toy(4), seed=4, epochs=2)
    assert seen == [(4, 3e-3), (5, 1.5e-3)]
    assert fitted.facts.notes[0] == "It was started again with seed 5 and half the rate because its loss became nan at step 3."


@pytest.mark.parametrize(("earlier", "last", "rows", "goes_back"), [(0.95, 0.90, 400, True), (0.95, 0.90, 30, False), (0.90, 0.95, 400, False)])
def test_an_earlier_look_must_be_clearly_better(tiny_bert: LocalModel, earlier: float, last: float, rows: int, *, goes_back: bool) -> None:
    """0.90 of 400 rows is sure to 0.015, of 30 rows to 0.055."""
    backbone = load_backbone(tiny_bert, threads=1, precision="float32")
    lookout = Lookout(backbone, Setting(TASK, tiny_bert), "mean", (10.0,), toy(), toy(), Budget())
    head, kept = Linear(np.zeros((3, 32), np.float32), np.zeros(3, np.float32)), {name: torch.zeros_like(weight) for name, weight in backbone.module.state_dict().items()}
    lookout.judged, lookout.guard.varied = rows, False
    lookout.best, lookout.last = Seen(1, head, 1.0, (earlier, 0.0), kept), Seen(2, head, 1.0, (last, 0.0), None)
    assert lookout.choose().step == (1 if goes_back else 2)
    assert all((weight == 0).all() for weight in backbone.module.parameters()) == goes_back


def test_many_rows_are_too_many_for_the_head() -> None:
    """It takes 8,192 of them, none twice; few are all taken."""
    rows = TextSet([str(number) for number in range(10_000)], ["a", "b"] * 5_000)
    assert len(set(rows_for_the_head(rows, seed=0).texts)) == 8_192
    assert rows_for_the_head(toy(), seed=0).texts == toy().texts


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"temperature": 0}, "'temperature' must be above 0; got 0"),
        ({"loss": "triplets"}, "'loss' must be auto, pairs or centres; got 'triplets'"),
        ({"rate": -1.0, "max_rows": 4}, "'rate' must be above 0; got -1.0. 'max_rows' must be at least 8; got 4"),
        ({"strengths": ()}, "'strengths' must be one or more numbers above 0; got ()"),
        ({"pooling": "max", "precision": "int8"}, "'pooling' must be mean, cls or last; got 'max'. 'precision' must be auto, float32 or bfloat16; got 'int8'"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    """All of them at once, with their values."""
    with pytest.raises(OptionError, match=re.escape(sentence)):
        FewShotOptions(**options)


@pytest.mark.parametrize(("rows", "epochs"), [(16, 10.0), (616, VISITS / 616), (40_000, 1.0)])
def test_few_rows_are_seen_often(rows: int, epochs: float) -> None:
    """Epochs by the number of rows; the forecast reckons with as many visits."""
    assert FewShotOptions().pacing(0, rows, width=384, low=False).epochs == pytest.approx(epochs)
    assert COSTS["fewshot"].steps * ROWS_OF_A_BATCH == VISITS
