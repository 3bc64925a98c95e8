"""N-grams against scikit-learn's TfidfVectorizer, hashed ones against a loop over the text; mixtures of layers by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from ringsmith.adapt.hashing import HashedNgrams, count
from ringsmith.adapt.mixtures import MIXTURES, features
from ringsmith.adapt.ngrams import Ngrams, characters_of, words_of
from ringsmith.adapt.sparse import side_by_side

TEXTS = ["The cat sat on the mat.", "A cat, a dog!", "영화가 재밌다 영화", "", "don't\nstop  me", "ASCII ascii"]
BITS = 22
"""Columns enough that the few terms of a test do not meet in one."""
texts = st.lists(st.text(alphabet=st.sampled_from("ab c\n\td.,!9_Ä한e\u0301ß\u00a0😀"), max_size=30), min_size=1, max_size=5)


def test_rows_are_those_of_scikit_learn() -> None:
    """Words and characters, each as TfidfVectorizer with sublinear tf weighs them."""
    ngrams, rows = Ngrams.fit(TEXTS, shape=(2, 4), min_rows=1)
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    expected = np.concatenate([vectoriser.fit_transform(TEXTS).toarray() for vectoriser in (words, characters)], axis=1)
    np.testing.assert_allclose(rows.toarray(), expected, atol=1e-6)
    assert list(ngrams.blocks[0].terms) == list(words.get_feature_names_out())
    np.testing.assert_array_equal(ngrams.transform(TEXTS).toarray(), rows.toarray())


def test_rare_terms_are_left_out() -> None:
    """Only 'cat' and 'a' pairs that two rows share remain among the words."""
    ngrams, _ = Ngrams.fit(["a cat", "a cat", "one dog"], shape=(2, 2), min_rows=2)
    assert list(ngrams.blocks[0].terms) == ["a", "a cat", "cat"]


def test_texts_without_terms_give_empty_rows() -> None:
    """Nothing to count is no fault, in fitting and afterwards."""
    ngrams, rows = Ngrams.fit(["", " "], shape=(2, 5), min_rows=1)
    assert (rows.shape, ngrams.size) == ((2, 0), 0)
    assert ngrams.transform(["something"]).shape == (1, 0)


@given(texts)
@settings(max_examples=50)
def test_save_and_load_give_the_same_rows(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> None:
    """Whatever the terms are: quotes, control characters, scripts."""
    folder = tmp_path_factory.mktemp("ngrams")
    ngrams, expected = Ngrams.fit(rows, shape=(1, 3), min_rows=1)
    again = Ngrams.load(folder, ngrams.save(folder))
    np.testing.assert_array_equal(again.transform(rows).toarray(), expected.toarray())


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    """Half a character, as broken sources give them, is a term like others."""
    ngrams, expected = Ngrams.fit(["a\ud800b"], shape=(2, 2), min_rows=1)
    again = Ngrams.load(tmp_path, ngrams.save(tmp_path))
    np.testing.assert_array_equal(again.transform(["a\ud800b"]).toarray(), expected.toarray())


def test_word_weight_keeps_the_length() -> None:
    """Words at 0 leave characters alone at length 1; at 1 both halves have length 1 / sqrt 2."""
    ngrams, rows = Ngrams.fit(TEXTS[:2], shape=(2, 3), min_rows=1)
    words = len(ngrams.blocks[0].terms)
    for weight, length in ((0.0, 0.0), (1.0, 0.5), (2.0, 0.8)):
        scaled = rows.toarray() * ngrams.column_weights(weight, rows.shape[1])
        np.testing.assert_allclose((scaled**2).sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose((scaled[:, :words] ** 2).sum(axis=1), length, rtol=1e-6)


def test_pairs_stand_side_by_side_with_their_product() -> None:
    """Three blocks of columns; the third is zero where the texts share no term."""
    ngrams, rows = Ngrams.fit(["cat", "dog", "cat"], shape=(2, 3), min_rows=1)
    both = side_by_side(rows[[0, 0]], rows[[1, 2]]).toarray()
    dense = rows.toarray()
    np.testing.assert_array_equal(both[:, : ngrams.size], dense[[0, 0]])
    np.testing.assert_array_equal(both[:, ngrams.size : 2 * ngrams.size], dense[[1, 2]])
    np.testing.assert_array_equal(both[:, 2 * ngrams.size :], dense[[0, 0]] * dense[[1, 2]])
    assert not both[0, 2 * ngrams.size :].any()


@given(texts)
@settings(max_examples=150)
def test_hashed_counts_are_those_of_the_loop(rows: list[str]) -> None:
    """How often the terms of each row occur, words in the lower half, characters in the upper, whatever the script."""
    found = count(rows, BITS, (1, 4))
    half = 1 << (BITS - 1)
    for number, text in enumerate(rows):
        row = found[number]
        assert sorted(row.data[row.indices >= half]) == sorted(Counter(characters_of(text, 1, 4)).values())
        if text.isascii():  # words_of takes a combining mark for a sign of its own
            assert sorted(row.data[row.indices < half]) == sorted(Counter(words_of(text)).values())


def test_hashed_rows_do_not_depend_on_their_neighbours() -> None:
    """Each text alone gives the row it has among others."""
    hashed = HashedNgrams(BITS, (2, 5)).weighed(TEXTS)
    together = hashed.transform(TEXTS)
    for number, text in enumerate(TEXTS):
        assert (hashed.transform([text]) != together[number]).nnz == 0


def test_hashed_weights_are_those_of_the_vocabulary() -> None:
    """The same numbers in other columns, halves scaled to length 1 as the blocks are."""
    hashed = HashedNgrams(BITS, (2, 4)).weighed(TEXTS).transform(TEXTS)
    _, exact = Ngrams.fit(TEXTS, shape=(2, 4), min_rows=1)
    for number in range(len(TEXTS)):
        np.testing.assert_allclose(sorted(hashed[number].data), sorted(exact[number].data), rtol=1e-5)


def test_mixtures_by_hand() -> None:
    """Two layers of two: (3, 4) has length 5, (0, 2) length 2; zeros stay zeros."""
    layers = np.array([[[3, 4], [0, 2]], [[0, 0], [1, 0]]], np.float32)
    np.testing.assert_allclose(MIXTURES["all"](layers), [[0.6, 0.8, 0, 1], [0, 0, 1, 0]], rtol=1e-6)
    np.testing.assert_allclose(MIXTURES["last"](layers), [[0, 1], [1, 0]])
    np.testing.assert_allclose(MIXTURES["mean"](layers)[1], [1, 0])


def test_pairs_of_vectors_by_hand() -> None:
    """Both, their distance, their product."""
    first, second = np.array([[[1, 0]]], np.float32), np.array([[[0, 1]]], np.float32)
    assert features("last", first, second).tolist() == [[1, 0, 0, 1, 1, 1, 0, 0]]
