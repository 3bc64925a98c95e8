"""The recipe 'probe' keeps the contract on a tiny random BERT; its head against scikit-learn."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers

from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.encoder import Encoder
from ringsmith.adapt.probe import FittedProbe
from ringsmith.backbones import load_backbone
from ringsmith.catalogue import LocalModel
from ringsmith.errors import BudgetError, OptionError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification


class TestProbe(RecipeContract):
    """The whole contract."""

    recipe = "probe"
    options: ClassVar[Mapping[str, Any]] = {"precision": "float32"}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Two random layers of 32."""
        return tiny_bert


@pytest.fixture
def encoder(tiny_bert: LocalModel) -> Encoder:
    """An encoder with a minute to go."""
    return Encoder(load_backbone(tiny_bert, threads=1), Setting(Classification(sorted(WORDS)), tiny_bert), "mean", Budget(60))


def test_rows_that_do_not_fit_the_budget_are_left_out_and_it_is_said(encoder: Encoder) -> None:
    """At 30 characters a second a minute's share (42 s) holds about 1,260 characters of the toy's 48 rows of some 40 each."""
    encoder.characters_per_second = 30
    kept, notes = encoder.rows_that_fit(toy())
    sizes = [len(text) + 8 for text in kept.texts]
    assert 1260 - 60 <= sum(sizes) <= 1260
    assert notes == (f"{len(kept)} of 48 training rows were used, drawn by chance: the budget allows no more.",)
    assert len(set(kept.rows.tolist())) == len(kept)


def test_hardly_any_row_is_a_budget_too_short(encoder: Encoder) -> None:
    """Fewer than twenty rows are not worth a head."""
    encoder.characters_per_second = 5
    with pytest.raises(BudgetError, match=r"does not fit into this run's share of the budget, \d+\.\d s: 48 rows need about \d+\.\d s, and \d+\.\d s are left\. Give it more time"):
        encoder.rows_that_fit(toy())


def test_what_took_all_of_the_budget_is_said(encoder: Encoder) -> None:
    """Not that so many rows need 0.0 s, and 0.0 s are left: their vectors are known from an earlier run, and loading took it all."""
    encoder.characters_per_second, encoder.budget = 1e9, Budget(2, started=time.monotonic() - 3)
    with pytest.raises(BudgetError, match=r"share of the budget, 2\.0 s: it was over before the training rows were encoded; to load the model and .* took all of it\."):
        encoder.rows_that_fit(toy())


def test_a_pace_not_yet_known_leaves_all_rows(encoder: Encoder) -> None:
    """Before anything was encoded nothing can be foreseen."""
    rows = toy()
    assert encoder.rows_that_fit(rows) == (rows, ())


def test_no_rows_show_no_pace(encoder: Encoder) -> None:
    """Without validation rows all training rows are still taken, with and without a limit of time."""
    encoder.encode(TextSet([], []), "all")
    kept, notes = encoder.rows_that_fit(toy())
    assert (len(kept), notes) == (len(toy()), ())


