"""What every recipe must keep, whatever it is made of. A recipe's test file inherits `RecipeContract` and names the recipe."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ringsmith.adapt import RECIPES, Fitted, Setting, create_recipe, load_fitted, recipe_needs, recipe_summary
from ringsmith.catalogue import LocalModel
from ringsmith.errors import BudgetError, ModelError, OptionError, UsageError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel, Task
from ringsmith.text import TextSteps

WORDS = {"anger": ("angry furious rage mad", "shout"), "joy": ("happy glad cheerful merry", "laugh"), "fear": ("afraid scared timid worried", "tremble")}
PLACES = ("at home", "in town", "on the train", "by the sea", "at work", "in the garden", "near the old mill", "with friends")
SAFE = {".safetensors", ".json", ".txt", ".model", ".md"}
"""Endings of files that cannot run code."""
STRANGE = ["", " ", "\n\t", "ZWJ 👩‍👩‍👧 and 한국어 텍스트 日本語 עברית", "x" * 5000, "word " * 2000, "\u0000 control", "e\u0301", "1234567890", "?!", "cut \ud83d off"]


def toy(rows_per_class: int = 16) -> TextSet:
    """Three classes told apart by their words, the same number of rows each."""
    texts, labels = [], []
    for label, (words, verb) in WORDS.items():
        for i in range(rows_per_class):
            word = words.split()[i // 2 % 4]
            texts.append(f"I am {word} {PLACES[i % 8]} and I {verb}")
            labels.append(label)
    return TextSet(texts, labels)


def toy_multilabel(rows: int = 48) -> TextSet:
    """Each row carries any of three labels, each told by its own word."""
    names = sorted(WORDS)
    chosen = [tuple(name for bit, name in enumerate(names) if (i * 5 + i // 8) >> bit & 1) for i in range(rows)]
    texts = [" and ".join([WORDS[name][0].split()[i % 2] for name in row] or ["nothing"]) + " " + PLACES[i % 8] for i, row in enumerate(chosen)]
    return TextSet(texts, list(chosen))


def toy_pairs(rows: int = 48) -> TextSet:
    """The second text alone tells the class."""
    base = toy(rows // 3)
    return TextSet([PLACES[i % 8] for i in range(len(base))], base.labels, pairs=list(base.texts))


class RecipeContract:
    """Inherit it, set `recipe`, and where the recipe needs a model override `model`.

    Attributes:
        recipe: name in `RECIPES`.
        options: options that make it fit the toy in a few seconds.
        learns: it can tell the toy's classes apart.
        embeds: it has vectors.
    """

    recipe: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    learns: ClassVar[bool] = True
    embeds: ClassVar[bool] = True

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> LocalModel | None:
        """The backbone to start from."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, model: LocalModel | None) -> Fitted:
        """The recipe fitted once on the toy; tests only read it."""
        return cls.fit(model, toy())

    @classmethod
    def fit(cls, model: LocalModel | None, rows: TextSet, *, task: Task | None = None, steps: TextSteps | None = None, seed: int = 0, seconds: float | None = None) -> Fitted:
        """Fit on `rows`, every fourth of them held back for validation."""
        task = task or Classification(sorted(WORDS))
        setting = Setting(task, model, options=dict(cls.options), steps=steps or TextSteps(), seed=seed, threads=1)
        index = np.arange(len(rows))
        return create_recipe(cls.recipe, setting).fit(rows.take(index[index % 4 != 0]), rows.take(index[index % 4 == 0]), Budget(seconds))

    def held_out_accuracy(self, fitted: Fitted, rows: TextSet) -> float:
        """Share of right labels on the held-back rows."""
        valid = rows.take(np.arange(0, len(rows), 4))
        return float(np.mean([guess == label for guess, label in zip(fitted.predict(valid.texts, valid.pairs), valid.labels or [], strict=True)]))

    def test_it_is_listed_with_a_summary(self) -> None:
        """The registry knows the recipe without loading it."""
        assert self.recipe in RECIPES
        assert recipe_needs(self.recipe) in ("nothing", "transformer", "vectors")
        assert 10 < len(recipe_summary(self.recipe)) < 160

    def test_learns_a_separable_toy(self, fitted: Fitted) -> None:
        """Held-back rows of classes told apart by their words come out right."""
        accuracy = self.held_out_accuracy(fitted, toy())
        assert accuracy >= 0.9 if self.learns else accuracy == pytest.approx(1 / 3)

    def test_shapes_and_sums(self, fitted: Fitted) -> None:
        """One float32 row per text, one column per label in the task's order, rows summing to one."""
        proba = fitted.predict_proba(["I am happy at home", "furious"])
        assert proba.shape == (2, 3)
        assert proba.dtype == np.float32
        assert np.all(proba >= 0)
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)

    def test_predict_names_the_column_of_the_highest_probability(self, fitted: Fitted) -> None:
        """Column k belongs to ``task.labels[k]``."""
        texts = toy().texts
        assert fitted.predict(texts) == [fitted.task.labels[k] for k in fitted.predict_proba(texts).argmax(axis=1)]

    def test_no_rows_give_no_rows(self, fitted: Fitted) -> None:
        """An empty list is answered by an empty table of the right width."""
        assert fitted.predict_proba([]).shape == (0, 3)
        assert fitted.predict([]) == []

    def test_single_row_equals_the_same_row_in_a_batch(self, fitted: Fitted) -> None:
        """A text's probabilities do not depend on its neighbours."""
        texts = ["I am glad in town", "afraid of everything that moves at night " * 3, "mad"]
        together = fitted.predict_proba(texts)
        alone = np.concatenate([fitted.predict_proba([text]) for text in texts])
        np.testing.assert_allclose(alone, together, atol=2e-3)

    def test_chunks_do_not_show(self, fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of many texts some at a time are looked at: their order stays, and the last few are there."""
        texts = toy().texts
        whole = fitted.predict_proba(texts)
        monkeypatch.setattr("ringsmith.adapt.recipe.CHUNK_ROWS", 10)
        np.testing.assert_allclose(fitted.predict_proba(texts), whole, atol=2e-3)

    def test_strange_texts_are_answered(self, fitted: Fitted) -> None:
        """Empty, very long, many-scripted and control-character texts, and half an emoji, give finite probabilities."""
        proba = fitted.predict_proba(STRANGE)
        assert proba.shape == (len(STRANGE), 3)
        assert np.isfinite(proba).all()

    def test_embeds_one_vector_per_text(self, fitted: Fitted) -> None:
        """`embed` gives finite float32 vectors, or says that there are none."""
        if not self.embeds:
            with pytest.raises(UsageError, match="has no vectors"):
                fitted.embed(["a text"])
            return
        vectors = fitted.embed(["I am happy", "I am scared by the sea", ""])
        assert vectors.shape[0] == 3
        assert vectors.ndim == 2
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()

    def test_save_and_load_are_bit_equal(self, fitted: Fitted, tmp_path: Path) -> None:
        """The loaded model gives the very same numbers."""
        fitted.save(tmp_path / "model")
        again = load_fitted(tmp_path / "model", threads=1)
        texts = [*toy().texts, *STRANGE]
        np.testing.assert_array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
        assert again.task == fitted.task
        assert again.recipe == fitted.recipe == self.recipe

    def test_folder_holds_nothing_that_can_run(self, fitted: Fitted, tmp_path: Path) -> None:
        """Only safetensors, JSON and plain text are written, and the manifest names every file."""
        fitted.save(tmp_path / "model")
        files = {path.relative_to(tmp_path / "model").as_posix() for path in (tmp_path / "model").rglob("*") if path.is_file()}
        assert {Path(name).suffix for name in files} <= SAFE
        manifest = json.loads((tmp_path / "model" / "ringsmith.json").read_text(encoding="utf-8"))
        assert set(manifest["files"]) | {"ringsmith.json"} == files
        assert list(tmp_path.iterdir()) == [tmp_path / "model"], "nothing else is left beside the folder"

    def test_altered_file_is_refused(self, fitted: Fitted, tmp_path: Path) -> None:
        """One changed byte in the weights is found on loading."""
        fitted.save(tmp_path / "model")
        weights = next((tmp_path / "model").glob("*.safetensors"))
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(bytes(content))
        with pytest.raises(ModelError, match=f"altered: {weights.name}"):
            load_fitted(tmp_path / "model")

    def test_same_seed_gives_the_same_numbers(self, model: LocalModel | None, fitted: Fitted) -> None:
        """A second fit with the same seed predicts the same; a text's vector may differ in its last bits with the batch it was first computed in."""
        np.testing.assert_allclose(self.fit(model, toy()).predict_proba(toy().texts), fitted.predict_proba(toy().texts), rtol=0, atol=1e-6)

    def test_fit_changes_none_of_its_inputs(self, model: LocalModel | None) -> None:
        """Rows and setting are the same objects with the same content afterwards."""
        rows = toy()
        before = copy.deepcopy((list(rows.texts), list(rows.labels or []), rows.rows))
        self.fit(model, rows)
        assert (list(rows.texts), list(rows.labels or [])) == before[:2]
        np.testing.assert_array_equal(rows.rows, before[2])

    def test_facts_are_filled_in(self, fitted: Fitted) -> None:
        """Parameters are counted, shares are shares, notes are sentences, a curve of the validation rows says of which metric, and all of it is plain JSON."""
        facts = fitted.facts
        assert facts.parameters >= facts.trained_parameters > 0
        assert 0 <= facts.truncated_share <= 1
        assert all(note.endswith(".") for note in facts.notes)
        assert "valid" not in facts.curves or facts.chosen["metric"] == "accuracy"
        json.dumps([facts.chosen, facts.curves, facts.seconds, facts.notes], allow_nan=False)

    def test_steps_are_applied_again_at_prediction(self, model: LocalModel | None, tmp_path: Path) -> None:
        """With the step 'lower' the case of a text does not matter, before and after saving."""
        fitted = self.fit(model, toy(), steps=TextSteps(("lower",)))
        texts: Sequence[str] = ["I am HAPPY At Home", "Furious IN TOWN"]
        expected = fitted.predict_proba([text.lower() for text in texts])
        np.testing.assert_array_equal(fitted.predict_proba(texts), expected)
        fitted.save(tmp_path / "model")
        np.testing.assert_array_equal(load_fitted(tmp_path / "model", threads=1).predict_proba(texts), expected)

    def test_several_labels_a_row(self, model: LocalModel | None, tmp_path: Path) -> None:
        """Multi-label: a probability per label, each on its own, and tuples as predictions; kept on disk."""
        rows, task = toy_multilabel(), MultiLabel(sorted(WORDS))
        fitted = self.fit(model, rows, task=task)
        proba = fitted.predict_proba(rows.texts)
        assert proba.shape == (len(rows), 3)
        assert np.all((proba >= 0) & (proba <= 1))
        assert isinstance(fitted.predict(["happy at home"])[0], tuple)
        if self.learns:
            assert np.mean((proba >= 0.5) == task.targets(rows.labels or [])) >= 0.85
        fitted.save(tmp_path / "model")
        np.testing.assert_array_equal(load_fitted(tmp_path / "model", threads=1).predict_proba(rows.texts), proba)

    def test_pairs_use_the_second_text(self, model: LocalModel | None, tmp_path: Path) -> None:
        """Where the second text alone tells the class, the class is found; kept on disk."""
        rows = toy_pairs()
        fitted = self.fit(model, rows)
        if self.learns:
            assert self.held_out_accuracy(fitted, rows) >= 0.9
        fitted.save(tmp_path / "model")
        again = load_fitted(tmp_path / "model", threads=1)
        np.testing.assert_array_equal(again.predict_proba(rows.texts, rows.pairs), fitted.predict_proba(rows.texts, rows.pairs))

    def test_a_budget_that_is_over_is_kept(self, model: LocalModel | None) -> None:
        """With next to no time a fit ends at once: with a usable model or with BudgetError."""
        start = time.perf_counter()
        try:
            fitted = self.fit(model, toy(), seconds=0.01)
        except BudgetError as error:
            assert "budget" in str(error)  # noqa: PT017
        else:
            assert fitted.predict_proba(["happy"]).shape == (1, 3)
        assert time.perf_counter() - start < 5

    def test_unknown_option_is_refused_with_its_name(self, model: LocalModel | None) -> None:
        """A misspelt option is named, and nothing is trained."""
        with pytest.raises(OptionError, match=f"Recipe '{self.recipe}' has no option 'no_such_option'"):
            create_recipe(self.recipe, Setting(Classification(["a", "b"]), model, options={"no_such_option": 1}))
