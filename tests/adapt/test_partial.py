"""The recipe 'partial' keeps the contract; replaying frozen layers trains the same weights as computing them anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from tiny_models import FAMILIES, tiny_model

from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt import Setting, create_recipe, load_fitted, replay
from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.finetune import FineTuned
from ringsmith.adapt.finetune_options import PartialOptions
from ringsmith.adapt.fused import fused_layers
from ringsmith.adapt.partial import Partial
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.recipe import Progress, silent
from ringsmith.adapt.replay import KeptFeed, keep_states, restore
from ringsmith.adapt.stack import embeddings_of, layers_of
from ringsmith.backbones import load_classifier
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError, RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification

LABELS = sorted(WORDS)
SHORT: Mapping[str, Any] = {"epochs": 2, "rate": 3e-3, "head_rate": 1e-2, "max_rows": 8, "precision": "float32"}


class TestPartial(RecipeContract):
    """The whole contract."""

    recipe = "partial"
    options: ClassVar[Mapping[str, Any]] = {**SHORT, "epochs": 40, "rate": 1e-2, "dropout": 0.0, "patience": 20}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


@pytest.mark.parametrize(("width", "rate"), [(32, 1e-3), (128, 1e-3), (384, 1.2e-4), (768, 6e-5), (1024, 4.5e-5)])
def test_what_moves_learns_twice_as_fast_as_in_full(width: int, rate: float) -> None:
    """The head, fitted before, too; 1e-3 is the highest of any body, and a collapse halves it as elsewhere."""
    first, second = (PartialOptions().pacing(attempt, 100, classes=2, width=width, low=False) for attempt in (0, 1))
    assert (first.rate, first.head_rate) == pytest.approx((rate, rate))
    assert second.rate == pytest.approx(rate / 2)


def test_a_rate_that_was_asked_for_is_not_doubled() -> None:
    """As everywhere, who names a rate gets it."""
    pacing = PartialOptions(rate=5e-5).pacing(0, 100, classes=2, width=384, low=False)
    assert (pacing.rate, pacing.head_rate) == (5e-5, 5e-5)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny random model of each family."""
    return tiny_model(request.param, tmp_path_factory.mktemp(request.param))


def fit(model: LocalModel, seconds: float | None = None, **options: Any) -> FineTuned:
    """Two epochs of `partial` without validation rows, so that nothing is judged and nothing refused."""
    setting = Setting(Classification(LABELS), model, options={**SHORT, **options}, threads=1)
    return Partial(setting).fit(toy(), TextSet([], [], pairs=None), Budget(seconds))


def weights_of(fitted: FineTuned) -> dict[str, np.ndarray[Any, Any]]:
    """Name -> numbers."""
    return {name: weight.numpy() for name, weight in fitted.module.state_dict().items()}


def test_replay_trains_the_same_weights(family: LocalModel) -> None:
    """Without dropout, in float32: the same numbers whether frozen layers are replayed or computed anew, in every family."""
    kept, anew = fit(family, dropout=0.0), fit(family, dropout=0.0, replay=False)
    np.testing.assert_allclose(kept.facts.curves["loss"], anew.facts.curves["loss"], atol=1e-4)
    ours, theirs = weights_of(kept), weights_of(anew)
    assert ours.keys() == theirs.keys()
    for name, numbers in ours.items():
        if not name.endswith("bias"):  # a key's has no gradient but rounding, which Adam makes large
            np.testing.assert_allclose(numbers, theirs[name], atol=1e-3, err_msg=name)
    np.testing.assert_allclose(kept.predict_proba(toy().texts), anew.predict_proba(toy().texts), atol=1e-3)
    assert kept.facts.notes == ()
    assert anew.facts.notes == ("The frozen layers were computed anew in every step: that was asked for.",)


def test_frozen_weights_are_bit_equal_and_all_others_moved(family: LocalModel) -> None:
    """The embeddings and the lower of two layers are those of the folder; the upper one and the head are not."""
    fitted = fit(family)
    _, plain = load_classifier(family, LABELS)
    for before, after in zip([*embeddings_of(plain), *layers_of(plain)[0].parameters()], [*embeddings_of(fitted.module), *layers_of(fitted.module)[0].parameters()], strict=True):
        assert torch.equal(before, after)
    moved = [not torch.equal(before, after) for before, after in zip(layers_of(plain)[1].parameters(), layers_of(fitted.module)[1].parameters(), strict=True)]
    assert np.mean(moved) > 0.7, "XLNet has weights that are never used"
    assert 0 < fitted.facts.trained_parameters < fitted.facts.parameters
    assert fitted.facts.parameters == sum(weight.numel() for weight in plain.parameters())


def test_transformers_own_pipeline_gives_the_same_scores(family: LocalModel, tmp_path: Path) -> None:
    """What is saved is the whole model, frozen layers included."""
    fitted = fit(family)
    fitted.save(tmp_path / "model")
    texts = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")
    answers = [{answer["label"]: answer["score"] for answer in pipe(text, top_k=None)} for text in texts]
    np.testing.assert_allclose(fitted.predict_proba(texts), [[answer[label] for label in LABELS] for answer in answers], atol=1e-5)
    np.testing.assert_array_equal(load_fitted(tmp_path / "model").predict_proba(texts), fitted.predict_proba(texts))