def test_vectors_too_large_for_memory_leave_the_last_layer(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 100 rows of 3 layers of 32 numbers of 4 bytes are 38,400; pairs take twice as much."""
    monkeypatch.setattr("ringsmith.adapt.encoder.MEMORY_BYTES", 40_000)
    assert encoder.layers_that_fit(100, pairs=False) == ("all", ())
    layers, notes = encoder.layers_that_fit(100, pairs=True)
    assert (layers, notes) == ("last", ("Only the last layer was used: the vectors of all 3 would take 0.0 GB.",))


def test_the_last_layer_alone_is_still_a_model(tiny_bert: LocalModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fitted on the last layer, saved, loaded: the mixture is the last layer's, and predictions are the same."""
    monkeypatch.setattr("ringsmith.adapt.encoder.MEMORY_BYTES", 1)
    fitted = TestProbe.fit(tiny_bert, toy())
    assert fitted.facts.chosen["mixture"] == "last"
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(load_fitted(tmp_path / "model", threads=1).predict_proba(toy().texts), fitted.predict_proba(toy().texts))


def test_the_saved_folder_is_a_plain_backbone(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Transformers' AutoModel loads it, with the very same weights."""
    TestProbe.fit(tiny_bert, toy()).save(tmp_path / "model")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "model", local_files_only=True).state_dict()
    ours = transformers.AutoModel.from_pretrained(tiny_bert.folder, local_files_only=True).state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


def fit_long(model: LocalModel, rows: TextSet, *, ways: Sequence[str], seconds: float | None = None) -> FittedProbe:
    """Fitted on three quarters of the rows, with these ways for long texts."""
    setting = Setting(Classification(sorted(WORDS)), model, options={"precision": "float32", "long": ways}, threads=1)
    index = np.arange(len(rows))
    fitted = create_recipe("probe", setting).fit(rows.take(index[index % 4 != 0]), rows.take(index[index % 4 == 0]), Budget(seconds))
    assert isinstance(fitted, FittedProbe)
    return fitted


def with_long_texts(*, told_late: bool) -> TextSet:
    """The toy with 80 words more in two of three rows: before what tells the class, or after it; the model takes 64 tokens."""
    rows, filler = toy(), "in the garden " * 27
    long = [(filler + text if told_late else text + " " + filler) if i % 3 else text for i, text in enumerate(rows.texts)]
    return TextSet(long, rows.labels)


def test_truncation_is_counted(tiny_bert: LocalModel) -> None:
    """Two of three texts are longer than the model's 64 tokens, where their ends are cut off; read in windows, nothing is lost."""
    rows = with_long_texts(told_late=True)
    share = np.mean([i % 3 > 0 for i in range(len(rows)) if i % 4])
    assert fit_long(tiny_bert, rows, ways=["cut"]).facts.truncated_share == pytest.approx(share)
    assert fit_long(tiny_bert, rows, ways=["windows"]).facts.truncated_share == 0


@pytest.mark.parametrize("recipe", ["probe", "full", "fewshot"])
def test_a_script_that_the_backbone_does_not_know_is_told(tiny_bert: LocalModel, recipe: str) -> None:
    """All its letters are one piece to it; of a script it knows nothing is said."""
    rows = toy()
    setting = Setting(Classification(sorted(WORDS)), tiny_bert, options={"precision": "float32", **({} if recipe == "probe" else {"epochs": 1})}, threads=1)
    for words, told in (("ร้านนี้", True), ("", False)):
        texts = TextSet([f"{words} {words} {text}" for text in rows.texts], rows.labels)
        notes = [note for note in create_recipe(recipe, setting).fit(texts, texts, Budget()).facts.notes if "unknown to" in note]
        assert [note.endswith("which reads them all alike: a model for their language or script would read more.") for note in notes] == [True] * told


def test_what_stands_at_the_end_of_long_texts_is_found_by_windows(tiny_bert: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off, two of three texts say nothing; the validation rows choose windows, which are kept on disk; short texts keep their vectors."""
    monkeypatch.setattr("ringsmith.adapt.jury.ENOUGH", 0)  # a random model learns the toy's texts by heart: parts that keep copies together say nothing
    rows = with_long_texts(told_late=True)
    valid = np.arange(0, len(rows), 4)
    cut, both = (fit_long(tiny_bert, rows, ways=ways) for ways in (["cut"], ["cut", "windows"]))
    assert both.facts.chosen["long"] == both.long == "windows"
    right = [np.mean([model.predict([rows.texts[i]])[0] == (rows.labels or [])[i] for i in valid]) for model in (cut, both)]
    assert right[1] > right[0] + 0.2
    both.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model", threads=1)
    np.testing.assert_array_equal(again.predict_proba(rows.texts), both.predict_proba(rows.texts))
    if both.mixture == cut.mixture:
        np.testing.assert_allclose(both.embed(["I am happy"]), cut.embed(["I am happy"]), atol=1e-6)


def test_short_texts_are_seen_in_one_way(tiny_bert: LocalModel) -> None:
    """Nothing is chosen where there is nothing to choose."""
    fitted = fit_long(tiny_bert, toy(), ways=["cut", "windows"])
    assert "long" not in fitted.facts.chosen
    assert fitted.long == "cut"


def test_windows_that_do_not_fit_are_left_out_and_it_is_said(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 48 rows of 3 layers of 32 numbers are 18,432 bytes, and twice as much in two ways; and where time is short, the first way stays."""
    rows = with_long_texts(told_late=True)
    with monkeypatch.context() as patch:
        patch.setattr("ringsmith.adapt.encoder.MEMORY_BYTES", 48 * 3 * 32 * 4)
        seen = encoder.see(rows.take(np.arange(36)), rows.take(np.arange(36, 48)), ("cut", "windows"))
        assert list(seen.views) == ["cut"]
        assert seen.notes == ("Long texts were treated in one way only: memory allows no more.",)
        assert not seen.hurried
    monkeypatch.setattr("ringsmith.adapt.encoder.SHARE", 1e-9)
    monkeypatch.setattr(encoder, "rows_that_fit", lambda train: (train, ()))
    seen = encoder.see(rows.take(np.arange(36)), rows.take(np.arange(36, 48)), ("cut", "windows"))
    assert list(seen.views) == ["cut"]
    assert seen.notes == ("Long texts were not tried as 'windows': the budget allows no more.",)
    assert seen.hurried


def test_the_precision_it_was_fitted_with_is_kept(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Fitted with whatever was measured to be best, it is loaded with that, not with what another measurement would say."""
    fitted = create_recipe("probe", Setting(Classification(sorted(WORDS)), tiny_bert, threads=1)).fit(toy(), toy(), Budget())
    fitted.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model", threads=1)
    assert isinstance(fitted, FittedProbe)
    assert isinstance(again, FittedProbe)
    assert again.backbone.precision == fitted.backbone.precision != "auto"


def test_no_such_way(tiny_bert: LocalModel) -> None:
    """The ways there are are named."""
    with pytest.raises(OptionError, match=r"'long' must be cut, windows or both; got \('middle',\)"):
        create_recipe("probe", Setting(Classification(["a", "b"]), tiny_bert, options={"long": ["middle"]}))


def test_no_such_mixture(tiny_bert: LocalModel) -> None:
    """The mixtures there are are named."""
    with pytest.raises(OptionError, match=r"'mixtures' must be some of all, last, last4, mean; got \('first',\)"):
        create_recipe("probe", Setting(Classification(["a", "b"]), tiny_bert, options={"mixtures": ["first"]}))
