"""The recipe 'static' keeps the contract with vectors of the texts, from a file, and with both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from contracts.recipes import WORDS, RecipeContract, toy, toy_pairs
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.folder import read_manifest
from ringsmith.adapt.ownwords import corpus_of, epochs_for, own_vectors
from ringsmith.adapt.recipe import silent
from ringsmith.adapt.static import FittedStatic, Static
from ringsmith.adapt.static_options import OwnOptions, StaticOptions
from ringsmith.catalogue import LocalModel, resolve
from ringsmith.errors import BudgetError, ModelError, OptionError, RunRefused
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification
from ringsmith.text import TextSteps
from ringsmith.words.files import open_vectors, save_vectors
from ringsmith.words.tokens import read_tokens
from ringsmith.words.vectors import WordVectors

SMALL: Mapping[str, Any] = {"dim": 24, "buckets": 500, "epochs": 60}


def vector_file(folder: Path, *, others: int = 0) -> Path:
    """A file of vectors that know the toy's words: those of a class lie together."""
    generator = np.random.default_rng(0)
    words, rows = [f"other{i}" for i in range(others)], [generator.standard_normal(8) for _ in range(others)]
    for names, verb in WORDS.values():
        centre = generator.standard_normal(8)
        for word in [*names.split(), verb]:
            words.append(word)
            rows.append(centre + 0.1 * generator.standard_normal(8))
    path = folder / "mine.txt"
    save_vectors(WordVectors(words, np.array(rows, dtype=np.float32)), path)
    return path


class TestStatic(RecipeContract):
    """The whole contract, with word2vec on the training texts; the toy's thirty words tell nothing by their spelling."""

    recipe = "static"
    options: ClassVar[Mapping[str, Any]] = {"subwords": None}


class TestStaticFromAFile(RecipeContract):
    """From a file, and side by side with the texts' own."""

    recipe = "static"
    options: ClassVar[Mapping[str, Any]] = SMALL

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> LocalModel | None:
        """Eight numbers a word."""
        return resolve(str(vector_file(tmp_path_factory.mktemp("vectors"))))


def fit(rows: TextSet, *, model: LocalModel | None = None, steps: tuple[str, ...] = (), **options: Any) -> FittedStatic:
    """Fitted on these rows, which also choose."""
    setting = Setting(Classification(sorted(set(map(str, rows.labels or [])))), model, options={**SMALL, **options}, steps=TextSteps(steps), threads=1)
    fitted = create_recipe("static", setting).fit(rows, rows, Budget())
    assert isinstance(fitted, FittedStatic)
    return fitted