def test_upper_layers_can_be_frozen_instead(tiny_bert: LocalModel) -> None:
    """With side 'upper' and free embeddings the upper layer stays, and what is below it moves."""
    fitted = fit(tiny_bert, side="upper", embeddings=False)
    _, plain = load_classifier(tiny_bert, LABELS)
    same = [all(map(torch.equal, layers_of(one)[k].parameters(), layers_of(other)[k].parameters())) for one, other in [(plain, fitted.module)] for k in (0, 1)]
    assert same == [False, True]
    assert not torch.equal(embeddings_of(plain)[0], embeddings_of(fitted.module)[0])


def test_embeddings_alone_can_be_frozen(tiny_bert: LocalModel) -> None:
    """No layer but the embeddings: they are replayed, and they stay."""
    fitted = fit(tiny_bert, frozen=0)
    _, plain = load_classifier(tiny_bert, LABELS)
    assert all(map(torch.equal, embeddings_of(plain), embeddings_of(fitted.module)))
    assert not torch.equal(layers_of(plain)[0].attention.self.query.weight, layers_of(fitted.module)[0].attention.self.query.weight)
    assert fitted.facts.notes == ()


def test_what_memory_does_not_hold_is_computed_anew(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound nothing is kept, and a note says so."""
    monkeypatch.setattr(replay, "MEMORY_BYTES", 1_000)
    fitted = fit(tiny_bert)
    assert fitted.facts.notes == ("The frozen layers were computed anew in every step: their states would take 0.0 GB.",)


def test_states_that_take_too_long_are_not_kept(tiny_bert: LocalModel) -> None:
    """Told to stop, recording leaves the module as it was."""
    tokeniser, module = load_classifier(tiny_bert, LABELS)
    feed, layers = Feed(tokeniser(toy().texts), tokeniser.pad_id), layers_of(module)
    assert keep_states(module.requires_grad_(False), layers, 1, [feed], torch.float32, lambda done, total: False) == "the budget is too short for that"
    assert layers_of(module) is layers
    assert len(layers) == 2
    assert module.training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_killed_training_goes_on_to_the_same_bits(tiny_bert: LocalModel, tmp_path: Path, precision: str) -> None:
    """States are recorded again and are the same: killed at step 7 of 12, it ends as one that was not."""
    straight = fit(tiny_bert, precision=precision)

    def killed(progress: Progress) -> None:
        if progress.stage == "train" and progress.done == 7:
            raise KeyboardInterrupt

    setting = Setting(Classification(LABELS), tiny_bert, options={**SHORT, "precision": precision}, threads=1, report=killed)
    valid = TextSet([], [], pairs=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Partial, "_pause", lambda self, *_: Pause(tmp_path / "pause", "this", every_seconds=0.0))
        with pytest.raises(KeyboardInterrupt):
            Partial(setting).fit(toy(), valid, Budget())
        assert list(tmp_path.iterdir())
        again = Partial(replace(setting, report=silent)).fit(toy(), valid, Budget())
    for name, numbers in weights_of(straight).items():
        np.testing.assert_array_equal(numbers, weights_of(again)[name], err_msg=name)


def test_a_body_that_needs_its_lower_layers_is_left_whole(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a body counts its layers, replay finds out by trying, puts everything back, and the frozen layers are computed."""
    forward = transformers.models.bert.modeling_bert.BertEncoder.forward

    def counting(self: Any, *inputs: Any, **named: Any) -> Any:
        if len(self.layer) != self.config.num_hidden_layers:
            raise IndexError("where is my layer?")
        return forward(self, *inputs, **named)

    monkeypatch.setattr(transformers.models.bert.modeling_bert.BertEncoder, "forward", counting)
    fitted = fit(tiny_bert)
    assert fitted.facts.notes == ("The frozen layers were computed anew in every step: BertForSequenceClassification does not work without its lower layers.",)


def test_layers_that_are_shared_are_refused(tmp_path: Path) -> None:
    """ALBERT has one layer that is used over and over: there is no lower half."""
    model = tiny_model("bert", tmp_path / "model")
    _, module = load_classifier(model, LABELS)
    module.config.num_hidden_layers = 12
    with pytest.raises(RunRefused, match=r"must stand in one list of 12 to be told apart; they do not\. Take the recipe full"):
        layers_of(module)


def test_replayed_rows_are_those_of_the_batch(family: LocalModel) -> None:
    """Each row of a batch sees its own states, wherever its family puts the padding."""
    tokeniser, module = load_classifier(family, LABELS)
    module.eval()
    module.requires_grad_(False)
    feed = Feed(tokeniser(["I am happy", "furious", "I tremble and I shout near the old mill", "mad in town"]), tokeniser.pad_id)
    rows, names = np.array([2, 1, 3]), {name for name, _ in module.named_parameters()}
    with torch.no_grad():
        wanted = module(**feed.batch(module, rows)).logits
        kept = keep_states(module, layers_of(module), 1, [feed], torch.float32, lambda done, total: True)
        assert isinstance(kept, list)
        assert isinstance(kept[0], KeptFeed)
        assert len(layers_of_cut(module)) == 1
        assert {name for name, _ in module.named_parameters()} < names
        torch.testing.assert_close(module(**kept[0].batch(module, rows)).logits, wanted, atol=1e-5, rtol=1e-5)
        restore(module)
        torch.testing.assert_close(module(**feed.batch(module, rows)).logits, wanted, atol=0, rtol=0)


@pytest.mark.parametrize(("kind", "leave"), [("bert", True), ("roberta", True), ("distilbert", True), ("modernbert", True), ("electra", False), ("gpt2", False)])
def test_embeddings_leave_with_the_layers_where_nobody_else_asks_for_them(kind: str, leave: bool, tmp_path: Path) -> None:
    """ELECTRA widens them on their way to the first layer, and GPT-2 has them in pieces: there they stay. The scores are the same, and so is the module afterwards."""
    tokeniser, module = load_classifier(tiny_model(kind, tmp_path), LABELS)
    module.eval().requires_grad_(False)
    feed, words, names = Feed(tokeniser(["I am happy", "furious", "I tremble"]), tokeniser.pad_id), module.get_input_embeddings(), list(module.state_dict())
    rows = np.arange(3)
    wanted = module(**feed.batch(module, rows)).logits
    kept = keep_states(module, layers_of(module), 1, [feed], torch.float32, lambda done, total: True)
    assert not isinstance(kept, str)
    assert any("embed" in name or ".wte." in name for name in module.state_dict()) != leave
    assert module.get_input_embeddings() is words
    torch.testing.assert_close(module(**kept[0].batch(module, rows)).logits, wanted, atol=1e-5, rtol=1e-5)
    restore(module)
    assert list(module.state_dict()) == names
    assert module.get_input_embeddings() is words


def test_fused_layers_record_the_states_and_take_them_as_they_are_kept(tiny_bert: LocalModel) -> None:
    """What the frozen layer makes as one step is what autocast makes, and the moving ones see the same numbers in bfloat16 as in float32."""
    tokeniser, module = load_classifier(tiny_bert, LABELS)
    ease_dropout(module)
    module.eval().requires_grad_(False)
    feed, layers, rows = Feed(tokeniser(toy().texts), tokeniser.pad_id), layers_of(module), np.arange(8)
    plain = keep_states(module, layers, 1, [feed], torch.bfloat16, lambda done, total: True)
    restore(module)
    with fused_layers(module, list(layers)[:1], low=True) as fused:
        kept = keep_states(module, layers, 1, [feed], torch.bfloat16, lambda done, total: True)
    assert fused
    assert not isinstance(plain, str)
    assert not isinstance(kept, str)
    torch.testing.assert_close(kept[0].states, plain[0].states, atol=0.05, rtol=0.02)
    with fused_layers(module, low=True) as fused, torch.autocast("cpu", dtype=torch.bfloat16):
        assert kept[0].moving.takes == torch.bfloat16
        scores = module(**kept[0].batch(module, rows)).logits
        kept[0].moving.states = kept[0].moving.states.float()
        torch.testing.assert_close(module(**feed.batch(module, rows)).logits, scores, atol=0, rtol=0)
    assert fused
    assert kept[0].moving.takes == torch.float32


def layers_of_cut(module: Any) -> Any:
    """The list of layers while some are out."""
    return next(part for part in module.modules() if isinstance(part, replay.Moving))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"frozen": 2}, "'frozen' must leave at least one of 2 layers free; got 2. Take 1, or the recipe 'probe', which freezes all"),
        ({"frozen": 1.5}, "'frozen' must be a share from 0 to below 1, or a whole number of layers; got 1.5"),
        ({"frozen": -1}, "'frozen' must be a share"),
        ({"side": "left"}, "'side' must be lower or upper; got 'left'"),
        ({"embeddings": "yes"}, "'embeddings' must be true or false; got 'yes'"),
    ],
)
def test_options_that_cannot_be_are_refused(tiny_bert: LocalModel, options: dict[str, Any], sentence: str) -> None:
    """One sentence each, and nothing is trained."""
    with pytest.raises(OptionError, match=sentence):
        fit(tiny_bert, **options)


def test_half_of_the_layers_is_the_usual() -> None:
    """A share is rounded down."""
    assert [PartialOptions().count(layers) for layers in (1, 2, 3, 6, 12)] == [0, 1, 1, 3, 6]


def test_it_is_made_by_its_name(tiny_bert: LocalModel) -> None:
    """As `compare` makes it."""
    assert isinstance(create_recipe("partial", Setting(Classification(LABELS), tiny_bert)), Partial)
