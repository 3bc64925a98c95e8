"""The recipe 'lora' keeps the contract; what was added is merged to the same scores, and nothing else of the body moved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from tiny_models import FAMILIES, HIDDEN, tiny_model

from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt import Setting, load_fitted
from ringsmith.adapt.classifier import last_layer, vectors_of
from ringsmith.adapt.finetune import FineTuned
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.lora import Lora, add_adapters, choose_layers, linear_layers, merge_adapters
from ringsmith.adapt.lora_options import METHODS, LoraOptions
from ringsmith.adapt.optimiser import make_optimisers
from ringsmith.backbones import load_classifier
from ringsmith.backbones.meanlayer import READINGS
from ringsmith.catalogue import LocalModel, inspect_folder, read_config
from ringsmith.errors import OptionError, RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification

LABELS = sorted(WORDS)
SHORT: Mapping[str, Any] = {"epochs": 2, "rate": 1e-2, "rank": 4, "max_rows": 8, "precision": "float32"}
TEXTS = ["I am happy at home", "furious", "I tremble and I shout near the old mill with friends by the sea"]


class TestLora(RecipeContract):
    """The whole contract."""

    recipe = "lora"
    options: ClassVar[Mapping[str, Any]] = {**SHORT, "epochs": 20}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny random model of each family."""
    return tiny_model(request.param, tmp_path_factory.mktemp(request.param))


def fit(model: LocalModel, **options: Any) -> FineTuned:
    """Two epochs of `lora` without validation rows, so that nothing is judged and nothing refused."""
    return Lora(Setting(Classification(LABELS), model, options={**SHORT, **options}, threads=1)).fit(toy(), TextSet([], [], pairs=None), Budget())


