"""Sentence vectors against slow twins written from the papers."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import InputError, OptionError
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.sentences import BLOCK, WEIGHTINGS, SentenceEncoder, SentenceOptions, Weighting, fit_sentences
from ringsmith.words.tokens import read_tokens, vocabulary_of
from ringsmith.words.vectors import WordVectors

WORDS = ["the", "film", "was", "good", "bad", "Paris", "paris", "!"]
TEXTS = ["The film was good!", "the film was bad !", "the the the", "Paris was good", "nothing known", "", "film good film bad"]


def space(width: int = 5, *, ngrams: Ngrams | None = None) -> WordVectors:
    """Eight words in random places."""
    return WordVectors(WORDS, np.random.default_rng(0).standard_normal((len(WORDS), width)).astype(np.float32), ngrams=ngrams)


def known(vectors: WordVectors, text: str) -> list[str]:
    """The words of a text as the vectors write them, unknown ones left out."""
    found = [word if word in vectors else word.lower() for word in text.replace("!", " !").split()]
    return [word for word in found if word in vectors]


def slow(vectors: WordVectors, texts: list[str], weighting: Weighting, a: float = 1e-3) -> np.ndarray:
    """Algorithm 1 of Arora, Liang and Ma (2017), and its plainer kin, word by word."""
    tokens = [text.replace("!", " !").split() for text in texts]
    counts = Counter(word for text in texts for word in known(vectors, text))
    total = sum(map(len, tokens))
    within = Counter(word for text in texts for word in set(known(vectors, text)))
    weigh = {
        "mean": lambda word: 1.0,
        "tfidf": lambda word: math.log((1 + len(texts)) / (1 + within[word])) + 1,
        "sif": lambda word: a / (a + counts[word] / total),
    }[weighting]
    rows = []
    for text in texts:
        words = known(vectors, text)
        over = len(words) if weighting == "sif" else sum(map(weigh, words))
        rows.append(sum((weigh(word) * vectors.vector(word).astype(float) for word in words), np.zeros(vectors.dimensions)) / (over or 1))
    matrix = np.array(rows)
    if weighting != "sif":
        return matrix
    direction = np.linalg.svd(matrix, full_matrices=False)[2][0]
    return matrix - np.outer(matrix @ direction, direction)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_vectors_equal_those_of_the_slow_twin(weighting: Weighting) -> None:
    """Means, idf and SIF with its first direction taken out, word by word from the papers."""
    vectors = space()
    encoder = fit_sentences(vectors, TEXTS, SentenceOptions(weighting=weighting))
    np.testing.assert_allclose(encoder.encode(TEXTS).matrix, slow(vectors, TEXTS, weighting), atol=1e-5)


def test_a_word_is_looked_up_as_it_stands_then_in_small_letters() -> None:
    """Paris has a vector of its own, The has only the's."""
    vectors = space()
    made = fit_sentences(vectors, TEXTS, SentenceOptions(weighting="mean")).encode(["Paris", "paris", "The", "PARIS"]).matrix
    np.testing.assert_array_equal(made, vectors.matrix[[5, 6, 0, 6]])


def test_texts_without_a_known_word_are_zeros_and_counted() -> None:
    """Two such texts; of 16 words two are not known; marks are no words."""
    found = fit_sentences(space(), TEXTS).encode([*TEXTS, "?!"])
    assert found.empty == 2
    assert (found.words, found.unknown) == (20, 2)
    assert found.unknown_share == pytest.approx(0.1)
    assert not found.matrix[[4, 5]].any()


def test_unknown_words_get_the_vectors_of_their_ngrams() -> None:
    """The mean of the buckets, with the weight of a word that was never seen."""
    ngrams = Ngrams(np.random.default_rng(1).standard_normal((50, 5)).astype(np.float32), 3, 4)
    encoder = fit_sentences(space(ngrams=ngrams), TEXTS, SentenceOptions(weighting="tfidf"))
    found = encoder.encode(["goodish", "goodish film"])
    guess = ngrams.vector("goodish")
    assert guess is not None
    np.testing.assert_allclose(found.matrix[0], guess, atol=1e-6)
    unseen, seen = math.log(1 + len(TEXTS)) + 1, math.log((1 + len(TEXTS)) / (1 + 3)) + 1
    np.testing.assert_allclose(found.matrix[1], (unseen * guess + seen * encoder.vectors.vector("film")) / (unseen + seen), atol=1e-6)
    assert found.unknown == 0


