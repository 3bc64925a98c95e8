"""A transformer as word vectors: against scikit-learn's PCA, Zipf's law by hand, Model2Vec's reader; the recipe 'distilled' keeps the contract."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.decomposition import PCA

from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt.distil import DistilOptions, distill_static, principal, whole_words, zipf_weights
from ringsmith.adapt.static_options import DistilledOptions
from ringsmith.backbones import Backbone, encode, load_backbone
from ringsmith.catalogue import LocalModel
from ringsmith.errors import BudgetError, OptionError
from ringsmith.words.files import open_vectors, save_vectors

WITHOUT_TORCH = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from ringsmith.adapt import load_fitted
print(load_fitted(sys.argv[1]).predict(["I am furious at home and I shout"])[0])
"""


class TestDistilled(RecipeContract):
    """The whole contract, with two random layers of 32."""

    recipe = "distilled"
    options: ClassVar[Mapping[str, Any]] = {"width": 24, "join": False}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Its vocabulary is the toy's."""
        return tiny_bert

    def test_it_predicts_without_torch(self, model: LocalModel, tmp_path: Path) -> None:
        """The saved folder answers where neither torch nor transformers can be imported."""
        self.fit(model, toy()).save(tmp_path / "model")
        done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "model")], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.strip() == "anger", done.stderr

    def test_what_was_distilled_was_not_trained_here(self, model: LocalModel) -> None:
        """Trained are the weights of the head alone; how many words were distilled is said."""
        fitted = self.fit(model, toy())
        assert fitted.facts.trained_parameters == 24 * 3 + 3
        assert fitted.facts.parameters > fitted.facts.trained_parameters
        assert any("words were distilled" in note for note in fitted.facts.notes)


class TestDistilledBesideOwn(RecipeContract):
    """Distilled vectors side by side with word2vec's of the texts."""

    recipe = "distilled"
    options: ClassVar[Mapping[str, Any]] = {"width": 24, "dim": 24, "buckets": 500, "epochs": 60}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tiny_bert: LocalModel) -> LocalModel:
        """Its vocabulary is the toy's."""
        return tiny_bert


@pytest.fixture(scope="module")
def backbone(tiny_bert: LocalModel) -> Backbone:
    """Float32, so that sums can be compared."""
    return load_backbone(tiny_bert, threads=1, precision="float32")


def test_a_words_vector_is_what_the_body_makes_of_it_alone(backbone: Backbone) -> None:
    """With as many numbers as the body has, distances between words are those of the body's vectors, to within float16."""
    vectors = distill_static(backbone, ["zebra", "angry"], options=DistilOptions(dim=32, states="last"))
    assert list(vectors.words[:2]) == ["zebra", "angry"]
    assert vectors.matrix.dtype == np.float16
    alone = np.stack([encode(backbone, [word], layers="last", cache=False)[0, 0] for word in vectors.words])
    centred = alone - alone.mean(axis=0)
    np.testing.assert_allclose(vectors.decoded(slice(None)) @ vectors.decoded(slice(None)).T, centred @ centred.T, atol=0.05, rtol=0.01)


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_principal_directions_are_scikit_learns(shape: tuple[int, int]) -> None:
    """More rows than columns, or fewer: the same coordinates, but for the sign of each direction."""
    rows = (np.random.default_rng(0).standard_normal(shape) * np.linspace(1, 3, shape[1])).astype(np.float32)
    np.testing.assert_allclose(np.abs(principal(rows, 5)), np.abs(PCA(5).fit_transform(rows)), atol=1e-4)


def test_no_more_directions_than_there_are() -> None:
    """Three rows span two directions, whatever is asked for; four columns give four."""
    rows = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    assert principal(rows, 256).shape[1] <= 3
    assert principal(rows.T.copy(), 256).shape == (8, 3)


def test_weights_by_zipfs_law() -> None:
    """By hand for two words: shares 1/2 and 1/3 of 5/6 are 0.6 and 0.4; 0.1 / (0.1 + 0.6) and 0.1 / (0.1 + 0.4)."""
    np.testing.assert_allclose(zipf_weights(2, 0.1), [1 / 7, 1 / 5], rtol=1e-6)
    plain, weighted = (principal(np.eye(4, dtype=np.float32), 2), zipf_weights(4, 1e-4))
    assert plain.shape == (4, 2)
    assert np.all(np.diff(weighted) > 0)


def test_whole_words_of_a_vocabulary(backbone: Backbone) -> None:
    """The tiny model's vocabulary without its special tokens; since it has an 'I', large letters are kept."""
    words = whole_words(backbone.tokeniser)
    assert {"angry", "happy", "train", "I"} <= set(words)
    assert not any(word.startswith("[") for word in words)
    assert "Zebra" in distill_static(backbone, ["Zebra"]).words


def test_the_file_is_read_by_model2vec(backbone: Backbone, tmp_path: Path) -> None:
    """A text's vector there is the mean of its words' vectors here."""
    model2vec = pytest.importorskip("model2vec")
    vectors = distill_static(backbone, options=DistilOptions(dim=16))
    folder = save_vectors(vectors, tmp_path / "static")
    theirs = model2vec.StaticModel.from_pretrained(folder).encode(["happy at home"])
    ours = vectors.vectors(["happy", "at", "home"]).mean(axis=0)
    np.testing.assert_allclose(theirs[0] / np.linalg.norm(theirs[0]), ours / np.linalg.norm(ours), atol=2e-3)
    assert list(open_vectors(folder).words) == list(vectors.words)


def test_a_budget_that_ends_while_distilling(tiny_bert: LocalModel) -> None:
    """How far it came is said."""
    with pytest.raises(BudgetError, match=r"Distilling does not fit into .*: [\d,]+ of [\d,]+ words were done|over before it could begin"):
        TestDistilled.fit(tiny_bert, toy(), seconds=0.0)


def test_broken_options_are_named() -> None:
    """Of both dataclasses."""
    with pytest.raises(OptionError, match=r"'width' must be at least 1; got 0\. 'states' must be embeddings, last, ends or all; got 'first'"):
        DistilledOptions(width=0, states="first")
    with pytest.raises(OptionError, match=r"'dim' must be at least 1; got 0\. 'a' must be above 0, or None; got 0"):
        DistilOptions(dim=0, a=0)
    assert sorted(WORDS)