@pytest.mark.parametrize(("name", "options"), [("glove", {"epochs": 300}), ("word2vec", {"epochs": 200, "subwords": None})])
def test_whole_words_learn_keep_and_repeat(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    """GloVe, and word2vec without subwords: the toy is learnt, the folder gives the same bits, and so does a second fit."""
    model, rows = resolve(name), toy()
    fitted = fit(rows, model=model, **options)
    assert fitted.predict(rows.texts) == rows.labels
    fitted.save(tmp_path / "model")
    proba = fitted.predict_proba(rows.texts)
    np.testing.assert_array_equal(load_fitted(tmp_path / "model").predict_proba(rows.texts), proba)
    np.testing.assert_array_equal(fit(rows, model=model, **options).predict_proba(rows.texts), proba)
    assert read_manifest(tmp_path / "model")["backbone"] is None


def test_vectors_of_a_file_are_kept_as_far_as_they_are_needed(tmp_path: Path) -> None:
    """The first three words, and those of the texts; in float16; what was kept is said, and where they come from is saved."""
    model = resolve(str(vector_file(tmp_path, others=9)))
    fitted = fit(toy(), model=model, most_words=3, join=False)
    (encoder,) = fitted.encoders
    assert list(encoder.vectors.words[:4]) == ["other0", "other1", "other2", "angry"]
    assert len(encoder.vectors) == 3 + 15
    assert encoder.vectors.matrix.dtype == np.float16
    assert fitted.facts.notes[0] == "Of the 24 words of mine.txt the model keeps 18: the most frequent and those of the texts."
    assert fitted.facts.trained_parameters == fitted.head.weights.size + fitted.head.bias.size
    fitted.save(tmp_path / "model")
    load_fitted(tmp_path / "model").save(tmp_path / "again")
    assert read_manifest(tmp_path / "again")["backbone"] == read_manifest(tmp_path / "model")["backbone"]
    assert read_manifest(tmp_path / "again")["backbone"]["weights_sha256"] == model.weights_sha256


def test_both_sources_stand_side_by_side(tmp_path: Path) -> None:
    """Where validation chooses both, there are 8 numbers of the file and 24 of the texts."""
    fitted = fit(toy(), model=resolve(str(vector_file(tmp_path))))
    assert fitted.facts.chosen["words"] in ("file", "both")
    assert fitted.embed(["happy"]).shape == (1, 8 if fitted.facts.chosen["words"] == "file" else 32)


def test_words_without_a_vector_are_told(tmp_path: Path) -> None:
    """Of the seven words of each text two are in the file; texts of none are counted."""
    rows = toy()
    odd = TextSet([*rows.texts, "xyzzy", "plugh !"], [*(rows.labels or []), "joy", "fear"])
    notes = fit(odd, model=resolve(str(vector_file(tmp_path))), join=False).facts.notes
    assert re.fullmatch(r"\d\d\.\d% of the words of the validation texts have no vector and were left out\.", notes[-2])
    assert notes[-1] == "2 of 50 validation texts hold no known word; they get the same answer."


def test_words_known_by_their_ngrams_alone_are_told() -> None:
    """Half of the words were never seen in training."""
    rows = toy()
    setting = Setting(Classification(sorted(WORDS)), options=SMALL, threads=1)
    valid = TextSet(["happy happily", "angry angrily", "afraid afraider"], ["joy", "anger", "fear"])
    fitted = create_recipe("static", setting).fit(rows, valid, Budget())
    assert "50.0% of the words of the validation texts have no vector but that of their character n-grams." in fitted.facts.notes
    assert not [note for note in create_recipe("static", setting).fit(rows, rows, Budget()).facts.notes if "no vector" in note]


@pytest.mark.parametrize(("texts", "steps"), [(["영화가 정말 재밌다", "배우가 너무 지루하다"], ()), (["東京でラーメンを食べた。", "大阪で映画を見た！"], ("normalise",))])
def test_korean_and_japanese_are_cut_by_the_tokeniser(texts: list[str], steps: tuple[str, ...]) -> None:
    """Without spaces between words, too."""
    rows = TextSet(texts * 12, ["a", "b"] * 12)
    fitted = fit(rows, steps=steps)
    assert fitted.predict(texts) == ["a", "b"]
    assert len(fitted.encoders[0].vectors) > 4
    assert fitted.encoders[0].vectors.ngrams is not None
    assert (fitted.encoders[0].vectors.ngrams.shortest, fitted.encoders[0].vectors.ngrams.longest) == (1, 3)


def test_half_an_emoji_is_read_as_a_question_mark(tmp_path: Path) -> None:
    """In training and in prediction: no file of words could hold it."""
    halves = [f"{text} \ud83d" for text in toy().texts]
    fitted = fit(TextSet(halves, toy().labels))
    fitted.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(halves), again.predict_proba([f"{text} ?" for text in toy().texts]))


def test_texts_without_words_are_refused() -> None:
    """There is nothing to learn from."""
    with pytest.raises(RunRefused, match="no training text holds a word"):
        fit(TextSet(["", " "] * 4, ["a", "b"] * 4))


def test_broken_options_are_named_at_once() -> None:
    """All of them."""
    with pytest.raises(OptionError, match=r"'weightings' must be some of mean, tfidf, sif; got \('max',\)\. 'dim' must be at least 1; got 0\. Leave it out"):
        StaticOptions(weightings=("max",), dim=0)  # type: ignore[arg-type]


def test_a_file_with_nan_is_refused(tmp_path: Path) -> None:
    """A mapped file is not looked through when it is opened."""
    path = tmp_path / "bad.safetensors"
    save_vectors(WordVectors(["happy", "angry"], np.array([[1, 2], [np.nan, 1]], dtype=np.float32)), path)
    with pytest.raises(ModelError, match=r"bad\.safetensors: word vectors must be finite numbers; got NaN or infinity\. Make or download the file again\."):
        fit(toy(), model=resolve(str(path)))


