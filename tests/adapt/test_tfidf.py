"""The recipe 'tfidf' keeps the contract; its parts against scikit-learn and by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from contracts.recipes import WORDS, RecipeContract, toy, toy_pairs
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.ngrams import Ngrams
from ringsmith.adapt.tfidf import FittedTfidf, TfidfOptions
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
