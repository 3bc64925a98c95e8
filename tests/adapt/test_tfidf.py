"""The recipe 'tfidf' keeps the contract; its parts against scikit-learn and by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from contracts.recipes import WORDS, RecipeContract, toy, toy_pairs
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.jury import Jury
from ringsmith.adapt.ngrams import Ngrams, characters_of, words_of
from ringsmith.adapt.tfidf import FittedTfidf, Tfidf, TfidfOptions
from ringsmith.errors import OptionError, RunRefused, UsageError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification


class TestTfidf(RecipeContract):
    """The whole contract."""

    recipe = "tfidf"


class TestStreamedTfidf(RecipeContract):
    """The same contract where the rows do not fit in memory."""

    recipe = "tfidf"
    options: ClassVar[Mapping[str, Any]] = {"most_nonzeros": 1}


@pytest.mark.parametrize("rows", [toy(), toy_pairs()])
def test_words_without_weight_are_left_out(rows: TextSet) -> None:
    """Where validation gives words no weight, the model holds no words, and predicts what the characters say."""
    setting = Setting(Classification(sorted(WORDS)), options={"word_weights": [0.0], "strengths": [1.0]})
    fitted = create_recipe("tfidf", setting).fit(rows, rows, Budget())
    assert isinstance(fitted, FittedTfidf)
    assert isinstance(fitted.ngrams, Ngrams)
    assert [len(block.terms) > 0 for block in fitted.ngrams.blocks] == [False, True]
    assert fitted.predict(rows.texts, rows.pairs) == rows.labels


def test_of_few_rows_the_training_rows_judge_by_cross_validation() -> None:
    """The parts' scores are those of scikit-learn's own n-grams and machine, which learnt from the other parts alone."""
    rows, task = toy(), Classification(sorted(WORDS))
    recipe = create_recipe("tfidf", Setting(task))
    assert isinstance(recipe, Tfidf)
    targets = task.targets(rows.labels or [])
    for part, counted in recipe._turns(rows, targets, Jury.of(task, rows, rows, None)):
        learnt, asked = ([text for text, mine in zip(rows.texts, part, strict=True) if mine == is_asked] for is_asked in (False, True))
        blocks = [TfidfVectorizer(analyzer=analyse, sublinear_tf=True) for analyse in (words_of, lambda text: characters_of(text, 2, 5))]
        train, test = (np.hstack([block.fit(learnt).transform(some).toarray() for block in blocks]) / np.sqrt(2) for some in (learnt, asked))
        machine = LinearSVC(C=0.6, class_weight="balanced", random_state=0, max_iter=2000)
        theirs = np.stack([machine.fit(train, targets[~part] == k).decision_function(test) for k in range(len(task.labels))], axis=1)
        ours = counted.solve({"word_weight": 1.0, "C": 0.6}, len(task.labels), 0).scores(counted.asked)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_labels_drawn_by_lot_do_not_look_learnt() -> None:
    """24 rows that chose the strength and the border alone were answered rightly in 60 %: a flattering figure, for which no model answers on other rows."""
    right = []
    for seed in range(40):
        chance = np.random.default_rng(seed)
        texts = [" ".join(chance.choice([f"w{number}" for number in range(60)], 8)) for _ in range(120)]
        drawn = TextSet(texts, [("a", "b")[label] for label in chance.integers(0, 2, 120)])
        train, valid = drawn.take(np.arange(96)), drawn.take(np.arange(96, 120))
        fitted = create_recipe("tfidf", Setting(Classification(["a", "b"]), threads=1)).fit(train, valid, Budget())
        right.append(np.mean(np.array(fitted.predict(valid.texts)) == np.array(valid.labels)))
    assert np.mean(right) < 0.57


def test_rows_too_few_for_vocabularies_of_their_own_do_not_judge() -> None:
    """Three rows of four share each word: without one part no term occurs in enough rows, and the validation rows judge alone."""
    rows = TextSet(["red one", "red two", "red three", "red four", "blue one", "blue two", "blue three", "blue four"], ["r"] * 4 + ["b"] * 4)
    fitted = create_recipe("tfidf", Setting(Classification(["b", "r"]), options={"min_rows": 4}, threads=1)).fit(rows, rows, Budget())
    assert fitted.predict(["red five", "blue five"]) == ["r", "b"]


def test_dense_rows_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that would fill the memory are refused with the way out."""
    rows = toy()
    fitted = create_recipe("tfidf", Setting(Classification(sorted(WORDS)))).fit(rows, rows, Budget())
    monkeypatch.setattr("ringsmith.adapt.tfidf.DENSE", 1000)
    with pytest.raises(UsageError, match=r"48 rows of 'tfidf' with [\d,]+ columns do not fit in memory\. Embed fewer texts at once"):
        fitted.embed(rows.texts)


def test_streaming_says_why_and_what_was_done() -> None:
    """The note names the reason, the columns and the rows learnt from."""
    rows = toy()
    fitted = create_recipe("tfidf", Setting(Classification(sorted(WORDS)), options={"most_nonzeros": 1}, threads=1)).fit(rows, rows, Budget())
    what = r"terms were hashed into [\d,]+ columns, and \d+ rows were learnt from \([123] passes\)\."
    assert re.fullmatch(rf"All rows at once would take about \d+ GB: {what}", fitted.facts.notes[0])


@pytest.mark.parametrize(
    ("text", "options", "sentence"), [(" ", {}, "every training text is empty"), ("word", {"min_rows": 50}, r"no term occurs in 50 training texts \('min_rows'\)")]
)
def test_texts_without_terms_are_refused(text: str, options: Mapping[str, Any], sentence: str) -> None:
    """No column is left to learn from."""
    rows = TextSet([text] * 20, ["a", "b"] * 10)
    with pytest.raises(RunRefused, match=sentence):
        create_recipe("tfidf", Setting(Classification(["a", "b"]), options=options)).fit(rows, rows, Budget())


def test_all_broken_options_are_named() -> None:
    """Lengths the wrong way round and a strength of 0."""
    strengths = r"'strengths' must be one or more numbers above 0; got \(0,\)\."
    characters = r"'characters' must be two lengths, the shorter first, from 1 on; got \(5, 2\)\."
    with pytest.raises(OptionError, match=rf"{strengths} {characters}"):
        TfidfOptions(strengths=(0,), characters=(5, 2))
