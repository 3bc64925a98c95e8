"""The recipe 'probe' keeps the contract on a tiny random BERT; its head against scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
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
    with pytest.raises(BudgetError, match=r"Encoding with 'tiny-bert' does not fit the budget: \d+\.\d s are left for 48 rows"):
        encoder.rows_that_fit(toy())


def test_a_pace_not_yet_known_leaves_all_rows(encoder: Encoder) -> None:
    """Before anything was encoded nothing can be foreseen."""
    rows = toy()
    assert encoder.rows_that_fit(rows) == (rows, ())


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


def test_truncation_is_counted(tiny_bert: LocalModel) -> None:
    """Every second text is longer than the model's 64 tokens."""
    rows = toy()
    long = [text + " and happy" * 40 if i % 2 else text for i, text in enumerate(rows.texts)]
    fitted = TestProbe.fit(tiny_bert, TextSet(long, rows.labels))
    train = [i for i in range(len(rows)) if i % 4]
    assert fitted.facts.truncated_share == pytest.approx(np.mean([i % 2 for i in train]))


def test_the_precision_it_was_fitted_with_is_kept(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Fitted with whatever was measured to be best, it is loaded with that, not with what another measurement would say."""
    fitted = create_recipe("probe", Setting(Classification(sorted(WORDS)), tiny_bert, threads=1)).fit(toy(), toy(), Budget())
    fitted.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model", threads=1)
    assert isinstance(fitted, FittedProbe)
    assert isinstance(again, FittedProbe)
    assert again.backbone.precision == fitted.backbone.precision != "auto"


def test_no_such_mixture(tiny_bert: LocalModel) -> None:
    """The mixtures there are are named."""
    with pytest.raises(OptionError, match=r"'mixtures' must be some of all, last, last4, mean; got \('first',\)"):
        create_recipe("probe", Setting(Classification(["a", "b"]), tiny_bert, options={"mixtures": ["first"]}))