def logits(module: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Scores without dropout."""
    with torch.inference_mode():
        found: torch.Tensor = module.eval()(**batch).logits
    return found


@pytest.mark.parametrize("method", METHODS[:-1])
def test_merged_scores_are_those_of_the_adapters(family: LocalModel, method: str) -> None:
    """With random adapters, in every family: the same scores before and after merging, others than the plain model's, and the plain model's names."""
    tokeniser, module = load_classifier(family, LABELS)
    names = {name: weight.shape for name, weight in module.state_dict().items()}
    encoded = tokeniser([TEXTS[0]])
    batch = {"input_ids": torch.from_numpy(encoded.ids[None]), "attention_mask": torch.ones(1, len(encoded.ids), dtype=torch.int64)}
    plain = logits(module, batch)
    module.requires_grad_(False)
    add_adapters(module, LoraOptions(method=method, rank=4))
    torch.testing.assert_close(logits(module, batch), plain, atol=1e-5, rtol=0)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for weight in module.parameters():
            if weight.requires_grad:
                weight.add_(0.2 * torch.randn_like(weight))
    added = logits(module, batch)
    merge_adapters(module)
    merged = logits(module, batch)
    assert float((added - plain).abs().max()) > 1e-2, "the adapters do something, or the comparison says nothing"
    torch.testing.assert_close(merged, added, atol=1e-4, rtol=0)
    assert {name: weight.shape for name, weight in module.state_dict().items()} == names
    assert not hasattr(module, "peft_config")


def test_lora_is_the_papers_formula(tiny_bert: LocalModel) -> None:
    """Hu et al. (2022), eq. 3, written out: W + alpha / r * B A; rslora divides by the root of r instead."""
    for method, factor in (("lora", 2.0), ("rslora", 2.0)):
        options = LoraOptions(method=method, rank=4)
        assert options.scale() / (4 if method == "lora" else 2) == factor
        _, module = load_classifier(tiny_bert, LABELS)
        add_adapters(module, options)
        layer = module.bert.encoder.layer[0].attention.self.query
        first, second = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight
        with torch.no_grad():
            second.normal_(generator=torch.Generator().manual_seed(1))
        wanted = layer.base_layer.weight.detach() + factor * second.detach() @ first
        merge_adapters(module)
        torch.testing.assert_close(module.bert.encoder.layer[0].attention.self.query.weight.detach(), wanted, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains(tiny_bert: LocalModel, method: str) -> None:
    """The loss falls, and only what the method moves is counted as trained."""
    fitted = fit(tiny_bert, method=method, epochs=6)
    losses = fitted.facts.curves["loss"]
    assert np.mean(losses[-6:]) < np.mean(losses[:6])
    assert 0 < fitted.facts.trained_parameters < 0.5 * fitted.facts.parameters


def test_dora_trains_what_reads_the_mean(family: LocalModel) -> None:
    """The layer that takes the mean has products of zeros, which have no direction that DoRA could turn: finite scores, and the loss falls."""
    if read_config(Path(family.folder))["model_type"] not in READINGS:
        pytest.skip("XLNet attends by distance, too: it has no mean layer")
    fitted = fit(family, method="dora", epochs=6, reads="mean")
    losses = fitted.facts.curves["loss"]
    assert np.isfinite(fitted.predict_proba(TEXTS)).all()
    assert np.mean(losses[-6:]) < np.mean(losses[:6])


def test_bitfit_moves_biases_alone(tiny_bert: LocalModel) -> None:
    """Of the body: every weight that is no bias is bit for bit that of the folder."""
    fitted, (_, plain) = fit(tiny_bert, method="bitfit"), load_classifier(tiny_bert, LABELS)
    before, after = dict(plain.bert.named_parameters()), dict(fitted.module.bert.named_parameters())
    moved = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert moved
    assert all(name.endswith("bias") or name.startswith("pooler") for name in moved)


def test_transformers_own_pipeline_gives_the_same_scores(family: LocalModel, tmp_path: Path) -> None:
    """The folder is a plain model: transformers loads it without peft, with the trained head in it."""
    fitted = fit(family)
    fitted.save(tmp_path / "model")
    assert not list((tmp_path / "model").glob("adapter*"))
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")
    answers = [{answer["label"]: answer["score"] for answer in pipe(text, top_k=None)} for text in TEXTS]
    theirs = np.array([[answer[label] for label in LABELS] for answer in answers])
    np.testing.assert_allclose(fitted.predict_proba(TEXTS), theirs, atol=1e-5)
    assert np.ptp(theirs, axis=0).max() > 1e-3, "the texts are told apart, or the comparison says nothing"
    np.testing.assert_array_equal(load_fitted(tmp_path / "model").predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_layers_are_found_in_every_family(family: LocalModel) -> None:
    """Every layer of the stack that multiplies by a matrix; GPT-2's Conv1D among them, and XLNet's feed-forward."""
    _, module = load_classifier(family, LABELS)
    found = linear_layers(module)
    wanted = {"bert": 6, "roberta": 6, "distilbert": 6, "gpt2": 4, "xlnet": 2}[family.name.removeprefix("tiny-")]
    assert len(found) == 2 * wanted
    assert {type(layer).__name__ for layer in found.values()} == ({"Conv1D"} if "gpt2" in family.name else {"Linear"})


def test_layers_can_be_named(tiny_bert: LocalModel) -> None:
    """By a layer's own name, by a part of the path, or by several parts."""
    layers = linear_layers(load_classifier(tiny_bert, LABELS)[1])
    assert len(choose_layers(layers, ("query", "value"))) == 4
    assert len(choose_layers(layers, ("attention",))) == 8
    assert len(choose_layers(layers, ("attention.output",))) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rank": 64}, rf"'rank' must be at most {HIDDEN}, the width of the narrowest layer it goes into \(bert\.encoder\.layer\.0\..*\); got 64\. Take 8"),
        ({"rank": 0}, "'rank' must be a whole number from 1; got 0"),
        ({"layers": ("qery",)}, r"'layers' must name layers of this model; got 'qery'\. There are: attention, dense, intermediate, key, output, query, self, value"),
        ({"layers": 5}, "'layers' must be a list of names; got .5,."),
        ({"method": "qlora"}, "'method' must be lora, rslora, dora, ia3 or bitfit; got 'qlora'"),
        ({"method": "prefix"}, "'method' must leave a plain model behind; got 'prefix', which trains what stands before every text and cannot be merged"),
        ({"method": "prompt_tuning"}, r"got 'prompt_tuning', which .* Take 'lora'"),
        ({"alpha": 0}, "'alpha' must be above 0; got 0"),
    ],
)
def test_options_that_cannot_be_are_refused(tiny_bert: LocalModel, options: dict[str, Any], sentence: str) -> None:
    """One sentence each, and nothing is trained."""
    with pytest.raises(OptionError, match=sentence):
        fit(tiny_bert, **options)