def test_more_rows_than_memory_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said."""
    monkeypatch.setattr("ringsmith.adapt.static.MEMORY_BYTES", 4 * 24 * 2 * 80)
    assert fit(toy()).facts.notes[0] == "40 of 48 training rows and 40 of 48 validation rows were used, drawn by chance: memory allows no more."


@pytest.mark.parametrize(("pairs", "valid", "learnt", "judged"), [(False, 700_000, 651_088, 20_000), (True, 168_000, 147_772, 20_000), (False, 10, 671_078, 10)])
def test_validation_rows_leave_room_for_rows_to_learn_from(pairs: bool, valid: int, learnt: int, judged: int) -> None:
    """1 GiB holds 671,088 texts or 167,772 pairs of 200 numbers and their copies; the validation rows took all of it but for one."""
    recipe = create_recipe("static", Setting(Classification(["a", "b"])))
    assert isinstance(recipe, Static)
    train, others = (TextSet(["x"] * rows, ["a"] * rows, ["y"] * rows if pairs else None) for rows in (800_000, valid))
    kept, judges, (note,) = recipe._rows_in_memory(train, others)
    assert (len(kept), len(judges)) == (learnt, judged)
    assert note.startswith(f"{learnt:,} of 800,000 training rows")


def test_memory_is_reckoned_by_all_vectors_of_a_row(tmp_path: Path) -> None:
    """Those of the file (8 numbers) and the texts' own (24) side by side, or the file's alone; of a distilled body its own width."""
    file = resolve(str(vector_file(tmp_path)))
    task = Classification(["a", "b"])
    assert [create_recipe("static", Setting(task, file, {"dim": 24, "join": join}))._width for join in (True, False)] == [32, 8]  # type: ignore[attr-defined]
    body = LocalModel("made", "/made", None, None, "0", 9.0, "BertModel", 2, 384, 99, 64)
    assert create_recipe("distilled", Setting(task, body, {"width": 512, "join": False}))._width == 512  # type: ignore[attr-defined]


def test_the_corpus_is_the_tokens() -> None:
    """Sentence by sentence, unknown words gone, empty texts too."""
    corpus = corpus_of(read_tokens(["b a b", "", "c", "a c"]), min_count=2)
    assert [corpus.vocabulary.words[number] for number in corpus.ids] == ["b", "a", "b", "c", "a", "c"]
    assert corpus.starts.tolist() == [0, 3, 4, 6]
    assert corpus.total_words == 6
    rare = corpus_of(read_tokens(["x a a", "y"]), min_count=2)
    assert (rare.ids.tolist(), rare.starts.tolist()) == ([0, 0], [0, 2])


def own(method: Any = "word2vec") -> OwnOptions:
    """Small and quick."""
    return OwnOptions(method, 16, 5, None, 0.05, None, 100, 1)


def test_time_that_is_short_buys_fewer_epochs() -> None:
    """Of 20 epochs over 1,000 words, with a pace of 250,000 words a second, 0.02 s allow some; less than one is one."""
    tokens = read_tokens(["a b c d e f g h i j"] * 100)
    vectors, notes = own_vectors(tokens, own(), Budget(0.024), seed=0, threads=1, report=silent)
    assert len(vectors) == 10
    assert re.fullmatch(r"The budget allowed [12] of 20 epochs of word2vec\.", notes[0])
    assert [epochs_for(words) for words in (1, 150_000, 200_000, 10**9)] == [20, 20, 15, 5]


def test_glove_that_does_not_end_in_time_says_so() -> None:
    """It is worth nothing before its end."""
    tokens = read_tokens(["a b c d e f g h i j"] * 2000)
    with pytest.raises(BudgetError, match=r"GloVe does not fit into this run's share of the budget, 0\.0 s: it was not done after 0\.0 s, the half of it\. Give it more time\."):
        own_vectors(tokens, own("glove"), Budget(1e-9), seed=0, threads=1, report=silent)


@pytest.mark.parametrize("several", [False, True])
def test_the_head_is_scikit_learns(several: bool) -> None:
    """The same minimum as `LogisticRegression`'s, at two strengths."""
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    rows = generator.standard_normal((120, 6)).astype(np.float32) + 3
    scores = (rows - 3) @ generator.standard_normal((6, 3)) + generator.gumbel(size=(120, 3))
    targets = scores > 0 if several else scores.argmax(axis=1)
    path = DensePath(rows, targets, 3, "sigmoid" if several else "softmax")
    for strength in (0.1, 2.0):
        linear = path.solve(strength, Budget())
        for column in range(3) if several else [0]:
            truth = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(rows, targets[:, column] if several else targets)
            rows_of = slice(column, column + 1) if several else slice(None)
            np.testing.assert_allclose(linear.weights[rows_of], truth.coef_, atol=3e-3)


def test_the_head_stops_when_the_budget_ends() -> None:
    """At where it stands."""
    linear = DensePath(np.eye(4, dtype=np.float32), np.arange(4) % 2, 2, "softmax").solve(1.0, Budget(0.0))
    assert not linear.weights.any()


def test_pairs_share_a_vocabulary() -> None:
    """Words of both texts are trained."""
    fitted = fit(toy_pairs())
    assert {"happy", "mill"} <= set(fitted.encoders[0].vectors.words)


def test_a_saved_file_of_words_opens_as_vectors(tmp_path: Path) -> None:
    """The folder's words are an ordinary file of vectors."""
    fitted = fit(toy())
    fitted.save(tmp_path / "model")
    again = open_vectors(tmp_path / "model" / "words-0" / "words.safetensors")
    assert list(again.words) == list(fitted.encoders[0].vectors.words)