def test_fitting_uses_the_training_texts_alone() -> None:
    """Other texts change neither weights nor directions."""
    encoder = fit_sentences(space(), TEXTS)
    alone = [encoder.encode([text]).matrix[0] for text in TEXTS]
    np.testing.assert_allclose(encoder.encode(TEXTS).matrix, alone, atol=1e-6)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts at a time give the same vectors as all at once."""
    vectors = space()
    whole = fit_sentences(vectors, TEXTS).encode(TEXTS)
    monkeypatch.setattr("ringsmith.words.sentences.BLOCK", 2)
    parts = fit_sentences(vectors, TEXTS).encode(TEXTS)
    np.testing.assert_allclose(parts.matrix, whole.matrix, atol=1e-5)
    assert (parts.words, parts.unknown, parts.empty) == (whole.words, whole.unknown, whole.empty)
    assert BLOCK > 2


@pytest.mark.parametrize("ngrams", [None, Ngrams(np.ones((7, 5), np.float32), 2, 3)])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_saved_and_loaded_give_the_same_bits(weighting: Weighting, ngrams: Ngrams | None, tmp_path: Path) -> None:
    """With and without n-grams, in every weighting."""
    encoder = fit_sentences(space(ngrams=ngrams), TEXTS, SentenceOptions(weighting=weighting))
    encoder.save(tmp_path)
    again = SentenceEncoder.load(tmp_path, encoder.options)
    texts = [*TEXTS, "Goodish films"]
    np.testing.assert_array_equal(again.encode(texts).matrix, encoder.encode(texts).matrix)
    assert {path.name for path in tmp_path.iterdir()} == {"words.safetensors", "sentences.safetensors"}


@given(texts=st.lists(st.text(max_size=40), max_size=8), weighting=st.sampled_from(WEIGHTINGS))
def test_every_text_has_a_finite_vector(texts: list[str], weighting: Weighting) -> None:
    """Whatever it is fitted on and whatever it is asked."""
    encoder = fit_sentences(space(), texts, SentenceOptions(weighting=weighting))
    for asked in (texts, TEXTS):
        found = encoder.encode(asked)
        assert found.matrix.shape == (len(asked), 5)
        assert np.isfinite(found.matrix).all()


@given(texts=st.lists(st.lists(st.sampled_from(["a", "B", "b", "c"]), max_size=6), max_size=6), least=st.integers(1, 3))
def test_the_vocabulary_counts_the_tokens(texts: list[list[str]], least: int) -> None:
    """As a Counter does; numbers point back to the words."""
    tokens = read_tokens(texts)
    vocabulary, numbers = vocabulary_of(tokens, min_count=least)
    counts = Counter(word for text in texts for word in text)
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {word: count for word, count in counts.items() if count >= least}
    assert [vocabulary.words[number] if number >= 0 else None for number in numbers] == [word if counts[word] >= least else None for word in tokens.words]
    small = tokens.lowered()
    assert [small.words[number] for number in small.ids] == [word.lower() for text in texts for word in text]


def test_faults_are_named() -> None:
    """All wrong options at once; a text that is none."""
    with pytest.raises(OptionError, match=r"'a' must be above 0; got 0\. Use 0\.001, the usual value, or leave it out\.\n'components' must be 0 or more; got -1\."):
        SentenceOptions(a=0, components=-1)
    with pytest.raises(OptionError, match=r"'weighting' must be mean, tfidf or sif; got 'max'\. Use 'sif', the usual one\."):
        SentenceOptions(weighting="max")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"Text 1: a text must be a string or a list of tokens; got int\. Convert it, or leave it out\."):
        read_tokens(["a", 3])  # type: ignore[list-item]