def test_a_pooler_that_the_folder_does_not_hold_is_trained(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Random numbers are not left as they are; a pooler that was pre-trained is."""
    assert fit(without_pooler(tiny_bert, tmp_path)).facts.trained_parameters - fit(tiny_bert).facts.trained_parameters == HIDDEN * HIDDEN + HIDDEN


def without_pooler(model: LocalModel, folder: Path) -> LocalModel:
    """The same body, its pooler left out, as masked models are saved."""
    body = load_classifier(model, LABELS)[1].bert
    body.pooler = None
    body.save_pretrained(folder / "model")
    for path in Path(model.folder).iterdir():
        if "token" in path.name:
            (folder / "model" / path.name).write_bytes(path.read_bytes())
    return inspect_folder(folder / "model", name="without")


def test_a_random_pooler_does_not_saturate(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """It learns at the rate of `full`: at that of the adapters a few steps drive its tanh to the ends, where all texts look alike."""
    fitted = fit(without_pooler(tiny_bert, tmp_path), rate=5e-2, epochs=4)
    vectors = vectors_of(fitted.module, fitted._feed(toy().texts, None))
    assert np.mean(np.abs(vectors) > 0.99) < 0.1


@pytest.mark.parametrize("attempt", [0, 1])
def test_what_moves_has_its_rate(family: LocalModel, attempt: int) -> None:
    """In every family: adapters and last layer that of the options, a hidden layer of the head that of `full`; half of it in a second start."""
    _, module = load_classifier(family, LABELS)
    options = LoraOptions(rate=5e-3)
    Lora(Setting(Classification(LABELS), family)).prepare(module)
    groups = [group for optimiser in make_optimisers(module, [], options.pacing(attempt, 100, classes=2, width=HIDDEN, low=False)) for group in optimiser.param_groups]
    rates = {id(weight): group["lr"] * 2**attempt for group in groups for weight in group["params"]}
    last = {id(weight) for weight in last_layer(module).parameters()}
    for name, weight in module.named_parameters():
        if weight.requires_grad:
            assert rates[id(weight)] == pytest.approx(5e-3 if "lora" in name or id(weight) in last else 1e-3), name


def test_the_seed_draws_the_adapters(tiny_bert: LocalModel) -> None:
    """Adapters start from the setting's seed, in a second start from the next one; torch's own generator is left as it was."""
    before = torch.get_rng_state()
    first, second, other, again = (adapter_of(tiny_bert, seed, breaks) for seed, breaks in ((1, 0), (1, 1), (2, 0), (1, 0)))
    assert torch.equal(first, again)
    assert torch.equal(second, other)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def adapter_of(model: LocalModel, seed: int, breaks: int) -> torch.Tensor:
    """An adapter before the first step of the start that so many others went before."""
    seen: list[torch.Tensor] = []

    def stop(self: Loop, *_: object, **__: object) -> None:
        seen.append(self.module.state_dict()["bert.encoder.layer.0.attention.self.query.lora_A.default.weight"].clone())
        raise Broken("it was stopped")

    recipe = Lora(Setting(Classification(sorted(WORDS)), model, {"precision": "float32"}, seed=seed, threads=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "train", stop)
        with pytest.raises(RunRefused, match="starting again with half the rates did not mend it"):
            recipe.fit(toy(), toy(), Budget())
    return seen[breaks]
